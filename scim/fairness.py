"""Each directory's share of this process: so many requests a second, so many at a time.

A directory that asks for more is slowed down first, for clients such as Entra's job count refused
requests against it; what would wait too long, or behind too many, is 429 with Retry-After. Nobody
waits for another directory: its own requests alone stand before it, and the more directories have
requests here, the fewer of each are done at a time.

Rate: a token bucket, kept as the time at which it is full again. It is per process, as is all of
this: N instances allow N times as much.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from scim.errors import TooManyRequests
from scim.limits import Limits

PATIENCE = 10.0  # seconds that a request waits for its turn at most
MOST_WAITING = 200  # requests of a directory
AT_ONCE = 32  # requests that the directories which have some share between them
LEAST = 2  # that each has at a time, however many share
_NO_WAIT = 0.001  # seconds that nobody waits for
_MOST_KNOWN = 10_000  # directories whose rate is remembered: those that asked last


@dataclass(slots=True)
class _Lane:
    """One directory's requests: those that run, those that wait for their turn."""

    running: int = 0
    sleeping: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def behind(self) -> int:
        return self.sleeping + len(self.waiting)

    @property
    def empty(self) -> bool:
        return not (self.running or self.sleeping or self.waiting)


class Fairness:
    """Gives each request its turn, by directory; `clock` counts seconds and never goes back."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience: float = PATIENCE,
        at_once: int = AT_ONCE,
        most: int = _MOST_KNOWN,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._patience = patience
        self._at_once = at_once
        self._most = most
        self._full: dict[str, float] = {}
        self._lanes: dict[str, _Lane] = {}

    @asynccontextmanager
    async def turn(self, directory: str, limits: Limits) -> AsyncIterator[None]:
        """Wait for a request's turn, and hold it while it runs. Raises TooManyRequests."""
        lane, begun = self._lanes.setdefault(directory, _Lane()), False
        try:
            await self._in_rate(directory, limits, lane)
            await self._in_share(lane)
            begun = True
            yield
        finally:
            lane.running -= begun
            self._leave(directory, lane)

    def charge(self, directory: str, limits: Limits) -> None:
        """Count one more request of what is let in already: an operation of a bulk request."""
        if limits.requests_per_second:
            now = self._clock()
            full = max(self._full.get(directory, now), now)
            self._keep(directory, full + 1 / limits.requests_per_second)

    async def _in_rate(self, directory: str, limits: Limits, lane: _Lane) -> None:
        """Take from the bucket, and wait until what was taken is there."""
        if lane.behind >= MOST_WAITING:
            raise _too_many(1)
        if not (rate := limits.requests_per_second):
            return
        now = self._clock()
        full = max(self._full.get(directory, now), now) + 1 / rate
        wait = full - now - limits.burst / rate
        if wait > self._patience:
            raise _too_many(wait)
        self._keep(directory, full)
        if wait > _NO_WAIT:
            lane.sleeping += 1
            try:
                await self._sleep(wait)
            finally:
                lane.sleeping -= 1

    async def _in_share(self, lane: _Lane) -> None:
        """Begin when fewer than its share run, in the order in which they came."""
        if not lane.waiting and lane.running < self._share:
            lane.running += 1
            return
        turn, begun = asyncio.get_running_loop().create_future(), False
        lane.waiting.append(turn)
        try:
            async with asyncio.timeout(self._patience):
                await turn
                begun = True
        except TimeoutError as error:
            raise _too_many(1) from error
        finally:
            if not begun and turn.done() and not turn.cancelled():
                lane.running -= 1  # its turn came as it left
            with suppress(ValueError):
                lane.waiting.remove(turn)

    @property
    def _share(self) -> int:
        return max(LEAST, self._at_once // max(len(self._lanes), 1))

    def _leave(self, directory: str, lane: _Lane) -> None:
        if not lane.empty:
            self._call(lane)
            return
        before = self._share
        del self._lanes[directory]
        if self._share > before:  # those that stay may begin more
            for each in self._lanes.values():
                self._call(each)

    def _call(self, lane: _Lane) -> None:
        """Begin those of a directory who wait, as many as its share allows."""
        while lane.waiting and lane.running < self._share:
            turn = lane.waiting.popleft()
            if not turn.done():
                lane.running += 1
                turn.set_result(None)

    def _keep(self, directory: str, full: float) -> None:
        self._full.pop(directory, None)
        while len(self._full) >= self._most:
            del self._full[next(iter(self._full))]  # the one that asked longest ago
        self._full[directory] = full


def _too_many(wait: float) -> TooManyRequests:
    return TooManyRequests(
        "this directory sends more requests than its share of the service: send fewer at a time, or"
        " have requestsPerSecond raised in the limits of its rules",
        retry_after=max(1, math.ceil(wait)),
    )
