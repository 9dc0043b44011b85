"""The product's store keeps its contract on the model, whatever the service may do besides."""

from collections.abc import AsyncIterator

import pytest
from azure.data.tables.aio import TableClient, TableServiceClient

from scim.repository import Meter
from storage.client import PATIENCE, Partition
from storage.tables import TablesRepository
from tests.model.behaviour import Behaviour
from tests.model.service import Service
from tests.model.transport import COSMOS, ModelTransport
from tests.storage.contract import RepositoryContract
from tests.storage.inspection import faults


class TestShortPages(RepositoryContract):
    """The contract on a service that ends pages early; at its best, tests/storage plays it."""

    @pytest.fixture
    def behaviour(self) -> Behaviour:
        return Behaviour(short_pages=True)

    @pytest.fixture
    async def repository(self, own_table: TableClient) -> AsyncIterator[TablesRepository]:
        partition = Partition(own_table, "directory", Meter())
        yield TablesRepository(partition)
        assert await faults(partition) == []


# What the store does not keep on Cosmos DB, which gives rows in no order: whatever relies on the
# order of a query's rows. Of two rows, the order may be right by chance.
BROKEN = {
    "test_a_scan_yields_everybody_in_order": "pages of a scan come in no order, so walks do",
    "test_other_entries_lie_among_the_writes": "the log comes in no order",
    "test_an_entry_is_kept_whatever_it_holds": "the log comes in no order",
    "test_many_entries_at_once": "the log comes in no order",
    "test_what_is_old_is_purged": "the log comes in no order",
    "test_the_types_of_tombstones_are_known": "the first row of a range may not have its first key",
    "test_a_tombstone_of_100_000_members_fits": "its further rows are joined as they come",
    "test_any_text_is_kept": "2 MB are a transaction's limit there: longer texts are TooLarge",
}


class TestCosmos(RepositoryContract):
    """The contract on Cosmos DB for Table: what is known to break, breaks, and nothing else."""

    @pytest.fixture
    async def repository(self, request: pytest.FixtureRequest) -> AsyncIterator[TablesRepository]:
        name = request.node.originalname
        if name in BROKEN:
            request.applymarker(pytest.mark.xfail(reason=BROKEN[name]))
        transport = ModelTransport(Service(Behaviour(cosmos=True)))
        account = TableServiceClient.from_connection_string(COSMOS, transport=transport, **PATIENCE)
        async with account:
            partition = Partition(await account.create_table("rows"), "directory", Meter())
            yield TablesRepository(partition)
            assert await faults(partition) == []
