"""What is left of large edits of members, for the purge: which are to be done, and what is dropped.

An edit is done while its note is there: nobody but its end takes that away. A server of a version
that knows no such edits drops the group's `pending` when it writes the group, or deletes it; rows
that were backed up at different moments may lack it, too. So what a group's row does not say is no
reason to drop an edit: it is said again.
"""

from contextlib import suppress

from scim import ids
from scim.repository import Change
from scim.unfinished import Work
from storage import keys, rows
from storage.client import Operation, Partition, Refused
from storage.purging import drop, written

_TRIES = 10


async def works(partition: Partition) -> list[Work]:
    """List the edits that are pending, and those of which only rows are left.

    These are there since they were done, by the store's clock: whoever did it may have taken hours.
    """
    found: dict[tuple[str, str, str], tuple[str, bool]] = {}
    columns = ("RowKey", "done", "Timestamp")
    for row in await partition.range(*keys.below(keys.EDITS), select=columns):
        _, type, group, edit, *number = row.key.split(":")
        if number:
            # Without a note it was never begun.
            found.setdefault((type, group, edit), (edit, True))
        elif done := row.values.get("done"):
            at = written(row)
            found[type, group, edit] = (ids.first_id(at) if at is not None else str(done), True)
        else:
            found[type, group, edit] = (edit, False)
    return [
        Work(type, group, since, edit, ended)
        for (type, group, edit), (since, ended) in found.items()
    ]


async def is_left(partition: Partition, work: Work, change: Change) -> bool:
    """Tell whether an edit is to be done, and its group waits for it; else drop what is dead."""
    own, note = keys.resource(work.type, work.id), keys.pending(work.type, work.id, work.edit)
    if work.done:
        await _clear(partition, own, note, work.edit)
        return False
    for _ in range(_TRIES):
        found = await partition.get(own, select=rows.GROUP)
        if found is None:
            await _leave(partition, work, note, change)
            return False
        named = rows.mark(found)
        if named == work.edit:
            return True
        if rows.waits(named):
            return False  # that one is first
        again = Operation("merge", own, {"pending": work.edit}, found.etag)
        try:
            await partition.transact([Operation("merge", note), again])
        except Refused as refused:
            if refused.operation.key == note:
                return False  # somebody else has done it
        else:
            return True
    return False


async def _clear(partition: Partition, own: str, note: str, edit: str) -> None:
    """Have a group forget an edit that is done; drop rows that nobody waits for."""
    found = await partition.get(own, select=rows.GROUP)
    gone = Operation("delete", note, lenient=True)
    if found is None or rows.mark(found) != edit:
        await partition.transact([gone])
        await drop(partition, *keys.below(f"{note}:"))
        return
    cleared = Operation("merge", own, {"pending": ""}, found.etag)
    with suppress(Refused):  # somebody writes the group: another time
        await partition.transact([cleared, gone])


async def _leave(partition: Partition, work: Work, note: str, change: Change) -> None:
    """Give an edit up whose group is gone; what it may have added is left to the deletion's end."""
    left = Operation("put", keys.deletion(work.type, work.id), {"change": change.id})
    with suppress(Refused):  # somebody else has
        await partition.transact([Operation("delete", note), left])
    await drop(partition, *keys.below(f"{note}:"))
