"""`python -m bench.large_groups`: what large groups cost, on the model of the Table service.

A group of 100,000 is built by PATCHes of 1,000 side by side, renamed, read, replaced, deleted; one
PATCH and one PUT name 10,000 members; somebody in 1,000 groups is deleted. `--latency` is how many
seconds each call takes. The rows lie in a file, so that memory is the worker's, and the model's
cache of 16 MiB. Linux alone tells its peaks.
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
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.data.tables.aio import TableServiceClient

from bench import flat
from bench.flat import DIRECTORY, TABLE
from bench.million import _peak, _reset_peak
from bench.serving import ROOT
from scim.credentials import issue
from scim.directory import Directory
from scim.http import Request
from scim.limits import Limits
from scim.server import Server
from storage.client import PATIENCE
from storage.registry_memory import MemoryRegistry
from tests.model.behaviour import Behaviour
from tests.model.loading import GROUP, Loader, user_id
from tests.model.rows import Rows
from tests.model.service import Service
from tests.model.transport import CONNECTION, ModelTransport
from tests.service import HOST, PEPPER, Client
from tests.storage.serving import Metered, on_tables

_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_MANY, _AT_ONCE, _EACH = 1_000, 8, 1_000  # groups of one user; PATCHes side by side, members of one
_LIMITS = Limits(requests_per_second=0, members=100_000)


@dataclass(frozen=True, slots=True)
class Measured:
    """What requests cost: seconds by the clock, of CPU (the model's too), MB at most and more."""

    name: str
    members: int
    status: int
    calls: int
    rounds: int
    written: int
    received: int
    seconds: float
    cpu: float
    peak_mb: float
    added_mb: float


@dataclass(slots=True)
class Place:
    client: Client
    metered: Metered
    service: Service
    transport: ModelTransport
    found: list[Measured]

    async def measure(self, name: str, members: int, *sent: tuple[str, str, Any]) -> None:
        """Send requests, so many at a time, and note what they cost in all."""
        raws = [
            (method, path, None if body is None else json.dumps(body).encode())
            for method, path, body in sent
        ]
        gate = asyncio.Semaphore(_AT_ONCE)
        counts, wire = self.service.counts, self.transport
        before = (counts.written, wire.bytes.received, wire.sent)
        base = _now()
        _reset_peak()
        begun, cpu = time.perf_counter(), time.process_time()

        async def one(method: str, path: str, raw: bytes | None) -> int:
            """Give the status; the answer is written, and nobody here parses it."""
            async with gate:
                kind = {"content-type": "application/scim+json"} if raw else {}
                headers = {"authorization": f"Bearer {self.client.token}", **kind}
                url = f"{HOST}/{self.client.name}/scim{path}"
                request = Request(method, url, headers, raw or b"")
                response = await self.client.server.handle(request)
                return response.status if response.body is not None else 0

        answers = await asyncio.gather(*(one(*each) for each in raws))
        took, cpu = time.perf_counter() - begun, time.process_time() - cpu
        peak = _peak()
        after = (counts.written, wire.bytes.received, wire.sent)
        written, received, calls = (now - then for now, then in zip(after, before, strict=True))
        self.found.append(
            Measured(
                name,
                members,
                max(answers),
                calls,
                self.metered.meter.rounds if len(answers) == 1 else 0,
                written,
                received,
                took,
                cpu,
                peak,
                peak - base,
            )
        )
        _say(f"{self.found[-1]}")


def _now() -> float:
    """Read how much memory this process has, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    [kib] = [each.split()[1] for each in lines if each.startswith("VmRSS")]
    return int(kib) / 1024


@asynccontextmanager
async def _serving(file: Path, latency: float) -> AsyncIterator[Place]:
    service = Service(Behaviour(latency=latency), rows=Rows(file))
    transport = ModelTransport(service)
    account = TableServiceClient.from_connection_string(CONNECTION, transport=transport, **PATIENCE)
    async with account:
        metered = Metered(on_tables(account.get_table_client(TABLE)))
        registry = MemoryRegistry()
        directory = Directory(id=DIRECTORY, name="large", limits=_LIMITS)
        await registry.add_directory(directory)
        token, credential = issue(directory.id, pepper=PEPPER, now=datetime.now(UTC))
        await registry.add_credential(credential)
        server = Server(registry=registry, repository=metered, pepper=PEPPER, longest=3600)
        client = Client(server, directory.name, token, directory)
        yield Place(client, metered, service, transport, [])
        await server.close()
    service.rows.close()


def _members(numbers: range) -> list[dict[str, str]]:
    return [{"value": user_id(each)} for each in numbers]


def _patch(op: str, numbers: range) -> dict[str, Any]:
    change = {"op": op, "path": "members", "value": _members(numbers)}
    return {"schemas": [_PATCH], "Operations": [change]}


async def load(file: Path, size: int) -> None:
    service = Service(rows=Rows(file, cache=4096))
    await flat.load_users(service, size)
    loader = Loader(service, TABLE, DIRECTORY)
    groups = {"large": await loader.group("Large", range(size))}
    groups["other"] = await loader.group("Other", range(size))
    for number in range(_MANY):
        await loader.group(f"Small {number:04}", range(7, 8))
    for name in ("half", "empty", "built"):
        groups[name] = await loader.group(name, range(0))
    service.rows.close()
    file.with_suffix(".json").write_text(json.dumps(groups))


async def run(file: Path, size: int, latency: float, only: Sequence[str]) -> list[Measured]:
    """Measure each on the rows that were loaded."""
    ids = json.loads(file.with_suffix(".json").read_text())
    path = {name: f"/Groups/{id}" for name, id in ids.items()}
    few = min(10_000, size)
    # A body of 4 MiB holds some 80,000 ids with what JSON needs around them.
    most = min(80_000, size)
    rename = {"op": "Replace", "path": "displayName", "value": "Renamed"}
    named = {"displayName": "Half"}
    cases: dict[str, tuple[str, int, list[tuple[str, str, Any]]]] = {
        "add": ("PATCH adds", few, [("PATCH", path["empty"], _patch("Add", range(few)))]),
        "again": (
            "the same PATCH again",
            few,
            [("PATCH", path["empty"], _patch("Add", range(few)))],
        ),
        "put": (
            "PUT to an empty group",
            few,
            [("PUT", path["half"], {**named, "members": _members(range(few))})],
        ),
        "remove": ("PATCH removes", few, [("PATCH", path["empty"], _patch("Remove", range(few)))]),
        "one": ("PATCH adds one", size, [("PATCH", path["built"], _patch("Add", range(1)))]),
        "rename": (
            "rename",
            size,
            [("PATCH", path["large"], {"schemas": [_PATCH], "Operations": [rename]})],
        ),
        "read": ("GET with members", size, [("GET", path["large"], None)]),
        "swap": (
            "PUT that replaces",
            most,
            [
                (
                    "PUT",
                    path["large"],
                    {"displayName": "Large", "members": _members(range(size - most, size))},
                )
            ],
        ),
        "few": (
            "PATCH that replaces by 10",
            size,
            [("PATCH", path["large"], _patch("Replace", range(10)))],
        ),
        "build": (
            f"built by PATCHes of {_EACH:,}, {_AT_ONCE} at a time",
            size,
            [
                ("PATCH", path["built"], _patch("Add", range(start, min(start + _EACH, size))))
                for start in range(0, size, _EACH)
            ],
        ),
        "delete": ("DELETE of a group", size, [("DELETE", path["other"], None)]),
        "user": ("DELETE of a user in groups", _MANY, [("DELETE", f"/Users/{user_id(7)}", None)]),
    }
    async with _serving(file, latency) as place:
        for key, (name, members, sent) in cases.items():
            if not only or key in only:
                await place.measure(name, members, *sent)
            if key == "build" and (not only or key in only):
                await _whole(place, ids["built"], size)
    return place.found


async def _whole(place: Place, group: str, size: int) -> None:
    """Raise SystemExit unless everybody who was added is there."""
    repository = place.metered(place.client.directory)
    found = await repository.related(GROUP, [group], "members")
    if {each.id for each in found[group]} != {user_id(each) for each in range(size)}:
        raise SystemExit(f"{len(found[group])} members, not {size}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def markdown(found: Sequence[Measured]) -> str:
    """Write the table."""
    lines = [
        "| what | members | status | calls | rows written | seconds | CPU s | peak MB | more MB |",
        f"|---|{'---:|' * 8}",
    ]
    lines += [
        f"| {each.name} | {each.members:,} | {each.status} | {each.calls:,} | {each.written:,} |"
        f" {each.seconds:.1f} | {each.cpu:.1f} | {each.peak_mb:.0f} | {each.added_mb:.0f} |"
        for each in found
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.large_groups", description=__doc__)
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--latency", type=float, default=0.01, help="seconds that each call takes")
    parser.add_argument("--only", nargs="*", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=Path, help="loaded rows, to be used again")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.load:
        asyncio.run(load(chosen.load, chosen.members))
        return
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="groups-") as folder:
        base = chosen.rows or Path(folder) / "base"
        if not base.exists():
            # In a process of its own, so that what loading needs is not in what is measured.
            command = [sys.executable, "-m", "bench.large_groups", "--load", str(base)]
            size = ["--members", str(chosen.members)]
            subprocess.run([*command, *size], cwd=ROOT, check=True)
        file = Path(folder) / "rows"
        shutil.copy(base, file)
        shutil.copy(base.with_suffix(".json"), file.with_suffix(".json"))
        found = asyncio.run(run(file, chosen.members, chosen.latency, chosen.only))
    print(markdown(found))
    _say(f"the numbers are in {flat.written('large-groups', [asdict(each) for each in found])}")


if __name__ == "__main__":
    main()
