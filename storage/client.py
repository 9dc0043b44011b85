"""The one seam around azure-data-tables: read a row, read a range of rows, run a transaction.

Everything else in `storage/` goes through a `Partition`, so a leaner transport can be put here and
measured. Each call is counted; Azure's exceptions are translated here and nowhere else:

- a row that isn't there → None; a transaction that failed → `Refused`, with the operation at fault
- throttled, timed out, down, not set up, not allowed → `scim.errors.Unavailable`

A call that the store did not serve is made again (`storage/patience.py`). So a transaction may be
done twice, the second time on what the first one left: every transaction has to be such that this
does no harm, and whoever is refused looks at what is there before it says so.
"""

import asyncio
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Literal, TypeVar, cast

from azure.core import MatchConditions
from azure.core.async_paging import AsyncPageIterator
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from azure.data.tables import RequestTooLargeError, TableEntity, TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient

from scim.errors import TooLarge, Unavailable
from scim.repository import Meter
from scim.side_by_side import side_by_side
from storage.odata import between
from storage.patience import PATIENT, Patience, asked
from storage.plain import PlainRows

T = TypeVar("T")
MOST = 100  # entities in a transaction
PAGE = 1000  # entities in a page, the service's own limit

# What every client is made with: how often a call is made is ours to say.
PATIENCE: Mapping[str, Any] = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 15}
LONGEST_CALL = PATIENT.longest

Reason = Literal["exists", "missing", "changed"]
_REASONS: Mapping[int, Reason] = {404: "missing", 409: "exists", 412: "changed"}
_TABLE_IS_AWAY = frozenset({"TableNotFound", "TableBeingDeleted"})
_TOO_LARGE = frozenset({"EntityTooLarge", "PropertyValueTooLarge", "RequestBodyTooLarge"})


@dataclass(frozen=True, slots=True)
class Row:
    """A row as read; `etag` is what a guarded write of it compares."""

    key: str
    etag: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row's part of a transaction.

    `put` inserts or replaces. `guard` is the ETag that the row must have; a replace, merge or
    delete without one only asks that the row exists, and one that is `lenient` not even that: a row
    that isn't there is passed over.
    """

    verb: Literal["insert", "put", "replace", "merge", "delete"]
    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    guard: str | None = None
    lenient: bool = False


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
                if _code(error) in _TABLE_IS_AWAY:
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
    ) -> AsyncGenerator[list[Row], None]:
        """Yield the rows with `after` < key < `before`, page by page.

        A page may be short or empty though more follow: the service stops after five seconds and
        where its own partitions end.
        """
        plain = PlainRows()
        found = self._table.query_entities(
            between(self._key, after, before, where),
            results_per_page=min(size, PAGE),
            select=list(select) if select else None,
            raw_response_hook=plain,
        )
        pages = cast("AsyncPageIterator[TableEntity]", found.by_page())

        async def read() -> list[Row]:
            page = await anext(pages)
            rows = [Row(each["RowKey"], _etag(each), each) async for each in page]
            return rows or [Row(each["RowKey"], etag, each) for etag, each in plain.take()]

        first = True
        while first or pages.continuation_token:
            first = False
            rows = await self._call(read)
            self.meter.rows += len(rows)
            yield rows

    async def range(
        self, after: str, before: str, *, select: Sequence[str] | None = None
    ) -> list[Row]:
        """Read all rows with `after` < key < `before`."""
        return [row async for page in self.pages(after, before, select=select) for row in page]

    async def transact(self, operations: Sequence[Operation]) -> dict[str, str]:
        """Do all of at most 100 operations or none; the rows' new ETags by key. Raises Refused."""
        pending = list(operations)

        async def submit() -> Sequence[Mapping[str, Any]]:
            # Made anew for each try: the SDK takes options out of what it is given.
            submitted = [_submitted(self._key, each) for each in pending]
            try:
                results = await self._table.submit_transaction(submitted)
            except (HTTPException, ValueError) as error:  # the SDK reads parts with http.client
                if isinstance(error, ValueError) and "Multipart" not in str(error):
                    raise
                raise _cut_off() from error
            if len(results) < len(pending):
                raise _cut_off()
            return results

        while pending:
            try:
                results = await self._call(submit)
            except TableTransactionError as error:
                at = pending[error.index]
                reason = _REASONS.get(error.status_code or 0)
                if reason is None:
                    raise
                if reason != "missing" or not at.lenient:
                    raise Refused(at, reason) from error
                del pending[error.index]
            else:
                etags = [each.get("etag", "") for each in results]
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


@contextmanager
def translated() -> Iterator[None]:
    """Turn what Azure raises when it can't serve us into errors of ours; pass on the rest."""
    try:
        yield
    except HttpResponseError as error:
        if isinstance(error, RequestTooLargeError) or _code(error) in _TOO_LARGE:
            raise TooLarge("this writes more than the store takes at once: send less") from error
        if _code(error) in _TABLE_IS_AWAY:
            raise Unavailable(
                "the service's tables do not exist (yet): an operator has to set it up",
                retry_after=30,
            ) from error
        status = error.status_code or 503
        if status in (401, 403) or isinstance(error, ClientAuthenticationError):
            raise Unavailable(
                "the service may not use its storage: an operator has to check its access",
                retry_after=60,
            ) from error
        # Below 400: an answer that broke off, so that it can't be read.
        if status >= 500 or status in (408, 429) or status < 400:
            raise _busy(asked(error) or 5) from error
        raise
    except (AzureError, OSError) as error:
        raise _busy(5) from error


def _cut_off() -> ServiceResponseError:
    return ServiceResponseError("the answer to a transaction broke off")


def _busy(retry_after: int) -> Unavailable:
    return Unavailable("the storage is busy or down: try again", retry_after=retry_after)


def _code(error: HttpResponseError) -> str:
    """Read the service's error code: an enumeration of the SDK, text, or nothing."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code))


def _etag(entity: TableEntity) -> str:
    return str(entity.metadata.get("etag") or "")


def _submitted(partition: str, operation: Operation) -> tuple[str, TableEntity, dict[str, Any]]:
    entity = TableEntity({**operation.values, "PartitionKey": partition, "RowKey": operation.key})
    options: dict[str, Any] = {}
    if operation.guard is not None:
        options = {"etag": operation.guard, "match_condition": MatchConditions.IfNotModified}
    match operation.verb:
        case "insert":
            return "create", entity, options
        case "put":
            return "upsert", entity, {"mode": UpdateMode.REPLACE}
        case "replace" | "merge":
            mode = UpdateMode.REPLACE if operation.verb == "replace" else UpdateMode.MERGE
            return "update", entity, {"mode": mode, **options}
        case "delete":
            return "delete", entity, options
