"""The timer's backups: once a day each, as far as the time goes, the old ones dropped."""

import logging
from datetime import timedelta
from typing import cast

import pytest

from scim.backup.keeping import EVERY, SECONDS, back_up, kept, next_folder
from scim.directory import Directory, Moving, Restoring
from scim.errors import Unavailable
from scim.repository import Change
from scim.unfinished import Unfinished, Work
from storage.registry_memory import MemoryRegistry
from tests.backup.fakes import Clock, Shelf, Stores


async def registry(*names: str) -> MemoryRegistry:
    found = MemoryRegistry()
    for each in names:
        await found.add_directory(Directory(id=f"{each}000000", name=each))
    return found


async def test_each_directory_once_a_day() -> None:
    found, stores, shelf, clock = await registry("contoso", "fabrikam"), Stores(), Shelf(), Clock()
    first = await back_up(found, stores, shelf, clock=clock)
    assert (first.directories, first.complete) == (2, True)
    clock.now += timedelta(hours=1)
    assert (await back_up(found, stores, shelf, clock=clock)).directories == 0
    clock.now += EVERY
    assert (await back_up(found, stores, shelf, clock=clock)).directories == 2
    assert [each.whole for each in await kept(shelf, "contoso")] == [True, True]


async def test_what_there_was_no_time_for_comes_next() -> None:
    """In the middle of a directory, too; an hour later it goes on, and nobody is left out."""
    names = [f"d{number}" for number in range(5)]
    found, stores, shelf = await registry(*names), Stores(), Shelf()
    for each in names:
        stores(Directory(id=f"{each}000000", name=each)).fill(100)
    clock, runs = Clock(step=4), 0
    while any(not each or not each[-1].whole for each in [await kept(shelf, n) for n in names]):
        begun = clock.now
        done = await back_up(found, stores, shelf, clock=clock)
        assert clock.now - begun < timedelta(seconds=SECONDS + 60)
        runs += 1
        assert runs < 20
        clock.now += timedelta(hours=1)
    assert runs > 2
    assert done.complete
    for each in names:
        assert len(await kept(shelf, each)) == 1


async def test_old_ones_go_when_a_new_one_is_there() -> None:
    found, stores, shelf, clock = await registry("contoso"), Stores(), Shelf(), Clock()
    for _ in range(5):
        await back_up(found, stores, shelf, clock=clock, days=2)
        clock.now += timedelta(days=1)
    assert len(await kept(shelf, "contoso")) == 3
    clock.now += timedelta(days=90)
    assert (await back_up(found, stores, shelf, clock=clock, days=2)).dropped == 3
    assert len(await kept(shelf, "contoso")) == 1
    clock.now += timedelta(days=90)
    assert (await back_up(found, stores, shelf, clock=clock)).dropped == 0
    assert len(await kept(shelf, "contoso")) == 2


async def test_nothing_goes_as_long_as_nothing_came() -> None:
    """A directory whose backups fail keeps the last one that it has."""
    found, stores, shelf, clock = await registry("contoso"), Stores(), Shelf(), Clock()
    await back_up(found, stores, shelf, clock=clock)

    async def fail() -> None:
        raise Unavailable("the storage is busy or down: try again", retry_after=5)

    stores.kept["contoso000000"].meanwhile = fail
    clock.now += timedelta(days=30)
    done = await back_up(found, stores, shelf, clock=clock, days=1)
    assert (done.failed, done.dropped) == (1, 0)
    assert any(each.whole for each in await kept(shelf, "contoso"))


async def test_one_failure_is_no_others(caplog: pytest.LogCaptureFixture) -> None:
    found, stores, shelf = await registry("contoso", "fabrikam"), Stores(), Shelf()

    async def fail() -> None:
        raise Unavailable("the storage is busy or down: try again", retry_after=5)

    stores(Directory(id="contoso000000", name="contoso")).meanwhile = fail
    done = await back_up(found, stores, shelf, clock=Clock())
    assert (done.directories, done.failed) == (1, 1)
    assert "directory contoso could not be backed up: the storage is busy" in caplog.text
    assert "Traceback" not in caplog.text


