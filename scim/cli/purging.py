"""`purge`: what the service's timer does by the hour, now."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from scim import ids
from scim.cli.command import Desk, Output, command
from scim.cli.problem import Problem
from scim.cli.removing import Wait
from scim.deadlines import SETTLED
from scim.directory import Directory
from scim.errors import ScimError
from scim.purging import Purged, warning_due
from scim.purging import purge as purged
from scim.registry import Registry
from scim.repository import Repository
from scim.tombstones import with_lost

_SECONDS = 24 * 3600.0  # nobody ends a command after four minutes


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "purge")(purge)


async def purge(
    desk: Desk,
    output: Output,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One directory; all without a name.")
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what is due, and change nothing.")
    ] = False,
    wait: Wait = SETTLED,
) -> None:
    """Delete for good what is due.

    Deleted users and log lines past their days, what is left of removed directories; tokens that
    end soon are warned of in the log. The service does this by itself every hour.
    """
    registry = desk.storage.registry
    found = await desk.directories(name)
    if dry_run:
        counted: Counter[str] = Counter()
        for each in found:
            try:  # its storage account may be one that nobody names
                counted.update(await due(each, registry, desk.storage.repository(each), desk.now))
            except ScimError as error:
                output.warn(f"{each.name} could not be looked at: {error.detail}")
                counted["failed"] += 1
        # Bookmarks are deleted uncounted, a few rows of a walk's own: nobody can tell before.
        _tell(output, {"dryRun": True, **asdict(Purged()), **counted, "bookmarks": None})
        if counted["failed"]:
            raise Problem(f"{counted['failed']} directories could not be looked at: see above")
        return
    with output.progress("purging") as bar:
        if wait and any(each.removing for each in found):
            bar.phase(f"waiting {wait:.0f} s until every running server knows what is removed")
        done = await purged(
            registry,
            desk.storage.repository,
            now=desk.now,
            seconds=_SECONDS,
            settle=wait,
            directories=found,
        )
    _tell(output, {"dryRun": False, **asdict(done)})
    if done.failed:
        raise Problem(f"{done.failed} directories could not be purged: see above, and try again")


async def due(
    directory: Directory, registry: Registry, repository: Repository, now: datetime
) -> dict[str, int]:
    """Count what a purge would do in one directory, by the names of `Purged`; no bookmarks."""
    counted = dict.fromkeys((each.name for each in fields(Purged) if each.name != "complete"), 0)
    if directory.removing:
        return {**counted, "directories": 1, "removed": 1}
    left = await repository.unfinished()
    at, tombstones, revivals, entries = ids.timestamp(now), 0, 0, 0
    for type in await with_lost(repository, directory.catalog.resource_types):
        async for each in repository.tombstones(type):
            revivals += bool(each.revived)
            tombstones += not each.revived and each.due <= at
    old = ids.first_id(now - timedelta(days=directory.log_days))
    async for _ in repository.entries(before=old):
        entries += 1
    warnings = 0
    if directory.enabled:
        credentials = await registry.credentials(directory.id)
        warnings = sum(warning_due(each, now) is not None for each in credentials)
    return {
        **counted,
        "directories": 1,
        "tombstones": tombstones,
        "revivals": revivals,
        "deletions": sum(not each.edit for each in left),
        "edits": sum(bool(each.edit) and not each.done for each in left),
        "entries": entries,
        "warnings": warnings,
    }


_WORDS: Mapping[str, str] = {
    "directories": "directories looked at",
    "tombstones": "deleted resources forgotten",
    "revivals": "revivals completed",
    "deletions": "deletions completed",
    "edits": "large edits of members completed",
    "entries": "log lines deleted",
    "bookmarks": "bookmarks deleted",
    "warnings": "warnings of tokens that end",
    "removed": "directories removed",
    "failed": "directories that failed",
}


def _tell(output: Output, done: dict[str, Any]) -> None:
    if output.json:
        output.document(done)
        return
    if done["dryRun"]:
        output.say("This is due; nothing was changed:")
    left_out = ("failed",) if done["dryRun"] and not done["failed"] else ()
    output.facts({words: done[key] for key, words in _WORDS.items() if key not in left_out})
