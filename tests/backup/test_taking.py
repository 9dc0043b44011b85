"""A backup beside traffic: of one moment where there is one, and said where there is none."""

from collections.abc import AsyncGenerator, Callable

import pytest

from scim.backup import merging, restoring
from scim.backup.manifest import Manifest
from scim.backup.ports import BackupError, Unusable
from scim.backup.taking import MOST, ROUNDS, Source, take
from scim.directory import Directory
from storage.registry_memory import MemoryRegistry
from tests.backup.fakes import Clock, Rows, Shelf

FOLDER = "contoso/one"


async def source(rows: Rows) -> Source:
    registry, directory = MemoryRegistry(), Directory(id="contoso00", name="contoso")
    await registry.add_directory(directory)
    return Source(directory, registry, rows)


async def taken(rows: Rows, shelf: Shelf, *, part: int = 20) -> Manifest:
    made = await take(await source(rows), shelf, FOLDER, clock=Clock(), part=part)
    assert made is not None
    await restoring.check(await restoring.find(shelf, FOLDER))
    return made


async def held(shelf: Shelf, made: Manifest) -> dict[str, object]:
    rows = merging.rows(shelf, FOLDER, made.parts)
    return {each.key: each.values async for each in rows}


class Meanwhile:
    """Does one thing after another, each before some page is read."""

    def __init__(self, *steps: tuple[int, Callable[[], None]]) -> None:
        self.calls = 0
        self._steps = dict(steps)

    async def __call__(self) -> None:
        self.calls += 1
        self._steps.get(self.calls, lambda: None)()


async def test_a_quiet_directory_is_read_and_looked_at_once_more() -> None:
    rows, shelf = Rows(), Shelf()
    rows.fill(100)
    rows.put("w:walk", j0="a bookmark")
    made = await taken(rows, shelf)
    assert made.settled
    assert made.counts == {"r": 100}
    assert {each.round for each in made.parts if each.lines} == {0}
    assert await held(shelf, made) == rows.values()


@pytest.mark.parametrize("at", range(1, 60))
async def test_what_is_written_meanwhile_is_as_it_was_at_one_moment(at: int) -> None:
    """A write that takes place between any two reads is in the backup with all of its rows."""
    rows, shelf = Rows(), Shelf()
    rows.fill(60)

    def write() -> None:
        rows.put("a:new", type="User")
        rows.put("r:User:00030", version="another")
        rows.put("z:new", of="new")
        del rows.rows["r:User:00001"]
        del rows.rows["r:User:00059"]

    rows.meanwhile = Meanwhile((at, write))
    made = await taken(rows, shelf)
    assert made.settled
    found = await held(shelf, made)
    if "a:new" in found:
        assert found == rows.values()
    else:
        assert not {"z:new"} & found.keys()
        assert len(found) == 60


async def test_a_directory_that_is_written_without_pause_does_not_settle() -> None:
    """It ends, and says so; what it holds was there at some time of the last round."""
    rows, shelf = Rows(), Shelf()
    rows.fill(30)
    count = 0

    async def busy() -> None:
        nonlocal count
        count += 1
        rows.put("r:User:00000", version=f"{count}")

    rows.meanwhile = busy
    made = await taken(rows, shelf)
    assert not made.settled
    assert made.differed == 1
    assert max(each.round for each in made.parts) == ROUNDS
    assert (await held(shelf, made)).keys() == rows.values().keys()


@pytest.mark.parametrize("until", [0, 40, 60, 1_000_000])
@pytest.mark.parametrize("every", [2, 1_000_000])
async def test_as_long_as_large_edits_are_under_way_there_are_more_rounds(
    until: int, every: int
) -> None:
    """Until a round finds none of their rows to differ, or it has been enough; it may stop, too."""
    rows, shelf = Rows(), Shelf()
    rows.fill(30)
    count = asked = 0

    async def busy() -> None:
        nonlocal count
        count += 1
        rows.put("r:User:00000", version=f"{count}")
        if count < until:
            rows.put("p:Group:team:edit", part=f"{count}")

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > every

    rows.meanwhile = busy
    of, made = await source(rows), None
    while made is None:
        asked = 0
        made = await take(of, shelf, FOLDER, clock=Clock(), stop=stop, part=20)
    assert not made.settled
    last = max(each.round for each in made.parts)
    assert last == MOST if until > count else ROUNDS <= last < MOST
    assert bool(made.edited) is (until > count)