class Left:
    """What is unfinished in each directory; of two edits the first can't be done."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def unfinished(self) -> list[Work]:
        first, second = Work("Group", "a", "1", "1-0"), Work("Group", "b", "2", "2-0")
        return [first, second, Work("Group", "c", "3", "3-done", done=True), Work("User", "d", "4")]

    async def finish(self, work: Work, change: Change) -> bool:
        assert change.operation == "backup"
        self.asked.append(work.id)
        if work.id == "a":
            raise Unavailable("a large edit of the members can't be read", retry_after=60)
        return True


@pytest.mark.parametrize("moves", [False, True])
async def test_large_edits_are_done_first(moves: bool) -> None:
    """Not where a directory is moved, whose rows are compared; nor what else is unfinished."""
    found, left = await registry("contoso"), Left()
    if moves:
        mark = Moving(target="second", run="r", at="2026-01-01T00:00:00Z")
        await found.change_directory(
            "contoso000000", lambda each: each.model_copy(update={"moving": mark})
        )
    port = cast("Unfinished", left)
    done = await back_up(found, Stores(), Shelf(), clock=Clock(), unfinished=lambda _: port)
    assert (done.directories, done.failed) == (1, 0)
    assert left.asked == ([] if moves else ["a", "b"])


@pytest.mark.parametrize(
    "changed",
    [{"removing": True}, {"restoring": Restoring(backup="b", run="r", at="2026-01-01T00:00:00Z")}],
)
async def test_what_comes_or_goes_is_left_out(changed: dict[str, object]) -> None:
    found = await registry("contoso")
    await found.change_directory("contoso000000", lambda each: each.model_copy(update=changed))
    done = await back_up(found, Stores(), Shelf(), clock=Clock())
    assert (done.directories, done.failed) == (0, 0)


async def test_other_folders_are_left_alone() -> None:
    shelf = Shelf()
    shelf.files |= {"contoso/mine/file": b"", "contoso/20260101T000000Z/manifest.json": b""}
    assert await kept(shelf, "contoso") == []
    clock = Clock()
    folder = next_folder("contoso", [], clock.now)
    shelf.files[f"{folder}/unfinished.json"] = b""
    known = await kept(shelf, "contoso")
    assert next_folder("contoso", known, clock.now + timedelta(days=6)) == folder
    assert next_folder("contoso", known, clock.now + timedelta(days=8)) != folder


async def test_one_that_takes_long_keeps_nobody_waiting(caplog: pytest.LogCaptureFixture) -> None:
    """Who goes on from an earlier hour comes after those who have not begun; the log says so."""
    found, stores, shelf, clock = await registry("d0", "d1"), Stores(), Shelf(), Clock(step=4)
    stores(Directory(id="d0000000", name="d0")).fill(2000)
    with caplog.at_level(logging.INFO, "scim.backup"):
        for _ in range(2):
            assert not (await back_up(found, stores, shelf, clock=clock)).complete
            clock.now += timedelta(hours=1)
    assert "the backup of directory d0 is not done and goes on in an hour" in caplog.text
    assert [each.whole for each in await kept(shelf, "d0")] == [False]
    assert [each.whole for each in await kept(shelf, "d1")] == [True]


class Counting(Shelf):
    """A place that counts how often it is asked whether there is a file."""

    asked = 0

    async def exists(self, name: str) -> bool:
        self.asked += 1
        return await super().exists(name)


async def test_what_is_kept_for_years_costs_an_hour_nothing() -> None:
    found, stores, shelf, clock = await registry("contoso"), Stores(), Counting(), Clock()
    for _ in range(50):
        await back_up(found, stores, shelf, clock=clock)
        clock.now += timedelta(days=1)
    shelf.asked = 0
    await back_up(found, stores, shelf, clock=clock)
    assert shelf.asked == 1
    assert len(await kept(shelf, "contoso")) == 51


@pytest.mark.parametrize("name", ["99999999T999999999Z-aaaaaa", "20990101T000000000Z-aaaaaa"])
async def test_a_folder_of_no_time_or_of_one_to_come_stops_no_backup(name: str) -> None:
    """Whoever makes one, by hand or by a clock that is wrong, must not end all that follow."""
    found, stores, shelf, clock = await registry("contoso", "fabrikam"), Stores(), Shelf(), Clock()
    shelf.files[f"contoso/{name}/manifest.json"] = b"{}"
    assert (await back_up(found, stores, shelf, clock=clock)).directories == 2
    clock.now += timedelta(hours=1)
    assert (await back_up(found, stores, shelf, clock=clock)).directories == 0
    clock.now += timedelta(days=1)
    assert (await back_up(found, stores, shelf, clock=clock, days=1)).directories == 2
