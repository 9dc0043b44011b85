"""`python -m bench.million`: a directory of 1,000,000 users, on the model of the Table service.

Page 1 of a list, which counts everybody, is answered within the 60 seconds that Entra waits, also
of a store that takes its time. Single requests cost what they cost among a hundred. All users are
read, page by page, by index as Entra's account discovery reads them and by cursor, and each is seen
exactly once. The rows lie in a file, so that memory is the worker's, and the model's cache of 16
MiB. CPU time is without the model's. Linux alone tells its peaks of memory.
"""

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench import flat, flat_operations, memory
from bench.model import Place, Timed, load_groups, load_users, serving
from bench.telling import ROOT, say, table, written
from scim.deadlines import LONGEST_REQUEST
from tests.model.rows import Rows

LARGEST_GROUP = 100_000
LATENCIES = (0.0, 0.01, 0.05, 0.1, 0.2)  # seconds that the store takes for a call
_SMALL = 100
_LOADING = 4_096  # MiB of the file that are in memory while it is written
_TOLD = 100_000  # users, after which it is told how far it is
_DISCOVERY = 100  # users on a page, when the client names no count


@dataclass(frozen=True, slots=True)
class FirstPage:
    """Page 1, which counts everybody, when each call takes so many seconds."""

    latency: float
    status: int
    total: int
    calls: int
    rounds: int
    seconds: float
    cpu: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Walked:
    """A full walk: what it found, and what it cost in all; CPU milliseconds of its pages."""

    way: str
    page: int
    users: int
    pages: int
    calls: int
    rows: int
    received: int
    seconds: float
    first_page_calls: int
    first_page_ms: float
    early_page_ms: float
    late_page_ms: float
    peak_mb: float
    added_mb: float
    by_place: Sequence[tuple[int, float]]  # of some pages, the middle of those around them


async def first_pages(file: Path, users: int, latencies: Sequence[float]) -> list[FirstPage]:
    """Ask for page 1, as long as a client waits."""
    found = []
    service = Timed(rows=Rows(file))
    async with serving(service, users) as place:
        for latency in latencies:
            service.behaviour.latency = latency
            memory.reset_peak()
            before, begun = place.total(), time.perf_counter()
            status, body = await place.ask("GET", f"/Users?count={_DISCOVERY}&startIndex=1")
            took, spent = time.perf_counter() - begun, place.total().since(before)
            total = json.loads(body).get("totalResults", 0)
            rounds = place.metered.meter.rounds
            did = (status, total, spent.calls, rounds, took, spent.cpu, memory.peak())
            found.append(FirstPage(latency, *did))
            say(f"{found[-1]}")
    return found


