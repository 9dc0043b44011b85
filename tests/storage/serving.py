"""A server over repositories that a test can look into."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from azure.data.tables.aio import TableClient

from scim.credentials import issue
from scim.directory import Directory
from scim.registry import Registry
from scim.repository import Meter, Repository
from scim.server import Server
from storage.client import Partition
from storage.patience import PATIENT, Patience
from storage.registry_memory import MemoryRegistry
from storage.tables import TablesRepository
from tests.service import PEPPER, UNHURRIED, Client


class Metered:
    """Makes a directory's repositories and keeps the meter of the last one: of the last request."""

    def __init__(self, make: Callable[[Directory], Repository]) -> None:
        self._make = make
        self.meter = Meter()

    def __call__(self, directory: Directory) -> Repository:
        repository = self._make(directory)
        self.meter = repository.meter
        return repository


def on_tables(
    table: TableClient, patience: Patience = PATIENT
) -> Callable[[Directory], Repository]:
    return lambda directory: TablesRepository(Partition(table, directory.id, Meter(), patience))


async def serve(
    make: Callable[[Directory], Repository], registry: Registry | None = None, **record: Any
) -> Client:
    """Serve a new directory of a repository; its record is in memory unless it says where."""
    registry = registry or MemoryRegistry()
    directory = Directory(id=uuid4().hex[:20], **{"name": "contoso", "limits": UNHURRIED, **record})
    await registry.add_directory(directory)
    token, credential = issue(directory.id, pepper=PEPPER, now=datetime.now(UTC))
    await registry.add_credential(credential)
    server = Server(registry=registry, repository=make, pepper=PEPPER)
    return Client(server, directory.name, token, directory)
