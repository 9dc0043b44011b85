"""Large edits of a group's members: written down at once, done by whoever comes by, in their order
(`storage/pending.py`). Here every edit of more than a few is a large one.
"""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from azure.data.tables.aio import TableClient

from scim.deadlines import SETTLED
from scim.directory import Directory
from scim.errors import Unavailable
from scim.ids import resource_id
from scim.purging import Purged, purge
from scim.repository import Gone, MemberEdit, Meter, Stale
from storage import keys
from storage.client import Operation, Partition, Row
from storage.memberships import added
from storage.patience import Patience
from storage.pending import Pending
from storage.registry_memory import MemoryRegistry
from storage.tables import TablesRepository
from tests.service import Client
from tests.storage.faulty import Faulty
from tests.storage.making import GROUP, change, group, in_group, members
from tests.storage.serving import serve

FEW = 3  # an edit of more is a large one
CROWD = 105  # people: so many are looked up in ranges, and added in four parts
# What is tried at every call, on the model alone: the others show that Azurite does the same.
MODEL = pytest.mark.parametrize("account", ["model"], indirect=True)
ONCE = Patience(refused=1, broken=1)


@dataclass
class Place:
    """A directory with people who are anchors alone, and a group; `own` is a request's time."""

    table: TableClient
    directory: Directory
    client: Client
    people: list[str]
    team: str
    own: float = 30

    def partition(self, table: Any = None) -> Partition:
        own = cast("TableClient", table or self.table)
        return Partition(own, self.directory.id, Meter(), ONCE)

    def repository(
        self, partition: Partition | None = None, *, own: float = 30, others: float = 20
    ) -> TablesRepository:
        through = partition or self.partition()
        return TablesRepository(through, Pending(through, large=FEW, own=own, others=others))

    async def edit(self, repository: TablesRepository | None = None, **edit: Any) -> str:
        each = MemberEdit(**edit)
        return await (repository or self.repository()).edit_members(
            GROUP, self.team, each, change()
        )

    async def cut_off(self, **edit: Any) -> str:
        """Edit members in a request that has no time but for writing that down."""
        return await self.edit(self.repository(own=0), **edit)

    async def there(self) -> set[str]:
        return set(await in_group(self.repository(), self.team))

    async def waiting(self) -> bool:
        return any(not each.done for each in await self.repository().unfinished())

    async def purged(self, later: float = SETTLED + 1) -> Purged:
        now = datetime.now(UTC) + timedelta(seconds=later)
        return await purge(
            MemoryRegistry(), lambda _: self.repository(), now=now, directories=[self.directory]
        )

    async def left(self) -> list[str]:
        """List what is left of edits."""
        return [each.key for each in await self.partition().range(*keys.below(keys.EDITS))]


@pytest.fixture
async def place(table: TableClient) -> Place:
    made: list[Place] = []

    def repository(_: Directory) -> TablesRepository:
        return made[0].repository(own=made[0].own)

    client = await serve(repository)
    people = sorted(resource_id() for _ in range(CROWD))
    partition = Partition(table, client.directory.id, Meter())
    for some in (people[:60], people[60:]):
        anchors = [Operation("put", keys.anchor(each), {"type": "User"}) for each in some]
        await partition.transact(anchors)
    made.append(Place(table, client.directory, client, people, ""))
    made[0].team = (await group(made[0].repository())).id
    return made[0]


async def join(place: Place, people: Sequence[str]) -> None:
    """Let people be in the group already."""
    rows = added("Group", place.team, [replace(each, type="User") for each in members(people)])
    for start in range(0, len(rows), 100):
        await place.partition().transact(rows[start : start + 100])


async def test_an_edit_that_has_time_is_done_at_once(place: Place) -> None:
    """Who asks has the version that the group has then; a mark is left, which a purge takes."""
    version = await place.edit(add=members(place.people))
    assert await place.there() == set(place.people)
    found = await place.repository().get(GROUP, place.team)
    assert found is not None
    assert found.version == version
    assert not await place.waiting()
    assert (await place.purged()).edits == 0
    assert await place.left() == []
    cleared = await place.repository().get(GROUP, place.team)
    assert cleared is not None
    assert (cleared.version, cleared.pending) == (version, "")


