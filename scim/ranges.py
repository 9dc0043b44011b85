"""Reading everybody of a type in the order of ids: what is long is read in ranges, side by side.

Ids are random (`scim/ids.py`), so equal parts of the space of ids hold about as many of them. Of
ids of another kind the parts are less equal, and nobody is read twice or left out. What is held at
a time is what a few ranges hold, however many there are in all.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")

BATCH = 1000  # rows that are asked for at a time, the store's own page
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
    """

    read: Callable[[str, str], AsyncGenerator[Sequence[T], None]]
    id: Callable[[T], str]
    take: Callable[[Sequence[T]], Awaitable[list[U]]]
    go_on: Callable[[], None]
    size: int = BATCH

    async def everybody(self, after: str = "", before: str = "") -> AsyncGenerator[list[U], None]:
        """Yield what is taken of all with `after` < id < `before`, in their order.

        The first batch is read alone: most lists are no longer, and it tells how many follow.
        """
        seen, last, short = 0, after, 0
        async with aclosing(self.read(after, before)) as batches:
            while short < 2:  # a short one may still be followed by others
                batch = await anext(batches, None)
                if batch is None:
                    return
                seen, last = seen + len(batch), self.id(batch[-1]) if batch else last
                yield await self.take(batch)
                self.go_on()
                if len(batch) >= self.size:
                    break
                short += 1
        async with aclosing(self._side_by_side(cuts(seen, after, last, before))) as parts:
            async for part in parts:
                yield part

    async def one_by_one(self, after: str = "", before: str = "") -> AsyncGenerator[list[U], None]:
        """Yield the same, batch after batch: for who stops after a few."""
        async with aclosing(self.read(after, before)) as batches:
            async for batch in batches:
                yield await self.take(batch)
                self.go_on()

    async def _side_by_side(
        self, ranges: Sequence[tuple[str, str]]
    ) -> AsyncGenerator[list[U], None]:
        waiting, left = deque[asyncio.Task[list[U]]](), iter(ranges)
        try:
            while True:
                while len(waiting) < AT_ONCE and (ends := next(left, None)) is not None:
                    waiting.append(asyncio.create_task(self._range(*ends)))
                if not waiting:
                    return
                yield await waiting[0]
                waiting.popleft()
        finally:
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _range(self, after: str, before: str) -> list[U]:
        found: list[U] = []
        async with aclosing(self.one_by_one(after, before)) as batches:
            async for taken in batches:
                found += taken
        return found


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
