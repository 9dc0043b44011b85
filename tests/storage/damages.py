"""A directory with somebody in it, and whatever a hand may do to its rows."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.data.tables.aio import TableClient

from scim.directory import Directory
from scim.keys import claims, indexes
from scim.repairing import Plan, Repaired, repair
from scim.repository import Meter, Stored
from scim.revival import tombstone
from storage import keys, parts, rows
from storage.client import Operation, Partition
from storage.repair.directory import DirectoryRepairs
from storage.tables import TablesRepository
from tests.storage.making import GROUP, USER, change, group, looked_up, user

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
SECRET = "Very-Private-Value"  # in whatever is damaged: no finding and no log says it
PART = '{"add": [], "remove": []}'  # of a large edit
DIRECTORY = Directory(id="directory", name="contoso")


@dataclass
class Place:
    """A directory with somebody in it, and what looks after it."""

    table: TableClient
    partition: Partition
    repository: TablesRepository
    ada: Stored
    bob: Stored
    team: Stored
    other: Stored

    def repairs(self, table: Any = None) -> DirectoryRepairs:
        partition = Partition(table or self.table, "directory", Meter())
        made = DirectoryRepairs(partition, DIRECTORY, lambda: datetime.now(UTC))
        made.types = {each.name: each for each in (USER, GROUP)}
        return made

    async def write(self, *operations: Operation) -> None:
        await self.partition.transact(operations)

    async def run(self, *, dry_run: bool = False, **more: Any) -> Repaired:
        return await repair(self.repairs(), plan(dry_run=dry_run, **more))

    async def rows(self) -> dict[str, Mapping[str, Any]]:
        return {each.key: dict(each.values) for each in await self.partition.range("", "~")}


async def peopled(table: TableClient) -> Place:
    """Ada reports to Bob; the team holds both, the other one nobody."""
    partition = Partition(table, "directory", Meter())
    repository = TablesRepository(partition)
    bob = await user(repository, externalId="bob")
    manager = {ENTERPRISE: {"manager": {"value": bob.id}}}
    ada = await user(repository, externalId="ada", active=True, **manager)
    team = await group(repository, [ada.id, bob.id])
    return Place(table, partition, repository, ada, bob, team, await group(repository))


def plan(**options: Any) -> Plan:
    return Plan(**{"now": lambda: datetime.now(UTC), "settle": 0, "by": "somebody", **options})


def delete(key: str) -> Operation:
    return Operation("delete", key)


def text(key: str, document: str) -> Operation:
    return Operation("merge", key, {"j0": document})


Plant = Callable[[Place], Awaitable[None]]


def at(make: Callable[[Place], list[Operation]]) -> Plant:
    """A damage that is a few operations."""

    async def plant(place: Place) -> None:
        await place.write(*make(place))

    return plant


def r(one: Stored, name: str = "User") -> str:
    return keys.resource(name, one.id)


def claim_of(one: Stored) -> str:
    [each] = claims(one.resource, USER)
    return keys.claim("User", each)


def index_of(one: Stored, path: str = "externalId") -> str:
    [each] = [each for each in indexes(one.resource, USER) if each.attribute == path]
    return keys.index("User", each, one.id)


def as_member(place: Place, one: Stored, team: Stored | None = None) -> str:
    return keys.member("Group", (team or place.team).id, one.id)


def as_group(place: Place, one: Stored, team: Stored | None = None) -> str:
    return keys.group("User", one.id, (team or place.team).id)


def claimed(owner: str) -> Operation:
    """A claim on a value that nobody holds."""
    place = keys.claim("User", looked_up(USER, "userName", SECRET))
    return Operation("put", place, {"owner": owner, "attribute": "userName"})


async def deleted_softly(place: Place, one: Stored | None = None) -> str:
    """Delete somebody softly: a tombstone that is found by two values; gives its key."""
    gone = one or await user(place.repository, externalId="gone")
    found = await place.repository.get(USER, gone.id, members=True, member_of=True)
    assert found is not None
    own = change("delete")
    keep = tombstone(USER, found, own, days=30)
    await place.repository.delete(USER, found, own, keep=keep)
    return keys.tombstone("User", gone.id)


def due() -> dict[str, str]:
    return {"deleted": "2026-01-01T00:00:00Z", "due": "2099-01-01T00:00:00Z", "j0": SECRET}


async def tombstone_without_keys(place: Place) -> None:
    await deleted_softly(place)
    found = await place.partition.range(*keys.below("k:"))
    assert len(found) == 2
    await place.write(delete(found[0].key))


async def keys_without_tombstone(place: Place) -> None:
    await place.write(delete(await deleted_softly(place)))


async def parts_without_tombstone(place: Place) -> None:
    id, own = place.ada.id, "a" * 22
    places = [keys.tombstone_part("User", id, own, number) for number in range(3)]
    await place.write(*(Operation("put", each, due()) for each in places))


async def parts_of_another_change(place: Place) -> None:
    id = keys.last_part(await deleted_softly(place))
    await place.write(Operation("put", keys.tombstone_part("User", id, "a" * 22, 0), due()))


async def damaged_tombstone(place: Place) -> None:
    await place.write(text(await deleted_softly(place), '{"' + SECRET))


async def tombstone_that_lacks_parts(place: Place) -> None:
    await place.write(Operation("merge", await deleted_softly(place), {"parts": 2}))


async def broken_revival(place: Place) -> None:
    """Bob was in the team; his revival ended before it brought that back."""
    head = await deleted_softly(place, place.bob)
    back = change("restore")
    await place.repository.create(USER, place.bob.resource, back)
    await place.write(
        Operation("merge", head, {"revived": back.id, "left": 1}),
        Operation("put", keys.revival("User", place.bob.id)),
    )


async def broken_deletion(place: Place) -> None:
    """Its first step was done: the row has the version of a deletion that is in the log."""
    own = change("delete")
    await place.write(
        rows.change_row("Group", place.other.id, own),
        Operation("merge", r(place.other, "Group"), rows.version_values(own)),
    )


async def broken_creation(place: Place) -> None:
    """Its first step was done: the row has the digest of what was sent."""
    await place.write(Operation("merge", r(place.other, "Group"), {"begun": "a digest"}))


async def lost_member(place: Place) -> None:
    """All rows of a member are gone, but for those of memberships and references."""
    bob = place.bob
    mine = (r(bob), keys.anchor(bob.id), claim_of(bob), index_of(bob))
    await place.write(*map(delete, mine))


async def lost_group(place: Place) -> None:
    """All rows of a group are gone, but for those of memberships."""
    team, found = place.team.id, place.team.resource
    mine = [
        r(place.team, "Group"),
        keys.anchor(team),
        *(keys.claim("Group", each) for each in claims(found, GROUP)),
        *(keys.index("Group", each, team) for each in indexes(found, GROUP)),
    ]
    await place.write(*map(delete, mine))


async def twice_one_value(place: Place) -> None:
    """Bob's row has Ada's userName, which she has claimed."""
    document = {**place.bob.resource, "userName": place.ada.resource["userName"]}
    values = {**rows.pieces(json.dumps(document)), **rows.columns_of(USER, document)}
    await place.write(Operation("merge", r(place.bob), values), delete(claim_of(place.bob)))


async def same_id(place: Place) -> None:
    found = await place.partition.get(r(place.other, "Group"))
    assert found is not None
    values = {name: each for name, each in found.values.items() if name[0].islower()}
    values |= {"type": "User"}
    await place.write(Operation("insert", keys.resource("User", place.other.id), values))


def edit_of_members(place: Place, *, note: bool, waits: bool, text: str = PART) -> list[Operation]:
    """What is there of a large edit of the other group."""
    one, edit = place.other.id, f"{'0' * 22}-0"
    rows_ = [Operation("put", keys.pending_part("Group", one, edit, 0), {"j0": text})]
    rows_ += [Operation("put", keys.pending("Group", one, edit))] if note else []
    own = Operation("merge", r(place.other, "Group"), {"pending": edit})
    return [*rows_, own] if waits else rows_


def stray(key: str, **values: Any) -> Plant:
    return at(lambda _: [Operation("put", key, values)])


# Each damage, and the rules that find it.
DAMAGES: Mapping[str, tuple[Plant, set[str]]] = {
    "anchor lost": (at(lambda p: [delete(keys.anchor(p.ada.id))]), {"anchor-missing"}),
    "anchor of another type": (
        at(lambda p: [Operation("put", keys.anchor(p.ada.id), {"type": "Group"})]),
        {"anchor-wrong"},
    ),
    "anchor without a type": (
        at(lambda p: [Operation("put", keys.anchor(p.ada.id))]),
        {"anchor-wrong"},
    ),
    "anchor of nobody": (stray("a:nobody", type="User"), {"anchor-orphaned"}),
    "claim lost": (at(lambda p: [delete(claim_of(p.ada))]), {"claim-missing"}),
    "claim of nobody": (at(lambda _: [claimed("nobody")]), {"claim-stale"}),
    "claim of who lacks it": (at(lambda p: [claimed(p.bob.id)]), {"claim-stale"}),
    "claim of another": (
        at(lambda p: [Operation("merge", claim_of(p.ada), {"owner": p.bob.id})]),
        {"claim-missing", "claim-stale"},
    ),
    "claim without an owner": (
        at(lambda p: [Operation("put", claim_of(p.ada), {"attribute": "userName"})]),
        {"claim-missing", "claim-stale"},
    ),
    "index row lost": (at(lambda p: [delete(index_of(p.ada))]), {"index-missing"}),
    "index row of a manager lost": (
        at(lambda p: [delete(index_of(p.ada, f"{ENTERPRISE}:manager.value"))]),
        {"index-missing"},
    ),
    "index row of nobody": (
        at(lambda _: [parts.index(USER, looked_up(USER, "externalId", SECRET), "nobody")]),
        {"index-stale"},
    ),
    "index row of who lacks it": (
        at(lambda p: [parts.index(USER, looked_up(USER, "externalId", SECRET), p.bob.id)]),
        {"index-stale"},
    ),
    "column changed": (
        at(lambda p: [Operation("merge", r(p.ada), {"type": "Group"})]),
        {"columns-wrong"},
    ),
    "change row lost": (at(lambda p: [delete(keys.change(p.ada.version))]), {"change-missing"}),
    "member lost": (lost_member, {"membership-of-nobody", "reference-dangling"}),
    "group lost": (lost_group, {"membership-of-nobody"}),
    "reverse lost": (at(lambda p: [delete(as_group(p, p.ada))]), {"reverse-missing"}),
    "reverse of another type": (
        at(lambda p: [Operation("put", as_group(p, p.ada), {"type": "Device"})]),
        {"reverse-missing"},
    ),
    "reverse without a type": (
        at(lambda p: [Operation("put", as_group(p, p.ada))]),
        {"reverse-missing"},
    ),
    "reverse alone": (
        at(lambda p: [Operation("put", as_group(p, p.ada, p.other), {"type": "Group"})]),
        {"reverse-alone"},
    ),
    "forward alone": (
        at(lambda p: [Operation("put", as_member(p, p.ada, p.other), {"type": "User"})]),
        {"reverse-missing"},
    ),
    "member of another type": (
        at(lambda p: [Operation("merge", as_member(p, p.ada), {"type": "Group"})]),
        {"membership-type"},
    ),
    "tombstone lacks a key": (tombstone_without_keys, {"tombstone-key-missing"}),
    "keys without a tombstone": (keys_without_tombstone, {"tombstone-key-orphaned"}),
    "parts without a tombstone": (parts_without_tombstone, {"tombstone-parts"}),
    "parts of another change": (parts_of_another_change, {"tombstone-parts"}),
    "revival broke off": (broken_revival, {"revival-broken"}),
    "revival of nobody": (stray("o:User:nobody"), {"revival-orphaned"}),
    "edit that is not there": (
        at(lambda p: [Operation("merge", r(p.other, "Group"), {"pending": "nowhere"})]),
        {"edit-lost"},
    ),
    "edit without its note": (
        at(lambda p: edit_of_members(p, note=False, waits=True)),
        {"edit-lost", "edit-parts"},
    ),
    "edit that nobody waits for": (
        at(lambda p: edit_of_members(p, note=True, waits=False)),
        {"edit-forgotten"},
    ),
    "edit of nobody": (stray("p:Group:nobody:one"), {"edit-orphaned"}),
    "edit that was never begun": (
        at(lambda p: edit_of_members(p, note=False, waits=False)),
        {"edit-parts"},
    ),
    "edit that can't be read": (
        at(lambda p: edit_of_members(p, note=True, waits=True, text=SECRET)),
        {"edit-damaged"},
    ),
    "resource lost": (
        at(lambda p: [delete(r(p.ada))]),
        {"anchor-orphaned", "claim-stale", "index-stale", "membership-of-nobody"},
    ),
}
# What is reported, and left as it is.
REPORTED: Mapping[str, tuple[Plant, set[str]]] = {
    "resource damaged": (at(lambda p: [text(r(p.ada), '{"' + SECRET)]), {"resource-damaged"}),
    "resource empty": (at(lambda p: [text(r(p.ada), "[]")]), {"resource-damaged"}),
    "resource with another's id": (
        at(lambda p: [text(r(p.ada), json.dumps(p.bob.resource))]),
        {"resource-damaged"},
    ),
    "two of one value": (twice_one_value, {"claim-conflict"}),
    "two of one id": (same_id, {"same-id"}),
    "deletion broke off": (broken_deletion, {"deletion-broken"}),
    "creation broke off": (broken_creation, {"creation-broken"}),
    "display damaged": (
        at(lambda p: [Operation("merge", as_member(p, p.ada), {"display": SECRET})]),
        {"membership-damaged"},
    ),
    "tombstone damaged": (damaged_tombstone, {"tombstone-damaged"}),
    "tombstone incomplete": (tombstone_that_lacks_parts, {"tombstone-incomplete"}),
    "entry damaged": (stray(keys.change("0" * 22), verb=SECRET), {"entry-damaged"}),
    "kind unknown": (stray(f"x:{SECRET}"), {"unknown"}),
    "key malformed": (stray(f"r:User:a:{SECRET}"), {"unknown"}),
    "key of no id": (stray("a:no id"), {"unknown"}),
}
