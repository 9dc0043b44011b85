"""Writing what was refused into a directory's log: one write beside the answer, and no harm to it.

A client that is refused a thousand times a minute must neither fill the log nor slow the store: of
a minute the first are written, and one entry says that more were left out.
"""

import asyncio
import logging
from collections import Counter
from datetime import datetime

from scim import ids
from scim.errors import ScimError, TooManyRequests, Unavailable
from scim.journal import Entry
from scim.notes import Notes
from scim.repository import Repository

MOST_A_MINUTE = 60  # entries of a directory that this process adds, beside those of writes
PATIENCE = 2  # seconds that an answer waits for its entry
_LEFT_OUT = (
    "more requests were refused in this minute than are recorded: what they have in common is"
    " above, the service's own log has one line for each"
)

_logger = logging.getLogger("scim.recording")


class Recorder:
    """Records the notes of requests, so many in a minute."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: Counter[str] = Counter()

    async def record(self, notes: Notes, repository: Repository, now: datetime) -> None:
        """Write the entries of a request, if it makes any. Never raises: the answer is out."""
        if notes.directory is not None and notes.directory.restoring is not None:
            return  # its rows are compared with a backup's
        # A store that can't serve the request is spared another write, and its client the wait.
        refused = [each for each in notes.entries(now) if each.status != Unavailable.status]
        entries = self._admitted(notes, refused, now) if refused else []
        if not entries:
            return
        # Gathered, so that whatever happens is looked at here and the answer stays what it is.
        [failed] = await asyncio.gather(
            asyncio.wait_for(repository.record(*entries), PATIENCE), return_exceptions=True
        )
        if isinstance(failed, ScimError | TimeoutError):
            _logger.warning("request %s could not be recorded: the store is busy", notes.request)
        elif failed is not None:
            _logger.error("request %s could not be recorded", notes.request, exc_info=failed)

    def _admitted(self, notes: Notes, entries: list[Entry], now: datetime) -> list[Entry]:
        """Take as many entries as this minute has room for."""
        minute = int(now.timestamp()) // 60
        if minute != self._minute:
            self._minute, self._counts = minute, Counter()
        assert notes.directory is not None  # whose the repository is  # noqa: S101
        place = f"directory {notes.directory.id}"
        # Told once a minute: each of a flood says the same, and others' entries need the room.
        said = notes.reason or ("rate" if isinstance(notes.error, TooManyRequests) else "")
        if entries and said and not self._admits(f"{place} {notes.credential} {said}", 1):
            return []
        before = self._counts[place]
        admitted = [each for each in entries if self._admits(place, MOST_A_MINUTE)]
        if before <= MOST_A_MINUTE < self._counts[place]:
            admitted.append(_left_out(notes, now))
        return admitted

    def _admits(self, key: str, most: int) -> bool:
        self._counts[key] += 1
        return self._counts[key] <= most


def _left_out(notes: Notes, now: datetime) -> Entry:
    return Entry(notes.succession.next(now), ids.timestamp(now), "warn", detail=_LEFT_OUT)
