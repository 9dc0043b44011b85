"""What requests hold between them is bounded, and all of them come to their end."""

import asyncio
from contextlib import AsyncExitStack, ExitStack, suppress

import pytest

from scim.errors import TooMany, Unavailable
from scim.limits import LARGEST_BODY
from scim.room import OWN, Load, Room

PART, SHARED, MOST = 100, 200, 1000  # bytes beyond what is each request's own


def room(patience: float = 5.0) -> Room:
    return Room(shared=SHARED, part=PART, each=SHARED, most=OWN + MOST, patience=patience)


async def waits(step: "asyncio.Task[None]") -> bool:
    """Tell whether a request still waits when all that can go on has."""
    for _ in range(5):
        await asyncio.sleep(0)
    return not step.done()


async def test_a_little_is_each_requests_own() -> None:
    """Whatever others hold."""
    shared = room()
    async with AsyncExitStack() as stack:
        loads = [stack.enter_context(shared.load("a")) for _ in range(100)]
        for each in loads:
            await each.hold(OWN)
    assert shared.used == 0


async def test_a_request_beyond_its_part_goes_on_alone() -> None:
    """A second one waits until it has ended."""
    shared = room()
    with shared.load("a") as first, shared.load("a") as second:
        await first.hold(OWN + PART + 1)
        step = asyncio.create_task(second.hold(OWN + PART + 1))
        assert await waits(step)
        await first.hold(MOST - PART - 1)
        first.free(first.held)
        await step


async def test_those_within_their_part_need_not_wait_for_it() -> None:
    shared = room()
    with shared.load("a") as first, shared.load("a") as second:
        await first.hold(OWN + PART + 1)
        await second.hold(OWN + PART)


async def test_what_is_shared_can_be_used_up() -> None:
    """Who comes then goes on alone, and the next one waits for any of them."""
    shared = room()
    with shared.load("a") as first, shared.load("a") as second, shared.load("a") as third:
        for each in (first, second, third):
            await each.hold(OWN + PART)
        with shared.load("a") as fourth:
            step = asyncio.create_task(fourth.hold(OWN + 1))
            assert await waits(step)
            second.free(1)
            await step


