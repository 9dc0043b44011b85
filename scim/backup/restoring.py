"""Bringing a backup back: checked whole, then written into an empty place, then compared.

The directory is recorded first, switched off and marked with who restores it, so that its name is
taken, nobody is let in and the purge leaves it alone; it is switched on when all else is done. The
mark is renewed every half minute. One that broke off is older than that: the same restore goes on
where it was, by the same call, and another one is refused.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from scim import ids
from scim.backup import manifest, merging
from scim.backup.lines import Tally, kind
from scim.backup.manifest import Manifest
from scim.backup.pairing import BOOKMARKS
from scim.backup.parts import lines, whole
from scim.backup.ports import BackupError, Damaged, Occupied, Progress, Row, Rows, Shelf
from scim.directory import Directory, Restoring
from scim.registry import Credential, NameTaken, NoRecord, Registry
from scim.values import parse_datetime

BEAT = timedelta(seconds=30)
# Whoever has not renewed their mark for so long is gone; a write of theirs takes 20 s at most.
GONE = timedelta(seconds=150)
_BATCH = 1_000  # rows that are written side by side
_COMPARED = "~"  # after every key: all is written, and was compared


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was found; not checked yet, but for its manifest."""

    shelf: Shelf
    folder: str
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Target:
    """The store that a backup is brought back into; `name` is None for the name that it had."""

    registry: Registry
    rows: Callable[[Directory], Rows]
    name: str | None = None
    placed: str | None = None


class Overtaken(BackupError):
    """Somebody else restores, or removed, what this one was restoring."""


async def find(shelf: Shelf, folder: str) -> Backup:
    """Read a backup's manifest. Raises NoFile where there is none, Damaged."""
    text = await whole(shelf, f"{folder}/{manifest.NAME}")
    return Backup(shelf, folder, manifest.opened(text))


def _unseen(done: int, total: int | None) -> None:
    """Tell nobody."""


async def check(backup: Backup, progress: Progress = _unseen) -> list[Credential]:
    """Read all of a backup, and compare it with its manifest; its credentials. Raises Damaged."""
    own, done, tally = backup.manifest, 0, Tally()
    parts = [each for each in own.parts if each.kind == "rows"]
    async with aclosing(merging.rows(backup.shelf, backup.folder, parts)) as found:
        async for row in found:
            tally.add(row)
            done += 1
            if done % _BATCH == 0:
                progress(done, own.rows)
    if (tally.counts, tally.digest) != (own.counts, own.digest):
        raise Damaged("the backup is damaged: its rows are not those that its manifest counts")
    credentials = []
    for part in own.parts:
        if part.kind == "credentials":
            async with aclosing(lines(backup.shelf, backup.folder, part)) as texts:
                credentials += [_credential(each) async for each in texts]
    if len(credentials) != own.credentials:
        raise Damaged("the backup is damaged: it has not the tokens that its manifest counts")
    own.record()
    return credentials


async def restore(
    backup: Backup,
    credentials: list[Credential],
    target: Target,
    *,
    clock: Callable[[], datetime],
    progress: Progress = _unseen,
    phase: Callable[[str], None] = lambda what: None,  # noqa: ARG005 - nobody looks
    mend: Callable[[Directory], Awaitable[None]] | None = None,
) -> Directory:
    """Bring back a backup that was checked; the directory as it is then.

    Into another directory, its tokens stay behind, and whom of Entra's it trusts: each opens the
    one that it was made for. `mend` is called where rows may not fit one another. Raises Occupied,
    Damaged, Unavailable; what is there by then is switched off.
    """
    work = _Work(backup, target, clock)
    record = await work.begun()
    rows = target.rows(record)
    if not work.compared:
        phase("writing")
        await work.write(rows, progress)
        phase("comparing what was written with the backup")
        await work.compare(rows, progress)
    if mend is not None and not backup.manifest.settled:
        phase("mending what was written while the backup was made")
        await mend(record)
    for each in credentials:
        if each.directory == record.id:
            await target.registry.add_credential(each)
    return await work.finished()


