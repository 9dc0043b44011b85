"""`python -m bench.million`: a directory of 1,000,000 users, on the model of the Table service.

Single requests cost what they cost among a hundred; all users are read, page by page, by index as
Entra's account discovery reads them and by cursor, and each is seen exactly once. The rows lie in a
file, so that memory is the worker's, and the model's cache of 16 MiB. Linux alone tells its peaks.
"""

import argparse
import asyncio
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench import flat
from bench.flat import Measured, Place
from bench.serving import ROOT
from tests.model.rows import Rows
from tests.model.service import Service

LARGEST_GROUP = 100_000
MOST_MEMORY = 300  # MB of a worker
_SMALL = 100
_LOADING = 4_096  # MiB of the file that are in memory while it is written
_SELF = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class Walked:
    """A full walk: what it found, and what it cost in all."""

    way: str
    page: int
    users: int
    pages: int
    calls: int
    rows: int
    first_page_calls: int
    received: int
    seconds: float
    first_page_ms: float
    early_page_ms: float
    late_page_ms: float
    peak_mb: float
    added_mb: float


async def walk(place: Place, page: int, way: str, base: float) -> Walked:
    """Read everybody; raise SystemExit when somebody is missing, or comes twice."""
    seen = bytearray(place.size)
    others = calls = rows = received = pages = first_calls = 0
    times: list[float] = []
    cursor, start, total = "", 1, place.size
    _reset_peak()
    begun = time.perf_counter()
    while True:
        where = f"cursor={quote(cursor)}" if way == "cursor" else f"startIndex={start}"
        before = time.process_time()
        cost, body = await place.send("GET", f"/Users?count={page}&{where}")
        times.append((time.process_time() - before) * 1000)
        first_calls = first_calls or cost.calls
        pages, calls, rows = pages + 1, calls + cost.calls, rows + cost.rows
        received += cost.received
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
        if not (cursor if way == "cursor" else start <= total):
            break
    took = time.perf_counter() - begun
    if set(seen) != {1} or sum(seen) + others != total:
        raise SystemExit(f"{way}: {seen.count(0)} missing, {total} counted")
    tenth = max(1, len(times) // 10)
    peak = _peak()
    return Walked(
        way,
        page,
        total,
        pages,
        calls,
        rows,
        first_calls,
        received,
        took,
        times[0],
        sum(times[1 : tenth + 1]) / tenth,
        sum(times[-tenth:]) / tenth,
        peak,
        peak - base,
    )


async def run(file: Path, users: int, page: int) -> dict[str, Any]:
    """Measure the directory that was loaded into a file."""
    _reset_peak()
    groups = (10, min(LARGEST_GROUP, users - flat.SPARE))
    async with flat.loaded(_SMALL) as small, flat.serving(Service(rows=Rows(file)), users) as place:
        base = _peak()
        _say(f"measuring; the process has {base:.0f} MB")
        found = await flat.measure([(each.size, each, flat.USERS) for each in (small, place)])
        await flat.load_groups(place, groups)
        found += await flat.measure([(size, place, flat.of_group(size)) for size in groups])
        single = _peak()
        for each in _different(found):
            _say(f"not flat: {each}")
        walks = []
        for way in ("index", "cursor"):
            walks.append(await walk(place, page, way, base))
            _say(f"{walks[-1]}")
    return {
        "users": users,
        "rows": users * 8,
        "different": _different(found),
        "measured": [asdict(each) for each in found],
        "walks": [asdict(each) for each in walks],
        "memory": {"base": base, "single requests": single},
        "markdown": flat.markdown(found),
    }


def _different(found: Sequence[Measured]) -> list[str]:
    """Name what depends on the size, though nothing says that it does."""
    return [
        f"{small.name}: {figure}"
        for small, large in zip(found[::2], found[1::2], strict=True)
        for figure in type(small.cost).__slots__
        if figure not in small.grows and getattr(small.cost, figure) != getattr(large.cost, figure)
    ]


def _peak() -> float:
    """Read the most memory that this process had since the last reset, in MB; 0 if untold."""
    if not _SELF.exists():
        return 0
    lines = (_SELF / "status").read_text().splitlines()
    [kib] = [each.split()[1] for each in lines if each.startswith("VmHWM")]
    return int(kib) / 1024


def _reset_peak() -> None:
    if _SELF.exists():
        (_SELF / "clear_refs").write_text("5")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--page", type=int, default=1_000, help="users on a page of a walk")
    parser.add_argument("--file", type=Path, help="where the rows are, or are to be kept")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    logging.disable(logging.INFO)
    if chosen.load:
        service = Service(rows=Rows(chosen.load, cache=_LOADING))
        asyncio.run(flat.load_users(service, chosen.users))
        service.rows.close()
        return
    with tempfile.TemporaryDirectory(prefix="million-") as folder:
        file = chosen.file or Path(folder) / "rows"
        if not file.exists():
            begun = time.monotonic()
            # In a process of its own, so that what loading needs is not in what is measured.
            command = [sys.executable, "-m", "bench.million", "--users", str(chosen.users)]
            subprocess.run([*command, "--load", str(file)], cwd=ROOT, check=True)
            took, size = time.monotonic() - begun, file.stat().st_size / 2**20
            _say(f"loaded {chosen.users:,} users in {took:.0f} s: {size:,.0f} MiB")
        found = asyncio.run(run(file, chosen.users, chosen.page))
    print(found.pop("markdown"))
    print(json.dumps(found["walks"], indent=1))
    _say(f"the numbers are in {flat.written('million', found)}")
    if found["different"]:
        raise SystemExit(f"not flat: {', '.join(found['different'])}")
    most = max(each["peak_mb"] for each in found["walks"])
    if most > MOST_MEMORY:
        raise SystemExit(f"a walk took {most:.0f} MB of memory")


if __name__ == "__main__":
    main()
