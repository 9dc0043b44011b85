"""A page that is larger than what may be read comes in parts, and nobody is lost by that."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from azure.core.rest import HttpRequest
from azure.data.tables.aio import TableClient, TableServiceClient

from scim.repository import Meter
from storage.bounded import BoundedTransport, TooMuch
from storage.client import PATIENCE, Operation, Partition
from storage.open import Storage, open_storage
from storage.patience import Patience
from tests.service import open_directory

USERS, LARGEST = 30, 20_000  # bytes of an answer; a user has some 3,000


@asynccontextmanager
async def _served(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    """Answer every GET by a handler; gives the URL."""
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


@asynccontextmanager
async def _table(connection: str) -> AsyncIterator[TableClient]:
    """Make a table whose answers may have 12,000 bytes."""
    transport = BoundedTransport(largest=12_000)
    async with TableServiceClient.from_connection_string(
        connection, transport=transport, **PATIENCE
    ) as service:
        yield await service.create_table(f"bounded{uuid.uuid4().hex}")


@pytest.fixture
async def narrow(azurite: str) -> AsyncIterator[Storage]:
    """A store whose answers may be no larger than a few users."""
    storage = open_storage(azurite, transport=BoundedTransport(largest=LARGEST))
    await storage.prepare()
    yield storage
    await storage.close()


async def test_a_list_of_large_resources_is_read_in_smaller_pages(narrow: Storage) -> None:
    """By index, by cursor and by a filter that no index serves, everybody is there once."""
    client = await open_directory(narrow)
    made = await asyncio.gather(*(client.user(title="x" * 2000) for _ in range(USERS)))
    ids = sorted(each.id for each in made)
    for query in ("count=1000", "count=1000&cursor=", "count=1000&filter=title%20co%20%22x%22"):
        found = (await client.get(f"/Users?{query}")).body
        assert [each["id"] for each in found["Resources"]] == ids
        assert found["totalResults"] == USERS


async def test_pages_grow_again_behind_what_is_large(azurite: str) -> None:
    """Of 200 rows, two are large: not all that follow are read a few at a time."""
    async with _table(azurite) as table:
        partition = Partition(table, "p", Meter())
        for start in range(0, 200, 10):
            wide = {each: "x" * (9000 if each in (20, 21) else 10) for each in range(200)}
            rows = range(start, start + 10)
            operations = [Operation("put", f"{each:03}", {"text": wide[each]}) for each in rows]
            await partition.transact(operations)
        partition.meter.calls = 0
        found = [row.key async for page in partition.pages("", "~", size=64) for row in page]
    assert found == [f"{each:03}" for each in range(200)]
    assert partition.meter.calls < 20


@pytest.mark.parametrize("cut", [1, 2])
async def test_an_answer_that_breaks_off_is_asked_for_again(cut: int) -> None:
    """Twice at most: its head was sent, its body was not."""
    asked = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked > cut:
            return web.json_response({"value": []})
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Content-Length": "500"}
        )
        await response.prepare(request)
        await response.write(b'{"value":[')
        assert request.transport is not None
        request.transport.close()
        return response

    async with _served(answer) as url:
        account = (
            f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint={url}/a"
        )
        async with TableServiceClient.from_connection_string(
            account, transport=BoundedTransport(), **PATIENCE
        ) as service:
            patient = Patience(first=0.01, most=0.02)
            partition = Partition(service.get_table_client("scim"), "p", Meter(), patient)
            assert await partition.range("", "~") == []
    assert asked == cut + 1


async def test_no_more_is_read_than_may_be() -> None:
    """Of an answer that never ends, little more than the limit is taken."""
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)
            sent += 65536

    async with _served(endless) as url, BoundedTransport(largest=100_000) as transport:
        with pytest.raises(TooMuch):
            await transport.send(HttpRequest("GET", f"{url}/"))
    assert sent < 10_000_000  # what the connection holds besides
