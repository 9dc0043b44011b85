"""How a resource is deleted: what goes in one transaction, what before it and after it.

A tombstone says in which groups somebody is when all that is pending is done: a part of an edit
(`storage/pending.py`) that comes later leaves out who is gone, and takes nobody out of a tombstone.
"""

from collections.abc import Sequence
from dataclasses import replace

from scim.repository import Change, Key, Stale, Stored
from scim.schema import ResourceType
from scim.side_by_side import together
from scim.tombstones import Tombstone
from storage import keys, leaving, parts, rows, tombstones
from storage.client import MOST, Operation, Refused
from storage.committing import Committing
from storage.leaving import Leaving
from storage.pending_parts import foreseen
from storage.tombstones import Tombstones


class Deleting(Committing, Leaving, Tombstones):
    """The part of the repository that deletes resources."""

    async def delete(
        self,
        type: ResourceType,
        before: Stored,
        change: Change,
        *,
        mark: str | None = None,
        watched: Sequence[tuple[ResourceType, Key]] = (),
        keep: Tombstone | None = None,
        edited: bool = True,
    ) -> list[list[Stored]]:
        id, begun = before.id, False
        await self._pending.settle(type.name, before, change)
        if keep is not None:
            keep = await self._foreseen(type, before, keep) if edited else keep
            await self.bury_parts(type, keep)
        grave = tombstones.burial(type, keep) if keep is not None else []
        operations, later = parts.deletion(type, before, change, mark)
        if len(operations) + len(grave) >= MOST:
            before, begun = await self._mark_deleted(type, before, change, grave), True
            operations, grave = parts.deletion(type, before, change, mark)[0][1:], []
        operations += grave
        steps = leaving.ends(type.name, before, change, MOST - 1 - len(operations))
        left = steps is None or mark is None
        operations += [*(steps or ()), *([leaving.note(type.name, id, change)] if left else ())]
        if begun:
            await self._delete_marked(type, id, operations)
        else:
            await self._commit(type, id, change, operations)
        await self._in_steps(later)
        if left:
            await self.leave(type.name, id, change)
        if mark is not None:
            return [[] for _ in watched]
        # Who came to refer to it after that was read and before the anchor went.
        return list(await together(*(self.find(other, key) for other, key in watched)))

    async def _foreseen(self, type: ResourceType, before: Stored, keep: Tombstone) -> Tombstone:
        """Say in which groups somebody is when all that is pending is done.

        First what is pending, then the groups: what is done in between is in these.
        """
        coming = await foreseen(self._partition, before.id)
        then = {each.id for each in before.member_of or ()}
        groups = {each.id: each for each in keep.member_of if each.id not in then}
        groups |= {each.id: each for each in await self.member_of(type.name, before.id)}
        for group, joins in coming.items():
            if joins:
                groups[group.id] = group
            else:
                groups.pop(group.id, None)
        return replace(keep, member_of=tuple(groups[id] for id in sorted(groups)))

    async def _mark_deleted(
        self, type: ResourceType, before: Stored, change: Change, grave: list[Operation]
    ) -> Stored:
        """Bury a resource that lives on until the next transaction: one has no room for both."""
        own = keys.resource(type.name, before.id)
        touch = Operation("merge", own, rows.version_values(change), before.guard)
        entry = rows.change_row(type.name, before.id, change)
        return replace(
            before, guard=await self._commit(type, before.id, change, [entry, touch, *grave])
        )

    async def _delete_marked(
        self, type: ResourceType, id: str, operations: list[Operation]
    ) -> None:
        try:
            await self._partition.transact(operations)
        except Refused as error:
            if await self.get(type, id) is not None:
                raise Stale from error  # else it was done, and the answer was lost
