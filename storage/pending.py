"""Large edits of a group's members: written down in one transaction, then done by whoever comes by.

Parts of an edit, each as much as one transaction writes, are rows `p:…:{edit}:{n}`. One transaction
begins the edit: the change row, the group's new version with the edit's id in `pending`, the note
`p:…:{edit}`. From then on it has happened. Each part is done with the deletion of its row; the last
transaction takes the note away and marks the group's row as done, for the purge to clear.

Why nothing is lost, done twice or brought back, wherever a process ends and whoever else is at it:

- `pending` names an edit if and only if its note is there: two transactions write both, each once,
  because the first holds the group's ETag and the second deletes the note. So one edit at a time is
  pending in a group. Who renames the group holds its ETag, too, and keeps the column. Where a
  server of an older version did not, the note is right (`pending_work.py`).
- The last transaction holds the group's ETag, too, for a version that comes after the one that is
  there: whoever holds the edit's own has not seen what another has written since.
- A part deletes its row and asks for the note: of two helpers one is refused (and looks what is
  left), and so is a transaction that is sent again, or comes so late that another edit has begun.
- What is asked later (an edit, a replacement, a deletion of the group) reads `pending` with the
  group's row, completes that edit first and looks again. An edit that is half way when another one
  begins was under way at the same time: whichever is last at a member wins, as ever.
- Reads beside that of the group's row may be from before the last part, though the row says `done`:
  who finds that something is so already looks once more (`Memberships`), who reads all members
  reads them behind the row (`Reader.get`). No request lasts until the purge clears the mark.
- A part puts rows, so one that is there is no obstacle; it merges the anchors of whom it adds, so
  who was deleted since is left out, and who is being deleted is decided again. A tombstone has the
  groups that the parts say, so who is revived is where they put him (`Deleting`). A group that is
  deleted has no pending edit, so one that comes back under its id meets none.
- Parts without a note were never begun; the purge drops them when no request can be at it.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from scim.deadlines import EDIT, HELP
from scim.errors import Unavailable
from scim.repository import Change, Gone, Stale, Stored
from scim.side_by_side import side_by_side
from scim.unfinished import Work
from storage import keys, rows
from storage.client import MOST, Operation, Partition, Refused, Row
from storage.committing import contended
from storage.memberships import Difference, added, guards, removed
from storage.pending_parts import cut, packed, read
from storage.pending_work import is_left, works
from storage.purging import drop

_LEAST = 5.0  # seconds that a request takes in any case, however long it has been at other things
LARGE = 1000  # memberships that differ: up to so many, an edit is done by its request alone
_AT_ONCE = 8  # transactions
_TRIES = 10
_PAUSE = 0.02  # seconds, more for each try: at most how long it waits for who writes the group


class Pending:
    """The large edits of one directory, for one request.

    `own` and `others`: until how many seconds after its begin the request does its own edit, and an
    earlier one.
    """

    def __init__(
        self, partition: Partition, *, large: int = LARGE, own: float = EDIT, others: float = HELP
    ) -> None:
        self._partition = partition
        self._large, self._own, self._others = large, own, others
        self._since = time.monotonic()

    def is_large(self, left: Difference) -> bool:
        return sum(map(len, left)) > self._large

    async def begin(
        self, type: str, group: str, left: Difference, change: Change, read: Row, *, exact: bool
    ) -> str:
        """Write an edit down, and give its id; none when it is to be decided again.

        `read` is the group's row as it was beside the difference; `exact` if nobody may have
        written it since. Raises Gone, TooLarge.
        """
        # Another one for each time that it is tried: no parts of two are ever mixed.
        edit = f"{change.id}-{random.getrandbits(32):08x}"
        entry, own = rows.change_row(type, group, change), keys.resource(type, group)
        values = {**rows.version_values(change), "pending": edit}
        noted = await self.write_down(type, group, edit, left, MOST - 2)
        found: Row | None = read
        for _ in range(_TRIES):
            if found is None:
                raise Gone
            if rows.mark(found) != rows.mark(read) or (exact and found is not read):
                break
            begun = Operation("merge", own, values, found.etag)
            try:
                await self._partition.transact([entry, begun, *noted])
            except Refused as refused:
                if refused.operation.key == entry.key:
                    return edit  # it was done before, and its answer was lost
                found = await self._partition.get(own, select=rows.GROUP)
            else:
                return edit
        await self.drop(type, group, edit)
        return ""

    async def write_down(
        self, type: str, group: str, edit: str, left: Difference, room: int
    ) -> list[Operation]:
        """Write parts, and give what begins the edit: the note, and the parts if there is room."""
        parts = [
            Operation("put", keys.pending_part(type, group, edit, number), rows.pieces(text))
            for number, text in enumerate(cut(left))
        ]
        note = Operation("insert", keys.pending(type, group, edit))
        steps = list(packed(parts))
        if len(steps) == 1 and len(parts) < room:
            return [note, *parts]
        await side_by_side(
            lambda place: self._partition.transact(steps[place]), range(len(steps)), most=_AT_ONCE
        )
        return [note]

    async def drop(self, type: str, group: str, edit: str) -> None:
        """Drop the parts of an edit that was not begun; if the store does not, the purge does."""
        with suppress(Unavailable):
            await drop(self._partition, *keys.below(f"{keys.pending(type, group, edit)}:"))

    async def carry_out(self, type: str, group: str, edit: str, change: Change) -> str:
        """Do a begun edit for as long as a request has time, or the store serves it.

        Gives the group's version, which is another one if somebody wrote the group since: whoever
        holds what is given has not seen that.
        """
        with suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(self._left(self._own)):
                await self._do(type, group, edit, change)  # or somebody else has
                return _ended(edit)
        return change.id

    async def help(self, type: str, group: str, edit: str, change: Change) -> None:
        """Complete an edit that was begun before. Raises Unavailable."""
        try:
            async with asyncio.timeout(self._left(self._others)):
                await self._do(type, group, edit, change)
        except TimeoutError:
            raise Unavailable(
                "an earlier, large edit of the members is still being done: send this again",
                retry_after=5,
            ) from None

    def _left(self, seconds: float) -> float:
        """Count from the begin of the request, whose reads are part of its time."""
        return max(seconds - (time.monotonic() - self._since), min(seconds, _LEAST))

    async def settle(self, type: str, before: Stored, change: Change) -> None:
        """Complete what was pending when a group was read, which it was too early then.

        Raises Stale, Unavailable.
        """
        if rows.waits(before.pending):
            await self.help(type, before.id, before.pending, change)
            raise Stale

    async def works(self) -> list[Work]:
        """List the edits that are pending, and those of which only rows are left."""
        return await works(self._partition)

    async def finish(self, work: Work, change: Change) -> bool:
        """Complete an edit, or drop what is left of one; True if it was completed."""
        if not await is_left(self._partition, work, change):
            return False
        entry = replace(rows.change_row(work.type, work.id, change), verb="put")
        return await self._do(work.type, work.id, work.edit, change, entry)

    async def _do(
        self, type: str, group: str, edit: str, change: Change, *entries: Operation
    ) -> bool:
        """Do what is left of an edit, and end it; False when somebody else has."""
        note, left = keys.pending(type, group, edit), True
        try:
            while left:
                left = False
                async for page in self._partition.pages(*keys.below(f"{note}:"), any_order=True):
                    left = left or bool(page)
                    await self._some(type, group, note, page)
        except Refused:
            return False
        return await self._end(type, group, edit, change, entries)

    async def _end(
        self, type: str, group: str, edit: str, change: Change, entries: Sequence[Operation]
    ) -> bool:
        """Take the note away; the group's version is then behind whatever it was, never before."""
        own, last = keys.resource(type, group), _ended(edit)
        for attempt in range(_TRIES):
            await asyncio.sleep(random.uniform(0, _PAUSE * attempt))  # noqa: S311 - not a secret
            found = await self._partition.get(own, select=(*rows.GROUP, "modified"))
            if found is None or rows.mark(found) not in (edit, ""):
                return False
            values = {
                "version": f"{found.values['version']}{keys.ENDED}",
                "modified": max(str(found.values["modified"]), change.at),
                "pending": last,
            }
            ends = [
                Operation("delete", keys.pending(type, group, edit)),
                *entries,
                Operation("put", keys.pending(type, group, last), {"done": change.id}),
                Operation("merge", own, values, found.etag),
            ]
            try:
                await self._partition.transact(ends)
            except Refused as refused:
                if refused.operation.key != own:
                    return False
            else:
                return True
        raise contended()

    async def _some(self, type: str, group: str, note: str, parts: Sequence[Row]) -> None:
        """Do parts, several side by side, until one is met that somebody else has done.

        Then it is time to see what is left. The order is our own, so that this is rarely soon.
        """
        order, met = random.sample(parts, len(parts)), False

        async def one(place: int) -> None:
            nonlocal met
            if not met:
                met = not await self._part(type, group, note, order[place])

        await side_by_side(one, range(len(order)), most=_AT_ONCE)

    async def _part(self, type: str, group: str, note: str, part: Row) -> bool:
        """Do a part; False if somebody else has. Raises Refused when the edit has ended."""
        add, remove = read(part)
        while True:
            puts = [replace(each, verb="put") for each in added(type, group, add)]
            anchors = guards([each.id for each in add])
            once = [Operation("delete", part.key), Operation("merge", note)]
            try:
                await self._partition.transact(
                    [*once, *puts, *anchors, *removed(type, group, remove)]
                )
            except Refused as refused:
                if refused.operation.key == part.key:
                    return False
                if refused.operation.key == note:
                    raise
                # Somebody was deleted since.
                wanted = [each.key for each in anchors if each.key != refused.operation.key]
                there = await self._partition.get_all(wanted, select=("RowKey",))
                add = tuple(each for each in add if keys.anchor(each.id) in there)
            else:
                return True


def _ended(edit: str) -> str:
    """Give the version that a group has when an edit is done."""
    return f"{edit.partition('-')[0]}{keys.ENDED}"
