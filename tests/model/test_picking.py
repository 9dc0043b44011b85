"""Many rows of a range are found, in whichever way they are read, and in few calls."""

import pytest
from azure.data.tables.aio import TableClient

from scim.repository import Meter
from storage import keys
from storage.client import Partition
from storage.picking import pick
from tests.model.behaviour import Behaviour
from tests.model.loading import Loader, user_id
from tests.model.transport import ModelTransport

ALL = 5_000
STRANGERS = range(ALL, ALL + 50)


@pytest.fixture
async def partition(transport: ModelTransport, own_table: TableClient) -> Partition:
    await Loader(transport.service, "rows", "directory").users(range(ALL))
    return Partition(own_table, "directory", Meter())


@pytest.mark.parametrize(
    ("behaviour", "most"),
    [(Behaviour(), 1), (Behaviour(short_pages=True), 999), (Behaviour(cosmos=True), 2)],
    ids=["ordered", "short pages", "unordered"],
)
@pytest.mark.parametrize(
    ("wanted", "calls"),
    [(range(0), 0), (range(60), 110), (range(0, ALL, 50), 151), (range(2_000), 9), (range(ALL), 8)],
)
async def test_all_who_are_there_are_found(
    partition: Partition, most: int, wanted: range, calls: int
) -> None:
    """Few by point reads, many in ranges; nobody is left out, however pages come."""
    ids = {user_id(each) for each in (*wanted, *STRANGERS)} if wanted else set()
    found = await pick(partition, keys.anchor(""), ids, select=("RowKey", "type"))
    assert found.keys() == {keys.anchor(user_id(each)) for each in wanted}
    assert {row.values["type"] for row in found.values()} <= {"User"}
    assert partition.meter.calls <= calls * most
