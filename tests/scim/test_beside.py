"""What no request waits for (scim/beside.py)."""

import asyncio

from scim.beside import Beside


async def test_a_failure_is_told_and_stops_nothing() -> None:
    told: list[BaseException] = []
    done: list[int] = []

    async def work(number: int) -> None:
        if number == 1:
            raise LookupError
        done.append(number)

    beside = Beside()
    for number in range(3):
        beside.start(work(number), told.append)
    await beside.close()
    assert done == [0, 2]
    assert [type(each) for each in told] == [LookupError]


async def test_only_so_much_is_done_at_once() -> None:
    """While the store hangs, what comes on top is left out: nothing piles up."""
    gate, done = asyncio.Event(), []

    async def work(number: int) -> None:
        await gate.wait()
        done.append(number)

    beside = Beside(most=2)
    for number in range(5):
        beside.start(work(number), lambda _: None)
    gate.set()
    await beside.close()
    beside.start(work(9), lambda _: None)
    await beside.close()
    assert done == [0, 1, 9]
