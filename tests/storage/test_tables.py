"""The product's store keeps the contract on Azurite, and leaves no row that points to nobody."""

from collections.abc import AsyncIterator

import pytest
from azure.data.tables.aio import TableClient

from scim.errors import TooLarge
from scim.repository import Meter
from storage import keys
from storage.client import Operation, Partition
from storage.rows import LARGEST
from storage.tables import TablesRepository
from tests.storage.contract import RepositoryContract
from tests.storage.inspection import faults
from tests.storage.making import USER, change, creation, looked_up, resource, user


class TestTables(RepositoryContract):
    @pytest.fixture
    async def repository(self, table: TableClient) -> AsyncIterator[TablesRepository]:
        partition = Partition(table, "directory", Meter())
        yield TablesRepository(partition)
        assert await faults(partition) == []

    # aiohttp warns of bodies over 1 MiB, which the SDK sends as bytes.
    @pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
    @pytest.mark.parametrize("account", ["azurite"], indirect=True)  # the service takes it
    async def test_what_the_store_finds_too_large_is_too_large(
        self, repository: TablesRepository
    ) -> None:
        """Azurite counts the bytes of a replacement as the SDK escapes them, six for each ä."""
        one = await user(repository, title="ä" * (LARGEST - 500))
        with pytest.raises(TooLarge):
            await repository.replace(USER, one, {**one.resource, "nickName": "x"}, change())
        assert await repository.get(USER, one.id, members=True) == one


async def test_a_claim_that_its_owner_left_behind_is_taken_over(table: TableClient) -> None:
    """As a crash may leave one: a person is never refused a name that is their own."""
    partition = Partition(table, "directory", Meter())
    repository = TablesRepository(partition)
    ada = resource(USER)
    stored = await repository.create(USER, ada, creation(ada))
    wanted = looked_up(USER, "userName", "left")
    values = {"owner": ada["id"], "attribute": "userName"}
    await partition.transact([Operation("insert", keys.claim(USER.name, wanted), values)])
    await repository.replace(USER, stored, {**ada, "userName": "left"}, change("update"))
    assert [each.id for each in await repository.find(USER, wanted)] == [ada["id"]]
