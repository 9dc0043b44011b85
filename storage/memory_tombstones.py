"""The tombstones of the reference store."""

from collections import Counter
from collections.abc import AsyncGenerator, Collection
from dataclasses import replace

from scim.repository import Change, Gone, Key, Member, MemberEdit, Stale
from scim.schema import ResourceType
from scim.tombstones import Tombstone
from storage.journal import of_change
from storage.memory_journal import MemoryJournal
from storage.memory_rows import Row
from storage.rows import copied


class MemoryTombstones(MemoryJournal):
    """The part of the repository that keeps what was deleted."""

    async def buried(self, type: ResourceType, keys: Collection[Key]) -> list[Tombstone]:
        self._count()
        found = [
            _copied(each)
            for (name, id), each in self._partition.tombstones.items()
            if name == type.name and id not in self._partition.rows
            if each.restorable and not each.keys.isdisjoint(keys)
        ]
        return sorted(found, key=lambda each: each.deleted, reverse=True)

    async def tombstone(self, type: ResourceType, id: str) -> Tombstone | None:
        self._count()
        found = self._partition.tombstones.get((type.name, id))
        return _copied(found) if found is not None else None

    async def tombstones(self, type: ResourceType) -> AsyncGenerator[Tombstone]:
        self._count()
        for name, id in sorted(self._partition.tombstones):
            found = self._partition.tombstones.get((name, id))
            if found is not None and name == type.name:
                yield _copied(found)

    async def buried_types(self) -> list[str]:
        self._count()
        return sorted({name for name, _ in self._partition.tombstones})

    async def bury(self, type: ResourceType, tombstone: Tombstone) -> None:
        self._count()
        self._check_tombstone(type, tombstone)
        self._bury(type, tombstone)

    async def reviving(self) -> bool:
        self._count()
        return self._reviving()

    async def lasting(self, type: ResourceType, tombstone: Tombstone) -> Tombstone:  # noqa: ARG002 - ids are unique over all types
        self._count()
        return self._lasting(tombstone)

    async def rejoin(self, type: ResourceType, tombstone: Tombstone, change: Change) -> None:
        self._count()
        if tombstone.id not in self._partition.rows:
            raise Gone
        if self._lasting(tombstone) != tombstone:
            raise Stale
        if self._restore(type, tombstone, change):
            entry = of_change(type.name, tombstone.id, change)
            self._partition.journal[change.id] = entry
        self._partition.tombstones.pop((type.name, tombstone.id), None)

    async def forget(self, type: ResourceType, tombstone: Tombstone) -> None:
        self._count()
        found = self._partition.tombstones.get((type.name, tombstone.id))
        if found is not None and found.guard == tombstone.guard:
            del self._partition.tombstones[type.name, tombstone.id]

    def _check_tombstone(self, type: ResourceType, read: Tombstone) -> None:
        """Refuse a write beside a tombstone that is not what was read."""
        found = self._partition.tombstones.get((type.name, read.id))
        if (found.guard if found is not None else "") != read.guard:
            raise Stale

    def _reviving(self) -> bool:
        return any(each.revived for each in self._partition.tombstones.values())

    def _overtakes(self, edit: MemberEdit) -> bool:
        """Tell whether an edit that finds nobody to remove may be about who is yet to come back."""
        return (edit.replace or bool(edit.remove)) and self._reviving()

    def _lasting(self, tombstone: Tombstone) -> Tombstone:
        there, since = self._partition.rows, tombstone.revived or tombstone.change
        if tombstone.id not in there:
            return tombstone
        return replace(
            tombstone,
            members=tombstone.members if there[tombstone.id].version == since else (),
            member_of=tuple(
                each
                for each in tombstone.member_of
                if each.id not in there or there[each.id].version <= since
            ),
        )

    def _bury(self, type: ResourceType, tombstone: Tombstone) -> None:
        kept = replace(_copied(tombstone), guard=tombstone.change)
        self._partition.tombstones[type.name, tombstone.id] = kept

    def _restore(self, type: ResourceType, tombstone: Tombstone, change: Change) -> bool:
        """Restore memberships whose other end is there; tell whether there were any."""
        partition, id = self._partition, tombstone.id
        restored = Counter[str]()
        for each in tombstone.members:
            mine = partition.members.get(id, {})
            if each.id not in mine and each.id != id and self._is(each):
                partition.members.setdefault(id, {})[each.id] = each
                restored[each.id] += 1
        if restored:
            self._touch(partition.rows[id], change)
        for each in tombstone.member_of:
            theirs = partition.members.get(each.id, {})
            if id not in theirs and each.id != id and self._is(each):
                partition.members.setdefault(each.id, {})[id] = Member(id, type.name)
                self._touch(partition.rows[each.id], change)
                restored[id] += 1
        partition.marks.update(restored)
        return bool(restored)

    def _is(self, member: Member) -> bool:
        row = self._partition.rows.get(member.id)
        return row is not None and row.type == member.type

    def _touch(self, row: Row, change: Change) -> None:
        row.version = change.id
        row.resource["meta"] = {**row.resource["meta"], "lastModified": change.at}


def _copied(tombstone: Tombstone) -> Tombstone:
    return replace(tombstone, resource=copied(tombstone.resource))
