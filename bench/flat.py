"""What requests cost in directories and groups of several sizes, on the model of the service.

`python -m bench.flat`: 100, 10,000 and 100,000 users, groups of 10, 10,000 and 100,000 members. The
model counts what the service would have to do: rows that it looks at, bytes in and out. Time is CPU
time of this process, model and SDK included, the least of several batches, which take turns.
"""

import argparse
import asyncio
import json
import logging
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, astuple, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import quote

from azure.data.tables.aio import TableServiceClient

from bench.serving import ROOT
from scim.credentials import issue
from scim.directory import Directory
from scim.repository import Meter
from scim.server import Server
from storage.client import PATIENCE
from storage.registry_memory import MemoryRegistry
from tests.model.loading import Loader, user, user_id
from tests.model.service import Service
from tests.model.transport import CONNECTION, ModelTransport
from tests.service import PEPPER, UNHURRIED, Client
from tests.storage.serving import Metered, on_tables

TABLE = "scim"
DIRECTORY = "0123456789abcdefghij"
SPARE = 500  # users beside a group's members, who are added to it
PAGE = 10
BATCHES = 5
REQUESTS = 8  # of a batch

_BEGUN = datetime.now(UTC)
_LONGEST = 600  # seconds by the clock on the wall, which go by for others, too

_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request costs: what our meter counts, then what the service counts."""

    rounds: int
    calls: int
    rows: int
    examined: int
    written: int
    sent: int
    received: int


@dataclass(slots=True)
class Place:
    """A directory on a service of its own."""

    client: Client
    metered: Metered
    transport: ModelTransport
    size: int
    numbers: "count[int]"
    created: list[str] = field(default_factory=list)
    groups: dict[int, str] = field(default_factory=dict)
    added: dict[int, list[str]] = field(default_factory=dict)
    cursor: str = ""  # to the second page

    @property
    def service(self) -> Service:
        return self.transport.service

    async def send(self, method: str, path: str, body: Any = None) -> tuple[Cost, Any]:
        """Send a request and say what it cost; second: the answer's document."""
        counts, wire = self.service.counts, self.transport.bytes
        before = (counts.examined, counts.written, wire.sent, wire.received)
        answer = await self.client.send(method, path, body)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.body}"
        after = (counts.examined, counts.written, wire.sent, wire.received)
        meter: Meter = self.metered.meter
        spent = (now - then for now, then in zip(after, before, strict=True))
        return Cost(meter.rounds, meter.calls, meter.rows, *spent), answer.body


async def load_users(service: Service, users: int) -> None:
    service.rows.create_table(TABLE)
    await Loader(service, TABLE, DIRECTORY).users(range(users))


async def load_groups(place: Place, sizes: Sequence[int]) -> None:
    """Load groups with the first users as members."""
    loader = Loader(place.service, TABLE, DIRECTORY)
    for size in sizes:
        place.groups[size] = await loader.group(f"Group of {size:07}", range(size))


@asynccontextmanager
async def serving(service: Service, users: int) -> AsyncIterator[Place]:
    """Serve the directory that was loaded."""
    transport = ModelTransport(service)
    account = TableServiceClient.from_connection_string(CONNECTION, transport=transport, **PATIENCE)
    async with account:
        metered = Metered(on_tables(account.get_table_client(TABLE)))
        registry = MemoryRegistry()
        directory = Directory(id=DIRECTORY, name="large", limits=UNHURRIED)
        await registry.add_directory(directory)
        token, credential = issue(directory.id, pepper=PEPPER, now=datetime.now(UTC))
        await registry.add_credential(credential)
        server = Server(
            registry=registry,
            repository=metered,
            pepper=PEPPER,
            clock=_processor_time,
            longest=_LONGEST,
        )
        client = Client(server, directory.name, token, directory)
        place = Place(client, metered, transport, users, count(2_000_000))
        first = await client.get(f"/Users?count={PAGE}&cursor=")
        place.cursor = first.body["nextCursor"]
        yield place
        await server.close()
    service.rows.close()


def _processor_time() -> datetime:
    """Tell the time as if the machine did nothing else."""
    return _BEGUN + timedelta(seconds=time.process_time())


