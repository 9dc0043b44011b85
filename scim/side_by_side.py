"""Reads side by side: many at once, but no more than a connection pool carries."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")

MOST_AT_ONCE = 32


async def side_by_side(
    read: Callable[[K], Awaitable[T]], keys: Iterable[K], *, most: int = MOST_AT_ONCE
) -> dict[K, T]:
    """Read what each key stands for, once, `most` at a time; return it by its key, in their order.

    When one read fails, those that are left are given up: a store that serves nobody would be asked
    for each of ten thousand members, long after the request was answered.
    """
    gate = asyncio.Semaphore(most)

    async def one(key: K) -> T:
        async with gate:
            return await read(key)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = {key: group.create_task(one(key)) for key in dict.fromkeys(keys)}
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return {key: each.result() for key, each in tasks.items()}
