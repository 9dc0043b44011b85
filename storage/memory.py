"""The reference store: the repository's promises in their simplest form, in memory.

No method awaits between reading and writing, so each is atomic on the event loop. Resources are
copied at the door: what a caller does to one later changes nothing here.
"""

from collections.abc import Collection, Sequence

from scim.keys import moves, needed
from scim.repository import (
    Change,
    Gone,
    Key,
    Member,
    MemberEdit,
    Meter,
    Missing,
    Stale,
    Stored,
)
from scim.schema import Resource, ResourceType
from scim.tombstones import Tombstone
from storage import rows
from storage.journal import of_change
from storage.memory_indexing import MemoryIndexing
from storage.memory_reading import MemoryReading
from storage.memory_rows import Partition, Row
from storage.memory_tombstones import MemoryTombstones


class MemoryRepository(MemoryTombstones, MemoryIndexing, MemoryReading):
    """One directory's resources, in a partition that its owner keeps."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self.meter = Meter()

    async def create(
        self,
        type: ResourceType,
        resource: Resource,
        change: Change,
        *,
        members: Sequence[Member] = (),
        refers: Collection[str] = (),
        revives: Tombstone | None = None,
    ) -> Stored:
        self._count()
        rows.document(resource)
        id = resource["id"]
        if revives is not None:
            self._check_tombstone(type, revives)
            if id in self._partition.rows:
                raise Stale
        self._check(type, resource, refers, members)
        self._write(type, resource, change)
        self._partition.marks.update([*refers, *(each.id for each in members)])
        if members:  # nobody's groups are looked for where there are no members
            self._partition.members[id] = {each.id: self._typed(each) for each in members}
        if revives is not None:
            self._restore(type, revives, change)
            del self._partition.tombstones[type.name, id]
        revived = revives is not None
        return self._stored(self._partition.rows[id], members=True, member_of=revived)

    async def replace(
        self,
        type: ResourceType,
        before: Stored,
        resource: Resource,
        change: Change,
        *,
        edit: MemberEdit | None = None,
        refers: Collection[str] = (),
    ) -> Stored:
        self._count()
        rows.document(resource)
        self._guard(type, before.id, before.version)
        self._check(type, resource, refers, edit.add if edit else ())
        self._write(type, resource, change)
        self._partition.marks.update(refers)
        if edit is not None:
            self._edit(before.id, edit)
        return self._stored(self._partition.rows[before.id])

    async def edit_members(
        self,
        type: ResourceType,
        id: str,
        edit: MemberEdit,
        change: Change,
        *,
        version: str | None = None,
    ) -> str:
        self._count()
        row = self._guard(type, id, version)
        self._check_members(edit.add)
        if self._edit(id, edit) or self._overtakes(edit):
            self._touch(row, change)
            self._log(change, row.type, id)
        return row.version

    async def delete(
        self,
        type: ResourceType,
        before: Stored,
        change: Change,
        *,
        mark: str | None = None,
        watched: Sequence[tuple[ResourceType, Key]] = (),
        keep: Tombstone | None = None,
        edited: bool = True,  # noqa: ARG002 - a write is done whole here
    ) -> list[list[Stored]]:
        self._count()
        row = self._guard(type, before.id, before.version)
        if keep is not None:
            self._check_tombstone(type, keep)
        if mark is not None and mark != str(self._partition.marks[before.id]):
            raise Stale
        partition = self._partition
        if keep is not None:
            self._bury(type, keep)
        for key in row.claims:
            del partition.claims[type.name, key]
        partition.index(before.id, row, frozenset())
        del partition.rows[before.id]
        partition.members.pop(before.id, None)
        for group, members in partition.members.items():
            if members.pop(before.id, None):
                self._touch(partition.rows[group], change)
        self._log(change, type.name, before.id)
        return [await self.find(other, key) for other, key in watched]

    def _log(self, change: Change, type: str, id: str) -> None:
        self._partition.journal[change.id] = of_change(type, id, change)

    def _guard(self, type: ResourceType, id: str, version: str | None) -> Row:
        row = self._partition.rows.get(id)
        if row is None or row.type != type.name:
            raise Gone
        if version is not None and row.version != version:
            raise Stale
        return row

    def _check(
        self,
        type: ResourceType,
        resource: Resource,
        refers: Collection[str],
        members: Sequence[Member],
    ) -> None:
        """Refuse a write before anything of it is done."""
        old = self._partition.rows.get(resource["id"])
        keyed = moves(old.resource if old else None, resource, type)
        self._check_claims(type, resource["id"], keyed.claim)
        rows.check_room(len(keyed.claim) + len(keyed.unclaim), len(refers))
        missing = [id for id in refers if id not in self._partition.rows]
        if missing:
            raise Missing(missing)
        self._check_members(members)

    def _check_members(self, members: Sequence[Member]) -> None:
        for each in members:
            rows.check_display(each)
        missing = [each.id for each in members if each.id not in self._partition.rows]
        if missing:
            raise Missing(missing)

    def _write(self, type: ResourceType, resource: Resource, change: Change) -> None:
        partition, id = self._partition, resource["id"]
        old = partition.rows.get(id) or Row(type.name, {}, "")
        keyed = moves(old.resource, resource, type)
        claimed, indexed = needed(resource, type)
        for key in old.claims:
            del partition.claims[type.name, key]
        # What nobody has indexed yet isn't by a write that leaves it alone (`scim/keys.py`).
        row = Row(
            type.name,
            rows.copied(resource),
            change.id,
            (old.claims & claimed) | keyed.claim,
            old.indexes,
        )
        partition.claims |= {(type.name, key): id for key in row.claims}
        partition.index(id, row, (old.indexes & indexed) | keyed.index)
        partition.rows[id] = row
        self._log(change, type.name, id)

    def _edit(self, group: str, edit: MemberEdit) -> bool:
        """Edit a group's members; tell whether anything differs now."""
        members = self._partition.members.setdefault(group, {})
        named = {each.id for each in edit.add}
        gone = (set(members) if edit.replace else set(edit.remove) & set(members)) - named
        new = [each for each in edit.add if each.id not in members]
        for id in gone:
            del members[id]
        for each in new:
            members[each.id] = self._typed(each)
        self._partition.marks.update(each.id for each in new)
        return bool(gone or new)

    def _typed(self, member: Member) -> Member:
        return Member(member.id, self._partition.rows[member.id].type, member.display)
