"""A restore that breaks off, and two at once: one brings everything back, nothing serves before."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from scim.auth.records import Trust
from scim.backup import restoring
from scim.backup.ports import BackupError, Damaged, Occupied
from scim.backup.restoring import GONE, Backup, Target
from scim.backup.taking import Source, take
from scim.credentials import issue
from scim.directory import Directory, Moving
from scim.errors import Unavailable
from scim.registry import Credential
from scim.values import parse_datetime
from storage.registry_memory import MemoryRegistry
from tests.backup.fakes import Clock, Rows, Shelf, Stores
from tests.service import PEPPER

MANY = 2500


@pytest.fixture(scope="module")
async def made() -> tuple[Backup, Rows]:
    rows, shelf, registry = Rows(), Shelf(), MemoryRegistry()
    rows.fill(MANY)
    directory = Directory(id="contoso00", name="contoso")
    await registry.add_directory(directory)
    _, credential = issue(directory.id, pepper=PEPPER, now=datetime.now(UTC))
    await registry.add_credential(credential)
    await take(Source(directory, registry, rows), shelf, "contoso/one", clock=Clock())
    return await restoring.find(shelf, "contoso/one"), rows


async def checked(backup: Backup) -> list[Credential]:
    return await restoring.check(backup)


class Crash(Exception):
    """Ends a restore where it is, as the end of its process would."""


async def test_what_broke_off_serves_nobody_and_goes_on(made: tuple[Backup, Rows]) -> None:
    """After any call to the store; nothing is written twice that need not be."""
    backup, original = made
    credentials = await checked(backup)
    for crash in range(1, 8):
        calls = 0

        async def between(crash: int = crash) -> None:
            nonlocal calls
            calls += 1
            if calls == crash:
                raise Crash

        stores, registry, clock = Stores(between), MemoryRegistry(), Clock()
        target = Target(registry, stores)
        with pytest.raises(Crash):
            await restoring.restore(backup, credentials, target, clock=clock)
        half = await registry.directory_named("contoso")
        assert half is None or not half.enabled
        assert await registry.credentials("contoso00") == []
        if half is not None:
            with pytest.raises(Occupied, match="broke off a moment ago"):
                await restoring.restore(backup, credentials, target, clock=clock)
        clock.now += GONE
        done = await restoring.restore(backup, credentials, target, clock=clock)
        assert done.enabled
        assert done.restoring is None
        assert stores(done).values() == original.values()
        assert await registry.credentials("contoso00") == credentials


@pytest.mark.parametrize("name", [None, "other"])
async def test_of_two_at_once_one_is_refused(made: tuple[Backup, Rows], name: str | None) -> None:
    backup, original = made
    credentials = await checked(backup)

    async def pause() -> None:
        await asyncio.sleep(0)

    stores, registry = Stores(pause), MemoryRegistry()
    target = Target(registry, stores, name)
    results = await asyncio.gather(
        *(restoring.restore(backup, credentials, target, clock=Clock()) for _ in range(3)),
        return_exceptions=True,
    )
    [done] = [each for each in results if isinstance(each, Directory)]
    assert [type(each) for each in results if each is not done] == [Occupied] * 2
    assert stores(done).values() == original.values()


async def test_who_is_taken_over_from_stops(made: tuple[Backup, Rows]) -> None:
    """One that slept for minutes finds that another one has gone on, and writes nothing more."""
    backup, original = made
    credentials = await checked(backup)
    stores, registry, slow, quick = Stores(), MemoryRegistry(), Clock(), Clock()
    target = Target(registry, stores)
    calls = 0

    async def overtaken() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            stores.kept["contoso00"].meanwhile = _nothing
            slow.now += GONE
            quick.now = slow.now
            await restoring.restore(backup, credentials, target, clock=quick)
            assert stores.kept["contoso00"].values() == original.values()

    stores.meanwhile = overtaken
    with pytest.raises(BackupError, match="somebody else restores"):
        await restoring.restore(backup, credentials, target, clock=slow)
    found = await registry.directory_named("contoso")
    assert found is not None
    assert found.enabled


async def _nothing() -> None:
    return None


async def test_one_that_is_removed_meanwhile_is_not_switched_on(made: tuple[Backup, Rows]) -> None:
    backup, _ = made
    stores, registry, calls = Stores(), MemoryRegistry(), 0

    async def removed() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            await registry.change_directory(
                "contoso00", lambda found: found.model_copy(update={"removing": True})
            )

    stores.meanwhile = removed
    with pytest.raises(BackupError, match="restores or removes"):
        await restoring.restore(backup, [], Target(registry, stores), clock=Clock(10))
    found = await registry.directory_named("contoso")
    assert found is not None
    assert not found.enabled


async def test_rows_that_nobody_knows_are_not_mixed_in(made: tuple[Backup, Rows]) -> None:
    """A partition that holds anything is refused; so is one that somebody writes into."""
    backup, _ = made
    stores, registry = Stores(), MemoryRegistry()
    stores(Directory(id="contoso00", name="contoso")).put("r:User:x", version="1")
    with pytest.raises(Occupied, match="not empty"):
        await restoring.restore(backup, [], Target(registry, stores), clock=Clock())
    assert await registry.directory_named("contoso") is None
    stores, calls = Stores(), 0

    async def somebody() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            stores.kept["contoso00"].put("zz:1", version="1")

    stores.meanwhile = somebody
    with pytest.raises(Damaged, match="is not what the backup holds"):
        await restoring.restore(backup, [], Target(registry, stores), clock=Clock())
    found = await registry.directory_named("contoso")
    assert found is not None
    assert not found.enabled


async def test_one_that_did_not_settle_is_mended_before_it_serves() -> None:
    rows, shelf, registry, count = Rows(), Shelf(), MemoryRegistry(), 0
    rows.fill(10)

    async def busy() -> None:
        nonlocal count
        count += 1
        rows.put("r:User:00000", version=f"{count}")

    rows.meanwhile = busy
    directory = Directory(id="contoso00", name="contoso")
    await registry.add_directory(directory)
    await take(Source(directory, registry, rows), shelf, "contoso/one", clock=Clock())
    mended: list[bool] = []

    async def mend(record: Directory) -> None:
        mended.append(record.enabled)

    backup = await restoring.find(shelf, "contoso/one")
    target = Target(MemoryRegistry(), Stores())
    done = await restoring.restore(backup, [], target, clock=Clock(), mend=mend)
    assert mended == [False]
    assert done.enabled


async def test_what_breaks_off_while_it_is_mended_is_not_compared_again() -> None:
    """By then it is no longer what the backup holds, and is right."""
    rows, shelf, registry, clock = Rows(), Shelf(), MemoryRegistry(), Clock()
    rows.fill(10)

    async def busy() -> None:
        rows.put("r:User:00000", version=f"{len(shelf.files)}")

    rows.meanwhile = busy
    directory = Directory(id="contoso00", name="contoso")
    await registry.add_directory(directory)
    await take(Source(directory, registry, rows), shelf, "contoso/one", clock=clock)
    backup, target = await restoring.find(shelf, "contoso/one"), Target(MemoryRegistry(), Stores())
    tries = 0

    async def mend(record: Directory) -> None:
        nonlocal tries
        tries += 1
        target.rows(record).put("c:mended", verb="update")  # type: ignore[attr-defined] # a fake
        if tries == 1:
            raise Crash

    with pytest.raises(Crash):
        await restoring.restore(backup, [], target, clock=clock, mend=mend)
    clock.now += GONE
    done = await restoring.restore(backup, [], target, clock=clock, mend=mend)
    assert done.enabled
    assert tries == 2


async def test_the_mark_stays_fresh_while_it_is_compared(made: tuple[Backup, Rows]) -> None:
    """Else the same command would take over from one that is at work."""
    backup, _ = made
    stores, registry, clock = Stores(), MemoryRegistry(), Clock()
    oldest = timedelta()

    async def slow() -> None:
        nonlocal oldest
        clock.now += timedelta(seconds=5)
        found = await registry.directory_named("contoso")
        if found is not None and found.restoring is not None:
            oldest = max(oldest, clock.now - parse_datetime(found.restoring.at))

    stores.meanwhile = slow
    await restoring.restore(backup, [], Target(registry, stores), clock=clock)
    assert timedelta() < oldest < GONE


async def test_a_directory_that_was_off_stays_off() -> None:
    rows, shelf, registry = Rows(), Shelf(), MemoryRegistry()
    directory = Directory(id="contoso00", name="contoso", enabled=False)
    await registry.add_directory(directory)
    await take(Source(directory, registry, rows), shelf, "contoso/one", clock=Clock())
    backup = await restoring.find(shelf, "contoso/one")
    done = await restoring.restore(backup, [], Target(MemoryRegistry(), Stores()), clock=Clock())
    assert not done.enabled


async def test_a_store_that_fails_leaves_it_off(made: tuple[Backup, Rows]) -> None:
    backup, _ = made
    stores, registry, calls = Stores(), MemoryRegistry(), 0

    async def fail() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Unavailable("the storage is busy or down: try again", retry_after=5)

    stores.meanwhile = fail
    with pytest.raises(Unavailable):
        await restoring.restore(backup, [], Target(registry, stores), clock=Clock())
    found = await registry.directory_named("contoso")
    assert found is not None
    assert not found.enabled


TRUST = Trust(tenant="11111111-2222-3333-4444-555555555555", audiences=("api://contoso",))
MOVING = Moving(source=None, target="second", phase="switched", run="r", at="2026-01-01T00:00:00Z")


@pytest.mark.parametrize("name", [None, "contoso-2"])
async def test_what_was_under_way_and_who_was_trusted_stay_behind(name: str | None) -> None:
    """A move would remove what was restored; the copy of a directory lets in nobody of its."""
    rows, shelf, registry = Rows(), Shelf(), MemoryRegistry()
    directory = Directory(id="contoso00", name="contoso", entra=TRUST, moving=MOVING)
    await registry.add_directory(directory)
    await take(Source(directory, registry, rows), shelf, "contoso/one", clock=Clock())
    backup = await restoring.find(shelf, "contoso/one")
    target = Target(MemoryRegistry(), Stores(), name)
    done = await restoring.restore(backup, [], target, clock=Clock())
    assert done.moving is None
    assert done.entra == (None if name else TRUST)
