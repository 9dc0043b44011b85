"""What is done to directories by the hour, beside all requests (`function_app.py`, `purge`).

Deleted: tombstones that are due, entries of the log older than the directory keeps them, bookmarks
older than a day, used assertions that have ended, everything of a directory that is being removed.
Completed: revivals, deletions and large edits of members that broke off. Warned of: tokens and
secrets that are about to expire. All of it can break off anywhere and be done again, by two at once
too; one directory's failure is no other's.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from scim import ids, log
from scim.auth.explaining import LEEWAY
from scim.credentials import days_left, state
from scim.deadlines import SETTLED
from scim.directory import Directory
from scim.errors import ScimError, Unavailable
from scim.journal import Entry
from scim.registry import Credential, NoRecord, Registry
from scim.repository import Change, Repository
from scim.restoring import complete
from scim.tombstones import with_lost

SECONDS = 200.0  # that a purge may take: the host ends every function after four minutes
WARNINGS = (3, 14, 30)  # days before a token's end
_BOOKMARKS = timedelta(hours=1)  # that a bookmark is kept beyond the life of what needs it
_INDEXING = timedelta(days=1)  # that one is kept by which a change of rules goes on
_AT_ONCE = 8  # directories; each one's rows are deleted step after step

_logger = logging.getLogger("scim.purging")


@dataclass(slots=True)
class Purged:
    """What was done, in numbers; not `complete`: the time was over before all was done."""

    directories: int = 0
    tombstones: int = 0
    revivals: int = 0
    deletions: int = 0
    edits: int = 0
    entries: int = 0
    bookmarks: int = 0
    warnings: int = 0
    removed: int = 0
    failed: int = 0
    complete: bool = True


async def purge(
    registry: Registry,
    repository: Callable[[Directory], Repository],
    *,
    now: datetime,
    seconds: float = SECONDS,
    settle: float = SETTLED,
    directories: Sequence[Directory] | None = None,
) -> Purged:
    """Do what is due in all directories, or in those that are given, for at most so many seconds.

    `settle` is how long what is being removed is left alone first. Raises Unavailable when the
    directories can't be listed.
    """
    done = Purged()
    gate = asyncio.Semaphore(_AT_ONCE)
    found = list(directories) if directories is not None else []
    if directories is None:
        found = [each async for each in registry.directories()]
    # Whom a deadline left out comes earlier another time.
    random.shuffle(found)

    async def one(directory: Directory) -> None:
        if directory.removing:
            await asyncio.sleep(settle)
        async with gate:
            work = _finish if directory.removing else _keep

            async def attempt() -> None:
                current = directory
                if directories is not None:  # a command has hours, in which it may have moved
                    current = await registry.directory_named(directory.name) or directory
                if current.id == directory.id:
                    # Its storage account may be one that nobody knows.
                    await work(current, registry, repository(current), now, done)

            await _attempt(directory, attempt(), done)

    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(_forget_uses(registry, now), *(one(each) for each in found))
    except TimeoutError:
        done.complete = False
    log.event("purged", level=logging.INFO, **asdict(done))
    return done


async def remove(
    directory: Directory,
    registry: Registry,
    repository: Repository,
    progress: Callable[[int, int], None],
    *,
    settle: float = SETTLED,
) -> None:
    """Remove a directory with all that it holds; what breaks off, the next purge completes.

    It is marked first, so that its tokens end; then it waits until every process knows, and
    requests that began before, which may still write, are over. `progress` is told how many rows
    are deleted, and how many were found so far. Raises NoRecord, and Unavailable while it moves.
    """
    await registry.change_directory(directory.id, partial(_marked, storage=directory.storage))
    await asyncio.sleep(settle)
    await repository.clear(progress)
    await registry.remove_directory(directory.id)


def _marked(directory: Directory, storage: str | None) -> Directory:
    """Mark a directory whose rows are in this account, and stay there. Raises Unavailable."""
    if directory.moving is not None or directory.storage != storage:
        raise Unavailable(
            f"{directory.name} is being moved to another storage account, or was moved just now:"
            " complete the move or give it up, then remove it",
            retry_after=60,
        )
    return directory.model_copy(update={"removing": True, "enabled": False})


async def _attempt(directory: Directory, work: Coroutine[Any, Any, None], done: Purged) -> None:
    """Do one directory's work; whatever fails is logged, and the others go on."""
    failed: BaseException | None
    [failed] = await asyncio.gather(work, return_exceptions=True)
    if failed is None:
        done.directories += 1
        return
    done.failed += 1
    told = None if isinstance(failed, ScimError) else failed  # a bug has a traceback
    _logger.error("directory %s could not be purged: %s", directory.name, failed, exc_info=told)