async def test_an_edit_that_has_no_time_is_ended_by_the_purge(place: Place) -> None:
    """It is acknowledged; the rest is done when no request can be at it: another version."""
    version = await place.cut_off(add=members(place.people))
    assert await place.there() == set()
    assert (await place.purged(0)).edits == 0
    assert (await place.purged()).edits == 1
    assert await place.there() == set(place.people)
    found = await place.repository().get(GROUP, place.team)
    assert found is not None
    assert found.version > version
    log = [each async for each in place.repository().entries() if each.resource == place.team]
    assert [(each.verb, each.operation) for each in log][-1] == ("update", "purge")
    assert (await place.purged(3 * SETTLED)).edits == 0
    assert await place.left() == []


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_a_request_that_has_no_time_is_a_success(place: Place, method: str) -> None:
    value, place.own = [{"value": each} for each in place.people], 0
    add = {"Operations": [{"op": "add", "path": "members", "value": value}]}
    body = add if method == "PATCH" else {"displayName": "Team", "members": value}
    answer = await place.client.send(method, f"/Groups/{place.team}", body)
    assert answer.status == (204 if method == "PATCH" else 200)
    assert await place.there() == set()
    assert (await place.purged()).edits == 1
    assert await place.there() == set(place.people)


async def test_a_large_edit_takes_four_calls_more(place: Place) -> None:
    """Beside one for each part, and the one that begins it: two looks at what is left, one at the
    group's version, the end.
    """
    faulty = Faulty(place.table)
    await place.edit(place.repository(place.partition(faulty)), add=members(place.people))
    calls = faulty.kinds[faulty.kinds.index("transact") :]
    assert calls == ["transact", "query", *["transact"] * 4, "query", "get", "transact"]


async def test_whoever_was_removed_since_stays_removed(place: Place) -> None:
    """A later edit comes after it: also when the purge is what comes last."""
    await place.cut_off(add=members(place.people))
    first, last = place.people[0], place.people[-1]
    await place.edit(remove=(first, last))
    assert await place.there() == {*place.people[1:-1]}
    assert (await place.purged()).edits == 0
    assert await place.there() == {*place.people[1:-1]}


async def test_whoever_was_added_since_stays(place: Place) -> None:
    await join(place, place.people)
    await place.cut_off(replace=True)
    await place.edit(add=members(place.people[:1]))
    await place.purged()
    assert await place.there() == {place.people[0]}


async def test_a_replacement_comes_after_what_is_pending(place: Place) -> None:
    """Though nothing differs from what is shown while it is."""
    await join(place, place.people[:2])
    await place.cut_off(add=members(place.people))
    body = {"displayName": "Team", "members": [{"value": each} for each in place.people[:2]]}
    assert (await place.client.send("PUT", f"/Groups/{place.team}", body)).status == 200
    assert not await place.waiting()
    assert await place.there() == {*place.people[:2]}


async def test_a_large_replacement_is_one_transaction(place: Place) -> None:
    """Name and members of a PUT are written down together; its answer has the group's version."""
    await join(place, place.people[:40])
    body = {"displayName": "New", "members": [{"value": each} for each in place.people[40:]]}
    answer = await place.client.send("PUT", f"/Groups/{place.team}", body)
    assert answer.status == 200
    assert await place.there() == {*place.people[40:]}
    shown = await place.client.get(f"/Groups/{place.team}")
    assert shown.body["displayName"] == "New"
    assert shown.headers["ETag"] == answer.headers["ETag"]


async def test_a_rename_leaves_it_pending(place: Place) -> None:
    """It needs nobody's members, so it waits for none."""
    await place.cut_off(add=members(place.people))
    renamed = {"op": "replace", "path": "displayName", "value": "Renamed"}
    assert (await place.client.patch(f"/Groups/{place.team}", renamed)).status == 204
    assert await place.waiting()
    assert await place.there() == set()
    await place.purged()
    assert await place.there() == set(place.people)


