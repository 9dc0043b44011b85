"""The product's store keeps its contract on the model, whatever the service may do besides."""

from collections.abc import AsyncIterator

import pytest
from azure.data.tables.aio import TableClient

from scim.repository import Meter
from storage.client import Partition
from storage.tables import TablesRepository
from tests.model.behaviour import Behaviour
from tests.storage.contract import RepositoryContract
from tests.storage.inspection import faults


class Modelled(RepositoryContract):
    """The contract on the model."""

    @pytest.fixture
    async def repository(self, own_table: TableClient) -> AsyncIterator[TablesRepository]:
        partition = Partition(own_table, "directory", Meter())
        yield TablesRepository(partition)
        assert await faults(partition) == []


class TestShortPages(Modelled):
    """The service ends pages early; at its best, tests/storage plays it."""

    @pytest.fixture
    def behaviour(self) -> Behaviour:
        return Behaviour(short_pages=True)


class TestCosmos(Modelled):
    """The service is Cosmos DB for Table, which gives rows in no order."""

    @pytest.fixture
    def behaviour(self) -> Behaviour:
        return Behaviour(cosmos=True)
