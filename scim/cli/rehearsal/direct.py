"""What Microsoft's SCIM Validation Logic App sends to the endpoint itself: tests 16 to 20 and 25.

Its tests 1 to 14 go through Entra: the acts of the simulated job stand for them. Test 15 is in
`schema.py`, tests 23 and 24 are in `paging.py`; 21 and 22 are about OAuth, which a Secret Token has
no part in.
"""

from scim.cli.rehearsal.check import Failed, Skipped, check
from scim.cli.rehearsal.steps import managed, renamed, replaced
from scim.cli.rehearsal.trial import Trial
from scim.cli.simulator.compare import values_of
from scim.cli.simulator.mapping import Line

SOURCE = "SCIM Validation Logic App, test"


@check(
    "T16",
    "Empty values clear attributes",
    source=f"{SOURCE} 16, SCIM_Null_Update",
    proves="An attribute that is replaced by an empty text, or by null, is empty afterwards.",
    change=(
        'Let PATCH take "" and null for each optional attribute, at paths with a filter too, and '
        "show nothing there afterwards, or null, or an empty text."
    ),
)
async def clear(trial: Trial) -> None:
    lines = trial.optional(trial.users)
    if not lines:
        raise Skipped("the mapping has no optional attribute")
    subject = await trial.person()
    op = trial.context.dialect.op("replace")
    texts = [each for each in lines if each.kind == "string" and not each.many]
    for nothing, chosen in (("", texts), (None, lines)):
        await trial.patch(
            subject, *({"op": op, "path": each.target, "value": nothing} for each in chosen)
        )
        resource = await trial.read(subject)
        _cleared(chosen, [*values_of(resource, chosen)], "null" if nothing is None else '""')
        values = trial.samples.values(trial.users, lines)
        for each in lines:
            subject.values.pop(each.target)
        if nothing is not None:
            await trial.change(subject, values, trial.context.dialect)


@check(
    "T17",
    "Create a user",
    source=f"{SOURCE} 17, SCIM_User_Create",
    proves="POST of a person as Entra writes it is answered with the id and the matching value.",
    change=(
        "Take the body as it is, with meta, empty roles and schemas that nothing is of, and answer "
        "201 with the id and what was sent."
    ),
)
async def create_user(trial: Trial) -> None:
    subject = await trial.person()
    name = {each.target: subject.values[each.target] for each in trial.users.matching}
    trial.compare(trial.users, subject.answer, name)


@check(
    "T18",
    "Update a user",
    source=f"{SOURCE} 18, SCIM_User_Update",
    proves="PATCH in the way that the Tenant URL's flag asks for changes each mapped attribute.",
    change=(
        "Let PATCH change each of these attributes as it is written here, and show what was sent."
    ),
)
async def update_user(trial: Trial) -> None:
    await replaced(trial, await trial.person(), trial.context.dialect)


@check(
    "T19",
    "Create a group",
    source=f"{SOURCE} 19, SCIM_Group_Create",
    needs=("groups",),
    proves="POST of a group as Entra writes it is answered with the id and the matching value.",
    change=(
        "Take the body as it is, with meta and a schema of Microsoft's own, and answer 201 with "
        "the id and what was sent."
    ),
)
async def create_group(trial: Trial) -> None:
    subject = await trial.group()
    name = {each.target: subject.values[each.target] for each in trial.groups.matching}
    trial.compare(trial.groups, subject.answer, name)


@check(
    "T20",
    "Update a group",
    source=f"{SOURCE} 20, SCIM_Group_Update",
    needs=("groups",),
    proves="PATCH changes each mapped attribute of a group.",
    change="Let PATCH change each of these attributes of a group, and show what was sent.",
)
async def update_group(trial: Trial) -> None:
    subject = await trial.group()
    if trial.changeable(trial.groups):
        await replaced(trial, subject, trial.context.dialect)
    await renamed(trial, subject)


@check(
    "T25",
    "Set, change and clear a manager by a text",
    source=f"{SOURCE} 25, SCIM_Update_Manager",
    needs=("users", "manager"),
    entra=True,
    proves="A manager that is written as a text alone, as Entra does, is understood.",
    change=(
        "Read a text at the path of manager as the manager's id, an empty one as no manager, and "
        "show manager as an object with value."
    ),
)
async def manager(trial: Trial) -> None:
    subject, boss, next_boss = [await trial.person() for _ in range(3)]
    await managed(trial, subject, {"op": "Add", "value": boss.id}, boss.id)
    await managed(trial, subject, {"op": "Replace", "value": next_boss.id}, next_boss.id)
    await managed(trial, subject, {"op": "Replace", "value": ""}, None)


def _cleared(lines: list[Line], shown: list[str], nothing: str) -> None:
    left = [each.target for each in lines if each.target in shown]
    if left:
        raise Failed(f"What was replaced by {nothing} is still there: {', '.join(left)}")


CHECKS = (clear, create_user, update_user, create_group, update_group, manager)