async def test_a_group_that_is_deleted_leaves_nothing(place: Place) -> None:
    await join(place, place.people[:20])
    await place.cut_off(add=members(place.people))
    assert (await place.client.delete(f"/Groups/{place.team}")).status == 204
    await place.purged()
    assert await place.left() == []
    assert await place.partition().range(*keys.below("m:")) == []
    assert await place.partition().range(*keys.below("n:")) == []


async def test_who_was_deleted_since_is_left_out(place: Place) -> None:
    """Nobody is a member who does not exist."""
    await place.cut_off(add=members(place.people))
    gone = place.people[10:13]
    await place.partition().transact([Operation("delete", keys.anchor(each)) for each in gone])
    await place.purged()
    assert await place.there() == {*place.people} - {*gone}


async def test_of_two_replacements_one_is_last(place: Place) -> None:
    """The members are those of one, never of both; whoever is at it."""
    one, two = place.people[:40], place.people[30:]
    for own in (30.0, 0.0):
        busy = [place.repository(own=own) for _ in range(2)]
        await asyncio.gather(
            place.edit(busy[0], add=members(one), replace=True),
            place.edit(busy[1], add=members(two), replace=True),
        )
        await asyncio.gather(place.purged(), place.purged())
        await place.purged()
        assert await place.there() in ({*one}, {*two})
        assert not await place.waiting()


async def test_many_at_it_at_once_do_it_once(place: Place) -> None:
    """Two purges and eight edits: each of these follows, and none is lost."""
    await join(place, place.people[:35])
    await place.cut_off(add=members(place.people[35:]), remove=tuple(place.people[:35]))
    swapped = [(place.people[each], place.people[-1 - each]) for each in range(8)]
    await asyncio.gather(
        place.purged(),
        place.purged(),
        *(place.edit(add=members([one]), remove=(two,)) for one, two in swapped),
    )
    wanted = {*place.people[35:]} - {two for _, two in swapped} | {one for one, _ in swapped}
    assert await place.there() == wanted


async def test_who_has_no_time_to_wait_comes_back(place: Place) -> None:
    """503 with Retry-After, and nothing of it is done before the earlier edit is."""
    await place.cut_off(add=members(place.people))
    with pytest.raises(Unavailable) as told:
        await place.edit(place.repository(others=0), remove=(place.people[0],))
    assert int(told.value.headers["Retry-After"]) > 0
    await place.purged()
    assert await place.there() == set(place.people)


async def test_an_edit_that_a_hand_took_away_is_told_of(place: Place) -> None:
    """A group that waits for it is written again when it is repaired."""
    await place.cut_off(add=members(place.people))
    gone = [Operation("delete", each) for each in await place.left()]
    await place.partition().transact(gone)
    with pytest.raises(Unavailable, match="repair"):
        await place.edit(remove=(place.people[0],))


async def test_an_edit_that_holds_a_version_is_stale(place: Place) -> None:
    version = await place.cut_off(add=members(place.people))
    edit = MemberEdit(remove=(place.people[0],))
    with pytest.raises(Stale):
        await place.repository().edit_members(GROUP, place.team, edit, change(), version=version)
    with pytest.raises(Gone):
        await place.repository().edit_members(GROUP, resource_id(), edit, change())


async def written(place: Place) -> list[int]:
    """Tell which calls of an edit write."""
    faulty = Faulty(place.table)
    await place.edit(place.repository(place.partition(faulty)), add=members(place.people))
    return [number for number, kind in enumerate(faulty.kinds) if kind == "transact"]


