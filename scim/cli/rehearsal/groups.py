"""What Entra sends of groups beside what its validators test, and what broke other services."""

import asyncio

from scim.cli.rehearsal import answers
from scim.cli.rehearsal.check import Failed, check
from scim.cli.rehearsal.steps import consists
from scim.cli.rehearsal.trial import Subject, Trial, collection, matching
from scim.cli.rehearsal.validator_checks import MEMBERS
from scim.cli.simulator import compose
from scim.cli.simulator.dialects import DEFAULT, STRICT, Dialect
from scim.cli.simulator.values import Values
from scim.cli.simulator.wire import Form, encode_terms, query

_TOGETHER = 8  # PATCHes of one group that are under way at once
_SCIM = "Microsoft Learn, use-scim-to-provision-users-and-groups"


@check(
    "R-70",
    "Group names with punctuation",
    source="captures: scim-server-php#1, postman-app-support#12551; SCIM Validation Logic App",
    needs=("groups",),
    proves="A group is found whose name has spaces, parentheses, apostrophes, +, & and #.",
    change="Decode the query once, and take all between the quotes of a filter as the value.",
)
async def punctuation(trial: Trial) -> None:
    await _named(trial, "{} (R&D) #1, O'Neill/Åse + 50;", ("library", "generic"))


@check(
    "F-42",
    "Group names with quotes",
    source="SCIM-SDK#913; Microsoft's library leaves quotes in a filter's value as they are",
    mandatory=False,
    needs=("groups",),
    entra=True,
    proves="A group is found whose name has quotes and backslashes.",
    change=(
        "Where a filter can't be read with the escapes of JSON, take all between its first and its "
        "last quote as the value."
    ),
)
async def quotes(trial: Trial) -> None:
    await _named(trial, '{} "North" \\ South', ("library", "generic"))


@check(
    "R-73",
    "Members added and removed at the same time",
    source="captures: scimmy#79, scim-for-keycloak#90",
    needs=MEMBERS,
    proves="No member is lost when several PATCHes of one group are under way.",
    change=(
        "Let PATCHes of one group wait for each other, or store members one by one: Entra sends "
        "several at once."
    ),
)
async def together(trial: Trial) -> None:
    dialect = _dialect(trial)
    people = [await trial.person() for _ in range(_TOGETHER)]
    group = await trial.group()
    ids = [each.id for each in people]
    await asyncio.gather(*(_send(trial, group, compose.additions([id], dialect)) for id in ids))
    consists(await trial.read(group), ids)
    gone = ids[: _TOGETHER // 2]
    await asyncio.gather(*(_send(trial, group, compose.removals([id], dialect)) for id in gone))
    consists(await trial.read(group), ids[len(gone) :])


@check(
    "R-74",
    "Remove a member by value",
    source=f"{_SCIM}; captures: scimref#10, segment-docs#6726",
    needs=MEMBERS,
    entra=True,
    proves="Remove with members in value removes these, and nobody else.",
    change=(
        "Read the value of Remove at members as the list of who is removed: without that, the "
        "first person who leaves a group empties it."
    ),
)
async def removed(trial: Trial) -> None:
    ids = [(await trial.person()).id for _ in range(3)]
    group = await trial.group()
    await _send(trial, group, compose.additions(ids, DEFAULT))
    await _send(trial, group, compose.removals(ids[:1], DEFAULT))
    consists(await trial.read(group), ids[1:])


@check(
    "R-75",
    "Ask whether somebody is a member",
    source=f"{_SCIM}, the query for references",
    needs=MEMBERS,
    entra=True,
    proves="The query for a group with an id and a member is answered.",
    change="Take the filter id eq … and members eq …, and answer with the group if it has both.",
)
async def reference(trial: Trial) -> None:
    person, other = await trial.person(), await trial.person()
    group = await trial.group(members=[person])
    for id, due in ((person.id, 1), (other.id, 0)):
        filter = encode_terms((("id", group.id), ("members", id)))
        received = await trial.ask(
            "GET", collection(trial.groups), 200, query=query(attributes="id", filter=filter)
        )
        if len(found := answers.listing(received)) != due:
            raise Failed(f"The search by id and members finds {len(found)} where {due} is due")


@check(
    "F-36",
    "Add who is a member, remove who is none",
    source="Q471809: Entra does not know who is a member",
    needs=MEMBERS,
    proves="Adding a member again, and removing nobody, changes nothing and is no error.",
    change="Answer 204 when a member that is added is there already, or one removed is not.",
)
async def again(trial: Trial) -> None:
    person, other = await trial.person(), await trial.person()
    group, dialect = await trial.group(members=[person]), _dialect(trial)
    await _send(trial, group, compose.additions([person.id], dialect))
    if not trial.exact:  # RFC 7644 has a filter that nothing matches refused with noTarget
        await _send(trial, group, compose.removals([other.id], dialect))
    resource = await trial.read(group)
    consists(resource, [person.id])
    if len(resource["members"]) > 1:
        raise Failed("The member that was added again is there twice")


@check(
    "E-10",
    "PATCH of a group shows no members",
    source=f"{_SCIM}: 204 to PATCH of a group",
    mandatory=False,
    needs=MEMBERS,
    entra=True,
    proves="The answer to PATCH of a group is 204, whatever the group's size.",
    change="Answer PATCH of a group with 204 and no body: large groups take too long otherwise.",
)
async def silent(trial: Trial) -> None:
    person, group = await trial.person(), await trial.group()
    body = compose.patch(compose.additions([person.id], _dialect(trial))[0])
    await trial.ask("PATCH", group.path, 204, body=body)


def _dialect(trial: Trial) -> Dialect:
    return STRICT if trial.exact else DEFAULT


async def _send(trial: Trial, group: Subject, batches: list[list[compose.Operation]]) -> None:
    for operations in batches:
        await trial.patch(group, *operations)


async def _named(trial: Trial, form: str, forms: tuple[Form, ...]) -> None:
    line = matching(trial.groups)
    given: Values = {line.target: form.format(trial.samples.name())}
    group = await trial.make(trial.groups, given=given)
    for each in forms:
        found = await trial.find(trial.groups, line.target, group.name, each)
        if [answers.identity(one) for one in found] != [group.id]:
            raise Failed(f"The search for the group finds {len(found)} where 1 is due")
        trial.compare(trial.groups, found[0], given)


CHECKS = (punctuation, quotes, together, removed, reference, again, silent)
