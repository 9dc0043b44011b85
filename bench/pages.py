"""What reading rows costs: as the SDK's entities, and as `storage/plain.py` takes them.

    .venv/bin/python -m bench.pages

CPU time of this process per row, in pages of 1,000 from the model of the service, whose own time is
taken off: both ways take turns in one run, and the least of their rounds counts.
"""

import argparse
import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from azure.data.tables.aio import TableClient, TableServiceClient

from bench.model import DIRECTORY, TABLE, Timed, load_users
from bench.telling import table as as_table
from bench.telling import written
from scim.repository import Meter
from storage import keys
from storage.client import PATIENCE, Partition
from storage.odata import between
from tests.model.transport import CONNECTION, ModelTransport

USERS = 10_000
ROUNDS = 7
_WHAT: dict[str, Sequence[str] | None] = {"keys alone": ("RowKey",), "whole rows": None}


async def by_sdk(table: TableClient, select: Sequence[str] | None) -> int:
    ends = keys.below(keys.resource("User", ""))
    pages = table.query_entities(
        between(DIRECTORY, *ends), results_per_page=1000, select=list(select) if select else None
    ).by_page()
    count = 0
    async for page in pages:
        count += len([each async for each in page])
    return count


async def by_us(table: TableClient, select: Sequence[str] | None) -> int:
    partition = Partition(table, DIRECTORY, Meter())
    ends = keys.below(keys.resource("User", ""))
    return len(await partition.range(*ends, select=select))


async def measured(users: int = USERS) -> dict[str, dict[str, float]]:
    """Measure both; microseconds per row."""
    service = Timed()
    await load_users(service, range(users))
    account = TableServiceClient.from_connection_string(
        CONNECTION, transport=ModelTransport(service), **PATIENCE
    )
    ways: dict[str, Callable[..., Awaitable[int]]] = {"sdk": by_sdk, "plain": by_us}
    found: dict[str, dict[str, float]] = {}
    async with account:
        table = account.get_table_client(TABLE)
        for what, select in _WHAT.items():
            times: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(ROUNDS):
                for way, read in ways.items():
                    service.seconds, begun = 0.0, time.process_time()
                    assert await read(table, select) == users
                    took = time.process_time() - begun - service.seconds
                    times[way].append(took / users * 1e6)
            found[what] = {way: min(each) for way, each in times.items()}
    service.rows.close()
    return found


def markdown(found: dict[str, dict[str, float]]) -> str:
    rows = [
        [what, f"{each['sdk']:.1f}", f"{each['plain']:.1f}", f"{each['sdk'] / each['plain']:.1f}"]
        for what, each in found.items()
    ]
    return as_table(["per row", "SDK, µs", "plain, µs", "SDK ÷ plain"], rows)


def main() -> None:
    argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__).parse_args()
    logging.disable(logging.INFO)
    found = asyncio.run(measured())
    print(markdown(found))
    written("pages", found)


if __name__ == "__main__":
    main()
