"""Directories and credentials: what every registry promises."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.data.tables.aio import TableClient, TableServiceClient

from scim.credentials import issue, revoked
from scim.definitions import Attribute, Schema
from scim.directory import Directory
from scim.errors import TooLarge
from scim.ids import timestamp
from scim.registry import Credential, NameTaken, NoRecord, Registry
from scim.repository import Meter
from storage.client import Operation, Partition
from storage.memory import MemoryRepository
from storage.memory_rows import Partition as MemoryPartition
from storage.records import key
from storage.registry import TablesRegistry
from storage.registry_memory import MemoryRegistry
from storage.rows import joined
from tests.service import PEPPER
from tests.storage.serving import serve

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def directory(name: str = "contoso", **record: Any) -> Directory:
    return Directory(id=uuid4().hex[:20], name=name, **record)


def credential(of: Directory | str, now: datetime = NOW) -> Credential:
    id = of if isinstance(of, str) else of.id
    return issue(id, pepper=PEPPER, now=now)[1]


def with_attributes(many: int) -> Schema:
    """A schema of the operator's own, of about 350 characters per attribute."""
    attributes = tuple(Attribute(name=f"a{n}", description="é" * 50) for n in range(many))
    return Schema(id="urn:example:many", name="Many", attributes=attributes)


def disabled(found: Directory) -> Directory:
    return found.model_copy(update={"enabled": False})


def in_memory() -> Callable[[Directory], MemoryRepository]:
    partition = MemoryPartition()
    return lambda directory: MemoryRepository(partition)


@pytest.fixture(params=["memory", "tables", "model"])
def place(request: pytest.FixtureRequest) -> TableServiceClient | None:
    """Where records are kept; None: in memory."""
    services = {"tables": "service", "model": "modelled"}
    if request.param not in services:
        return None
    opened: TableServiceClient = request.getfixturevalue(services[request.param])
    return opened


@pytest.fixture
async def registry(place: TableServiceClient | None) -> AsyncIterator[Registry]:
    if place is None:
        yield MemoryRegistry()
        return
    made = await place.create_table(f"t{uuid4().hex[:12]}")
    yield TablesRegistry(made)
    await made.delete_table()


async def names(registry: Registry) -> list[str]:
    return [each.name async for each in registry.directories()]


async def test_what_is_recorded_is_found(registry: Registry) -> None:
    """A directory is found by its id and by its name, a credential by its id."""
    made = directory()
    assert await registry.directory(made.id) is None
    assert await registry.directory_named("contoso") is None
    await registry.add_directory(made)
    assert await registry.directory(made.id) == made
    assert await registry.directory_named("contoso") == made
    assert await registry.directory_named("fabrikam") is None
    kept = credential(made)
    assert await registry.credential(kept.id) is None
    await registry.add_credential(kept)
    assert await registry.credential(kept.id) == kept


@pytest.mark.parametrize(
    "odd", ["", "Contoso", "a'b", "a/b", "../x", "\u0660", "x" * 5000, "\ud800"]
)
async def test_what_no_record_can_be_called_is_nobodys(registry: Registry, odd: str) -> None:
    """An operator types anything; it is looked for and isn't there."""
    assert await registry.directory_named(odd) is None
    assert await registry.addressed(odd) is None
    assert await registry.directory(odd) is None
    assert await registry.credential(odd) is None
    with pytest.raises(NoRecord):
        await registry.change_directory(odd, disabled)
    with pytest.raises(NoRecord):
        await registry.change_credential(odd, lambda found: found)
    await registry.touch(odd, timestamp(NOW))


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


async def test_recording_twice_is_recording_once(registry: Registry) -> None:
    """A record that was written though its answer was lost is sent again; that is no NameTaken."""
    made = directory()
    kept = credential(made)
    for _ in range(2):
        await registry.add_directory(made)
        await registry.add_credential(kept)
    with pytest.raises(NameTaken):
        await registry.add_directory(directory())
    assert await registry.credentials(made.id) == [kept]
    assert await names(registry) == ["contoso"]


async def test_directories_are_listed_by_name(registry: Registry) -> None:
    made = [directory(f"d{number:02}", description=f"no. {number}") for number in range(12)]
    for each in reversed(made):
        await registry.add_directory(each)
        await registry.add_credential(credential(each))
    assert [each async for each in registry.directories()] == made


