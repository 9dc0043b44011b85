"""Deleting many rows of a directory: what is old of it, or all of it.

Step after step, never side by side: a partition serves about 2,000 rows a second, and live requests
need them. A row that is gone already is as good as deleted, so any of it can be done again.
"""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote

from storage import keys
from storage.client import MOST, Operation, Partition, Row
from storage.rows import chunks

_MARK = ("RowKey", "Timestamp")  # without its time, Azurite gives no ETag of a row


class Purging:
    """The part of the repository that deletes what is no longer needed."""

    _partition: Partition

    async def purge_journal(self, before: str) -> int:
        first, _ = keys.below(keys.change(""))
        return await drop(self._partition, first, keys.change(before))

    async def purge_bookmarks(self, before: datetime) -> int:
        # Not by a filter: on Cosmos DB, no row passes a comparison of `Timestamp`.
        def is_older(row: Row) -> bool:
            since = written(row)
            return since is not None and since < before

        return await drop(self._partition, *keys.below("w:"), only=is_older)

    async def clear(self, progress: Callable[[int, int], None]) -> None:
        await drop(self._partition, "", "~", progress=progress)


async def drop(
    partition: Partition,
    after: str,
    before: str,
    *,
    where: str = "",
    only: Callable[[Row], bool] = lambda _row: True,
    progress: Callable[[int, int], None] = lambda _done, _found: None,
) -> int:
    """Delete the rows with `after` < key < `before`; how many were there."""
    done = found = 0
    async for page in partition.pages(after, before, where=where, select=_MARK, any_order=True):
        drops = [Operation("delete", row.key, lenient=True) for row in page if only(row)]
        found += len(drops)
        for step in chunks(drops, MOST):
            await partition.transact(step)
            done += len(step)
            progress(done, found)
    return done


def written(row: Row) -> datetime | None:
    """Read from a row's ETag when it was last written: `W/"datetime'2026-03-04T05%3A06%3A07.8Z'"`.

    So the services write it; None when it is written in another way.
    """
    _, _, rest = unquote(row.etag).partition("'")
    try:
        return datetime.fromisoformat(rest.partition("'")[0])
    except ValueError:
        return None
