"""What reading costs where rows come in no order, as on Cosmos DB for Table.

    .venv/bin/python -m bench.unsorted [--users N]

Calls and rows of the same requests on the model of Table Storage and on that of Cosmos DB.
"""

import argparse
import asyncio
import logging
from collections.abc import Mapping

from azure.data.tables.aio import TableServiceClient

from bench.telling import table as as_table
from bench.telling import written
from scim.repository import Meter
from storage.client import PATIENCE, Partition
from storage.raw import RawRows
from tests.model.behaviour import Behaviour
from tests.model.loading import Loader
from tests.model.service import Service
from tests.model.transport import CONNECTION, COSMOS, ModelTransport
from tests.storage.serving import Metered, on_tables, serve

USERS = 20_000
Costs = Mapping[str, tuple[int, int, int]]  # rounds, calls, rows


async def measured(users: int, *, cosmos: bool) -> Costs:
    """Send the requests to one of the models."""
    transport = ModelTransport(Service(Behaviour(cosmos=cosmos)))
    account = TableServiceClient.from_connection_string(
        COSMOS if cosmos else CONNECTION, transport=transport, **PATIENCE
    )
    found: dict[str, tuple[int, int, int]] = {}
    async with account:
        table = await account.create_table("rows")
        made = Metered(on_tables(table))
        client = await serve(made)
        await Loader(transport.service, "rows", client.directory.id).users(range(users))

        async def send(name: str, query: str) -> str:
            answer = await client.get(f"/Users?{query}")
            assert answer.status == 200, answer.body
            found[name] = (made.meter.rounds, made.meter.calls, made.meter.rows)
            return str(answer.body.get("nextCursor", ""))

        await send("page 1 by index, with its count", "startIndex=1&count=100")
        await send("page in the middle by index", f"startIndex={users // 200 * 100 + 1}&count=100")
        cursor = await send("page 1 by cursor, with its count", "cursor&count=100")
        await send("page 2 by cursor", f"cursor={cursor}&count=100")
        await send("filter that nothing narrows", 'filter=title co "nothing"'.replace(" ", "+"))
        meter = Meter()
        pages = RawRows(Partition(table, client.directory.id, meter)).read()
        assert len([row async for page in pages for row in page]) > users
        found["a backup's reading of all rows"] = (meter.rounds, meter.calls, meter.rows)
    transport.service.rows.close()
    return found


def markdown(one: Costs, other: Costs) -> str:
    rows = [
        [
            name,
            *(
                f"{figure:,}"
                for pair in zip(one[name], other[name], strict=True)
                for figure in pair
            ),
        ]
        for name in one
    ]
    names = ["rounds", "on Cosmos DB", "calls", "on Cosmos DB", "rows", "on Cosmos DB"]
    return as_table(["", *names], rows)


async def both(users: int) -> tuple[Costs, Costs]:
    return await measured(users, cosmos=False), await measured(users, cosmos=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.unsorted", description=__doc__)
    parser.add_argument("--users", type=int, default=USERS)
    users = parser.parse_args().users
    logging.disable(logging.INFO)
    ordered, unsorted = asyncio.run(both(users))
    print(markdown(ordered, unsorted))
    written("unsorted", {"users": users, "ordered": ordered, "unsorted": unsorted})


if __name__ == "__main__":
    main()
