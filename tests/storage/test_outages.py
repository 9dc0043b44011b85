"""A store that can't be used, and one that answers late: over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from azure.data.tables.aio import TableClient
from yarl import URL

from scim.errors import Unavailable
from scim.settings import AZURITE_KEY, azurite_connection
from storage.client import PATIENCE
from storage.open import open_storage
from storage.patience import Patience
from tests.storage.serving import on_tables, serve

NEXT_TO_NO_ONE = 9  # the port of the discard service, which nobody runs


async def refused(where: str) -> str:
    """Read and write at a store that can't be used; what the client is told."""
    storage = open_storage(where, prefix="missing")
    try:
        client = await serve(storage.repository)
        answers = [await client.get("/Users/some"), await client.post("/Users", {"userName": "a"})]
        with pytest.raises(Unavailable):
            await storage.ready()
    finally:
        await storage.close()
    assert {each.status for each in answers} == {503}
    assert all(int(each.headers["Retry-After"]) > 0 for each in answers)
    [detail] = {each.detail for each in answers}
    return detail


async def test_a_store_that_is_down() -> None:
    """Requests are 503 while nothing answers."""
    assert "busy or down" in await refused(azurite_connection(NEXT_TO_NO_ONE))


async def test_a_key_that_is_wrong(azurite: str) -> None:
    """A key that the store doesn't take is an operator's matter: 503 says so."""
    wrong = azurite.replace(AZURITE_KEY, "d3Jvbmc=")
    assert wrong != azurite
    assert "check its access" in await refused(wrong)


async def test_a_table_that_is_missing(azurite: str) -> None:
    """Before the service is set up, 503 says so."""
    assert "has to set it up" in await refused(azurite)


@dataclass
class Proxy:
    """Between the SDK and Azurite: answers that were lost on the way."""

    port: int = 0
    batches: int = 0
    lose: list[int] = field(default_factory=list)  # statuses to answer batches with; 0 hangs up
    retry_after: str | None = None


@asynccontextmanager
async def running(
    app: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[int]:
    server = web.Application(client_max_size=8 * 1024 * 1024)
    server.router.add_route("*", "/{path:.*}", app)
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.fixture
async def proxy(table: TableClient) -> AsyncIterator[Proxy]:
    found = Proxy()
    upstream = f"{table.scheme}://{URL(table.url).authority}"

    async def forward(request: web.Request) -> web.StreamResponse:
        url = URL(upstream + request.raw_path, encoded=True)
        headers = {name: each for name, each in request.headers.items() if name != "Host"}
        sent = await request.read() or None
        async with session.request(request.method, url, data=sent, headers=headers) as answer:
            body = await answer.read()
        if request.method == "POST":
            found.batches += 1
            if found.lose:
                status = found.lose.pop(0)
                if not status and request.transport is not None:
                    request.transport.abort()
                more = {"Retry-After": found.retry_after} if found.retry_after else {}
                return web.Response(status=status or 500, headers=more)
        kept = {"Content-Type": answer.headers.get("Content-Type", "application/json")}
        kept |= {name: each for name, each in answer.headers.items() if name.startswith("x-ms-")}
        return web.Response(status=answer.status, body=body, headers=kept)

    async with (
        aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as session,
        running(forward) as port,
    ):
        found.port = port
        yield found


@pytest.mark.parametrize("account", ["azurite"], indirect=True)  # over HTTP
@pytest.mark.parametrize("lost", [[500], [503], [504], [0]])
async def test_an_answer_that_was_lost(proxy: Proxy, table: TableClient, lost: list[int]) -> None:
    """What was done though its answer was lost is sent again; the client sees one success, and no
    conflict with itself.
    """
    through = TableClient.from_connection_string(
        azurite_connection(proxy.port), table.table_name, **PATIENCE
    )
    async with through:
        client = await serve(on_tables(through))
        proxy.lose = lost.copy()
        ada = await client.post("/Users", {"userName": "ada"})
        assert (ada.status, proxy.batches) == (201, 1 + len(lost))
        proxy.lose = lost.copy()
        renamed = await client.put(f"/Users/{ada.id}", {"userName": "Lovelace"})
        assert (renamed.status, renamed.body["userName"]) == (200, "Lovelace")
        group = await client.group()
        proxy.lose = lost.copy()
        add = {"op": "add", "path": "members", "value": [{"value": ada.id}]}
        assert (await client.patch(f"/Groups/{group.id}", add)).status == 204
        read = await client.get(f"/Groups/{group.id}")
        assert [each["value"] for each in read.body["members"]] == [ada.id]
        proxy.lose = lost.copy()
        assert (await client.delete(f"/Users/{ada.id}")).status == 204
        assert proxy.lose == []
        assert (await client.get("/Users")).body["totalResults"] == 0
        assert (await client.get(f"/Groups/{group.id}")).body["members"] == []


@pytest.mark.parametrize("account", ["azurite"], indirect=True)  # over HTTP
async def test_a_store_that_stays_busy(proxy: Proxy, table: TableClient) -> None:
    """After so many tries a write is 503 with what the store says, and it may be sent again."""
    through = TableClient.from_connection_string(
        azurite_connection(proxy.port), table.table_name, **PATIENCE
    )
    async with through:
        client = await serve(on_tables(through, Patience(refused=3)))
        proxy.lose, proxy.retry_after = [503, 503, 503], "1"
        began = asyncio.get_running_loop().time()
        answer = await client.post("/Users", {"userName": "ada"})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert asyncio.get_running_loop().time() - began < 15  # it is 2.5
        assert proxy.batches == 3  # and none more to record it
