"""Moving a directory to another storage account, without losing a write.

1. copying: timers leave the directory alone from now on, and those that had begun come to their
   end; then rows are copied beside the traffic, which goes on as it was.
2. frozen: whoever reads the record refuses writes with a 503, and `SETTLED` seconds later nobody
   knows another record (`scim/deadlines.py`). Then what was written since is copied, and both sides
   are compared to the last row.
3. switched: the record names the other account. Who still knows the frozen record reads the old
   rows, and writes nothing. `SETTLED` seconds later nobody does, and these rows are removed.

Reads go on throughout; those of a process that has not heard of the switch yet are up to a minute
old. It can break off anywhere: the record says how far it has come, and the same call goes on, or
`give_up` goes back as long as nothing is switched. Who does it renews a mark, so that of two one is
refused.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from scim import ids
from scim.backup.lines import Tally, kind
from scim.backup.pairing import BOOKMARKS
from scim.backup.ports import BackupError, Progress, Row, Rows
from scim.backup.restoring import BEAT, GONE
from scim.deadlines import SETTLED
from scim.directory import Directory, Moving
from scim.errors import Unavailable
from scim.registry import NoRecord, Registry
from scim.values import parse_datetime

Wait = Callable[[float], Awaitable[None]]
LONGEST_TIMER = 250.0  # seconds: the host ends a function after 240 (host.json)
_LAST = "~"  # after every key


class CopiedRows(Rows, Protocol):
    """Rows that are made the same as others. Every method may raise Unavailable."""

    async def between(self, after: str, upto: str) -> Mapping[str, Row]:
        """Read the rows with `after` < key <= `upto`."""
        ...

    async def write(self, rows: Sequence[Row], gone: Sequence[str]) -> None:
        """Write rows over what is there, and remove those that are gone."""
        ...


class MoveError(BackupError):
    """A directory can't be moved, or not now; the text is a sentence for its operator."""


@dataclass(frozen=True, slots=True)
class Mover:
    """Who moves directories, and how: `wait` sleeps, `phase` is told what is done now."""

    registry: Registry
    rows: Callable[[Directory], CopiedRows]
    clock: Callable[[], datetime]
    wait: Wait
    phase: Callable[[str], None] = lambda what: None  # noqa: ARG005 - nobody looks
    progress: Progress = lambda done, total: None  # noqa: ARG005 - nobody looks

    async def move(self, directory: Directory, target: str | None) -> Directory:
        """Move a directory, or go on with what broke off. Raises MoveError, Unavailable."""
        work = _Work(self, directory, target)
        record = await work.begun()
        if record.moving is None:
            return record
        if record.moving.phase == "copying":
            self.phase("waiting until no timer works on it")
            await work.rest(LONGEST_TIMER)
            self.phase("copying")
            await work.copy()
        if record.moving.phase in ("copying", "frozen"):
            async with work.thawing():
                await work.advanced("frozen")
                self.phase("waiting until every running server refuses writes")
                await work.rest()
                self.phase("copying what was written since, and comparing")
                await work.copy(whole=True)
                await work.advanced("switched", storage=target)
        self.phase("waiting until every running server reads the copy")
        await work.rest()
        self.phase("removing the rows that were copied")
        await work.clear(work.source)
        return await work.done()

    async def give_up(self, directory: Directory) -> Directory:
        """Go back to how it was before a move. Raises MoveError once it is switched."""
        moving = directory.moving
        if moving is None:
            raise MoveError(f"there is nothing to give up: {directory.name} is not being moved")
        work = _Work(self, directory, moving.target)
        await work.begun("back")
        self.phase("removing the copy")
        await work.clear(moving.target)
        return await work.done()


