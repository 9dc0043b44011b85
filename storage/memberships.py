"""Membership rows: edited by their difference, both ways at once, in transactions that a repeated
request completes.

A membership is two rows, one at each end. Adding one also merges nothing into the member's anchor,
which fails when the member was deleted in between: so no row ever points to nobody. That makes
three operations for each member who is added, two for one who is removed, and two for the group's
own row and the change row.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Literal

from scim.errors import Unavailable
from scim.repository import Change, Gone, Member, MemberEdit, Missing, Stale, Stored
from storage import keys, rows
from storage.client import MOST, Operation, Partition, Refused
from storage.reading import Reader

_TRIES = 10
_ROOM = MOST - 2  # beside the group's row and the change row


def guards(ids: Collection[str]) -> list[Operation]:
    """Make a transaction fail unless all of these resources exist when it is done."""
    return [Operation("merge", keys.anchor(id)) for id in sorted(ids)]


class Memberships:
    """The memberships of one directory."""

    def __init__(self, partition: Partition, reader: Reader) -> None:
        self._partition = partition
        self._reader = reader

    async def typed(self, members: Sequence[Member]) -> list[Member]:
        """Look up what each member is. Raises Missing when there is no such resource."""
        if not members:
            return []
        types = await self._reader.types_of([each.id for each in members])
        missing = [each.id for each in members if each.id not in types]
        if missing:
            raise Missing(missing)
        return [Member(each.id, types[each.id], each.display) for each in members]

    def added(self, type: str, group: str, members: Sequence[Member]) -> list[Operation]:
        """Insert memberships; the members' guards are the caller's, because a row may occur only
        once.
        """
        return [operation for each in members for operation in _both("insert", type, group, each)]

    def removed(self, type: str, group: str, members: Sequence[Member]) -> list[Operation]:
        """Delete memberships."""
        return [operation for each in members for operation in _both("delete", type, group, each)]

    async def difference(
        self, type: str, group: str, edit: MemberEdit | None
    ) -> tuple[list[Member], list[Member]]:
        """Find who is to be added and who removed. Raises Missing. One round of reads, side by
        side.
        """
        if edit is None:
            return [], []
        added = {each.id: each for each in edit.add}
        if edit.replace:
            types, present = await asyncio.gather(
                self._reader.types_of(added), self._reader.members(type, group)
            )
            there = {each.id: each for each in present}
            remove = [each for each in present if each.id not in added]
        else:
            asked = [*added, *edit.remove]
            types, there = await asyncio.gather(
                self._reader.types_of(added), self._reader.among(type, group, asked)
            )
            remove = [there[id] for id in dict.fromkeys(edit.remove) if id in there]
        new = [each for id, each in added.items() if id not in there]
        missing = [each.id for each in new if each.id not in types]
        if missing:
            raise Missing(missing)
        return [Member(each.id, types[each.id], each.display) for each in new], remove

    async def edit(
        self,
        type: str,
        group: str,
        edit: MemberEdit,
        change: Change,
        *,
        version: str | None = None,
        more: bool = False,
    ) -> str:
        """Write what differs and return the group's version, which is new if anything did.

        The group's row is merged whatever version it has, unless `version` must be held: however
        many edits run at once, none is lost and none waits for another. `more` continues a change
        whose row is written already.
        """
        key = keys.resource(type, group)
        for _ in range(_TRIES):
            own, (add, remove) = await asyncio.gather(
                self._partition.get(key, select=("version",)), self.difference(type, group, edit)
            )
            if own is None:
                raise Gone
            if version is not None and own.values["version"] != version:
                raise Stale
            if not add and not remove:
                return str(own.values["version"])
            guard = own.etag if version is not None else None
            first, whole = self._step(type, group, add, remove)
            operations = [
                *([] if more else [rows.change_row(type, group, change)]),
                Operation("merge", key, rows.version_values(change), guard),
                *first,
            ]
            try:
                await self._partition.transact(operations)
            except Refused as refused:
                if refused.operation.key == keys.change(change.id):
                    more, version = True, None  # done already: its answer was lost
                    continue
                if refused.operation.key == key:
                    raise (Gone if refused.reason == "missing" else Stale) from refused
                continue  # a row came or went in between: look again
            if whole:
                return change.id
            more, version = True, None
        raise Unavailable(
            "the group is being written by too many requests: try again", retry_after=1
        )

    def _step(
        self, type: str, group: str, add: Sequence[Member], remove: Sequence[Member]
    ) -> tuple[list[Operation], bool]:
        """Take as much of a difference as fits one transaction; tell whether that is all."""
        now = list(add[: _ROOM // 3])
        gone = list(remove[: (_ROOM - 3 * len(now)) // 2])
        operations = [
            *self.added(type, group, now),
            *self.removed(type, group, gone),
            *guards([each.id for each in now]),
        ]
        return operations, len(now) == len(add) and len(gone) == len(remove)

    async def shrink(self, type: str, id: str, before: Stored, change: Change) -> list[Operation]:
        """Remove the memberships of a resource that is about to go, but for the last few; return
        those.

        The groups that it was in get a new version, because what they show changes.
        """
        ours = before.members or ()
        theirs = before.member_of or ()
        steps = [self.removed(type, id, [each]) for each in ours]
        steps += [self._left(type, id, each, change) for each in theirs]
        room = MOST // 2
        while sum(map(len, steps)) > room:
            step: list[Operation] = []
            while steps and len(step) + len(steps[-1]) <= MOST:
                step += steps.pop()
            await self._partition.transact(step)
        return [operation for some in steps for operation in some]

    async def sweep(self, type: str, id: str, change: Change) -> None:
        """Remove memberships of a resource that is gone; mostly there are none."""
        for _ in range(_TRIES):
            ours, theirs = await asyncio.gather(
                self._reader.members(type, id),
                self._reader.member_of(type, id),
            )
            if not ours and not theirs:
                return
            for each in ours:
                await self._partition.transact(self.removed(type, id, [each]))
            for each in theirs:
                await self._partition.transact(self._left(type, id, each, change))

    def _left(self, type: str, id: str, group: Member, change: Change) -> list[Operation]:
        """Take a member out of a group: both rows, and the group's new version."""
        own = keys.resource(group.type, group.id)
        return [
            *self.removed(group.type, group.id, [Member(id, type)]),
            Operation("merge", own, rows.version_values(change), lenient=True),
        ]


def _both(
    verb: Literal["insert", "delete"], type: str, group: str, member: Member
) -> tuple[Operation, Operation]:
    """Write a membership at both ends; a row that is gone already is as good as deleted."""
    forward = {"type": member.type} | ({"display": member.display} if member.display else {})
    lenient = verb == "delete"
    return (
        Operation(verb, keys.member(type, group, member.id), forward, lenient=lenient),
        Operation(verb, keys.group(member.type, member.id, group), {"type": type}, lenient=lenient),
    )
