"""A deletion of more than a transaction holds may end anywhere: the resource is gone all the same,
and whoever finds what is left ends it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from azure.data.tables.aio import TableClient

from scim.deadlines import SETTLED
from scim.errors import Unavailable
from scim.purging import Purged, purge
from scim.repository import Meter
from scim.rules import Deletion
from scim.unfinished import Work
from storage import keys
from storage.client import Operation, Partition
from storage.registry_memory import MemoryRegistry
from storage.tables import TablesRepository
from tests.storage.faulty import Faulty
from tests.storage.inspection import faults
from tests.storage.making import change
from tests.storage.test_faults import ONCE, Fragile, fragile, members, peopled

__all__ = ["fragile", "peopled"]  # fixtures


@pytest.fixture
def deletion() -> Deletion:
    return Deletion(policy="soft")


@dataclass
class Left:
    """A group of 80 whose deletion was killed after its first transaction."""

    fragile: Fragile
    id: str

    async def groups(self) -> set[str]:
        """Collect the groups that the group's members say they are in."""
        client = self.fragile.client
        answer = await client.get("/Users?count=100&attributes=groups")
        return {
            group["value"] for each in answer.body["Resources"] for group in each.get("groups", ())
        }

    async def purged(self, later: float = SETTLED + 1) -> Purged:
        now = datetime.now(UTC) + timedelta(seconds=later)
        directory, own = self.fragile.client.directory, self.fragile.repository
        return await purge(MemoryRegistry(), lambda _: own, now=now, directories=[directory])


def everybody(fragile: Fragile) -> list[str]:
    return fragile.users + fragile.groups


@pytest.fixture
async def left(peopled: Fragile) -> Left:
    one = await peopled.client.group("Engines", externalId="e", members=everybody(peopled))
    first = 0
    while (await peopled.client.get(f"/Groups/{one.id}")).status == 200:
        peopled.faulty.kill(first, after=True)
        await peopled.client.delete(f"/Groups/{one.id}")
        peopled.faulty.off()
        first += 1
    return Left(peopled, one.id)


async def test_what_is_deleted_is_gone_at_once(left: Left) -> None:
    """GET is 404 and nobody can be added, though its members still say that they are in it."""
    client = left.fragile.client
    assert await left.groups() == {left.id}
    add = {"op": "add", "path": "members", "value": [{"value": left.fragile.users[0]}]}
    answer = await client.patch(f"/Groups/{left.id}", add)
    assert answer.status == 404
    [work] = await left.fragile.repository.unfinished()
    assert (work.type, work.id) == ("Group", left.id)
    assert await faults(left.fragile.partition) == []


async def test_the_same_request_ends_it(left: Left) -> None:
    """A DELETE that is sent again is 404; the memberships are gone then."""
    assert (await left.fragile.client.delete(f"/Groups/{left.id}")).status == 404
    assert await left.groups() == set()
    assert await left.fragile.repository.unfinished() == []


async def test_a_request_ends_in_time(left: Left) -> None:
    """What it has no time for is left to others, without an error."""
    repository = left.fragile.repository
    await repository.leave("Group", left.id, change("delete"), seconds=0)
    assert {each.id for each in await repository.unfinished()} == {left.id}
    await repository.leave("Group", left.id, change("delete"), seconds=30)
    assert await left.groups() == set()
    assert await repository.unfinished() == []


async def test_a_purge_ends_it(left: Left) -> None:
    """When no request can be at it any more; once."""
    assert (await left.purged(0)).deletions == 0
    assert await left.groups() == {left.id}
    assert (await left.purged()).deletions == 1
    assert await left.groups() == set()
    assert (await left.purged()).deletions == 0
    log = [each async for each in left.fragile.repository.entries() if each.resource == left.id]
    assert [(each.verb, each.operation) for each in log][-1] == ("delete", "purge")


async def test_ending_it_may_break_off(left: Left, table: TableClient) -> None:
    """Wherever it does, it goes on later."""
    work, id = Work("Group", left.id), left.fragile.client.directory.id
    for place in range(6):
        faulty = Faulty(table)
        faulty.kill(place, after=True)
        broken = TablesRepository(Partition(cast("TableClient", faulty), id, Meter(), ONCE))
        with pytest.raises(Unavailable):
            await broken.finish(work, change("delete"))
        assert await faults(left.fragile.partition) == []
    assert await left.fragile.repository.finish(work, change("delete"))
    assert not await left.fragile.repository.finish(work, change("delete"))
    assert await left.groups() == set()


async def test_who_comes_back_loses_nobody(left: Left) -> None:
    """A revival ends the deletion first, so that nobody who is at it takes its members away."""
    client = left.fragile.client
    back = await client.post("/Groups", {"displayName": "Engines", "externalId": "e"})
    assert (back.status, back.id) == (201, left.id)
    assert (await left.purged()).deletions == 0
    assert await members(client, left.id) == set(everybody(left.fragile))
    assert await faults(left.fragile.partition) == []


async def test_a_note_that_is_left_over_is_dropped(left: Left) -> None:
    """Of a resource that lives, nothing is removed."""
    fragile = left.fragile
    group = (await fragile.client.group(members=fragile.users[:2])).id
    note = Operation("put", keys.deletion("Group", group), {"change": "0"})
    await fragile.partition.transact([note])
    assert not await fragile.repository.finish(Work("Group", group), change("delete"))
    assert await members(fragile.client, group) == set(fragile.users[:2])
    assert {each.id for each in await fragile.repository.unfinished()} == {left.id}
