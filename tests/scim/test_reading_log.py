"""Which entries of a directory's log are shown, and how new ones are waited for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scim import ids
from scim.journal import Entry
from scim.reading_log import LATE, Wanted, follow, read
from storage.memory import MemoryRepository
from storage.memory_rows import Partition

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def entry(seconds: float = 0, **facts: object) -> Entry:
    at = START + timedelta(seconds=seconds)
    return replace(Entry(ids.change_id(at), ids.timestamp(at), "refuse"), **facts)  # type: ignore[arg-type] # names of fields


REFUSED = entry(
    operation="PATCH /Users/{id}", status=400, resource="u1", credential="k1", request="r1"
)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (Wanted(), True),
        (Wanted(status="400"), True),
        (Wanted(status="4xx"), True),
        (Wanted(status="4XX"), True),
        (Wanted(status="409"), False),
        (Wanted(status="2xx"), False),
        (Wanted(status="4"), False),
        (Wanted(operation="patch"), True),
        (Wanted(operation="/users"), True),
        (Wanted(operation="/Groups"), False),
        (Wanted(resource="u1"), True),
        (Wanted(resource="u"), False),
        (Wanted(credential="k1", request="r1"), True),
        (Wanted(credential="k1", request="r2"), False),
    ],
)
def test_an_entry_fits_what_is_wanted(wanted: Wanted, fits: bool) -> None:
    assert wanted.fits(REFUSED) is fits


async def test_since_is_inside_and_until_outside() -> None:
    repository = MemoryRepository(Partition())
    entries = [entry(each) for each in range(5)]
    await repository.record(*entries)
    second = timedelta(seconds=1)
    wanted = Wanted(since=START + second, until=START + 3 * second)
    assert [each async for each in read(repository, wanted)] == entries[1:3]
    assert [each async for each in read(repository, Wanted())] == entries


class Time:
    """A clock that goes on when it is slept; `events` happen at their second."""

    def __init__(self, repository: MemoryRepository, events: dict[int, list[Entry]]) -> None:
        self.now = START
        self._repository = repository
        self._events = events

    def clock(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.now += timedelta(seconds=1)
            second = round((self.now - START).total_seconds())
            await self._repository.record(*self._events.get(second, []))


async def test_following_shows_each_entry_once() -> None:
    """Also one whose request began before others that are shown, as long as it isn't too late."""
    repository = MemoryRepository(Partition())
    known, new, newer = entry(-1), entry(1), entry(200)
    long_ago, slow = entry(-60), entry(190 - LATE.total_seconds() + 5)
    await repository.record(known)
    time = Time(repository, {2: [new], 4: [long_ago], 190: [slow], 200: [newer]})
    wanted = Wanted(until=START + timedelta(seconds=250))
    shown = follow(repository, wanted, clock=time.clock, sleep=time.sleep)
    assert [each async for each in shown] == [known, new, long_ago, slow, newer]


async def test_following_begins_where_it_is_told() -> None:
    repository = MemoryRepository(Partition())
    before, since, other = entry(-20), entry(-10), entry(1, operation="POST /Users")
    await repository.record(before, since)
    time = Time(repository, {1: [other]})
    wanted = Wanted(since=START - timedelta(seconds=15), until=START + timedelta(seconds=5))
    shown = follow(repository, wanted, clock=time.clock, sleep=time.sleep)
    assert [each async for each in shown] == [since, other]
    time.now = START
    wanted = replace(wanted, operation="post")
    shown = follow(repository, wanted, clock=time.clock, sleep=time.sleep)
    assert [each async for each in shown] == [other]
