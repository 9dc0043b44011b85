"""A resource whose creation outgrows a transaction: what tells that it is not complete yet, and who
sends it again.

The resource is there before all of its members are. Until they are, its row has a digest of what
was sent, in a column of its own. A creation that is refused because of it, and has the same digest,
is the same one: whoever was killed, or is still at it, the rest is added now.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from scim.keys import moves
from scim.repository import Change, Gone, Member, MemberEdit
from scim.schema import Resource, ResourceType
from storage import keys
from storage.client import Operation, Partition, Refused, Row
from storage.memberships import Memberships

_COLUMN = "begun"
_APART = frozenset({"id", "meta"})  # differ whenever it is sent
_FEWEST = 10  # members that one transaction has room for, whatever else is in it


def marked(row: Operation, resource: Resource, members: Sequence[Member]) -> Operation:
    """Note in a resource's row what was sent, if members are yet to come."""
    begun = {_COLUMN: _digest(resource, members)} if members else {}
    return replace(row, values={**row.values, **begun})


def is_begun(row: Row) -> bool:
    """Tell whether a resource's row, as it is read, says that members are yet to come."""
    return bool(row.values.get(_COLUMN))


async def complete(
    partition: Partition,
    memberships: Memberships,
    type: ResourceType,
    id: str,
    rest: Sequence[Member],
    change: Change,
) -> None:
    """Add the members that are known to be left. Raises Missing, Gone."""
    edit = MemberEdit(add=tuple(rest))
    await memberships.edit(type.name, id, edit, change, rest=(edit.add, ()))
    await _end(partition, type, id)


async def go_on(
    partition: Partition,
    memberships: Memberships,
    type: ResourceType,
    resource: Resource,
    members: Sequence[Member],
    change: Change,
) -> str | None:
    """Complete what the same creation began, if it did, and return its id. Raises Missing."""
    if len(members) <= _FEWEST:
        return None
    claimed = moves(None, resource, type).claim
    claims = await partition.get_all([keys.claim(type.name, each) for each in claimed])
    owners = {str(each.values["owner"]) for each in claims.values()}
    wanted = {each(type.name, id) for id in owners for each in (keys.resource, keys.revival)}
    found = await partition.get_all(wanted, select=("RowKey", _COLUMN))
    what = _digest(resource, members)
    begun = [keys.last_part(key) for key, row in found.items() if row.values.get(_COLUMN) == what]
    for id in begun:
        if keys.revival(type.name, id) in found:
            continue  # it ends first: by members that came since, it would be another group's
        with suppress(Gone):
            await memberships.edit(type.name, id, MemberEdit(add=tuple(members)), change)
            await _end(partition, type, id)
            return id
    return None


async def _end(partition: Partition, type: ResourceType, id: str) -> None:
    """Say that a resource is complete, unless it is gone."""
    with suppress(Refused):
        await partition.transact([Operation("merge", keys.resource(type.name, id), {_COLUMN: ""})])


def _digest(resource: Resource, members: Sequence[Member]) -> str:
    kept = {name: each for name, each in resource.items() if name not in _APART}
    ids = sorted(each.id for each in members)
    return hashlib.sha256(json.dumps([kept, ids], sort_keys=True).encode()).hexdigest()
