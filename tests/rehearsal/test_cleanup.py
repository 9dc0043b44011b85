"""What a rehearsal makes is deleted, whatever happens, and nothing else ever is."""

import asyncio
from dataclasses import replace

import pytest

from scim.cli.mappings import mapping
from scim.cli.rehearsal.checks import CHECKS
from scim.cli.rehearsal.cleanup import Left, Made
from scim.cli.rehearsal.context import Context
from scim.cli.simulator.wire import NoAnswer, Received, Send, Sent, request
from tests.rehearsal.mutants import deleting_nothing, mutant, typed, without
from tests.service import GROUP, USER, Client
from tests.simulator.serving import open_preset, sending


async def held(client: Client) -> int:
    """Count what a directory holds."""
    totals = [(await client.get(path)).body["totalResults"] for path in ("/Users", "/Groups")]
    return sum(totals)


async def rehearse(send: Send, *ids: str) -> list[Left]:
    made = Made(send)
    context = Context(made, mapping("default"), "run1")
    await context.discover()
    for each in CHECKS:
        if not ids or each.id in ids:
            await each.run(context)
    return await made.clean()


def person(name: str) -> Sent:
    return request("POST", "/Users", body={"schemas": [USER], "userName": name})


async def test_everything_that_was_made_is_deleted_and_who_was_there_stays() -> None:
    client = await open_preset("default")
    for number in range(7):
        await client.user(f"there-{number}@example.com")
    await client.group("There")
    assert await rehearse(sending(client)) == []
    assert await held(client) == 8


@pytest.mark.parametrize("parameter", ["filter", "count", "excludedAttributes"])
async def test_nobody_else_is_deleted_where_queries_are_ignored(parameter: str) -> None:
    """A search by name that answers everybody is no reason to delete everybody."""
    client = await open_preset("default")
    for number in range(3):
        await client.user(f"there-{number}@example.com")
    wrong = without(parameter)(typed("text/plain")(sending(client)))
    assert await rehearse(wrong) == []
    assert await held(client) == 3


async def test_what_was_made_without_an_answer_is_found_by_its_name() -> None:
    client = await open_preset("default")

    async def mute(sent: Sent) -> Received:
        received = await sending(client)(sent)
        if sent.method == "POST":
            raise NoAnswer("dropped")
        return received

    made = Made(mute)
    for name in ("ada+1@example.com", 'o"neill\\@example.com'):
        with pytest.raises(NoAnswer):
            await made(person(name))
    await client.user("ada+2@example.com")
    assert await made.clean() == []
    assert await held(client) == 1


async def test_a_search_that_finds_everybody_deletes_only_who_has_the_name() -> None:
    client = await open_preset("default")
    await client.user("there@example.com")

    async def mute(sent: Sent) -> Received:
        received = await sending(client)(replace(sent, query=""))
        return replace(received, status=500) if sent.method == "POST" else received

    made = Made(mute)
    await made(person("ada@example.com"))
    assert await made.clean() == []
    assert [each["userName"] for each in (await client.get("/Users")).body["Resources"]] == [
        "there@example.com"
    ]


async def test_a_cancelled_request_is_looked_after_too() -> None:
    """Ctrl-C ends a request whose answer is on its way."""
    client, done = await open_preset("default"), asyncio.Event()

    async def slow(sent: Sent) -> Received:
        received = await sending(client)(sent)
        if sent.method == "POST":
            done.set()
            await asyncio.sleep(60)
        return received

    made = Made(slow)
    task = asyncio.create_task(made(person("ada@example.com")))
    await done.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await held(client) == 1
    assert await made.clean() == []
    assert await held(client) == 0


async def test_another_ones_id_in_an_answer_is_not_believed() -> None:
    """A service that answers POST with somebody who was there before does not lose them."""
    client = await open_preset("default")
    there = await client.user("there@example.com")

    async def confused(sent: Sent) -> Received:
        if sent.method == "POST":
            return await sending(client)(request("GET", f"/Users/{there.id}"))
        return await sending(client)(sent)

    made = Made(confused)
    await made(person("ada@example.com"))
    assert await made.clean() == []
    assert await held(client) == 1


async def test_what_can_not_be_deleted_is_told() -> None:
    client = await open_preset("default")
    made = Made(mutant(deleting_nothing)(sending(client)))
    answer = await made(person("ada@example.com"))
    left = await made.clean()
    assert left == [Left(f"/Users/{answer.json['id']}", "it is there after its DELETE")]


async def test_a_service_that_keeps_people_inactive_is_told_apart() -> None:
    client = await open_preset("bitabiz")
    body = {
        "schemas": [USER],
        "userName": "ada@example.com",
        "name": {"givenName": "Ada", "familyName": "Byron"},
        "emails": [{"value": "ada@example.com"}],
    }
    made = Made(sending(client))
    await made(request("POST", "/Users", body=body))
    assert [each.why for each in await made.clean()] == ["the service keeps it, inactive"]


async def test_a_service_that_has_died_is_not_asked_for_ever() -> None:
    client = await open_preset("default")
    dead, asked = False, 0

    async def send(sent: Sent) -> Received:
        nonlocal asked
        if dead:
            asked += 1
            raise NoAnswer("refused")
        return await sending(client)(sent)

    made = Made(send)
    for number in range(40):
        await made(person(f"ada-{number}@example.com"))
    await made(request("POST", "/Groups", body={"schemas": [GROUP], "displayName": "G"}))
    dead = True
    assert len(await made.clean()) == 41
    assert asked < 20
    dead = False
    assert await made.clean() == []
    assert await held(client) == 0
