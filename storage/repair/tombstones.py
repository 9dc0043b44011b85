"""What can be wrong with a tombstone, its parts, the values that it is found by; and with an entry
of the log.

Parts are written first, then all else in the transaction that deletes the resource: so what has no
head was never finished, or is left of one that was forgotten.
"""

import asyncio
import json
from collections.abc import Sequence

from scim.repository import Change
from scim.restoring import complete
from scim.schema import ResourceType
from scim.tombstones import Tombstone, with_lost
from storage import keys, parts
from storage.client import Operation, Row
from storage.repair.looking import MARK, Looking, Wrong, drop, keep, wrong


class Tombstones(Looking):
    """Looking at rows of the kinds d, k, o and c."""

    async def tombstone(self, key: str) -> list[Wrong]:
        """Look at a tombstone, by the key of its head, which may be gone."""
        _, name, id = key.split(":")
        one = (name, id)
        head, further = await asyncio.gather(
            self.partition.get(key, select=("RowKey", "change", "Timestamp")),
            self.partition.range(*keys.below(f"{key}:"), select=MARK),
        )
        change = head.values.get("change") if head is not None else None
        others = [each for each in further if each.key.split(":")[3] != change]
        found = list[Wrong]()
        if others:
            drops = [drop(each) for each in others]
            found.append(wrong("tombstone-parts", key, one, drops, seen=others))
        if head is None:
            return found
        kept = await self.kept(name, id)
        if kept is None:
            return [*found, wrong("tombstone-damaged", key, one)]
        if not kept.version:
            return [*found, wrong("tombstone-incomplete", key, one)]
        lacking = await self._lacking(name, kept)
        if kept.revived:
            found.append(self._reviving(key, kept))
        elif lacking:
            made = [keep(key, head.etag), *(Operation("put", each) for each in lacking)]
            found.append(wrong("tombstone-key-missing", key, one, made))
        return found

    async def tombstone_key(self, key: str) -> list[Wrong]:
        """Look at a value that may lead to no tombstone."""
        _, name, _, id = key.split(":")
        row = await self.partition.get(key, select=MARK)
        head = await self.partition.get(keys.tombstone(name, id), select=("RowKey",))
        if row is None:
            return []
        if head is not None:
            kept = await self.kept(name, id)
            if kept is None or not kept.version or key in found_by(name, kept):
                return []
        return [wrong("tombstone-key-orphaned", key, (name, id), [drop(row)], seen=[row])]

    async def revival(self, key: str) -> list[Wrong]:
        """Look at the note of a revival that may be none."""
        _, name, id = key.split(":")
        row = await self.partition.get(key, select=MARK)
        head = await self.partition.get(keys.tombstone(name, id), select=("RowKey", "revived"))
        if row is None or (head is not None and head.values.get("revived")):
            return []
        return [wrong("revival-orphaned", key, (name, id), [drop(row)], seen=[row])]

    async def entry(self, key: str) -> list[Wrong]:
        """Look at an entry of the log."""
        row = await self.partition.get(key)
        return [wrong("entry-damaged", key)] if row is not None and not is_entry(row) else []

    async def kept(self, name: str, id: str) -> Tombstone | None:
        """Read a tombstone; None when it can't be read."""
        try:
            return await self.repository.tombstone(await self.kind(name), id)
        except (KeyError, TypeError, ValueError, RecursionError):
            return None

    async def kind(self, name: str) -> ResourceType:
        """Find a type by its name, one that only tombstones are left of, too. Raises KeyError."""
        if name in self.types:
            return self.types[name]
        known = await with_lost(self.repository, self.types.values())
        return {each.name: each for each in known}[name]

    async def _lacking(self, name: str, kept: Tombstone) -> Sequence[str]:
        wanted = found_by(name, kept)
        there = await self.partition.get_all(wanted, select=("RowKey",))
        return [each for each in wanted if each not in there]

    def _reviving(self, key: str, kept: Tombstone) -> Wrong:
        async def act(change: Change) -> bool:
            type = await self.kind(kept.type)
            own = Change(change.id, change.at, "restore", operation="repair", by=change.by)
            await complete(self.repository, type, kept, own)
            return True

        sight = wrong("revival-broken", key, (kept.type, kept.id))
        return Wrong(sight.finding, (kept.guard,), act=act)


def found_by(name: str, kept: Tombstone) -> list[str]:
    """List the keys of the rows that a tombstone is found by."""
    return [keys.tombstone_key(name, each, kept.id) for each in parts.ordered(kept.keys)]


def is_entry(row: Row) -> bool:
    """Tell whether an entry of the log can be read."""
    try:
        listed = [json.loads(row.values.get(each) or "[]") for each in ("attributes", "ignored")]
    except (TypeError, ValueError):
        return False
    return all(isinstance(each, list) for each in listed) and all(
        isinstance(row.values.get(each), str) for each in ("at", "verb")
    )
