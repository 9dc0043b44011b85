"""`kill -9` of a server between two calls to the store: on Azurite, one point of each kind.

All points of all operations are tried on the model (`tests/faults/test_kills.py`); what this adds
is a real process, a real connection, and another process that goes on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from azure.data.tables.aio import TableServiceClient

from scim.server import Server
from storage.client import PATIENCE
from storage.open import open_storage
from storage.registry import TablesRegistry
from tests.faults.breaking import Breaking
from tests.faults.operations import REQUESTS, ruled
from tests.faults.points import judged
from tests.faults.world import Process, World, populate
from tests.faults.worlds import Worlds
from tests.host.proxy import Proxy, proxying
from tests.host.serving import ask, serving
from tests.model.service import Service
from tests.service import PEPPER, Answer, Client, open_directory
from tests.storage.serving import on_tables

# The transaction at which the server is killed, counted from 0, and whether it is done.
POINTS = (
    ("create a user", 0, "after"),
    ("create a user of 98 index rows", 1, "before"),
    ("put a user", 0, "before"),
    ("patch a user", 0, "after"),
    ("add 41 members", 0, "after"),
    ("create a group of 52", 0, "after"),
    ("delete a user in 36 groups", 0, "after"),
    ("deactivate a user", 0, "after"),
    ("revive a user", 0, "before"),
    ("Bulk of three", 1, "after"),
)


class Gone(Exception):
    """Nobody answers: the server was killed."""


@dataclass
class Remote(Client):
    """A client of a server in another process."""

    async def send(self, method: str, path: str, body: Any = None, **_: Any) -> Answer:
        url = f"{self.name}/scim"
        access = {"tenantUrl": f"{self.headers['server']}/{url}", "secretToken": self.token}
        try:
            status, found = await asyncio.to_thread(ask, access, method, path, body)
        except OSError as error:
            raise Gone from error
        return Answer(status, {"Retry-After": "1"}, found)


@dataclass
class OnAzurite(World):
    """A world whose processes have Azurite for a store."""

    account: TableServiceClient | None = None
    table: str = "scim"

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Process]:
        assert self.account is not None
        table = self.account.get_table_client(self.table)
        server = Server(registry=self.recorded, repository=on_tables(table), pepper=PEPPER)
        one = self.client
        client = Client(server, one.name, one.token, one.directory)
        yield Process(cast("Breaking", None), table, client, await self._registry())
        await server.close()

    async def _registry(self) -> TablesRegistry:
        assert self.account is not None
        return TablesRegistry(await self.account.create_table(f"r{uuid4().hex[:12]}"))


@pytest.fixture
def proxy(azurite: str) -> Any:
    with proxying(azurite) as running:
        yield running


@pytest.mark.parametrize(("name", "place", "when"), POINTS)
async def test_a_killed_server_leaves_nothing_half_done(
    name: str, place: int, when: str, azurite: str, proxy: Proxy, tmp_path: Path
) -> None:
    """The request, sent to another server, completes what the killed one began."""
    [operation] = [each for each in REQUESTS if each.name == name]
    expected = await Worlds().scene(operation)
    account = TableServiceClient.from_connection_string(azurite, **PATIENCE)
    storage = open_storage(azurite)
    await storage.prepare()
    rules = ruled(operation)
    record = {n: getattr(rules, n) for n in ("schemas", "resource_types", "deletion")}
    client = await open_directory(storage, **record)
    async with account:
        nowhere = Service()  # the model is not what it is about
        world = OnAzurite(nowhere, storage.registry, client, [], [], account=account)
        await populate(world, operation.users, operation.groups)
        act = await operation.arrange(world)
        with serving(
            tmp_path,
            *("--storage", proxy.connection, "--directory", "other"),
            SCIM_PEPPER=PEPPER.decode(),
        ) as (process, first):
            server = first["tenantUrl"].removesuffix("/other/scim")
            remote = Remote(client.server, client.name, client.token, client.directory)
            remote.headers["server"] = server
            async with world.process() as here:
                here.client = remote
                assert await _read(remote) == 200  # it knows the token; nothing else is written
                proxy.hold = (place, when)
                request = asyncio.ensure_future(act(here))
                assert await asyncio.to_thread(proxy.holding.wait, 60)
                process.kill()
                with pytest.raises(Gone):
                    await request
        async with world.process() as another:
            status = await act(another)
        assert status in (operation.status, *operation.again)
        assert (await world.view()).split("\n") == expected.after.split("\n")
        assert not (await judged(world)).keys() - operation.leaves
    await storage.close()


async def _read(client: Client) -> int:
    return (await client.get("/Users?count=0")).status
