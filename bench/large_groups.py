"""`python -m bench.large_groups`: what large groups cost, on the model of the Table service.

A group of 100,000 is built by PATCHes side by side, renamed, read, replaced, emptied, deleted; one
request names 10,000 members; somebody in 1,000 groups is deleted. What a request leaves to the
purge is ended by it, and measured, too. `--latency` is how many seconds each call takes. A request
has the time that a client gives it, and is sent again when it is refused with 503, as Entra does.
CPU time is without the model's. The rows lie in a file, so that memory is the worker's, and the
model's cache of 16 MiB. Linux alone tells its peaks.
"""

import argparse
import asyncio
import json
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench import memory
from bench.large_group_cases import Case, cases, load
from bench.model import Place, Timed, serving
from bench.telling import ROOT, say, table, written
from scim.deadlines import SETTLED
from scim.limits import MOST_MEMBERS, Limits
from scim.purging import purge
from tests.model.behaviour import Behaviour
from tests.model.loading import BEGUN, GROUP
from tests.model.rows import Rows

_AT_ONCE = 8  # requests side by side
_MOST_TRIES = 20
_TOLD = 25  # answers, after which it is told how far it is
_LIMITS = Limits(requests_per_second=0, members=MOST_MEMBERS)
_STARTED = time.monotonic()


def clock() -> datetime:
    """Tell the time as on the day after all was loaded, whose log the purge would delete else."""
    return BEGUN + timedelta(days=1, seconds=time.monotonic() - _STARTED)


@dataclass(frozen=True, slots=True)
class Measured:
    """What requests cost: seconds by the clock, of CPU, MB at most, and how much more that is.

    `rounds` of one that was sent once; `longest` seconds are those of one request.
    """

    name: str
    members: int
    requests: int
    answers: Mapping[str, int]
    calls: int
    rounds: int
    read: int
    written: int
    seconds: float
    longest: float
    cpu: float
    peak_mb: float
    added_mb: float


async def measure(place: Place, case: Case) -> list[Measured]:
    """Send what a case sends; when it leaves something to the purge, have that done, too."""
    found = [await _sent(place, case)]
    say(f"{found[-1]}")
    await _check(place, case)
    if await _left(place):
        found.append(await _purged(place, case))
        say(f"{found[-1]}")
        await _check(place, case)
    return found


async def _sent(place: Place, case: Case) -> Measured:
    answers, times, left = Counter[str](), list[float](), case.sent()

    async def client() -> None:
        """Send one after the other; what nobody holds any more is not the server's memory."""
        for method, path, body in left:
            content = b"" if body is None else json.dumps(body).encode()
            del body
            await _answered(place, (method, path, content), answers, times)
            if len(times) % _TOLD == 0:
                say(f"{case.name}: {len(times)} answers")

    async def all_of_them() -> int:
        await asyncio.gather(*(client() for _ in range(_AT_ONCE)))
        return place.metered.meter.rounds if len(times) == 1 else 0

    return await _metered(place, case.name, case.members, answers, times, all_of_them)


async def _answered(
    place: Place, sent: tuple[str, str, bytes], answers: Counter[str], times: list[float]
) -> None:
    for _ in range(_MOST_TRIES):
        begun = time.perf_counter()
        status, body = await place.ask(*sent)
        times.append(time.perf_counter() - begun)
        answers[str(status)] += 1
        if status >= 300:
            say(f"{sent[0]} {sent[1]}: {body[:500]!r}")
        if status != 503:
            return


async def _purged(place: Place, case: Case) -> Measured:
    """Let the hourly purge come by as often as it takes; each has as long as the host gives it."""
    answers, times = Counter[str](), list[float]()

    async def until_nothing_is_left() -> int:
        while await _left(place):
            begun = time.perf_counter()
            now = clock() + timedelta(seconds=SETTLED + 1)
            done = await purge(place.registry, place.metered, now=now)
            times.append(time.perf_counter() - begun)
            answers["complete" if done.complete else "not complete"] += 1
            if done.failed or len(times) > _MOST_TRIES:
                raise SystemExit(f"{case.name}: the purge did not end it: {done}")
        return 0

    name = f"the purge that ends: {case.name}"
    return await _metered(place, name, case.members, answers, times, until_nothing_is_left)


