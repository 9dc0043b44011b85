"""A group of more members than a transaction holds, whose creation was killed after the first one:
the same request completes it, and no other does (`storage/beginnings.py`).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from scim.rules import Rules
from tests.faults.breaking import Killed
from tests.faults.operations import named
from tests.faults.world import World, arranged
from tests.service import Client, uniqueness_error

MEMBERS = 40


@dataclass
class Begun:
    """What was sent, and a process that was not there then."""

    world: World
    client: Client
    sent: dict[str, Any]

    async def there(self) -> tuple[str, int]:
        """Give the group's id and how many members it has."""
        found = await self.client.get('/Groups?filter=externalId+eq+"new"')
        [group] = found.body["Resources"]
        return group["id"], len(group["members"])


@pytest.fixture
async def begun() -> AsyncIterator[Begun]:
    world = await arranged(Rules(), MEMBERS, 0)
    body = {"displayName": "new", "externalId": "new", "members": named(world.users)}
    async with world.process() as process:
        process.transport.kill(MEMBERS, after=True)  # each member is looked up first
        with pytest.raises(Killed):
            await process.client.post("/Groups", body)
        assert process.transport.writes == [MEMBERS]
    async with world.process() as process:
        yield Begun(world, process.client, body)


async def test_the_same_request_completes_it_once(begun: Begun) -> None:
    """Members may come in another order; when all are there, it is a conflict as any other."""
    id, some = await begun.there()
    assert 0 < some < MEMBERS
    members = begun.sent["members"][::-1]
    answer = await begun.client.post("/Groups", {**begun.sent, "members": members})
    assert (answer.status, answer.id) == (201, id)
    assert await begun.there() == (id, MEMBERS)
    assert uniqueness_error(await begun.client.post("/Groups", begun.sent))


@pytest.mark.parametrize("other", [{"title": "x"}, {"externalId": "other"}, {"members": []}])
async def test_another_request_is_refused(begun: Begun, other: dict[str, Any]) -> None:
    """It is not what was begun, so it must not be taken for it."""
    before = await begun.there()
    other = {"members": named(begun.world.users[1:]), **other} if "title" in other else other
    assert uniqueness_error(await begun.client.post("/Groups", {**begun.sent, **other}))
    assert await begun.there() == before


async def test_who_was_deleted_meanwhile_is_asked_for(begun: Begun) -> None:
    """A member that is gone is told, as by any other request that names it."""
    assert (await begun.client.delete(f"/Users/{begun.world.users[-1]}")).status == 204
    assert (await begun.client.post("/Groups", begun.sent)).status == 400
    deleted = {**begun.sent, "members": named(begun.world.users[:-1])}
    assert uniqueness_error(await begun.client.post("/Groups", deleted))


async def test_what_was_begun_can_be_deleted_and_made_anew(begun: Begun) -> None:
    id, _ = await begun.there()
    assert (await begun.client.delete(f"/Groups/{id}")).status == 204
    answer = await begun.client.post("/Groups", begun.sent)
    assert answer.status == 201
    assert answer.id != id
    assert await begun.there() == (answer.id, MEMBERS)
