"""The log and the bookmarks of the reference store, and the end of what it keeps."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import fields
from datetime import UTC, datetime

from scim.journal import Entry
from scim.repository import Meter
from storage.memory_rows import Partition


class MemoryJournal:
    """The part of the repository that keeps the log, and deletes what is no longer needed."""

    _partition: Partition
    meter: Meter

    async def record(self, *entries: Entry) -> None:
        self._count()
        self._partition.journal |= {each.id: each for each in entries}

    async def entries(self, after: str = "", before: str = "") -> AsyncGenerator[Entry]:
        self._count()
        journal = self._partition.journal
        for id in sorted(journal):
            if after < id and (not before or id < before):
                yield journal[id]

    async def purge_journal(self, before: str) -> int:
        self._count()
        old = [id for id in self._partition.journal if id < before]
        for id in old:
            del self._partition.journal[id]
        return len(old)

    async def remember(self, name: str, value: str) -> None:
        self._count()
        self._partition.texts[name] = (value, datetime.now(UTC))

    async def recall(self, name: str) -> str | None:
        self._count()
        found = self._partition.texts.get(name)
        return found[0] if found is not None else None

    async def purge_bookmarks(self, before: datetime) -> int:
        self._count()
        old = [name for name, (_, at) in self._partition.texts.items() if at < before]
        for name in old:
            del self._partition.texts[name]
        return len(old)

    async def clear(self, progress: Callable[[int, int], None]) -> None:
        self._count()
        kept = [getattr(self._partition, each.name) for each in fields(self._partition)]
        total = sum(map(len, kept))
        for each in kept:
            each.clear()
        progress(total, total)

    def _count(self) -> None:
        self.meter.calls += 1
        self.meter.rounds += 1
