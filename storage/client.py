"""The one seam around azure-data-tables: read a row, read a range of rows, run a transaction.

Everything else in `storage/` goes through a `Partition`, so a leaner transport can be put here and
measured. Each call is counted; Azure's exceptions are translated (`storage/failures.py`):

- a row that isn't there → None; a transaction that failed → `Refused`, with the operation at fault
- throttled, timed out, down, not set up, not allowed → `scim.errors.Unavailable`

A call that the store did not serve is made again (`storage/patience.py`). So a transaction may be
done twice, the second time on what the first one left: every transaction has to be such that this
does no harm, and whoever is refused looks at what is there before it says so.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar, cast

from azure.core.async_paging import AsyncPageIterator
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient

from scim.repository import Meter
from scim.side_by_side import side_by_side
from storage.batch import Failed, Operation, submit
from storage.bounded import TooMuch
from storage.failures import TABLE_IS_AWAY, code, translated
from storage.odata import between
from storage.patience import PATIENT, Patience
from storage.plain import PlainRows
from storage.unsorted import in_order, is_unsorted

__all__ = ["LONGEST_CALL", "MOST", "PAGE", "PATIENCE", "Operation", "Partition", "Refused", "Row"]

T = TypeVar("T")
MOST = 100  # entities in a transaction
PAGE = 1000  # entities in a page, the service's own limit
_FEWER = 8  # one in so many rows of a page that is too large are asked for

# What every client is made with: how often a call is made is ours to say.
PATIENCE: Mapping[str, Any] = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 15}
LONGEST_CALL = PATIENT.longest

Reason = Literal["exists", "missing", "changed"]
_REASONS: Mapping[int, Reason] = {404: "missing", 409: "exists", 412: "changed"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row as read; `etag` is what a guarded write of it compares."""

    key: str
    etag: str
    values: Mapping[str, Any]


class Refused(Exception):
    """A transaction changed nothing, because of this operation."""

    def __init__(self, operation: Operation, reason: Reason) -> None:
        super().__init__(f"{operation.verb}: {reason}")
        self.operation = operation
        self.reason = reason


class Partition:
    """One partition of a table, for one request; calls are made again with some patience."""

    def __init__(
        self, table: TableClient, key: str, meter: Meter, patience: Patience = PATIENT
    ) -> None:
        self._table = table
        self._patience = patience
        self._key = key
        self.meter = meter

    async def get(self, key: str, *, select: Sequence[str] | None = None) -> Row | None:
        """Read a row; with `select`, only these columns."""
        columns = list(select) if select else None

        async def read() -> TableEntity | None:
            try:
                return await self._table.get_entity(self._key, key, select=columns)
            except ResourceNotFoundError as error:
                if code(error) in TABLE_IS_AWAY:
                    raise
                return None

        entity = await self._call(read)
        if entity is None:
            return None
        self.meter.rows += 1
        return Row(key, _etag(entity), entity)

    async def get_all(
        self, keys: Collection[str], *, select: Sequence[str] | None = None
    ) -> dict[str, Row]:
        """Read rows side by side; those that exist, by key."""
        rows = await side_by_side(lambda key: self.get(key, select=select), keys)
        return {key: row for key, row in rows.items() if row is not None}

    async def pages(
        self,
        after: str,
        before: str,
        *,
        where: str = "",
        select: Sequence[str] | None = None,
        size: int = PAGE,
        any_order: bool = False,
    ) -> AsyncGenerator[list[Row], None]:
        """Yield the rows with `after` < key < `before` by key, page by page.

        A page may be short or empty though more follow: the service stops after five seconds and
        where its own partitions end. `any_order` is cheaper where the store keeps none
        (`storage/unsorted.py`).
        """
        read, most = partial(self._read, where, select), min(size, PAGE)
        as_they_come = any_order or not is_unsorted(self._table.url)
        found = read if as_they_come else partial(in_order, read)
        async with aclosing(found(after, before, most)) as pages:
            async for rows, _ in pages:
                yield rows

    async def _read(
        self, where: str, select: Sequence[str] | None, after: str, before: str, size: int
    ) -> AsyncGenerator[tuple[list[Row], bool], None]:
        """Yield pages as they come, each with whether another may follow.

        A page that is too large is asked for again with fewer rows; those after it grow again.
        """
        plain, token, most = PlainRows(), None, size

        def begin() -> AsyncPageIterator[TableEntity]:
            found = self._table.query_entities(
                between(self._key, after, before, where),
                results_per_page=size,
                select=list(select) if select else None,
                raw_response_hook=plain,
            )
            return cast("AsyncPageIterator[TableEntity]", found.by_page(token))

        async def read() -> list[Row]:
            page = await anext(pages)
            rows = [Row(each["RowKey"], _etag(each), each) async for each in page]
            return rows or [Row(each["RowKey"], etag, each) for etag, each in plain.take()]

        pages, first = begin(), True
        while first or token:
            try:
                rows = await self._call(read)
            except TooMuch:
                if size == 1:
                    raise
                size = max(1, size // _FEWER)
                pages = begin()
                continue
            first, token = False, pages.continuation_token
            self.meter.rows += len(rows)
            yield rows, bool(token)
            if size < most:
                size = min(most, 2 * size)
                pages = begin()

    async def range(
        self, after: str, before: str, *, select: Sequence[str] | None = None
    ) -> list[Row]:
        """Read all rows with `after` < key < `before`, by key."""
        pages = self.pages(after, before, select=select, any_order=True)
        rows = [row async for page in pages for row in page]
        return sorted(rows, key=lambda row: row.key) if is_unsorted(self._table.url) else rows

    async def transact(self, operations: Sequence[Operation]) -> dict[str, str]:
        """Do all of at most 100 operations or none; the rows' new ETags by key. Raises Refused."""
        pending = list(operations)

        while pending:
            try:
                etags = await self._call(partial(submit, self._table, self._key, pending))
            except Failed as error:
                reason = _REASONS.get(error.status_code or 0)
                if reason is None or error.index is None:
                    raise
                at = pending[error.index]
                if reason != "missing" or not at.lenient:
                    raise Refused(at, reason) from error
                del pending[error.index]
            else:
                return {each.key: etag for each, etag in zip(pending, etags, strict=True)}
        return {}

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, as often as it takes."""
        meter = self.meter
        meter.rounds += meter.in_flight == 0
        meter.in_flight += 1
        try:
            with translated():
                async with asyncio.timeout(self._patience.longest) as limit:
                    return await self._persist(call, limit.when() or 0)
        finally:
            meter.in_flight -= 1

    async def _persist(self, call: Callable[[], Awaitable[T]], end: float) -> T:
        now = asyncio.get_running_loop().time
        tried = 0
        while True:
            tried += 1
            self.meter.calls += 1
            try:
                return await call()
            except AzureError as error:
                pause = self._patience.pause(error, tried)
                # Who would wait for longer than there is time says so at once.
                if pause is None or now() + pause >= end:
                    raise
            await asyncio.sleep(pause)


def _etag(entity: TableEntity) -> str:
    return str(entity.metadata.get("etag") or "")
