"""One kind of the registry's records: JSON in a row of its own, read through a memory.

A record is changed by compare-and-swap on its row's ETag, so that of two operators who change one
record at once none undoes what the other did.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar

from scim.definitions import Document
from scim.errors import TooLarge, Unavailable
from scim.registry import NoRecord, Unreadable
from scim.side_by_side import side_by_side
from storage.client import Operation, Partition, Refused, Row
from storage.keys import last_part
from storage.remembering import Known, Memory
from storage.rows import LARGEST, joined, pieces

_ID = re.compile(r"[a-z0-9]{8,32}")
_TRIES = 50  # of them, one is refused only when another one was done

T = TypeVar("T", bound=Document)

_logger = logging.getLogger("storage.records")


class Records(Generic[T]):
    """The records of one kind, in rows `id:{id}` of one partition.

    `beside` names the fields that are columns beside the JSON: they can be written alone. With
    `sparse`, fields are left out that have their default: a version of the service that doesn't
    know them yet reads the record, and means the same.
    """

    def __init__(
        self,
        partition: Partition,
        kind: type[T],
        *,
        clock: Callable[[], float],
        most: int,
        beside: tuple[str, ...] = (),
        sparse: bool = False,
    ) -> None:
        self.partition = partition
        self._kind = kind
        self._beside = beside
        self._sparse = sparse
        # What can't be read is remembered, too: it is neither parsed nor logged at each request.
        self._memory: Memory[T | Unreadable] = Memory(self._read, clock=clock, most=most)

    async def recall(self, id: str) -> T | None:
        """Read a record; what is given may be a minute old."""
        known = await self._memory.recall(id) if _ID.fullmatch(id) else None
        return _readable(known).value if known else None

    async def read(self, id: str) -> T | None:
        """Read a record as it is now."""
        known = await self._memory.renew(id) if _ID.fullmatch(id) else None
        return _readable(known).value if known else None

    async def read_all(self, ids: Iterable[str]) -> list[T]:
        """Read those of some records that are there and can be read."""

        async def read(id: str) -> T | None:
            with suppress(Unreadable):  # the log has its id
                return await self.read(id)
            return None

        return [each for each in (await side_by_side(read, ids)).values() if each is not None]

    def insertion(self, id: str, record: T) -> Operation:
        """Make the insertion of a new record; once it is done, `forget` what was known."""
        return Operation("insert", key(id), self._values(record))

    def forget(self, id: str) -> None:
        """Have the store asked again: something was written to this record's row."""
        self._memory.forget(id)

    def parsed(self, row: Row) -> T:
        """Read a record from its row. Raises Unreadable."""
        beside = {name: row.values[name] for name in self._beside if name in row.values}
        try:
            record = self._kind.model_validate_json(joined(row.values))
        except (TypeError, ValueError):
            # Not told why: the error quotes the record.
            raise Unreadable(last_part(row.key)) from None
        return record.model_copy(update=beside) if beside else record

    async def change(self, id: str, change: Callable[[T], T]) -> T:
        """Replace a record by what `change` makes of it. Raises NoRecord and what `change` does."""
        wanted: T | None = None
        for _ in range(_TRIES):
            known = await self._memory.renew(id) if _ID.fullmatch(id) else None
            if known is None:
                raise NoRecord
            before = _readable(known)
            # A write whose answer was lost is sent again, and refused by what it did itself. Should
            # somebody else have done the same, it is done as well.
            if before.value == wanted:
                return wanted
            wanted = change(before.value)
            if before.value == wanted:
                return wanted
            replacement = Operation("replace", key(id), self._values(wanted), guard=before.etag)
            if await self._write(id, replacement, wanted):
                return wanted
        raise Unavailable("others keep changing this record: try again", retry_after=5)

    async def merge(self, id: str, change: Callable[[T], Mapping[str, str] | None]) -> None:
        """Write columns beside a record's JSON: what `change` says, nothing when it says None.

        It is asked first about what is remembered: when that is still so, nothing is read.
        """
        known = await self._memory.recall(id) if _ID.fullmatch(id) else None
        for _ in range(_TRIES):
            if known is None:
                return
            before = _readable(known)
            values = change(before.value)
            if values is None:
                return
            changed = before.value.model_copy(update=dict(values))
            if await self._write(id, Operation("merge", key(id), values, before.etag), changed):
                return
            known = await self._memory.renew(id)

    async def _write(self, id: str, operation: Operation, record: T) -> bool:
        try:
            etags = await self.partition.transact([operation])
        except Refused:
            self.forget(id)
            return False
        self._memory.wrote(id, Known(etags[operation.key], record))
        return True

    async def _read(
        self, id: str, known: Known[T | Unreadable] | None
    ) -> Known[T | Unreadable] | None:
        row = await self.partition.get(key(id))
        if row is None:
            return None
        if known and known.etag == row.etag:
            return known
        try:
            return Known(row.etag, self.parsed(row))
        except Unreadable as unreadable:
            log_unreadable(unreadable)
            return Known(row.etag, unreadable)

    def _values(self, record: T) -> dict[str, Any]:
        values = {name: getattr(record, name) for name in self._beside}
        beside = {name: value for name, value in values.items() if value is not None}
        text = record.model_dump_json(
            by_alias=True,
            exclude_none=True,
            exclude_defaults=self._sparse,
            exclude=set(self._beside),
        )
        if len(text.encode("utf-16-le")) // 2 > LARGEST:
            raise TooLarge(
                f"the record holds more than {LARGEST:,} characters: make its schemas fewer or"
                " their descriptions shorter"
            )
        return {**beside, **pieces(text)}


def key(id: str) -> str:
    return f"id:{id}"


def log_unreadable(unreadable: Unreadable) -> None:
    """Tell the operator which record it is, and nothing of what it holds."""
    _logger.error(
        "the record %s can't be read: it is damaged, or another version of the service wrote it",
        unreadable.id,
    )


def _readable(known: Known[T | Unreadable]) -> Known[T]:
    if isinstance(known.value, Unreadable):
        raise Unreadable(known.value.id)  # a new one: what is remembered would keep tracebacks
    return Known(known.etag, known.value)
