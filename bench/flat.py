"""What requests cost in directories and groups of several sizes, on the model of the service.

`python -m bench.flat`: 100, 10,000 and 100,000 users, groups of 10, 10,000 and 100,000 members. The
model counts what the service would have to do: rows that it looks at, bytes in and out. Time is CPU
time of this process, model and SDK included, the least of several batches, which take turns.
"""

import argparse
import asyncio
import logging
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime, timedelta

from bench.flat_operations import PAGE, SPARE, USERS, Operation, of_group
from bench.model import Cost, Place, Timed, load_groups, load_users, serving
from bench.telling import say, table, written
from tests.model.rows import Rows

BATCHES = 5
REQUESTS = 8  # of a batch

_BEGUN = datetime.now(UTC)
_LONGEST = 600  # seconds by the clock on the wall, which go by for others, too


def _processor_time() -> datetime:
    """Tell the time as if the machine did nothing else."""
    return _BEGUN + timedelta(seconds=time.process_time())


@asynccontextmanager
async def unhurried(rows: Rows, users: int) -> AsyncIterator[Place]:
    """Serve what was loaded, with no regard to what others do on the machine; a list has begun."""
    service = Timed(rows=rows)
    async with serving(service, users, clock=_processor_time, longest=_LONGEST) as place:
        _, first = await place.send("GET", f"/Users?count={PAGE}&cursor=")
        place.cursor = first["nextCursor"]
        yield place


@asynccontextmanager
async def loaded(users: int) -> AsyncIterator[Place]:
    """Serve a directory with users from memory."""
    rows = Rows()
    await load_users(Timed(rows=rows), range(users))
    say(f"loaded {users:,} users")
    async with unhurried(rows, users) as place:
        yield place


@dataclass(slots=True)
class Measured:
    """What an operation costs at a size: the same each time, but for the odd byte; CPU ms."""

    name: str
    size: int
    cost: Cost
    ms: float
    grows: frozenset[str]


async def measure(at: Sequence[tuple[int, Place, Sequence[Operation]]]) -> list[Measured]:
    """Measure the same operations at several sizes, which take turns."""
    found: list[Measured] = []
    for operations in zip(*(each for _, _, each in at), strict=True):
        for (_, place, _), operation in zip(at, operations, strict=True):
            await _batch(place, operation, 1 if "ms" in operation.grows else 2)
        costs: dict[int, list[Cost]] = {size: [] for size, _, _ in at}
        times: dict[int, list[float]] = {size: [] for size, _, _ in at}
        slow = "ms" in operations[0].grows
        for _ in range(1 if slow else BATCHES):
            for (size, place, _), operation in zip(at, operations, strict=True):
                requests = 2 if slow else REQUESTS
                times[size].append(await _batch(place, operation, requests, costs[size]))
        found += [
            Measured(
                operations[0].name, size, _usual(costs[size]), min(times[size]), operations[0].grows
            )
            for size, _, _ in at
        ]
    return found


async def _batch(
    place: Place, operation: Operation, requests: int, costs: list[Cost] | None = None
) -> float:
    """Send requests, and give the CPU milliseconds of one."""
    made = [operation.make(place) for _ in range(requests)]
    answers = []
    begun = time.process_time()
    for each in made:
        cost, answer = await place.send(*each)
        answers.append(answer)
        if costs is not None:
            costs.append(cost)
    took = time.process_time() - begun
    for answer in answers:
        operation.note(place, answer)
    return took / requests * 1000


def _usual(costs: Sequence[Cost]) -> Cost:
    """Give each figure's median; ids and times of a request differ in a byte at times."""
    columns = zip(*(astuple(each) for each in costs), strict=True)
    return Cost(*(statistics.median_low(each) for each in columns))


def different(found: Sequence[Measured]) -> list[str]:
    """Name what depends on the size, though nothing says that it does."""
    first = {each.name: each for each in reversed(found)}
    return [
        f"{each.name} at {each.size:,}: {figure}"
        for each in found
        for figure in type(each.cost).__slots__
        if figure not in each.grows
        and getattr(first[each.name].cost, figure) != getattr(each.cost, figure)
    ]


async def run(sizes: Sequence[int], group_sizes: Sequence[int]) -> list[Measured]:
    """Measure users at several sizes, then groups in the largest directory of all."""
    found: list[Measured] = []
    async with _all(sizes) as places:
        found += await measure([(each.size, each, USERS) for each in places])
    async with loaded(max(group_sizes) + SPARE) as place:
        await load_groups(place, group_sizes)
        found += await measure([(size, place, of_group(size)) for size in group_sizes])
    return found


@asynccontextmanager
async def _all(sizes: Sequence[int]) -> AsyncIterator[list[Place]]:
    if not sizes:
        yield []
        return
    async with loaded(sizes[0]) as first, _all(sizes[1:]) as others:
        yield [first, *others]


_COLUMNS = {
    "round trips": "rounds",
    "calls": "calls",
    "rows read": "rows",
    "looked at": "examined",
    "rows written": "written",
}
_BYTES = {"KiB sent": "sent", "KiB received": "received"}


def markdown(found: Sequence[Measured]) -> str:
    """Write the table: one row for each operation, what differs between sizes beside each other."""
    by_name: dict[str, list[Measured]] = {}
    for each in found:
        by_name.setdefault(each.name, []).append(each)
    head = ["operation", "sizes", *_COLUMNS, *_BYTES, "CPU ms", "largest ÷ smallest"]
    return table(head, [_row(*each) for each in by_name.items()], texts=2)


def _row(name: str, some: Sequence[Measured]) -> list[str]:
    costs = [each.cost for each in some]
    figures = [[f"{getattr(each, name):,}" for each in costs] for name in _COLUMNS.values()]
    figures += [
        [f"{getattr(each, name) / 1024:,.1f}" for each in costs] for name in _BYTES.values()
    ]
    return [
        name,
        " · ".join(f"{each.size:,}" for each in some),
        *(each[0] if len(set(each)) == 1 else " · ".join(each) for each in figures),
        " · ".join(f"{each.ms:.1f}" for each in some),
        f"{some[-1].ms / some[0].ms:.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.flat", description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=[100, 10_000, 100_000])
    parser.add_argument("--members", type=int, nargs="+", default=[10, 10_000, 100_000])
    chosen = parser.parse_args()
    logging.disable(logging.INFO)
    begun = time.monotonic()
    found = asyncio.run(run(chosen.users, chosen.members))
    print(markdown(found))
    written("flat", [asdict(each) for each in found])
    say(f"{time.monotonic() - begun:.0f} s")
    if wrong := different(found):
        raise SystemExit(f"not flat: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
