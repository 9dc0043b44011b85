"""What the purge does to directories, and what stops it from it."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scim import ids
from scim.auth.explaining import LEEWAY
from scim.credentials import issue, register, revoked
from scim.directory import Directory, Moving
from scim.errors import Unavailable
from scim.journal import Entry
from scim.purging import Purged, purge, remove
from scim.registry import Credential
from scim.repository import Change, Repository
from scim.revival import tombstone
from scim.rules import Rules
from storage.memory import MemoryRepository
from storage.open import Storage, open_storage
from storage.registry_memory import MemoryRegistry

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PEPPER = b"a pepper for tests, 32 bytes or more"


@dataclass
class Service:
    """A store in memory with directories in it, and what goes wrong there."""

    storage: Storage = field(default_factory=lambda: open_storage("memory"))
    broken: dict[str, Exception] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)

    async def add(self, name: str, **record: Any) -> Directory:
        directory = Directory(id=ids.resource_id().replace("-", "")[:20], name=name, **record)
        await self.storage.registry.add_directory(directory)
        return directory

    async def token(self, directory: Directory, lifetime: timedelta | None) -> str:
        """Issue a token at NOW; gives its credential's id."""
        _, credential = issue(directory.id, pepper=PEPPER, now=NOW, lifetime=lifetime)
        await self.storage.registry.add_credential(credential)
        return credential.id

    def repository(self, directory: Directory) -> Repository:
        repository = self.storage.repository(directory)
        assert isinstance(repository, MemoryRepository)
        if directory.name in self.broken or directory.name in self.slow:
            return Troubled(repository, self.broken.get(directory.name))
        return repository

    async def purge(self, now: datetime = NOW, **options: Any) -> Purged:
        settled = {"settle": 0.0, **options}
        return await purge(self.storage.registry, self.repository, now=now, **settled)

    async def log(self, directory: Directory) -> list[Entry]:
        return [each async for each in self.storage.repository(directory).entries()]


class Troubled(MemoryRepository):
    """A repository that fails, or never comes to an end."""

    def __init__(self, repository: MemoryRepository, error: Exception | None) -> None:
        super().__init__(repository._partition)
        self._error = error

    async def purge_journal(self, before: str) -> int:
        if self._error is not None:
            raise self._error
        await asyncio.sleep(3600)
        return 0

    async def clear(self, progress: Callable[[int, int], None]) -> None:
        await self.purge_journal("")


@pytest.fixture
def service() -> Service:
    return Service()


def entry(at: datetime) -> Entry:
    return Entry(ids.change_id(at), ids.timestamp(at), "refuse", status=400)


async def bury(repository: Repository, directory: Directory, name: str, days: int) -> str:
    """Create and delete a user at NOW, whose tombstone is due after some days."""
    type = directory.catalog.resource_types[0]
    at = ids.timestamp(NOW)
    meta = {"resourceType": "User", "created": at, "lastModified": at}
    user = {"id": ids.resource_id(), "userName": name, "meta": meta}
    made = await repository.create(type, user, Change(ids.change_id(NOW), at, "create"))
    before = await repository.get(type, made.id, members=True, member_of=True)
    assert before is not None
    change = Change(ids.change_id(NOW), at, "delete")
    kept = tombstone(type, before, change, days=days)
    await repository.delete(type, before, change, keep=kept)
    return made.id


async def test_what_is_old_goes_and_the_rest_stays(service: Service) -> None:
    directory = await service.add("contoso", log_days=10)
    repository = service.storage.repository(directory)
    old, new = entry(NOW - 11 * DAY), entry(NOW - 9 * DAY)
    await repository.record(old, new)
    gone = await bury(repository, directory, "gone", 3)
    kept = await bury(repository, directory, "kept", 5)
    done = await service.purge()
    assert (done.entries, done.tombstones) == (1, 0)
    later = await service.purge(NOW + 4 * DAY)
    assert (later.tombstones, later.directories, later.failed) == (1, 1, 0)
    type = directory.catalog.resource_types[0]
    assert await repository.tombstone(type, gone) is None
    assert await repository.tombstone(type, kept) is not None
    again = await service.purge(NOW + 4 * DAY)
    assert (again.tombstones, again.entries) == (0, 0)


async def test_a_tombstone_goes_on_the_moment_that_it_is_due(service: Service) -> None:
    directory = await service.add("contoso")
    await bury(service.storage.repository(directory), directory, "ada", 3)
    assert (await service.purge(NOW + 3 * DAY - timedelta(milliseconds=1))).tombstones == 0
    assert (await service.purge(NOW + 3 * DAY)).tombstones == 1


