"""Rows are read by key where the store keeps no order, in few calls and bounded memory."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from azure.data.tables.aio import TableClient

from scim.repository import Meter
from scim.side_by_side import side_by_side
from storage import keys
from storage.client import Operation, Partition, Row
from storage.unsorted import in_order, is_unsorted
from tests.model.behaviour import Behaviour
from tests.model.loading import Loader, user
from tests.model.transport import ModelTransport
from tests.service import Client
from tests.storage.serving import on_tables, serve

ALL = 20_000
SHORT = [3, 0, 1, 0, 0, 7, 2]


def shuffled(rows: list[Row]) -> list[Row]:
    return random.Random(7).sample(rows, len(rows))


def backwards(rows: list[Row]) -> list[Row]:
    return rows[::-1]


ORDERS: list[Callable[[list[Row]], list[Row]]] = [list, backwards, shuffled]


@dataclass
class Store:
    """Rows in an order of its own; counts what is read, and what a page of it may be held with."""

    rows: list[Row]
    sizes: Sequence[int] = ()
    calls: int = 0
    read: int = 0
    widest: int = field(default=0)

    async def pages(
        self, after: str, before: str, size: int
    ) -> AsyncGenerator[tuple[list[Row], bool], None]:
        found = [each for each in self.rows if after < each.key < before]
        held = 0
        while True:
            most = min(size, self.sizes[self.calls % len(self.sizes)] if self.sizes else size)
            page, found = found[:most], found[most:]
            self.calls += 1
            self.read += len(page)
            held += len(page)
            self.widest = max(self.widest, held)
            yield page, bool(found)
            if not found:
                return


def made(number: int, *, text: str = "") -> list[Row]:
    return [Row(f"k{each:06}", "", {"text": text}) for each in range(number)]


async def everything(store: Store, size: int) -> list[list[Row]]:
    pages = in_order(store.pages, "k", "l", size)
    return [page async for page, _ in pages]


@pytest.mark.parametrize("order", ORDERS, ids=["in order", "backwards", "shuffled"])
@pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 1000, 1001, 5000])
@pytest.mark.parametrize(("size", "sizes"), [(100, ()), (1000, ()), (1000, SHORT)])
async def test_rows_come_by_key_each_once(
    order: Callable[[list[Row]], list[Row]], number: int, size: int, sizes: Sequence[int]
) -> None:
    rows = made(number)
    store = Store(order(rows), sizes)
    pages = await everything(store, size)
    assert [row for page in pages for row in page] == rows
    assert all(0 < len(page) <= size for page in pages)
    assert store.widest < 2 * size
    assert store.read <= 3 * number


@pytest.mark.parametrize("order", ORDERS, ids=["in order", "backwards", "shuffled"])
async def test_all_rows_cost_four_times_the_calls_at_most(
    order: Callable[[list[Row]], list[Row]],
) -> None:
    store = Store(order(made(30_000)))
    await everything(store, 1000)
    assert store.calls <= 4 * 30


@pytest.mark.parametrize(("number", "calls"), [(800, 1), (1000, 1), (1100, 3)])
async def test_what_fits_a_page_is_read_once(number: int, calls: int) -> None:
    store = Store(shuffled(made(number)))
    await everything(store, 1000)
    assert store.calls == calls


async def test_of_large_rows_fewer_are_held() -> None:
    """A range that comes in many pages, because its rows are large, is cut before all is held."""
    store = Store(shuffled(made(400, text="x" * 100_000)), [8])
    pages = await everything(store, 1000)
    assert sum(map(len, pages)) == 400
    assert store.widest <= 48  # 4,000,000 characters, and a page


@pytest.mark.parametrize(
    ("url", "unsorted"),
    [
        ("https://contoso.table.cosmos.azure.com:443/", True),
        ("https://contoso.table.cosmos.azure.com:443/rows", True),
        ("https://contoso.table.cosmosdb.azure.com/rows", True),
        ("https://contoso.table.core.windows.net/rows", False),
        ("https://contoso.table.core.windows.net/x.table.cosmos.azure.com", False),
        ("http://127.0.0.1:10002/devstoreaccount1/rows", False),
    ],
)
def test_the_host_tells_which_store_it_is(url: str, unsorted: bool) -> None:
    assert is_unsorted(url) is unsorted


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour(cosmos=True)


@pytest.fixture
async def partition(transport: ModelTransport, own_table: TableClient) -> Partition:
    await Loader(transport.service, "rows", "directory").users(range(ALL))
    return Partition(own_table, "directory", Meter())


async def test_the_price_is_known(partition: Partition) -> None:
    """Of 20,000 users: what design.md says that reading costs where there is no order."""
    ends = keys.below(keys.resource("User", ""))
    calls = {"all": 0, "all, in any order": 0, "first 100": 0, "first one": 0}
    for name, options in (
        ("all", {"select": ("RowKey",)}),
        ("all, in any order", {"select": ("RowKey",), "any_order": True}),
        ("first 100", {"size": 101}),
        ("first one", {"select": ("RowKey",), "size": 1}),
    ):
        partition.meter.calls = 0
        pages = partition.pages(*ends, **options)
        if name.startswith("first"):
            assert await anext(pages)
            await pages.aclose()
        else:
            assert len([row async for page in pages for row in page]) == ALL
        calls[name] = partition.meter.calls
    partition.meter.calls = 0
    found = [row.key for row in await partition.range(*ends, select=("RowKey",))]
    assert found == sorted(found)
    # What is held whole in any case is ordered afterwards.
    assert calls["all, in any order"] == partition.meter.calls == 20
    assert calls["all"] <= 65
    assert calls["first 100"] <= 11
    assert calls["first one"] <= 11


async def test_walks_beside_changes_see_who_stays_once(
    transport: ModelTransport, own_table: TableClient
) -> None:
    """1,500 people, 50 who come and 50 who go."""
    client = await serve(on_tables(own_table))
    await Loader(transport.service, "rows", client.directory.id).users(range(1_500))
    stay = {user(number)["userName"] for number in range(1_500)}
    gone = [await client.user(f"gone{number}") for number in range(50)]

    async def change(number: int) -> None:
        await client.delete(f"/Users/{gone[number].id}")
        await client.user(f"new{number}")

    changes = asyncio.create_task(side_by_side(change, range(50), most=4))
    for read in (by_index, by_cursor):
        seen = [each["userName"] for each in await read(client)]
        assert len(seen) == len(set(seen))
        assert stay <= set(seen)
    await changes


async def by_index(client: Client) -> list[dict[str, Any]]:
    seen, start, total = [], 1, 1
    while start <= total:
        answer = (await client.get(f"/Users?startIndex={start}&count=300")).body
        seen += answer["Resources"]
        start, total = start + 300, answer["totalResults"]
    return seen


async def by_cursor(client: Client) -> list[dict[str, Any]]:
    seen, cursor = [], ""
    while cursor is not None:
        answer = (await client.get(f"/Users?cursor={cursor}&count=300")).body
        seen += answer["Resources"]
        cursor = answer.get("nextCursor")
    return seen


async def test_a_transaction_that_is_throttled_is_made_again(
    behaviour: Behaviour, own_table: TableClient
) -> None:
    """Cosmos DB says so within the answer, where an operation's failure is."""
    partition = Partition(own_table, "directory", Meter())
    behaviour.throttle(1, status=429)
    await partition.transact([Operation("insert", "a", {"one": 1})])
    behaviour.throttle(1, status=429)
    await partition.transact([Operation("merge", "a", {"two": 2})])
    found = await partition.get("a")
    assert found is not None
    assert (found.values["one"], found.values["two"]) == (1, 2)
