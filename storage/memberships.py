"""Membership rows, edited by their difference in transactions that a repeated request completes.

A membership is two rows, one at each end. Adding one also merges nothing into the member's anchor,
which fails when the member was deleted in between: so no row ever points to nobody. That makes
three operations for each member who is added, two for one who is removed, and two for the group's
own row and the change row.
"""

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from scim.errors import Unavailable
from scim.repository import Change, Gone, Member, MemberEdit, Missing, Stale
from scim.side_by_side import MOST_AT_ONCE, side_by_side, together
from storage import keys, rows
from storage.client import MOST, Operation, Partition, Refused, Row
from storage.reading import Reader

if TYPE_CHECKING:  # it writes memberships
    from storage.pending import Pending

_TRIES = 10
_PAUSE, _LONGEST_PAUSE = 0.01, 0.2  # seconds: at most how long it waits for who writes the group
_ROOM = MOST - 2  # beside the group's row and the change row
_AT_ONCE = 8  # transactions of one edit

# Who is to be added to a group, and who removed.
Difference = tuple[tuple[Member, ...], tuple[Member, ...]]
_NOTHING: Difference = ((), ())


def guards(ids: Collection[str]) -> list[Operation]:
    """Make a transaction fail unless all of these resources exist when it is done.

    Raises Missing for ids that no resource can have.
    """
    if nobodies := [id for id in ids if not keys.usable(id)]:
        raise Missing(nobodies)
    return [Operation("merge", keys.anchor(id)) for id in sorted(ids)]


def added(type: str, group: str, members: Sequence[Member]) -> list[Operation]:
    """Insert memberships; the members' guards are the caller's, since a row may occur only once."""
    return [operation for each in members for operation in _both("insert", type, group, each)]


def removed(type: str, group: str, members: Sequence[Member]) -> list[Operation]:
    """Delete memberships; a row that is gone already is as good as deleted."""
    return [operation for each in members for operation in _both("delete", type, group, each)]


def joined(type: str, member: str, groups: Sequence[Member], change: Change) -> list[Operation]:
    """Insert memberships of one member, who is there, in groups, which get a new version.

    Refused when a group is gone.
    """
    return [
        operation
        for each in groups
        for operation in (
            *_both("put", each.type, each.id, Member(member, type)),
            Operation("merge", keys.resource(each.type, each.id), rows.version_values(change)),
        )
    ]


