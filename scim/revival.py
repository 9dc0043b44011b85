"""Which deleted resource a new one is, and what is kept when one is deleted.

A directory's `soft` deletion keeps a tombstone. A POST means the resource of a tombstone that holds
the same `externalId`; or the same unique value (a `userName`), unless both have an `externalId` and
these differ: then it is somebody else, who must not inherit memberships.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from scim import ids
from scim.journal import Entry
from scim.keys import key
from scim.match import values_at
from scim.repository import Change, Key, Member, Stored
from scim.schema import Path, Resource, ResourceType
from scim.tombstones import Tombstone

_EXTERNAL_ID = "externalId"
_MOST = 20  # ids in a warning


def sought(resource: Resource, resource_type: ResourceType) -> frozenset[Key]:
    """List the values by which a resource's tombstone is found."""
    external = resource_type.attribute(_EXTERNAL_ID)
    paths = [*([Path(external)] if external else []), *resource_type.unique]
    return frozenset(each for path in paths for each in _keys(resource, path))


def tombstone(
    resource_type: ResourceType,
    before: Stored,
    change: Change,
    *,
    days: int,
    older: Tombstone | None = None,
) -> Tombstone:
    """Make what is kept of a resource that a change deletes, with its memberships as read.

    `older` is what is there already: of what is `unfinished`, the memberships that the resource
    lacks belong here.
    """
    members = {each.id: each for each in before.members or ()}
    member_of = {each.id: each for each in before.member_of or ()}
    if older is not None and unfinished(older, before):
        members = {each.id: each for each in older.members} | members
        member_of = {each.id: each for each in older.member_of} | member_of
    at, coming = datetime.fromisoformat(change.at), resource_type.coming
    return Tombstone(
        resource=before.resource,
        type=resource_type.name,
        version=before.version,
        deleted=change.at,
        due=ids.timestamp(at + timedelta(days=days)),
        members=tuple(members[id] for id in sorted(members)),
        member_of=tuple(member_of[id] for id in sorted(member_of)),
        credential=change.credential,
        keys=sought(before.resource, resource_type)
        | (sought(before.resource, coming) if coming else frozenset())
        | (older.keys if older else frozenset()),
        change=change.id,
        guard=older.guard if older else "",
    )


def unfinished(older: Tombstone, before: Stored) -> bool:
    """Tell whether a living resource's deletion broke off, unwritten since, or its revival did."""
    return bool(older.revived) or older.change == before.version


def left_out(older: Tombstone, lasting: Tombstone, now: Stored, change: Change) -> list[Entry]:
    """Warn of memberships that don't come back, because a group was written meanwhile.

    `lasting` is what of a tombstone still does; what a resource has `now` is no loss.
    """
    groups = _names(older.member_of, lasting.member_of, now.member_of)
    members = _names(older.members, lasting.members, now.members)
    what = "revival" if older.revived else "deletion"
    told = [
        f"a {what} of this {older.type} broke off, and groups that it was in were written since: it"
        f" does not come back to {', '.join(some)}; add it to those where it belongs"
        for some in groups
    ]
    told += [
        f"a {what} of this {older.type} broke off, and it was written since: its members"
        f" {', '.join(some)} do not come back; add those who belong to it"
        for some in members
    ]
    at = datetime.fromisoformat(change.at)
    return [
        Entry(
            id=ids.change_id(at),
            at=change.at,
            verb="warn",
            operation=change.operation,
            credential=change.credential,
            by=change.by,
            type=older.type,
            resource=older.id,
            detail=detail,
            request=change.request,
        )
        for detail in told
    ]


def meant(
    resource: Resource, resource_type: ResourceType, buried: Collection[Tombstone]
) -> Tombstone | None:
    """Choose the tombstone whose resource a new one is; of several the last deleted."""
    mine = sought(resource, resource_type)
    latest = sorted(buried, key=lambda each: each.deleted, reverse=True)
    theirs = [(each, sought(each.resource, resource_type)) for each in latest if each.restorable]
    for each, keys in theirs:
        if _external(mine) and _external(mine) == _external(keys):
            return each
    for each, keys in theirs:
        others = _external(mine) and _external(keys)
        if not others and (mine & keys):
            return each
    return None


def revived(resource: Resource, buried: Tombstone) -> Resource:
    """Give a new resource the id and the creation time of a deleted one."""
    created = buried.resource.get("meta", {}).get("created", resource["meta"]["created"])
    return {**resource, "id": buried.id, "meta": {**resource["meta"], "created": created}}


def _names(
    before: Collection[Member], after: Collection[Member], now: Collection[Member] | None
) -> list[list[str]]:
    """Name who is in neither of the last two, as many at a time as a sentence has room for."""
    kept = {each.id for each in (*after, *(now or ()))}
    lost = [each.id for each in before if each.id not in kept]
    return [lost[start : start + _MOST] for start in range(0, len(lost), _MOST)]


def _external(keys: frozenset[Key]) -> frozenset[Key]:
    return frozenset(each for each in keys if each.attribute == _EXTERNAL_ID)


def _keys(resource: Resource, path: Path) -> list[Key]:
    try:
        return [key(path, value) for value in values_at(resource, path)]
    except (TypeError, ValueError):  # kept under another definition of the attribute
        return []
