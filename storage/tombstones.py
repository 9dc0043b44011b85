"""Tombstones in Table Storage: a row `d:{type}:{id}`, further rows of what it has no room for, and
a row `k:…` for each value that it is found by.

A tombstone is one JSON text: resource, memberships, keys. Most fit a row, so that it is written in
the transaction that deletes the resource. Of a larger one the further rows are written first: the
row `d:{type}:{id}` says that all of it is there. They carry the id of the change that wrote them,
so that two never mix.

Of a revival that is under way, the row also says how many memberships are left, from the end: the
groups that the resource was in come before its members. So what came back leaves the tombstone in
the transaction that brings it back, however long the text is.
"""

import json
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from scim.repository import Key, Member, Stale
from scim.schema import ResourceType
from scim.side_by_side import side_by_side, together
from scim.tombstones import Tombstone
from storage import keys, rows
from storage.client import MOST, Operation, Refused, Row
from storage.parts import ordered
from storage.reading import Reader

_PART = 240_000  # characters of JSON in a row: 480,000 bytes, and as many as escaped quotes make
_AT_ONCE = 2  # such rows in a transaction, so that its body stays below 1 MiB


class Tombstones(Reader):
    """The part of the repository that keeps what was deleted."""

    async def buried(self, type: ResourceType, keys_: Collection[Key]) -> list[Tombstone]:
        places = [keys.tombstone_key(type.name, each, "") for each in ordered(keys_)]
        found = await side_by_side(
            lambda place: self._partition.range(*keys.below(place), select=("RowKey",)), places
        )
        ids = {keys.last_part(row.key) for some in found.values() for row in some}
        if not ids:
            return []
        heads = [keys.tombstone(type.name, id) for id in ids]
        read = await self._partition.get_all([*heads, *(keys.anchor(id) for id in ids)])
        dead = [
            head for head in heads if head in read and keys.anchor(keys.last_part(head)) not in read
        ]
        whole = await side_by_side(lambda head: self._whole(type.name, read[head]), dead)
        restorable = [
            each for each in whole.values() if each.restorable and not each.keys.isdisjoint(keys_)
        ]
        return sorted(restorable, key=lambda each: each.deleted, reverse=True)

    async def tombstone(self, type: ResourceType, id: str) -> Tombstone | None:
        if not keys.usable(id):
            return None
        head, parts = await together(
            self._partition.get(keys.tombstone(type.name, id)), self._parts(type.name, id)
        )
        if head is None:
            return _broken(type.name, parts[0]) if parts else None
        return _read(type.name, head, parts)

    async def tombstones(self, type: ResourceType) -> AsyncGenerator[Tombstone]:
        async for page in self._partition.pages(*keys.below(keys.tombstone(type.name, ""))):
            for row in page:
                _, _, id, *part = row.key.split(":")
                if not part:
                    yield await self._whole(type.name, row)
                elif int(part[1]) == 0:
                    head = await self._partition.get(
                        keys.tombstone(type.name, id), select=("change",)
                    )
                    if head is None or head.values["change"] != part[0]:
                        yield _broken(type.name, row)

    async def buried_types(self) -> list[str]:
        """Read the first row of each type, and go on behind its last one."""
        found: list[str] = []
        after, end = keys.below(keys.TOMBSTONES)
        while (row := await self._first(after, end)) is not None:
            found.append(row.key.split(":")[1])
            _, after = keys.below(keys.tombstone(found[-1], ""))
        return sorted(found)

    async def bury(self, type: ResourceType, tombstone: Tombstone) -> None:
        await self.bury_parts(type, tombstone)
        try:
            await self._partition.transact(burial(type, tombstone))
        except Refused as refused:
            # Ours, when the transaction was done before and only its answer was lost.
            head = await self._partition.get(keys.tombstone(type.name, tombstone.id))
            if head is None or head.values["change"] != tombstone.change:
                raise Stale from refused
        await self._drop_parts(type.name, tombstone.id, but=tombstone.change)

    async def bury_parts(self, type: ResourceType, tombstone: Tombstone) -> None:
        """Write what of a tombstone has no room in its row; mostly there is nothing."""
        for step in rows.chunks(_further(type, tombstone), _AT_ONCE):
            await self._partition.transact(step)

    async def forget(self, type: ResourceType, tombstone: Tombstone) -> None:
        if tombstone.guard:
            first, *rest = rows.chunks(removal(type, tombstone), MOST)
            try:
                await self._partition.transact(first)
            except Refused:
                return  # revived, or written since: not the one that was read
            for step in rest:
                await self._partition.transact(step)
        await self._drop_parts(type.name, tombstone.id, only=tombstone.change)

    async def _first(self, after: str, before: str) -> Row | None:
        pages = self._partition.pages(after, before, select=("RowKey",), size=1)
        async with aclosing(pages):
            async for page in pages:
                if page:
                    return page[0]
        return None

    async def _whole(self, type: str, head: Row) -> Tombstone:
        parts = await self._parts(type, keys.last_part(head.key)) if head.values["parts"] else []
        return _read(type, head, parts)

    async def _parts(self, type: str, id: str, *, select: Sequence[str] | None = None) -> list[Row]:
        return await self._partition.range(
            *keys.below(f"{keys.tombstone(type, id)}:"), select=select
        )

    async def _drop_parts(
        self, type: str, id: str, *, only: str | None = None, but: str | None = None
    ) -> None:
        """Delete further rows of a change, or of all but one; the first ones at last."""
        found = [row.key for row in await self._parts(type, id, select=("RowKey",))]
        drops = [
            Operation("delete", key, lenient=True)
            for key in sorted(found, reverse=True)
            if key.split(":")[3] != but and only in (None, key.split(":")[3])
        ]
        for step in rows.chunks(drops, MOST):
            await self._partition.transact(step)