async def test_what_is_added_to_the_log_alone_unsettles_nothing() -> None:
    rows, shelf = Rows(), Shelf()
    rows.fill(30)
    count = 0

    async def refused() -> None:
        nonlocal count
        count += 1
        rows.put(f"c:{count:05}", verb="refuse")

    rows.meanwhile = refused
    made = await taken(rows, shelf)
    assert made.settled
    assert len(await held(shelf, made)) > 31


async def test_who_goes_on_reads_no_part_that_is_done() -> None:
    """Else each hour of a very large one would be spent on getting to where the last one ended."""
    read: list[str] = []

    class Watched(Shelf):
        async def read(self, name: str) -> AsyncGenerator[bytes]:
            read.append(name)
            async for each in super().read(name):
                yield each

    rows, shelf = Rows(page=500), Watched()
    rows.fill(15_000)
    of, made, runs = await source(rows), None, list[int]()
    while made is None:
        read.clear()
        made = await take(of, shelf, FOLDER, clock=Clock(), stop=lambda: len(read) > 5, part=1_000)
        runs.append(sum("/rows-0-" in each for each in read))
    assert made.settled
    assert sum(runs) < 15 + 2 * len(runs)
    assert len(runs) > 2
    assert await held(shelf, made) == rows.values()


@pytest.mark.parametrize("every", [1, 2, 3, 5, 9])
async def test_it_can_stop_anywhere_and_go_on(every: int) -> None:
    """Also beside traffic; what was done is not done again."""
    rows, shelf = Rows(), Shelf()
    rows.fill(80)
    asked = calls = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > every

    of, made = await source(rows), None
    while made is None:
        asked = 0
        if calls % 3 == 1 and calls < 9:
            rows.put(f"r:User:{calls:05}", version="another")
            rows.rows.pop(f"r:User:{70 + calls:05}", None)
        made = await take(of, shelf, FOLDER, clock=Clock(), stop=stop, part=20)
        calls += 1
        assert calls < 300
    await restoring.check(await restoring.find(shelf, FOLDER))
    assert await held(shelf, made) == rows.values()
    assert made.settled


@pytest.mark.parametrize("full", range(9))
async def test_a_place_that_is_full_leaves_no_backup_but_its_beginning(full: int) -> None:
    """Once there is room, the same call goes on."""
    rows, shelf = Rows(), Shelf(full)
    rows.fill(50)
    of = await source(rows)
    try:
        await take(of, shelf, FOLDER, clock=Clock(), part=20)
    except Unusable:
        assert not await shelf.exists(f"{FOLDER}/manifest.json")
    shelf.full = 1_000
    made = await take(of, shelf, FOLDER, clock=Clock(), part=20)
    assert made is not None
    assert await held(shelf, made) == rows.values()


async def test_two_at_once_in_one_folder_leave_one_whole_backup() -> None:
    rows, shelf = Rows(), Shelf()
    rows.fill(50)
    of = await source(rows)

    async def again() -> None:
        rows.meanwhile = Meanwhile()
        await take(of, shelf, FOLDER, clock=Clock(), part=20)

    calls = 0

    async def once() -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            await again()

    rows.meanwhile = once
    made = await take(of, shelf, FOLDER, clock=Clock(), part=20)
    assert made is not None
    await restoring.check(await restoring.find(shelf, FOLDER))


async def test_a_store_without_order_is_refused() -> None:
    class Unordered(Rows):
        async def read(self, after: str = "", *, marks: bool = False):  # type: ignore[no-untyped-def]
            async for page in super().read(after, marks=marks):
                yield page[::-1]

    rows = Unordered()
    rows.fill(3)
    with pytest.raises(BackupError, match="in no order"):
        await taken(rows, Shelf())


@pytest.mark.parametrize("damage", ["the note", "a part"])
async def test_what_can_t_go_on_begins_anew(damage: str) -> None:
    """Who wrote it may be another version; nobody waits days until it is too old to go on."""
    rows, shelf, registry, clock = Rows(), Shelf(), MemoryRegistry(), Clock()
    rows.fill(40)
    directory = Directory(id="contoso00", name="contoso")
    await registry.add_directory(directory)
    source, asked = Source(directory, registry, rows), 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    assert await take(source, shelf, "contoso/one", clock=clock, stop=stop) is None
    for name in [*shelf.files]:
        if damage == "the note" and name.endswith("unfinished.json"):
            shelf.files[name] = b"{}"
        if damage == "a part" and "rows-" in name:
            del shelf.files[name]
    made = await take(source, shelf, "contoso/one", clock=clock)
    assert made is not None
    assert (made.settled, made.rows) == (True, 40)
    await restoring.check(await restoring.find(shelf, "contoso/one"))
