"""The model's switches, as the product sees them: it is throttled, kept waiting, left in doubt."""

import time

import pytest
from azure.data.tables.aio import TableClient, TableServiceClient

from scim.errors import Unavailable
from scim.repository import Meter
from storage.client import PATIENCE, Operation, Partition
from storage.open import open_storage
from storage.patience import Patience
from tests.model.behaviour import Behaviour
from tests.model.service import Service
from tests.model.transport import CONNECTION, COSMOS, ModelTransport
from tests.service import open_directory


@pytest.fixture
def partition(own_table: TableClient) -> Partition:
    return Partition(own_table, "directory", Meter())


async def test_a_throttled_call_is_made_again(
    transport: ModelTransport, partition: Partition
) -> None:
    """After the time that the service says, and a call is one call of ours for all its tries."""
    await partition.transact([Operation("insert", "a")])
    before = transport.sent
    transport.service.behaviour.throttle(1, retry_after=1)
    began = time.monotonic()
    assert await partition.get("a") is not None
    assert time.monotonic() - began >= 1
    assert transport.sent - before == 2


async def test_who_stays_throttled_is_told_when_to_come_back(
    transport: ModelTransport, own_table: TableClient
) -> None:
    transport.service.behaviour.throttle(20, retry_after=1)
    partition = Partition(own_table, "directory", Meter(), Patience(refused=2))
    with pytest.raises(Unavailable) as raised:
        await partition.get("a")
    assert raised.value.headers["Retry-After"] == "1"


async def test_what_was_done_though_its_answer_was_lost_is_done_once(
    transport: ModelTransport, partition: Partition
) -> None:
    """The model did it; the same transaction again is a conflict with itself."""
    transport.service.behaviour.lose(1)
    rows = transport.service.rows
    with pytest.raises(Exception, match="insert: exists"):
        await partition.transact([Operation("insert", "a")])
    assert rows.get("rows", "directory", "a") is not None


async def test_answers_take_as_long_as_they_are_told(
    behaviour: Behaviour, partition: Partition
) -> None:
    behaviour.latency = 0.05
    began = time.monotonic()
    await partition.get("a")
    assert time.monotonic() - began >= 0.05


async def test_all_of_the_server_runs_on_the_model(transport: ModelTransport) -> None:
    """From `open_storage` on, registry included."""
    storage = open_storage(CONNECTION, transport=transport)
    await storage.prepare()
    await storage.ready()
    client = await open_directory(storage)
    ada = await client.user("ada@example.com")
    assert (await client.get(f"/Users/{ada.id}")).body["userName"] == "ada@example.com"
    assert transport.service.counts.written > 8
    await storage.close()


async def test_a_service_without_tables_is_not_ready_on_cosmos_either() -> None:
    """Which says of a table that is missing what it says of a row."""
    storage = open_storage(COSMOS, transport=ModelTransport(Service(Behaviour(cosmos=True))))
    with pytest.raises(Unavailable, match="tables do not exist"):
        await storage.ready()
    await storage.prepare()
    await storage.ready()
    await storage.close()


async def test_rows_are_merged_in_cosmos_own_way() -> None:
    """As a POST that says what it is; the model takes it as what it is."""
    transport = ModelTransport(Service(Behaviour(cosmos=True)))
    account = TableServiceClient.from_connection_string(COSMOS, transport=transport, **PATIENCE)
    async with account:
        partition = Partition(await account.create_table("rows"), "directory", Meter())
        await partition.transact([Operation("insert", "a", {"one": 1})])
        await partition.transact([Operation("merge", "a", {"two": 2})])
        found = await partition.get("a")
        assert found is not None
        assert (found.values["one"], found.values["two"]) == (1, 2)
