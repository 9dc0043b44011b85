"""`backup` and `restore`: directories as files that can be checked, and the way back."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import typer

from scim.backup import keeping, restoring, taking
from scim.backup.manifest import Manifest
from scim.backup.ports import BackupError, NoFile, Rows, Shelf
from scim.cli.command import Desk, Output, command
from scim.cli.credentials import again
from scim.cli.directories import Place, account, summary
from scim.cli.making import directory_name
from scim.cli.output import minute
from scim.cli.problem import Problem
from scim.cli.process import hinting
from scim.directory import Directory
from scim.errors import ScimError, Unavailable
from scim.registry import NoRecord
from scim.repairing import Plan, repair
from storage.repair.open import of_directory
from storage.shelves import open_shelf

_Name = Annotated[
    str | None, typer.Argument(metavar="DIRECTORY", help="The directory's name; or --all.")
]
_PLACE = "a folder, or https://ACCOUNT.blob.core.windows.net/CONTAINER"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "backup")(backup)
    command(app, "restore")(restore)


async def backup(
    desk: Desk,
    output: Output,
    name: _Name = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Back up all directories.")] = False,
    to: Annotated[str, typer.Option("--to", metavar="PLACE", help=f"Where to: {_PLACE}.")],
) -> None:
    """Back up a directory beside its traffic.

    Resources, memberships, deleted ones that are kept, log, rules, tokens' digests. What breaks off
    goes on with the same command. It holds personal data: keep it as you keep the store.
    """
    _one_or_all(name, every=every)
    done, failed = list[dict[str, Any]](), 0
    async with _shelf("--to", to) as shelf:
        found = await desk.directories(name)
        for each in found:
            if each.removing or each.restoring is not None:
                said = f"{each.name} is being {'removed' if each.removing else 'restored'}"
                if name:
                    raise Problem(f"{said}: there is nothing to back up yet, or any more")
                output.note(f"left out: {said}")
                continue
            try:
                done.append(await _back_up(desk, output, each, shelf))
            except (BackupError, ScimError, NoRecord) as error:
                failed += 1
                output.warn(f"{each.name}: {_said(error)}")
    if output.json:
        output.document(done)
    else:
        shown = ("directory", "backup", "rows", "settled", "seconds")
        output.table(
            [each.upper() for each in shown], ([row[key] for key in shown] for row in done)
        )
    if failed:
        raise Problem(f"{failed} of {len(found)} directories could not be backed up: see above")


async def _back_up(
    desk: Desk, output: Output, directory: Directory, shelf: Shelf
) -> dict[str, Any]:
    name, begun = directory.name, desk.now
    folder = keeping.next_folder(name, await keeping.kept(shelf, name), begun)
    hint = "what is read is kept, and the same command goes on"
    with output.progress(f"backing up {name}") as bar, hinting(output.note, hint):
        own = _rows(desk)(directory), desk.storage.repository(directory)
        source = taking.Source(directory, desk.storage.registry, *own)
        made = await taking.take(source, shelf, folder, clock=_clock, progress=bar)
    if made is None:  # it never is: nothing stops it
        raise NoRecord
    try:
        await desk.journal(directory, "backup", detail=f"{made.rows} rows")
    except Unavailable as error:
        output.warn(f"{name} is backed up, and there is no line in its log: {error.detail}")
    if made.foreign:
        output.warn(f"{name}: {made.foreign} rows were left out, which no program of ours writes")
    if not made.settled:
        output.note(
            f"{name} was written without pause: its rows are of {minute(made.began)} to"
            f" {minute(made.ended)}; a restore mends what doesn't fit"
        )
    return {
        "directory": name,
        "backup": folder.partition("/")[2],
        "place": shelf.place,
        **_described(made),
        "seconds": round((desk.now - begun).total_seconds(), 1),
    }


async def restore(
    desk: Desk,
    output: Output,
    name: _Name = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Bring back all directories that are missing.")
    ] = False,
    source: Annotated[
        str, typer.Option("--from", metavar="PLACE", help=f"Where backups are: {_PLACE}.")
    ],
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="BACKUP", help="Which one, as --list names it; the newest."),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Into another directory of this new name."),
    ] = None,
    place: Place = None,
    listed: Annotated[bool, typer.Option("--list", help="List the backups, and restore none.")] = (
        False
    ),
) -> None:
    """Bring a directory back, with ids, versions, memberships, log and tokens.

    The backup is checked whole before anything is written, and compared after it; the directory
    serves only then. Nothing is written over. What breaks off goes on with the same command, after
    three minutes.
    """
    _one_or_all(name, every=every)
    if every and (at or into):
        raise typer.BadParameter("--at and --as are for one directory")
    chosen = directory_name(into) if into else None
    placed = account(desk, place, "--place")
    async with _shelf("--from", source) as shelf:
        names = [name] if name else await shelf.folders()
        if listed:
            await _list(output, shelf, names)
            return
        await desk.storage.prepare()
        done, failed = list[dict[str, Any]](), 0
        for each in names:
            try:
                if every and await desk.storage.registry.directory_named(each) is not None:
                    output.note(f"left out: {each} is there")
                    continue
                target = restoring.Target(desk.storage.registry, _rows(desk), chosen, placed)
                done.append(await _restore(desk, output, shelf, each, at, target))
            except (BackupError, ScimError) as error:
                if name:
                    raise Problem(_said(error)) from error
                failed += 1
                output.warn(f"{each}: {_said(error)}")
    if output.json:
        output.document(done if every else done[0])
    for row in [] if output.json else done:
        output.say(f"Directory {row['name']} is restored, as it was at {minute(row['ended'])}.")
        output.facts({key: row[key] for key in ("state", "rows", "tokens", "seconds")})
    if failed:
        raise Problem(f"{failed} directories could not be restored: see above")


async def _restore(
    desk: Desk,
    output: Output,
    shelf: Shelf,
    name: str,
    at: str | None,
    target: restoring.Target,
) -> dict[str, Any]:
    begun = desk.now
    found = await _find(shelf, name, at)
    if target.name is None and (was := found.manifest.record().name) != name:
        raise BackupError(f"the backup in the folder {name} is one of {was}: say --as {name}")
    hint = "the directory is off; the same command goes on after three minutes, or remove it"
    with output.progress(f"checking the backup of {name}") as bar, hinting(output.note, hint):
        credentials = await restoring.check(found, bar)
        directory = await restoring.restore(
            found,
            credentials,
            target,
            clock=_clock,
            progress=bar,
            phase=bar.phase,
            mend=partial(_mend, desk, output),
        )
    detail = f"the backup of {found.manifest.began}"
    await desk.journal(directory, "restore", detail=detail)
    tokens = sum(each.directory == directory.id for each in credentials)
    what, do = "a token or client that was revoked since then opens it again; see", "list"
    if not tokens:
        what, do = "no token opens it; make one:", "issue"
    output.note(f"{what} {again(desk, f'token {do} {directory.name}')}")
    seconds = round((desk.now - begun).total_seconds(), 1)
    own = {"backup": found.folder.partition("/")[2], "tokens": tokens, "seconds": seconds}
    return {**summary(directory), **_described(found.manifest), **own}


async def _mend(desk: Desk, output: Output, directory: Directory) -> None:
    """Make rows fit one another that were read while they were written; nobody writes them now."""
    repository = desk.storage.repository(directory)
    plan = Plan(now=_clock, by=await desk.by(), settle=0)
    done = await repair(of_directory(repository, directory, _clock), plan)
    output.note(f"{done.healed.total()} rows were mended that did not fit one another")
    if left := done.left.total():
        output.warn(f"{left} are left: {again(desk, f'repair {directory.name}')}")


async def _find(shelf: Shelf, name: str, at: str | None) -> restoring.Backup:
    """Find one backup of a directory. Raises BackupError."""
    known = [each.name.partition("/")[2] for each in await keeping.kept(shelf, name) if each.whole]
    if not known:
        raise BackupError(f"there is no whole backup of {name} in {shelf.place}")
    if at is not None and at not in known:
        raise BackupError(f"there is no whole backup {at} of {name}; see --list")
    return await restoring.find(shelf, f"{name}/{at or known[-1]}")


async def _list(output: Output, shelf: Shelf, names: Sequence[str]) -> None:
    rows: list[dict[str, Any]] = []
    for name in names:
        for each in await keeping.kept(shelf, name):
            row: dict[str, Any] = {"directory": name, "backup": each.name.partition("/")[2]}
            try:
                row |= _described((await restoring.find(shelf, each.name)).manifest)
                row["state"] = "whole"
            except NoFile:
                row["state"] = "broke off"
            except BackupError:
                row["state"] = "damaged"
            rows.append(row)
    if output.json:
        output.document(rows)
        return
    if not rows:
        output.note(f"there is no backup in {shelf.place}")
        return
    shown = ("directory", "backup", "state", "began", "ended", "rows", "settled")
    titles = [each.upper() for each in shown]
    output.table(titles, ([minute(row.get(key)) for key in shown] for row in rows))


def _described(made: Manifest) -> dict[str, Any]:
    return {
        "began": made.began,
        "ended": made.ended,
        "rows": made.rows,
        "counts": made.counts,
        "settled": made.settled,
        "bytes": sum(each.bytes for each in made.parts),
    }


def _one_or_all(name: str | None, *, every: bool) -> None:
    if (name is None) != every:
        raise typer.BadParameter("name a directory, or give --all")


def _rows(desk: Desk) -> Callable[[Directory], Rows]:
    if desk.storage.rows is None:
        raise Problem("a store in memory ends with its process: there is nothing to back up")
    return desk.storage.rows


def _said(error: Exception) -> str:
    if isinstance(error, NoRecord):
        return "it was removed meanwhile"
    return error.detail if isinstance(error, ScimError) else str(error)


@asynccontextmanager
async def _shelf(option: str, where: str) -> AsyncIterator[Shelf]:
    async with AsyncExitStack() as stack:
        try:
            shelf = await stack.enter_async_context(open_shelf(where))
        except ValueError as error:
            raise typer.BadParameter(f"{option}: {error}") from error
        try:
            yield shelf
        except BackupError as error:
            raise Problem(str(error)) from error


def _clock() -> datetime:
    return datetime.now(UTC)
