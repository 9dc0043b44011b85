"""A directory with somebody in it, on the model: arranged once, and as it was for each point."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.data.tables.aio import TableClient, TableServiceClient

from scim import ids
from scim.directory import Directory
from scim.registry import Registry
from scim.repairing import Plan, Repaired, repair
from scim.repository import Change, Member, Meter
from scim.rules import Rules
from scim.server import Server
from storage.client import PATIENCE, Partition
from storage.memberships import added
from storage.patience import Patience
from storage.pending import LARGE, Pending
from storage.registry import TablesRegistry
from storage.registry_memory import MemoryRegistry
from storage.repair.open import of_directory
from storage.tables import TablesRepository
from tests.faults.breaking import Breaking
from tests.model.service import Service
from tests.model.transport import CONNECTION
from tests.service import PEPPER, Client
from tests.storage.serving import on_tables, serve

# So many tries as it takes to see that there are some.
HASTY = Patience(refused=3, broken=2, first=0.001, most=0.002)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Process:
    """One process of the service: its own connections, what it remembers, its own end."""

    transport: Breaking
    table: TableClient
    client: Client
    registry: TablesRegistry
    large: int = LARGE

    @property
    def repository(self) -> TablesRepository:
        return TablesRepository(self.partition, Pending(self.partition, large=self.large))

    @property
    def partition(self) -> Partition:
        return Partition(self.table, self.client.directory.id, Meter(), HASTY)


Act = Callable[[Process], Awaitable[int]]  # a request, or a command; gives a status


@dataclass
class World:
    """What outlives processes: the store, and who is in it by name."""

    service: Service
    recorded: Registry
    client: Client
    users: list[str]
    groups: list[str]
    snapshot: bytes = b""
    large: int = LARGE

    def keep(self) -> None:
        """Remember how it is now."""
        self.snapshot = self.service.rows.snapshot()

    def back(self) -> None:
        """Be as it was."""
        self.service.rows.go_back(self.snapshot)

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Process]:
        """Start a process that knows nothing yet."""
        transport = Breaking(self.service)
        account = TableServiceClient.from_connection_string(
            CONNECTION, transport=transport, **PATIENCE
        )
        async with account:
            table = account.get_table_client("scim")

            def repository(directory: Directory) -> TablesRepository:
                partition = Partition(table, directory.id, Meter(), HASTY)
                return TablesRepository(partition, Pending(partition, large=self.large))

            server = Server(registry=self.recorded, repository=repository, pepper=PEPPER)
            one = self.client
            client = Client(server, one.name, one.token, one.directory)
            registry = TablesRegistry(account.get_table_client("directories"), patience=HASTY)
            yield Process(transport, table, client, registry, self.large)
            await server.close()

    async def join(self, user: str, groups: list[str]) -> None:
        """Put a user into many groups at once."""
        async with self.process() as process:
            for group in groups:
                rows = added("Group", group, [Member(user, "User")])
                await process.partition.transact(rows)

    async def view(self) -> str:
        """Read all that a client can see, and who can be restored; by names, since ids differ."""
        async with self.process() as process:
            client = process.client
            pages = [await client.get(f"/{type}?count=1000") for type in ("Users", "Groups")]
            assert [each.status for each in pages] == [200, 200]
            documents = [each for page in pages for each in page.body["Resources"]]
            names = {each["id"]: each.get("userName") or each["displayName"] for each in documents}
            kept = [
                {
                    "kept": each.resource.get("userName", each.resource.get("displayName")),
                    "of": sorted(one.id for one in each.member_of),
                    "with": sorted(one.id for one in each.members),
                }
                for type in client.directory.catalog.resource_types
                async for each in process.repository.tombstones(type)
                if each.id not in names  # void, where there is somebody of that id
            ]
            registry = process.registry
            recorded = [
                {"directory": each.name, "credentials": len(await registry.credentials(each.id))}
                async for each in registry.directories()
            ]
        shown = [json.dumps(_shown(each)) for each in (*documents, *kept, *recorded)]
        text = "\n".join(sorted(shown))
        for id, name in names.items():
            text = text.replace(id, name)
        lines = (json.loads(each, object_hook=_nameless) for each in text.split("\n") if each)
        return "\n".join(sorted(json.dumps(_sorted(each)) for each in lines))

    async def finish(self) -> None:
        """Do what was acknowledged and is left to the purge."""
        async with self.process() as process:
            repository = process.repository
            for each in await repository.unfinished():
                change = Change(ids.change_id(now()), ids.timestamp(now()), "update")
                await repository.finish(each, change)

    async def repaired(self, *, dry_run: bool) -> Repaired:
        """Judge the rows by the rules of the repair, or heal them."""
        async with self.process() as process:
            repairs = of_directory(process.repository, self.client.directory, now)
            return await repair(repairs, Plan(now=now, dry_run=dry_run, settle=0))


def _shown(document: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: each for name, each in document.items() if name not in ("id", "meta")}
    for name in ("members", "groups"):
        if name in kept:
            kept[name] = [each["value"] for each in kept[name]]
    return {name: each for name, each in kept.items() if not name.startswith("urn:") or each}


def _nameless(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out URLs, which the directory's name is in."""
    return {name: each for name, each in document.items() if name != "$ref"}


def _sorted(document: dict[str, Any]) -> dict[str, Any]:
    """Put what has no order into one: ids gave it another."""
    return {
        name: sorted(each) if name in ("members", "groups", "of", "with") else each
        for name, each in sorted(document.items())
    }


async def arranged(rules: Rules, users: int, groups: int) -> World:
    """Make a directory with so many users and groups."""
    service, recorded = Service(), MemoryRegistry()
    account = TableServiceClient.from_connection_string(
        CONNECTION, transport=Breaking(service), **PATIENCE
    )
    async with account:
        await account.create_table("directories")
        table = await account.create_table("scim")
        client = await serve(on_tables(table), recorded, **_record(rules))
        await client.server.close()
    world = World(service, recorded, client, [], [])
    await populate(world, users, groups)
    return world


async def populate(world: World, users: int, groups: int) -> None:
    """Make so many users and groups."""
    async with world.process() as process:
        client = process.client
        for number in range(users):
            world.users.append((await client.user(f"u{number}@example.com")).id)
        for number in range(groups):
            world.groups.append((await client.group(f"g{number}")).id)


def _record(rules: Rules) -> dict[str, Any]:
    names = ("schemas", "resource_types", "deletion", "unknown")
    return {name: getattr(rules, name) for name in names}
