"""Moving a directory: interrupted anywhere, it completes or goes back, and never has two homes."""

from datetime import timedelta

import pytest

from scim.backup.restoring import GONE
from scim.directory import Directory, Restoring
from scim.errors import Unavailable
from scim.moving import MoveError, Mover
from scim.registry import NoRecord, Registry
from storage.registry_memory import MemoryRegistry
from tests.backup.fakes import Clock, Rows, Stores

ID = "contoso00"


class Crash(Exception):
    """Ends a move where it is, as the end of its process would."""


class Recorded(MemoryRegistry):
    """A registry whose process ends at its nth write."""

    crash = 0
    writes = 0

    async def change_directory(self, id, change):  # type: ignore[no-untyped-def]
        self.writes += 1
        if self.crash and self.writes >= self.crash:
            raise Crash
        return await super().change_directory(id, change)


async def placed(registry: Registry, **record: object) -> tuple[Directory, Stores, Rows]:
    """A directory in the main account, with rows."""
    directory = Directory.model_validate({"id": ID, "name": "contoso", **record})
    await registry.add_directory(directory)
    stores = Stores()
    rows = stores(directory)
    rows.fill(40)
    rows.put("w:walk", j0="1")
    return directory, stores, rows


def mover(registry: Registry, stores: Stores, clock: Clock) -> Mover:
    async def wait(seconds: float) -> None:
        clock.now += timedelta(seconds=seconds)

    return Mover(registry, stores, clock, wait)


async def now(registry: Registry) -> Directory:
    found = await registry.directory_named("contoso")
    assert found is not None
    return found


async def test_rows_are_where_the_record_says() -> None:
    registry = MemoryRegistry()
    directory, stores, rows = await placed(registry)
    before = rows.values()
    moved = await mover(registry, stores, Clock()).move(directory, "second")
    assert (moved.storage, moved.moving) == ("second", None)
    assert stores(moved).values() == before
    assert rows.rows == {}
    back = await mover(registry, stores, Clock()).move(moved, None)
    assert (back.storage, back.moving) == (None, None)
    assert rows.values() == before
    assert stores(moved).rows == {}
    assert await mover(registry, stores, Clock()).move(back, None) == back


async def test_what_is_written_while_it_is_copied_is_copied_too() -> None:
    """Writes end with the freeze; inserted, changed and removed rows come along."""
    registry = MemoryRegistry()
    directory, stores, rows = await placed(registry)
    count = 0

    async def busy() -> None:
        nonlocal count
        count += 1
        moving = (await now(registry)).moving
        if moving is not None and moving.phase == "copying":
            rows.put(f"r:User:{count:05}", version=f"new {count}")
            rows.put(f"a:{count}", type="User")
            rows.rows.pop(f"r:User:{count + 20:05}", None)

    rows.meanwhile = busy
    stores(directory.model_copy(update={"storage": "second"})).meanwhile = busy
    final: dict[str, object] = {}
    clock = Clock()
    first = mover(registry, stores, clock)

    def phase(what: str) -> None:
        if "every running server refuses" in what:
            final.update(rows.values())

    moved = await Mover(registry, stores, clock, first.wait, phase).move(directory, "second")
    assert final
    assert stores(moved).values() == final


@pytest.mark.parametrize("give_up", [False, True])
async def test_it_can_break_off_anywhere(*, give_up: bool) -> None:
    """The same call completes it; as long as nothing is switched, it can be given up instead."""
    ended = []
    for crash in range(2, 30):
        registry, clock = Recorded(), Clock()
        directory, stores, rows = await placed(registry)
        before = rows.values()
        registry.crash = crash
        try:
            await mover(registry, stores, clock).move(directory, "second")
        except Crash:
            registry.crash = 0
        half = await now(registry)
        assert half.moving is not None or half.storage == "second"
        if half.moving is None:
            break
        assert stores(half).values() == before
        with pytest.raises(MoveError, match="broke off a moment ago"):
            await mover(registry, stores, clock).move(half, "second")
        clock.now += GONE
        if give_up and half.moving.phase == "switched":
            with pytest.raises(MoveError, match="let the same move complete"):
                await mover(registry, stores, clock).give_up(half)
            ended.append("switched")
            continue
        if give_up:
            done = await mover(registry, stores, clock).give_up(half)
            assert done.storage is None
            ended.append(half.moving.phase)
        else:
            with pytest.raises(MoveError, match="another move of contoso broke off"):
                await mover(registry, stores, clock).move(half, "third")
            done = await mover(registry, stores, clock).move(half, "second")
            assert done.storage == "second"
        assert done.moving is None
        assert stores(done).values() == before
        assert sum(bool(each.values()) for each in stores.kept.values()) == 1
    assert not give_up or {"copying", "frozen", "switched"} <= {*ended}


