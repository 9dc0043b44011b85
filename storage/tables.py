"""The product's store: a directory is a partition of a table, a write one transaction in it.

A write begins with inserting its change row. A transaction whose answer was lost is sent again; the
change row is then there already, which tells that the first was done.

What outgrows a transaction (100 operations) is done in steps that a repeated request completes:
index rows are added before the resource and dropped after it (one too many is harmless, because
what it leads to is checked again); memberships are added after a group and removed after it.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace

from scim.errors import Unavailable
from scim.keys import moves
from scim.repository import (
    Change,
    Gone,
    Member,
    MemberEdit,
    Missing,
    Stale,
    Stored,
    Taken,
)
from scim.schema import Resource, ResourceType
from scim.side_by_side import together
from scim.tombstones import Tombstone
from storage import beginnings, keys, parts, rows, tombstones
from storage.client import MOST, Operation, Partition
from storage.deleting import Deleting
from storage.journal import Journal
from storage.memberships import Memberships, added, guards, joined, removed
from storage.pending import Pending
from storage.purging import Purging
from storage.reviving import Due, Reviving


class TablesRepository(Reviving, Deleting, Journal, Purging):
    """One directory's resources in Table Storage."""

    def __init__(self, partition: Partition, pending: Pending | None = None) -> None:
        super().__init__(partition)
        self._pending = pending or Pending(partition)
        self._memberships = Memberships(partition, self, self._pending)

    async def create(
        self,
        type: ResourceType,
        resource: Resource,
        change: Change,
        *,
        members: Sequence[Member] = (),
        refers: Collection[str] = (),
        revives: Tombstone | None = None,
    ) -> Stored:
        try:
            return await self._create(type, resource, change, members, refers, revives)
        except Taken:
            # By itself, where the same request was broken off?
            id = await beginnings.go_on(
                self._partition, self._memberships, type, resource, members, change
            )
            begun = await self.get(type, id, members=True) if id is not None else None
            if begun is None:
                raise
            return begun

    async def _create(
        self,
        type: ResourceType,
        resource: Resource,
        change: Change,
        members: Sequence[Member],
        refers: Collection[str],
        revives: Tombstone | None,
    ) -> Stored:
        id = resource["id"]
        typed, due = await self._memberships.typed(members), Due((), (), frozenset())
        named = {*refers, *(each.id for each in typed)}
        if revives is not None:
            due, _ = await together(
                self.returning(revives, typed), self.end(type.name, revives, change)
            )
            back = {each.id for each in due.members}
            typed = [each for each in typed if each.id not in back]
        keyed = moves(None, resource, type)
        rows.check_room(len(keyed.claim), len(refers) + 2 * (revives is not None))
        operations = [
            rows.change_row(type.name, id, change),
            Operation(
                "insert", keys.resource(type.name, id), rows.resource_values(type, resource, change)
            ),
            Operation("insert", keys.anchor(id), {"type": type.name}),
            *(parts.claim(type, key, id) for key in parts.ordered(keyed.claim)),
        ]
        index_rows = [parts.index(type, key, id) for key in parts.ordered(keyed.index)]
        used = tombstones.begun(type, revives, change.id, 0) if revives is not None else []
        beside = len(operations) + len(index_rows) + len(refers) + len(used) > MOST
        operations += [] if beside else index_rows
        room = MOST - len(operations) - len(refers) - 3 * (len(typed) + due.alive)
        if revives is not None and tombstones.fits_a_row(revives):
            removal = tombstones.removal(type, revives)
            used = removal if not beside and len(removal) <= room else used
        room = (MOST - len(operations) - len(used) - len(refers)) // 3
        now, later = typed[:room], tuple(typed[room:])
        soon, late = due.split(room - len(now))
        if revives is not None and used[0].verb == "merge":
            used = tombstones.begun(type, revives, change.id, len(late))
        now += soon.only().members
        operations[1] = beginnings.marked(operations[1], resource, members if later else ())
        operations += [
            *used,
            *added(type.name, id, now),
            *joined(type.name, id, soon.only().groups, change),
            *guards({*refers, *(each.id for each in now)}),
        ]
        try:
            await self._in_steps(index_rows if beside else [])
            etag = await self._commit(type, id, change, operations)
            if later:
                await beginnings.complete(
                    self._partition, self._memberships, type, id, later, change
                )
            if revives is not None and len(late):
                await self.carry_on(type, revives, change, late)
            if later or late.members:
                etag = await self._etag(keys.resource(type.name, id), change)
        except (Taken, Missing) as error:
            if revives is None and beside:  # else the rows may be another revival's
                await self._in_steps([parts.unindex(type, key, id) for key in keyed.index])
            if isinstance(error, Missing) and not named.issuperset(error.ids):
                raise Stale from error  # a member who was to come back is gone
            raise
        except Unavailable:
            if later or len(late):
                await self._undo(type, id, change, revives)
            raise
        if revives is not None and used[0].verb == "merge":
            with suppress(Unavailable):  # it is purged as well
                await self.used_up(type, id)
        done = tuple(sorted((*typed, *due.only().members), key=lambda each: each.id))
        return Stored(resource, change.id, etag, done, due.only().groups if revives else None)

    async def _undo(
        self, type: ResourceType, id: str, change: Change, revives: Tombstone | None
    ) -> None:
        """Delete what was created with a part of its memberships, if the store lets us.

        Who sends the request again would be told that it exists. A tombstone is one again.
        """
        with suppress(Unavailable, Stale, Gone):
            half = await self.get(type, id, members=True, member_of=True)
            if half is not None:
                # A change of its own: the row of the first one is there already.
                undo = replace(change, id=f"{change.id}-undo", verb="delete", attributes=())
                again = revives
                if revives is not None:
                    kept = await self.tombstone(type, id)  # gone, if it was purged meanwhile
                    guard = kept.guard if kept is not None else ""
                    again = replace(revives, change=undo.id, guard=guard)
                await self.delete(type, half, undo, keep=again)

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
        if edit is not None:
            await self._pending.settle(type.name, before, change)
        row = rows.resource_values(type, resource, change)
        add, remove = await self._memberships.difference(type.name, id, edit)
        large = self._pending.is_large((add, remove))
        if pending := change.id if large else before.pending:
            row["pending"] = pending
        keyed = moves(before.resource, resource, type)
        rows.check_room(len(keyed.claim) + len(keyed.unclaim), len(refers))
        operations = [
            rows.change_row(type.name, id, change),
            Operation("replace", keys.resource(type.name, id), row, before.guard),
            *(parts.claim(type, key, id) for key in parts.ordered(keyed.claim)),
            *(parts.unclaim(type, key) for key in parts.ordered(keyed.unclaim)),
        ]
        index_rows = [parts.index(type, key, id) for key in parts.ordered(keyed.index)]
        dropped = [parts.unindex(type, key, id) for key in parts.ordered(keyed.unindex)]
        beside = len(operations) + len(index_rows) + len(dropped) + len(refers) + large > MOST
        operations += [] if beside else [*index_rows, *dropped]
        room = MOST - len(operations) - len(refers)
        now = add[: 0 if large else room // 3]
        gone = remove[: 0 if large else (room - 3 * len(now)) // 2]
        operations += added(type.name, id, now)
        operations += removed(type.name, id, gone)
        operations += guards({*refers, *(each.id for each in now)})
        rest = (add[len(now) :], remove[len(gone) :])
        if large:
            operations += await self._pending.write_down(type.name, id, change.id, rest, room)
        await self._in_steps(index_rows if beside else [])
        try:
            etag = await self._commit(type, id, change, operations)
        except (Gone, Missing, Stale, Taken):
            if large:
                await self._pending.drop(type.name, id, change.id)
            raise
        if beside:
            etag = await self._drop(type, id, dropped, etag)
        if large:
            version = await self._pending.carry_out(type.name, id, change.id, change)
            change = replace(change, id=version)
            etag = await self._etag(keys.resource(type.name, id), change)
        elif edit is not None and any(rest):
            await self._memberships.edit(type.name, id, edit, change, rest=rest, held=etag)
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

    async def remember(self, name: str, value: str) -> None:
        bookmark = Operation("put", keys.bookmark(name), rows.pieces(value))
        await self._partition.transact([bookmark])
