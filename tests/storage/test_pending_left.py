"""What is left of large edits of members when others were at the rows: servers of a version that
knows no such edits, two purges at once, hands.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scim import ids
from scim.deadlines import SETTLED
from scim.repository import MemberEdit, Meter
from storage import keys
from storage.client import Operation, Partition
from tests.storage import test_pending
from tests.storage.making import GROUP, change, group, in_group, members
from tests.storage.test_pending import MODEL, ONCE, Late, Place, join

place = test_pending.place


class Hook(Partition):
    """Does something once, before the first part of an edit is done."""

    before: Callable[[], Awaitable[None]] | None = None

    async def transact(self, operations: Sequence[Operation]) -> dict[str, str]:
        first, before = operations[0], self.before
        if before is not None and first.verb == "delete" and first.key.startswith(keys.EDITS):
            self.before = None
            await before()
        return await super().transact(operations)


async def forget(place: Place) -> None:
    """Rename the group as a server does that doesn't know the column."""
    found = await place.repository().get(GROUP, place.team)
    assert found is not None
    renamed = {**found.resource, "displayName": "Renamed"}
    await place.repository().replace(GROUP, replace(found, pending=""), renamed, change())
    now = await place.repository().get(GROUP, place.team)
    assert now is not None
    assert not now.pending


async def test_an_edit_that_its_group_no_longer_names_is_done(place: Place) -> None:
    await join(place, place.people[:5])
    await place.cut_off(add=members(place.people[5:]), remove=tuple(place.people[:5]))
    await forget(place)
    assert (await place.purged()).edits == 1
    assert await place.there() == {*place.people[5:]}
    assert not await place.waiting()
    await place.purged(3 * SETTLED)
    assert await place.left() == []


@MODEL
async def test_it_waits_for_one_that_the_group_names(place: Place) -> None:
    """One edit is pending in a group at a time, so each is done by its own."""
    await place.cut_off(add=members(place.people[:50]))
    await forget(place)
    await place.cut_off(add=members(place.people[50:]))
    await place.purged()
    await place.purged()
    assert await place.there() == set(place.people)
    await place.purged(3 * SETTLED)
    assert await place.left() == []


async def test_nothing_is_left_of_a_group_that_was_deleted_meanwhile(place: Place) -> None:
    """By a server that doesn't wait for the edit: parts of it were done since."""

    async def delete() -> None:
        other = place.repository()
        found = await other.get(GROUP, place.team, members=True, member_of=True)
        assert found is not None
        mark = await other.mark(place.team)
        await other.delete(GROUP, replace(found, pending=""), change("delete"), mark=mark)

    hook = Hook(place.table, place.directory.id, Meter(), ONCE)
    hook.before = delete
    await place.edit(place.repository(hook), add=members(place.people))
    assert await place.partition().range(*keys.below("m:"))
    for later in (1, 2):
        await place.purged(later * (SETTLED + 1))
    for kind in ("m:", "n:", "p:", "s:"):
        assert await place.partition().range(*keys.below(kind)) == []


@MODEL
async def test_what_is_done_is_remembered_from_its_end_on(place: Place) -> None:
    """Not from the begin of the purge that did it, which may be hours ago: others read since."""
    early = ids.change_id(datetime.now(UTC) - timedelta(seconds=4 * SETTLED))
    all_of_them = MemberEdit(add=members(place.people))
    begun = replace(change(), id=early)
    await place.repository(own=0).edit_members(GROUP, place.team, all_of_them, begun)
    late = Late(place.table, place.directory.id, Meter(), ONCE)
    late.happens = asyncio.Event()

    async def end() -> None:
        await asyncio.sleep(0.2)
        assert (await place.purged(-SETTLED - 1)).edits == 1
        await place.purged(1)
        late.happens.set()

    await asyncio.gather(place.edit(place.repository(late), remove=(place.people[0],)), end())
    assert await place.there() == {*place.people[1:]}
    await place.purged()
    assert await place.left() == []


@MODEL
async def test_an_edit_that_cannot_be_read_keeps_no_other(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor what else is due in its directory, which fails all the same."""
    for _ in range(3):
        place.team = (await group(place.repository())).id
        await place.cut_off(add=members(place.people))
    [damaged, *_] = [each for each in await place.left() if each.count(":") == 4]
    await place.partition().transact([Operation("put", damaged, {"j0": "{"})])
    done = await place.purged(400 * 24 * 3600)
    assert (done.edits, done.failed) == (2, 1)
    assert done.entries
    assert "repair" in caplog.text
    broken = damaged.split(":")[2]
    assert len(await in_group(place.repository(), broken)) < len(place.people)
