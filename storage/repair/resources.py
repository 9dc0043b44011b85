"""What can be wrong with a resource, its anchor, its claims and its index rows.

All of these are written by the transaction that writes the resource, or (index rows that it has no
room for) before and after it. The resource's row is the truth: a read shows it, and nothing else
can be made of the others.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from scim.journal import Entry
from scim.keys import needed
from scim.match import values_at
from scim.references import without
from scim.repository import Change, Gone, Missing, Stale, Stored, Taken
from scim.schema import Path, ResourceType
from storage import beginnings, journal, keys, parts, rows
from storage.client import Operation, Row
from storage.repair.edits import Edits
from storage.repair.looking import MARK, Wrong, drop, keep, read, wrong

_OWNER = ("RowKey", "owner", "Timestamp")
_CHANGE = ("RowKey", "verb", "resource")


class Resources(Edits):
    """Looking at rows of the kinds r, a, u and i."""

    async def resource(self, key: str) -> list[Wrong]:
        """Look at a resource, and at what it lacks."""
        _, name, id = key.split(":")
        row = await self.partition.get(key)
        if row is None:
            return []
        stored, type = read(row), self.types.get(name)
        found = [*await self._anchored(key, name, id), *await self.waiting(key, row)]
        if beginnings.is_begun(row):
            found.append(wrong("creation-broken", key, (name, id), seen=[row]))
        if any(each.finding.rule == "same-id" for each in found):
            return found  # whose the other rows are, only a person can tell
        if stored is None:
            return [wrong("resource-damaged", key, (name, id)), *found]
        found += await self._versioned(key, name, stored, row)
        if type is not None:
            looks = (self._claimed, self._indexed, self._referring)
            for some in await asyncio.gather(*(each(key, type, stored) for each in looks)):
                found += some
            if is_out_of_date(type, stored, row):
                renewed = Operation("merge", key, rows.columns_of(type, stored.resource), row.etag)
                found.append(wrong("columns-wrong", key, (name, id), [renewed]))
        return found

    async def anchor(self, key: str) -> list[Wrong]:
        """Look at an anchor whose resource may be gone; a wrong one is looked at from there."""
        id = keys.last_part(key)
        row, homes = await asyncio.gather(self.partition.get(key), self.homes(id))
        if row is None or homes:
            return []
        one = (str(row.values.get("type", "")), id)
        return [wrong("anchor-orphaned", key, one, [drop(row)], seen=[row])]

    async def claim(self, key: str) -> list[Wrong]:
        """Look at a claim that nobody may need."""
        row = await self.partition.get(key, select=_OWNER)
        return [] if row is None else await self._unneeded("claim-stale", row, owner_of(row))

    async def index(self, key: str) -> list[Wrong]:
        """Look at an index row that nobody may need."""
        row = await self.partition.get(key, select=MARK)
        return [] if row is None else await self._unneeded("index-stale", row, keys.last_part(key))

    async def _unneeded(self, rule: str, row: Row, id: str) -> list[Wrong]:
        """Say that a row is stale, unless its resource needs it, or can't be read."""
        name = row.key.split(":")[1]
        if await self._needs(name, id, row.key) is not False:
            return []
        return [wrong(rule, row.key, (name, id), [drop(row)], seen=[row])]

    async def _needs(self, name: str, id: str, place: str) -> bool | None:
        """Tell whether a resource needs a claim or an index row; None: nobody can tell."""
        row = await self.partition.get(keys.resource(name, id)) if keys.usable(id) else None
        if row is None:
            return False
        stored, type = read(row), self.types.get(name)
        return None if stored is None or type is None else place in places(type, stored)

    async def _anchored(self, key: str, name: str, id: str) -> list[Wrong]:
        place, one = keys.anchor(id), (name, id)
        anchor, homes = await asyncio.gather(self.partition.get(place), self.homes(id))
        if others := sorted(each for each in homes if each != name):
            return [wrong("same-id", key, one, attributes=others)]
        if anchor is None:
            made = Operation("insert", place, {"type": name})
            return [wrong("anchor-missing", key, one, [keep(key), made])]
        if anchor.values.get("type") == name:
            return []
        right = Operation("replace", place, {"type": name}, anchor.etag)
        return [wrong("anchor-wrong", key, one, [keep(key), right])]

    async def _versioned(self, key: str, name: str, stored: Stored, row: Row) -> list[Wrong]:
        """Look whether the log has the version, and whether that is a deletion that broke off."""
        place, one = keys.entry(stored.version), (name, stored.id)
        entry = await self.partition.get(place, select=_CHANGE)
        if entry is not None:
            deleted = (entry.values.get("verb"), entry.values.get("resource")) == ("delete", one[1])
            return [wrong("deletion-broken", key, one, seen=[row])] if deleted else []
        if stored.version < await self.since():
            return []
        stands = Entry(
            id=stored.version,
            at=str(row.values["modified"]),
            verb="update",
            operation="repair",
            type=name,
            resource=stored.id,
            detail="stands for the entry of this version, which the log lacked",
        )
        made = Operation("insert", place, journal.values(stands))
        return [wrong("change-missing", key, one, [keep(key, row.etag), made])]

    async def _claimed(self, key: str, type: ResourceType, stored: Stored) -> list[Wrong]:
        """Find claims that a resource should have; one whose owner doesn't hold it is taken over.

        Of two who hold a value, the one that has claimed it has it, until one of them is changed.
        """
        claimed, _ = needed(stored.resource, type)
        wanted = {keys.claim(type.name, each): each for each in parts.ordered(claimed)}
        there = await self.partition.get_all(wanted, select=_OWNER)
        one, found = (type.name, stored.id), list[Wrong]()
        made, names = [keep(key, stored.guard)], list[str]()
        for place, each in wanted.items():
            claim, row = parts.claim(type, each, stored.id), there.get(place)
            if row is not None:
                owner = owner_of(row)
                if owner == stored.id:
                    continue
                held = await self._needs(type.name, owner, place)
                if held is None:
                    continue  # the owner can't be read, which is a finding of its own
                if held:
                    both = [each.attribute]
                    found.append(wrong("claim-conflict", key, one, other=owner, attributes=both))
                    continue
                claim = replace(claim, verb="replace", guard=row.etag)
            made.append(claim)
            names.append(each.attribute)
        if names:
            found.append(wrong("claim-missing", key, one, made, attributes=_distinct(names)))
        return found

    async def _indexed(self, key: str, type: ResourceType, stored: Stored) -> list[Wrong]:
        _, indexed = needed(stored.resource, type)
        wanted = {keys.index(type.name, each, stored.id): each for each in parts.ordered(indexed)}
        there = await self.partition.get_all(wanted, select=("RowKey",))
        lacking = [each for place, each in wanted.items() if place not in there]
        if not lacking:
            return []
        made = [keep(key, stored.guard), *(parts.index(type, each, stored.id) for each in lacking)]
        names = _distinct(each.attribute for each in lacking)
        return [wrong("index-missing", key, (type.name, stored.id), made, attributes=names)]

    async def _referring(self, key: str, type: ResourceType, stored: Stored) -> list[Wrong]:
        """Find references to nobody, those of one path together."""
        found: dict[str, Wrong] = {}
        for path, id in references(type, stored):
            if str(path) in found or await self.homes(id):
                continue
            name = (
                path.extension.id if path.extension else str(path.attribute and path.attribute.name)
            )
            sight = wrong(
                "reference-dangling",
                key,
                (type.name, stored.id),
                other=id if keys.usable(id) else "",
                attributes=[name],
            )

            async def act(change: Change, path: Path = path) -> bool:
                return await self._forget(type, stored, path, change)

            found[str(path)] = replace(sight, act=act)
        return list(found.values())

    async def _forget(self, type: ResourceType, stored: Stored, path: Path, change: Change) -> bool:
        """Remove the references at a path that are to nobody: a write like any other."""
        resource = stored.resource
        for each, id in references(type, stored):
            if each == path and not await self.homes(id):
                resource = without(resource, path, id)
        dated = {**resource, "meta": {**resource["meta"], "lastModified": change.at}}
        try:
            await self.repository.replace(type, stored, dated, change)
        except (Gone, Missing, Stale, Taken):
            return False
        return True


def owner_of(row: Row) -> str:
    """Read who has claimed a value."""
    return str(row.values.get("owner", ""))


def places(type: ResourceType, stored: Stored) -> frozenset[str]:
    """List the keys of all claims and index rows that a resource needs."""
    claimed, indexed = needed(stored.resource, type)
    return frozenset(
        {keys.claim(type.name, each) for each in claimed}
        | {keys.index(type.name, each, stored.id) for each in indexed}
    )


def references(type: ResourceType, stored: Stored) -> list[tuple[Path, str]]:
    """List what a resource refers to, but for itself."""
    named = [(path, id) for path in type.references for id in values_at(stored.resource, path)]
    return [(path, str(id)) for path, id in named if id != stored.id]


def is_out_of_date(type: ResourceType, stored: Stored, row: Row) -> bool:
    """Tell whether columns are not what the resource holds."""
    columns = rows.columns_of(type, stored.resource)
    return any(row.values.get(name) != value for name, value in columns.items())


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