def burial(type: ResourceType, tombstone: Tombstone) -> list[Operation]:
    """Write a tombstone, in place of the one whose guard it has; further rows are there already."""
    text = _text(tombstone)
    values = {
        "deleted": tombstone.deleted,
        "due": tombstone.due,
        "change": tombstone.change,
        "parts": -(-len(text) // _PART) - 1,
        "revived": tombstone.revived,
        **rows.pieces(text[:_PART]),
    }
    head, place = keys.tombstone(type.name, tombstone.id), keys.revival(type.name, tombstone.id)
    under_way = [Operation("delete", place, lenient=True)] if tombstone.guard else []
    if tombstone.revived:
        under_way = [Operation("put", place)]
    return [
        Operation("replace", head, values, tombstone.guard)
        if tombstone.guard
        else Operation("insert", head, values),
        *(Operation("put", key) for key in _found_by(type, tombstone)),
        *under_way,
    ]


def removal(type: ResourceType, tombstone: Tombstone) -> list[Operation]:
    """Remove a tombstone as it was read, without its further rows."""
    head, place = keys.tombstone(type.name, tombstone.id), keys.revival(type.name, tombstone.id)
    return [
        Operation("delete", head, guard=tombstone.guard),
        *([Operation("delete", place, lenient=True)] if tombstone.revived else []),
        *(Operation("delete", key, lenient=True) for key in _found_by(type, tombstone)),
    ]


def fits_a_row(tombstone: Tombstone) -> bool:
    """Tell whether a tombstone has no further rows."""
    return len(_text(tombstone)) <= _PART


def begun(type: ResourceType, tombstone: Tombstone, revived: str, left: int) -> list[Operation]:
    """Note in a tombstone which change made its resource live again, and what is left to do."""
    return [
        progress(type, tombstone.id, tombstone.guard, left, revived),
        Operation("put", keys.revival(type.name, tombstone.id)),
    ]


def progress(
    type: ResourceType, id: str, guard: str, left: int, revived: str | None = None
) -> Operation:
    """Take out of a tombstone all memberships but so many; `revived` if that is another change."""
    values = {"left": left} if revived is None else {"left": left, "revived": revived}
    return Operation("merge", keys.tombstone(type.name, id), values, guard)


def _further(type: ResourceType, tombstone: Tombstone) -> list[Operation]:
    text = _text(tombstone)
    due = {"deleted": tombstone.deleted, "due": tombstone.due}
    return [
        Operation(
            "put",
            keys.tombstone_part(type.name, tombstone.id, tombstone.change, number),
            {**due, **rows.pieces(text[start : start + _PART])},
        )
        for number, start in enumerate(range(_PART, len(text), _PART))
    ]


def _found_by(type: ResourceType, tombstone: Tombstone) -> list[str]:
    return [keys.tombstone_key(type.name, each, tombstone.id) for each in ordered(tombstone.keys)]


def _text(tombstone: Tombstone) -> str:
    """Write a tombstone as JSON, which is ASCII."""
    content = {
        "resource": tombstone.resource,
        "version": tombstone.version,
        "members": [[each.id, each.type, each.display] for each in tombstone.members],
        "memberOf": [[each.id, each.type] for each in tombstone.member_of],
        "credential": tombstone.credential,
        "keys": [[each.attribute, each.value] for each in ordered(tombstone.keys)],
    }
    return json.dumps(content, separators=(",", ":"))


def _read(type: str, head: Row, parts: Sequence[Row]) -> Tombstone:
    values = head.values
    mine = [row for row in parts if row.key.split(":")[3] == values["change"]]
    if len(mine) != values["parts"]:
        return replace(_broken(type, head), guard=head.etag)
    content: dict[str, Any] = json.loads("".join(rows.joined(row.values) for row in (head, *mine)))
    members = tuple(Member(*each) for each in content["members"])
    groups = tuple(Member(*each) for each in content["memberOf"])
    whole = len(groups) + len(members)
    done = whole - values.get("left", whole)
    return Tombstone(
        resource=content["resource"],
        type=type,
        version=content["version"],
        deleted=values["deleted"],
        due=values["due"],
        members=members[max(0, done - len(groups)) :],
        member_of=groups[done:],
        credential=content["credential"],
        keys=frozenset(Key(*each) for each in content["keys"]),
        change=values["change"],
        revived=values["revived"],
        guard=head.etag,
    )


def _broken(type: str, row: Row) -> Tombstone:
    """Say of rows of a tombstone that isn't whole whose they are, and when they are due."""
    _, _, id, *part = row.key.split(":")
    change = part[0] if part else row.values["change"]
    return Tombstone({"id": id}, type, "", row.values["deleted"], row.values["due"], change=change)
