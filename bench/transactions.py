"""What a transaction costs: by the SDK, and as `storage/batch.py` writes and reads it.

    .venv/bin/python -m bench.transactions

CPU time of this process for a transaction that inserts small rows, on the model of the service,
whose own time is taken off: both ways take turns in one run, and the least of their rounds counts.
"""

import argparse
import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from azure.data.tables.aio import TableClient, TableServiceClient

from bench.model import Timed
from bench.telling import table as as_table
from bench.telling import written
from scim.repository import Meter
from storage.client import PATIENCE, Operation, Partition
from tests.model.transport import CONNECTION, ModelTransport

SIZES = (1, 3, 10, 100)  # rows
ROUNDS = 7
_ROWS = 300  # that each way writes in a round
_VALUES = {"type": "User", "version": "0198a5b0c0de", "modified": "2026-11-22T09:00:00.000Z"}
_KEY = "directory"


def _keys(rows: int) -> list[str]:
    group, id = uuid.uuid4().hex, uuid.uuid4().hex
    return [f"m:Group:{group}:{id}{each}" for each in range(rows)]


async def by_sdk(table: TableClient, rows: int) -> None:
    operations: list[Any] = [
        ("create", {"PartitionKey": _KEY, "RowKey": key, **_VALUES}) for key in _keys(rows)
    ]
    assert len(await table.submit_transaction(operations)) == rows


async def by_us(table: TableClient, rows: int) -> None:
    operations = [Operation("insert", key, _VALUES) for key in _keys(rows)]
    assert len(await Partition(table, _KEY, Meter()).transact(operations)) == rows


async def measured() -> dict[str, dict[str, float]]:
    """Measure both; milliseconds per transaction."""
    service = Timed()
    account = TableServiceClient.from_connection_string(
        CONNECTION, transport=ModelTransport(service), **PATIENCE
    )
    ways: dict[str, Callable[..., Awaitable[None]]] = {"sdk": by_sdk, "ours": by_us}
    found: dict[str, dict[str, float]] = {}
    async with account:
        table = await account.create_table("rows")
        for rows in SIZES:
            times: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(ROUNDS):
                for way, write in ways.items():
                    times[way].append(await _timed(service, partial(write, table, rows), rows))
            found[str(rows)] = {way: min(each) for way, each in times.items()}
    service.rows.close()
    return found


async def _timed(service: Timed, run: Callable[[], Awaitable[None]], rows: int) -> float:
    count = max(_ROWS // rows, 10)
    service.seconds, begun = 0.0, time.process_time()
    for _ in range(count):
        await run()
    return (time.process_time() - begun - service.seconds) / count * 1000


def markdown(found: dict[str, dict[str, float]]) -> str:
    lines = [
        [rows, f"{each['sdk']:.2f}", f"{each['ours']:.2f}", f"{each['sdk'] / each['ours']:.1f}"]
        for rows, each in found.items()
    ]
    return as_table(["rows", "SDK, ms", "ours, ms", "SDK ÷ ours"], lines, texts=0)


def main() -> None:
    argparse.ArgumentParser(prog="python -m bench.transactions", description=__doc__).parse_args()
    logging.disable(logging.INFO)
    found = asyncio.run(measured())
    print(markdown(found))
    written("transactions", found)


if __name__ == "__main__":
    main()
