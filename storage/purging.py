"""Deleting many rows of a directory: what is old of it, or all of it.

Step after step, never side by side: a partition serves about 2,000 rows a second, and live requests
need them. A row that is gone already is as good as deleted, so any of it can be done again.
"""

from collections.abc import Callable
from datetime import datetime

from storage import keys
from storage.client import MOST, Operation, Partition
from storage.odata import older
from storage.rows import chunks


class Purging:
    """The part of the repository that deletes what is no longer needed."""

    _partition: Partition

    async def purge_journal(self, before: str) -> int:
        first, _ = keys.below(keys.change(""))
        return await drop(self._partition, first, keys.change(before))

    async def purge_bookmarks(self, before: datetime) -> int:
        return await drop(self._partition, *keys.below("w:"), where=older(before))

    async def clear(self, progress: Callable[[int, int], None]) -> None:
        await drop(self._partition, "", "~", progress=progress)


async def drop(
    partition: Partition,
    after: str,
    before: str,
    *,
    where: str = "",
    progress: Callable[[int, int], None] = lambda _done, _found: None,
) -> int:
    """Delete the rows with `after` < key < `before`; how many were there."""
    done = found = 0
    async for page in partition.pages(after, before, where=where, select=("RowKey",)):
        found += len(page)
        drops = [Operation("delete", row.key, lenient=True) for row in page]
        for step in chunks(drops, MOST):
            await partition.transact(step)
            done += len(step)
            progress(done, found)
    return done
