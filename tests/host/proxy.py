"""A proxy between servers and Azurite: it holds calls, or lets them fail, in its own thread."""

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

from scim.settings import azurite_connection
from storage.open import RESOURCES_TABLE

# What may become of a call: whether the store does it, and what is answered then: a status and a
# Retry-After, or nothing, on a connection that breaks.
FAULTS = {
    "reset before": (False, 0, ""),
    "reset after": (True, 0, ""),
    "500 before": (False, 500, ""),
    "500 after": (True, 500, ""),
    "503 before": (False, 503, ""),
    "429 before": (False, 429, ""),
    # Longer than a request has: who asked is told to come back.
    "503 before, for long": (False, 503, "30"),
    "503 after, for long": (True, 503, "30"),
}
_RESOURCES = f"/{RESOURCES_TABLE}".encode()  # in each operation's URL in a transaction
Decide = Callable[[str], str | None]  # of a method: which fault a call meets, None for none


def _none(_method: str) -> None:
    return None


def by_turns(every: int) -> Decide:
    """Let each so-and-so-many-th call meet a fault: all of them in turn."""
    calls, names = itertools.count(1), itertools.cycle(FAULTS)
    return lambda _method: next(names) if next(calls) % every == 0 else None


@dataclass
class Proxy:
    """Where servers connect to; `met` counts the faults.

    With `hold`, the so-many-th transaction of resources, from 0, is kept waiting for ever: before
    the store does it, or after it has. `holding` is set then.
    """

    upstream: URL
    port: int = 0
    decide: Decide = _none
    hold: tuple[int, str] | None = None
    holding: threading.Event = field(default_factory=threading.Event)
    met: Counter[str] = field(default_factory=Counter)
    batches: int = 0

    @property
    def connection(self) -> str:
        return azurite_connection(self.port)

    async def answer(
        self, session: aiohttp.ClientSession, request: web.Request
    ) -> web.StreamResponse:
        held = self._held(await request.read())
        if held == "before":
            await self._keep_waiting()
        fault = self.decide(request.method)
        done, status, retry_after = FAULTS[fault] if fault else (True, 0, "")
        response = await self._forward(session, request) if done else web.Response()
        if held == "after":
            await self._keep_waiting()
        if fault is None:
            return response
        self.met[fault] += 1
        if not status and request.transport is not None:
            request.transport.abort()
        headers = {"Retry-After": retry_after} if retry_after else {}
        return web.Response(status=status or 500, headers=headers)

    def _held(self, sent: bytes) -> str | None:
        if self.hold is None or _RESOURCES not in sent:
            return None
        self.batches += 1
        place, when = self.hold
        return when if self.batches - 1 == place else None

    async def _keep_waiting(self) -> None:
        self.holding.set()
        await asyncio.Event().wait()

    async def _forward(
        self, session: aiohttp.ClientSession, request: web.Request
    ) -> web.StreamResponse:
        path = URL(request.raw_path, encoded=True)
        url = self.upstream.join(path)
        headers = {name: each for name, each in request.headers.items() if name != "Host"}
        sent = await request.read() or None
        async with session.request(request.method, url, data=sent, headers=headers) as answer:
            body = await answer.read()
        kept = {name: each for name, each in answer.headers.items() if name.startswith("x-ms-")}
        for name in ("Content-Type", "ETag"):
            if name in answer.headers:
                kept[name] = answer.headers[name]
        return web.Response(status=answer.status, body=body, headers=kept)


@contextmanager
def proxying(connection: str, decide: Decide = _none) -> Iterator[Proxy]:
    """Run a proxy before the Azurite of a connection string."""
    parts = dict(each.split("=", 1) for each in connection.split(";") if each)
    proxy = Proxy(URL(parts["TableEndpoint"]).origin(), decide=decide)
    started, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        async with aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as session:

            async def answer(request: web.Request) -> web.StreamResponse:
                return await proxy.answer(session, request)

            app = web.Application(client_max_size=8 * 1024 * 1024)
            app.router.add_route("*", "/{path:.*}", answer)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            proxy.port = int(runner.addresses[0][1])
            started.set()
            await stop.wait()
            await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert started.wait(30)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