class Memberships:
    """The memberships of one directory."""

    def __init__(self, partition: Partition, reader: Reader, pending: "Pending") -> None:
        self._partition = partition
        self._reader = reader
        self._pending = pending

    async def typed(self, members: Sequence[Member]) -> list[Member]:
        """Look up what each member is, once for each. Raises Missing."""
        if not members:
            return []
        distinct = {each.id: each for each in members}
        return _typed(list(distinct.values()), await self._reader.types_of(distinct))

    async def difference(self, type: str, group: str, edit: MemberEdit | None) -> Difference:
        """Find who is to be added and who removed. Raises Missing.

        One round of reads side by side; two where a long list replaces the members, because of
        those who are members already nothing more has to be read.
        """
        if edit is None:
            return _NOTHING
        wanted = {each.id: each for each in edit.add}
        if edit.replace and len(wanted) > MOST_AT_ONCE:
            there = {each.id: each for each in await self._reader.members(type, group)}
            types = await self._reader.types_of(wanted.keys() - there.keys())
        else:
            types, present = await together(
                self._reader.types_of(wanted),
                self._reader.members(type, group)
                if edit.replace
                else self._reader.contained(type, group, [*wanted, *edit.remove]),
            )
            there = {each.id: each for each in present}
        leave = there.keys() if edit.replace else edit.remove
        remove = [there[id] for id in dict.fromkeys(leave) if id in there and id not in wanted]
        new = [each for id, each in wanted.items() if id not in there]
        return tuple(_typed(new, types)), tuple(remove)

    async def edit(
        self,
        type: str,
        group: str,
        edit: MemberEdit,
        change: Change,
        *,
        version: str | None = None,
        rest: Difference | None = None,
        held: str | None = None,
    ) -> str:
        """Write what differs and return the group's version, which is new if anything did.

        The group's row is merged whatever version it has, unless `version` must be held or all
        members are replaced: however many edits run at once, none is lost and none waits for
        another. `rest` continues a change whose row is written already, and has the ETag `held`,
        with what is known to be left of it.
        """
        own = keys.resource(type, group)
        begun, guard, left = rest is not None, held if edit.replace else None, rest
        for attempt in range(_TRIES):
            # Two that replace must not both add theirs. What is begun comes to its end, though.
            exact = edit.replace and (not begun or attempt < _TRIES // 2)
            if left is None:
                read, left = await self._settled(type, group, edit, change, begun=begun)
                if not begun and version not in (None, read.values["version"]):
                    raise Stale
                if not begun and left == _NOTHING and not await self._overtakes(edit):
                    return str(read.values["version"])
                guard = read.etag if exact or (version is not None and not begun) else None
                if not begun and self._pending.is_large(left):
                    exactly = guard is not None
                    if large := await self._pending.begin(
                        type, group, left, change, read, exact=exactly
                    ):
                        return await self._pending.carry_out(type, group, large, change)
                    left = None
                    pause = min(_PAUSE * 2**attempt, _LONGEST_PAUSE)
                    await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - not a secret
                    continue
            try:
                while not begun or left != _NOTHING:
                    if begun and not exact:
                        await self._side_by_side(type, group, left)
                        break
                    head = [] if begun else [rows.change_row(type, group, change)]
                    # Only the first: a later one might come behind somebody else's version.
                    values = {} if begun else rows.version_values(change)
                    head += [Operation("merge", own, values, guard)]
                    step, after = _step(type, group, left)
                    etags = await self._partition.transact([*head, *step])
                    begun, guard, left = True, etags[own] if exact else None, after
            except Refused as refused:
                key, why = refused.operation.key, refused.reason
                if key == own and why == "missing":
                    raise Gone from refused
                if key == own and version is not None and not begun:
                    raise Stale from refused
                # A row came or went in between, or all of it was done before: look again.
                begun, left = begun or key == keys.change(change.id), None
            else:
                return change.id
        raise Unavailable(
            "the group is being written by too many requests: try again", retry_after=1
        )

    async def _side_by_side(self, type: str, group: str, left: Difference) -> None:
        """Write what is left of an edit, whatever version the group has, and leave it that.

        No step needs another.
        """
        own = Operation("merge", keys.resource(type, group))
        add, remove = left

        async def some(part: tuple[slice, slice]) -> None:
            operations, _ = _step(type, group, (add[part[0]], remove[part[1]]))
            await self._partition.transact([own, *operations])

        parts = [(each, slice(0)) for each in _slices(len(add), _ROOM // 3)]
        parts += [(slice(0), each) for each in _slices(len(remove), _ROOM // 2)]
        await side_by_side(lambda place: some(parts[place]), range(len(parts)), most=_AT_ONCE)

    async def _settled(
        self, type: str, group: str, edit: MemberEdit, change: Change, *, begun: bool
    ) -> tuple[Row, Difference]:
        """Look when no large edit is pending any more. Raises Gone, Missing, Unavailable.

        The group's row is read beside its members: the first look after a large edit may have
        seen members from before it. What differs is compared by the store, what does not is not.
        """
        pending, known = self._pending, ""
        every = len({*(each.id for each in edit.add), *edit.remove})
        load = self._partition.meter.load
        while True:
            held = load.held
            read, left = await self._look(type, group, edit, begun=begun)
            mark = rows.mark(read)
            if rows.waits(mark):
                if mark == known:  # it is not there, which only a hand can do
                    raise Unavailable(
                        "a large edit of the members is missing: repair the directory",
                        retry_after=60,
                    )
                await pending.help(type, group, mark, change)
            elif mark == known or edit.replace or sum(map(len, left)) == every:
                return read, left
            known = mark
            load.free(load.held - held)

    async def _look(
        self, type: str, group: str, edit: MemberEdit, *, begun: bool
    ) -> tuple[Row, Difference]:
        """Read a group's version and what an edit would change. Raises Gone, Missing.

        Once it has begun, a member who was deleted since is one who would have left by now.
        """
        own = keys.resource(type, group)
        while True:
            row = self._partition.get(own, select=rows.GROUP)
            try:
                if edit.replace:  # in this order: a guard holds what was read after it
                    read, left = await row, await self.difference(type, group, edit)
                else:
                    read, left = await together(row, self.difference(type, group, edit))
            except Missing as missing:
                if not begun:
                    raise
                there = tuple(each for each in edit.add if each.id not in missing.ids)
                edit = MemberEdit(there, edit.remove, edit.replace)
            else:
                if read is None:
                    raise Gone
                return read, left

    async def _overtakes(self, edit: MemberEdit) -> bool:
        """Tell whether an edit that finds nobody to remove may be about who is yet to come back.

        What a broken-off revival brings back later is not put into groups that were written since.
        """
        leaves = edit.replace or bool(edit.remove)
        return leaves and await self._reader.reviving()


def _step(type: str, group: str, left: Difference) -> tuple[list[Operation], Difference]:
    """Take as much of a difference as fits one transaction; second: what is left then."""
    add, remove = left
    some = add[: _ROOM // 3]
    few = remove[: (_ROOM - 3 * len(some)) // 2]
    operations = [
        *added(type, group, some),
        *removed(type, group, few),
        *guards([each.id for each in some]),
    ]
    return operations, (add[len(some) :], remove[len(few) :])


def _slices(length: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, length, size)]


def _typed(members: Sequence[Member], types: Mapping[str, str]) -> list[Member]:
    """Give members their types. Raises Missing."""
    missing = [each.id for each in members if each.id not in types]
    if missing:
        raise Missing(missing)
    return [Member(each.id, types[each.id], each.display) for each in members]


def _both(
    verb: Literal["insert", "put", "delete"], type: str, group: str, member: Member
) -> tuple[Operation, Operation]:
    """Write a membership at both ends."""
    lenient = verb == "delete"
    forward = {} if lenient else rows.member_values(member)
    inverse = {} if lenient else {"type": type}
    return (
        Operation(verb, keys.member(type, group, member.id), forward, lenient=lenient),
        Operation(verb, keys.group(member.type, member.id, group), inverse, lenient=lenient),
    )
