"""Opening a store: in memory, by connection string, or by account URL with the app's identity."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from azure.core.pipeline.transport import AsyncHttpTransport

from scim.directory import Directory
from scim.moving import CopiedRows
from scim.registry import Registry
from scim.repository import Meter, Repository
from storage.accounts import Account, Accounts, create, open_account
from storage.bounded import BoundedTransport
from storage.client import PATIENCE, Partition
from storage.memory import MemoryRepository
from storage.memory_rows import Partition as MemoryPartition
from storage.raw import RawRows
from storage.registry import TablesRegistry
from storage.registry_memory import MemoryRegistry
from storage.tables import TablesRepository

RESOURCES_TABLE = "scim"
REGISTRY_TABLE = "directories"


@dataclass(frozen=True, slots=True)
class Storage:
    """An open store: the registry, each directory's repository, and its life."""

    registry: Registry
    repository: Callable[[Directory], Repository]
    prepare: Callable[[], Awaitable[None]]
    ready: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
    # None: what ends with its process has none.
    rows: Callable[[Directory], CopiedRows] | None = None
    accounts: Collection[str] = ()  # that directories can be placed on, beside the registry's


def open_storage(
    where: str,
    *,
    prefix: str = "",
    transport: AsyncHttpTransport[Any, Any] | None = None,
    accounts: Mapping[str, str] = MappingProxyType({}),
) -> Storage:
    """Open `memory`, a connection string, or an account's URL (`https://….table.core.windows.net`).

    No I/O yet: clients connect with the first call, on its event loop. `prefix` goes before the
    tables' names, `transport` takes the place of HTTP, `accounts` are those that directories are
    placed on, by name. `prepare` creates the tables, `ready` raises Unavailable when the store does
    not answer; a further account is asked only for its own directories.
    """
    if where == "memory":
        return _memory()
    table = prefix + RESOURCES_TABLE

    def opened_at(place: str) -> Account:
        through = BoundedTransport(**PATIENCE) if transport is None else transport
        return open_account(place, table, {**PATIENCE, "transport": through})

    main = opened_at(where)
    others = {name: opened_at(each) for name, each in accounts.items()}
    opened = Accounts(main, others)
    registry = main.service.get_table_client(prefix + REGISTRY_TABLE)

    async def prepare() -> None:
        await create(registry)
        await opened.prepare()

    async def ready() -> None:
        tables = (registry, main.resources)
        # A query: to a read of a row, Cosmos DB says the same of a missing table as of a row.
        asked = (Partition(each, "ready", Meter()).range("ready", "ready~") for each in tables)
        await asyncio.gather(*asked)

    def repository(directory: Directory) -> Repository:
        return TablesRepository(opened.partition(directory))

    def rows(directory: Directory) -> RawRows:
        return RawRows(opened.unguarded(directory))

    records = TablesRegistry(registry)
    return Storage(records, repository, prepare, ready, opened.close, rows, opened.names)


class _Kept(MemoryRepository):
    """A directory's resources, in a partition that is dropped when all of it is cleared."""

    def __init__(self, partitions: dict[str, MemoryPartition], id: str) -> None:
        super().__init__(partitions.setdefault(id, MemoryPartition()))
        self._partitions = partitions
        self._id = id

    async def clear(self, progress: Callable[[int, int], None]) -> None:
        await super().clear(progress)
        self._partitions.pop(self._id, None)


def _memory() -> Storage:
    partitions: dict[str, MemoryPartition] = {}

    def repository(directory: Directory) -> Repository:
        return _Kept(partitions, directory.id)

    async def nothing() -> None:
        return None

    return Storage(MemoryRegistry(), repository, nothing, nothing, nothing)
