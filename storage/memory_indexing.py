"""Claims and index rows of the store in memory, beside its traffic (`scim/indexing.py`)."""

from collections.abc import AsyncGenerator, Collection, Sequence

from scim.indexing import Leftover
from scim.keys import needed
from scim.repository import Gone, Key, Stale, Stored, Taken
from scim.schema import ResourceType
from storage.memory_journal import MemoryJournal


class MemoryIndexing(MemoryJournal):
    """The half of the port that rules are changed with."""

    async def index(
        self,
        type: ResourceType,
        stored: Stored,
        claims: Collection[Key],
        indexes: Collection[Key],
    ) -> None:
        self._count()
        row = self._partition.rows.get(stored.id)
        if row is None or row.type != type.name:
            raise Gone
        if row.version != stored.version:
            raise Stale
        self._check_claims(type, stored.id, claims)
        row.claims |= frozenset(claims)
        self._partition.index(stored.id, row, row.indexes | frozenset(indexes))
        self._partition.claims |= {(type.name, key): stored.id for key in claims}

    async def leftovers(self, type: ResourceType) -> AsyncGenerator[Sequence[Leftover], None]:
        self._count()
        found = []
        for id, row in self._partition.rows.items():
            claimed, indexed = needed(row.resource, type)
            if row.type == type.name and (row.claims - claimed or row.indexes - indexed):
                found.append(Leftover(id, type.name, row.version))
        if found:
            yield found

    async def unindex(self, type: ResourceType, leftovers: Collection[Leftover]) -> int:
        self._count()
        done = 0
        for each in leftovers:
            row = self._partition.rows.get(each.id)
            if row is None or row.version != each.guard:
                continue
            claimed, indexed = needed(row.resource, type)
            done += len(row.claims - claimed) + len(row.indexes - indexed)
            for key in row.claims - claimed:
                del self._partition.claims[type.name, key]
            row.claims &= claimed
            self._partition.index(each.id, row, row.indexes & indexed)
        return done

    def _check_claims(self, type: ResourceType, id: str, claims: Collection[Key]) -> None:
        """Refuse values that are another's. Raises Taken."""
        for key in sorted(claims, key=lambda each: (each.attribute, each.value)):
            if self._partition.claims.get((type.name, key), id) != id:
                raise Taken(key.attribute)