async def test_credentials_are_listed_by_directory_and_age(registry: Registry) -> None:
    """One whose id begins with another's has credentials of its own."""
    short, long = "abcdefgh", "abcdefghi"
    kept = [credential(short, NOW + timedelta(hours=hours)) for hours in (2, 0, 1)]
    for each in [*kept, credential(long)]:
        await registry.add_credential(each)
    assert await registry.credentials(short) == [kept[1], kept[2], kept[0]]
    assert await registry.credentials("abcdefg") == []
    assert len(await registry.credentials(long)) == 1


async def test_a_changed_record_is_what_is_found(registry: Registry) -> None:
    """Whoever changed a record finds it changed, at once and wherever it is looked for."""
    made = directory()
    kept = credential(made)
    await registry.add_directory(made)
    await registry.add_credential(kept)
    assert await registry.directory(made.id) == made
    assert await registry.credential(kept.id) == kept
    changed = await registry.change_directory(made.id, disabled)
    assert changed == disabled(made)
    assert await registry.directory(made.id) == await registry.directory_named("contoso") == changed
    ended = await registry.change_credential(kept.id, lambda found: revoked(found, "ann", NOW))
    assert (ended.revoked, ended.revoked_by) == (timestamp(NOW), "ann")
    assert await registry.credential(kept.id) == ended
    assert await registry.credentials(made.id) == [ended]


async def test_no_change_is_lost(registry: Registry) -> None:
    """Of many who change one record at once, each one's change is in it."""
    made = directory()
    kept = credential(made)
    await registry.add_directory(made)
    await registry.add_credential(kept)

    def describe(number: int) -> Callable[[Directory], Directory]:
        return lambda found: found.model_copy(
            update={"description": found.description + f"{number}."}
        )

    def label(number: int) -> Callable[[Credential], Credential]:
        return lambda found: found.model_copy(update={"label": found.label + f"{number}."})

    at = timestamp(NOW)
    await asyncio.gather(
        *(registry.change_directory(made.id, describe(number)) for number in range(8)),
        *(registry.change_credential(kept.id, label(number)) for number in range(8)),
        registry.touch(kept.id, at),
    )
    found = await registry.directory_named("contoso")
    assert found is not None
    assert sorted(found.description) == sorted("0.1.2.3.4.5.6.7.")
    [listed] = await registry.credentials(made.id)
    assert sorted(listed.label) == sorted("0.1.2.3.4.5.6.7.")
    assert listed.last_used == at


async def test_a_change_that_is_refused_changes_nothing(registry: Registry) -> None:
    """Whatever the change raises is raised; a record can't be moved, nor given to another."""
    made = directory()
    kept = credential(made)
    await registry.add_directory(made)
    await registry.add_credential(kept)

    def refuse(found: Directory) -> Directory:
        raise LookupError(found.name)

    with pytest.raises(LookupError, match="contoso"):
        await registry.change_directory(made.id, refuse)
    for moved in ({"name": "fabrikam"}, {"id": "another00"}):
        with pytest.raises(ValueError, match="stay as they are"):
            await registry.change_directory(made.id, lambda d, to=moved: d.model_copy(update=to))  # type: ignore[misc]
    with pytest.raises(ValueError, match="stay as they are"):
        await registry.change_credential(
            kept.id, lambda found: found.model_copy(update={"directory": "another00"})
        )
    with pytest.raises(NoRecord):
        await registry.change_directory("another00", disabled)
    assert [each async for each in registry.directories()] == [made]
    assert await registry.credentials(made.id) == [kept]


async def test_a_removed_directory_is_forgotten_with_its_credentials(registry: Registry) -> None:
    """Its name is free, its tokens are nobody's, and the others are as they were."""
    made, other = directory(), directory("fabrikam")
    kept = [credential(made) for _ in range(120)]  # more than a transaction takes
    others = credential(other)
    for each in (made, other):
        await registry.add_directory(each)
    await asyncio.gather(*(registry.add_credential(each) for each in [*kept, others]))
    assert await registry.credential(kept[0].id) is not None
    for _ in range(2):  # what is gone is gone
        await registry.remove_directory(made.id)
        assert await registry.directory(made.id) is None
        assert await registry.directory_named("contoso") is None
        assert await registry.credential(kept[0].id) is None
        assert await registry.credentials(made.id) == []
    assert await names(registry) == ["fabrikam"]
    assert await registry.credentials(other.id) == [others]
    again = directory()
    await registry.add_directory(again)
    await registry.remove_directory(made.id)
    assert await registry.directory_named("contoso") == again


