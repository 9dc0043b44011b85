"""What a backup, its restore and a move cost, on the model of the service: rows a second, memory.

    python -m bench.backups [--users N]

The model runs in the same process and takes about half of its time. Azure adds the latency of a
call for each page of 1,000 rows and each transaction of 100, and takes 2,000 rows a second of a
partition; the model takes as many as come.
"""

import argparse
import asyncio
import resource
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from azure.data.tables.aio import TableServiceClient

from scim.backup import restoring
from scim.backup.taking import Source, take
from scim.directory import Directory
from scim.moving import Mover
from scim.repository import Meter
from storage.client import PATIENCE, Partition
from storage.folder import Folder
from storage.raw import RawRows
from storage.registry_memory import MemoryRegistry
from tests.model.loading import Loader
from tests.model.service import Service
from tests.model.transport import CONNECTION, ModelTransport

USERS = 10_000
IN_A_GROUP = 100


def clock() -> datetime:
    return datetime.now(UTC)


def megabytes() -> float:
    """Tell the largest size that the process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def run(users: int) -> None:
    service, directory = Service(), Directory(id=uuid.uuid4().hex, name="contoso")
    for table in ("scim", "second"):
        service.rows.create_table(table)
    loader = Loader(service, "scim", directory.id)
    await loader.users(range(users))
    for start in range(0, users, IN_A_GROUP):
        await loader.group(f"Group {start}", range(start, min(start + IN_A_GROUP, users)))
    registry = MemoryRegistry()
    await registry.add_directory(directory)
    transport = ModelTransport(service)
    account = TableServiceClient.from_connection_string(CONNECTION, transport=transport, **PATIENCE)

    def rows(each: Directory) -> RawRows:
        table = account.get_table_client(each.storage or "scim")
        return RawRows(Partition(table, each.id, Meter()))

    async def at_once(seconds: float) -> None:
        """Wait for nobody: no server runs."""

    with tempfile.TemporaryDirectory() as folder:
        shelf, before = Folder(Path(folder)), megabytes()
        print("| step | rows | seconds | rows/s |\n|---|---|---|---|")
        begun = time.perf_counter()
        made = await take(Source(directory, registry, rows(directory)), shelf, "b", clock=clock)
        assert made is not None
        begun = tell("backup, both rounds", made.rows, begun)
        backup = await restoring.find(shelf, "b")
        credentials = await restoring.check(backup)
        begun = tell("check", made.rows, begun)
        target = restoring.Target(registry, rows, "another")
        await restoring.restore(backup, credentials, target, clock=clock)
        begun = tell("write and compare", made.rows, begun)
        await Mover(registry, rows, clock, at_once).move(directory, "second")
        tell("move, without its waits", made.rows, begun)
    size = sum(each.bytes for each in made.parts)
    print(f"\n{users} users: {made.rows / users:.1f} rows and {size / users:.0f} bytes a user")
    print(f"memory: {before:.0f} MB loaded, {megabytes():.0f} MB at most")


def tell(step: str, rows: int, begun: float) -> float:
    now = time.perf_counter()
    print(f"| {step} | {rows} | {now - begun:.1f} | {rows / (now - begun):,.0f} |", flush=True)
    return now


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.backups", description=__doc__)
    parser.add_argument("--users", type=int, default=USERS)
    asyncio.run(run(parser.parse_args().users))


if __name__ == "__main__":
    main()
