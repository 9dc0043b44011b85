"""Backups by the clock: which directories are due, and which backups are old enough to go.

Each directory has a folder of its own name, in it a folder for each backup, named by when it began.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from scim import log
from scim.backup import manifest
from scim.backup.manifest import Manifest
from scim.backup.ports import BackupError, Rows, Shelf
from scim.backup.taking import Source, take
from scim.directory import Directory
from scim.errors import ScimError
from scim.registry import Registry
from scim.unfinished import Unfinished

SECONDS = 150.0  # after which no more is begun: the host ends every function after four minutes
LONGEST = 210.0  # until what is under way is broken off
EVERY = timedelta(hours=23)  # by the hour that is once a day, at the same time each day
_STALE = timedelta(days=7)  # until one that broke off is begun anew
_STAMP = "%Y%m%dT%H%M%S%f"
_NAME = re.compile(r"(\d{8}T\d{9})Z-[0-9a-f]{6}")

_logger = logging.getLogger("scim.backup")


@dataclass(slots=True)
class BackedUp:
    """What was done, in numbers; not `complete`: the time was over before all was done."""

    directories: int = 0
    rows: int = 0
    unsettled: int = 0
    dropped: int = 0
    failed: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that is there, or the beginning of one."""

    name: str
    began: datetime
    whole: bool


async def kept(shelf: Shelf, directory: str, *, now: datetime | None = None) -> list[Kept]:
    """List a directory's backups, the oldest first.

    With `now`, as the timer needs it: without those that are to come by a wrong clock; what is
    before the newest whole one passes for whole and is not looked at, for there may be a year's.
    """
    found = list[Kept]()
    for name in reversed(await shelf.folders(directory)):
        match, folder = _NAME.fullmatch(name), f"{directory}/{name}"
        try:
            began = datetime.strptime(match[1] if match else "", _STAMP).replace(tzinfo=UTC)
        except ValueError:
            continue  # none of ours
        if now is not None and began > now + EVERY:
            continue
        known = now is not None and any(each.whole for each in found[-1:])
        whole = known or await shelf.exists(f"{folder}/{manifest.NAME}")
        found.append(Kept(folder, began, whole))
    return found[::-1]


def next_folder(directory: str, known: Sequence[Kept], now: datetime) -> str:
    """Name the folder of a directory's next backup: the last one's, when that broke off lately."""
    if known and not known[-1].whole and now - known[-1].began < _STALE:
        return known[-1].name
    return f"{directory}/{now.astimezone(UTC).strftime(_STAMP)[:-3]}Z-{secrets.token_hex(3)}"


async def back_up(
    registry: Registry,
    rows: Callable[[Directory], Rows],
    shelf: Shelf,
    *,
    clock: Callable[[], datetime],
    unfinished: Callable[[Directory], Unfinished] | None = None,
    days: int = 0,
    seconds: float = SECONDS,
) -> BackedUp:
    """Back up the directories that are due, then drop old backups.

    Whose last one began the longest ago is first: one that takes hours lets others in between.

    `days` is how long backups are kept, each directory's newest for ever; 0: all are. Raises
    Unavailable, Unusable when nothing can be begun; one directory's failure is no other's.
    """
    done, now = BackedUp(), clock()
    until = now + timedelta(seconds=seconds)
    known: dict[str, list[Kept]] = {}

    async def due() -> list[Directory]:
        found = [each async for each in registry.directories()]
        for each in found:
            known[each.name] = await kept(shelf, each.name, now=now)
        waiting = [each for each in found if _is_due(each, known[each.name], now)]
        return sorted(waiting, key=lambda each: _last(known[each.name], begun=True))

    async def one(directory: Directory) -> None:
        folder = next_folder(directory.name, known[directory.name], now)
        port = unfinished(directory) if unfinished is not None else None
        source = Source(directory, registry, rows(directory), port)
        made = await take(source, shelf, folder, clock=clock, stop=lambda: clock() >= until)
        if made is None:
            done.complete = False
            _goes_on(directory, known[directory.name], now)
            return
        _count(made, done)
        if days:
            done.dropped += await _drop(shelf, known[directory.name], now, days)

    try:
        async with asyncio.timeout(LONGEST):
            for each in await due():
                if clock() >= until:
                    done.complete = False
                    break
                failed: BaseException | None
                [failed] = await asyncio.gather(one(each), return_exceptions=True)
                _tell(each, failed, done)
    except TimeoutError:
        done.complete = False
    log.event("backed up", level=logging.INFO, **asdict(done))
    return done


def _is_due(directory: Directory, known: Sequence[Kept], now: datetime) -> bool:
    if directory.removing or directory.restoring is not None:
        return False
    return now - _last(known) >= EVERY


def _last(known: Sequence[Kept], *, begun: bool = False) -> datetime:
    """Tell when the last whole backup began; `begun`: the last one at all."""
    return max(
        (each.began for each in known if each.whole or begun),
        default=datetime.min.replace(tzinfo=UTC),
    )


def _count(made: Manifest, done: BackedUp) -> None:
    done.directories += 1
    done.rows += made.rows
    done.unsettled += not made.settled


def _goes_on(directory: Directory, known: Sequence[Kept], now: datetime) -> None:
    """Say that a backup needs another hour, louder when it is late."""
    late = now - _last(known) > 2 * EVERY if any(each.whole for each in known) else False
    _logger.log(
        logging.WARNING if late else logging.INFO,
        "the backup of directory %s is not done and goes on in an hour; one that takes days is done"
        " sooner by the command backup, where nothing ends it",
        directory.name,
    )


async def _drop(shelf: Shelf, known: Sequence[Kept], now: datetime, days: int) -> int:
    """Remove backups that are too old; a newer one was just made."""
    old = [each for each in known if now - each.began > timedelta(days=days)]
    for each in old:
        await shelf.remove(each.name)
    return len(old)


def _tell(directory: Directory, failed: BaseException | None, done: BackedUp) -> None:
    if failed is None:
        return
    done.failed += 1
    told = None if isinstance(failed, ScimError | BackupError) else failed  # a bug has a traceback
    _logger.error("directory %s could not be backed up: %s", directory.name, failed, exc_info=told)