async def test_a_use_is_noted_every_five_minutes(registry: Registry) -> None:
    kept = credential("abcdefgh")
    await registry.add_credential(kept)
    noted = []
    for minutes in (0, 4.9, 5, 9.9, 3, 10):
        await registry.touch(kept.id, timestamp(NOW + timedelta(minutes=minutes)))
        found = await registry.credential(kept.id)
        assert found is not None
        noted.append(found.last_used)
        assert found == kept.model_copy(update={"last_used": found.last_used})
    expected = [timestamp(NOW + timedelta(minutes=each)) for each in (0, 0, 5, 5, 5, 10)]
    assert noted == expected
    await registry.touch("nobodys0", timestamp(NOW))
    assert await registry.credential("nobodys0") is None


async def test_the_first_fingerprint_stays(registry: Registry) -> None:
    """Of many who say which pepper it is, one does; everybody learns which."""
    answers = await asyncio.gather(*(registry.fingerprint(f"f{each}") for each in range(6)))
    [first] = set(answers)
    assert await registry.fingerprint("another") == first
    assert await registry.fingerprint(first) == first


async def test_a_directory_is_addressed_by_its_name(registry: Registry) -> None:
    """One that comes, changes or goes is found so at once by the process that did it."""
    assert await registry.addressed("contoso") is None
    made = directory()
    await registry.add_directory(made)
    assert await registry.addressed("contoso") == made
    assert await registry.addressed("fabrikam") is None
    changed = await registry.change_directory(made.id, disabled)
    assert await registry.addressed("contoso") == changed
    await registry.remove_directory(made.id)
    assert await registry.addressed("contoso") is None
    again = directory()
    await registry.add_directory(again)
    assert await registry.addressed("contoso") == again


async def test_what_may_be_used_once_is_used_once(registry: Registry) -> None:
    """Of many who use it at once, one is the first."""
    firsts = await asyncio.gather(*(registry.first_use("a" * 64, NOW) for _ in range(6)))
    assert sorted(firsts) == [False] * 5 + [True]
    assert await registry.first_use("b" * 64, NOW + timedelta(hours=1))
    assert not await registry.first_use("b" * 64, NOW + timedelta(hours=1))


async def test_uses_are_forgotten_when_their_time_is_past(registry: Registry) -> None:
    await registry.first_use("a" * 64, NOW)
    await registry.first_use("b" * 64, NOW + timedelta(hours=1))
    assert await registry.forget_uses(NOW) == 0
    assert await registry.forget_uses(NOW + timedelta(minutes=1)) == 1
    assert await registry.first_use("a" * 64, NOW)
    assert not await registry.first_use("b" * 64, NOW + timedelta(hours=1))


async def test_a_large_record_is_kept_whole(registry: Registry) -> None:
    """A record that outgrows a property is in pieces, and none is left over when it shrinks."""
    large = directory(schemas=(with_attributes(400),))
    assert len(large.model_dump_json()) > 100_000
    await registry.add_directory(large)
    assert await registry.directory_named("contoso") == large
    changed = await registry.change_directory(
        large.id, lambda found: found.model_copy(update={"schemas": ()})
    )
    assert await registry.directory_named("contoso") == changed
    assert changed.schemas == ()


async def test_a_disabled_directory_is_served_to_nobody(registry: Registry) -> None:
    """Its tokens are valid, but every request is refused."""
    client = await serve(in_memory(), registry, enabled=False)
    answer = await client.get("/Users")
    assert answer.status == 403
    assert "switched off" in answer.body["detail"]


async def test_a_directory_that_is_being_removed_is_unknown(registry: Registry) -> None:
    """Its tokens are refused in the words that a stranger gets."""
    client = await serve(in_memory(), registry)
    assert (await client.get("/Users")).status == 200
    await registry.change_directory(
        client.directory.id, lambda found: found.model_copy(update={"removing": True})
    )
    removing = await client.get("/Users")
    await registry.remove_directory(client.directory.id)
    removed = await client.get("/Users")
    assert removing.status == removed.status == 401
    assert "no valid token" in removing.body["detail"]


async def test_a_record_too_large_for_a_row_is_refused(table: TableClient) -> None:
    registry = TablesRegistry(table)
    with pytest.raises(TooLarge, match="make its schemas fewer"):
        await registry.add_directory(directory(schemas=(with_attributes(2500),)))
    assert await registry.directory_named("contoso") is None


