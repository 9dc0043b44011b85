"""Reading a directory's partition: point reads and ranges, side by side where they can be."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Literal

from scim.filters import Filter
from scim.keys import kinds
from scim.repository import Key, Member, Meter, Stored
from scim.schema import ResourceType
from scim.side_by_side import side_by_side
from storage import keys, rows
from storage.client import Partition, Row
from storage.odata import push_down

_FEW = 10  # resources that a match query reads with their memberships; of more, a page is shown


class Reader:
    """The half of the repository that changes nothing."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition

    @property
    def meter(self) -> Meter:
        return self._partition.meter

    async def get(
        self, type: ResourceType, id: str, *, members: bool = False, member_of: bool = False
    ) -> Stored | None:
        if not keys.usable(id):
            return None
        found, mine, theirs = await asyncio.gather(
            self._partition.get(keys.resource(type.name, id)),
            self.members(type.name, id) if members else _nothing(),
            self.member_of(type.name, id) if member_of else _nothing(),
        )
        if found is None:
            return None
        one = rows.stored(found)
        return Stored(one.resource, one.version, one.guard, mine, theirs)

    async def find(
        self, type: ResourceType, key: Key, *, members: bool = False, member_of: bool = False
    ) -> list[Stored]:
        claimed, indexed = kinds(key.attribute, type)
        ends = keys.below(keys.index(type.name, key, ""))
        claim, found = await asyncio.gather(
            self._partition.get(keys.claim(type.name, key)) if claimed else _nothing(),
            self._partition.range(*ends, select=("RowKey",)) if indexed else _nothing(),
        )
        holders = {keys.last_part(each.key) for each in found or ()}
        ids = sorted(holders | ({str(claim.values["owner"])} if claim is not None else set()))
        few = len(ids) <= _FEW
        read = await side_by_side(
            lambda each: self.get(type, each, members=members and few, member_of=member_of and few),
            ids,
        )
        return [each for each in read.values() if each is not None]

    async def scan(
        self,
        type: ResourceType,
        *,
        filter: Filter | None = None,
        after: str = "",
        before: str = "",
        size: int = 1000,
    ) -> AsyncGenerator[Sequence[Stored], None]:
        first, last = keys.below(keys.resource(type.name, ""))
        pages = self._partition.pages(
            keys.resource(type.name, after) if after else first,
            keys.resource(type.name, before) if before else last,
            where=push_down(filter, type),
            size=size,
        )
        async for page in pages:
            if page:
                yield [rows.stored(each) for each in page]

    async def ids(self, type: ResourceType) -> list[str]:
        ends = keys.below(keys.resource(type.name, ""))
        found = await self._partition.range(*ends, select=("RowKey",))
        return sorted(keys.last_part(each.key) for each in found)

    async def related(
        self,
        type: ResourceType,
        ids: Sequence[str],
        way: Literal["members", "member_of"],
        *,
        contiguous: bool = False,
    ) -> Mapping[str, tuple[Member, ...]]:
        known = [id for id in ids if keys.usable(id)]
        nobody: dict[str, tuple[Member, ...]] = dict.fromkeys(ids, ())
        if not contiguous or len(known) < 2:
            one = self.members if way == "members" else self.member_of
            return nobody | await side_by_side(lambda each: one(type.name, each), known)
        place = keys.member if way == "members" else keys.group
        first, _ = keys.below(place(type.name, min(known), ""))
        _, last = keys.below(place(type.name, max(known), ""))
        found: dict[str, list[Row]] = {id: [] for id in known}
        for row in await self._partition.range(first, last):
            owner = row.key.split(":")[2]
            if owner in found:
                found[owner].append(row)
        return nobody | {id: rows.members(some) for id, some in found.items()}

    async def contains(
        self, type: ResourceType, group: str, members: Collection[str]
    ) -> tuple[Member, ...]:
        return await self.contained(type.name, group, members)

    async def contained(
        self, type: str, group: str, members: Collection[str]
    ) -> tuple[Member, ...]:
        """Read which of some ids are members of a group, by point reads side by side."""
        wanted = {id for id in members if keys.usable(id)} if keys.usable(group) else set()
        found = await self._partition.get_all([keys.member(type, group, id) for id in wanted])
        return rows.members(found.values())

    async def types_of(self, ids: Collection[str]) -> Mapping[str, str]:
        wanted = {id for id in ids if keys.usable(id)}
        found = await self._partition.get_all([keys.anchor(id) for id in wanted])
        return {keys.last_part(key): str(row.values["type"]) for key, row in found.items()}

    async def reviving(self) -> bool:
        return bool(await self._partition.range(*keys.below(keys.REVIVALS), select=("RowKey",)))

    async def mark(self, id: str) -> str | None:
        if not keys.usable(id):
            return None
        anchor = await self._partition.get(keys.anchor(id))
        return anchor.etag if anchor is not None else None

    async def recall(self, name: str) -> str | None:
        found = await self._partition.get(keys.bookmark(name))
        return rows.joined(found.values) if found is not None else None

    async def members(self, type: str, group: str) -> tuple[Member, ...]:
        """Read all members of a group, in the order of their ids."""
        return rows.members(await self._partition.range(*keys.below(keys.member(type, group, ""))))

    async def member_of(self, type: str, member: str) -> tuple[Member, ...]:
        """Read all groups that a resource is in, in the order of their ids."""
        return rows.members(await self._partition.range(*keys.below(keys.group(type, member, ""))))


async def _nothing() -> None:
    return None