async def walk(place: Place, page: int, way: str, base: float) -> Walked:
    """Read everybody; raise SystemExit when somebody is missing, or comes twice."""
    seen = bytearray(place.size)
    others = pages = 0
    times: list[float] = []
    cursor, start, total = "", 1, place.size
    memory.reset_peak()
    first, begun = place.total(), time.perf_counter()
    first_calls = 0
    while True:
        where = f"cursor={quote(cursor)}" if way == "cursor" else f"startIndex={start}"
        before = place.total()
        status, text = await place.ask("GET", f"/Users?count={page}&{where}")
        spent = place.total().since(before)
        if status != 200:
            raise SystemExit(f"{way}: {status} on page {pages + 1}: {text[:500]!r}")
        times.append(spent.cpu * 1000)
        body = json.loads(text)
        pages, first_calls = pages + 1, first_calls or spent.calls
        if pages > 1 and body["totalResults"] != total:
            raise SystemExit(f"{way}: {body['totalResults']} in all on page {pages}, not {total}")
        total = body["totalResults"]
        for each in body.get("Resources", ()):
            number = int(each["userName"][4:11])
            if number < place.size:
                seen[number] += 1
            else:
                others += 1
        cursor, start = body.get("nextCursor", ""), start + page
        if pages * page // _TOLD > (pages - 1) * page // _TOLD:
            say(f"walk by {way}: {pages:,} pages, {pages * page:,} users")
        if not (cursor if way == "cursor" else start <= total):
            break
    took, spent = time.perf_counter() - begun, place.total().since(first)
    if set(seen) != {1} or sum(seen) + others != total:
        raise SystemExit(f"{way}: {seen.count(0)} missing, {total} counted")
    tenth, peak = max(1, len(times) // 10), memory.peak()
    return Walked(
        way,
        page,
        total,
        pages,
        spent.calls,
        spent.returned,
        spent.received,
        took,
        first_calls,
        times[0],
        sum(times[1 : tenth + 1]) / tenth,
        sum(times[-tenth:]) / tenth,
        peak,
        peak - base,
        _by_place(times),
    )


def _by_place(times: Sequence[float]) -> list[tuple[int, float]]:
    """Give the median of pages 2, 3 to 4, 5 to 8 and so on, by the last of them."""
    ends = [2**power for power in range(1, len(times).bit_length())]
    return [(end, statistics.median(times[end // 2 : end])) for end in ends]


async def run(
    file: Path, users: int, page: int, latencies: Sequence[float] = LATENCIES
) -> dict[str, Any]:
    """Measure the directory that was loaded into a file."""
    memory.reset_peak()
    say("page 1, of stores that are fast and slow")
    pages = await first_pages(file, users, latencies)
    groups = (10, min(LARGEST_GROUP, users - flat_operations.SPARE))
    walks = []
    async with flat.loaded(_SMALL) as small, flat.unhurried(Rows(file), users) as place:
        base = memory.now()
        say(f"single requests; the process has {base:.0f} MB")
        at = [(each.size, each, flat_operations.USERS) for each in (small, place)]
        found = await flat.measure(at)
        await load_groups(place, groups)
        found += await flat.measure(
            [(size, place, flat_operations.of_group(size)) for size in groups]
        )
        single = memory.peak()
        for way in ("index", "cursor"):
            walks.append(await walk(place, page, way, base))
            say(f"{walks[-1]}")
    return {
        "users": users,
        "rows": users * 8,
        "different": flat.different(found),
        "first pages": [asdict(each) for each in pages],
        "measured": [asdict(each) for each in found],
        "walks": [asdict(each) for each in walks],
        "memory": {"base": base, "single requests": single},
        "markdown": "\n\n".join(
            [_first_pages(pages), flat.markdown(found), _walks(walks)],
        ),
    }


def _first_pages(found: Sequence[FirstPage]) -> str:
    head = ["page 1 of 100, and the count", "status", "counted", "calls", "rounds", "seconds"]
    head += ["CPU s", "peak MB"]
    rows = [
        [
            f"each call {each.latency * 1000:g} ms",
            f"{each.status}",
            f"{each.total:,}",
            f"{each.calls:,}",
            f"{each.rounds:,}",
            f"{each.seconds:.1f}",
            f"{each.cpu:.1f}",
            f"{each.peak_mb:.0f}",
        ]
        for each in found
    ]
    return table(head, rows)


def _walks(found: Sequence[Walked]) -> str:
    head = ["full walk", "pages", "calls", "rows read", "received", "seconds", "CPU ms, first page"]
    head += ["one of the first tenth", "one of the last tenth", "peak MB", "of it for the walk"]
    rows = [
        [
            f"by {each.way}, {each.page:,} on a page",
            f"{each.pages:,}",
            f"{each.calls:,}",
            f"{each.rows:,}",
            f"{each.received / 2**30:.1f} GiB",
            f"{each.seconds:.0f}",
            f"{each.first_page_ms:,.0f}",
            f"{each.early_page_ms:.0f}",
            f"{each.late_page_ms:.0f}",
            f"{each.peak_mb:.0f}",
            f"{each.added_mb:.0f}",
        ]
        for each in found
    ]
    return table(head, rows)


def _told(numbers: range) -> Iterator[int]:
    for each in numbers:
        if each and each % _TOLD == 0:
            say(f"loaded {each:,} users")
        yield each


async def load(file: Path, users: int) -> None:
    """Write the rows of all users into a file."""
    service = Timed(rows=Rows(file, cache=_LOADING))
    await load_users(service, _told(range(users)))
    service.rows.close()


def wrong(found: dict[str, Any]) -> list[str]:
    """Say what is not as this page of the documentation claims."""
    late = [
        f"page 1 at {each['latency']:g} s a call: {each['status']} after {each['seconds']:.0f} s"
        for each in found["first pages"]
        if each["status"] != 200 or each["seconds"] > LONGEST_REQUEST
    ]
    large = [
        f"a walk took {each['added_mb']:.0f} MB"
        for each in found["walks"]
        if each["added_mb"] > memory.MOST - memory.IDLE
    ]
    return [*(f"not flat: {each}" for each in found["different"]), *late, *large]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--page", type=int, default=1_000, help="users on a page of a walk")
    parser.add_argument("--file", type=Path, help="where the rows are, or are to be kept")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    logging.disable(logging.INFO)
    if chosen.load:
        asyncio.run(load(chosen.load, chosen.users))
        return
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="million-") as folder:
        file = chosen.file or Path(folder) / "rows"
        if not file.exists():
            # In a process of its own, so that what loading needs is not in what is measured.
            command = [sys.executable, "-m", "bench.million", "--users", str(chosen.users)]
            subprocess.run([*command, "--load", str(file)], cwd=ROOT, check=True)
            took, size = time.monotonic() - began, file.stat().st_size / 2**20
            say(f"loaded {chosen.users:,} users in {took:.0f} s: {size:,.0f} MiB")
        found = asyncio.run(run(file, chosen.users, chosen.page))
    print(found.pop("markdown"))
    written("million", found)
    say(f"{time.monotonic() - began:.0f} s")
    if problems := wrong(found):
        raise SystemExit("; ".join(problems))


if __name__ == "__main__":
    main()