async def _metered(
    place: Place,
    name: str,
    members: int,
    answers: Counter[str],
    times: list[float],
    run: Callable[[], Any],
) -> Measured:
    base = memory.now()
    memory.reset_peak()
    before, begun = place.total(), time.perf_counter()
    rounds = await run()
    took, spent, peak = time.perf_counter() - begun, place.total().since(before), memory.peak()
    return Measured(
        name,
        members,
        sum(answers.values()),
        dict(answers),
        spent.calls,
        rounds,
        spent.returned,
        spent.written,
        took,
        max(times),
        spent.cpu,
        peak,
        peak - base,
    )


async def _left(place: Place) -> bool:
    """Tell whether there is something left that anybody sees."""
    return any(not each.done for each in await place.repository.unfinished())


async def _check(place: Place, case: Case) -> None:
    """Raise SystemExit unless the group has as many members as it should, when nothing is left."""
    if not case.group or await _left(place):
        return
    found = await place.repository.related(GROUP, [case.group], "members")
    if len(found[case.group]) != case.then:
        raise SystemExit(f"{case.name}: {len(found[case.group])} members, not {case.then}")


async def run(file: Path, size: int, latency: float, only: Sequence[str]) -> list[Measured]:
    """Measure each on the rows that were loaded."""
    ids = json.loads(file.with_suffix(".json").read_text())
    found: list[Measured] = []
    service = Timed(Behaviour(latency=latency), Rows(file))
    async with serving(service, size, limits=_LIMITS, clock=clock) as place:
        for case in cases(ids, size):
            if not only or case.key in only:
                found += await measure(place, case)
    return found


def markdown(found: Sequence[Measured], latency: float) -> str:
    """Write the table."""
    head = [f"what, each call {latency * 1000:g} ms", "answers", "members", "calls", "rounds"]
    head += ["rows written", "seconds", "longest request", "CPU s", "peak MB", "more MB"]
    rows = [
        [
            each.name,
            ", ".join(f"{status}{_times(times)}" for status, times in each.answers.items()),
            f"{each.members:,}",
            f"{each.calls:,}",
            f"{each.rounds or ''}",
            f"{each.written:,}",
            f"{each.seconds:.1f}",
            f"{each.longest:.1f}",
            f"{each.cpu:.1f}",
            f"{each.peak_mb:.0f}",
            f"{each.added_mb:.0f}",
        ]
        for each in found
    ]
    return table(head, rows, texts=2)


def _times(number: int) -> str:
    return "" if number == 1 else f" ({number:,})"


def wrong(found: Sequence[Measured]) -> list[str]:
    """Say which requests were not answered with success, or took more memory than a worker may."""
    last = {"200", "201", "204", "503", "complete", "not complete"}
    failed = [f"{each.name}: {each.answers}" for each in found if set(each.answers) - last]
    never = [each.name for each in found if set(each.answers) == {"503"}]
    large = [f"{each.name}: {each.peak_mb:.0f} MB" for each in found if each.peak_mb > memory.MOST]
    return [*failed, *(f"{each}: 503 each time" for each in never), *large]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.large_groups", description=__doc__)
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--latency", type=float, default=0.01, help="seconds that each call takes")
    parser.add_argument("--only", nargs="*", default=[], help="keys of cases, as in the program")
    parser.add_argument("--rows", type=Path, help="loaded rows, to be used again")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.load:
        asyncio.run(load(chosen.load, chosen.members))
        return
    logging.disable(logging.INFO)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="groups-") as folder:
        base = chosen.rows or Path(folder) / "base"
        if not base.exists():
            # In a process of its own, so that what loading needs is not in what is measured.
            command = [sys.executable, "-m", "bench.large_groups", "--load", str(base)]
            size = ["--members", str(chosen.members)]
            subprocess.run([*command, *size], cwd=ROOT, check=True)
            say(f"loaded groups of {chosen.members:,} in {time.monotonic() - began:.0f} s")
        file = Path(folder) / "rows"
        shutil.copy(base, file)
        shutil.copy(base.with_suffix(".json"), file.with_suffix(".json"))
        found = asyncio.run(run(file, chosen.members, chosen.latency, chosen.only))
    print(markdown(found, chosen.latency))
    written("large-groups", [asdict(each) for each in found])
    say(f"{time.monotonic() - began:.0f} s")
    if problems := wrong(found):
        raise SystemExit("; ".join(problems))


if __name__ == "__main__":
    main()
