"""What Microsoft's SCIM Validator web app tests as a preview: P1 to P7."""

from typing import Any

from scim.cli.rehearsal.check import Skipped, check
from scim.cli.rehearsal.steps import absent, consists
from scim.cli.rehearsal.trial import Trial, collection
from scim.cli.rehearsal.validator import SOURCE
from scim.cli.rehearsal.validator_groups import MEMBERS


@check(
    "P1",
    "Several operations on different attributes",
    source=f"{SOURCE}, preview: Patch User - Multiple Ops on different attributes",
    mandatory=False,
    proves="Operations that add, replace and remove can be in one PATCH.",
    change="Apply all operations of a PATCH, one after another.",
)
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
    for added in lines[2:3]:
        operations.insert(0, {"op": "add", "path": added.target, "value": new[added.target]})
    await trial.patch(subject, *operations)
    absent(lines[1], await trial.shows(subject, new))


@check(
    "P2",
    "Several operations on one attribute",
    source=f"{SOURCE}, preview: Patch User - Multiple Ops on same attribute",
    mandatory=False,
    proves="Of several operations on one attribute, the last one counts.",
    change="Apply the operations of a PATCH in their order, each to what the one before left.",
)
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


@check(
    "P3",
    "Delete a non-existing user",
    source=f"{SOURCE}, preview: Delete a non-existing User",
    mandatory=False,
    proves="DELETE of somebody unknown is answered with 404.",
    change="Answer DELETE of an unknown id with 404.",
)
async def delete_unknown(trial: Trial) -> None:
    await trial.ask("DELETE", f"{collection(trial.users)}/{trial.samples.guid()}", 404)


@check(
    "P4",
    "Delete a user twice",
    source=f"{SOURCE}, preview: Delete the same User twice",
    mandatory=False,
    proves="The second DELETE of the same person is answered with 404.",
    change="Answer DELETE of what was deleted already with 404.",
)
async def delete_twice(trial: Trial) -> None:
    subject = await trial.person()
    await trial.delete(subject)
    await trial.ask("DELETE", subject.path, 404)


@check(
    "P5",
    "Add and remove a member in one PATCH",
    source=f"{SOURCE}, preview: Patch Group - Multiple Ops on same attribute",
    mandatory=False,
    needs=MEMBERS,
    proves="Operations on members are applied one after another.",
    change="Apply the operations of a PATCH in their order, each to what the one before left.",
)
async def add_and_remove(trial: Trial) -> None:
    person, group = await trial.person(), await trial.group()
    await trial.patch(
        group,
        {"op": "add", "path": "members", "value": [{"value": person.id}]},
        {"op": "remove", "path": f'members[value eq "{person.id}"]'},
    )
    consists(await trial.read(group), ())


@check(
    "P6",
    "Delete a non-existing group",
    source=f"{SOURCE}, preview: Delete a non-existing Group",
    mandatory=False,
    needs=("groups",),
    proves="DELETE of an unknown group is answered with 404.",
    change="Answer DELETE of an unknown id with 404.",
)
async def delete_unknown_group(trial: Trial) -> None:
    await trial.ask("DELETE", f"{collection(trial.groups)}/{trial.samples.guid()}", 404)


@check(
    "P7",
    "Delete a group twice",
    source=f"{SOURCE}, preview: Delete the same Group twice",
    mandatory=False,
    needs=("groups",),
    proves="The second DELETE of the same group is answered with 404.",
    change="Answer DELETE of what was deleted already with 404.",
)
async def delete_group_twice(trial: Trial) -> None:
    group = await trial.group()
    await trial.delete(group)
    await trial.ask("DELETE", group.path, 404)


CHECKS = (
    several, one_attribute, delete_unknown, delete_twice, add_and_remove, delete_unknown_group,
    delete_group_twice,
)  # fmt: skip
