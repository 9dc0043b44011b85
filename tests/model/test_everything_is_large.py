"""The contract, where every edit of members is a large one: written down first, then done."""

from collections.abc import AsyncIterator

import pytest
from azure.data.tables.aio import TableClient

from scim.repository import Meter
from storage.client import Partition
from storage.pending import Pending
from storage.tables import TablesRepository
from tests.storage.contract_many import Many
from tests.storage.inspection import faults


class TestEverythingIsLarge(Many):
    """What holds for every store holds however an edit is done."""

    @pytest.fixture
    async def repository(self, own_table: TableClient) -> AsyncIterator[TablesRepository]:
        partition = Partition(own_table, "directory", Meter())
        yield TablesRepository(partition, Pending(partition, large=0))
        assert await faults(partition) == []