class _Work:
    """One restore; its mark says how far it has come."""

    def __init__(self, backup: Backup, target: Target, clock: Callable[[], datetime]) -> None:
        self._backup = backup
        self._target = target
        self._clock = clock
        self._run = secrets.token_hex(8)
        self._beaten = clock()
        self._last = ""
        self._record = backup.manifest.record()

    async def begun(self) -> Directory:
        """Record the directory, or take over what broke off. Raises Occupied."""
        registry, was = self._target.registry, self._backup.manifest.record()
        name = self._target.name or was.name
        found = await registry.directory_named(name)
        if found is not None:
            return await self._taken_over(found)
        id = was.id if self._target.name is None else ids.resource_id().replace("-", "")
        changed = {"id": id, "name": name, "enabled": False, "removing": False}
        # A move that was under way would remove what is written here.
        changed |= {"restoring": self._mark(""), "storage": self._target.placed, "moving": None}
        if id != was.id:
            changed["entra"] = None
        record = was.model_copy(update=changed)
        async with aclosing(self._target.rows(record).read(marks=True)) as pages:
            async for page in pages:
                if page:
                    raise Occupied(f"there are rows of a directory {id} already: it is not empty")
        try:
            await registry.add_directory(record)
        except NameTaken as taken:
            raise _occupied(name) from taken
        # Of two that restore one id at once, each finds the record of the first.
        found = await registry.directory_named(name)
        if found is None or found.restoring is None or found.restoring.run != self._run:
            raise _busy(name)
        self._record = found
        return found

    async def _taken_over(self, found: Directory) -> Directory:
        def ours(now: Directory) -> Directory:
            mark = now.restoring
            if mark is None or mark.backup != self._id or now.removing:
                raise _occupied(now.name)
            if self._clock() - parse_datetime(mark.at) < GONE:
                raise _busy(now.name)
            return now.model_copy(update={"restoring": self._mark(mark.after)})

        self._record = await self._target.registry.change_directory(found.id, ours)
        return self._record

    async def write(self, rows: Rows, progress: Progress) -> None:
        """Write the rows that are left."""
        own = self._backup
        done, batch = 0, list[Row]()
        after = self._last = self._record.restoring.after if self._record.restoring else ""
        parts = [each for each in own.manifest.parts if each.kind == "rows"]
        async with aclosing(merging.rows(own.shelf, own.folder, parts, after)) as found:
            async for row in found:
                batch.append(row)
                if len(batch) == _BATCH:
                    await self._insert(rows, batch)
                    done += len(batch)
                    progress(done, own.manifest.rows)
                    batch = []
        await self._insert(rows, batch)
        await self._beat(soon=True)

    async def _insert(self, rows: Rows, batch: list[Row]) -> None:
        if not batch:
            return
        await self._beat()
        await rows.insert(batch)
        self._last = batch[-1].key

    @property
    def compared(self) -> bool:
        """Tell whether all was written and compared by one that then broke off."""
        mark = self._record.restoring
        return mark is not None and mark.after == _COMPARED

    async def compare(self, rows: Rows, progress: Progress) -> None:
        """Read back what was written, and note that it is right. Raises Damaged."""
        expected, tally = self._backup.manifest, Tally()
        async with aclosing(rows.read()) as pages:
            async for page in pages:
                for row in page:
                    if kind(row.key) != BOOKMARKS:
                        tally.add(row)
                progress(tally.total, expected.rows)
                await self._beat()
        if (tally.counts, tally.digest) != (expected.counts, expected.digest):
            raise Damaged(
                "what was written is not what the backup holds: the directory stays switched off;"
                " remove it, and restore again"
            )
        self._last = _COMPARED  # what is mended from now on makes it another one
        await self._beat(soon=True)

    async def _beat(self, *, soon: bool = False) -> None:
        """Renew the mark when it is time to. Raises Overtaken."""
        if soon or self._clock() - self._beaten >= BEAT:
            await self._change(restoring=self._mark(self._last))
            self._beaten = self._clock()

    async def finished(self) -> Directory:
        """Let the directory serve again, if it did."""
        was = self._backup.manifest.record()
        return await self._change(restoring=None, enabled=was.enabled)

    async def _change(self, **changed: Any) -> Directory:
        def mine(now: Directory) -> Directory:
            if now.restoring is None or now.restoring.run != self._run or now.removing:
                raise Overtaken(f"somebody else restores or removes {now.name}: see directory list")
            return now.model_copy(update=changed)

        try:
            return await self._target.registry.change_directory(self._record.id, mine)
        except NoRecord as gone:
            raise Overtaken("somebody removed the directory meanwhile") from gone

    def _mark(self, after: str) -> Restoring:
        at = ids.timestamp(self._clock())
        return Restoring(backup=self._id, run=self._run, at=at, after=after)

    @property
    def _id(self) -> str:
        return f"{self._backup.manifest.began} {self._backup.manifest.digest}"


def _credential(text: bytes) -> Credential:
    try:
        return Credential.model_validate(json.loads(text))
    except (ValueError, RecursionError):
        raise Damaged(
            "a token's record in the backup can't be read: another version of this program wrote"
            " it; restore with that version"
        ) from None


def _occupied(name: str) -> Occupied:
    return Occupied(
        f"there is a directory {name} already, and nothing is written over: restore under another"
        " name with --as, or remove it first"
    )


def _busy(name: str) -> Occupied:
    return Occupied(
        f"somebody else restores {name} now, or it broke off a moment ago: then the same command"
        f" goes on, {GONE.total_seconds():.0f} seconds after it did"
    )
