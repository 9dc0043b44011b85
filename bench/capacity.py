"""`python -m bench.capacity`: what one process of this server does, and what it stores.

In this process, on the model of the Table service, whose own time is taken off the CPU time: so
that is ours and the SDK's, without the HTTP server, for requests 16 at a time. Time is that of one
request alone, where each call takes 10 ms. The least of several counts: on a machine that does
other work, more tells what the others did. Bytes are by the published formula of an entity's size.

Requests a second are counted by the clock, the model's time taken off, for stores that take 0, 5
and 10 ms for a call and for 1, 16 and 64 requests at a time: the most of several counts. They need
a machine that does nothing else.
"""

import argparse
import asyncio
import logging
import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from azure.data.tables.aio import TableServiceClient

from bench.model import (
    DIRECTORY,
    TABLE,
    Cost,
    Place,
    Timed,
    load_groups,
    load_users,
    patch,
    serving,
)
from bench.rates import Make, rates, rates_table
from bench.telling import say, table, written
from scim.cli.making import new_directory
from scim.credentials import issue
from scim.presets import preset
from scim.purging import purge
from scim.repository import Meter
from storage.client import PATIENCE, Partition
from storage.open import open_storage
from tests.model.loading import user, user_id
from tests.model.transport import CONNECTION, ModelTransport
from tests.service import PEPPER

USERS = 2_000
MEMBERS = 1_000
AT_ONCE = 16
BATCHES = 3
REQUESTS = 48
# Rows a second, as published: learn.microsoft.com/azure/storage/tables/scalability-targets
PARTITION, ACCOUNT = 2_000, 20_000
LATENCY = 0.010


@dataclass(frozen=True, slots=True)
class Capacity:
    """One operation; `ms` is the time of one request alone, when each call takes LATENCY."""

    name: str
    cost: Cost
    cpu_ms: float
    ms: float


def _group(place: Place) -> str:
    return f"/Groups/{place.groups[MEMBERS]}"


def _member(op: str) -> Make:
    return lambda place, number: patch(
        _group(place), op=op, path="members", value=[{"value": user_id(MEMBERS + number % 900)}]
    )


def _match(name: str) -> Make:
    asked = quote('userName eq "{}@example.com"')
    return lambda _place, number: (
        "GET",
        f"/Users?filter={asked.replace('%7B%7D', name.format(number % USERS))}",
        None,
    )


OPERATIONS: Mapping[str, Make] = {
    "GET user": lambda _place, number: ("GET", f"/Users/{user_id(number % USERS)}", None),
    "match userName, miss": _match("nobody{:07}"),
    "match userName, hit": _match("user{:07}"),
    "POST user": lambda place, _number: ("POST", "/Users", user(next(place.numbers))),
    "PATCH user, one attribute": lambda _place, number: patch(
        f"/Users/{user_id(number % USERS)}", op="Replace", path="title", value=f"{time.time_ns()}"
    ),
    "add one member": _member("Add"),
    "remove one member": _member("Remove"),
    "DELETE user": lambda place, _number: ("DELETE", f"/Users/{place.created.pop()}", None),
}
# Whose requests a second are counted: those that leave as many rows as there were.
RATED = frozenset(OPERATIONS) - {"POST user", "DELETE user"}