async def test_a_removal_waits_until_everybody_knows(service: Service) -> None:
    """What is being removed is left alone as long as it takes to settle; nothing else waits."""
    going, other = await service.add("going"), await service.add("other")
    for each in (going, other):
        await service.storage.repository(each).record(entry(NOW - 300 * DAY))
    await service.storage.registry.change_directory(
        going.id, lambda found: found.model_copy(update={"removing": True})
    )
    done = await service.purge(settle=3600, seconds=0.05)
    assert (done.removed, done.entries, done.complete) == (0, 1, False)
    assert len(await service.log(going)) == 1
    assert (await service.purge()).removed == 1


async def test_what_is_kept_of_a_type_that_is_gone_goes_on_its_day(service: Service) -> None:
    """The rules no longer name the type; people who were deleted under it aren't kept for ever."""
    before = await service.add("contoso")
    repository = service.storage.repository(before)
    gone = await bury(repository, before, "gone", 3)
    kept = await bury(repository, before, "kept", 5)
    directory = await service.storage.registry.change_directory(
        before.id, lambda found: found.having(Rules(resource_types=found.resource_types[1:]))
    )
    assert [each.name for each in directory.catalog.resource_types] == ["Group"]
    assert (await service.purge(NOW + 2 * DAY)).tombstones == 0
    done = await service.purge(NOW + 4 * DAY)
    assert (done.tombstones, done.failed) == (1, 0)
    user = before.catalog.resource_types[0]
    assert await repository.tombstone(user, gone) is None
    assert await repository.tombstone(user, kept) is not None
    assert (await service.purge(NOW + 6 * DAY)).tombstones == 1
    assert await repository.buried_types() == []


@pytest.mark.parametrize(("hours", "next"), [(2, None), (25, Rules())], ids=["walks", "indexing"])
async def test_bookmarks_live_as_long_as_they_are_needed(
    service: Service, hours: int, next: Rules | None
) -> None:
    """Those of walks as long as a cursor; one by which rules are changed for a day; and an hour."""
    directory = await service.add("contoso", next=next)
    await service.storage.repository(directory).remember("walk", "here")
    almost = timedelta(hours=hours, minutes=-1)
    assert (await service.purge(datetime.now(UTC) + almost)).bookmarks == 0
    assert (await service.purge(datetime.now(UTC) + timedelta(hours=hours))).bookmarks == 1