async def test_a_row_of_the_listing_that_is_missing_breaks_nothing(table: TableClient) -> None:
    """A credential that isn't listed works and ends; one that is listed and gone is passed over."""
    registry = TablesRegistry(table)
    kept, gone = credential("abcdefgh"), credential("abcdefgh")
    await registry.add_credential(kept)
    await registry.add_credential(gone)
    rows = Partition(table, "credential", Meter())
    await rows.transact([Operation("delete", f"of:abcdefgh:{kept.id}")])
    await rows.transact([Operation("delete", f"id:{gone.id}")])
    assert await registry.credentials("abcdefgh") == []
    fresh = TablesRegistry(table)
    assert await fresh.credential(kept.id) == kept
    await fresh.change_credential(kept.id, lambda found: revoked(found, "ann", NOW))
    await fresh.remove_directory("abcdefgh")


async def test_a_use_never_undoes_a_revocation(table: TableClient) -> None:
    """A process that knows an older record notes a use: the credential stays revoked."""
    one, two = TablesRegistry(table), TablesRegistry(table)
    kept = credential("abcdefgh")
    await one.add_credential(kept)
    assert await one.credential(kept.id) == kept  # remembered
    await two.change_credential(kept.id, lambda found: revoked(found, "ann", NOW))
    await one.touch(kept.id, timestamp(NOW))
    [found] = await two.credentials("abcdefgh")
    assert (found.revoked, found.last_used) == (timestamp(NOW), timestamp(NOW))
    assert await one.credential(kept.id) == found
    await two.change_credential(kept.id, lambda found: found.model_copy(update={"warned": 3}))
    [found] = await two.credentials("abcdefgh")
    assert (found.revoked, found.last_used, found.warned) == (timestamp(NOW), timestamp(NOW), 3)


async def test_an_addressed_directory_is_remembered(table: TableClient) -> None:
    """Two calls the first time, one for the name and one for the record; then none."""
    await TablesRegistry(table).add_directory(directory())
    registry = TablesRegistry(table)
    calls = []
    for _ in range(3):
        assert await registry.addressed("contoso")
        calls.append(registry.meter.calls)
    assert calls == [2, 2, 2]


async def test_names_that_are_somebodys_cost_what_others_cost(table: TableClient) -> None:
    """Whoever has no token can't count, or time, which directories there are.

    One that is in use, one that isn't, one that nobody has: at first, again, and a minute later.
    """
    idle, used = directory("idle"), directory("used")
    await TablesRegistry(table).add_directory(idle)
    await TablesRegistry(table).add_directory(used)
    passed = 0.0
    registry = TablesRegistry(table, clock=lambda: passed)
    costs = []
    for seconds in (0, 10, 40, 11):
        passed += seconds
        await registry.directory(used.id)
        for name in ("idle", "used", "nobodys"):
            before = registry.meter.calls
            assert bool(await registry.addressed(name)) == (name != "nobodys")
            costs.append(registry.meter.calls - before)
    assert costs == [2, 2, 2, 0, 0, 0, 0, 0, 0, 2, 2, 2]


async def test_a_use_costs_one_call(table: TableClient) -> None:
    """What authentication just read is what the note is guarded with."""
    registry = TablesRegistry(table)
    kept = credential("abcdefgh")
    await registry.add_credential(kept)
    await registry.credential(kept.id)
    before = registry.meter.calls
    await registry.touch(kept.id, timestamp(NOW))
    assert registry.meter.calls == before + 1
    await registry.touch(kept.id, timestamp(NOW))
    assert (await registry.credential(kept.id) or kept).last_used == timestamp(NOW)
    assert registry.meter.calls == before + 1


async def test_an_earlier_version_reads_a_token_that_this_one_wrote(table: TableClient) -> None:
    """While both run, or after going back: it refuses a record with a field that it doesn't know.

    A scope that is missing is written, so that such a version lets nobody in by it.
    """
    registry = TablesRegistry(table)
    record = credential(directory())
    await registry.add_credential(record)
    await registry.change_credential(record.id, lambda each: revoked(each, "ann", NOW))
    narrow = record.model_copy(update={"id": "narrow00", "scopes": ("users.read",)})
    await registry.add_credential(narrow)
    partition = Partition(table, "credential", Meter())
    [written, scoped] = [await partition.get(key(each)) for each in (record.id, "narrow00")]
    assert written is not None
    assert scoped is not None
    earlier = {"id", "directory", "digest", "created", "by", "expires", "revoked", "revokedBy"}
    assert json.loads(joined(written.values)).keys() <= earlier
    assert json.loads(joined(scoped.values))["scopes"] == ["users.read"]
    assert await registry.credential("narrow00") == narrow
