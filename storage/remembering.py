"""What was read a moment ago, so that a request need not ask again.

Nothing older than its time is ever given, also not when the store is down: a token may have been
revoked meanwhile, and whoever revoked it counts on the minute. Then a request gets the store's 503,
and its client comes back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from scim.deadlines import FRESH
from scim.errors import Unavailable

FRESH_ABSENCE = 5.0  # seconds that it is remembered that there is nothing
# Keys that this process has never found are anybody's guess: a flood of them takes this much of the
# store at a time, and no more than so many wait. What was found before is read beside it.
STRANGE_AT_ONCE = 16
MOST_STRANGE = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """What a row holds, and the row's ETag when it was read."""

    etag: str
    value: T


class Memory(Generic[T]):
    """What was found and what was not, by key, at most `most` of each.

    `read` asks the store; it is handed what is known, to be returned when the ETag is still the
    same: making a value from its row may be costly. What is not there is kept apart, for `absence`
    seconds, so that made-up keys push nothing out.
    """

    def __init__(
        self,
        read: Callable[[str, Known[T] | None], Awaitable[Known[T] | None]],
        *,
        clock: Callable[[], float],
        most: int,
        absence: float = FRESH_ABSENCE,
    ) -> None:
        self._read = read
        self._clock = clock
        self._most = most
        self._absence = absence
        self._found: dict[str, tuple[float, Known[T]]] = {}
        self._absent: dict[str, float] = {}
        self._reading: dict[str, asyncio.Task[Known[T] | None]] = {}
        self._strange = asyncio.Semaphore(STRANGE_AT_ONCE)
        self._strangers = 0
        self._writes = 0

    async def recall(self, key: str) -> Known[T] | None:
        """Give what was read lately; of many who ask at once, one asks the store for all.

        Raises Unavailable when too many ask for what was never found.
        """
        now = self._clock()
        until, known = self._found.get(key, (now, None))
        if until > now:
            return known
        if self._absent.get(key, now) > now:
            return None
        reading = self._reading.get(key)
        if reading is None:
            # A task of its own: the request that asked first may be cancelled, the others not.
            renewing = self.renew(key)
            if key not in self._found:
                renewing = self._in_turn(renewing)
            reading = self._reading[key] = asyncio.create_task(renewing)
            reading.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(reading)

    async def _in_turn(self, renewing: Coroutine[Any, Any, Known[T] | None]) -> Known[T] | None:
        if self._strangers >= MOST_STRANGE:
            renewing.close()
            raise Unavailable(
                "too many requests with tokens that are not known here: try again", retry_after=1
            )
        self._strangers += 1
        try:
            async with self._strange:
                return await renewing
        finally:
            self._strangers -= 1

    def renew(self, key: str) -> Coroutine[Any, Any, Known[T] | None]:
        """Read what is there now; its age counts from this call."""
        return self._renew(key, self._clock(), self._writes)

    async def _renew(self, key: str, since: float, writes: int) -> Known[T] | None:
        _, known = self._found.get(key, (since, None))
        found = await self._read(key, known)
        if writes == self._writes:  # else it may be what was there before
            self._keep(key, found, since)
        return found

    def wrote(self, key: str, known: Known[T] | None) -> None:
        """Remember what this process wrote, None when it removed it; what is being read is old."""
        self._writes += 1
        self._reading.pop(key, None)
        self._keep(key, known, self._clock())

    def forget(self, key: str) -> None:
        """Have the store asked again: this process wrote, and doesn't know what is there."""
        self.wrote(key, None)
        del self._absent[key]

    def _keep(self, key: str, known: Known[T] | None, since: float) -> None:
        self._found.pop(key, None)
        self._absent.pop(key, None)
        if known is None:
            _put(self._absent, key, since + self._absence, self._most)
        else:
            _put(self._found, key, (since + FRESH, known), self._most)

    def _end(self, key: str, done: asyncio.Task[Known[T] | None]) -> None:
        if self._reading.get(key) is done:
            del self._reading[key]
        if not done.cancelled():
            done.exception()  # whoever waits has it; asyncio warns of one that nobody asks for


def _put(kept: dict[str, Any], key: str, value: Any, most: int) -> None:
    while len(kept) >= most:
        del kept[next(iter(kept))]  # the one that was kept first
    kept[key] = value
