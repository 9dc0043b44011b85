"""What a process remembers of the registry: how long, how much, and that it asks once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from azure.data.tables.aio import TableClient

from scim.credentials import revoked
from scim.deadlines import FRESH
from scim.directory import Directory
from scim.errors import Unavailable
from scim.repository import Meter
from storage.client import Operation, Partition
from storage.registry import TablesRegistry
from storage.remembering import FRESH_ABSENCE, MOST_STRANGE, STRANGE_AT_ONCE, Known, Memory
from storage.rows import pieces
from tests.storage.faulty import Faulty, answered
from tests.storage.serving import serve
from tests.storage.test_registry import NOW, credential, directory, disabled, in_memory


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Shelf:
    """A store of texts that counts readings, and waits with each until it is let go."""

    texts: dict[str, str] = field(default_factory=dict)
    readings: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None

    async def read(self, key: str, known: Known[str] | None) -> Known[str] | None:
        self.readings.append(key)
        found = self.texts.get(key)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return None if found is None else Known(f"etag of {found}", found)


@pytest.fixture
def shelf() -> Shelf:
    opened = Shelf({"a": "apple"})
    opened.gate.set()
    return opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(shelf: Shelf, clock: Clock) -> Memory[str]:
    return Memory(shelf.read, clock=clock, most=3)


def value(known: Known[str] | None) -> str | None:
    return known.value if known else None


async def test_of_many_who_ask_at_once_one_asks_the_store(
    shelf: Shelf, memory: Memory[str]
) -> None:
    """No stampede when a record expires, nor for one that isn't there."""
    shelf.gate.clear()
    asking = [asyncio.create_task(memory.recall(key)) for key in ("a", "b") * 50]
    await asyncio.sleep(0.01)
    shelf.gate.set()
    answers = [value(each) for each in await asyncio.gather(*asking)]
    assert answers == ["apple", None] * 50
    assert sorted(shelf.readings) == ["a", "b"]


async def test_who_asked_first_may_leave(shelf: Shelf, memory: Memory[str]) -> None:
    """A request that is cancelled takes nobody's answer with it."""
    shelf.gate.clear()
    first, second = (asyncio.create_task(memory.recall("a")) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    shelf.gate.set()
    assert value(await second) == "apple"
    assert first.cancelled()
    assert shelf.readings == ["a"]


async def test_an_error_is_everybodys_and_not_remembered(shelf: Shelf, memory: Memory[str]) -> None:
    shelf.gate.clear()
    shelf.error = Unavailable("the storage is busy", retry_after=5)
    asking = [asyncio.create_task(memory.recall("a")) for _ in range(3)]
    await asyncio.sleep(0.01)
    shelf.gate.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in results] == [Unavailable] * 3
    shelf.error = None
    assert value(await memory.recall("a")) == "apple"


async def test_what_is_written_is_known_at_once(shelf: Shelf, memory: Memory[str]) -> None:
    """Also while an older answer is on its way; that is given only to who asked before."""
    shelf.gate.clear()
    before = asyncio.create_task(memory.recall("a"))
    await asyncio.sleep(0.01)
    shelf.texts["a"] = "pear"
    memory.wrote("a", Known("etag of pear", "pear"))
    assert value(await memory.recall("a")) == "pear"
    shelf.gate.set()
    assert value(await before) == "apple"
    assert value(await memory.recall("a")) == "pear"
    memory.forget("a")
    assert value(await memory.recall("a")) == "pear"
    assert shelf.readings == ["a", "a"]


async def test_who_asks_after_a_write_waits_for_no_older_reading(
    shelf: Shelf, memory: Memory[str]
) -> None:
    shelf.gate.clear()
    before = asyncio.create_task(memory.recall("a"))
    await asyncio.sleep(0.01)
    shelf.texts["a"] = "pear"
    memory.forget("a")
    after = asyncio.create_task(memory.recall("a"))
    await asyncio.sleep(0.01)
    shelf.gate.set()
    assert [value(await before), value(await after)] == ["apple", "pear"]


async def test_no_more_is_kept_than_there_is_room_for(shelf: Shelf, memory: Memory[str]) -> None:
    """What was kept first goes first, and made-up keys push out nothing that exists."""
    shelf.texts = {each: each for each in "abcd"}
    for key in ("a", "b", "c", *"wxyzwxyz"):
        await memory.recall(key)
    shelf.readings.clear()
    for key in "abc":
        assert value(await memory.recall(key)) == key
    assert shelf.readings == []
    await memory.recall("d")
    await memory.recall("a")
    assert shelf.readings == ["d", "a"]


