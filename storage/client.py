"""The one seam around azure-data-tables: read a row, read a range of rows, run a transaction.

Everything else in `storage/` goes through a `Partition`, so a leaner transport can be put here and
measured. Each call is counted; Azure's exceptions are translated here and nowhere else:

- a row that isn't there → None; a transaction that failed → `Refused`, with the operation at fault
- throttled, timed out, down, not set up, not allowed → `scim.errors.Unavailable`

The SDK sends a request again when it was answered with 5xx, and we do when the connection broke.
So a transaction may be done twice, the second time on what the first one left: every transaction
has to be such that this does no harm, and whoever is refused looks at what is there before it says
so.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from azure.core import MatchConditions
from azure.core.async_paging import AsyncPageIterator
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.data.tables import RequestTooLargeError, TableEntity, TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient

from scim.errors import TooLarge, Unavailable
from scim.repository import Meter
from scim.side_by_side import side_by_side
from storage.odata import between

MOST = 100  # entities in a transaction
PAGE = 1000  # entities in a page, the service's own limit

# What every client is made with: a request that the service can't serve is tried three times
# within 3 seconds, then the caller decides.
PATIENCE: Mapping[str, Any] = {
    "retry_total": 2,
    "retry_connect": 2,
    "retry_status": 2,
    "retry_read": 0,
    "retry_backoff_factor": 0.4,
    "retry_backoff_max": 2,
    "connection_timeout": 5,
    "read_timeout": 15,
}
# Seconds for a call with all its tries: the SDK waits as long as a Retry-After says, which may be
# minutes, while the client waits for us.
LONGEST_CALL = 20

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
    """One partition of a table, for one request; no call takes more than `longest` seconds."""

    def __init__(
        self, table: TableClient, key: str, meter: Meter, longest: float = LONGEST_CALL
    ) -> None:
        self._table = table
        self._longest = longest
        self._key = key
        self.meter = meter

    async def get(self, key: str, *, select: Sequence[str] | None = None) -> Row | None:
        """Read a row; with `select`, only these columns."""
        async with self._call():
            try:
                entity = await self._table.get_entity(
                    self._key, key, select=list(select) if select else None
                )
            except ResourceNotFoundError as error:
                if _code(error) in _TABLE_IS_AWAY:
                    raise
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
        found = self._table.query_entities(
            between(self._key, after, before, where),
            results_per_page=min(size, PAGE),
            select=list(select) if select else None,
        )
        pages = cast("AsyncPageIterator[TableEntity]", found.by_page())
        first = True
        while first or pages.continuation_token:
            first = False
            async with self._call():
                page = await anext(pages)
                rows = [Row(each["RowKey"], _etag(each), each) async for each in page]
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
        while pending:
            try:
                async with self._call():
                    results = await self._submit(pending)
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

    async def _submit(self, operations: Sequence[Operation]) -> Sequence[Mapping[str, Any]]:
        """Send a transaction, and once more when the connection broke.

        The SDK repeats no POST then, and the service closes connections that nobody used for long.
        """
        submitted = [_submitted(self._key, each) for each in operations]
        try:
            return await self._table.submit_transaction(submitted)
        except (ServiceRequestTimeoutError, ServiceResponseTimeoutError):
            raise
        except (ServiceRequestError, ServiceResponseError):
            self.meter.calls += 1
            return await self._table.submit_transaction(submitted)

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        meter = self.meter
        meter.calls += 1
        meter.rounds += meter.in_flight == 0
        meter.in_flight += 1
        try:
            with translated():
                async with asyncio.timeout(self._longest):
                    yield
        finally:
            meter.in_flight -= 1


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
            raise _busy(_retry_after(error)) from error
        raise
    except (AzureError, OSError) as error:
        raise _busy(5) from error


def _busy(retry_after: int) -> Unavailable:
    return Unavailable("the storage is busy or down: try again", retry_after=retry_after)


def _retry_after(error: HttpResponseError) -> int:
    headers = getattr(error.response, "headers", {})
    header = str(headers.get("Retry-After", ""))
    return min(max(int(header), 1), 120) if header.isascii() and header.isdigit() else 5


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