@asynccontextmanager
async def loaded(users: int) -> AsyncIterator[Place]:
    """Serve a directory with users from memory."""
    service = Service()
    await load_users(service, users)
    async with serving(service, users) as place:
        yield place


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table: `make` says what to send next, `note` sees what came back.

    `grows` are the columns that are larger the more there are; docs/benchmarks.md says why.
    """

    name: str
    make: Callable[[Place], tuple[str, str, Any]]
    note: Callable[[Place, Any], None] = lambda _place, _answer: None
    grows: frozenset[str] = frozenset()


def _get(name: str, path: Callable[[Place], str], **more: Any) -> Operation:
    return Operation(name, lambda place: ("GET", path(place), None), **more)


def _match(name: str, filter: str) -> list[Operation]:
    """Search for somebody who is there, and for nobody."""

    def asked(digits: str) -> str:
        return f"/Users?filter={quote(filter.format(digits))}"

    return [
        _get(f"match {name}, hit", lambda place: asked(f"{place.size // 2:07}")),
        _get(f"match {name}, miss", lambda _place: asked("9999999")),
    ]


def _title(place: Place) -> tuple[str, str, Any]:
    value = f"Title {next(place.numbers)}"
    change = {"op": "Replace", "path": "title", "value": value}
    return "PATCH", f"/Users/{user_id(3)}", {"schemas": [_PATCH], "Operations": [change]}


def _page(start: Callable[[Place], int]) -> Callable[[Place], str]:
    return lambda place: f"/Users?count={PAGE}&startIndex={start(place)}"


def _by_cursor(place: Place) -> tuple[str, str, Any]:
    cursor = f"&cursor={quote(place.cursor)}"
    return "GET", f"/Users?count={PAGE}{cursor}", None


# The first page counts everybody; the others read a bookmark that tells where up to 512 pages
# begin: of fewer pages it is shorter.
_EVERYBODY = frozenset({"rounds", "calls", "rows", "examined", "written", "sent", "received", "ms"})
_BOOKMARK = frozenset({"received"})

USERS: Sequence[Operation] = [
    _get("GET user by id", lambda place: f"/Users/{user_id(place.size // 2)}"),
    *_match("userName", 'userName eq "user{}@example.com"'),
    *_match("externalId", 'externalId eq "external{}"'),
    *_match("displayName", 'displayName eq "User Number {}"'),
    *_match("work e-mail", 'emails[type eq "work"].value eq "user{}@example.com"'),
    *_match("employeeNumber", f'{_ENTERPRISE}:employeeNumber eq "{{}}"'),
    Operation(
        "POST user",
        lambda place: ("POST", "/Users", user(next(place.numbers))),
        lambda place, made: place.created.append(made["id"]),
    ),
    Operation("PATCH user, one attribute", _title),
    Operation("DELETE user", lambda place: ("DELETE", f"/Users/{place.created.pop()}", None)),
    _get("list users, first page", _page(lambda _place: 1), grows=_EVERYBODY),
    _get(
        "list users, page in the middle",
        _page(lambda place: place.size // 2 + 1),
        grows=_BOOKMARK,
    ),
    _get("list users, last page", _page(lambda place: place.size - PAGE + 1), grows=_BOOKMARK),
    Operation("list users, page by cursor", _by_cursor),
]


def of_group(size: int) -> Sequence[Operation]:
    """What is done to a group of a size: who is added is removed again."""

    def path(place: Place) -> str:
        return f"/Groups/{place.groups[size]}"

    def edit(place: Place, op: str, id: str) -> tuple[str, str, Any]:
        change = {"op": op, "path": "members", "value": [{"value": id}]}
        return "PATCH", path(place), {"schemas": [_PATCH], "Operations": [change]}

    def add(place: Place) -> tuple[str, str, Any]:
        added = place.added.setdefault(size, [])
        added.append(user_id(size + len(added)))
        return edit(place, "Add", added[-1])

    def asked(place: Place, number: int) -> str:
        filter = f'id eq "{place.groups[size]}" and members eq "{user_id(number)}"'
        return f"/Groups?excludedAttributes=members&filter={quote(filter)}"

    return [
        Operation("add one member", add),
        Operation(
            "remove one member", lambda place: edit(place, "Remove", place.added[size].pop())
        ),
        _get("is X a member, yes", lambda place: asked(place, size // 2)),
        _get("is X a member, no", lambda place: asked(place, size + SPARE - 1)),
        _get(
            "GET group without members", lambda place: f"{path(place)}?excludedAttributes=members"
        ),
    ]


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


def markdown(found: Sequence[Measured]) -> str:
    """Write the table: one row for each operation, what differs between sizes beside each other."""
    right = ["round trips", "calls", "rows read", "looked at", "rows written", "KiB sent"]
    right += ["KiB received", "CPU ms", "largest ÷ smallest"]
    lines = [
        f"| operation | sizes | {' | '.join(right)} |",
        f"|---|---|{'---:|' * len(right)}",
    ]
    by_name: dict[str, list[Measured]] = {}
    for each in found:
        by_name.setdefault(each.name, []).append(each)
    for name, some in by_name.items():
        costs = [each.cost for each in some]
        cells = [
            _cell([f"{getattr(each, column):,}" for each in costs])
            for column in ("rounds", "calls", "rows", "examined", "written")
        ]
        cells += [
            _cell([f"{getattr(each, column) / 1024:,.1f}" for each in costs])
            for column in ("sent", "received")
        ]
        sizes = " · ".join(f"{each.size:,}" for each in some)
        times = " · ".join(f"{each.ms:.1f}" for each in some)
        ratio = f"{some[-1].ms / some[0].ms:.2f}"
        lines.append(f"| {name} | {sizes} | {' | '.join(cells)} | {times} | {ratio} |")
    return "\n".join(lines)


def _cell(values: Sequence[str]) -> str:
    return values[0] if len(set(values)) == 1 else " · ".join(values)


def written(kind: str, document: Any) -> str:
    """Keep a document among the results, and say where."""
    folder = ROOT / "bench" / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{kind}-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.json"
    path.write_text(json.dumps(document, indent=1, default=sorted) + "\n", "utf-8")
    return str(path.relative_to(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.flat", description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=[100, 10_000, 100_000])
    parser.add_argument("--members", type=int, nargs="+", default=[10, 10_000, 100_000])
    chosen = parser.parse_args()
    logging.disable(logging.INFO)
    begun = time.monotonic()
    found = asyncio.run(run(chosen.users, chosen.members))
    print(markdown(found))
    took = time.monotonic() - begun
    where = written("flat", [asdict(each) for each in found])
    print(f"{took:.0f} s; the numbers are in {where}", file=sys.stderr)


if __name__ == "__main__":
    main()
