"""The yardsticks: azure-data-tables by itself, in this process, on the same Azurite.

A point read of a user's own row, and a transaction that inserts three small rows.
"""

import statistics
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from azure.data.tables.aio import TableClient, TableServiceClient

from bench.directory import partition_key
from bench.measure import BATCHES, Cost, middle
from storage import keys
from storage.open import RESOURCES_TABLE

_TABLE = "bare"
_WARM_UP = 5


async def measure_bare(connection_string: str, user: str, requests: int) -> list[Cost]:
    """Measure both."""
    key = await partition_key(connection_string)
    async with TableServiceClient.from_connection_string(connection_string) as service:
        resources = service.get_table_client(RESOURCES_TABLE)
        table = await service.create_table_if_not_exists(_TABLE)

        async def read() -> None:
            await resources.get_entity(key, keys.resource("User", user))

        return [
            await _measure("point read", read, requests),
            await _measure("transaction", lambda: _insert_three(table), requests),
        ]


async def _insert_three(table: TableClient) -> None:
    first = uuid.uuid4().hex
    operations: list[Any] = [
        ("create", {"PartitionKey": "bare", "RowKey": f"{first}-{place}", "text": "a value"})
        for place in range(3)
    ]
    await table.submit_transaction(operations)


async def _measure(name: str, run: Callable[[], Awaitable[None]], requests: int) -> Cost:
    for _ in range(_WARM_UP):
        await run()
    size = max(requests // BATCHES, 3)
    seconds: list[float] = []
    cpu: list[float | None] = []
    for _ in range(BATCHES):
        used = time.process_time()
        for _ in range(size):
            begun = time.perf_counter()
            await run()
            seconds.append(time.perf_counter() - begun)
        cpu.append((time.process_time() - used) / size * 1000)
    rows = 1 if name == "point read" else 0
    return Cost(
        name, name, len(seconds), statistics.median(seconds) * 1000, middle(cpu), 1, 1, rows
    )
