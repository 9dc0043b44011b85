"""References, sent when the objects that they name are resources: managers, members.

Microsoft Learn, use-scim-to-provision-users-and-groups: whether a reference is there is asked with
a filter, by ids, and only the id is requested.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from scim.cli.simulator.compare import reference_of
from scim.cli.simulator.compose import additions, reference, removals
from scim.cli.simulator.dialects import Dialect
from scim.cli.simulator.failure import Failure
from scim.cli.simulator.mapping import Line, Objects
from scim.cli.simulator.pacing import side_by_side
from scim.cli.simulator.report import Event
from scim.cli.simulator.service import Resource
from scim.cli.simulator.targets import ENTERPRISE
from scim.cli.simulator.values import references
from scim.cli.simulator.work import Work

# --- managers ---


async def send_managers(work: Work, objects: Objects, ids: Iterable[str]) -> None:
    """Send the managers of some users, side by side."""
    lines = [each for each in objects.references if each.expression.direct == "manager"]

    async def send(id: str) -> None:
        for line in lines:
            await work.attempt(id, "reference", partial(_manager, work, objects, line, id))
        work.memory.referrers.discard(id)

    if lines:
        await side_by_side(_ready(work, objects, ids), send, work.settings.connections)


async def _manager(work: Work, objects: Objects, line: Line, id: str) -> Event | None:
    wanted = references(objects, work.source.entry(id))[line.target]
    other = work.memory.anchors.get(wanted[0]) if wanted else None
    resource = work.memory.anchors[id].id
    links = work.memory.links.setdefault(id, {})
    held = links.get(line.target)
    mark = (id, line.target)
    unsure = mark in work.memory.unsure
    if not wanted and held is None and not unsure:
        return None
    if wanted and other is None:
        work.memory.wait(id, wanted)
        return None
    if other is not None:
        if held == other.id and not unsure:
            return None
        if await work.service.refers(objects, resource, _asked(line, work.dialect), other.id):
            links[line.target] = other.id
            work.memory.unsure.discard(mark)
            return None
    before = reference_of(await _shown(work, objects, id), line)
    after = other.id if other else None
    if after is None and (before is None or (before != held and not unsure)):
        links.pop(line.target, None)  # it went away with the resource that it named
        work.memory.unsure.discard(mark)
        return None
    # What the filter didn't find is not there, whatever is shown.
    sent = reference(line.target, before if before != after else None, after, work.dialect)
    work.memory.unsure.add(mark)
    await work.service.patch(objects, resource, sent)
    work.memory.unsure.discard(mark)
    links.pop(line.target, None)
    if after is not None:
        links[line.target] = after
    return Event(
        id,
        "update",
        resource,
        {line.target: before} if before else {},
        {line.target: after} if after else {},
        reference=True,
    )


def _asked(line: Line, dialect: Dialect) -> str:
    """The path in the filter: a manager is asked for without its URN (the page's example 4)."""
    return "manager" if line.path.urn == ENTERPRISE and not dialect.exact else line.target


async def _shown(work: Work, objects: Objects, id: str) -> Resource:
    """What was read of a user in this cycle, or what is read now."""
    if id not in work.shown:
        work.shown[id] = await work.service.read(objects, work.memory.anchors[id].id)
    return work.shown[id]


# --- members ---


@dataclass
class _Group:
    """What is to be done with the members of a group: ids by objectId, and what failed."""

    id: str
    missing: dict[str, str]
    gone: dict[str, str]
    failure: Failure | None = None
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Batch:
    """Members that one PATCH adds or removes."""

    group: _Group
    members: Mapping[str, str]
    adds: bool


async def send_members(
    work: Work, objects: Objects, ids: Iterable[str], *, only: Collection[str] | None = None
) -> None:
    """Send who came to some groups, and who left; PATCHes to one group are sent side by side.

    `only` names the members that are looked at, everybody by default.
    """
    if not any(each.expression.direct == "members" for each in objects.references):
        return
    groups = [_plan(work, id, only) for id in _ready(work, objects, ids)]
    limit = work.settings.connections
    if work.settings.checks_members:
        unasked = work.memory.unasked
        due = [
            (each, id) for each in groups for id in each.missing if id in unasked.get(each.id, ())
        ]
        await side_by_side(due, lambda pair: _check(work, objects, *pair), limit)
    batches = [batch for group in groups for batch in _batches(work, group)]
    await side_by_side(batches, lambda batch: _send(work, objects, batch), limit)
    for group in groups:
        await work.attempt(group.id, "reference", partial(_settle, work, group))
        work.memory.referrers.discard(group.id)


def _plan(work: Work, id: str, only: Collection[str] | None) -> _Group:
    sent = work.memory.members.setdefault(id, {})
    chosen = [each for each in work.source.members(id) if only is None or each in only]
    anchors = work.memory.anchors
    wanted = {each: anchors[each].id for each in chosen if each in anchors}
    if only is None:
        work.memory.wait(id, (each for each in chosen if each not in anchors))
    for each in [each for each in sent if each not in anchors]:
        del sent[each]  # a resource that is gone is no member
    gone = {each: sent[each] for each in sent if each not in wanted} if only is None else {}
    unsure = work.memory.unsure
    missing = {
        each: held for each, held in wanted.items() if each not in sent or (id, each) in unsure
    }
    return _Group(id, missing, gone)


async def _check(work: Work, objects: Objects, group: _Group, id: str) -> None:
    """Ask whether somebody is a member already."""
    resource = work.memory.anchors[group.id].id
    try:
        found = await work.service.refers(objects, resource, "members", group.missing[id])
    except Failure as failure:
        _fail(group, failure)
        del group.missing[id]
        return
    work.memory.unasked[group.id].discard(id)
    if found:
        work.memory.members[group.id][id] = group.missing.pop(id)


def _batches(work: Work, group: _Group) -> Iterable[_Batch]:
    for members, adds in ((group.missing, True), (group.gone, False)):
        listed = list(members.items())
        for start in range(0, len(listed), work.settings.batch):
            yield _Batch(group, dict(listed[start : start + work.settings.batch]), adds)


async def _send(work: Work, objects: Objects, batch: _Batch) -> None:
    write = additions if batch.adds else removals
    ids = [*batch.members.values()]
    (operations,) = write(ids, work.dialect, most=len(ids))
    group, sent = batch.group, work.memory.members[batch.group.id]
    marks = {(group.id, each) for each in batch.members}
    work.memory.unsure |= marks
    if batch.adds:
        sent.update(batch.members)
    try:
        await work.service.patch(objects, work.memory.anchors[group.id].id, operations)
    except Failure as failure:
        _fail(group, failure)
        return
    work.memory.unsure -= marks
    if batch.adds:
        group.added += ids
    else:
        for each in batch.members:
            del sent[each]
        group.removed += ids


def _fail(group: _Group, failure: Failure) -> None:
    if failure.stops:
        raise failure
    group.failure = group.failure or failure


async def _settle(work: Work, group: _Group) -> Event | None:
    if group.failure is not None:
        raise group.failure
    if not group.added and not group.removed:
        return None
    before = {"members": tuple(group.removed)} if group.removed else {}
    after = {"members": tuple(group.added)} if group.added else {}
    resource = work.memory.anchors[group.id].id
    return Event(group.id, "update", resource, before, after, reference=True)


def _ready(work: Work, objects: Objects, ids: Iterable[str]) -> list[str]:
    """Choose those who are resources, and are synced; what failed of others doesn't matter now."""
    found: list[str] = []
    for id in dict.fromkeys(ids):
        if id not in work.source or work.scope(objects, id) == "out":
            work.memory.escrow.settle(id, "reference")
        elif id in work.memory.anchors:
            found.append(id)
    return found
