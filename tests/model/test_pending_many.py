"""An edit of so many members that not even what is written down has room in one transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from azure.data.tables.aio import TableClient

from scim.deadlines import SETTLED
from scim.directory import Directory
from scim.errors import Unavailable
from scim.purging import Purged, purge
from scim.repository import MemberEdit, Meter
from storage import keys
from storage.client import Partition
from storage.patience import Patience
from storage.registry_memory import MemoryRegistry
from storage.tables import TablesRepository
from tests.model.loading import GROUP, Loader, user_id
from tests.model.transport import ModelTransport
from tests.storage.faulty import Faulty
from tests.storage.making import change

DIRECTORY = Directory(id="thecrowd", name="crowd")
CROWD = 4_900  # 100 parts
PARTS = 1  # transactions in which they are written down, before the one that begins the edit


@dataclass
class Crowd:
    """A group of many, and who edits it."""

    table: TableClient
    group: str

    def repository(self, table: Faulty | None = None) -> TablesRepository:
        through = cast("TableClient", table or self.table)
        partition = Partition(through, DIRECTORY.id, Meter(), Patience(refused=1, broken=1))
        return TablesRepository(partition)

    async def empty(self, repository: TablesRepository) -> str:
        edit = MemberEdit(replace=True)
        return await repository.edit_members(GROUP, self.group, edit, change())

    async def members(self) -> list[str]:
        return [each.id for each in await self.repository().members(GROUP.name, self.group)]

    async def left(self) -> int:
        partition = self.repository().partition
        return len(await partition.range(*keys.below(keys.EDITS), select=("RowKey",)))

    async def purged(self) -> Purged:
        now = datetime.now(UTC) + timedelta(seconds=SETTLED + 1)
        return await purge(
            MemoryRegistry(), lambda _: self.repository(), now=now, directories=[DIRECTORY]
        )


@pytest.fixture
async def crowd(transport: ModelTransport, own_table: TableClient) -> Crowd:
    loader = Loader(transport.service, "rows", DIRECTORY.id)
    return Crowd(own_table, await loader.group("Engines", range(CROWD)))


async def test_a_large_group_is_emptied(crowd: Crowd) -> None:
    """Within a request; in a call for each of its 100 parts, and a few besides."""
    repository = crowd.repository()
    await crowd.empty(repository)
    assert await crowd.members() == []
    assert repository.meter.calls < 100 + 20
    assert not (await crowd.purged()).failed
    assert await crowd.left() == 0


async def test_what_was_not_written_down_whole_never_began(crowd: Crowd) -> None:
    """A process that ends before it was leaves the group as it is, and rows that nobody reads."""
    for broken in range(2 * PARTS):
        faulty = Faulty(crowd.table)
        reads = 1 + 5  # the group, and pages of members
        faulty.kill(reads + broken // 2, after=bool(broken % 2))
        with pytest.raises(Unavailable):
            await crowd.empty(crowd.repository(faulty))
    assert await crowd.left() > 0
    assert not (await crowd.purged()).edits
    assert await crowd.left() == 0
    assert await crowd.members() == sorted(map(user_id, range(CROWD)))
