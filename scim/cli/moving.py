"""`directory move`: a directory's rows go to another storage account."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from scim.cli.command import Desk, Output, command
from scim.cli.credentials import Name, again
from scim.cli.directories import account, app, summary
from scim.cli.problem import Problem
from scim.cli.process import hinting
from scim.cli.removing import Wait
from scim.deadlines import SETTLED
from scim.directory import Directory
from scim.moving import MoveError, Mover


@command(app, "move")
async def move(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="ACCOUNT", help="A name of SCIM_STORAGE_ACCOUNTS; main: SCIM_STORAGE's."
        ),
    ] = None,
    give_up: Annotated[
        bool, typer.Option("--give-up", help="Go back to how it was before a move that broke off.")
    ] = False,
    wait: Wait = SETTLED,
) -> None:
    """Move a directory to another storage account, without losing a write.

    Every server must know the account first. Reads go on; writes are answered 503 for about three
    minutes, and Entra sends them again. What breaks off goes on with the same command.
    """
    if (to is None) != give_up:
        raise typer.BadParameter("say where to: --to ACCOUNT, or --give-up, which stands alone")
    if 0 < wait < SETTLED:
        raise typer.BadParameter(
            f"--wait {wait:g}: a server that runs would write where nobody looks any more; it takes"
            f" {SETTLED:g} seconds until each one knows, and 0 where none runs"
        )
    directory, target = await desk.directory(name), account(desk, to, "--to")
    if desk.storage.rows is None:
        raise Problem("a store in memory is one account: there is nowhere to move to")
    hint = (
        "the same command goes on after three minutes; until it is switched,"
        f" {again(desk, f'directory move {name} --give-up')} goes back"
    )

    async def pause(seconds: float) -> None:
        await asyncio.sleep(seconds * wait / SETTLED)

    with output.progress("moving") as bar, hinting(output.note, hint):
        mover = Mover(
            desk.storage.registry,
            desk.storage.rows,
            lambda: datetime.now(UTC),
            pause,
            bar.phase,
            bar,
        )
        await desk.storage.prepare()
        try:
            moved = await (mover.give_up(directory) if give_up else mover.move(directory, target))
        except MoveError as error:
            raise Problem(str(error)) from error
    await _tell(desk, output, directory, moved)


async def _tell(desk: Desk, output: Output, before: Directory, moved: Directory) -> None:
    place = moved.storage or "main"
    if before.moving is not None or before.storage != moved.storage:
        await desk.journal(moved, "directory move", detail=f"in {place}")
    if output.json:
        output.document(summary(moved))
        return
    output.say(f"The rows of {moved.name} are in the storage account {place}.")
