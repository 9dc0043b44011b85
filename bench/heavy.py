"""`python -m bench.heavy`: what a worker holds at most when heavy requests come side by side.

100,000 users, groups of 100,000, users of 100,000 characters, on the model of the Table service,
which runs in another process. Each case has a worker of its own, whose peak Linux tells.
"""

import argparse
import asyncio
import gc
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import memory
from bench.model import DIRECTORY, TABLE, load_users
from bench.telling import ROOT, say, table, written
from scim.credentials import issue
from scim.directory import Directory
from scim.http import Request
from scim.limits import Limits
from scim.server import Server
from storage.open import open_storage
from storage.registry_memory import MemoryRegistry
from tests.model.loading import USER, Loader, user, user_id
from tests.model.rows import Rows
from tests.model.service import Service
from tests.model.serving import serving_model
from tests.service import HOST, PEPPER

_WIDE = 1_000  # users of a directory of its own
_CHARACTERS = 100_000  # of each of them
_LIMITS = Limits(requests_per_second=0, members=100_000)
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

# A request: method, path, body.
Sent = tuple[str, str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """What requests side by side cost: answers by status, seconds, MB before and at most."""

    name: str
    at_once: int
    statuses: Mapping[str, int]
    seconds: float
    before_mb: float
    peak_mb: float


async def load(file: Path, size: int) -> None:
    service = Service(rows=Rows(file, cache=512))
    await load_users(service, range(size))
    loader = Loader(service, TABLE, DIRECTORY)
    groups = {name: await loader.group(name, range(size)) for name in ("large", "other")}
    for number in range(8):
        groups[f"empty{number}"] = await loader.group(f"Empty {number}", range(0))
    service.rows.close()
    file.with_suffix(".json").write_text(json.dumps(groups))


async def load_wide(file: Path) -> None:
    service = Service(rows=Rows(file))
    service.rows.create_table(TABLE)
    loader = Loader(service, TABLE, DIRECTORY)
    for number in range(_WIDE):
        wide = user(number, title=f"{number:08}" * (_CHARACTERS // 8))
        kept = {name: value for name, value in wide.items() if name != "schemas"}
        await loader.one(USER, user_id(number), kept, loader.change(USER))
    service.rows.close()
    file.with_suffix(".json").write_text("{}")


def _members(numbers: range) -> list[dict[str, str]]:
    return [{"value": user_id(each)} for each in numbers]


def _get(ids: Mapping[str, str], _: int) -> Sent:
    return "GET", f"/Groups/{ids['large']}", None


def _put(ids: Mapping[str, str], place: int) -> Sent:
    members = _members(range(place * 1000, place * 1000 + 80_000))
    return "PUT", f"/Groups/{ids['large']}", {"displayName": "Large", "members": members}


def _fill(ids: Mapping[str, str], place: int) -> Sent:
    body = {"displayName": f"Empty {place}", "members": _members(range(20_000))}
    return "PUT", f"/Groups/{ids[f'empty{place % 8}']}", body


def _patch(ids: Mapping[str, str], place: int) -> Sent:
    change = {"op": "Add", "path": "members", "value": _members(range(20_000))}
    path = f"/Groups/{ids[f'empty{place % 8}']}"
    return "PATCH", path, {"schemas": [_PATCH], "Operations": [change]}


def _bulk(_: Mapping[str, str], place: int) -> Sent:
    operations = [
        {
            "method": "POST",
            "path": "/Users",
            "bulkId": f"b{number}",
            "data": user(5_000_000 + place * 1000 + number, title="x" * 3000),
        }
        for number in range(1000)
    ]
    schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]
    return "POST", "/Bulk", {"schemas": schemas, "Operations": operations}


def _asked(path: str) -> Callable[[Mapping[str, str], int], Sent]:
    return lambda _ids, _place: ("GET", path, None)


CASES: Mapping[str, tuple[str, Callable[[Mapping[str, str], int], Sent]]] = {
    "get": ("GET of a group with its members", _get),
    "groups": ("first page of groups with members", _asked("/Groups?count=1000")),
    "put": ("PUT of 80,000 members to a group", _put),
    "fill": ("PUT of 20,000 members to an empty group", _fill),
    "patch": ("PATCH that adds 20,000 members", _patch),
    "sorted": ("sorted list", _asked("/Users?sortBy=displayName&count=100")),
    "page": ("page of 1,000 users", _asked("/Users?count=1000")),
    "scan": ("filter that no index serves", _asked("/Users?filter=title%20co%20%22zz%22")),
    "bulk": ("Bulk of 1,000 users", _bulk),
    "wide": ("page of 1,000 large users", _asked("/Users?count=1000")),
    "wide10": ("page of 10 large users", _asked("/Users?count=10")),
    "widescan": ("filter over large users", _asked("/Users?filter=nickName%20co%20%22zz%22")),
}


async def run(connection: str, groups: Mapping[str, str], case: str, at_once: int) -> Measured:
    """Measure one case in this process."""
    name, make = CASES[case]
    sent = [make(groups, number) for number in range(at_once)]
    raws = [(method, path, _raw(body)) for method, path, body in sent]
    del sent
    storage = open_storage(connection)
    registry = MemoryRegistry()
    directory = Directory(id=DIRECTORY, name="large", limits=_LIMITS)
    await registry.add_directory(directory)
    token, credential = issue(directory.id, pepper=PEPPER, now=datetime.now(UTC))
    await registry.add_credential(credential)
    server = Server(registry=registry, repository=storage.repository, pepper=PEPPER, longest=3600)

    async def one(method: str, path: str, raw: bytes) -> int:
        kind = {"content-type": "application/scim+json"} if raw else {}
        headers = {"authorization": f"Bearer {token}", **kind}
        request = Request(method, f"{HOST}/large/scim{path}", headers, raw)
        response = await server.handle(request)
        if response.status >= 400:
            say(f"{response.status} {response.body[:300].decode()}")
        return response.status

    await one("GET", "/Users?filter=userName%20eq%20%22nobody%22", b"")
    gc.collect()
    memory.reset_peak()
    before, begun = memory.now(), time.perf_counter()
    statuses = Counter(await asyncio.gather(*(one(*each) for each in raws)))
    took = time.perf_counter() - begun
    await server.close()
    await storage.close()
    counted = {str(status): number for status, number in statuses.items()}
    return Measured(name, at_once, counted, took, before, memory.peak())


def _raw(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


def _measure(folder: Path, case: str, at_once: int, latency: float) -> Measured:
    """Measure one case on a copy of the rows, in a process of its own."""
    source = folder / ("wide" if case.startswith("wide") else "rows")
    with tempfile.TemporaryDirectory(prefix="heavy-") as copied:
        rows = Path(copied) / "rows"
        shutil.copy(source, rows)
        with serving_model("--rows", str(rows), "--latency", str(latency)) as connection:
            command = [sys.executable, "-m", "bench.heavy", "--case", case, "--to", connection]
            given = ["--rows", str(source), "--at-once", str(at_once)]
            done = subprocess.run(
                [*command, *given], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
            )
    return Measured(**json.loads(done.stdout))


def markdown(found: Sequence[Measured]) -> str:
    """Write the table."""
    rows = [
        (
            each.name,
            str(each.at_once),
            ", ".join(f"{number} x {status}" for status, number in each.statuses.items()),
            f"{each.seconds:.1f}",
            f"{each.before_mb:.0f}",
            f"{each.peak_mb:.0f}",
        )
        for each in found
    ]
    return table(("what", "at once", "answers", "seconds", "MB before", "MB at most"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.heavy", description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--latency", type=float, default=0.001, help="seconds that a call takes")
    parser.add_argument("--rows", type=Path, help="a folder of loaded rows, to be used again")
    parser.add_argument("--only", nargs="*", default=list(CASES), help="cases")
    parser.add_argument("--at-once", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--to", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    logging.disable(logging.INFO)
    if chosen.load:
        asyncio.run(load(chosen.load / "rows", chosen.users))
        asyncio.run(load_wide(chosen.load / "wide"))
        return
    if chosen.case:
        groups = json.loads(chosen.rows.with_suffix(".json").read_text())
        found = asyncio.run(run(chosen.to, groups, chosen.case, chosen.at_once[0]))
        print(json.dumps(asdict(found)))
        return
    with tempfile.TemporaryDirectory(prefix="heavy-") as name:
        folder = chosen.rows or Path(name)
        if not (folder / "rows").exists():
            # In a process of its own, as all is that needs much memory.
            command = [sys.executable, "-m", "bench.heavy", "--load", str(folder)]
            subprocess.run([*command, "--users", str(chosen.users)], cwd=ROOT, check=True)
        measured = []
        for case in chosen.only:
            for at_once in chosen.at_once:
                measured.append(_measure(folder, case, at_once, chosen.latency))
                say(f"{measured[-1]}")
    print(markdown(measured))
    written("heavy", [asdict(each) for each in measured])
    if wrong := [each for each in measured if each.peak_mb >= memory.MOST]:
        raise SystemExit(f"more than {memory.MOST} MB: {wrong}")


if __name__ == "__main__":
    main()