async def _forget_uses(registry: Registry, now: datetime) -> None:
    """Forget used assertions that nobody takes any more; if it fails, another hour does it.

    Nobody: no process whose clock is behind this one, either.
    """
    past = now - timedelta(seconds=LEEWAY)
    [failed] = await asyncio.gather(registry.forget_uses(past), return_exceptions=True)
    if isinstance(failed, BaseException):
        _logger.error("used assertions could not be forgotten: %s", failed)


async def _finish(
    directory: Directory, registry: Registry, repository: Repository, _: datetime, done: Purged
) -> None:
    await repository.clear(lambda _done, _found: None)
    await registry.remove_directory(directory.id)
    done.removed += 1


async def _keep(
    directory: Directory, registry: Registry, repository: Repository, now: datetime, done: Purged
) -> None:
    if directory.restoring is not None or directory.moving is not None:
        return  # its rows are compared with others first
    # Warnings first: they are few, and should not wait for what is many.
    if directory.enabled:
        await _warn(directory, registry, repository, now, done)
    failed = await _end(repository, now, done)
    await _bury(directory, repository, now, done)
    lived = _INDEXING if directory.next is not None else directory.limits.cursor_lifetime
    done.bookmarks += await repository.purge_bookmarks(now - lived - _BOOKMARKS)
    old = ids.first_id(now - timedelta(days=directory.log_days))
    done.entries += await repository.purge_journal(old)
    if failed is not None:
        raise failed


async def _end(repository: Repository, now: datetime, done: Purged) -> BaseException | None:
    """End what broke off, and what a request had no time for; what one may be at is left to it.

    One that can't be ended, because a hand was at its rows, keeps nothing else: the failure is
    given back.
    """
    begun, made = ids.first_id(now - timedelta(seconds=SETTLED)), ids.Succession()
    failed: BaseException | None = None
    for each in await repository.unfinished():
        if each.since < begun:
            verb: Literal["update", "delete"] = "update" if each.edit else "delete"
            change = Change(made.next(now), ids.timestamp(now), verb, operation="purge")
            [ended] = await asyncio.gather(repository.finish(each, change), return_exceptions=True)
            if isinstance(ended, BaseException):
                failed = failed or ended
            else:
                done.edits += ended and bool(each.edit)
                done.deletions += ended and not each.edit
    return failed


async def _bury(directory: Directory, repository: Repository, now: datetime, done: Purged) -> None:
    """Complete revivals, forget what is due."""
    at = ids.timestamp(now)
    for type in await with_lost(repository, directory.catalog.resource_types):
        async for each in repository.tombstones(type):
            if each.revived:
                change = Change(ids.change_id(now), at, "restore", operation="purge")
                await complete(repository, type, each, change)
                done.revivals += 1
            elif each.due <= at:
                await repository.forget(type, each)
                done.tombstones += 1


async def _warn(
    directory: Directory, registry: Registry, repository: Repository, now: datetime, done: Purged
) -> None:
    """Warn of tokens that are about to end, once for each number of days.

    It is noted first, and by one of those who would: a warning may get lost in a crash, and is
    never repeated.
    """
    for credential in await registry.credentials(directory.id):
        mark = warning_due(credential, now)
        if mark is None:
            continue
        try:
            await registry.change_credential(credential.id, partial(_warned, mark=mark, now=now))
        except (_Warned, NoRecord):
            continue
        done.warnings += 1
        left = days_left(credential, now)
        log.event(
            "token expires",
            kind=credential.kind,
            directory=directory.name,
            credential=credential.id,
            expires=credential.expires,
            days=left,
        )
        await repository.record(
            Entry(
                id=ids.change_id(now),
                at=ids.timestamp(now),
                verb="warn",
                operation="purge",
                credential=credential.id,
                detail=_expires(credential, left),
            )
        )


def _expires(credential: Credential, days: int | None) -> str:
    """Say what is about to end, and what to do."""
    what, command = "this token", "token rotate"
    if credential.kind == "secret":
        what, command = f"this secret of the client {credential.client}", "client secret issue"
    return (
        f"{what} expires at {credential.expires}, within {days} days: issue a second one with"
        f" `{command}`, paste it into Entra, then revoke this one"
    )


class _Warned(Exception):
    """Somebody else warned of it, or it has ended."""


def _warned(credential: Credential, mark: int, now: datetime) -> Credential:
    """Note a warning. Raises _Warned."""
    if warning_due(credential, now) != mark:
        raise _Warned
    return credential.model_copy(update={"warned": mark})


def warning_due(credential: Credential, now: datetime) -> int | None:
    """Find the warning that is due: the nearest one that it has come to, unless it was given."""
    left = days_left(credential, now)
    if left is None or state(credential, now) != "live":
        return None
    mark = next((days for days in WARNINGS if left <= days), None)
    given = credential.warned
    return None if mark is None or (given is not None and given <= mark) else mark
