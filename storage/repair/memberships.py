"""What can be wrong with a membership, which is a row at each end, written in one transaction.

So no crash parts them. Where one is alone, the group's side (m) is the truth: it is what a group
shows and what each edit compares with, and the member's side (n) is derived from it. A membership
that the group does not list may have been taken away, and is never given back by a repair.
"""

import asyncio
import json

from storage import keys
from storage.client import Operation, Row
from storage.repair.looking import Looking, Wrong, drop, keep, wrong


class Memberships(Looking):
    """Looking at rows of the kinds m and n."""

    async def member(self, key: str) -> list[Wrong]:
        """Look at a membership from its group's side."""
        _, name, group, member = key.split(":")
        row, own, homes = await asyncio.gather(
            self.partition.get(key),
            self.partition.get(keys.resource(name, group), select=("RowKey",)),
            self.homes(member),
        )
        if row is None:
            return []
        one, type = (name, group), str(row.values.get("type", ""))
        other = await self._reverse(type, member, group)
        if own is None or not homes:
            if await self._leaving((name, group), (str(row.values.get("type", "")), member)):
                return []
            gone = [drop(each) for each in (row, other) if each is not None]
            version = own.key if own is not None else ""
            return [
                wrong(
                    "membership-of-nobody",
                    key,
                    one,
                    gone,
                    other=member,
                    seen=[row],
                    versioned=version,
                )
            ]
        if not shows(row):
            return [wrong("membership-damaged", key, one, other=member)]
        anchor, reverse = keep(keys.anchor(member)), {"type": name}
        if type not in homes:
            place = keys.group(homes[0], member, group)
            right = [
                Operation("merge", key, {"type": homes[0]}, row.etag),
                Operation("put", place, reverse),
                anchor,
            ]
            return [wrong("membership-type", key, one, right, other=member, seen=[row])]
        place = keys.group(type, member, group)
        if other is None:
            made = [keep(key), Operation("insert", place, reverse), anchor]
            return [wrong("reverse-missing", key, one, made, other=member)]
        if other.values.get("type") != name:
            made = [keep(key), Operation("replace", place, reverse, other.etag), anchor]
            return [wrong("reverse-missing", key, one, made, other=member)]
        return []

    async def member_of(self, key: str) -> list[Wrong]:
        """Look at a membership from its member's side: is it the other side of one?"""
        _, name, member, group = key.split(":")
        row = await self.partition.get(key)
        if row is None:
            return []
        types, homes = await asyncio.gather(self.homes(group), self.homes(member))
        type = str(row.values.get("type", ""))
        for each in {type, *types}:
            found = await self.partition.get(keys.member(each, group, member))
            if found is not None and (name in homes or found.values.get("type") == name):
                return []  # whatever is wrong with it is mended from there
        if not (types and homes) and await self._leaving((type, group), (name, member)):
            return []
        rule = "reverse-alone" if types and homes else "membership-of-nobody"
        one = (types[0] if types else type, group)
        return [wrong(rule, key, one, [drop(row)], other=member, seen=[row])]

    async def _leaving(self, *ends: tuple[str, str]) -> bool:
        """Tell whether an end was deleted, and the purge is to remove what is left of it."""
        notes = [keys.deletion(*each) for each in ends if all(map(keys.usable, each))]
        return bool(await self.partition.get_all(notes, select=("RowKey",)))

    async def _reverse(self, type: str, member: str, group: str) -> Row | None:
        if not keys.usable(type):
            return None
        return await self.partition.get(keys.group(type, member, group))


def shows(row: Row) -> bool:
    """Tell whether a member's display can be read."""
    try:
        return isinstance(json.loads(row.values.get("display") or "null"), str | None)
    except (TypeError, ValueError):
        return False
