"""The acts of the simulated job: all pass on this server, and each finds what it is there for."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from scim.cli.mappings import mapping
from scim.cli.rehearsal.acts import ACTS
from scim.cli.rehearsal.cleanup import Made
from scim.cli.rehearsal.context import Context
from scim.cli.rehearsal.cycles import Stage, played
from scim.cli.rehearsal.results import Result
from scim.cli.simulator.dialects import DEFAULT, FLAGGED, Dialect
from scim.cli.simulator.mapping import AttributeMapping
from scim.cli.simulator.wire import NoAnswer, Received, Send, Sent
from tests.rehearsal.mutants import ROLE_MUTANTS
from tests.simulator.making import ROLES, with_lines
from tests.simulator.serving import PAIRS, open_preset, sending

Wrong = Callable[[Send], Send]


async def rehearsed(
    name: str = "default",
    dialect: Dialect = DEFAULT,
    *,
    wrong: Wrong = lambda send: send,
    mapped: AttributeMapping | None = None,
    users: int = 12,
    groups: int = 3,
) -> tuple[dict[str, Result], Context]:
    """Play all acts against a server in memory, or what `wrong` makes of it."""
    client = await open_preset(name)
    made = Made(wrong(sending(client)))
    mapped = mapped or mapping(name)
    context = Context(made, mapped, "run1", dialect=dialect, secret=client.token)
    stage = Stage(context, users, groups, seed=5)
    return {each.check.id: each async for each in played(stage, ACTS)}, context


@pytest.mark.parametrize(
    ("name", "dialect"), PAIRS, ids=[f"{name}-{dialect.name}" for name, dialect in PAIRS]
)
async def test_every_act_passes_here(name: str, dialect: Dialect) -> None:
    """With each preset and each way to write a PATCH; nothing is left where DELETE deletes."""
    results, context = await rehearsed(name, dialect)
    assert {each.check.id: each.advice for each in results.values() if each.advice} == {
        "C11": "the mapping has no line for app roles"
    }
    assert list(results) == [each.id for each in ACTS]
    left = await context.send.clean()
    assert all(each.why == "the service keeps it, inactive" for each in left)
    assert not left or name == "bitabiz"


async def test_who_is_given_no_access_token_is_told_to_look_at_the_secret() -> None:
    async def denied(_sent: Sent) -> Received:
        raise NoAnswer("denied", "the token endpoint answered 401, without a token")

    results, _ = await rehearsed(wrong=lambda _send: denied)
    first = results["C1"]
    assert "secret" in first.advice
    [seen] = first.evidence
    assert seen.silence == "denied: the token endpoint answered 401, without a token"


async def test_an_answer_that_is_wrong_is_shown() -> None:
    """With its status, not as one that did not come."""

    async def odd(_sent: Sent) -> Received:
        return Received(200, {}, b'{"totalResults": 1, "Resources": [7]}')

    results, _ = await rehearsed(wrong=lambda _send: odd)
    [seen] = results["C1"].evidence
    assert (seen.status, seen.silence) == (200, None)


# --- wrong servers ---


def answering(change: Callable[[Sent, Any], Any]) -> Wrong:
    """Make a server wrong in what it answers: `change` is given each resource that is shown."""

    def wrong(send: Send) -> Send:
        async def answer(sent: Sent) -> Received:
            received = await send(sent)
            body = received.json
            if received.status not in (200, 201) or not isinstance(body, dict):
                return received
            shown = body.get("Resources", [body])
            changed = [change(sent, each) for each in shown if isinstance(each, dict)]
            document = {**body, "Resources": changed} if "Resources" in body else changed[0]
            return Received(received.status, received.headers, json.dumps(document).encode())

        return answer

    return wrong


def instead(choose: Callable[[Sent], bool], received: Received) -> Wrong:
    """Make a server wrong in what it does: some requests are answered, and nothing is done."""

    def wrong(send: Send) -> Send:
        async def answer(sent: Sent) -> Received:
            return received if choose(sent) else await send(sent)

        return answer

    return wrong


def texts(_: Sent, resource: Any) -> Any:
    return {**resource, "active": str(resource["active"])} if "active" in resource else resource


def digits(_: Sent, resource: Any) -> Any:
    """Show telephone numbers without what is between the digits."""
    numbers = [
        {**each, "value": each["value"].replace(" ", "")}
        for each in resource.get("phoneNumbers", [])
    ]
    return {**resource, "phoneNumbers": numbers} if numbers else resource


def lowered(_: Sent, resource: Any) -> Any:
    return {**resource, "displayName": resource.get("displayName", "").lower()}


def hiding(send: Send) -> Send:
    """Show nobody who is inactive."""

    async def answer(sent: Sent) -> Received:
        received = await send(sent)
        by_id = sent.method == "GET" and sent.path.count("/") == 2
        return Received(404) if by_id and received.json.get("active") is False else received

    return answer


def wiping(send: Send) -> Send:
    """Remove all members where some are to be removed."""

    async def answer(sent: Sent) -> Received:
        if sent.method == "PATCH" and sent.path.startswith("/Groups"):
            operations = [
                {"op": "remove", "path": "members"} if each["op"].lower() == "remove" else each
                for each in sent.body["Operations"]
            ]
            sent = replace(sent, body={**sent.body, "Operations": operations})
        return await send(sent)

    return answer


def losing(send: Send) -> Send:
    """Take every other PATCH of a group for done."""
    numbers = count()

    async def answer(sent: Sent) -> Received:
        lost = sent.method == "PATCH" and sent.path.startswith("/Groups") and next(numbers) % 2
        return Received(204) if lost else await send(sent)

    return answer


EMPTY = Received(200, {}, b'{"totalResults": 0, "Resources": []}')
MUTANTS: dict[str, tuple[Wrong, str, str]] = {
    "booleans are texts": (answering(texts), "C2", "a boolean"),
    "numbers are normalised": (answering(digits), "C2", "phoneNumbers"),
    "names are normalised": (answering(lowered), "C2", "displayName"),
    "inactive people are hidden": (hiding, "C5", "not there"),
    "members are wiped": (wiping, "C4", "members"),
    "members are lost": (losing, "C2", "members"),
    "nobody is ever found": (instead(lambda sent: "filter" in sent.query, EMPTY), "C3", "409"),
    "an empty search is 404": (
        instead(lambda sent: "filter" in sent.query, Received(404)),
        "C1",
        "404",
    ),
    "nobody is deleted": (
        instead(lambda sent: sent.method == "DELETE", Received(204)),
        "C8",
        "200",
    ),
    "PATCH is not there": (
        instead(lambda sent: sent.method == "PATCH", Received(405)),
        "C2",
        "MethodNotAllowed",
    ),
    "the token opens nothing": (instead(lambda _: True, Received(401)), "C1", "token"),
    "it is slowed down": (
        instead(lambda sent: sent.method == "POST", Received(429, {"retry-after": "1"})),
        "C2",
        "25 requests in a second",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_wrong_server_is_found_out(mutant: str) -> None:
    """By the act that is about it, and no earlier one, with the exchange that shows it."""
    wrong, id, said = MUTANTS[mutant]
    results, _ = await rehearsed(wrong=wrong)
    failed = next(each for each in results.values() if each.outcome == "failed")
    assert failed.check.id == id
    assert said in failed.advice
    assert failed.evidence
    assert failed.barring


def with_roles(function: str, target: str) -> AttributeMapping:
    """The default mapping with a line for app roles."""
    return with_lines({"source": f"{function}([appRoleAssignments])", "target": target})


@pytest.mark.parametrize("roles", ROLES)
@pytest.mark.parametrize("dialect", [DEFAULT, FLAGGED], ids=lambda each: each.name)
async def test_app_roles_pass_here_in_each_expression(dialect: Dialect, roles: str) -> None:
    results, _ = await rehearsed(dialect=dialect, mapped=with_lines(*ROLES[roles]))
    assert {each.check.id: each.advice for each in results.values() if each.advice} == {}


@pytest.mark.parametrize("mutant", ROLE_MUTANTS)
async def test_a_server_that_is_wrong_with_roles_is_found_out(mutant: str) -> None:
    """By the act about them: nothing before it changes roles."""
    wrong, line, said = ROLE_MUTANTS[mutant]
    results, _ = await rehearsed(wrong=wrong, mapped=with_roles(*line))
    failed = next(each for each in results.values() if each.outcome == "failed")
    assert failed.check.id == "C11"
    assert said in failed.advice
    assert failed.evidence


async def test_what_goes_on_from_nothing_is_skipped() -> None:
    results, _ = await rehearsed(wrong=instead(lambda _: True, Received(401)))
    assert [each.outcome for each in results.values()] == ["failed"] * 2 + ["skipped"] * 9


async def test_a_server_that_is_gone_is_not_waited_for() -> None:
    """After some requests without an answer no more are sent."""
    sent = count()

    def silent(_: Send) -> Send:
        async def answer(_: Sent) -> Received:
            next(sent)
            raise NoAnswer("timeout", "no answer within 60 seconds")

        return answer

    results, _ = await rehearsed(wrong=silent)
    assert "60 seconds" in results["C1"].advice
    assert next(sent) < 10


async def test_few_people_are_enough_for_the_other_acts() -> None:
    results, _ = await rehearsed(users=2, groups=0)
    assert {each.outcome for each in results.values()} == {"passed", "skipped"}
    assert results["C5"].advice == "it takes 4 people in scope: give --users 4 or more"
