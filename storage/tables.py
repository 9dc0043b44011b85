"""The product's store: a directory is a partition of one Azure table, and a write is one
transaction in it.

Every transaction begins with inserting its change row. The SDK sends a transaction again when the
answer to the first was lost; the change row is then there already, which tells that the first was
done.

What outgrows a transaction (100 operations) is done in steps that a repeated request completes:
index rows are added before the resource and dropped after it (one too many is harmless, because
what it leads to is checked again); memberships are added after a group and removed before it.
"""

from collections.abc import Collection, Sequence

from scim.errors import Unavailable
from scim.keys import claims, indexes
from scim.repository import (
    Change,
    Gone,
    Key,
    Member,
    MemberEdit,
    Missing,
    Stale,
    Stored,
    Taken,
)
from scim.schema import Resource, ResourceType
from storage import keys, rows
from storage.client import MOST, Operation, Partition, Refused
from storage.memberships import Memberships, guards
from storage.reading import Reader

_TRIES = 6
_MOST_INDEX_ROWS = 40  # of one resource in its own transaction; more are written beside it


class TablesRepository(Reader):
    """One directory's resources in Table Storage."""

    def __init__(self, partition: Partition) -> None:
        super().__init__(partition)
        self._memberships = Memberships(partition, self)

    async def create(
        self,
        type: ResourceType,
        resource: Resource,
        change: Change,
        *,
        members: Sequence[Member] = (),
        refers: Collection[str] = (),
    ) -> Stored:
        id = resource["id"]
        typed = await self._memberships.typed(members)
        row = rows.resource_values(type, resource, change)
        values = indexes(resource, type)
        await self._index(type, id, values if len(values) > _MOST_INDEX_ROWS else ())
        operations = [
            rows.change_row(type.name, id, change),
            Operation("insert", keys.resource(type.name, id), row),
            Operation("insert", keys.anchor(id), {"type": type.name}),
            *(_claim(type, key, id) for key in _ordered(claims(resource, type))),
            *(_index(type, key, id) for key in _few(values)),
        ]
        room = (MOST - len(operations) - len(refers)) // 3
        first, rest = typed[: max(room, 0)], typed[max(room, 0) :]
        operations += self._memberships.added(type.name, id, first)
        operations += guards({*refers, *(each.id for each in first)})
        etag = await self._commit(type, id, operations)
        if rest:
            await self._memberships.edit(
                type.name, id, MemberEdit(add=tuple(rest)), change, more=True
            )
        done = tuple(sorted(typed, key=lambda each: each.id))
        return Stored(resource, change.id, etag, done)

    async def replace(
        self,
        type: ResourceType,
        before: Stored,
        resource: Resource,
        change: Change,
        *,
        edit: MemberEdit | None = None,
        refers: Collection[str] = (),
    ) -> Stored:
        id = before.id
        row = rows.resource_values(type, resource, change)
        add, remove = await self._memberships.difference(type.name, id, edit)
        old, new = indexes(before.resource, type), indexes(resource, type)
        owned, wanted = claims(before.resource, type), claims(resource, type)
        many = len(old ^ new) > _MOST_INDEX_ROWS
        await self._index(type, id, new - old if many else ())
        operations = [
            rows.change_row(type.name, id, change),
            Operation("replace", keys.resource(type.name, id), row, before.guard),
            *(_claim(type, key, id) for key in _ordered(wanted - owned)),
            *(_unclaim(type, key) for key in _ordered(owned - wanted)),
            *([] if many else [_index(type, key, id) for key in _ordered(new - old)]),
            *([] if many else [_unindex(type, key, id) for key in _ordered(old - new)]),
        ]
        room = (MOST - len(operations) - len(refers)) // 3
        now, later = add[:room], add[room:]
        gone = remove[: room - len(now)]
        operations += self._memberships.added(type.name, id, now)
        operations += self._memberships.removed(type.name, id, gone)
        operations += guards({*refers, *(each.id for each in now)})
        etag = await self._commit(type, id, operations)
        await self._unindex(type, id, old - new if many else ())
        if edit is not None and (later or len(gone) < len(remove)):
            await self._memberships.edit(type.name, id, edit, change, more=True)
        return Stored(resource, change.id, etag)

    async def edit_members(
        self,
        type: ResourceType,
        id: str,
        edit: MemberEdit,
        change: Change,
        *,
        version: str | None = None,
    ) -> str:
        if not keys.usable(id):
            raise Gone
        return await self._memberships.edit(type.name, id, edit, change, version=version)

    async def delete(self, type: ResourceType, before: Stored, change: Change) -> None:
        id = before.id
        last = await self._memberships.shrink(type.name, id, before, change)
        operations = [
            rows.change_row(type.name, id, change),
            Operation("delete", keys.resource(type.name, id), guard=before.guard),
            Operation("delete", keys.anchor(id), lenient=True),
            *(_unclaim(type, key) for key in claims(before.resource, type)),
        ]
        values = _ordered(indexes(before.resource, type))
        few = _few(values)
        operations += [_unindex(type, key, id) for key in few]
        await self._commit(type, id, [*operations, *last])
        await self._unindex(type, id, () if few else values)
        # Who was added to a group after the memberships were read and before the anchor went.
        await self._memberships.sweep(type.name, id, change)

    async def remember(self, name: str, value: str) -> None:
        bookmark = Operation("put", keys.bookmark(name), rows.pieces(value))
        await self._partition.transact([bookmark])

    async def _commit(self, type: ResourceType, id: str, operations: list[Operation]) -> str:
        """Do a transaction, begun by a change row, and return the resource's new ETag.

        Raises Taken, Missing, Stale, Gone. A claim that a crash left behind is no obstacle.
        """
        own = keys.resource(type.name, id)
        for _ in range(_TRIES):
            try:
                return (await self._partition.transact(operations)).get(own, "")
            except Refused as refused:
                if refused.operation is operations[0]:
                    found = await self._partition.get(own, select=("version",))
                    return found.etag if found is not None else ""
                place = operations.index(refused.operation)
                operations[place] = await self._instead(own, id, refused)
        raise Unavailable(
            "the store keeps changing under this request: send it again", retry_after=1
        )

    async def _instead(self, own: str, id: str, refused: Refused) -> Operation:
        """Say why an operation was refused, or what to do instead."""
        operation = refused.operation
        if operation.key == own:
            raise Gone if refused.reason == "missing" else Stale
        if operation.key.startswith("a:"):
            raise Missing([keys.last_part(operation.key)])
        if operation.key.startswith("u:") and operation.verb == "insert":
            claim = await self._partition.get(operation.key)
            if claim is not None and claim.values["owner"] != id:
                raise Taken(operation.values["attribute"])
            return Operation("put", operation.key, operation.values)
        raise Stale

    async def _index(self, type: ResourceType, id: str, values: Collection[Key]) -> None:
        await self._in_steps([_index(type, key, id) for key in _ordered(values)])

    async def _unindex(self, type: ResourceType, id: str, values: Collection[Key]) -> None:
        await self._in_steps([_unindex(type, key, id) for key in _ordered(values)])

    async def _in_steps(self, operations: list[Operation]) -> None:
        for step in rows.chunks(operations, MOST):
            await self._partition.transact(step)


def _claim(type: ResourceType, key: Key, id: str) -> Operation:
    values = {"owner": id, "attribute": key.attribute}
    return Operation("insert", keys.claim(type.name, key), values)


def _unclaim(type: ResourceType, key: Key) -> Operation:
    return Operation("delete", keys.claim(type.name, key), lenient=True)


def _index(type: ResourceType, key: Key, id: str) -> Operation:
    return Operation("put", keys.index(type.name, key, id))


def _unindex(type: ResourceType, key: Key, id: str) -> Operation:
    return Operation("delete", keys.index(type.name, key, id), lenient=True)


def _ordered(values: Collection[Key]) -> list[Key]:
    return sorted(values, key=lambda each: (each.attribute, each.value))


def _few(values: Collection[Key]) -> list[Key]:
    return _ordered(values) if len(values) <= _MOST_INDEX_ROWS else []
