"""Large edits of members beside other writes: what was acknowledged holds, versions only go on."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from scim.directory import Directory
from scim.errors import Unavailable
from scim.repository import Member, MemberEdit, Meter, Stale
from scim.rules import Deletion
from storage import keys
from storage.client import Operation, Partition
from storage.pending import Pending
from storage.tables import TablesRepository
from tests.service import Client
from tests.storage import test_pending
from tests.storage.faulty import Faulty
from tests.storage.making import GROUP, change, group, in_group, members, user
from tests.storage.serving import serve
from tests.storage.test_pending import FEW, MODEL, ONCE, Place, join

place = test_pending.place


class Beside(Partition):
    """Has something happen before each of its transactions, which are numbered."""

    act: Callable[[int], Awaitable[None]] | None = None
    number = -1

    async def transact(self, operations: Sequence[Operation]) -> dict[str, str]:
        self.number += 1
        if self.act is not None:
            await self.act(self.number)
        return await super().transact(operations)


def beside(place: Place, *, large: int = FEW) -> tuple[Beside, TablesRepository]:
    partition = Beside(place.table, place.directory.id, Meter(), ONCE)
    return partition, TablesRepository(partition, Pending(partition, large=large))


async def served(place: Place, **record: Any) -> Client:
    """Serve another directory, with people who can be deleted, and have it be the place."""

    def repository(_: Directory) -> TablesRepository:
        return place.repository(own=place.own)

    place.client = await serve(repository, **record)
    place.directory = place.client.directory
    made = [await user(place.repository(), userName=f"u{each}@example.com") for each in range(5)]
    place.people = [each.id for each in made]
    place.team = (await group(place.repository())).id
    return place.client


async def put(place: Place, people: Sequence[str], name: str = "Team", **headers: str) -> Any:
    body = {"displayName": name, "members": [{"value": each} for each in people]}
    return await place.client.send("PUT", f"/Groups/{place.team}", body, headers=headers)


async def version(place: Place) -> str:
    found = await place.repository().get(GROUP, place.team)
    assert found is not None
    return found.version


async def rename(place: Place) -> str:
    """Rename the group, whoever else is at it; its version then."""
    while True:
        found = await place.repository().get(GROUP, place.team)
        assert found is not None
        renamed = {**found.resource, "displayName": "Renamed"}
        with suppress(Stale):
            return (await place.repository().replace(GROUP, found, renamed, change())).version


@pytest.mark.parametrize("joins", [True, False])
@pytest.mark.parametrize("late", [True, False])
async def test_who_comes_back_is_where_a_pending_edit_says(
    place: Place, *, joins: bool, late: bool
) -> None:
    """It was acknowledged before the deletion, though the purge does it after that, or even after
    the revival.
    """
    client = await served(place, deletion=Deletion(policy="soft"))
    await join(place, [] if joins else place.people)
    place.own = 0
    wanted = set(place.people if joins else [])
    assert (await put(place, sorted(wanted))).status == 200
    assert (await client.delete(f"/Users/{place.people[0]}")).status == 204
    if not late:
        await place.purged()
    back = await client.post("/Users", {"userName": "u0@example.com"})
    assert (back.status, back.id) == (201, place.people[0])
    await place.purged()
    assert await place.there() == wanted


@MODEL
async def test_a_damaged_part_keeps_nobody_from_being_deleted(place: Place) -> None:
    client = await served(place, deletion=Deletion(policy="soft"))
    await place.cut_off(add=members(place.people))
    part = next(each for each in await place.left() if each.count(":") == 4)
    damaged = Operation("put", part, {"j0": f'{{"add": "{place.people[0]}'})
    await place.partition().transact([damaged])
    assert (await client.delete(f"/Users/{place.people[0]}")).status == 204


@MODEL
async def test_a_replacement_is_whole_beside_a_large_one(place: Place) -> None:
    """One that takes a few transactions, and between whose first two a large one begins."""
    before, small, large = place.people[:40], place.people[40:80], place.people[80:]
    await join(place, before)
    partition, slow = beside(place, large=1000)

    async def act(number: int) -> None:
        if number == 1:
            await place.cut_off(add=members(large), replace=True)

    partition.act = act
    found = await slow.get(GROUP, place.team, members=True)
    assert found is not None
    edit = MemberEdit(members(small), replace=True)
    await slow.replace(GROUP, found, found.resource | {"displayName": "New"}, change(), edit=edit)
    await place.purged()
    assert await place.there() in ({*small}, {*large})


@MODEL
async def test_a_rename_beside_its_parts_is_seen_in_the_version(place: Place) -> None:
    """Whoever holds what the edit was answered with has not seen it."""
    partition, slow = beside(place)
    renamed: list[str] = []

    async def act(number: int) -> None:
        if number == 1:
            renamed.append(await rename(place))

    partition.act = act
    mine = place.client
    place.client = await serve(lambda _: slow)
    answer = await put(place, place.people, "Mine")
    place.client = mine
    assert answer.status == 200
    assert await version(place) > renamed[0]
    again = await put(place, [], "Mine", **{"if-match": answer.headers["ETag"]})
    assert again.status == 412
    assert (await mine.get(f"/Groups/{place.team}")).body["displayName"] == "Renamed"


@MODEL
async def test_a_version_of_two_ends_has_its_entry(place: Place) -> None:
    """As when an older server made the group forget one of two."""
    begun = await place.cut_off(add=members(place.people))
    own, ended = keys.resource("Group", place.team), f"{begun}{keys.ENDED}"
    await place.partition().transact([Operation("merge", own, {"version": ended})])
    await place.purged()
    assert await version(place) > ended
    assert keys.entry(await version(place)) == keys.change(begun)


@MODEL
async def test_a_late_step_leaves_a_newer_version(place: Place) -> None:
    """Of an edit that its request does alone; nobody is lost."""
    partition, slow = beside(place, large=1000)
    renamed: list[str] = []

    async def act(number: int) -> None:
        if number == 1:
            renamed.append(await rename(place))

    partition.act = act
    assert await place.edit(slow, add=members(place.people)) < renamed[0]
    assert [await version(place)] == renamed
    assert await place.there() == set(place.people)


@MODEL
async def test_an_edit_that_others_are_always_faster_than_gives_up(place: Place) -> None:
    """503, after which nothing of it is left."""
    await join(place, place.people[:5])
    partition, slow = beside(place)

    async def act(_: int) -> None:
        touch = Operation("merge", keys.resource("Group", place.team), {"version": change().id})
        await place.partition().transact([touch])

    partition.act = act
    with pytest.raises(Unavailable):
        await place.edit(slow, add=members(place.people[50:]), replace=True)
    assert partition.number < 2 * 10
    assert await place.left() == []
    assert await place.there() == {*place.people[:5]}


@MODEL
async def test_a_replacement_that_is_refused_leaves_no_parts(place: Place) -> None:
    """So many that they are written before it is."""
    found = await place.repository().get(GROUP, place.team)
    assert found is not None
    await rename(place)
    long = tuple(Member(each, "", "é" * 2500) for each in place.people)
    partition, slow = beside(place)
    with pytest.raises(Stale):
        await slow.replace(
            GROUP, found, found.resource, change(), edit=MemberEdit(long, replace=True)
        )
    assert partition.number > 3
    assert await place.left() == []


@MODEL
async def test_an_edit_that_has_begun_is_a_success_though_the_store_fails(place: Place) -> None:
    """It has happened; the rest is the purge's."""
    faulty = Faulty(place.table)
    await place.edit(place.repository(place.partition(faulty)), replace=True)
    whole = Faulty(place.table)
    await place.edit(place.repository(place.partition(whole)), add=members(place.people))
    await place.edit(replace=True)
    await place.purged()
    faulty.kill(whole.kinds.index("transact") + 2, after=False)
    told = await place.edit(place.repository(place.partition(faulty)), add=members(place.people))
    assert told == await version(place)
    assert (await place.purged()).edits == 1
    assert await place.there() == set(place.people)


@MODEL
async def test_who_is_yet_to_be_added_can_be_removed_by_a_filter(place: Place) -> None:
    """Where a filter that matches nobody is an error: who was acknowledged is somebody."""
    client = await served(place, dialect="rfc")
    await place.cut_off(add=members(place.people))
    path = f"/Groups/{place.team}"
    remove = {"op": "remove", "path": f'members[value eq "{place.people[0]}"]'}
    assert (await client.patch(path, remove)).status < 300
    assert await place.there() == {*place.people[1:]}
    assert (await client.patch(path, remove)).body["scimType"] == "noTarget"


@MODEL
async def test_a_version_from_before_its_end_is_another(place: Place) -> None:
    """Whoever read it then saw a part of the members; also who began the edit reads again."""
    place.own = 0
    answer = await put(place, place.people)
    held = {"if-match": answer.headers["ETag"]}
    assert (await put(place, place.people[:1], **held)).status == 412
    assert await in_group(place.repository(), place.team) == place.people
