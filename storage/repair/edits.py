"""What can be wrong with a large edit of a group's members (`storage/pending.py`).

A group's row and the note name the same edit, or neither does: one transaction writes both. An
older server, or rows that were backed up at different moments, may part them: then the note is
right. One that only waits to be done, itself or after another one, is left to the purge.
"""

import asyncio

from scim.errors import Unavailable
from storage import keys, rows
from storage.client import Operation, Row
from storage.pending_parts import read
from storage.repair.looking import Looking, Wrong, drop, keep, wrong

_NOTE = ("RowKey", "done", "Timestamp")


class Edits(Looking):
    """Looking at rows of the kind p, and at groups that wait for them."""

    async def edit(self, key: str) -> list[Wrong]:
        """Look at an edit, by the key of its note, which may be gone."""
        _, name, group, edit = key.split(":")
        own, note, parts = await asyncio.gather(
            self.partition.get(keys.resource(name, group), select=rows.GROUP),
            self.partition.get(key, select=_NOTE),
            self.partition.range(*keys.below(f"{key}:")),
        )
        one = (name, group)
        if note is None:
            drops = [drop(each) for each in parts]
            return [wrong("edit-parts", key, one, drops, seen=parts)] if parts else []
        if note.values.get("done"):
            return []
        if own is None:
            drops = [drop(each) for each in (note, *parts)]
            return [wrong("edit-orphaned", key, one, drops, seen=[note])]
        named = rows.mark(own)
        if named != edit and rows.waits(named):
            return []
        if named != edit:
            again = Operation("merge", own.key, {"pending": edit}, own.etag)
            return [wrong("edit-forgotten", key, one, [keep(key), again], seen=[note])]
        damaged = [each for each in parts if not _is_readable(each)]
        drops = [drop(each) for each in damaged]
        return [wrong("edit-damaged", key, one, drops, seen=damaged)] if damaged else []

    async def waiting(self, key: str, row: Row) -> list[Wrong]:
        """Look whether the edit that a group waits for is there."""
        _, name, group = key.split(":")
        edit = rows.mark(row)
        if not rows.waits(edit):
            return []
        note = keys.pending(name, group, edit)
        if keys.usable(edit) and await self.partition.get(note, select=("RowKey",)):
            return []
        waits_no_more = Operation("merge", key, {"pending": ""}, row.etag)
        return [wrong("edit-lost", key, (name, group), [waits_no_more])]


def _is_readable(part: Row) -> bool:
    try:
        read(part)
    except Unavailable:
        return False
    return True
