"""A fake Entra beside commands: its keys over HTTP from a thread, and what it signs now."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tests.auth.identity import Identity


class Entra:
    """A tenant whose clock is this machine's."""

    def __init__(self) -> None:
        self.identity = Identity()

    @property
    def authority(self) -> str:
        return self.identity.authority

    def issued(self, **claims: Any) -> str:
        return self.identity.issued(datetime.now(UTC), **claims)

    def assertion(self, **claims: Any) -> str:
        return self.identity.assertion(datetime.now(UTC), **claims)


@contextmanager
def entra() -> Iterator[Entra]:
    """Run the tenant's key set in a thread, because a command has an event loop of its own."""
    tenant, loop = Entra(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(tenant.identity.up(), loop).result(10)
        tenant.identity.issuer = tenant.authority
        yield tenant
        asyncio.run_coroutine_threadsafe(tenant.identity.down(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
