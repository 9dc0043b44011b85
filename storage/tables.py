"""The product's store: a directory is a partition of a table, a write one transaction in it.

A write begins with inserting its change row. A transaction whose answer was lost is sent again; the
change row is then there already, which tells that the first was done.

What outgrows a transaction (100 operations) is done in steps that a repeated request completes:
index rows are added before the resource and dropped after it (one too many is harmless, because
what it leads to is checked again); memberships are added after a group and removed before it.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace

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
from storage import keys, parts, rows
from storage.client import MOST, Operation, Partition, Refused
from storage.memberships import Memberships, added, ends, guards, packed, removed
from storage.reading import Reader

_TRIES = 6
_NO_ETAG = "W/\"datetime'1601-01-01T00%3A00%3A00Z'\""  # of no row: whoever holds it is Stale


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
        claimed, indexed = claims(resource, type), indexes(resource, type)
        rows.check_room(len(claimed), len(refers))
        operations = [
            rows.change_row(type.name, id, change),
            Operation(
                "insert", keys.resource(type.name, id), rows.resource_values(type, resource, change)
            ),
            Operation("insert", keys.anchor(id), {"type": type.name}),
            *(parts.claim(type, key, id) for key in parts.ordered(claimed)),
        ]
        index_rows = [parts.index(type, key, id) for key in parts.ordered(indexed)]
        beside = len(operations) + len(index_rows) + len(refers) > MOST
        operations += [] if beside else index_rows
        room = (MOST - len(operations) - len(refers)) // 3
        now, later = typed[:room], tuple(typed[room:])
        operations += added(type.name, id, now)
        operations += guards({*refers, *(each.id for each in now)})
        try:
            await self._in_steps(index_rows if beside else [])
            etag = await self._commit(type, id, change, operations)
            if later:
                edit = MemberEdit(add=later)
                await self._memberships.edit(type.name, id, edit, change, rest=(later, ()))
                etag = await self._etag(keys.resource(type.name, id), change)
        except (Taken, Missing):
            await self._in_steps(
                [parts.unindex(type, key, id) for key in indexed] if beside else []
            )
            raise
        except Unavailable:
            if later:
                await self._undo(type, id, change)
            raise
        done = tuple(sorted(typed, key=lambda each: each.id))
        return Stored(resource, change.id, etag, done)

    async def _undo(self, type: ResourceType, id: str, change: Change) -> None:
        """Delete a group that was created with a part of its members, if the store lets us.

        Who sends the request again would be told that the group exists.
        """
        with suppress(Unavailable, Stale, Gone):
            half = await self.get(type, id, members=True, member_of=True)
            if half is not None:
                # A change of its own: the row of the first one is there already.
                undo = replace(change, id=f"{change.id}-undo", verb="delete", attributes=())
                await self.delete(type, half, undo)

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
        rows.check_room(len(owned ^ wanted), len(refers))
        operations = [
            rows.change_row(type.name, id, change),
            Operation("replace", keys.resource(type.name, id), row, before.guard),
            *(parts.claim(type, key, id) for key in parts.ordered(wanted - owned)),
            *(parts.unclaim(type, key) for key in parts.ordered(owned - wanted)),
        ]
        index_rows = [parts.index(type, key, id) for key in parts.ordered(new - old)]
        dropped = [parts.unindex(type, key, id) for key in parts.ordered(old - new)]
        beside = len(operations) + len(index_rows) + len(dropped) + len(refers) > MOST
        operations += [] if beside else [*index_rows, *dropped]
        room = MOST - len(operations) - len(refers)
        now = add[: room // 3]
        gone = remove[: (room - 3 * len(now)) // 2]
        operations += added(type.name, id, now)
        operations += removed(type.name, id, gone)
        operations += guards({*refers, *(each.id for each in now)})
        await self._in_steps(index_rows if beside else [])
        etag = await self._commit(type, id, change, operations)
        if beside:
            etag = await self._drop(type, id, dropped, etag)
        rest = (add[len(now) :], remove[len(gone) :])
        if edit is not None and any(rest):
            await self._memberships.edit(type.name, id, edit, change, rest=rest)
            etag = await self._etag(keys.resource(type.name, id), change)
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

    async def delete(
        self,
        type: ResourceType,
        before: Stored,
        change: Change,
        *,
        mark: str | None = None,
        watched: Sequence[tuple[ResourceType, Key]] = (),
    ) -> list[list[Stored]]:
        id, own = before.id, keys.resource(type.name, before.id)
        steps, stored, begun = ends(type.name, before, change), before, False
        for _ in range(_TRIES + len(steps)):
            operations, later = parts.deletion(type, stored, change, None if begun else mark)
            whole = len(operations) + sum(map(len, steps)) <= MOST
            rest = steps.copy()
            try:
                if whole:
                    await self._commit(type, id, change, operations + packed(rest, MOST))
                    break
                # The first step holds the version; whoever writes after it was too late.
                touch = Operation("merge", own, rows.version_values(change), stored.guard)
                etags = await self._partition.transact([touch, *packed(rest, MOST - 1)])
                stored, begun, steps = replace(stored, guard=etags[own]), True, rest
            except (Stale, Refused) as error:
                found = await self.get(type, id)
                if found is None:
                    raise Gone from error
                if not begun and found.version != change.id:
                    raise Stale from error
                stored, begun = found, True
        else:
            raise _contended()
        await self._in_steps(later)
        if mark is not None and not begun:
            return [[] for _ in watched]
        # What came to be after the memberships were read and before the anchor went.
        late = asyncio.gather(*(self.find(other, key) for other, key in watched))
        await asyncio.gather(self._memberships.sweep(type.name, id, change), late)
        return late.result()

    async def remember(self, name: str, value: str) -> None:
        bookmark = Operation("put", keys.bookmark(name), rows.pieces(value))
        await self._partition.transact([bookmark])

    async def _commit(
        self, type: ResourceType, id: str, change: Change, operations: list[Operation]
    ) -> str:
        """Do a transaction, begun by a change row, and return the resource's new ETag.

        Raises Taken, Missing, Stale, Gone. A claim that a crash left behind is no obstacle.
        """
        own = keys.resource(type.name, id)
        for _ in range(_TRIES):
            try:
                return (await self._partition.transact(operations)).get(own, "")
            except Refused as refused:
                if refused.operation is operations[0]:
                    return await self._etag(own, change)
                place = operations.index(refused.operation)
                operations[place] = await self._instead(own, id, refused)
        raise _contended()

    async def _etag(self, own: str, change: Change) -> str:
        """Read the ETag of a resource's row as a change left it."""
        found = await self._partition.get(own, select=("version", "Timestamp"))
        unchanged = found is not None and found.values["version"] == change.id
        return found.etag if found is not None and unchanged else _NO_ETAG

    async def _instead(self, own: str, id: str, refused: Refused) -> Operation:
        """Say why an operation was refused, or what to do instead."""
        operation = refused.operation
        if operation.key == own:
            raise Gone if refused.reason == "missing" else Stale
        if operation.key.startswith("a:") and operation.verb == "delete":
            raise Stale  # something began to refer to the resource
        if operation.key.startswith("a:"):
            raise Missing([keys.last_part(operation.key)])
        if operation.key.startswith("u:") and operation.verb == "insert":
            claim = await self._partition.get(operation.key)
            if claim is None:  # given up meanwhile: whoever inserts first has it
                return operation
            if claim.values["owner"] != id:
                raise Taken(operation.values["attribute"])
            return Operation("replace", operation.key, operation.values, claim.etag)
        raise Stale

    async def _drop(
        self, type: ResourceType, id: str, index_rows: list[Operation], etag: str
    ) -> str:
        """Drop index rows and return the resource's ETag after it.

        They stay when somebody wrote the resource since, and may need them.
        """
        own = keys.resource(type.name, id)
        for step in rows.chunks(index_rows, MOST - 1):
            try:
                etags = await self._partition.transact([Operation("merge", own, {}, etag), *step])
            except Refused:
                break
            etag = etags[own]
        return etag

    async def _in_steps(self, operations: list[Operation]) -> None:
        for step in rows.chunks(operations, MOST):
            await self._partition.transact(step)


def _contended() -> Unavailable:
    return Unavailable("the store keeps changing under this request: send it again", retry_after=1)
