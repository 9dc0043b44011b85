"""`log`: what was written, what was refused and what operators did, in one directory."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from pydantic.alias_generators import to_camel

from scim.cli.command import Desk, Output, command
from scim.cli.output import plain
from scim.cli.problem import Problem
from scim.journal import Entry
from scim.reading_log import Wanted, read
from scim.reading_log import follow as following
from scim.recording import MOST_A_MINUTE

_AGE = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Mapping[str, str] = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # no entry is older, and no id
_STATUS = re.compile(r"[1-5](?:\d\d|xx)", re.IGNORECASE)


def age(text: str) -> timedelta:
    """Read 90s, 30m, 2h or 7d. Raises a usage error."""
    found = _AGE.fullmatch(text.strip().lower())
    if found is None:
        raise typer.BadParameter("use a number and s, m, h or d, such as 90s, 30m, 2h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _status(text: str | None) -> str | None:
    if text is not None and not _STATUS.fullmatch(text):
        raise typer.BadParameter("use a status or a class of them, such as 409 or 4xx")
    return text


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "log")(log)


async def log(
    desk: Desk,
    output: Output,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The directory's name.")],
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is new, until Ctrl-C.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="AGE", help="Only the last 90s, 30m, 2h or 7d."),
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", metavar="STATUS", callback=_status, help="One status or a class: 409, 4xx."
        ),
    ] = None,
    operation: Annotated[
        str | None,
        typer.Option(
            "--operation", metavar="TEXT", help="Operations with this in them: PATCH, /Groups."
        ),
    ] = None,
    resource: Annotated[
        str | None, typer.Option("--resource", metavar="ID", help="About this resource.")
    ] = None,
    request: Annotated[
        str | None,
        typer.Option("--request", metavar="ID", help="The request of an x-request-id."),
    ] = None,
    credential: Annotated[
        str | None, typer.Option("--credential", metavar="ID", help="Made with this token.")
    ] = None,
) -> None:
    """Show what was written, and what was refused and why.

    An error in Entra's provisioning log ends in its request id: --request shows its line.
    """
    directory = await desk.directory(name)
    if follow and desk.local and desk.url is None:
        # It would keep the local Azurite to itself, and nothing new would come.
        raise Problem(
            "there is nothing to follow: no server runs in this folder; start `serve` first, or"
            " leave --follow out"
        )
    wanted = Wanted(
        status=status or "",
        operation=operation or "",
        resource=resource or "",
        credential=credential or "",
        request=request or "",
        since=_moment(desk.now, age(since)) if since else None,
    )
    repository = desk.storage.repository(directory)
    entries = read(repository, wanted)
    if follow:
        entries = following(repository, wanted, clock=lambda: desk.now, sleep=asyncio.sleep)
    shown = 0
    write = _as_json if output.json else _as_line
    async for each in entries:
        write(output, each)
        shown += 1
    if not shown and not output.json:
        output.note(f"nothing in the log of {name} fits")
    if not shown and request and not output.json:
        output.note(f"of more than {MOST_A_MINUTE} refused requests a minute, the log lacks some")


def _moment(now: datetime, before: timedelta) -> datetime:
    return now - min(before, now - _EPOCH)


def described(entry: Entry) -> dict[str, Any]:
    """Describe an entry as `--json` prints it: what is empty is left out."""
    named = {to_camel(name): value for name, value in asdict(entry).items() if value}
    return {name: list(each) if isinstance(each, tuple) else each for name, each in named.items()}


def _as_json(output: Output, entry: Entry) -> None:
    output.document(described(entry), indent=None)


def _as_line(output: Output, entry: Entry) -> None:
    output.say(plain(" ".join(filter(None, line(entry)))))


def line(entry: Entry) -> list[str]:
    """Write an entry as one line's words: when, what, how it ended, about what, by whom."""
    about = "/".join(filter(None, (entry.type, entry.resource)))
    labelled: list[tuple[str, str]] = [
        ("attributes", ",".join(entry.attributes)),
        ("ignored", ",".join(entry.ignored)),
        ("by", entry.by),
        ("token", entry.credential),
        ("request", entry.request),
        ("reason", entry.reason),
    ]
    return [
        entry.at[:19].replace("T", " "),
        f"{entry.verb:<7}",
        str(entry.status or ""),
        entry.operation,
        about,
        *(f"{label}={value}" for label, value in labelled if value),
        " ".join(filter(None, (entry.scim_type, f'"{entry.detail}"' if entry.detail else ""))),
    ]