@MODEL
async def test_an_edit_that_is_killed_anywhere_is_whole(place: Place) -> None:
    """Begun or not, and done by the purge; who was removed in between stays removed."""
    ends = set[int]()
    for number, after in itertools.product(await written(place), (False, True)):
        faulty = Faulty(place.table)
        faulty.kill(number, after=after)
        await place.edit(replace=True)
        done = True
        try:
            broken = place.repository(place.partition(faulty))
            await place.edit(broken, add=members(place.people))
        except Unavailable:
            done = False
        begun = done or await place.waiting() or bool(await place.there())
        await place.edit(remove=(place.people[0],))
        await place.purged()
        there = await place.there()
        assert there == ({*place.people[1:]} if begun else set()), number
        ends.add(len(there))
    assert ends == {0, CROWD - 1}


@MODEL
async def test_a_transaction_that_is_done_twice_does_no_harm(place: Place) -> None:
    """Its answer was lost, and it was sent again."""
    for number in await written(place):
        faulty = Faulty(place.table)
        faulty.repeat(number)
        await place.edit(replace=True)
        await place.edit(place.repository(place.partition(faulty)), add=members(place.people))
        assert await place.there() == set(place.people)
        assert not await place.waiting()


class Late(Partition):
    """Gives a group's row only when something has happened."""

    happens: asyncio.Event

    async def get(self, key: str, *, select: Sequence[str] | None = None) -> Row | None:
        if key.startswith("r:"):
            await self.happens.wait()
        return await super().get(key, select=select)


@MODEL
@pytest.mark.parametrize("asked", [{"remove": True}, {"put": True}, {"delete": True}])
async def test_reads_beside_its_last_part_mislead_nobody(
    place: Place, asked: dict[str, bool]
) -> None:
    """Members were read before it was done, the group's row after that."""
    await place.cut_off(add=members(place.people))
    late = Late(place.table, place.directory.id, Meter(), ONCE)
    late.happens = asyncio.Event()
    slow = place.repository(late)
    who = place.people[0]

    async def act() -> None:
        if "remove" in asked:
            await place.edit(slow, remove=(who,))
            return
        found = await slow.get(GROUP, place.team, members=True, member_of=True)
        assert found is not None
        assert {each.id for each in found.members or ()} == set(place.people)
        if "put" in asked:
            swap = MemberEdit(replace=True)
            await slow.replace(GROUP, found, found.resource, change(), edit=swap)
        else:
            await slow.delete(GROUP, found, change("delete"))

    async def end() -> None:
        await asyncio.sleep(0.3)
        assert (await place.purged()).edits == 1
        late.happens.set()

    await asyncio.gather(act(), end())
    left = await place.partition().range(*keys.below("m:"))
    assert {keys.last_part(each.key) for each in left} == (
        {*place.people[1:]} if "remove" in asked else set()
    )


async def test_rows_of_an_edit_that_never_began_are_dropped(place: Place) -> None:
    """By the purge, when nobody can be at it any more; nobody sees them."""
    parts = [keys.pending_part("Group", place.team, change().id, each) for each in range(3)]
    text = '{"add": [["nobody", "User", null]], "remove": []}'
    await place.partition().transact([Operation("put", each, {"j0": text}) for each in parts])
    await place.edit(add=members(place.people[:2]))
    assert (await place.purged(0)).edits == 0
    assert len(await place.left()) == 3
    assert (await place.purged()).edits == 0
    assert await place.left() == []
    assert await place.there() == {*place.people[:2]}


async def test_a_backup_of_a_pending_edit_is_whole(place: Place) -> None:
    """Rows are taken as they are: what is brought back is done there."""
    await place.cut_off(add=members(place.people))
    found = await place.partition().range("", "~")
    other = Partition(place.table, "restored", Meter(), ONCE)
    for each in found:
        own = {name: value for name, value in each.values.items() if name[0].islower()}
        await other.transact([Operation("insert", each.key, own)])
    restored = TablesRepository(other)
    directory = place.directory.model_copy(update={"id": "restored"})
    now = datetime.now(UTC) + timedelta(seconds=SETTLED + 1)
    done = await purge(MemoryRegistry(), lambda _: restored, now=now, directories=[directory])
    assert done.edits == 1
    assert set(await in_group(restored, place.team)) == set(place.people)
