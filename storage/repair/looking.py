"""What looking at a row and healing it have in common."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scim import ids
from scim.directory import Directory
from scim.repairing import Finding, Sight
from scim.repository import Change, Stored
from storage import journal, keys, rows
from storage.client import MOST, Operation, Partition, Refused, Row
from storage.tables import TablesRepository

MARK = ("RowKey", "Timestamp")  # without its time, Azurite gives no ETag of a row
_PURGED = timedelta(hours=1)  # that the log may be purged earlier than we think

# How many parts the keys of each kind have; what comes last of these may be ids.
PARTS: Mapping[str, tuple[int, ...]] = {
    "a": (2,),
    "c": (2,),
    "d": (3, 5),
    "i": (4,),
    "k": (4,),
    "m": (4,),
    "n": (4,),
    "o": (3,),
    "p": (4, 5),
    "r": (3,),
    "s": (3,),
    "u": (3,),
    "w": (2,),
}


@dataclass(frozen=True, slots=True)
class Wrong(Sight):
    """What is wrong, and what heals it: operations, or an act of the repository's.

    `versioned` is the row of a resource that gets a new version with it.
    """

    operations: tuple[Operation, ...] = ()
    act: Callable[[Change], Awaitable[bool]] | None = None
    versioned: str = ""


class Looking:
    """Reading what belongs together in one directory's partition."""

    def __init__(
        self, partition: Partition, directory: Directory, now: Callable[[], datetime]
    ) -> None:
        self.partition = partition
        self.repository = TablesRepository(partition)
        self.types = {each.name: each for each in directory.catalog.resource_types}
        self.names = set(self.types)  # and those that turn up
        self._now = now
        self._days = timedelta(days=directory.log_days)
        self._first: str | None = None

    async def heal(self, sight: Wrong, change: Change) -> bool:
        """Do what heals a finding, begun by its entry in the log."""
        if sight.act is not None:
            return await sight.act(change)
        finding = sight.finding
        entry = journal.of_change(finding.type, finding.id, change)
        version = rows.version_values(change)
        own = [Operation("merge", sight.versioned, version)] if sight.versioned else []
        if not own:
            entry = replace(entry, verb="operate")
        log = Operation("insert", keys.change(change.id), journal.values(entry))
        try:
            for step in rows.chunks([log, *own, *sight.operations], MOST):
                await self.partition.transact(step)
        except Refused as refused:
            return refused.operation is log  # then it was done before, and its answer was lost
        return True

    async def homes(self, id: str) -> list[str]:
        """Name the types that a resource of this id is there of: one, unless a hand was at it."""
        if not keys.usable(id):
            return []
        anchor = await self.partition.get(keys.anchor(id), select=("RowKey", "type"))
        named = {*self.names, *([str(anchor.values.get("type"))] if anchor else [])}
        places = {keys.resource(each, id): each for each in named if keys.usable(each)}
        found = await self.partition.get_all(places, select=("RowKey",))
        return [places[each] for each in found]

    async def since(self) -> str:
        """Give the id after which each change has its row: older ones may have been purged."""
        if self._first is None:
            self._first = "~"
            pages = self.partition.pages(*keys.below(keys.change("")), select=("RowKey",), size=1)
            async for page in pages:
                if page:
                    self._first = keys.last_part(page[0].key)
                    break
            await pages.aclose()
        return max(self._first, ids.first_id(self._now() - self._days + _PURGED))


def read(row: Row) -> Stored | None:
    """Read a resource; None when it can't be read."""
    try:
        one = rows.stored(row)
        mine = one.id == keys.last_part(row.key)
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return one if mine and isinstance(one.version, str) else None


def known(key: str) -> bool:
    """Tell whether a key is one of ours."""
    kind, *rest = key.split(":")
    if len(rest) + 1 not in PARTS.get(kind, ()):
        return False
    return kind == "w" or all(map(keys.usable, rest))


def wrong(
    rule: str,
    place: str,
    resource: tuple[str, str] = ("", ""),
    operations: Sequence[Operation] = (),
    *,
    other: str = "",
    attributes: Sequence[str] = (),
    seen: Sequence[Row] = (),
    versioned: str = "",
) -> Wrong:
    """Say what is wrong; `resource` is type and id, `seen` rows that must stay as they are."""
    type, id = (each if keys.usable(each) else "" for each in resource)  # a hand may write anything
    finding = Finding(rule, place, type, id, other, tuple(attributes))
    marks = tuple(each.etag for each in seen)
    return Wrong(finding, marks, tuple(operations), versioned=versioned)


def drop(row: Row) -> Operation:
    """Delete a row as it was read."""
    return Operation("delete", row.key, guard=row.etag)


def keep(key: str, etag: str | None = None) -> Operation:
    """Refuse the transaction unless a row is there, as it was read if that is given."""
    return Operation("merge", key, guard=etag)