async def test_answers_are_remembered_for_their_time(
    shelf: Shelf, clock: Clock, memory: Memory[str]
) -> None:
    await memory.recall("a")
    await memory.recall("b")
    clock.now += FRESH_ABSENCE - 0.1
    await memory.recall("b")
    assert shelf.readings == ["a", "b"]
    clock.now += 0.2
    await memory.recall("b")
    clock.now += FRESH - FRESH_ABSENCE - 0.2
    await memory.recall("a")
    assert shelf.readings == ["a", "b", "b"]
    clock.now += 0.2
    await memory.recall("a")
    assert shelf.readings == ["a", "b", "b", "a"]


async def put(table: TableClient, record: Directory) -> None:
    """Change a directory's record as another process does."""
    text = json.dumps(record.model_dump(mode="json", by_alias=True, exclude_none=True))
    row = Operation("put", f"id:{record.id}", pieces(text))
    await Partition(table, "directory", Meter()).transact([row])


async def test_a_disabled_directory_is_refused_within_a_minute(
    table: TableClient, clock: Clock
) -> None:
    """A change takes effect within FRESH seconds, and no sooner is the store asked again."""
    registry = TablesRegistry(table, clock)
    client = await serve(in_memory(), registry)
    assert (await client.get("/Users")).status == 200
    await put(table, disabled(client.directory))
    clock.now += FRESH - 1
    assert (await client.get("/Users")).status == 200
    clock.now += 2
    assert (await client.get("/Users")).status == 403
    await put(table, client.directory)
    clock.now += FRESH + 1
    assert (await client.get("/Users")).status == 200


async def test_a_flood_of_strange_keys_is_bounded_and_what_is_known_is_read_beside_it(
    shelf: Shelf, clock: Clock
) -> None:
    """Whoever makes up tokens takes a part of the store, and the time of nobody who has one."""
    memory = Memory(shelf.read, clock=clock, most=1000)
    assert value(await memory.recall("a")) == "apple"
    clock.now += FRESH + 1
    shelf.gate.clear()
    shelf.readings.clear()
    flood = [asyncio.create_task(memory.recall(f"x{n}")) for n in range(MOST_STRANGE + 50)]
    await asyncio.sleep(0.01)
    assert len(shelf.readings) == STRANGE_AT_ONCE
    known = asyncio.create_task(memory.recall("a"))
    await asyncio.sleep(0.01)
    assert shelf.readings[-1] == "a"
    shelf.gate.set()
    assert value(await known) == "apple"
    answers = await asyncio.gather(*flood, return_exceptions=True)
    assert [each for each in answers if each is None] == [None] * MOST_STRANGE
    refused = [each for each in answers if each is not None]
    assert {type(each) for each in refused} == {Unavailable}
    assert len(refused) == 50
    assert await memory.recall("x1000") is None, "when it is over, everybody is read again"


async def test_a_revoked_token_is_refused_within_a_minute(table: TableClient, clock: Clock) -> None:
    """Revoked by another process: refused FRESH seconds later at the latest, here at once."""
    mine, other = TablesRegistry(table, clock), TablesRegistry(table, clock)
    client, twin = await serve(in_memory(), mine), await serve(in_memory(), other, name="fabrikam")
    twin.name, twin.token = client.name, client.token
    await asyncio.sleep(0)
    assert [(await each.get("/Users")).status for each in (client, twin)] == [200, 200]
    await client.server.close()
    await twin.server.close()
    [kept] = await mine.credentials(client.directory.id)
    await mine.change_credential(kept.id, lambda found: revoked(found, "ann", NOW))
    assert [(await each.get("/Users")).status for each in (client, twin)] == [401, 200]
    clock.now += FRESH + 0.1
    assert [(await each.get("/Users")).status for each in (client, twin)] == [401, 401]


async def test_age_counts_from_before_the_reading(table: TableClient, clock: Clock) -> None:
    """A slow read doesn't make an old answer fresh."""
    made = directory()
    registry = TablesRegistry(table, clock)
    await registry.add_directory(made)
    reading = asyncio.ensure_future(registry.directory(made.id))
    await asyncio.sleep(0)  # it has begun
    clock.now += FRESH
    await reading
    await put(table, disabled(made))
    assert await registry.directory(made.id) == disabled(made)


