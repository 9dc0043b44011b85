"""The product's store keeps the contract on Azurite, and leaves no row that points to nobody."""

from collections.abc import AsyncIterator

import pytest
from azure.data.tables.aio import TableClient

from scim.repository import Meter
from storage.client import Partition
from storage.tables import TablesRepository
from tests.storage.contract import RepositoryContract
from tests.storage.inspection import faults


class TestTables(RepositoryContract):
    @pytest.fixture
    async def repository(self, table: TableClient) -> AsyncIterator[TablesRepository]:
        partition = Partition(table, "directory", Meter())
        yield TablesRepository(partition)
        assert await faults(partition) == []
