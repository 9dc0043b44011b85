"""The service behind real HTTP, and requests to it that say nothing that they weren't told to."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from aiohttp import web
from yarl import URL

from scim.http import Request
from tests.idp.exchange import Answer, Send
from tests.service import Client

# What an HTTP client adds by itself, and Entra doesn't.
UNSAID = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


@asynccontextmanager
async def front(client: Client) -> AsyncIterator[str]:
    """Serve a client's server on a free port of this process; gives its address."""

    async def answer(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        url = f"http://{request.host}{request.raw_path}"
        asked = Request(request.method, url, headers, await request.read())
        response = await client.server.handle(asked)
        return web.Response(
            status=response.status, body=response.body or None, headers=dict(response.headers)
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def over_http(client: Client, address: str | None) -> AsyncIterator[tuple[Send, str]]:
    """Give a way to send a client's requests to a server, one of its own without an address."""
    async with AsyncExitStack() as stack:
        where = address or await stack.enter_async_context(front(client))
        session = await stack.enter_async_context(aiohttp.ClientSession(skip_auto_headers=UNSAID))
        base = f"http://{where}/{client.name}/scim"

        async def send(
            method: str, target: str, headers: Mapping[str, str | None], body: bytes | None
        ) -> Answer:
            wanted = {"Authorization": f"Bearer {client.token}", **headers}
            sent = {name: value for name, value in wanted.items() if value is not None}
            url = URL(base + target, encoded=True)
            async with session.request(method, url, headers=sent, data=body) as found:
                return Answer(found.status, dict(found.headers), await found.read())

        yield send, base
