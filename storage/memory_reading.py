"""Reading a directory of the reference store; resources are copied at the door."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Literal

from scim.filters import Filter
from scim.repository import Change, Key, Member, Stored
from scim.schema import ResourceType
from scim.unfinished import Work
from storage import rows
from storage.memory_journal import MemoryJournal
from storage.memory_rows import Row


class MemoryReading(MemoryJournal):
    """The half of the repository that changes nothing."""

    async def get(
        self, type: ResourceType, id: str, *, members: bool = False, member_of: bool = False
    ) -> Stored | None:
        self._count()
        row = self._partition.rows.get(id)
        if row is None or row.type != type.name:
            return None
        return self._stored(row, members=members, member_of=member_of)

    async def find(
        self, type: ResourceType, key: Key, *, members: bool = False, member_of: bool = False
    ) -> list[Stored]:
        rows = self._partition.rows
        return [
            self._stored(rows[id], members=members, member_of=member_of)
            for id in await self.holders(type, key)
        ]

    async def holders(self, type: ResourceType, key: Key) -> list[str]:
        self._count()
        found = set(self._partition.indexed.get((type.name, key), ()))
        if (owner := self._partition.claims.get((type.name, key))) is not None:
            found.add(owner)
        return sorted(found)

    async def scan(
        self,
        type: ResourceType,
        *,
        filter: Filter | None = None,  # noqa: ARG002 - a hint, and everything is near here
        after: str = "",
        before: str = "",
        size: int = 1000,
    ) -> AsyncGenerator[Sequence[Stored], None]:
        some = [after]
        while some:
            self._count()
            some = self._ids(type, some[-1], before)[:size]
            if some:
                yield [self._stored(self._partition.rows[id]) for id in some]
            if len(some) < size:
                return

    async def ids(
        self, type: ResourceType, *, after: str = "", before: str = ""
    ) -> AsyncGenerator[Sequence[str], None]:
        self._count()
        if found := self._ids(type, after, before):
            yield found

    def _ids(self, type: ResourceType, after: str, before: str) -> list[str]:
        rows = self._partition.rows
        return sorted(
            id
            for id, row in rows.items()
            if after < id and (not before or id < before) and row.type == type.name
        )

    async def related(
        self,
        type: ResourceType,  # noqa: ARG002 - ids are unique over all types
        ids: Sequence[str],
        way: Literal["members", "member_of"],
        *,
        contiguous: bool = False,  # noqa: ARG002 - nothing is far here
    ) -> Mapping[str, tuple[Member, ...]]:
        self._count()
        read = self._members if way == "members" else self._member_of
        return {id: read(id) for id in ids}

    async def contains(
        self,
        type: ResourceType,  # noqa: ARG002 - ids are unique over all types
        group: str,
        members: Collection[str],
    ) -> tuple[Member, ...]:
        self._count()
        mine = self._partition.members.get(group, {})
        return tuple(mine[id] for id in sorted(set(members)) if id in mine)

    async def types_of(self, ids: Collection[str]) -> Mapping[str, str]:
        self._count()
        rows = self._partition.rows
        return {id: rows[id].type for id in ids if id in rows}

    async def mark(self, id: str) -> str | None:
        self._count()
        return str(self._partition.marks[id]) if id in self._partition.rows else None

    async def unfinished(self) -> list[Work]:
        self._count()
        return []  # a write is done whole here

    async def finish(self, work: Work, change: Change) -> bool:  # noqa: ARG002 - nothing is left
        self._count()
        return False

    async def editing(self) -> bool:
        self._count()
        return False

    async def settle(self, type: ResourceType, id: str, change: Change) -> bool:  # noqa: ARG002
        self._count()
        return False

    def _members(self, id: str) -> tuple[Member, ...]:
        members = self._partition.members.get(id, {})
        return tuple(members[each] for each in sorted(members))

    def _member_of(self, id: str) -> tuple[Member, ...]:
        partition = self._partition
        groups = sorted(group for group, members in partition.members.items() if id in members)
        return tuple(Member(group, partition.rows[group].type) for group in groups)

    def _stored(self, row: Row, *, members: bool = False, member_of: bool = False) -> Stored:
        id = row.resource["id"]
        self.meter.rows += 1
        return Stored(
            rows.copied(row.resource),
            row.version,
            row.version,
            self._members(id) if members else None,
            self._member_of(id) if member_of else None,
        )
