"""Long lists in ranges, side by side: everybody once, in order, and little of it at a time."""

import asyncio
import random
import uuid
from bisect import bisect_right
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.errors import Unavailable
from scim.ranges import AT_ONCE, BATCH, FEW, Reading, cuts, through
from scim.room import OWN, Load, Room


@dataclass
class Crowd:
    """Ids that are read a page at a time, with what is going on meanwhile."""

    ids: list[str]
    page: int = BATCH
    calls: int = 0
    running: int = 0
    most_running: int = 0
    held: int = 0
    most_held: int = 0

    async def read(self, after: str, before: str) -> AsyncGenerator[Sequence[str], None]:
        while True:
            self.calls += 1
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            await asyncio.sleep(0)
            self.running -= 1
            start = bisect_right(self.ids, after)
            some = [each for each in self.ids[start : start + self.page] if each < (before or "~")]
            self.held += len(some)
            self.most_held = max(self.most_held, self.held)
            yield some
            if len(some) < self.page:
                return
            after = some[-1]

    async def everybody(self, after: str = "", before: str = "", size: int = BATCH) -> list[str]:
        async def take(batch: Sequence[str]) -> list[str]:
            return list(batch)

        found: list[str] = []
        reading = Reading(self.read, str, take, lambda: None, size)
        async with aclosing(reading.everybody(after, before)) as batches:
            async for batch in batches:
                found += batch
                self.held -= len(batch)
        return found


def random_ids(number: int) -> list[str]:
    source = random.Random(7)
    return sorted(str(uuid.UUID(int=source.getrandbits(128))) for _ in range(number))


@pytest.mark.parametrize(("number", "calls"), [(0, 1), (999, 1), (1001, 3), (5000, 8)])
async def test_a_list_costs_about_a_call_for_each_thousand(number: int, calls: int) -> None:
    crowd = Crowd(random_ids(number))
    assert await crowd.everybody() == crowd.ids
    assert crowd.calls <= calls


async def test_a_long_list_is_read_side_by_side_and_little_is_held() -> None:
    crowd = Crowd(random_ids(100_000))
    assert await crowd.everybody() == crowd.ids
    assert crowd.most_running == AT_ONCE
    assert crowd.most_held <= (AT_ONCE + 2) * BATCH
    assert crowd.calls < 1.5 * len(crowd.ids) / BATCH


async def test_a_store_that_yields_little_of_what_it_reads_is_read_in_parts() -> None:
    """A page may hold few who match, or nobody, and be followed by others."""
    crowd = Crowd(random_ids(3000), page=10)
    found = await crowd.everybody()
    assert found == crowd.ids
    assert crowd.most_running == AT_ONCE


def tight(crowd: Crowd, few: Crowd, load: Load) -> Reading[str, str]:
    """Read so that `FEW` may be held without asking, and no more."""

    async def take(batch: Sequence[str]) -> list[str]:
        return list(batch)

    return Reading(crowd.read, str, take, lambda: None, likely=OWN // FEW, load=load, few=few.read)


@pytest.mark.parametrize(
    ("number", "small", "calls"), [(5, 1, 0), (FEW, 1, 1), (FEW + 1, 1, 1), (3000, 1, 6)]
)
async def test_where_there_is_little_room_a_few_are_read_first(
    number: int, small: int, calls: int
) -> None:
    crowd = Crowd(random_ids(number))
    few = Crowd(crowd.ids, page=FEW)
    with Room(shared=0).load("a") as load:
        found = [each async for some in tight(crowd, few, load).everybody() for each in some]
        assert found == crowd.ids
        assert few.calls == small
        assert crowd.calls <= calls
        assert load.held == 0


async def test_where_there_is_room_none_is_read_for_it() -> None:
    crowd, few = Crowd(random_ids(FEW + 1)), Crowd([])
    with Room().load("a") as load:
        found = [each async for some in tight(crowd, few, load).everybody() for each in some]
    assert (found, crowd.calls, few.calls) == (crowd.ids, 1, 0)


async def test_a_small_directory_waits_for_nobody_to_be_listed() -> None:
    """One of more than a few waits until there is room for what it is likely to take."""
    room, small, large = Room(shared=0, patience=0.01), random_ids(5), random_ids(FEW + 1)
    with room.load("noisy") as noisy, room.load("quiet") as load:
        await noisy.hold(OWN + 1)
        reading = tight(Crowd(small), Crowd(small, page=FEW), load)
        assert [each async for some in reading.everybody() for each in some] == small
        reading = tight(Crowd(large), Crowd(large, page=FEW), load)
        with pytest.raises(Unavailable):
            assert [some async for some in reading.everybody()]


async def test_who_stops_early_leaves_nothing_running() -> None:
    crowd = Crowd(random_ids(20_000))

    async def take(batch: Sequence[str]) -> list[str]:
        return list(batch)

    before = asyncio.all_tasks()
    async with aclosing(Reading(crowd.read, str, take, lambda: None).everybody()) as batches:
        seen = 0
        async for batch in batches:
            seen += len(batch)
            if seen > 3000:
                break
    assert asyncio.all_tasks() == before
    assert crowd.calls < 2 * AT_ONCE + 4


async def test_an_error_of_one_part_ends_all() -> None:
    crowd, before = Crowd(random_ids(20_000)), asyncio.all_tasks()

    async def take(batch: Sequence[str]) -> list[str]:
        if crowd.calls > 10:
            raise ValueError("enough")
        return list(batch)

    async def read() -> None:
        async with aclosing(Reading(crowd.read, str, take, lambda: None).everybody()) as batches:
            async for _ in batches:
                pass

    with pytest.raises(ValueError, match="enough"):
        await read()
    assert asyncio.all_tasks() == before


IDS = st.lists(st.text("09afgzAZ-", min_size=1, max_size=6), max_size=60)


@given(ids=IDS, page=st.integers(1, 7), after=st.sampled_from(["", "0", "a", "zz"]),
       before=st.sampled_from(["", "9", "f-", "z"]))  # fmt: skip
def test_whatever_ids_are_everybody_is_read_once(
    ids: list[str], page: int, after: str, before: str
) -> None:
    """Ids that are not hexadecimal make unequal parts, and no other difference."""
    crowd = Crowd(sorted(set(ids)), page)
    expected = [each for each in crowd.ids if after < each < (before or "~")]
    assert asyncio.run(crowd.everybody(after, before, page)) == expected


@given(seen=st.integers(0, 5000), ids=st.tuples(*[st.uuids().map(str)] * 3))
def test_parts_meet_and_leave_nothing_between(seen: int, ids: tuple[str, str, str]) -> None:
    after, last, before = sorted(ids)
    parts = cuts(seen, after, last, before)
    assert parts[0][0] == last
    assert parts[-1][1] == before
    assert all(one[1] == other[0] for one, other in pairwise(parts))
    assert all(first < end for first, end in parts if last != before)


def test_the_end_of_a_range_can_include_an_id() -> None:
    assert sorted(["a10", "a1-", "a1", through("a1")]) == ["a1", through("a1"), "a1-", "a10"]
