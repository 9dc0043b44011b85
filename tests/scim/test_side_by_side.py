"""What is done at once comes to its end at once, also when a part of it fails."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from scim.side_by_side import side_by_side, together


async def give(what: str) -> str:
    await asyncio.sleep(0)
    return what


async def fail(error: Exception) -> str:
    await asyncio.sleep(0)
    raise error


async def long() -> str:
    await asyncio.sleep(60)
    return "late"


async def test_results_come_in_the_order_of_what_was_asked() -> None:
    assert await together(give("a"), give("b"), give("c")) == ("a", "b", "c")
    assert await side_by_side(give, ["b", "a", "b"]) == {"b": "b", "a": "a"}


async def in_pairs() -> object:
    return await together(long(), together(long(), fail(KeyError("first"))))


async def by_key() -> object:
    return await side_by_side(lambda n: long() if n else fail(KeyError("first")), range(5))


@pytest.mark.parametrize("work", [in_pairs, by_key])
async def test_the_first_error_ends_the_others_and_is_raised_itself(
    work: Callable[[], Awaitable[object]],
) -> None:
    """Nothing goes on behind a request that was answered: nobody would count what it reads."""
    before = asyncio.all_tasks()
    with pytest.raises(KeyError, match="first"):
        await work()
    assert asyncio.all_tasks() == before