async def measure(place: Place, service: Timed, name: str, make: Make) -> Capacity:
    numbers = iter(range(10_000))

    async def one() -> tuple[Cost, float]:
        request = make(place, next(numbers))
        begun = time.perf_counter()
        cost, answer = await place.send(*request)
        if request[0] == "POST":
            place.created.append(answer["id"])
        return cost, (time.perf_counter() - begun) * 1000

    async def several(times: int) -> None:
        for _ in range(times):
            await one()

    cpu: list[float] = []
    costs: list[Cost] = []
    times: list[float] = []
    for _ in range(BATCHES):
        service.behaviour.latency = LATENCY
        alone = [await one() for _ in range(AT_ONCE)]
        costs += [cost for cost, _ in alone]
        times += [took for _, took in alone]
        service.behaviour.latency = 0
        service.seconds, used = 0.0, time.process_time()
        await asyncio.gather(*(several(REQUESTS // AT_ONCE) for _ in range(AT_ONCE)))
        cpu.append((time.process_time() - used - service.seconds) / REQUESTS * 1000)
    return Capacity(name, statistics.mode(costs), min(cpu), min(times))


async def bytes_of(service: Timed) -> tuple[int, int]:
    """Count rows and bytes of the directory, by the published formula."""
    account = TableServiceClient.from_connection_string(
        CONNECTION, transport=ModelTransport(service), **PATIENCE
    )
    async with account:
        rows = await Partition(account.get_table_client(TABLE), DIRECTORY, Meter()).range("", "~")
    return len(rows), sum(_size(row.values) for row in rows)


def _size(values: Mapping[str, Any]) -> int:
    total = 4
    for name, value in values.items():
        if name in ("PartitionKey", "RowKey"):
            total += 2 * len(value)
        else:
            total += 8 + 2 * len(name) + (2 * len(value) + 4 if isinstance(value, str) else 8)
    return total


async def timer_calls() -> int:
    """Count the calls of an hour's purge for one directory more, in which nothing is due."""
    service, now, calls = Timed(), datetime.now(UTC), [0]
    storage = open_storage(CONNECTION, transport=ModelTransport(service))
    await storage.prepare()
    for number in range(2):
        made = new_directory(f"d{number}", preset("default"), preset="default", now=now)
        await storage.registry.add_directory(made)
        _, credential = issue(made.id, pepper=PEPPER, now=now)
        await storage.registry.add_credential(credential)
        before = service.counts.requests
        await purge(storage.registry, storage.repository, now=now)
        calls.append(service.counts.requests - before)
    await storage.close()
    return calls[2] - calls[1]


async def run() -> dict[str, Any]:
    service = Timed()
    await load_users(service, range(USERS))
    stored = {"nothing": (0, 0), "users": await bytes_of(service)}
    async with serving(service, USERS) as place:
        await load_groups(place, [MEMBERS])
        stored["memberships"] = await bytes_of(service)
        for number in range(100):
            await place.send(*OPERATIONS["PATCH user, one attribute"](place, number))
        stored["changes"] = await bytes_of(service)
        found, many = [], []
        for name, make in OPERATIONS.items():
            say(name)
            found.append(await measure(place, service, name, make))
            if name in RATED:
                many += await rates(place, name, make)
    sizes = [*stored.values()]
    each_of = zip((USERS, MEMBERS, 100), sizes[1:], sizes, strict=False)
    figures = [tuple((x - y) / of for x, y in zip(a, b, strict=True)) for of, a, b in each_of]
    named = dict(zip(("user", "membership", "entry of the log"), figures, strict=True))
    return {
        "capacity": [asdict(each) for each in found],
        "rates": [asdict(each) for each in many],
        "stored": named,
        "timer": await timer_calls(),
    }


def markdown(found: Mapping[str, Any]) -> str:
    """Write the tables."""
    head = ["operation", "round trips", "calls", "rows", "CPU ms", "process, per s"]
    head += ["partition, per s", "account, per s", "ms, each call 10"]
    stored = [
        [f"an {name}" if name.startswith("entry") else f"a {name}", f"{rows:.1f}", f"{size:,.0f}"]
        for name, (rows, size) in found["stored"].items()
    ]
    timer = f"The timer: {found['timer']} calls an hour for a directory with nothing due."
    return "\n\n".join(
        [
            table(head, [_costs(each) for each in found["capacity"]]),
            rates_table(found["rates"]),
            table(["what is stored", "rows", "bytes"], stored),
            timer,
        ]
    )


def _costs(each: Mapping[str, Any]) -> list[str]:
    cost, cpu = each["cost"], each["cpu_ms"]
    # A call that finds nothing counts as a row here: whether it does there is not published.
    rows = max(cost["rows"] + cost["written"], cost["calls"])
    cells = [each["name"], f"{cost['rounds']}", f"{cost['calls']}", f"{rows}", f"{cpu:.1f}"]
    cells += [f"{most:,.0f}" for most in (1000 / cpu, PARTITION / rows, ACCOUNT / rows)]
    return [*cells, f"{each['ms']:.0f}"]


def main() -> None:
    argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__).parse_args()
    logging.disable(logging.INFO)
    found = asyncio.run(run())
    print(markdown(found))
    written("capacity", found)


if __name__ == "__main__":
    main()
