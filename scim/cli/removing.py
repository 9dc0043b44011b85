"""`directory remove`: a directory goes, with all that it holds."""

from typing import Annotated

import typer

from scim.cli.command import Desk, Output, command
from scim.cli.credentials import Name, again
from scim.cli.directories import app, check_at_rest
from scim.cli.problem import Problem
from scim.cli.process import hinting
from scim.deadlines import SETTLED
from scim.purging import remove as removed
from scim.registry import NoRecord

Wait = Annotated[
    float,
    typer.Option(
        "--wait",
        metavar="SECONDS",
        min=0,
        help="How long to wait until every server knows; 0 where none runs.",
    ),
]


@command(app, "remove")
async def remove(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    wait: Wait = SETTLED,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for the name.")] = False,
) -> None:
    """Remove a disabled directory with all that it holds.

    Users, groups, tokens and log are gone for good. What breaks off is completed by the same
    command, or by the next purge.
    """
    directory = await desk.directory(name)
    if directory.enabled and not directory.removing:
        raise Problem(
            f"{name} is in use; switch it off first: {again(desk, f'directory disable {name}')}"
        )
    if directory.moving is not None:
        check_at_rest(directory)
    question = f"This removes {name}: users, groups, tokens and log, for good."
    output.confirm_name(question, name, yes=yes)
    repository = desk.storage.repository(directory)
    # The directory's own log goes with it: who did it is in this line, on stderr.
    output.note(f"{await desk.by()} removes {name} ({directory.id}) at {desk.now:%Y-%m-%d %H:%M}Z")
    hint = f"goes on with {again(desk, f'directory remove {name}')}, or with the next purge"
    with output.progress("deleting") as bar, hinting(output.note, f"what has begun {hint}"):
        if wait:
            bar.phase(f"waiting {wait:.0f} s until every running server knows, then deleting")
        try:
            await removed(directory, desk.storage.registry, repository, bar, settle=wait)
        except NoRecord as gone:
            raise Problem(f"somebody else has removed {name} meanwhile") from gone
    if output.json:
        output.document({"name": name, "id": directory.id, "removed": True})
        return
    output.say(f"Directory {name} is removed.")
