"""Reading everybody of a type in the order of ids: what is long is read in ranges, side by side.

Ids are random (`scim/ids.py`), so equal parts of the space of ids hold about as many of them. Of
ids of another kind the parts are less equal, and nobody is read twice or left out. What is held at
a time is what a few ranges hold, however many there are in all: the fewer, the less room there is.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, TypeVar

from scim.room import Load

T = TypeVar("T")
U = TypeVar("U")

BATCH = 1000  # rows that are asked for at a time, the store's own page
FEW = 50  # rows that are asked for first when there is little room: many a directory has no more
AT_ONCE = 8  # ranges
_HELD = 800  # rows of a range, about: so few that nearly each range is one call
_MOST_PARTS = 4096
# Into so many parts goes what yields little of what the store reads: it may be very long.
_SPARSE = 16
_DIGITS = 8  # of an id that tell its place: 4 billion of them
_BEFORE_ANY = "!"  # comes before everything that an id may hold


def through(id: str) -> str:
    """Give the end of a range (`before`) that includes an id, and nobody after it."""
    return id + _BEFORE_ANY


@dataclass(frozen=True, slots=True)
class Reading(Generic[T, U]):
    """How a type is read: `read(after, before)` yields batches of at most `size` in order.

    `take` keeps of a batch what is wanted. `go_on` is asked before each further one, and may raise.
    `load` is told how many bytes are held, which `weigh` tells of what was read or taken; `likely`
    is what one takes that nobody has read yet. `few` reads the same, at most `FEW` at a time.
    """

    read: Callable[[str, str], AsyncGenerator[Sequence[T], None]]
    id: Callable[[T], str]
    take: Callable[[Sequence[T]], Awaitable[list[U]]]
    go_on: Callable[[], None]
    size: int = BATCH
    weigh: Callable[[Sequence[T | U]], int] = lambda _: 0
    likely: int = 0
    load: Load = field(default_factory=Load)
    few: Callable[[str, str], AsyncGenerator[Sequence[T], None]] | None = None

    async def everybody(self, after: str = "", before: str = "") -> AsyncGenerator[list[U], None]:
        """Yield what is taken of all with `after` < id < `before`, in their order.

        The first batch is read alone: most lists are no longer, and it tells how many follow.
        """
        seen, last, short, heaviest = 0, after, 0, 0
        async with aclosing(self._batches(after, before)) as batches:
            async for batch, taken in batches:
                seen, last = seen + len(batch), self.id(batch[-1]) if batch else last
                short += self.few is None or len(batch) != FEW
                heaviest = max(heaviest, self.weigh(batch))
                # A short one may still be followed by others; one of a few says nothing.
                enough = len(batch) >= self.size or short == 2
                yield taken
                if enough:
                    break
            else:
                return
        ranges = cuts(seen, after, last, before)
        async with aclosing(self._side_by_side(ranges, heaviest)) as parts:
            async for part in parts:
                yield part

    async def one_by_one(self, after: str = "", before: str = "") -> AsyncGenerator[list[U], None]:
        """Yield the same, batch after batch: for who stops after a few."""
        async with aclosing(self._batches(after, before)) as batches:
            async for _, taken in batches:
                yield taken

    async def _batches(
        self, after: str, before: str
    ) -> AsyncGenerator[tuple[Sequence[T], list[U]], None]:
        """Yield batches and what is taken of them: a small one first, when there is little room."""
        last = after
        if self.few is not None and not self.load.fits(self.likely * self.size):
            few = self._held(self.few(after, before), self.likely * FEW)
            async with aclosing(few) as batches:
                async for batch, taken in batches:
                    yield batch, taken
                    if len(batch) >= FEW:
                        last = self.id(batch[-1])
                        break
                else:
                    return
        async with aclosing(self._held(self.read(last, before), self.likely * self.size)) as most:
            async for batch, taken in most:
                yield batch, taken

    async def _held(
        self, read: AsyncGenerator[Sequence[T], None], likely: int
    ) -> AsyncGenerator[tuple[Sequence[T], list[U]], None]:
        """Yield batches and what is taken of them; held before they are read, lest many wait."""
        async with aclosing(read) as batches:
            while True:
                await self.load.hold(likely)
                batch = await anext(batches, None)
                weight = self.weigh(batch or ())
                self.load.free(max(likely - weight, 0))
                if batch is None:
                    return
                await self.load.hold(max(weight - likely, 0))
                try:
                    yield batch, await self.take(batch)
                finally:  # what is kept of it is held by who keeps it
                    self.load.free(weight)
                likely = weight
                self.go_on()

    async def _side_by_side(
        self, ranges: Sequence[tuple[str, str]], weight: int
    ) -> AsyncGenerator[list[U], None]:
        """Yield range after range; `weight` is what one takes, about.

        Others are read beside the one that is next as long as there is room for them.
        """
        waiting, left = deque[asyncio.Task[tuple[list[U], int]]](), deque(ranges)
        try:
            while left or waiting:
                if not waiting:
                    await self.load.hold(weight)
                    waiting.append(asyncio.create_task(self._range(*left.popleft(), weight)))
                while left and len(waiting) < AT_ONCE and self.load.spare(weight):
                    waiting.append(asyncio.create_task(self._range(*left.popleft(), weight)))
                part, held = await waiting[0]
                yield part
                waiting.popleft()
                self.load.free(held)
        finally:
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _range(self, after: str, before: str, held: int) -> tuple[list[U], int]:
        """Read a range, for which so many bytes are held; second: how many are in the end."""
        found, kept = list[U](), 0
        async with aclosing(self.read(after, before)) as batches:
            async for batch in batches:
                taken = await self.take(batch)
                self.go_on()
                kept += self.weigh(taken)
                if kept > held:
                    await self.load.hold(kept - held)
                    held = kept
                found += taken
        return found, held


def cuts(seen: int, after: str, last: str, before: str) -> list[tuple[str, str]]:
    """Cut what lies between `last` and `before`, when `seen` lie between `after` and `last`."""
    begin, end = _place(last), _place(before) if before else 1.0
    behind = begin - _place(after)
    expected = seen * (end - begin) / behind if behind > 0 else 0
    parts = max(1, math.ceil(expected / _HELD), _SPARSE if seen < _HELD else 1)
    number = min(parts, _MOST_PARTS)
    steps = (begin + (end - begin) * step / number for step in range(1, number))
    between = [each for each in (_id(step) for step in steps) if last < each < (before or "~")]
    bounds = [last, *dict.fromkeys(between), before]
    return list(pairwise(bounds))


def _place(id: str) -> float:
    """Tell where in the space of ids one lies, 0 to 1; of one that is not hexadecimal, about."""
    digits = "".join(min(max(each, "0"), "f") for each in id[:_DIGITS].ljust(_DIGITS, "0"))
    plain = "".join(each if each in "0123456789abcdef" else "9" for each in digits)
    return float(int(plain, 16)) / 16.0**_DIGITS


def _id(place: float) -> str:
    """Make the bound of a range that lies at a place; no id is equal to it."""
    return through(f"{int(place * 16**_DIGITS):0{_DIGITS}x}")