async def test_an_error_while_nothing_may_be_written_ends_that() -> None:
    """Whoever waits for its end need not wait for an operator."""
    registry, clock = MemoryRegistry(), Clock()
    directory, stores, rows = await placed(registry)

    async def fail() -> None:
        moving = (await now(registry)).moving
        if moving is not None and moving.phase == "frozen":
            raise ZeroDivisionError

    rows.meanwhile = fail
    with pytest.raises(ZeroDivisionError):
        await mover(registry, stores, clock).move(directory, "second")
    half = await now(registry)
    assert half.moving is not None
    assert half.moving.phase == "copying"


class Lost(MemoryRegistry):
    """A registry that makes a write of one phase, and whose answer to it is lost."""

    phase = ""

    async def change_directory(self, id, change):  # type: ignore[no-untyped-def]
        done = await super().change_directory(id, change)
        if done.moving is not None and done.moving.phase == self.phase:
            self.phase = ""
            raise Unavailable("the storage is busy or down: try again", retry_after=5)
        return done


@pytest.mark.parametrize(("phase", "then"), [("frozen", "copying"), ("switched", "switched")])
async def test_a_step_whose_answer_is_lost_is_done(phase: str, then: str) -> None:
    """What was written into the copy since stays; nobody is kept from writing for nothing."""
    registry, clock = Lost(), Clock()
    directory, stores, _ = await placed(registry)
    registry.phase = phase
    with pytest.raises(Unavailable):
        await mover(registry, stores, clock).move(directory, "second")
    half = await now(registry)
    assert half.moving is not None
    assert half.moving.phase == then
    stores(half).put("r:User:new", version="1")  # a server does, and says so to its client
    clock.now += GONE
    done = await mover(registry, stores, clock).move(half, "second")
    assert (done.storage, done.moving) == ("second", None)
    assert "r:User:new" in stores(done).values()


async def test_who_is_taken_over_from_stops() -> None:
    registry, clock = MemoryRegistry(), Clock()
    directory, stores, rows = await placed(registry)
    target, taken = stores(directory.model_copy(update={"storage": "second"})), False

    async def other() -> None:
        nonlocal taken
        if not taken and target.rows:
            taken = True
            clock.now += GONE
            await mover(registry, stores, clock).give_up(await now(registry))

    rows.meanwhile = other
    with pytest.raises(MoveError, match="somebody else moves"):
        await mover(registry, stores, clock).move(directory, "second")
    assert (await now(registry)).moving is None


async def test_an_account_that_has_rows_of_it_is_refused() -> None:
    """It may be the same account, under a name of its own."""
    registry = MemoryRegistry()
    directory, _, rows = await placed(registry)
    same = Mover(registry, lambda _: rows, Clock(), _nothing)
    with pytest.raises(MoveError, match="look whether it is another account"):
        await same.move(directory, "second")
    assert (await now(registry)).moving is None
    assert len(rows.values()) == 40


async def _nothing(seconds: float) -> None:
    return None


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"removing": True, "enabled": False}, "is being removed"),
        ({"restoring": Restoring(backup="b", run="r", at="2026-01-01T00:00:00Z")}, "restored"),
        ({"next": {}}, "rules of contoso are being changed"),
        ({"previous": {}}, "rules of contoso are being changed"),
    ],
)
async def test_what_is_being_changed_otherwise_stays(record: dict[str, object], said: str) -> None:
    registry = MemoryRegistry()
    directory, stores, _ = await placed(registry, **record)
    with pytest.raises(MoveError, match=said):
        await mover(registry, stores, Clock()).move(directory, "second")
    assert (await now(registry)).moving is None


async def test_what_there_is_not_can_t_be_given_up_or_moved() -> None:
    registry = MemoryRegistry()
    directory, stores, _ = await placed(registry)
    with pytest.raises(MoveError, match="nothing to give up"):
        await mover(registry, stores, Clock()).give_up(directory)
    await registry.remove_directory(ID)
    with pytest.raises((MoveError, NoRecord), match="removed"):
        await mover(registry, stores, Clock()).move(directory, "second")
