"""Opening a store: in memory, by connection string, or by account URL with the app's identity."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ResourceExistsError
from azure.data.tables.aio import TableServiceClient

from scim.directory import Directory
from scim.registry import Registry
from scim.repository import Meter, Repository
from storage.client import PATIENCE, Partition, translated
from storage.memory import MemoryRepository
from storage.memory_rows import Partition as MemoryPartition
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


def open_storage(where: str, *, prefix: str = "") -> Storage:
    """Open `memory`, a connection string, or an account's URL (`https://….table.core.windows.net`).

    No I/O yet: clients connect with the first call, on its event loop. `prefix` goes before the
    tables' names. `prepare` creates the tables, `ready` raises Unavailable when the store does not
    answer.
    """
    if where == "memory":
        return _memory()
    service, credential = _service(where)
    resources = service.get_table_client(prefix + RESOURCES_TABLE)
    registry = service.get_table_client(prefix + REGISTRY_TABLE)

    async def prepare() -> None:
        for table in (resources, registry):
            with translated(), suppress(ResourceExistsError):
                await table.create_table()

    async def ready() -> None:
        tables = (registry, resources)
        await asyncio.gather(*(Partition(each, "ready", Meter()).get("ready") for each in tables))

    async def close() -> None:
        await service.close()
        if credential is not None:
            await credential.close()

    def repository(directory: Directory) -> Repository:
        return TablesRepository(Partition(resources, directory.id, Meter()))

    return Storage(TablesRegistry(registry), repository, prepare, ready, close)


def _service(where: str) -> tuple[TableServiceClient, AsyncTokenCredential | None]:
    if not where.startswith("https://"):
        service = TableServiceClient.from_connection_string(where, **PATIENCE)
        return service, None
    # 200 ms of import that only a deployment with an identity needs.
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

    credential = DefaultAzureCredential()
    return TableServiceClient(where, credential=credential, **PATIENCE), credential


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
