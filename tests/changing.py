"""A directory whose rules change: its record, workers that each remember it, an operator."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from scim.credentials import issue
from scim.directory import Directory
from scim.keys import needed
from scim.registry import Registry
from scim.reindexing import Outcome, change_rules
from scim.repository import Repository
from scim.rules import Rules
from scim.schema import ResourceType
from scim.server import Server
from storage.open import Storage
from storage.registry_memory import MemoryRegistry
from tests.service import PEPPER, Client


class Remembering:
    """A worker's registry: it knows a directory as it was when the worker last looked."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[str, Directory | None] = {}

    async def directory(self, id: str) -> Directory | None:
        if id not in self._known:
            self._known[id] = await self._registry.directory(id)
        return self._known[id]

    def look(self) -> None:
        """Forget, so that the next request reads the record."""
        self._known.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)


@dataclass
class Changing:
    """What a test needs of a directory in a store."""

    registry: MemoryRegistry
    repository: Repository
    workers: list[Client]
    memories: list[Remembering]
    waits: list[float] = field(default_factory=list)

    @property
    def client(self) -> Client:
        return self.workers[0]

    async def record(self) -> Directory:
        found = await self.registry.directory_named(self.client.name)
        assert found is not None
        return found

    async def settle(self, seconds: float) -> None:
        """Wait as the operator does: then every worker has looked."""
        self.waits.append(seconds)
        self.look()

    def look(self) -> None:
        for each in self.memories:
            each.look()

    async def change(
        self,
        rules: Rules,
        *,
        registry: Any = None,
        repository: Any = None,
        wait: Callable[[float], Awaitable[None]] | None = None,
        **more: Any,
    ) -> Outcome:
        """Change the rules as an operator does; afterwards every worker knows them."""
        outcome = await change_rules(
            registry or self.registry,
            repository or self.repository,
            await self.record(),
            rules,
            wait=wait or self.settle,
            **more,
        )
        self.look()
        return outcome

    async def faults(self) -> list[str]:
        """Say which rows are there and not needed, or needed and not there: none, one hopes."""
        wrong: list[str] = []
        for type in (await self.record()).catalog.resource_types:
            async for some in self.repository.leftovers(type):
                wrong += [f"{type.name} {each.id} has more rows than it needs" for each in some]
            wrong += [each async for each in _unfindable(self.repository, type)]
        return wrong


async def _unfindable(repository: Repository, type: ResourceType) -> Any:
    async for batch in repository.scan(type):
        for stored in batch:
            for key in frozenset.union(*needed(stored.resource, type)):
                found = await repository.find(type, key)
                if stored.id not in {each.id for each in found}:
                    yield f"{type.name} {stored.id} is not found by {key.attribute}"


async def changing(storage: Storage, rules: Rules, *, workers: int = 1) -> Changing:
    """Make a directory in a store, served by workers with a memory each."""
    registry = MemoryRegistry()
    directory = Directory(id=uuid4().hex[:20], name=f"test-{uuid4().hex[:12]}").having(rules)
    await registry.add_directory(directory)
    token, credential = issue(directory.id, pepper=PEPPER, now=datetime.now(UTC))
    await registry.add_credential(credential)
    memories = [Remembering(registry) for _ in range(workers)]
    clients = [
        Client(
            Server(registry=cast("Registry", each), repository=storage.repository, pepper=PEPPER),
            directory.name,
            token,
            directory,
        )
        for each in memories
    ]
    return Changing(registry, storage.repository(directory), clients, memories)


def ruled(*types: dict[str, Any], **rules: Any) -> Rules:
    """Make rules that say something of built-in resource types."""
    named = [each["name"] for each in types]
    rest = [{"name": each} for each in ("User", "Group") if each not in named]
    return Rules.model_validate({"resourceTypes": [*types, *rest], **rules})
