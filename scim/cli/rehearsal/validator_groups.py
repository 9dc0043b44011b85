"""What Microsoft's SCIM Validator web app tests about groups: W15 to W26."""

from scim.cli.rehearsal import answers
from scim.cli.rehearsal.check import Failed, Need, Skipped, check
from scim.cli.rehearsal.steps import case_folded, consists, hidden, peopled, renamed
from scim.cli.rehearsal.trial import Trial, matching
from scim.cli.rehearsal.validator import SOURCE
from scim.cli.simulator.dialects import FLAGGED

MEMBERS: tuple[Need, ...] = ("users", "groups", "members")
_HIDE = (
    "Leave members out of answers to requests with excludedAttributes=members: Entra logs "
    "SystemForCrossDomainIdentityManagementMultipleEntriesInResponse."
)


@check(
    "W15",
    "Create a group",
    source=f"{SOURCE}: Create a new Group",
    needs=("groups",),
    proves="A group is made with all that the mapping sends, and the answer shows it.",
    change="Answer POST /Groups with 201 and the complete group, with its id.",
)
async def create(trial: Trial) -> None:
    values = trial.samples.values(trial.groups, trial.groups.valued)
    sent = trial.creation(trial.groups, values)
    received = await trial.send(sent)
    answers.expect(sent, received, 201)
    subject = trial.made(trial.groups, values, sent, received)
    trial.compare(trial.groups, subject.answer, values)
    await trial.shows(subject, values)


@check(
    "W16",
    "Create a duplicate group",
    source=f"{SOURCE}: Create a duplicate Group",
    needs=("groups",),
    proves="No group is made twice.",
    change=(
        "Refuse a second group with the same matching attribute (displayName, unless the mapping "
        "says otherwise) with 409 and scimType uniqueness."
    ),
)
async def create_duplicate(trial: Trial) -> None:
    subject = await trial.group()
    sent = trial.creation(trial.groups, subject.values)
    answers.expect(sent, await trial.send(sent), 409)


@check(
    "W17",
    "Get a group without its members",
    source=f"{SOURCE}: Get a group by id excluding members",
    needs=MEMBERS,
    proves="GET by id with excludedAttributes=members shows no members.",
    change=_HIDE,
)
async def get_hidden(trial: Trial) -> None:
    group = await trial.group(members=[await trial.person()])
    hidden(await trial.read(group, "excludedAttributes=members"))


@check(
    "W18",
    "Filter for a group without its members",
    source=f"{SOURCE}: Filter for an existing group excluding members",
    needs=MEMBERS,
    proves="A search with excludedAttributes=members shows no members.",
    change=_HIDE,
)
async def filter_hidden(trial: Trial) -> None:
    group = await trial.group(members=[await trial.person()])
    hidden(await trial.found(group, hide=True))


@check(
    "W19",
    "Filter for a group with its members",
    source=f"{SOURCE}: Filter for an existing group",
    needs=MEMBERS,
    proves="A search that does not exclude the members shows them.",
    change="Show members in answers to requests that don't leave them out.",
)
async def filter_shown(trial: Trial) -> None:
    person = await trial.person()
    group = await trial.group(members=[person])
    consists(await trial.found(group), {person.id})


@check(
    "W20",
    "Filter for a non-existing group",
    source=f"{SOURCE}: Filter for a non-existing group",
    needs=("groups",),
    proves="A search that finds no group is answered with an empty list.",
    change="Answer a search that finds nothing with 200 and a ListResponse with totalResults 0.",
)
async def filter_nothing(trial: Trial) -> None:
    await trial.group()
    for line in trial.groups.matching:
        if found := await trial.find(trial.groups, line.target, trial.samples.guid()):
            raise Failed(f"The search by {line.target} for no group finds {len(found)}")


@check(
    "W21",
    "Filter for a group in another letter case",
    source=f"{SOURCE}: Filter for an existing group with a different case",
    needs=("groups",),
    proves="A group is found in another letter case, and shown as stored.",
    change="Compare displayName without regard to letter case, and show it as it was sent.",
)
async def filter_other_case(trial: Trial) -> None:
    line = matching(trial.groups)
    case_folded(line)
    group = await trial.group()
    found = await trial.find(trial.groups, line.target, group.name.swapcase())
    if [answers.identity(each) for each in found] != [group.id]:
        raise Failed(f"The search in other letter case finds {len(found)} where 1 is due")
    trial.compare(trial.groups, found[0], {line.target: group.name})


@check(
    "W22",
    "Replace attributes of a group",
    source=f"{SOURCE}: Patch Group - Replace Attributes",
    needs=("groups",),
    proves="What the mapping has of a group can be replaced, and its members stay.",
    change="Let PATCH of a group replace what it names, and nothing else.",
)
async def replace(trial: Trial) -> None:
    lines = trial.changeable(trial.groups)
    if not lines:
        raise Skipped("the mapping has nothing of groups that can be replaced")
    members, group = await peopled(trial)
    values = trial.samples.values(trial.groups, lines, group.values)
    await trial.change(group, values, FLAGGED, whole=True)
    consists(await trial.read(group), members)


@check(
    "W23",
    "Update the displayName of a group",
    source=f"{SOURCE}: Update Group displayName",
    needs=("groups",),
    proves="A group can be renamed, is then found by the new name only, and its members stay.",
    change="Let PATCH change the name of a group, and keep its id and its members.",
)
async def rename(trial: Trial) -> None:
    members, group = await peopled(trial)
    await renamed(trial, group)
    consists(await trial.read(group), members)


@check(
    "W24",
    "Add a member",
    source=f"{SOURCE}: Patch Group - Add Member",
    needs=MEMBERS,
    proves="Members that are added are there, beside those that were there.",
    change="Let PATCH add the members in value, by their ids, to those that the group has.",
)
async def add_member(trial: Trial) -> None:
    one, other = await trial.person(), await trial.person()
    group = await trial.group(members=[one])
    operation = {"op": "add", "path": "members", "value": [{"value": other.id}]}
    await trial.patch(group, operation)
    consists(await trial.read(group), {one.id, other.id})


@check(
    "W25",
    "Remove a member",
    source=f"{SOURCE}: Patch Group - Remove Member",
    needs=MEMBERS,
    proves="The member that is named by a filter is removed, and nobody else.",
    change='Let PATCH remove members[value eq "id"], and only that one.',
)
async def remove_member(trial: Trial) -> None:
    one, other = await trial.person(), await trial.person()
    group = await trial.group(members=[one, other])
    await trial.patch(group, {"op": "remove", "path": f'members[value eq "{one.id}"]'})
    consists(await trial.read(group), {other.id})


@check(
    "W26",
    "Delete a group",
    source=f"{SOURCE}: Delete a Group",
    needs=("groups",),
    proves="A group that is deleted is gone.",
    change="Answer DELETE with 204, and requests for what was deleted with 404.",
)
async def delete(trial: Trial) -> None:
    group = await trial.group()
    await trial.delete(group)
    if await trial.find(trial.groups, matching(trial.groups).target, group.name):
        raise Failed("The group that was deleted is still found")


CHECKS = (
    create, create_duplicate, get_hidden, filter_hidden, filter_shown, filter_nothing,
    filter_other_case, replace, rename, add_member, remove_member, delete,
)  # fmt: skip
