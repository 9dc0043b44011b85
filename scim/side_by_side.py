"""Reads side by side: many at once, but no more than a connection pool carries."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")

MOST_AT_ONCE = 32


async def side_by_side(read: Callable[[K], Awaitable[T]], keys: Iterable[K]) -> dict[K, T]:
    """Read what each key stands for, once, and return it by its key, in their order."""
    gate = asyncio.Semaphore(MOST_AT_ONCE)

    async def one(key: K) -> T:
        async with gate:
            return await read(key)

    distinct = list(dict.fromkeys(keys))
    return dict(zip(distinct, await asyncio.gather(*(one(key) for key in distinct)), strict=True))
