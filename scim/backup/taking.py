"""Making a backup beside traffic.

The first round reads every row. Each further one reads the key and the mark of every row once more,
and what is another one by then, until a round finds nothing: then all rows were at the same moment,
between the two rounds, as they are in the backup (a double collect; Afek et al., "Atomic Snapshots
of Shared Memory", 1993). A directory that is written without pause doesn't settle; after `ROUNDS`
the backup is one of the last round's time, in which a row may be older than another one, and what
that leaves (a membership from one end alone) is what `repair` mends after it was brought back.

A large edit of members has rows that are read long after the members: what is done of it between
the two is in neither. So those that are pending are done first, and while a round finds such rows
to differ there is another one, up to `MOST`: where none does, what is still to be done was so when
the members were read, and what is not was done before.

Bookmarks of walks are left out: a walk doesn't outlive its server. The log is in it, but what is
added to the log alone unsettles nothing.

It can end anywhere and go on: what is done is noted when a part is.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scim import __version__, ids
from scim.backup import manifest, merging
from scim.backup.lines import Tally, kind, line
from scim.backup.manifest import Manifest, Part
from scim.backup.pairing import each_row, kept, key_of, pairs
from scim.backup.parts import whole, writing
from scim.backup.ports import BackupError, Damaged, NoFile, Progress, Row, Rows, Shelf
from scim.definitions import Document
from scim.directory import Directory
from scim.errors import Unavailable
from scim.registry import NoRecord, Registry
from scim.repository import Change
from scim.unfinished import Unfinished

ROUNDS = 5
MOST = 15  # rounds
PART = 100_000  # lines
_BATCH = 500  # rows that are read again side by side
_LOG = "c"
_EDIT = "p"
_ENDING = 60.0  # seconds that large edits are done for first


@dataclass(frozen=True, slots=True)
class Source:
    """The directory that a backup is made of, and the port to what is unfinished in it."""

    directory: Directory
    registry: Registry
    rows: Rows
    unfinished: Unfinished | None = None


async def take(
    source: Source,
    shelf: Shelf,
    folder: str,
    *,
    clock: Callable[[], datetime],
    progress: Progress = lambda done, total: None,  # noqa: ARG005 - nobody looks
    stop: Callable[[], bool] = lambda: False,
    part: int = PART,
) -> Manifest | None:
    """Make a backup in a folder, or go on with the one that broke off there.

    None when `stop` said so before it was done: the same call goes on. Raises BackupError, NoRecord
    and Unavailable; what was done stays.
    """
    await _end(source, clock)
    work = _Work(source, shelf, folder, clock, progress, stop, part)
    try:
        return await work.go_on(await work.begun())
    except Damaged:  # what is noted, perhaps by another version, or what it names
        return await work.go_on(work.anew())


async def _end(source: Source, clock: Callable[[], datetime]) -> None:
    """Do large edits that are pending; one that can't be done is backed up as it is."""
    port, made = source.unfinished, ids.Succession()
    if port is None or source.directory.moving is not None:  # its rows are compared with others
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_ENDING):
            for each in await port.unfinished():
                # Beside the request that may be at it; not so what was never begun, or is done.
                if each.edit and not each.done:
                    now = clock()
                    at = ids.timestamp(now)
                    with suppress(Unavailable):
                        change = Change(made.next(now), at, "update", operation="backup")
                        await port.finish(each, change)


class _Stopped(Exception):
    """The time is over; what is done is noted."""


