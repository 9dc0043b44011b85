"""One object at a time: found or created, compared, changed, disabled, deleted."""

from collections.abc import Sequence

from scim.cli.simulator.compare import differing, values_of
from scim.cli.simulator.compose import body, operations
from scim.cli.simulator.failure import Failure
from scim.cli.simulator.mapping import Line, Objects
from scim.cli.simulator.matching import match
from scim.cli.simulator.memory import Anchor
from scim.cli.simulator.report import Action, Event
from scim.cli.simulator.values import Values, evaluate
from scim.cli.simulator.work import Scope, Work, disabling, is_active


async def provision(work: Work, objects: Objects, id: str) -> Event:
    """Bring the resource of an object to what is mapped, but for references."""
    scope = work.scope(objects, id)
    if id not in work.memory.anchors:
        found = await match(work, objects, id) if scope != "out" else None
        if found is None and scope != "in":
            return Event(id, "skip", why=_why(work, objects, id))
        if found is None:
            return await create(work, objects, id)
    return await update(work, objects, id)


async def create(work: Work, objects: Objects, id: str) -> Event:
    """POST an object, groups without members."""
    values = evaluate(objects, work.source.entry(id), work.context("in", creating=True))
    document = body(objects, values, work.dialect)
    created = await work.service.create(objects, document)
    work.memory.anchor(id, created["id"], objects.source)
    work.shown[id] = created
    if objects.source == "Group":
        work.memory.members[id] = {}
    return Event(id, "create", created["id"], after=values)


async def update(work: Work, objects: Objects, id: str) -> Event:
    """Read the resource of an object and send what differs."""
    scope = work.scope(objects, id)
    anchor = work.memory.anchors[id]
    _note_departure(work, objects, id, scope)
    if scope == "out" and work.settings.skips_out_of_scope:
        return Event(id, "skip", anchor.id, why="out of scope, and such objects are let alone")
    lines = objects.updated if scope != "out" else disabling(objects)
    if scope == "out" and (objects.source == "Group" or not lines):
        return await delete(work, objects, id)
    shown = await work.service.read(objects, anchor.id)
    work.shown[id] = shown
    before = values_of(shown, lines)
    due = evaluate(objects, work.source.entry(id), work.context(scope))
    after = {line.target: due[line.target] for line in lines if line.target in due}
    clearing = work.settings.clearing if scope != "out" else "nothing"
    sent = operations(before, after, work.dialect, clearing)
    if not sent:
        return Event(id, "none", anchor.id)
    await work.service.patch(objects, anchor.id, sent)
    changed = differing(before, after)
    return Event(
        id,
        _action(lines, before, after),
        anchor.id,
        {target: before[target] for target in changed if target in before},
        {target: after[target] for target in changed},
    )


async def delete(work: Work, objects: Objects, id: str) -> Event:
    """Read a resource and DELETE it; who is gone already is deleted."""
    anchor = work.memory.anchors[id]
    try:
        await work.service.read(objects, anchor.id)
        await work.service.delete(objects, anchor.id)
    except Failure as failure:
        if failure.code != "InvalidAnchor":
            raise
    work.memory.forget(id, deleted=True)
    return Event(id, "delete", anchor.id)


async def purge(work: Work, objects: Objects, id: str) -> Event:
    """DELETE the resource of an object that the source does not have any more.

    Not of who had left the scope before: the documentation has no DELETE then.
    """
    anchor: Anchor = work.memory.anchors[id]
    if id in work.memory.departed:
        work.memory.forget(id, deleted=False)
        return Event(id, "skip", anchor.id, why="out of scope before it was deleted")
    return await delete(work, objects, id)


def _note_departure(work: Work, objects: Objects, id: str, scope: Scope) -> None:
    deleted = objects.source == "User" and work.source.is_deleted(id)
    if scope == "out" and not deleted:
        work.memory.departed.add(id)
    elif scope != "out":
        work.memory.departed.discard(id)


def _action(lines: Sequence[Line], before: Values, after: Values) -> Action:
    target = next((each.target for each in lines if is_active(each)), "")
    if before.get(target) == after.get(target):
        return "update"
    if after.get(target) is False:
        return "disable"
    return "restore" if after.get(target) is True and before.get(target) is False else "update"


def _why(work: Work, objects: Objects, id: str) -> str:
    if not work.source.is_assigned(id):
        return "not assigned to the application"
    if not objects.scoped(work.source.entry(id)):
        return "kept out by the scoping filters"
    if objects.source == "User" and work.source.is_deleted(id):
        return "deleted in the source"
    return "disabled in the source, so not created"