async def test_a_token_is_warned_of_once_for_each_mark(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """At 30, 14 and 3 days, each once: a line in the log, and an entry in the directory's."""
    logging.getLogger("scim").setLevel(logging.INFO)
    directory = await service.add("contoso", log_days=60)
    credential = await service.token(directory, 40 * DAY)
    await service.token(directory, None)
    given = []
    for day in range(45):
        for hours in (0, 1):
            done = await service.purge(NOW + day * DAY + timedelta(hours=hours))
            given += [day] * done.warnings
    assert given == [10, 26, 37]
    lines = [json.loads(each.message) for each in caplog.records if each.name == "scim.event"]
    warned = [each for each in lines if each["event"] == "token expires"]
    assert [each["days"] for each in warned] == [30, 14, 3]
    assert {each["credential"] for each in warned} == {credential}
    assert {each["directory"] for each in warned} == {"contoso"}
    entries = [each for each in await service.log(directory) if each.verb == "warn"]
    assert [each.credential for each in entries] == [credential] * 3
    assert "token rotate" in entries[0].detail


async def test_a_clients_secret_is_warned_of_too(service: Service) -> None:
    """It says which client's it is, and how the next one is made."""
    directory = await service.add("contoso")
    client = register(directory.id, now=NOW)
    _, secret = issue(directory.id, pepper=PEPPER, now=NOW, lifetime=3 * DAY, client=client.id)
    for each in (client, secret):
        await service.storage.registry.add_credential(each)
    assert (await service.purge()).warnings == 1
    [entry] = await service.log(directory)
    assert entry.credential == secret.id
    assert client.id in entry.detail
    assert "client secret issue" in entry.detail


async def test_used_assertions_are_forgotten_when_they_have_ended(service: Service) -> None:
    registry = service.storage.registry
    assert await registry.first_use("a" * 64, NOW)
    await service.purge(NOW + timedelta(seconds=LEEWAY))  # by a clock that is ahead of another one
    assert not await registry.first_use("a" * 64, NOW)
    await service.purge(NOW + timedelta(hours=1))
    assert await registry.first_use("a" * 64, NOW)


async def test_uses_that_cannot_be_forgotten_stop_nothing(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    class Down(MemoryRegistry):
        async def forget_uses(self, before: datetime) -> int:
            raise Unavailable(f"the storage is busy or down{before:%Y}"[:28], retry_after=5)

    service.storage = replace(service.storage, registry=Down())
    await service.add("contoso")
    assert (await service.purge()).directories == 1
    assert "could not be forgotten" in caplog.text


async def test_two_purges_at_once_warn_once(service: Service) -> None:
    directory = await service.add("contoso")
    await service.token(directory, 2 * DAY)
    both = await asyncio.gather(service.purge(), service.purge())
    assert sum(each.warnings for each in both) == 1
    assert len(await service.log(directory)) == 1


async def test_nobody_is_warned_of_what_is_over(service: Service) -> None:
    """Of a revoked token, an expired one, or one of a directory that is switched off."""
    directory, off = await service.add("contoso"), await service.add("off", enabled=False)
    ended = await service.token(directory, 5 * DAY)
    await service.token(off, 5 * DAY)

    def end(found: Credential) -> Credential:
        return revoked(found, "ada", NOW)

    await service.storage.registry.change_credential(ended, end)
    assert (await service.purge()).warnings == 0
    await service.token(directory, 5 * DAY)
    assert (await service.purge(NOW + 6 * DAY)).warnings == 0


@pytest.mark.parametrize(
    "error", [Unavailable("the storage is busy", retry_after=1), KeyError("a bug")]
)
async def test_one_directory_stops_no_other(service: Service, error: Exception) -> None:
    for name in ("one", "two", "three"):
        directory = await service.add(name)
        await service.storage.repository(directory).record(entry(NOW - 300 * DAY))
    service.broken["two"] = error
    done = await service.purge()
    assert (done.entries, done.directories, done.failed, done.complete) == (2, 2, 1, True)
    service.broken.clear()
    assert (await service.purge()).entries == 1


async def test_it_ends_in_time(service: Service) -> None:
    """What is not done at the end of its time is left to the next purge."""
    for name in ("one", "two"):
        directory = await service.add(name)
        await service.storage.repository(directory).record(entry(NOW - 300 * DAY))
    service.slow.add("two")
    done = await service.purge(seconds=0.05)
    assert (done.entries, done.directories, done.complete) == (1, 1, False)
    service.slow.clear()
    done = await service.purge()
    assert (done.entries, done.complete) == (1, True)


async def test_some_directories_alone_can_be_purged(service: Service) -> None:
    one, two = await service.add("one"), await service.add("two")
    for each in (one, two):
        await service.storage.repository(each).record(entry(NOW - 300 * DAY))
    assert (await service.purge(directories=[two])).entries == 1
    assert len(await service.log(one)) == 1


async def test_what_began_to_move_since_it_was_listed_is_left_alone(service: Service) -> None:
    """A command comes to the last of many directories hours later."""
    one = await service.add("one")
    await service.storage.repository(one).record(entry(NOW - 300 * DAY))
    mark = Moving(target="second", run="r", at="2026-11-20T12:00:00Z")
    await service.storage.registry.change_directory(
        one.id, lambda each: each.model_copy(update={"moving": mark})
    )
    assert (await service.purge(directories=[one])).entries == 0
    assert len(await service.log(one)) == 1


async def test_a_removal_leaves_nothing(service: Service) -> None:
    """Neither rows nor tokens nor the name, and other directories as they are."""
    directory, other = await service.add("contoso"), await service.add("other")
    credential = await service.token(directory, None)
    registry, repository = service.storage.registry, service.storage.repository(directory)
    for each in (repository, service.storage.repository(other)):
        await each.record(entry(NOW))
    seen: list[tuple[int, int]] = []
    await remove(directory, registry, repository, lambda *told: seen.append(told), settle=0)
    assert seen == [(1, 1)]
    assert await service.log(directory) == []
    assert await registry.credential(credential) is None
    assert await registry.directory_named("contoso") is None
    assert len(await service.log(other)) == 1
    await service.add("contoso")


@pytest.mark.parametrize(
    "changed",
    [
        {"moving": Moving(target="second", run="r", at="2026-11-20T12:00:00Z")},
        {"storage": "second"},
    ],
)
async def test_a_removal_waits_for_a_move(service: Service, changed: dict[str, Any]) -> None:
    """Else it would empty the account that the rows were in, and leave them in the other one."""
    directory = await service.add("contoso")
    registry, repository = service.storage.registry, service.storage.repository(directory)
    await repository.record(entry(NOW))
    await registry.change_directory(directory.id, lambda each: each.model_copy(update=changed))
    with pytest.raises(Unavailable, match="moved"):
        await remove(directory, registry, repository, lambda _done, _found: None, settle=0)
    found = await registry.directory_named("contoso")
    assert found is not None
    assert not found.removing
    assert len(await service.log(directory)) == 1


async def test_a_removal_that_broke_off_is_completed(service: Service) -> None:
    directory = await service.add("contoso")
    registry, repository = service.storage.registry, service.storage.repository(directory)
    await repository.record(entry(NOW))
    failing = Troubled(service.storage.repository(directory), OSError("broken off"))  # type: ignore[arg-type] # in memory
    with pytest.raises(OSError, match="broken off"):
        await remove(directory, registry, failing, lambda _done, _found: None, settle=0)
    marked = await registry.directory_named("contoso")
    assert marked is not None
    assert (marked.removing, marked.enabled) == (True, False)
    assert (await service.purge()).removed == 1
    assert await registry.directory_named("contoso") is None
    assert await service.log(directory) == []