class _Work:
    """One backup; `state` is what is noted of it."""

    def __init__(
        self,
        source: Source,
        shelf: Shelf,
        folder: str,
        clock: Callable[[], datetime],
        progress: Progress,
        stop: Callable[[], bool],
        part: int,
    ) -> None:
        self._source = source
        self._shelf = shelf
        self._folder = folder
        self._clock = clock
        self._progress = progress
        self._stop = stop
        self._part = part
        self._tally = Tally()

    async def begun(self) -> Manifest:
        """Read what is noted of a backup that broke off, or begin."""
        with suppress(NoFile):
            text = await whole(self._shelf, f"{self._folder}/{manifest.UNFINISHED}")
            return manifest.opened(text)
        return self.anew()

    def anew(self) -> Manifest:
        return Manifest(
            service=__version__,
            directory=_document(self._source.directory),
            began=ids.timestamp(self._clock()),
        )

    async def go_on(self, state: Manifest) -> Manifest | None:
        self._tally = Tally(dict(state.counts), state.digest)
        try:
            while not state.settled and (
                state.after or state.round <= (MOST if state.edited else ROUNDS)
            ):
                state = await self._round(state)
        except _Stopped:
            return None
        return await self._finish(state)

    async def _round(self, state: Manifest) -> Manifest:
        """Do what is left of a round, and note it part by part."""
        found = self._everything(state) if state.round == 0 else self._differing(state)
        last, ended = state.after, False
        differed, edited = (state.differed, state.edited) if last else (0, 0)
        async with aclosing(found) as rows:
            while not ended:
                number = len(state.parts)
                async with writing(
                    self._shelf, self._folder, "rows", state.round, number
                ) as writer:
                    while writer.lines < self._part and not self._stop():
                        some = await anext(rows, None)
                        if some is None:
                            ended = True
                            break
                        last, written = some
                        differed += sum(kind(each.key) != _LOG for each in written)
                        edited += sum(kind(each.key) == _EDIT for each in written)
                        await writer.add([line(each) for each in written])
                    made = await writer.close()
                state = self._noted(state, made, last)
                if state.round and last:  # before that, it is as the last round left it
                    state = state.model_copy(update={"differed": differed, "edited": edited})
                if not ended:
                    await self._note(state)
                    if self._stop():
                        raise _Stopped
        settled = state.round > 0 and not differed
        state = state.model_copy(
            update={"settled": settled, "round": state.round + (not settled), "after": ""}
        )
        await self._note(state)
        return state

    async def _everything(self, state: Manifest) -> AsyncGenerator[tuple[str, list[Row]]]:
        """Yield the rows page by page, each with the key that it ends at."""
        last, done = state.after, self._tally.total
        async with aclosing(self._source.rows.read(state.after)) as pages:
            async for page in pages:
                found = kept(page, last)
                for each in found:
                    last = each.key
                    self._tally.add(each)
                done += len(found)
                self._progress(done, None)
                yield last, found

    async def _differing(self, state: Manifest) -> AsyncGenerator[tuple[str, list[Row]]]:
        """Yield what is another row by now, with the key that was come to."""
        total, seen = self._tally.total, 0
        known = merging.rows(self._shelf, self._folder, _before(state), state.after)
        there = each_row(self._source.rows.read(state.after, marks=True))
        wanted: dict[str, Row | None] = {}
        last = state.after
        async with aclosing(known), aclosing(there):
            async for old, new in pairs(known, there):
                last = key_of(old, new)
                if old is None or new is None or old.mark != new.mark:
                    wanted[last] = old
                seen += 1
                if seen % _BATCH == 0:
                    self._progress(seen, max(total, seen))
                if len(wanted) == _BATCH or seen % (10 * _BATCH) == 0:
                    yield last, await self._again(wanted)
                    wanted = {}
            if seen:
                yield last, await self._again(wanted)

    async def _again(self, wanted: dict[str, Row | None]) -> list[Row]:
        """Read rows once more; those that are as they were, or were never there, are left out."""
        found = await self._source.rows.get(list(wanted)) if wanted else {}
        changed: list[Row] = []
        for key, old in wanted.items():
            new = found.get(key)
            if old is not None:
                self._tally.take(old)
            if new is not None:
                self._tally.add(new)
            if new is not None or old is not None:
                changed.append(new or Row(key, "", None))
        return changed

    def _noted(self, state: Manifest, made: Part, last: str) -> Manifest:
        return state.model_copy(
            update={
                "parts": (*state.parts, made.model_copy(update={"last": last})),
                "after": last,
                "counts": self._tally.counts,
                "digest": self._tally.digest,
                "foreign": len(self._source.rows.foreign) or state.foreign,
            }
        )

    async def _note(self, state: Manifest) -> None:
        async with self._shelf.write(f"{self._folder}/{manifest.UNFINISHED}") as write:
            await write(state.sealed())

    async def _finish(self, state: Manifest) -> Manifest:
        """Write the credentials and, last of all, the manifest."""
        registry, id = self._source.registry, self._source.directory.id
        now = await registry.directory_named(self._source.directory.name)
        if now is None or now.id != id or now.removing:
            raise NoRecord
        if now.storage != self._source.directory.storage:
            raise BackupError("the directory was moved to another storage account meanwhile")
        credentials = await registry.credentials(id)
        async with writing(self._shelf, self._folder, "credentials", 0, 0) as writer:
            await writer.add([_document_line(each) for each in credentials])
            made = await writer.close()
        same = _document(now) == state.directory
        state = state.model_copy(
            update={
                "directory": _document(now),
                "parts": (*state.parts, made),
                "credentials": len(credentials),
                "settled": state.settled and same,
                "ended": ids.timestamp(self._clock()),
                "after": "",
            }
        )
        async with self._shelf.write(f"{self._folder}/{manifest.NAME}") as write:
            await write(state.sealed())
        return state


def _before(state: Manifest) -> list[Part]:
    return [each for each in state.parts if each.round < state.round]


def _document(record: Document) -> dict[str, Any]:
    return record.model_dump(mode="json", by_alias=True, exclude_none=True)


def _document_line(record: Document) -> bytes:
    return record.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"
