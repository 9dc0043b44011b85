"""One kind of the registry's records: JSON in a row of its own, read through a memory.

A record is changed by compare-and-swap on its row's ETag, so that of two operators who change one
record at once none undoes what the other did.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from scim.definitions import Document
from scim.errors import TooLarge, Unavailable
from scim.registry import NoRecord
from storage.client import Operation, Partition, Refused, Row
from storage.remembering import Known, Memory
from storage.rows import LARGEST, joined, pieces

_ID = re.compile(r"[a-z0-9]{8,32}")
_TRIES = 50  # of them, one is refused only when another one was done

T = TypeVar("T", bound=Document)


class Records(Generic[T]):
    """The records of one kind, in rows `id:{id}` of one partition.

    `beside` names the fields that are columns beside the JSON: they can be written alone.
    """

    def __init__(
        self,
        partition: Partition,
        kind: type[T],
        *,
        clock: Callable[[], float],
        most: int,
        beside: tuple[str, ...] = (),
    ) -> None:
        self.partition = partition
        self._kind = kind
        self._beside = beside
        self._memory = Memory(self._read, clock=clock, most=most)

    async def recall(self, id: str) -> T | None:
        """Read a record; what is given may be a minute old."""
        known = await self._memory.recall(id) if _ID.fullmatch(id) else None
        return known.value if known else None

    async def read(self, id: str) -> T | None:
        """Read a record as it is now."""
        known = await self._memory.renew(id) if _ID.fullmatch(id) else None
        return known.value if known else None

    def insertion(self, id: str, record: T) -> Operation:
        """Make the insertion of a new record; once it is done, `forget` what was known."""
        return Operation("insert", key(id), self._values(record))

    def forget(self, id: str) -> None:
        """Have the store asked again: something was written to this record's row."""
        self._memory.forget(id)

    def parsed(self, row: Row) -> T:
        """Read a record from its row."""
        beside = {name: row.values[name] for name in self._beside if name in row.values}
        record = self._kind.model_validate_json(joined(row.values))
        return record.model_copy(update=beside) if beside else record

    async def change(self, id: str, change: Callable[[T], T]) -> T:
        """Replace a record by what `change` makes of it. Raises NoRecord and what `change` does."""
        wanted: T | None = None
        for _ in range(_TRIES):
            known = await self._memory.renew(id) if _ID.fullmatch(id) else None
            if known is None:
                raise NoRecord
            # A write whose answer was lost is sent again, and refused by what it did itself. Should
            # somebody else have done the same, it is done as well.
            if known.value == wanted:
                return wanted
            wanted = change(known.value)
            if known.value == wanted:
                return wanted
            replacement = Operation("replace", key(id), self._values(wanted), guard=known.etag)
            if await self._write(id, replacement, wanted):
                return wanted
        raise Unavailable("others keep changing this record: try again", retry_after=5)

    async def merge(self, id: str, change: Callable[[T], Mapping[str, str] | None]) -> None:
        """Write columns beside a record's JSON: what `change` says, nothing when it says None.

        It is asked first about what is remembered: when that is still so, nothing is read.
        """
        known = await self._memory.recall(id) if _ID.fullmatch(id) else None
        for _ in range(_TRIES):
            values = change(known.value) if known else None
            if known is None or values is None:
                return
            changed = known.value.model_copy(update=dict(values))
            if await self._write(id, Operation("merge", key(id), values, known.etag), changed):
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

    async def _read(self, id: str, known: Known[T] | None) -> Known[T] | None:
        row = await self.partition.get(key(id))
        if row is None:
            return None
        return known if known and known.etag == row.etag else Known(row.etag, self.parsed(row))

    def _values(self, record: T) -> dict[str, Any]:
        values = {name: getattr(record, name) for name in self._beside}
        beside = {name: value for name, value in values.items() if value is not None}
        text = record.model_dump_json(by_alias=True, exclude_none=True, exclude=set(self._beside))
        if len(text.encode("utf-16-le")) // 2 > LARGEST:
            raise TooLarge(
                f"the record holds more than {LARGEST:,} characters: make its schemas fewer or"
                " their descriptions shorter"
            )
        return {**beside, **pieces(text)}


def key(id: str) -> str:
    return f"id:{id}"
