"""Reads side by side: many at once, but no more than a connection pool carries.

When one fails, the others are ended before the error is raised: nothing goes on behind its request.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar, overload

K = TypeVar("K")
T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

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

    each_once = list(dict.fromkeys(keys))
    found = await together(*(one(key) for key in each_once))
    return dict(zip(each_once, found, strict=True))


@overload
async def together(
    first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B], /
) -> tuple[A, B]: ...


@overload
async def together(
    first: Coroutine[Any, Any, A],
    second: Coroutine[Any, Any, B],
    third: Coroutine[Any, Any, C],
    /,
) -> tuple[A, B, C]: ...


@overload
async def together(*some: Coroutine[Any, Any, T]) -> tuple[T, ...]: ...


async def together(*some: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
    """Do a few things at once and return what each gave; the first error ends all the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in some]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return tuple(each.result() for each in tasks)
