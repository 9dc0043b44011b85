"""Reading a directory's partition: point reads and ranges, side by side where they can be."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

from scim.filters import Filter
from scim.keys import kinds
from scim.repository import Key, Member, Meter, Stored
from scim.room import MEMBER
from scim.schema import ResourceType
from scim.side_by_side import side_by_side, together
from storage import keys, rows
from storage.client import Partition
from storage.odata import push_down
from storage.picking import pick

_ANCHOR = ("RowKey", "type")
_MEMBER = ("RowKey", "type", "display")
_FEW = 10  # resources that a match query reads with their memberships; of more, a page is shown


class Reader:
    """The half of the repository that changes nothing."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition

    @property
    def partition(self) -> Partition:
        """The rows themselves, for who looks after them."""
        return self._partition

    @property
    def meter(self) -> Meter:
        return self._partition.meter

    async def get(
        self, type: ResourceType, id: str, *, members: bool = False, member_of: bool = False
    ) -> Stored | None:
        if not keys.usable(id):
            return None
        found, mine, theirs = await together(
            self._partition.get(keys.resource(type.name, id)),
            self.members(type.name, id) if members else _nothing(),
            self.member_of(type.name, id) if member_of else _nothing(),
        )
        if found is None:
            return None
        one = rows.stored(found)
        await self.meter.load.hold(one.weight)
        if members and one.pending.endswith(keys.ENDED):  # members may be from before that
            self.meter.load.free(MEMBER * len(mine or ()))
            mine = None
            mine = await self.members(type.name, id)
        return replace(one, members=mine, member_of=theirs)

    async def find(
        self, type: ResourceType, key: Key, *, members: bool = False, member_of: bool = False
    ) -> list[Stored]:
        ids = await self.holders(type, key)
        few = len(ids) <= _FEW
        read = await side_by_side(
            lambda each: self.get(type, each, members=members and few, member_of=member_of and few),
            ids,
        )
        return [each for each in read.values() if each is not None]

    async def holders(self, type: ResourceType, key: Key) -> list[str]:
        claimed, indexed = kinds(key.attribute, type)
        ends = keys.below(keys.index(type.name, key, ""))
        claim, found = await together(
            self._partition.get(keys.claim(type.name, key)) if claimed else _nothing(),
            self._partition.range(*ends, select=("RowKey",)) if indexed else _nothing(),
        )
        ids = {keys.last_part(each.key) for each in found or ()}
        return sorted(ids | ({str(claim.values["owner"])} if claim is not None else set()))

    async def scan(
        self,
        type: ResourceType,
        *,
        filter: Filter | None = None,
        after: str = "",
        before: str = "",
        size: int = 1000,
    ) -> AsyncGenerator[Sequence[Stored], None]:
        ends = _between(type, after, before)
        where = push_down(filter, type)
        async with aclosing(self._partition.pages(*ends, where=where, size=size)) as pages:
            async for page in pages:
                found = [rows.stored(each) for each in page]
                page.clear()  # whoever hands it on still has the list
                yield found

    async def ids(
        self, type: ResourceType, *, after: str = "", before: str = ""
    ) -> AsyncGenerator[Sequence[str], None]:
        ends = _between(type, after, before)
        async with aclosing(self._partition.pages(*ends, select=("RowKey",))) as pages:
            async for page in pages:
                yield [keys.last_part(each.key) for each in page]

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
        found: dict[str, list[Member]] = {id: [] for id in known}
        async for page in self._partition.pages(first, last, select=_MEMBER):
            await self.meter.load.hold(MEMBER * len(page))
            for row in page:
                owner = row.key.split(":")[2]
                if owner in found:
                    found[owner] += rows.members((row,))
        return nobody | {id: tuple(some) for id, some in found.items()}

    async def contains(
        self, type: ResourceType, group: str, members: Collection[str]
    ) -> tuple[Member, ...]:
        return await self.contained(type.name, group, members)

    async def contained(
        self, type: str, group: str, members: Collection[str]
    ) -> tuple[Member, ...]:
        """Read which of some ids are members of a group, by point reads side by side."""
        wanted = {id for id in members if keys.usable(id)} if keys.usable(group) else set()
        found = await pick(self._partition, keys.member(type, group, ""), wanted, select=_MEMBER)
        return rows.members(found.values())

    async def types_of(self, ids: Collection[str]) -> Mapping[str, str]:
        wanted = {id for id in ids if keys.usable(id)}
        found = await pick(self._partition, keys.anchor(""), wanted, select=_ANCHOR)
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
        return await self._ends(keys.member(type, group, ""))

    async def member_of(self, type: str, member: str) -> tuple[Member, ...]:
        """Read all groups that a resource is in, in the order of their ids."""
        return await self._ends(keys.group(type, member, ""))

    async def _ends(self, prefix: str) -> tuple[Member, ...]:
        """Read the other ends of memberships; no row of 100,000 is held any longer than a page."""
        found: list[Member] = []
        ends = keys.below(prefix)
        async for page in self._partition.pages(*ends, select=_MEMBER, any_order=True):
            await self.meter.load.hold(MEMBER * len(page))
            found += rows.members(page)
        found.sort(key=lambda each: each.id)
        return tuple(found)


def _between(type: ResourceType, after: str, before: str) -> tuple[str, str]:
    """Give both ends of a range of a type's resources."""
    first, last = keys.below(keys.resource(type.name, ""))
    return (
        keys.resource(type.name, after) if after else first,
        keys.resource(type.name, before) if before else last,
    )


async def _nothing() -> None:
    return None
