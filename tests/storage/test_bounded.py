"""A page that is larger than what may be read comes in parts, and nobody is lost by that."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from azure.core.rest import HttpRequest

from storage.bounded import BoundedTransport, TooMuch
from storage.open import Storage, open_storage
from tests.service import open_directory

USERS, LARGEST = 30, 20_000  # bytes of an answer; a user has some 3,000


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

    app = web.Application()
    app.router.add_get("/", endless)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with BoundedTransport(largest=100_000) as transport:
        with pytest.raises(TooMuch):
            await transport.send(HttpRequest("GET", f"http://{host}:{port}/"))
    await runner.cleanup()
    assert sent < 10_000_000  # what the connection holds besides
