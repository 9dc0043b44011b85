"""A repair beside requests harms nothing, and costs no more than reading everything once."""

import asyncio
import random

import pytest
from azure.data.tables.aio import TableClient

from scim.repairing import Repaired, repair
from scim.repository import MemberEdit, Meter, Stored
from storage import keys
from storage.client import PAGE, Partition
from storage.tables import TablesRepository
from tests.storage.damages import Place, delete, index_of, peopled, plan
from tests.storage.inspection import faults
from tests.storage.making import (
    GROUP,
    URN,
    USER,
    change,
    group,
    in_group,
    members,
    user,
    users,
)

WRITERS = 50


@pytest.fixture
async def place(table: TableClient) -> Place:
    return await peopled(table)


class Writer:
    """Somebody who creates, renames, joins, leaves and deletes, and knows what was acknowledged."""

    def __init__(self, place: Place, number: int, steps: int) -> None:
        self._place, self._number, self._steps = place, number, steps
        self._repository = TablesRepository(Partition(place.table, "directory", Meter()))
        self.there: dict[str, str] = {}  # id -> externalId
        self.joined: set[str] = set()

    async def write(self) -> None:
        repository = self._repository
        for step in range(self._steps):
            # Many badges: index rows are written beside the transaction that has no room for them.
            badges = [
                f"{self._number}-{step}-{each}"
                for each in range(95 if (self._number + step) % 10 == 0 else 1)
            ]
            one = await user(
                repository, externalId=f"{self._number}-{step}", **{URN: {"badges": badges}}
            )
            self.there[one.id] = f"{self._number}-{step}"
            team = random.choice((self._place.team, self._place.other))
            await repository.edit_members(GROUP, team.id, MemberEdit(members([one.id])), change())
            self.joined.add(one.id)
            changed = {**one.resource, "externalId": f"{self._number}-{step}-new"}
            one = await self._latest(one.id)
            one = await repository.replace(USER, one, changed, change())
            self.there[one.id] = changed["externalId"]
            if step % 3 == 1:
                edit = MemberEdit(remove=(one.id,))
                await repository.edit_members(GROUP, team.id, edit, change())
                self.joined.discard(one.id)
            if step % 3 == 2:
                found = await repository.get(USER, one.id, members=True, member_of=True)
                assert found is not None
                await repository.delete(USER, found, change("delete"))
                self.joined.discard(one.id)
                del self.there[one.id]

    async def _latest(self, id: str) -> Stored:
        found = await self._repository.get(USER, id)
        assert found is not None
        return found


@pytest.mark.parametrize("account", ["model"], indirect=True)
async def test_fifty_writers_and_a_repair_disturb_each_other_nowhere(place: Place) -> None:
    """Damages are planted among them: these are healed, and what was acknowledged is there."""
    writers = [Writer(place, number, 3) for number in range(WRITERS)]
    writing = asyncio.gather(*(each.write() for each in writers))
    repaired: list[Repaired] = []
    await place.write(delete(keys.anchor(place.ada.id)), delete(index_of(place.ada)))
    while not writing.done():
        repaired.append(await place.run(settle=0.5))
    await writing
    healed = sum((each.healed for each in repaired), start=type(repaired[0].healed)())
    assert dict(healed) == {"anchor-missing": 1, "index-missing": 1}
    assert not any(each.left for each in repaired)
    assert await place.run() == Repaired()
    assert await faults(place.partition) == []
    for each in writers:
        for id, external in each.there.items():
            found = await place.repository.get(USER, id)
            assert found is not None
            assert found.resource["externalId"] == external
    there = {place.ada.id, place.bob.id}.union(*(each.joined for each in writers))
    teams = [await in_group(place.repository, each.id) for each in (place.team, place.other)]
    assert set().union(*teams) == there


@pytest.mark.parametrize("account", ["model"], indirect=True)
async def test_a_repair_reads_everything_once(place: Place) -> None:
    """And besides a manager once, and the entry of each version that the log still has."""
    people = await users(place.repository, 300)
    for some in (people[:150], people[150:]):
        await group(place.repository, some)
    rows = len(await place.partition.range("", "~"))
    repairs = place.repairs()
    assert await repair(repairs, plan()) == Repaired()
    meter = repairs.partition.meter
    versions, ends = len(people) + 6, len(people) + 6
    assert meter.rows <= rows + versions + 2 * ends
    # Pages of each kind, what lies between the kinds, and point reads.
    assert meter.calls <= rows / PAGE + 50 + versions


@pytest.mark.parametrize("account", ["model"], indirect=True)
async def test_what_differs_is_read_a_second_time(place: Place) -> None:
    people = await users(place.repository, 300)
    await place.write(*(delete(keys.anchor(each)) for each in people[::30]))
    rows = len(await place.partition.range("", "~"))
    repairs = place.repairs()
    assert (await repair(repairs, plan())).healed == {"anchor-missing": 10}
    assert repairs.partition.meter.rows <= 2.5 * rows
