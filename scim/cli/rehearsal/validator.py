"""What Microsoft's SCIM Validator web app does with people and groups, most of it with both alike.

https://scimvalidator.microsoft.com; its operations are in small letters, with JSON's types. What
each of its tests proves is in `validator_checks.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from scim.cli.rehearsal import answers
from scim.cli.rehearsal.check import Failed, Skipped
from scim.cli.rehearsal.steps import (
    absent,
    added,
    case_folded,
    consists,
    hidden,
    managed,
    peopled,
    renamed,
    replaced,
)
from scim.cli.rehearsal.trial import Trial, collection, matching
from scim.cli.simulator.dialects import FLAGGED, Dialect
from scim.cli.simulator.mapping import Objects

VERBOSE = Dialect("validator", capital=False, text=False, gathered=False, listed=False)

_NOBODY: Mapping[str, str] = MappingProxyType({"User": "nobody", "Group": "no group"})
_GONE: Mapping[str, str] = MappingProxyType(
    {"User": "Who was deleted", "Group": "The group that was deleted"}
)

# --- people and groups ---


async def create(trial: Trial, objects: Objects) -> None:
    values = trial.samples.values(objects, objects.valued)
    sent = trial.creation(objects, values)
    received = await trial.send(sent)
    answers.expect(sent, received, 201)
    subject = trial.made(objects, values, sent, received)
    trial.compare(objects, subject.answer, values)
    await trial.shows(subject, values)


async def create_duplicate(trial: Trial, objects: Objects) -> None:
    sent = trial.creation(objects, (await trial.make(objects)).values)
    answers.expect(sent, await trial.send(sent), 409)


async def filter_nobody(trial: Trial, objects: Objects) -> None:
    await trial.make(objects)
    for line in objects.matching:
        if found := await trial.find(objects, line.target, trial.samples.guid()):
            nobody = _NOBODY[objects.source]
            raise Failed(f"The search by {line.target} for {nobody} finds {len(found)}")


async def filter_other_case(trial: Trial, objects: Objects) -> None:
    line = matching(objects)
    case_folded(line)
    subject = await trial.make(objects)
    found = await trial.find(objects, line.target, subject.name.swapcase())
    if [answers.identity(each) for each in found] != [subject.id]:
        raise Failed(f"The search in other letter case finds {len(found)} where 1 is due")
    trial.compare(objects, found[0], {line.target: subject.name})


async def delete(trial: Trial, objects: Objects) -> None:
    subject = await trial.make(objects)
    await trial.delete(subject)
    if await trial.find(objects, matching(objects).target, subject.name):
        raise Failed(f"{_GONE[objects.source]} is still found")


async def delete_unknown(trial: Trial, objects: Objects) -> None:
    await trial.ask("DELETE", f"{collection(objects)}/{trial.samples.guid()}", 404)


async def delete_twice(trial: Trial, objects: Objects) -> None:
    subject = await trial.make(objects)
    await trial.delete(subject)
    await trial.ask("DELETE", subject.path, 404)


# --- people ---


async def filter_existing(trial: Trial) -> None:
    subject, _ = await trial.person(), await trial.person()
    for line in trial.users.matching:
        found = await trial.find(trial.users, line.target, str(subject.values[line.target]))
        if [answers.identity(each) for each in found] != [subject.id]:
            raise Failed(f"The search by {line.target} finds {len(found)} where 1 is due")
        trial.compare(trial.users, found[0], subject.values)


async def replace_verbose(trial: Trial) -> None:
    await replaced(trial, await trial.person(), VERBOSE)


async def replace_gathered(trial: Trial) -> None:
    await replaced(trial, await trial.person(), FLAGGED, whole=True)


async def add_verbose(trial: Trial) -> None:
    await added(trial, VERBOSE)


async def add_gathered(trial: Trial) -> None:
    await added(trial, FLAGGED, whole=True)


async def rename(trial: Trial) -> None:
    await renamed(trial, await trial.person())


async def disable(trial: Trial) -> None:
    subject = await trial.person()
    await trial.patch(subject, {"op": "replace", "path": "active", "value": False})
    for resource in (await trial.read(subject), await trial.found(subject)):
        if resource.get("active") is not False:
            raise Failed("The person does not show active false")


async def add_manager(trial: Trial) -> None:
    await _manage(trial, "add")


async def replace_manager(trial: Trial) -> None:
    await _manage(trial, "add", "replace")


async def remove_manager(trial: Trial) -> None:
    await _manage(trial, "add", "remove")


async def _manage(trial: Trial, *ops: Literal["add", "replace", "remove"]) -> None:
    """Give somebody managers, another one each time, or take the manager away."""
    subject = await trial.person()
    bosses = [None if op == "remove" else (await trial.person()).id for op in ops]
    for op, boss in zip(ops, bosses, strict=True):
        value = {"value": {"value": boss}} if boss else {}
        await managed(trial, subject, {"op": op, **value}, boss)


async def several(trial: Trial) -> None:
    lines = trial.plain(trial.users)
    if len(lines) < 2:
        raise Skipped("the mapping has not enough optional attributes with a text")
    subject = await trial.person()
    kept, removed = lines[0].target, lines[1].target
    new = trial.samples.values(trial.users, [*lines[:1], *lines[2:3]], subject.values)
    operations: list[dict[str, Any]] = [
        {"op": "replace", "path": kept, "value": new[kept]},
        {"op": "remove", "path": removed},
    ]
    for line in lines[2:3]:
        operations.insert(0, {"op": "add", "path": line.target, "value": new[line.target]})
    await trial.patch(subject, *operations)
    absent(lines[1], await trial.shows(subject, new))


async def one_attribute(trial: Trial) -> None:
    line = next(iter(trial.plain(trial.users)), None)
    if line is None:
        raise Skipped("the mapping has no optional attribute with a text")
    subject = await trial.person()
    between = trial.samples.values(trial.users, [line], subject.values)
    last = trial.samples.values(trial.users, [line], between)
    await trial.patch(
        subject,
        {"op": "remove", "path": line.target},
        {"op": "add", "path": line.target, "value": between[line.target]},
        {"op": "replace", "path": line.target, "value": last[line.target]},
    )
    await trial.shows(subject, last)


# --- groups ---


async def get_hidden(trial: Trial) -> None:
    _, group = await peopled(trial)
    hidden(await trial.read(group, "excludedAttributes=members"))


async def filter_hidden(trial: Trial) -> None:
    _, group = await peopled(trial)
    hidden(await trial.found(group, hide=True))


async def filter_shown(trial: Trial) -> None:
    members, group = await peopled(trial)
    consists(await trial.found(group), members)


async def replace_group(trial: Trial) -> None:
    lines = trial.changeable(trial.groups)
    if not lines:
        raise Skipped("the mapping has nothing of groups that can be replaced")
    members, group = await peopled(trial)
    values = trial.samples.values(trial.groups, lines, group.values)
    await trial.change(group, values, FLAGGED, whole=True)
    consists(await trial.read(group), members)


async def rename_group(trial: Trial) -> None:
    members, group = await peopled(trial)
    await renamed(trial, group)
    consists(await trial.read(group), members)


async def add_member(trial: Trial) -> None:
    members, group = await peopled(trial)
    other = await trial.person()
    operation = {"op": "add", "path": "members", "value": [{"value": other.id}]}
    await trial.patch(group, operation)
    consists(await trial.read(group), members | {other.id})


async def remove_member(trial: Trial) -> None:
    one, other = await trial.person(), await trial.person()
    group = await trial.group(members=[one, other])
    await trial.patch(group, {"op": "remove", "path": f'members[value eq "{one.id}"]'})
    consists(await trial.read(group), {other.id})


async def add_and_remove(trial: Trial) -> None:
    person, group = await trial.person(), await trial.group()
    await trial.patch(
        group,
        {"op": "add", "path": "members", "value": [{"value": person.id}]},
        {"op": "remove", "path": f'members[value eq "{person.id}"]'},
    )
    consists(await trial.read(group), ())
