"""Lists of thousands: what they cost, and how one that would take too long is ended."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from azure.data.tables.aio import TableClient

from scim.deadlines import LIST
from scim.directory import Directory
from scim.ranges import BATCH
from scim.repository import Meter
from scim.schema import ResourceType
from scim.server import Server
from storage import keys, rows
from storage.client import MOST, Operation, Partition
from storage.tables import TablesRepository
from tests.service import PEPPER, Client
from tests.storage.making import creation, resource
from tests.storage.serving import Metered, on_tables, serve

MANY = 2500


async def crowd(partition: Partition, type: ResourceType, number: int) -> dict[str, str]:
    """Write users as rows alone, which is all that a list reads; their names by id."""
    operations = []
    names = {}
    for place in range(number):
        user = resource(type, userName=f"u{place:05}", title=f"t{place % 10}")
        values = rows.resource_values(type, user, creation(user))
        operations.append(Operation("insert", keys.resource(type.name, user["id"]), values))
        names[user["id"]] = user["userName"]
    steps = rows.chunks(operations, MOST)
    for start in range(0, len(steps), 8):
        await asyncio.gather(*(partition.transact(each) for each in steps[start : start + 8]))
    return dict(sorted(names.items()))


@pytest.fixture
async def listed(table: TableClient) -> tuple[Client, Metered, dict[str, str]]:
    metered = Metered(on_tables(table))
    client = await serve(metered)
    partition = Partition(table, client.directory.id, Meter())
    names = await crowd(partition, client.directory.catalog.resource_types[0], MANY)
    return client, metered, names


def shown(body: Any) -> list[str]:
    return [each["userName"] for each in body["Resources"]]


QUIET = "excludedAttributes=groups"


async def test_long_lists_are_read_side_by_side_and_later_pages_cost_their_own(
    listed: tuple[Client, Metered, dict[str, str]],
) -> None:
    client, metered, names = listed
    everybody = list(names.values())
    ranges = MANY // BATCH + 3  # calls that all of them take, ranges being unequal

    first = await client.get(f"/Users?{QUIET}&count=100")
    assert (first.body["totalResults"], shown(first.body)) == (MANY, everybody[:100])
    assert metered.meter.calls <= 1 + ranges + 1, "the page, the ids of all, the bookmark"
    assert metered.meter.rounds <= 4
    for start in (101, 1201, 2401):
        page = await client.get(f"/Users?{QUIET}&startIndex={start}&count=100")
        assert shown(page.body) == everybody[start - 1 : start + 99]
        assert (metered.meter.calls, metered.meter.rounds) == (2, 2)
        assert metered.meter.rows <= 102

    contains = quote('userName co "u"')
    found = await client.get(f"/Users?filter={contains}&{QUIET}&count=1000")
    assert (found.body["totalResults"], shown(found.body)) == (MANY, everybody[:1000])
    assert metered.meter.calls <= ranges + 1
    assert metered.meter.rounds <= 3

    few = quote('title eq "t3"')
    found = await client.get(f"/Users?filter={few}&{QUIET}&count=1000")
    assert shown(found.body) == [each for each in everybody if each.endswith("3")]
    assert metered.meter.rows == MANY // 10, "the store leaves out who doesn't match"


async def test_a_sorted_list_is_read_once_and_its_pages_by_id(
    listed: tuple[Client, Metered, dict[str, str]],
) -> None:
    client, metered, names = listed
    query = f"sortBy=userName&sortOrder=descending&{QUIET}&count=100"
    expected = sorted(names.values(), reverse=True)
    for walk in ("", "&cursor="):
        first = await client.get(f"/Users?{query}{walk}")
        assert (first.body["totalResults"], shown(first.body)) == (MANY, expected[:100])
    cursor = first.body["nextCursor"]
    for further, more in ((f"cursor={quote(cursor)}", 0), ("startIndex=101", 1)):
        page = await client.get(f"/Users?{query}&{further}")
        assert shown(page.body) == expected[100:200]
        assert metered.meter.calls == 100 + 1 + more
    last = await client.get(f"/Users?{query}&startIndex={MANY - 49}")
    assert shown(last.body) == expected[-50:]


class Slow(TablesRepository):
    """A repository that pushes nothing down, and whose every batch takes a while."""

    def __init__(self, partition: Partition, clock: "Clock") -> None:
        super().__init__(partition)
        self.clock = clock

    async def scan(self, *type: Any, **how: Any) -> AsyncGenerator[Any, None]:
        async for batch in super().scan(*type, **{**how, "filter": None}):
            self.clock.now += timedelta(seconds=11)
            yield batch


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


ADVICE = {
    'filter=title eq "t1" and active eq true': "have title indexed",
    'filter=title eq "a" or nickName eq "b"': "have nickName and title indexed",
    'filter=addresses[type eq "work" and locality eq "x"]': "have addresses.locality indexed",
    'filter=userName co "u"': "eq with an attribute that is indexed or unique, such as userName",
    'filter=not (userName eq "u")': "such as userName",
    'filter=active eq false or title eq "x"': "such as userName",
    "sortBy=title": "leave out sortBy",
}


async def test_a_list_that_takes_too_long_says_what_to_index(
    listed: tuple[Client, Metered, dict[str, str]], table: TableClient
) -> None:
    client, _, _ = listed
    clock = Clock()

    def slow(directory: Directory) -> Slow:
        return Slow(Partition(table, directory.id, Meter()), clock)

    registry = client.server._registry
    client.server = Server(registry=registry, repository=slow, pepper=PEPPER, clock=clock)
    for query, advice in ADVICE.items():
        name, _, value = query.partition("=")
        answer = await client.get(f"/Users?{name}={quote(value)}")
        assert (answer.status, answer.body["scimType"]) == (400, "tooMany"), query
        assert f"within {LIST.seconds} seconds" in answer.detail
        assert advice in answer.detail
        assert not any(each in answer.detail for each in ("t1", '"x"', "work")), "no value"
