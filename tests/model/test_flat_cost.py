"""What a request costs depends neither on how many users there are nor on a group's size.

`python -m bench.flat` shows the same for 100,000, `python -m bench.million` for a million.
"""

from pathlib import Path

import pytest

from bench import million
from bench.flat import Measured, run
from bench.flat_operations import PAGE

# A cold processor, a neighbour: the time of a request is CPU time, the least of several batches.
_FACTOR = 2
SIZES = ((100, 10_000), (10, 10_000))  # users, and members of a group
_FIGURES = ("rounds", "calls", "rows", "examined", "written", "sent", "received")


@pytest.fixture(scope="module")
async def measured() -> list[Measured]:
    return await run(*SIZES)


def pairs(measured: list[Measured]) -> list[tuple[Measured, Measured]]:
    return list(zip(measured[::2], measured[1::2], strict=True))


def test_a_request_costs_the_same_at_any_size(measured: list[Measured]) -> None:
    """Rounds, calls, rows and bytes are equal, but for what a list's pages are known to need."""
    assert len(measured) > 40
    for small, large in pairs(measured):
        assert small.name == large.name
        for figure in _FIGURES:
            if figure not in small.grows:
                one, other = getattr(small.cost, figure), getattr(large.cost, figure)
                assert one == other, f"{small.name}: {one} {figure}, then {other}"


def slower(measured: list[Measured]) -> dict[str, tuple[float, float]]:
    """Milliseconds of those that took longer than they may among many."""
    return {
        small.name: (small.ms, large.ms)
        for small, large in pairs(measured)
        if "ms" not in small.grows and large.ms >= _FACTOR * small.ms
    }


async def test_a_request_takes_as_long_at_any_size(measured: list[Measured]) -> None:
    """Within a factor of two, once in three times: neighbours slow some of them down."""
    found = slower(measured)
    for _ in range(2):
        if found:
            again = slower(await run(*SIZES))
            found = {name: each for name, each in again.items() if name in found}
    assert found == {}


def test_any_other_page_reads_its_own_rows(measured: list[Measured]) -> None:
    """And a bookmark, whose bytes are some forty for each of up to 512 pages of the walk."""
    pages = [pair for pair in pairs(measured) if pair[0].name.startswith("list users, page in")]
    pages += [pair for pair in pairs(measured) if pair[0].name == "list users, last page"]
    assert len(pages) == 2
    for small, large in pages:
        assert small.cost.rows == large.cost.rows <= PAGE + 2
        assert small.cost.examined == large.cost.examined
        assert small.cost.sent == large.cost.sent
        grown = large.cost.received - small.cost.received
        assert grown < 50 * min((large.size - small.size) / PAGE, 512)


def test_the_first_page_counts_everybody_once(measured: list[Measured]) -> None:
    """That is one key for each user, a thousand in a call, and nothing on any other page."""
    [first] = [each for each in measured if "calls" in each.grows and each.size > PAGE * 100]
    assert first.size <= first.cost.rows <= first.size + 3 * PAGE
    assert first.cost.calls <= first.size / 1000 + 20
    assert first.cost.written == -(-first.size // (512 * PAGE)), "bookmarks"


async def test_a_walk_reads_everybody_once(tmp_path: Path) -> None:
    """What `bench.million` does, of 2,000: by index and by cursor, from a file."""
    await million.load(tmp_path / "rows", 2_000)
    found = await million.run(tmp_path / "rows", 2_000, 500, latencies=(0.0, 0.01))
    assert million.wrong(found) == []
    assert {each["total"] for each in found["first pages"]} == {2_000}
    # Those who were created and deleted meanwhile are not among them.
    assert [(each["users"], each["pages"]) for each in found["walks"]] == [(2_000, 4)] * 2