class _Work:
    """One move, as long as its mark is ours."""

    def __init__(self, mover: Mover, directory: Directory, target: str | None) -> None:
        self._mover = mover
        self._directory = directory
        self._target = target
        self._run = secrets.token_hex(8)
        self._beaten = mover.clock()
        self.source = directory.moving.source if directory.moving else directory.storage

    async def begun(self, phase: str | None = None) -> Directory:
        """Mark the directory as being moved by us, from where it broke off. Raises MoveError."""
        target, clock = self._target, self._mover.clock
        if self._directory.moving is None and self._directory.storage != target:
            await self._check_empty()

        def ours(now: Directory) -> Directory:
            mark = now.moving
            _check(now)
            if mark is None and (phase is not None or now.storage == target):
                return now
            if mark is None:
                begun = Moving(source=now.storage, target=target, run=self._run, at=_at(clock()))
                return now.model_copy(update={"moving": begun})
            if clock() - parse_datetime(mark.at) < GONE:
                raise MoveError(
                    f"somebody else moves {now.name} now, or it broke off a moment ago: then the"
                    f" same command goes on, {GONE.total_seconds():.0f} seconds after it did"
                )
            if mark.target != target or (mark.phase == "back" and phase is None):
                raise MoveError(f"another move of {now.name} broke off: complete it, or give it up")
            if phase is not None and mark.phase == "switched":
                raise MoveError(
                    f"{now.name} serves from where it was moved to: let the same move complete,"
                    " then move it back"
                )
            new = {"run": self._run, "at": _at(clock()), "phase": phase or mark.phase}
            return now.model_copy(update={"moving": mark.model_copy(update=new)})

        record = await self._changed(ours)
        self.source = record.moving.source if record.moving else record.storage
        return record

    async def _check_empty(self) -> None:
        """Refuse what holds rows already: it may be the same account under another name."""
        async with aclosing(self._rows(self._target).read(marks=True)) as pages:
            async for page in pages:
                if page:
                    raise MoveError(
                        f"there are rows of {self._directory.name} in the account that it is to be"
                        " moved to: look whether it is another account, and remove them first"
                    )

    async def copy(self, *, whole: bool = False) -> None:
        """Make the target what the source is; `whole`: and compare them. Raises MoveError."""
        source, target = self._rows(self.source), self._rows(self._target)
        tally, after, done = Tally(), "", 0
        async with aclosing(source.read()) as pages:
            async for page in pages:
                rows = {each.key: each for each in page if kind(each.key) != BOOKMARKS}
                if rows and min(rows) <= after:
                    raise MoveError(
                        "the store gives its rows in no order, which only Cosmos DB may, and by its"
                        " own name (ACCOUNT.table.cosmos.azure.com): use that, or Table Storage"
                    )
                for each in rows.values() if whole else ():
                    tally.add(each)
                upto = max((each.key for each in page), default=after)
                await self._same(target, rows, after, upto)
                after, done = upto, done + len(page)
                self._mover.progress(done, None)
                await self.beat()
        await self._same(target, {}, after, _LAST)
        if source.foreign:
            raise MoveError(
                f"{len(source.foreign)} rows of {self._directory.name} can't be copied, which no"
                " program of ours writes: remove them first"
            )
        if whole:
            found = Tally()
            async with aclosing(target.read()) as pages:
                async for page in pages:
                    for each in page:
                        found.add(each)
                    await self.beat()
            if (found.counts, found.digest) != (tally.counts, tally.digest):
                raise MoveError(
                    "the copy is not what was copied: somebody writes into it; run the same again"
                )

    async def _same(
        self, target: CopiedRows, rows: Mapping[str, Row], after: str, upto: str
    ) -> None:
        there = await target.between(after, upto)
        changed = [
            each
            for key, each in rows.items()
            if key not in there or there[key].values != each.values
        ]
        gone = [key for key in there if key not in rows]
        await target.write(changed, gone)

    async def rest(self, seconds: float = SETTLED) -> None:
        """Wait until nobody acts on an earlier record any more; our mark stays fresh."""
        left = seconds
        while left > 0:
            await self._mover.wait(min(left, BEAT.total_seconds()))
            left -= BEAT.total_seconds()
            await self.beat(soon=True)

    async def clear(self, account: str | None) -> None:
        """Remove all rows of one side."""
        rows, done = self._rows(account), 0
        async with aclosing(rows.read(marks=True)) as pages:
            async for page in pages:
                await rows.write((), [each.key for each in page])
                done += len(page)
                self._mover.progress(done, None)
                await self.beat()

    async def beat(self, *, soon: bool = False) -> None:
        """Renew the mark when it is time to. Raises MoveError when it is not ours any more."""
        now = self._mover.clock()
        if soon or now - self._beaten >= BEAT:
            await self._change()
            self._beaten = now

    @asynccontextmanager
    async def thawing(self) -> AsyncIterator[None]:
        """Let the directory be written again when what is done within breaks off."""
        done = False
        try:
            yield
            done = True
        finally:
            if not done:
                with suppress(MoveError, Unavailable):
                    await self._change(_thawed)

    async def advanced(self, phase: str, **changed: Any) -> Directory:
        return await self._change(lambda _: phase, **changed)

    async def done(self) -> Directory:
        return await self._change(moving=None)

    async def _change(
        self, phase: Callable[[str], str] = lambda now: now, **changed: Any
    ) -> Directory:
        def mine(now: Directory) -> Directory:
            if now.moving is None or now.moving.run != self._run:
                raise MoveError(f"somebody else moves {now.name}: see directory show")
            _check(now)
            new = {"at": _at(self._mover.clock()), "phase": phase(now.moving.phase)}
            moving = now.moving.model_copy(update=new)
            return now.model_copy(update={"moving": moving, **changed})

        return await self._changed(mine)

    async def _changed(self, change: Callable[[Directory], Directory]) -> Directory:
        try:
            return await self._mover.registry.change_directory(self._directory.id, change)
        except NoRecord as gone:
            raise MoveError("somebody removed the directory meanwhile") from gone

    def _rows(self, account: str | None) -> CopiedRows:
        return self._mover.rows(self._directory.model_copy(update={"storage": account}))


def _thawed(phase: str) -> str:
    """Go back from the freeze alone: that it was switched may be done though nobody was told."""
    return "copying" if phase == "frozen" else phase


def _check(now: Directory) -> None:
    """Refuse to move what somebody else changes at length. Raises MoveError."""
    if now.removing or now.restoring is not None:
        raise MoveError(f"{now.name} is being {'removed' if now.removing else 'restored'}")
    if now.next is not None or now.previous is not None:
        raise MoveError(
            f"the rules of {now.name} are being changed: let that complete, or give it up, first"
        )


def _at(now: datetime) -> str:
    return ids.timestamp(now)
