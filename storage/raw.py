"""All rows of a partition as they are: what a backup reads and writes.

Rows come page by page in the order of their keys; reading and writing take a partition's share of
the account, so pages are read one after the other, and few transactions are under way at once.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Collection, Coroutine, Mapping, Sequence
from typing import Any

from azure.core.exceptions import HttpResponseError

from scim.backup.ports import Damaged, Occupied, Row, Value
from storage.client import MOST, Operation, Partition, Refused
from storage.client import Row as Read
from storage.rows import chunks

# In a transaction: Table Storage takes 4 MiB, Cosmos DB 2 MB, what is around the rows included.
_BYTES = 1_900_000
_AT_ONCE = 4  # transactions: a partition takes 2,000 rows a second
_END = "~"  # after every key
_SYSTEM = frozenset({"PartitionKey", "RowKey", "Timestamp"})


class RawRows:
    """The rows of one directory in Table Storage."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._foreign: set[str] = set()

    @property
    def foreign(self) -> Collection[str]:
        return self._foreign

    async def read(
        self, after: str = "", *, marks: bool = False
    ) -> AsyncGenerator[Sequence[Row], None]:
        # Without `Timestamp`, Azurite gives no ETag.
        select = ("RowKey", "Timestamp") if marks else None
        async for page in self._partition.pages(after, _END, select=select):
            found = [self._row(each, marks=marks) for each in page]
            yield [each for each in found if each is not None]

    async def get(self, keys: Sequence[str]) -> Mapping[str, Row]:
        found = await self._partition.get_all(keys)
        read = {key: self._row(each) for key, each in found.items()}
        return {key: each for key, each in read.items() if each is not None}

    async def insert(self, rows: Sequence[Row]) -> None:
        await _few_at_once([self._insert(each) for each in _steps(rows)])

    async def between(self, after: str, upto: str) -> Mapping[str, Row]:
        # Nothing in a key comes before a blank.
        found: dict[str, Row] = {}
        async for page in self._partition.pages(after, f"{upto} "):
            rows = (self._row(each) for each in page)
            found |= {each.key: each for each in rows if each is not None}
        return found

    async def write(self, rows: Sequence[Row], gone: Sequence[str]) -> None:
        puts = [[Operation("put", each.key, each.values or {}) for each in s] for s in _steps(rows)]
        drops = [Operation("delete", each, lenient=True) for each in gone]
        steps = [each for each in (*puts, *chunks(drops, MOST)) if each]
        await _few_at_once([self._partition.transact(each) for each in steps])

    async def _insert(self, step: list[Row]) -> None:
        """Insert what is not there yet; it is, where a restore broke off.

        Raises Occupied, Damaged.
        """
        left = step
        while left:
            try:
                await self._partition.transact(
                    [Operation("insert", each.key, each.values or {}) for each in left]
                )
            except Refused:
                there = await self.get([each.key for each in left])
                if any(
                    each.key in there and there[each.key].values != each.values for each in left
                ):
                    raise Occupied(
                        "somebody writes into the directory that is being restored: nothing of"
                        " theirs was written over; see what it is, and restore again"
                    ) from None
                left = [each for each in left if each.key not in there]
            except (HttpResponseError, TypeError, ValueError):  # not told why: it quotes the row
                raise Damaged(
                    "a row of the backup is none that the store takes: it was not written by this"
                    " program; take another backup"
                ) from None
            else:
                return

    def _row(self, row: Read, *, marks: bool = False) -> Row | None:
        """Read a row; None for one of which no row of ours has the columns."""
        if row.key in self._foreign:
            return None
        if marks:
            return Row(row.key, row.etag, {})
        values: dict[str, Value] = {}
        for name, value in row.values.items():
            if name in _SYSTEM:
                continue
            if not isinstance(value, str | bool | int | float):
                self._foreign.add(row.key)
                return None
            values[name] = value
        return Row(row.key, row.etag, values)


async def _few_at_once(transactions: Sequence[Coroutine[Any, Any, object]]) -> None:
    """Do transactions, few side by side; when one fails, none is under way any more."""
    waiting = list(transactions)
    try:
        while waiting:
            some, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            for failed in await asyncio.gather(*some, return_exceptions=True):
                if isinstance(failed, BaseException):
                    raise failed
    finally:
        for each in waiting:
            each.close()


def _steps(rows: Sequence[Row]) -> list[list[Row]]:
    """Cut rows into transactions."""
    steps: list[list[Row]] = [[]]
    size = 0
    for row in rows:
        own = len(json.dumps([row.key, dict(row.values or {})]))
        if steps[-1] and (len(steps[-1]) == MOST or size + own > _BYTES):
            steps.append([])
            size = 0
        steps[-1].append(row)
        size += own
    return steps
