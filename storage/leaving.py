"""How memberships go with the resource that is deleted: in its transaction, or after it.

What has no room there is removed afterwards, in steps that are done side by side. A row `s:` is
written with the deletion and is the last to go: so whoever finds it goes on, also beside others.
Each step asks that it is there: none of an older deletion takes anything away from a resource that
was revived since, because a revival begins with ending the deletion.

From the deletion's transaction on the resource is gone, and nothing can begin to refer to it; for a
while, its members still list it among their groups, or its groups among their members.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from scim.deadlines import DELETION
from scim.repository import Change, Member, Stored
from scim.schema import ResourceType
from scim.side_by_side import side_by_side, together
from scim.tombstones import Tombstone
from scim.unfinished import Work
from storage import keys, rows
from storage.client import MOST, Operation, Refused
from storage.memberships import removed
from storage.pending import Pending
from storage.reading import Reader

_AT_ONCE = 8  # transactions


class Leaving(Reader):
    """The part of the repository that ends deletions, and large edits of members."""

    _pending: Pending

    async def unfinished(self) -> list[Work]:
        ends = keys.below(keys.DELETIONS)
        found, edits = await together(
            self._partition.range(*ends, select=("RowKey", "change")), self._pending.works()
        )
        works = ((row.key.split(":"), str(row.values["change"])) for row in found)
        return [*(Work(type, id, since) for (_, type, id), since in works), *edits]

    async def finish(self, work: Work, change: Change) -> bool:
        if work.edit:
            return await self._pending.finish(work, change)
        left, anchor = keys.deletion(work.type, work.id), keys.anchor(work.id)
        wanted = [left, anchor] if keys.usable(work.id) else []
        found = await self._partition.get_all(wanted, select=("RowKey",))
        if left not in found:
            return False
        if anchor in found:  # of an older life of the resource
            await self._partition.transact([Operation("delete", left, lenient=True)])
            return False
        entry = replace(rows.change_row(work.type, work.id, change), verb="put")
        await self._partition.transact([entry])
        await self._leave(work.type, work.id, change)
        return True

    async def editing(self) -> bool:
        return bool(await self._partition.range(*keys.below(keys.EDITS), select=("RowKey",)))

    async def settle(self, type: ResourceType, id: str, change: Change) -> bool:
        if not keys.usable(id):
            return False
        found = await self._partition.get(keys.resource(type.name, id), select=rows.GROUP)
        pending = rows.mark(found)
        if rows.waits(pending):
            await self._pending.help(type.name, id, pending, change)
        return bool(pending)

    async def end(self, type: str, tombstone: Tombstone, change: Change) -> None:
        """End the last deletion of a resource that is to come back."""
        if tombstone.members or tombstone.member_of:
            # Its entry has an id of its own: that of the change is for what comes back.
            last = replace(change, id=f"{change.id}-last", verb="delete", attributes=())
            await self.finish(Work(type, tombstone.id), last)

    async def leave(self, type: str, id: str, change: Change, *, seconds: float = DELETION) -> None:
        """Remove memberships for as long as a request has time; a purge does the rest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leave(type, id, change)

    async def _leave(self, type: str, id: str, change: Change) -> None:
        """Remove the memberships of a resource that is gone, then the note that there are any."""
        left = keys.deletion(type, id)
        try:
            for place, without in ((keys.member, _without_member), (keys.group, _without_group)):
                ends = keys.below(place(type, id, ""))
                pages = self._partition.pages(*ends, select=("RowKey", "type"), any_order=True)
                async for page in pages:
                    others = rows.members(page)
                    await self._all(left, [without(type, id, each, change) for each in others])
            await self._partition.transact([Operation("delete", left)])
        except Refused:
            return  # somebody else has ended it

    async def _all(self, left: str, each: Sequence[list[Operation]]) -> None:
        """Do steps, as many in a transaction as fit, several of these side by side."""
        number = (MOST - 1) // max(map(len, each), default=1)

        async def some(start: int) -> None:
            steps = each[start : start + number]
            operations = [operation for step in steps for operation in step]
            await self._partition.transact([Operation("merge", left), *operations])

        await side_by_side(some, range(0, len(each), number), most=_AT_ONCE)


def ends(type: str, resource: Stored, change: Change, room: int) -> list[Operation] | None:
    """Make what removes all memberships of a resource, both ways; None if it takes more room."""
    ours, theirs = resource.members or (), resource.member_of or ()
    if 2 * len(ours) + 3 * len(theirs) > room:
        return None
    steps = [_without_member(type, resource.id, each, change) for each in ours]
    # A group in itself is among its members.
    others = (each for each in theirs if each.id != resource.id)
    steps += [_without_group(type, resource.id, each, change) for each in others]
    return [operation for step in steps for operation in step]


def note(type: str, id: str, change: Change) -> Operation:
    """Say that a deletion has memberships left to remove."""
    return Operation("put", keys.deletion(type, id), {"change": change.id})


def _without_member(type: str, id: str, other: Member, _: Change) -> list[Operation]:
    return removed(type, id, [other])


def _without_group(type: str, id: str, other: Member, change: Change) -> list[Operation]:
    """Leave a group, which gets a new version, because what it shows changes."""
    version = rows.version_values(change)
    return [
        *removed(other.type, other.id, [Member(id, type)]),
        Operation("merge", keys.resource(other.type, other.id), version, lenient=True),
    ]
