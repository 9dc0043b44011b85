"""Directories and credentials: what both registries promise, and how long the product remembers."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from azure.data.tables.aio import TableClient

from scim.credentials import issue
from scim.directory import Directory, NameTaken, Registry
from scim.repository import Meter
from storage.client import Operation, Partition
from storage.memory import MemoryRepository
from storage.memory_rows import Partition as MemoryPartition
from storage.registry import FRESH, FRESH_ABSENCE, MemoryRegistry, TablesRegistry
from storage.rows import pieces
from tests.service import PEPPER
from tests.storage.serving import serve


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def directory(name: str = "contoso", *, enabled: bool = True) -> Directory:
    return Directory(id=uuid4().hex[:20], name=name, enabled=enabled)


def in_memory() -> Callable[[Directory], MemoryRepository]:
    partition = MemoryPartition()
    return lambda directory: MemoryRepository(partition)


@pytest.fixture(params=["memory", "tables"])
def registry(request: pytest.FixtureRequest) -> Registry:
    if request.param == "memory":
        return MemoryRegistry()
    return TablesRegistry(request.getfixturevalue("table"))


async def put(table: TableClient, record: Directory) -> None:
    """Change a directory's record as an operator's tool does."""
    text = json.dumps(record.model_dump(mode="json", by_alias=True, exclude_none=True))
    row = Operation("put", f"id:{record.id}", pieces(text))
    await Partition(table, "directory", Meter()).transact([row])


async def test_what_is_recorded_is_found(registry: Registry) -> None:
    """A directory is found by its id and by its name, a credential by its id."""
    made = directory()
    assert await registry.directory(made.id) is None
    assert await registry.directory_named("contoso") is None
    await registry.add_directory(made)
    assert await registry.directory(made.id) == made
    assert await registry.directory_named("contoso") == made
    assert await registry.directory_named("fabrikam") is None
    _, credential = issue(made.id, pepper=PEPPER, now=datetime.now(UTC))
    assert await registry.credential(credential.id) is None
    await registry.add_credential(credential)
    assert await registry.credential(credential.id) == credential


async def test_a_name_has_one_directory(registry: Registry) -> None:
    """Of many who record a directory of one name at once, one does; the others get NameTaken."""
    made = [directory() for _ in range(8)]
    results = await asyncio.gather(
        *(registry.add_directory(each) for each in made), return_exceptions=True
    )
    assert [type(each) for each in results if each is not None] == [NameTaken] * 7
    found = await registry.directory_named("contoso")
    assert found == made[results.index(None)]
    kept = [await registry.directory(each.id) for each in made]
    assert [each for each in kept if each] == [found]


async def test_a_disabled_directory_is_served_to_nobody(registry: Registry) -> None:
    """Its tokens are valid, but every request is refused."""
    client = await serve(in_memory(), registry, enabled=False)
    answer = await client.get("/Users")
    assert answer.status == 403
    assert "switched off" in answer.body["detail"]


async def test_answers_are_remembered_for_a_minute(table: TableClient) -> None:
    """A change takes effect within FRESH seconds, and no sooner is the store asked again."""
    clock = Clock()
    registry = TablesRegistry(table, clock)
    client = await serve(in_memory(), registry)
    assert (await client.get("/Users")).status == 200
    await put(table, client.directory.model_copy(update={"enabled": False}))
    clock.now += FRESH - 1
    assert (await client.get("/Users")).status == 200
    clock.now += 2
    assert (await client.get("/Users")).status == 403
    await put(table, client.directory)
    clock.now += FRESH + 1
    assert (await client.get("/Users")).status == 200


async def test_age_counts_from_before_the_reading(table: TableClient) -> None:
    """A slow read doesn't make an old answer fresh."""
    clock, made = Clock(), directory()
    registry = TablesRegistry(table, clock)
    await registry.add_directory(made)
    reading = asyncio.ensure_future(registry.directory(made.id))
    await asyncio.sleep(0)  # it has begun
    clock.now += FRESH
    await reading
    await put(table, made.model_copy(update={"enabled": False}))
    found = await registry.directory(made.id)
    assert found is not None
    assert not found.enabled


async def test_absence_is_remembered_for_seconds(table: TableClient) -> None:
    """What another process records is found within FRESH_ABSENCE seconds."""
    clock, made = Clock(), directory()
    mine, other = TablesRegistry(table, clock), TablesRegistry(table)
    _, credential = issue(made.id, pepper=PEPPER, now=datetime.now(UTC))
    assert await mine.directory(made.id) is None
    assert await mine.credential(credential.id) is None
    await other.add_directory(made)
    await other.add_credential(credential)
    assert await mine.credential(credential.id) is None
    clock.now += FRESH_ABSENCE + 0.1
    assert await mine.credential(credential.id) == credential
    assert await mine.directory(made.id) == made


async def test_recording_twice_is_recording_once(table: TableClient) -> None:
    """A record that was written though its answer was lost is sent again; that is no NameTaken."""
    registry, made = TablesRegistry(table), directory()
    _, credential = issue(made.id, pepper=PEPPER, now=datetime.now(UTC))
    for _ in range(2):
        await registry.add_directory(made)
        await registry.add_credential(credential)
    with pytest.raises(NameTaken):
        await registry.add_directory(directory())
    assert await registry.credential(credential.id) == credential
