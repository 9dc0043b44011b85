"""Backups and moves of directories in which a large edit of members is pending."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.data.tables.aio import TableServiceClient

from scim.backup.manifest import Manifest
from scim.backup.taking import ROUNDS, Source, take
from scim.deadlines import SETTLED
from scim.directory import Directory
from scim.moving import Mover
from scim.purging import purge
from scim.repository import Meter
from storage import keys
from storage.client import Operation, Partition, Row
from storage.raw import RawRows
from storage.registry_memory import MemoryRegistry
from storage.tables import TablesRepository
from tests.backup.fakes import Shelf
from tests.storage import test_pending
from tests.storage.inspection import faults
from tests.storage.making import GROUP, in_group, members
from tests.storage.test_backups import clock, restored
from tests.storage.test_pending import MODEL, ONCE, Place, join

place = test_pending.place
pytestmark = MODEL


@pytest.fixture(autouse=True)
async def people(place: Place) -> None:
    """Have people whom a repair takes for such: as many as two parts add."""
    place.people = sorted([(await place.client.user()).id for _ in range(40)])


class Parted(Partition):
    """All rows are read in two parts; in one of the rounds the purge comes between them."""

    place: Place
    at: str  # what comes after it is read later
    purges: int  # at which reading
    reads = 0
    busy = True

    async def pages(self, after: str, before: str, **more: Any) -> AsyncGenerator[list[Row], None]:
        if before != "~":
            async for page in super().pages(after, before, **more):
                yield page
            return
        self.reads += 1
        if self.busy:  # so that it doesn't settle
            somebody = Operation("put", keys.anchor("somebody"), {"type": "User"})
            await self.place.partition().transact([somebody])
        async for page in super().pages(after, self.at, **more):
            yield page
        if self.reads == self.purges:
            assert (await self.place.purged()).edits == 1
        async for page in super().pages(self.at, before, **more):
            yield page


async def taken(
    place: Place, registry: MemoryRegistry, partition: Partition, shelf: Shelf, *, end: bool
) -> Manifest:
    await registry.add_directory(place.directory)
    unfinished = place.repository() if end else None
    source = Source(place.directory, registry, RawRows(partition), unfinished)
    made = await take(source, shelf, "contoso/one", clock=clock)
    assert made is not None
    return made


async def purged(directory: Directory, repository: TablesRepository, later: float = 0) -> int:
    now = datetime.now(UTC) + timedelta(seconds=SETTLED + 1 + later)
    done = await purge(MemoryRegistry(), lambda _: repository, now=now, directories=[directory])
    assert not done.failed
    return done.edits


@pytest.mark.parametrize("busy", [True, False])
async def test_what_is_pending_is_done_before_a_backup(place: Place, busy: bool) -> None:
    """Nobody has to do it where it is brought back."""
    registry, shelf = MemoryRegistry(), Shelf()
    await place.cut_off(add=members(place.people))
    partition = Parted(place.table, place.directory.id, Meter(), ONCE)
    partition.place, partition.at, partition.purges, partition.busy = place, "o:", 0, busy
    made = await taken(place, registry, partition, shelf, end=True)
    assert made.settled is not busy
    assert not await place.waiting()
    directory, brought = await restored(place.table, shelf, registry)
    repository = TablesRepository(brought)
    assert set(await in_group(repository, place.team)) == set(place.people)
    assert await purged(directory, repository) == 0


async def test_what_cannot_be_done_is_backed_up_as_it_is(place: Place) -> None:
    """A damaged part keeps nobody from the backup of all else."""
    await place.cut_off(add=members(place.people))
    [part, *_] = [each for each in await place.left() if each.count(":") == 4]
    await place.partition().transact([Operation("put", part, {"j0": "{"})])
    registry, shelf = MemoryRegistry(), Shelf()
    made = await taken(place, registry, place.partition(), shelf, end=True)
    assert made.settled
    assert made.counts["p"] > 1


@pytest.mark.parametrize("adds", [True, False])
@pytest.mark.parametrize("at", ["o:", "q:"])
@pytest.mark.parametrize("purges", [1, ROUNDS, ROUNDS + 1])
async def test_a_backup_that_does_not_settle_has_every_edit(
    place: Place, at: str, purges: int, adds: bool
) -> None:
    """It was acknowledged before, and is done in the last round: after its members were read and
    before its parts are, or before the group is.
    """
    registry, shelf = MemoryRegistry(), Shelf()
    if adds:
        await place.cut_off(add=members(place.people))
    else:
        await join(place, place.people)
        await place.cut_off(remove=tuple(place.people[1:]))
    partition = Parted(place.table, place.directory.id, Meter(), ONCE)
    partition.place, partition.at, partition.purges = place, at, purges
    made = await taken(place, registry, partition, shelf, end=False)
    assert not made.settled
    directory, brought = await restored(place.table, shelf, registry)
    repository = TablesRepository(brought)
    await purged(directory, repository)
    wanted = set(place.people) if adds else {place.people[0]}
    assert set(await in_group(repository, place.team)) == wanted
    await purged(directory, repository, 3 * SETTLED)
    assert await brought.range(*keys.below(keys.EDITS)) == []
    assert await faults(brought) == []


async def test_a_directory_moves_with_what_is_pending(
    place: Place, modelled: TableServiceClient
) -> None:
    """It is done where it is then, once."""
    registry, second = MemoryRegistry(), await modelled.create_table(f"t{uuid4().hex[:12]}")
    await registry.add_directory(place.directory)
    await place.cut_off(add=members(place.people))
    tables = {None: place.table, "second": second}

    def rows(directory: Directory) -> RawRows:
        return RawRows(Partition(tables[directory.storage], directory.id, Meter()))

    async def wait(_: float) -> None:
        return None

    moved = await Mover(registry, rows, clock, wait).move(place.directory, "second")
    assert moved.storage == "second"
    assert await place.left() == []
    repository = TablesRepository(Partition(second, moved.id, Meter()))
    found = await repository.get(GROUP, place.team)
    assert found is not None
    assert found.pending
    assert await purged(moved, repository) == 1
    assert set(await in_group(repository, place.team)) == set(place.people)
