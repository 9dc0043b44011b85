"""Each directory's share of a process: rate, burst, how many at a time (`scim/fairness.py`)."""

import asyncio
from dataclasses import dataclass, field

import pytest

from scim.errors import TooManyRequests
from scim.fairness import LEAST, MOST_WAITING, Fairness
from scim.limits import Limits

SLOW = Limits(requests_per_second=10, burst=5)
UNLIMITED = Limits(requests_per_second=0)


@dataclass
class Clock:
    """Time that passes when somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def take(fair: Fairness, number: int, limits: Limits, directory: str = "a") -> None:
    for _ in range(number):
        async with fair.turn(directory, limits):
            pass


async def test_a_burst_passes_and_what_follows_is_slowed_to_the_rate() -> None:
    clock = Clock()
    fair = Fairness(clock=clock, sleep=clock.sleep)
    await take(fair, 5, SLOW)
    assert clock.slept == []
    await take(fair, 20, SLOW)
    assert clock.slept == pytest.approx([0.1] * 20)
    clock.now += 0.5
    clock.slept.clear()
    await take(fair, 5, SLOW)
    assert clock.slept == []


async def test_a_bucket_is_no_fuller_than_its_burst_after_a_long_while() -> None:
    clock = Clock()
    fair = Fairness(clock=clock, sleep=clock.sleep)
    await take(fair, 1, SLOW)
    clock.now += 3600
    await take(fair, 6, SLOW)
    assert clock.slept == pytest.approx([0.1])


async def test_who_would_wait_too_long_is_refused_and_told_how_long() -> None:
    """What is refused takes nothing from the bucket: it is full again when it says."""
    clock = Clock()
    fair = Fairness(clock=clock, sleep=clock.sleep, patience=0.25)
    await take(fair, 5, SLOW)
    for _ in range(30):
        fair.charge("a", SLOW)
    for _ in range(10):
        with pytest.raises(TooManyRequests) as refused:
            await take(fair, 1, SLOW)
    assert refused.value.headers["Retry-After"] == "4"
    assert "requestsPerSecond" in refused.value.detail
    clock.now += 4
    await take(fair, 1, SLOW)


async def test_directories_have_buckets_of_their_own() -> None:
    clock = Clock()
    fair = Fairness(clock=clock, sleep=clock.sleep)
    await take(fair, 5, SLOW, "a")
    await take(fair, 5, SLOW, "b")
    assert clock.slept == []


async def test_without_a_rate_nobody_is_slowed() -> None:
    clock = Clock()
    fair = Fairness(clock=clock, sleep=clock.sleep)
    await take(fair, 5000, UNLIMITED)
    assert clock.slept == []


async def test_what_is_remembered_is_bounded() -> None:
    fair = Fairness(clock=Clock(), most=3)
    for number in range(10):
        await take(fair, 1, SLOW, str(number))
    assert list(fair._full) == ["7", "8", "9"]
    assert fair._lanes == {}


@dataclass
class Work:
    """Requests that run until they are let go."""

    fair: Fairness
    running: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self, directory: str) -> None:
        async with self.fair.turn(directory, UNLIMITED):
            self.running[directory] = self.running.get(directory, 0) + 1
            self.most[directory] = max(self.most.get(directory, 0), self.running[directory])
            await self.go.wait()
            await asyncio.sleep(0)
            self.running[directory] -= 1

    async def begin(self, directory: str, number: int) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self.request(directory)) for _ in range(number)]
        await asyncio.sleep(0)
        return tasks


async def test_a_directory_alone_has_all_of_it_and_two_have_half_each() -> None:
    work = Work(Fairness(at_once=8))
    noisy = await work.begin("noisy", 50)
    assert work.running == {"noisy": 8}
    quiet = await work.begin("quiet", 1)
    assert work.running["quiet"] == 1, "who comes with one request never waits for others"
    work.most.clear()
    work.go.set()
    await asyncio.gather(*noisy, *quiet)
    assert work.running == {"noisy": 0, "quiet": 0}
    assert work.fair._lanes == {}


async def test_a_share_shrinks_as_others_come_and_grows_as_they_go() -> None:
    work, other = Work(Fairness(at_once=8)), asyncio.Event()
    own = [asyncio.create_task(hold(work.fair, "other", other)) for _ in range(3)]
    await asyncio.sleep(0)
    tasks = await work.begin("a", 50)
    assert work.running == {"a": 4}
    other.set()
    await asyncio.gather(*own)
    await asyncio.sleep(0)
    assert work.running == {"a": 8}
    work.go.set()
    await asyncio.gather(*tasks)


async def hold(fair: Fairness, directory: str, until: asyncio.Event) -> None:
    async with fair.turn(directory, UNLIMITED):
        await until.wait()


async def test_however_many_share_each_has_some() -> None:
    work = Work(Fairness(at_once=8))
    tasks = [each for n in range(20) for each in await work.begin(str(n), 5)]
    assert all(work.running[str(n)] >= LEAST for n in range(20))
    work.go.set()
    await asyncio.gather(*tasks)
    assert work.fair._lanes == {}


async def test_those_of_one_directory_run_in_the_order_in_which_they_came() -> None:
    fair, order = Fairness(at_once=1), []

    async def one(number: int) -> None:
        async with fair.turn("a", UNLIMITED):
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(one(number) for number in range(20)))
    assert order == list(range(20))


async def test_only_so_many_wait_and_only_so_long() -> None:
    work = Work(Fairness(at_once=4, patience=0.05))
    tasks = await work.begin("a", 4 + MOST_WAITING)
    with pytest.raises(TooManyRequests):
        await work.request("a")
    done = await asyncio.gather(*tasks[4:], return_exceptions=True)
    assert {type(each) for each in done} == {TooManyRequests}
    work.go.set()
    await asyncio.gather(*tasks[:4])
    assert work.fair._lanes == {}


async def test_who_gives_up_leaves_nothing_behind() -> None:
    """Also when a turn comes at the moment at which its request is ended."""
    for late in (False, True):
        work = Work(Fairness(at_once=2))
        tasks = await work.begin("a", 6)
        if late:
            work.go.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        for each in tasks[2:5]:
            each.cancel()
        work.go.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert work.fair._lanes == {}