async def test_requests_that_grow_side_by_side_all_come_to_their_end() -> None:
    """No two wait for each other, in whichever order they take more; never is too much held."""
    shared, most, held = room(), 0, 0

    async def one(number: int) -> None:
        nonlocal most, held
        with shared.load(f"{number % 3}") as load:
            await load.hold(OWN)
            for _ in range(9):
                await load.hold(MOST // 10)
                held += MOST // 10
                most = max(most, held)
                await asyncio.sleep(0)
            held -= load.held - OWN

    await asyncio.gather(*(one(number) for number in range(30)))
    assert shared.used == 0
    assert most <= SHARED + MOST


async def test_reads_of_the_one_that_goes_on_alone_pass_those_that_wait() -> None:
    """Its own reads side by side don't stand behind another request's."""
    shared = room()
    with shared.load("a") as first, shared.load("a") as second, shared.load("a") as third:
        await first.hold(OWN + PART + 1)
        await second.hold(OWN + PART)
        steps = second.hold(1), third.hold(OWN + PART + 1), second.hold(1)
        reads = [asyncio.create_task(each) for each in steps]
        assert all([await waits(each) for each in reads])
        first.free(first.held)
        await asyncio.gather(reads[0], reads[2])
        assert await waits(reads[1])
        second.free(second.held)
        await reads[1]


async def test_directories_take_turns() -> None:
    """One that sends many large requests does not keep another one waiting for all of them."""
    shared, order = room(), list[str]()

    async def one(directory: str) -> None:
        with shared.load(directory) as load:
            await load.hold(OWN + PART + 1)
            order.append(directory)
            await asyncio.sleep(0)

    await asyncio.gather(*(one(each) for each in ["noisy"] * 5 + ["quiet"]))
    assert order.index("quiet") == 1


async def test_who_came_first_goes_on_first() -> None:
    """Though it takes its part in many steps: else all would end late, and none soon."""
    shared, order = room(), list[int]()

    async def one(number: int) -> None:
        with shared.load("a") as load:
            for _ in range(20):
                await load.hold((OWN + MOST) // 20)
                await asyncio.sleep(0)
            order.append(number)

    await asyncio.gather(*(one(each) for each in range(6)))
    assert order == [*range(6)]


async def test_no_directory_has_all_that_is_shared() -> None:
    """Whatever one of them holds for long, a small request of another waits for nobody."""
    shared = Room(shared=SHARED, part=PART, each=PART + 50, most=OWN + MOST)
    with ExitStack() as stack:
        noisy = [stack.enter_context(shared.load("noisy")) for _ in range(3)]
        quiet = stack.enter_context(shared.load("quiet"))
        for each, more in zip(noisy, (PART, 50, 1), strict=True):  # the last one goes on alone
            await each.hold(OWN + more)
        assert not noisy[0].fits(1)
        assert quiet.fits(OWN + 50)
        await quiet.hold(OWN + 50)
        noisy[0].free(PART)
        assert noisy[1].fits(50)
        assert not noisy[1].fits(51)


async def test_what_goes_on_behind_its_request_holds_nothing() -> None:
    """Nobody would give it back: not what it waits for, nor what it asks for later."""
    shared = room()
    with shared.load("a") as other:
        await other.hold(OWN + PART + 1)
        with shared.load("a") as ended:
            await ended.hold(OWN)
            step = asyncio.create_task(ended.hold(PART + 1))
            assert await waits(step)
        await asyncio.wait([step])
        assert step.cancelled()
        await ended.hold(OWN + PART)
        assert ended.spare(PART)
    assert shared.used == 0
    with shared.load("a") as load:
        await load.hold(OWN + MOST)


async def test_a_request_knows_how_long_it_waited_for_others() -> None:
    shared = room()
    with shared.load("a") as first, shared.load("a") as second:
        await first.hold(OWN + PART + 1)
        step = asyncio.create_task(second.hold(OWN + PART + 1))
        await asyncio.sleep(0.02)
        first.free(first.held)
        await step
        assert first.waited == 0
        assert second.waited > 0.01


async def test_who_waits_too_long_is_told_to_come_back() -> None:
    shared = room(patience=0.01)
    with shared.load("a") as first, shared.load("a") as second:
        await first.hold(OWN + PART + 1)
        with pytest.raises(Unavailable) as refused:
            await second.hold(OWN + PART + 1)
        assert refused.value.headers["Retry-After"]
        first.free(first.held)
        await second.hold(OWN + PART + 1)


async def test_more_than_there_is_room_for_is_refused() -> None:
    """However few others there are."""
    with room().load("a") as load:
        await load.hold(OWN)
        with pytest.raises(TooMany, match="count"):
            await load.hold(MOST + 1)


async def test_a_request_that_fails_leaves_its_room() -> None:
    shared = room()
    with suppress(ValueError), shared.load("a") as load:
        await load.hold(OWN + PART + 1)
        raise ValueError
    with shared.load("a") as load:
        await load.hold(OWN + MOST)


async def test_what_passes_by_is_free_again() -> None:
    with room().load("a") as load:
        await load.hold(OWN)
        with load.passing():
            await load.hold(PART)
        assert load.held == OWN


async def test_without_a_room_anything_is_held() -> None:
    """As by a command, which is alone in its process."""
    await Load().hold(10**12)


async def test_large_bodies_that_wait_are_bounded() -> None:
    """One too many is sent away at once, because waiting would keep it here; small ones pass."""
    shared = Room(bodies=3 * OWN, all_bodies=5 * OWN)
    with shared.body(2 * OWN), ExitStack() as stack:
        with pytest.raises(Unavailable):
            stack.enter_context(shared.body(2 * OWN))
        stack.enter_context(shared.body(OWN))
        stack.enter_context(shared.body(OWN))
    with shared.body(3 * OWN):
        pass


async def test_small_bodies_are_bounded_too() -> None:
    shared = Room(bodies=2 * OWN, all_bodies=3 * OWN)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(shared.body(OWN))
        with pytest.raises(Unavailable):
            stack.enter_context(shared.body(1))
        stack.enter_context(shared.body(0))


async def test_a_body_that_nobody_will_parse_is_let_in_to_be_refused_for_what_it_is() -> None:
    """Else it would be sent again for ever, and a stranger would not be told 401."""
    with Room().body(100 * LARGEST_BODY):
        pass
    shared = Room(bodies=LARGEST_BODY, all_bodies=3 * LARGEST_BODY)
    with shared.body(LARGEST_BODY), shared.body(LARGEST_BODY + 1):
        pass
