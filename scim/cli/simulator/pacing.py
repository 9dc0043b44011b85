"""At most so many requests in a second, and so many things at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from scim.cli.simulator.wire import Received, Send, Sent

Item = TypeVar("Item")
Sleep = Callable[[float], Awaitable[None]]


def paced(send: Send, rate: float, *, clock: Callable[[], float], sleep: Sleep) -> Send:
    """Give a send that begins at most `rate` requests per second, evenly; `clock` is in seconds."""
    due = clock()

    async def send_in_time(sent: Sent) -> Received:
        nonlocal due
        now = clock()
        due = max(due, now) + 1 / rate
        if (wait := due - 1 / rate - now) > 0:
            await sleep(wait)
        return await send(sent)

    return send_in_time


async def side_by_side(
    items: Iterable[Item], do: Callable[[Item], Awaitable[None]], limit: int
) -> None:
    """Do something with each item, `limit` at once; after an exception no other one is begun.

    The first exception is raised when all that had begun has ended.
    """
    waiting = iter(items)
    failed = False

    async def work() -> None:
        nonlocal failed
        for item in waiting:
            done = False
            try:
                await do(item)
                done = True
            finally:
                failed = failed or not done
            if failed:
                return

    results = await asyncio.gather(*(work() for _ in range(limit)), return_exceptions=True)
    for each in results:
        if isinstance(each, BaseException):
            raise each
