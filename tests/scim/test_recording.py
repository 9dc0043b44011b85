"""Refusals in a directory's log, and where they would be in the way."""

from datetime import UTC, datetime

import pytest

from scim.directory import Directory, Restoring
from scim.errors import Forbidden
from scim.notes import Notes
from scim.recording import Recorder
from storage.memory import MemoryRepository
from storage.memory_rows import Partition

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RESTORING = Restoring(backup="b", run="r", at="2026-11-20T12:00:00Z")


@pytest.mark.parametrize(("restoring", "entries"), [(None, 1), (RESTORING, 0)])
async def test_nothing_is_added_to_what_is_compared_with_a_backup(
    restoring: Restoring | None, entries: int
) -> None:
    """A client that calls meanwhile must not make a restore fail."""
    directory = Directory(id="contoso00", name="contoso", enabled=False, restoring=restoring)
    repository = MemoryRepository(Partition())
    notes = Notes("request", directory, repository, "credential", error=Forbidden("it is off"))
    await Recorder().record(notes, repository, NOW)
    assert len([each async for each in repository.entries()]) == entries
