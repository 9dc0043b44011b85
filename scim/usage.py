"""When a credential was last used: noted beside the request, which never waits for it."""

import asyncio
import logging
from datetime import datetime, timedelta

from scim.ids import timestamp
from scim.registry import Credential, Registry
from scim.values import parse_datetime

EXACT = timedelta(minutes=5)  # a use within this time of the last that was noted isn't noted
_MOST = 10_000  # credentials whose last note is remembered
_FINISH_SECONDS = 5  # for notes that are being written when the server closes

_logger = logging.getLogger("scim.usage")


def is_due(credential: Credential, at: str) -> bool:
    """Tell whether a use at this time (RFC 3339) is to be noted."""
    if credential.last_used is None:
        return True
    try:
        return parse_datetime(at) - parse_datetime(credential.last_used) >= EXACT
    except ValueError:
        return True


class Usage:
    """Notes uses in the background: one attempt per credential in five minutes."""

    def __init__(
        self, registry: Registry, patience: float = _FINISH_SECONDS, most: int = _MOST
    ) -> None:
        self._registry = registry
        self._patience = patience
        self._most = most
        self._attempts: dict[str, datetime] = {}
        self._running: set[asyncio.Task[None]] = set()  # a task that nobody holds may vanish

    def note(self, credential: Credential, now: datetime) -> None:
        """Note that a credential was used; returns at once."""
        last = self._attempts.get(credential.id)
        if (last is not None and now - last < EXACT) or not is_due(credential, timestamp(now)):
            return
        self._attempts.pop(credential.id, None)
        while len(self._attempts) >= self._most:
            del self._attempts[next(iter(self._attempts))]
        self._attempts[credential.id] = now
        task = asyncio.create_task(self._registry.touch(credential.id, timestamp(now)))
        self._running.add(task)
        task.add_done_callback(lambda done: self._end(credential.id, done))

    async def close(self) -> None:
        """Wait for what is being written; end what takes longer than `patience` seconds."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self._patience)
            for each in late:
                each.cancel()

    def _end(self, credential: str, done: asyncio.Task[None]) -> None:
        self._running.discard(done)
        if not done.cancelled() and (error := done.exception()) is not None:
            _logger.warning("the use of credential %s could not be noted: %r", credential, error)
