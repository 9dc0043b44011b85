"""Faults in between: whatever is lost, refused or cut, the state comes to what the source says."""

import random
from collections import Counter

import pytest

from scim.cli.simulator.dialects import DEFAULT, FLAGGED, Dialect
from scim.cli.simulator.faults import FAULTS, Faults, Kind
from scim.cli.simulator.generating import generate
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.wire import NoAnswer, Received, Send, Sent, request
from tests.simulator.serving import Stage, change, staged


class Weather:
    """Faults that can be switched off."""

    def __init__(self, seed: int, *kinds: Kind, rate: float = 0.1) -> None:
        self.faults = Faults(self._none, random.Random(seed), kinds or tuple(FAULTS), rate)

    async def _none(self, sent: Sent) -> Received:
        raise AssertionError(sent)

    def __call__(self, send: Send) -> Send:
        self.faults.send = send
        return self.faults

    def clear_up(self) -> None:
        self.faults.rate = 0


async def come_to_rest(stage: Stage, weather: Weather) -> None:
    """Two more cycles in fair weather are enough."""
    weather.clear_up()
    await stage.cycle()
    report = await stage.cycle()
    assert report.successful, report.codes
    assert await stage.differences() == []
    assert list(stage.job.memory.escrow) == []
    assert (await stage.cycle()).writes == 0


@pytest.mark.parametrize("dialect", [DEFAULT, FLAGGED], ids=lambda each: each.name)
@pytest.mark.parametrize("kind", FAULTS)
async def test_the_state_converges_after_each_fault(kind: Kind, dialect: Dialect) -> None:
    """In the initial cycle and in one with changes of all kinds; nobody is there twice."""
    weather = Weather(7, kind)
    source = generate(20, 5, seed=5, members=(3, 9))
    stage = await staged(source, dialect=dialect, through=weather)
    codes: Counter[str] = Counter()
    for _ in range(3):
        codes += (await stage.cycle()).codes
    change(source)
    for _ in range(3):
        codes += (await stage.cycle()).codes
    assert weather.faults.injected[kind] > 10
    assert set(codes) <= {
        "Timeout", "InternalServerError", "TooManyRequests", "WebExceptionProtocolError"
    }  # fmt: skip
    assert codes
    assert stage.job.quarantine is None
    await come_to_rest(stage, weather)


@pytest.mark.parametrize("seed", range(6))
async def test_the_state_converges_after_all_faults_together(seed: int) -> None:
    weather = Weather(seed, rate=0.3)
    source = generate(20, 5, seed=seed, members=(3, 9))
    stage = await staged(source, "default", through=weather)
    for _ in range(4):
        await stage.cycle()
    change(source)
    for _ in range(4):
        await stage.cycle()
    await come_to_rest(stage, weather)


async def test_a_create_whose_answer_was_lost_is_found_by_the_next_cycle() -> None:
    """A sequence that ends in 409 for ever where the match query does not find the resource."""
    posts = Weather(0, "timeout after the write", rate=1.0)
    posts.faults.only = lambda sent: sent.method == "POST"
    source = SourceDirectory()
    source.add_user(userPrincipalName="ADA@example.com", displayName="Ada")
    stage = await staged(source, through=posts)
    first = await stage.cycle()
    assert dict(first.codes) == {"Timeout": 1}
    stage.log.clear()
    second = await stage.cycle()
    assert second.successful
    assert not stage.log.writes
    assert [each.method for each in stage.log].count("GET") >= 4  # probes, match, read
    assert await stage.differences() == []


async def test_a_retry_after_is_waited_for_by_who_has_patience() -> None:
    weather = Weather(1, "429 with Retry-After", rate=0.2)
    source = generate(10, 0, seed=1)
    stage = await staged(source, through=weather, patience=20)
    assert (await stage.cycle()).successful
    assert stage.clock.slept == [3.0] * weather.faults.injected["429 with Retry-After"]
    assert stage.clock.slept


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_fault_is_what_its_name_says(kind: Kind) -> None:
    seen: list[Sent] = []

    async def send(sent: Sent) -> Received:
        seen.append(sent)
        return Received(200)

    faults = Faults(send, random.Random(0), (kind,), rate=1.0, most=1)
    sent = request("GET", "/Users")
    if isinstance(FAULTS[kind].outcome, Received):
        received = await faults(sent)
        assert kind.startswith(str(received.status))
        assert ("retry-after" in received.headers) == ("Retry-After" in kind)
    else:
        with pytest.raises(NoAnswer) as caught:
            await faults(sent)
        assert kind.startswith(caught.value.kind)
    assert bool(seen) == ("after the write" in kind)
    assert (await faults(sent)).status == 200
    assert faults.injected.total() == 1


async def test_what_was_lost_is_not_sent_by_a_restart_that_asks_who_is_a_member() -> None:
    """Also not who could not be matched when the members of their groups were asked for."""
    weather = Weather(3, rate=0.3)
    source = generate(30, 5, seed=3, members=(5, 20))
    stage = await staged(source, through=weather)
    weather.clear_up()
    assert (await stage.cycle()).successful
    stage.job.restart()
    stage.log.clear()
    weather.faults.rate = 0.3
    for _ in range(4):
        await stage.cycle()
    await come_to_rest(stage, weather)
    assert not stage.log.writes


LOST: tuple[Kind, ...] = ("timeout after the write", "dropped before the write")


@pytest.mark.parametrize("dialect", [DEFAULT, FLAGGED], ids=lambda each: each.name)
@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("there", [False, True])
async def test_a_reference_changed_back_after_its_answer_was_lost_is_as_in_the_source(
    kind: Kind, dialect: Dialect, there: bool
) -> None:
    """A membership and a manager that come and go again, or go and come again."""
    lost = Weather(0, kind, rate=1.0)
    lost.faults.only = lambda sent: sent.method == "PATCH"
    source = SourceDirectory()
    boss, ada = (source.add_user(userPrincipalName=f"{each}@example.com") for each in ("b", "a"))
    team = source.add_group(displayName="Team")
    stage = await staged(source, dialect=dialect, through=lost)
    for given in (there, not there):
        lost.faults.rate = 0.0 if given == there else 1.0
        source.update(ada, manager=boss if given else None)
        (source.add_members if given else source.remove_members)(team, ada)
        await stage.cycle()
    assert lost.faults.injected[kind] == 2
    source.update(ada, manager=boss if there else None)
    (source.add_members if there else source.remove_members)(team, ada)
    await come_to_rest(stage, lost)
