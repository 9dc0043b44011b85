"""Whether the store answers, asked by anybody and as often as anybody likes."""

import asyncio
import json
import logging

import pytest

from scim.errors import Unavailable
from scim.readiness import FRESH, Readiness, alive


class Store:
    """A store that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 0.0
        self.fails: Exception | None = None
        self.waits: asyncio.Event | None = None

    async def ready(self) -> None:
        self.asked += 1
        if self.waits is not None:
            await self.waits.wait()
        if self.fails is not None:
            raise self.fails

    def clock(self) -> float:
        return self.now


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    return [json.loads(each.message) for each in caplog.records if each.name == "scim.event"]


def test_alive_asks_nothing() -> None:
    answer = alive()
    assert (answer.status, answer.document) == (200, None)
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_store_is_asked_once_in_five_seconds() -> None:
    """However many ask; both what is there and what is away counts for so long."""
    store = Store()
    readiness = Readiness(store.ready, clock=store.clock)
    assert [(await readiness.answer()).status for _ in range(9)] == [200] * 9
    assert store.asked == 1
    store.fails = Unavailable("the storage is busy or down: try again", retry_after=60)
    store.now += FRESH - 0.1
    assert (await readiness.answer()).status == 200
    store.now += 0.2
    assert [(await readiness.answer()).status for _ in range(9)] == [503] * 9
    assert store.asked == 2
    store.fails = None
    store.now += FRESH
    assert (await readiness.answer()).status == 200


async def test_of_many_who_ask_at_once_one_asks_the_store() -> None:
    """And it is asked to the end, when the first of them goes."""
    store = Store()
    store.waits = asyncio.Event()
    readiness = Readiness(store.ready, clock=store.clock)
    first, *others = [asyncio.create_task(readiness.answer()) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    store.waits.set()
    assert {each.status for each in await asyncio.gather(*others)} == {200}
    assert first.cancelled()
    assert store.asked == 1


async def test_a_store_that_is_away_is_a_503_that_says_when_to_come_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log has the reason once; the answer has none."""
    caplog.set_level(logging.INFO, "scim")
    store = Store()
    store.fails = Unavailable("the storage is busy or down: try again", retry_after=60)
    readiness = Readiness(store.ready, clock=store.clock)
    answers = [await readiness.answer() for _ in range(3)]
    assert {(each.status, each.document, each.headers["Retry-After"]) for each in answers} == {
        (503, None, "5")
    }
    assert events(caplog) == [
        {"event": "not ready", "reason": "the storage is busy or down: try again"}
    ]


async def test_a_store_that_hangs_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "scim")
    store = Store()
    store.waits = asyncio.Event()
    readiness = Readiness(store.ready, clock=store.clock, longest=0.01)
    assert (await readiness.answer()).status == 503
    assert events(caplog) == [{"event": "not ready", "reason": "the storage does not answer"}]


async def test_a_bug_is_a_503_with_one_traceback(caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    store.fails = KeyError("nobody expects it")
    answer = await Readiness(store.ready, clock=store.clock).answer()
    assert (answer.status, answer.document) == (503, None)
    [record] = [each for each in caplog.records if each.name == "scim.readiness"]
    assert record.exc_info is not None
