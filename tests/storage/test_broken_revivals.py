"""A revival of more than a transaction holds may end anywhere: who was removed from a group since
stays out of it, whoever goes on, and nobody else is lost.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

import pytest
from azure.data.tables.aio import TableClient

from scim.errors import Unavailable
from scim.journal import Entry
from scim.purging import purge
from scim.repository import Member, Meter
from scim.restoring import complete
from scim.rules import Deletion
from storage.client import Partition
from storage.memberships import added
from storage.registry_memory import MemoryRegistry
from storage.tables import TablesRepository
from tests.storage.contract_races import whole
from tests.storage.contract_tombstones import broken_off
from tests.storage.faulty import answered
from tests.storage.inspection import faults
from tests.storage.making import GROUP, USER, change, group
from tests.storage.test_faults import Fragile, fragile, members, peopled

__all__ = ["fragile", "peopled"]  # fixtures


@pytest.fixture
def deletion() -> Deletion:
    return Deletion(policy="soft")


@dataclass
class Back:
    """Who comes back, by which POST, and which memberships were there before the deletion."""

    fragile: Fragile
    id: str
    path: str
    body: dict[str, str]
    others: list[str]

    async def post(self) -> int:
        answer = await self.fragile.client.post(self.path, self.body)
        assert answer.status != 201 or answer.id == self.id
        return answer.status

    async def lives(self) -> bool:
        return (await self.fragile.client.get(f"{self.path}/{self.id}")).status == 200

    async def now(self) -> set[str]:
        """The other ends of the memberships that there are."""
        if self.path == "/Groups":
            return await members(self.fragile.client, self.id)
        read = await self.fragile.client.get(f"/Users/{self.id}")
        return {each["value"] for each in read.body.get("groups", ())}

    async def leave(self, other: str) -> None:
        group, member = (self.id, other) if self.path == "/Groups" else (other, self.id)
        gone = {"op": "remove", "path": "members", "value": [{"value": member}]}
        assert (await self.fragile.client.patch(f"/Groups/{group}", gone)).status == 204

    async def warned(self) -> str:
        entries: list[Entry] = [each async for each in self.fragile.repository.entries()]
        mine = [each for each in entries if (each.verb, each.resource) == ("warn", self.id)]
        return " ".join(each.detail for each in mine)


Scenario = Callable[[Fragile], Awaitable[Back]]


async def a_user(fragile: Fragile) -> Back:
    """In 36 groups."""
    client, name = fragile.client, f"{uuid4()}@example.com"
    one = await client.user(name, externalId=name)
    them = [added("Group", each, [Member(one.id, "User")]) for each in fragile.groups]
    await fragile.partition.transact([row for both in them for row in both])
    await client.delete(f"/Users/{one.id}")
    body = {"userName": name, "externalId": name}
    return Back(fragile, one.id, "/Users", body, sorted(fragile.groups))


async def a_group(fragile: Fragile) -> Back:
    """Of 40."""
    client, name = fragile.client, str(uuid4())
    one = await client.group(name, externalId=name, members=fragile.users[:40])
    await client.delete(f"/Groups/{one.id}")
    body = {"displayName": name, "externalId": name}
    return Back(fragile, one.id, "/Groups", body, sorted(fragile.users[:40]))


SCENARIOS = pytest.mark.parametrize("scenario", [a_user, a_group])
# What breaks off is ours; the first test shows that it does so in the same way on Azurite.
MODEL = pytest.mark.parametrize("account", ["model"], indirect=True)


async def purged(fragile: Fragile) -> int:
    """Run the purge; how many revivals it completed."""
    done = await purge(
        MemoryRegistry(),
        lambda _: fragile.repository,
        now=datetime.now(UTC),
        settle=0,
        directories=[fragile.client.directory],
    )
    assert done.failed == 0
    return done.revivals


async def killed(fragile: Fragile, scenario: Scenario) -> AsyncIterator[Back]:
    """Revive again and again, killed before and after each write; those of whom anything came.

    A kill at a read leaves what one after the write before it does.
    """
    back = await scenario(fragile)
    fragile.faulty.off()
    assert await back.post() == 201
    kinds = list(fragile.faulty.kinds)
    assert await back.now() == set(back.others)
    writes = [place for place, kind in enumerate(kinds) if kind == "transact"]
    assert len(writes) == 3  # who lives again, the rest of the memberships, and the end
    for place in writes:
        for after in (False, True):
            back = await scenario(fragile)
            fragile.faulty.kill(place, after=after)
            await back.post()
            fragile.faulty.off()
            if await back.lives():
                yield back
    assert await faults(fragile.partition) == []
    assert not await fragile.repository.reviving()
    for type in (USER, GROUP):
        kept = [each async for each in fragile.repository.tombstones(type)]
        assert not any(each.revived for each in kept)


@SCENARIOS
async def test_nobody_is_lost(peopled: Fragile, scenario: Scenario) -> None:
    async for back in killed(peopled, scenario):
        await purged(peopled)
        assert await back.now() == set(back.others)
        assert await back.warned() == ""


@MODEL
@SCENARIOS
async def test_the_same_request_completes_it(peopled: Fragile, scenario: Scenario) -> None:
    """Once: when all are there, it is a conflict as any other; one that differs always was."""
    async for back in killed(peopled, scenario):
        other = {**back.body, "externalId": str(uuid4())}
        assert (await peopled.client.post(back.path, other)).status == 409
        left = await peopled.repository.reviving()
        assert await back.post() == (201 if left else 409)
        assert await back.now() == set(back.others)
        assert await back.post() == 409
        assert await back.warned() == ""


@MODEL
async def test_members_that_were_sent_with_it_come_too(peopled: Fragile) -> None:
    """Of whom were members before, and of whom are new, no transaction holds all."""
    client, sent = peopled.client, [{"value": each} for each in peopled.users[20:]]
    for place in range(1, 5):
        back = await a_group(peopled)
        body = {**back.body, "members": sent}
        peopled.faulty.off()
        peopled.faulty.kill(len(sent) + 10 * place, after=True)
        await client.post("/Groups", body)
        peopled.faulty.off()
        lived = await back.lives()
        assert (await client.post("/Groups", body)).status in ((201, 409) if lived else (201,))
        assert await back.now() == set(peopled.users), place
        assert await back.warned() == ""
    assert await faults(peopled.partition) == []


@MODEL
@SCENARIOS
@pytest.mark.parametrize("way", ["purge", "delete"])
async def test_nobody_who_was_removed_comes_back(
    peopled: Fragile, scenario: Scenario, way: str
) -> None:
    """Neither who was there again nor who was yet to come, by the purge or a second revival.

    Members of a group that was written are not guessed at: who had not come back is named.
    """
    async for back in killed(peopled, scenario):
        before = await back.now()
        gone = {back.others[0], back.others[-1]}
        for each in sorted(gone):
            await back.leave(each)
        if way == "purge":
            await purged(peopled)
        else:
            assert (await peopled.client.delete(f"{back.path}/{back.id}")).status == 204
            assert await back.post() == 201
        kept = await back.now()
        assert not kept & gone
        lost = set(back.others) - kept - gone
        assert lost == (set(back.others) - before - gone if back.path == "/Groups" else set())
        warned = await back.warned()
        assert all(each in warned for each in lost | (gone - before))
        await purged(peopled)
        assert await back.now() == kept


@MODEL
@SCENARIOS
async def test_a_tombstone_that_is_left_over_gives_nothing_back(
    peopled: Fragile, scenario: Scenario
) -> None:
    """Whatever call fails after the last membership is there, the answer is 201."""
    back = await scenario(peopled)
    peopled.faulty.off()
    await back.post()
    calls = len(peopled.faulty.kinds)
    for place in range(calls - 4, calls):
        back = await scenario(peopled)
        peopled.faulty.fail(place, answered(503), after=False)
        status = await back.post()
        peopled.faulty.off()
        if status != 201:
            continue
        for each in back.others[:1] + back.others[-1:]:
            await back.leave(each)
        await purged(peopled)
        assert await back.now() == set(back.others[1:-1]), place
    assert await faults(peopled.partition) == []


@MODEL
@pytest.mark.parametrize("way", ["put", "patch"])
async def test_a_group_that_was_said_to_be_whole_is(peopled: Fragile, way: str) -> None:
    """Who replaces members by those whom they see means that nobody else is one."""
    client = peopled.client
    back = await a_group(peopled)
    peopled.faulty.off()
    await back.post()
    last = [place for place, kind in enumerate(peopled.faulty.kinds) if kind == "transact"][1]
    back = await a_group(peopled)
    peopled.faulty.kill(last, after=False)
    await back.post()
    peopled.faulty.off()
    there = await back.now()
    assert 0 < len(there) < 40
    seen = [{"value": each} for each in sorted(there)]
    if way == "put":
        answer = await client.put(f"/Groups/{back.id}", {**back.body, "members": seen})
        assert answer.status == 200
    else:
        every = {"op": "replace", "path": "members", "value": seen}
        assert (await client.patch(f"/Groups/{back.id}", every)).status == 204
    await purged(peopled)
    assert await back.now() == there
    warned = await back.warned()
    assert all(each in warned for each in set(back.others) - there)


@MODEL
async def test_a_purge_may_break_off_as_well(peopled: Fragile) -> None:
    """Another one goes on, and takes what the first has written for what it is."""
    own, left, groups = peopled.repository, peopled.users[:44], peopled.groups
    through = Partition(cast("TableClient", peopled.faulty), peopled.client.directory.id, Meter())
    writes = [10_000]  # at first none fails
    while writes:
        place = writes.pop()
        for after in (False, True):
            team = await group(own)
            late = await broken_off(own, team, left, groups)
            peopled.faulty.kill(place, after=after)
            with suppress(Unavailable):
                await complete(TablesRepository(through), GROUP, late, change("restore"))
            kinds = list(peopled.faulty.kinds)
            peopled.faulty.off()
            await purged(peopled)
            found = await whole(own, GROUP, team.id)
            assert {each.id for each in found.members or ()} == set(left), place
            assert {each.id for each in found.member_of or ()} == set(groups), place
        if place == 10_000:
            writes = [place for place, kind in enumerate(kinds) if kind == "transact"]
            assert len(writes) == 5  # the entry, three steps, and the end
    assert [each async for each in own.entries() if each.verb == "warn"] == []
    assert await faults(peopled.partition) == []