async def test_absence_is_remembered_for_seconds(table: TableClient, clock: Clock) -> None:
    """What another process records is found within FRESH_ABSENCE seconds."""
    made = directory()
    kept = credential(made)
    mine, other = TablesRegistry(table, clock), TablesRegistry(table)
    assert await mine.directory(made.id) is None
    assert await mine.credential(kept.id) is None
    await other.add_directory(made)
    await other.add_credential(kept)
    assert await mine.credential(kept.id) is None
    clock.now += FRESH_ABSENCE + 0.1
    assert await mine.credential(kept.id) == kept
    assert await mine.directory(made.id) == made


async def test_an_unchanged_record_is_not_made_again(table: TableClient, clock: Clock) -> None:
    """Its catalog is costly: the same object is given until the row's ETag is another."""
    registry, made = TablesRegistry(table, clock), directory()
    await registry.add_directory(made)
    first = await registry.directory(made.id)
    before = registry.meter.calls
    clock.now += FRESH + 1
    assert await registry.directory(made.id) is first
    assert registry.meter.calls == before + 1
    await put(table, disabled(made))
    clock.now += FRESH + 1
    assert await registry.directory(made.id) == disabled(made)


async def test_a_token_is_never_taken_longer_because_the_store_is_down(
    table: TableClient, clock: Clock
) -> None:
    """Within the minute requests are served; then they are 503 until the store answers."""
    faulty = Faulty(table)
    registry = TablesRegistry(cast("TableClient", faulty), clock)
    client = await serve(in_memory(), registry)
    assert (await client.get("/Users")).status == 200
    await client.server.close()
    faulty.fail(0, answered(501), after=False)
    clock.now += FRESH - 1
    assert (await client.get("/Users")).status == 200
    clock.now += 2
    answer = await client.get("/Users")
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert (await client.get("/Users")).status == 200


async def test_an_answer_that_was_lost_is_no_conflict(table: TableClient) -> None:
    """The store does what it is sent and its answer is lost; it is sent again."""
    faulty = Faulty(table)
    registry = TablesRegistry(cast("TableClient", faulty))
    made = directory()
    kept = credential(made)
    faulty.repeat(0)
    await registry.add_directory(made)
    faulty.repeat(0)
    await registry.add_credential(kept)
    changes: list[Directory] = []

    def once(found: Directory) -> Directory:
        changes.append(found)
        return disabled(found)

    faulty.repeat(1)  # after the reading
    assert await registry.change_directory(made.id, once) == disabled(made)
    assert changes == [made]
    faulty.off()
    await registry.credential(kept.id)
    faulty.repeat(0)
    await registry.touch(kept.id, "2026-03-04T05:06:07.000Z")
    assert (await registry.credentials(made.id))[0].last_used == "2026-03-04T05:06:07.000Z"
    faulty.repeat(1)
    await registry.remove_directory(made.id)
    assert await registry.directory_named(made.name) is None


class Overtaken(Faulty):
    """Lets somebody be faster: what `meanwhile` does is done before the first transaction."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def _call(self, kind: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if kind == "transact" and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return await super()._call(kind, call)


async def test_a_name_that_was_given_to_another_stays_its_own(table: TableClient) -> None:
    """Two remove a directory at once, and its name is taken again before the slower one is done."""
    overtaken, other = Overtaken(table), TablesRegistry(table)
    registry, made, heir = TablesRegistry(cast("TableClient", overtaken)), directory(), directory()
    await registry.add_directory(made)

    async def replace() -> None:
        await other.remove_directory(made.id)
        await other.add_directory(heir)

    overtaken.meanwhile = replace
    await registry.remove_directory(made.id)
    assert overtaken.meanwhile is None
    assert await registry.directory_named(made.name) == heir


async def test_a_removal_that_was_cut_short_is_finished_by_the_next(table: TableClient) -> None:
    """Whichever call fails: the directory is there with its name, or all of it is gone."""
    place = 0
    while True:
        faulty = Faulty(table)
        registry = TablesRegistry(cast("TableClient", faulty))
        made = directory()
        await registry.add_directory(made)
        kept = [credential(made) for _ in range(60)]
        for each in kept:
            await registry.add_credential(each)
        faulty.fail(place, answered(501), after=False)
        try:
            await registry.remove_directory(made.id)
        except Unavailable:
            assert await registry.directory_named(made.name) == made
            await registry.remove_directory(made.id)
        else:
            break
        assert await registry.directory_named(made.name) is None
        assert await registry.credentials(made.id) == []
        assert await Partition(table, "credential", Meter()).range("", "~") == []
        place += 1
    assert place == 5  # the list, two of credentials, the record's reading and its removal
