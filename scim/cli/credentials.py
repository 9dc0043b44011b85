"""What commands about credentials have in common: ids, scopes, which ways in are open."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from scim.auth.records import SCOPES, Scope
from scim.cli.command import Desk, Output
from scim.cli.problem import Problem
from scim.cli.process import program
from scim.credentials import revoked, state
from scim.directory import Directory
from scim.registry import Credential

Name = Annotated[str, typer.Argument(metavar="NAME", help="The directory's name.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope", metavar="SCOPE", help=f"One of {', '.join(SCOPES)}; repeatable; default all."
    ),
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="users.read and groups.read alone.")]
Minutes = Annotated[
    int,
    typer.Option("--minutes", metavar="N", min=60, max=360, help="How long an access token lives."),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url", metavar="URL", help="The service's address; default SCIM_PUBLIC_URL."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]

_ID = re.compile(r"[0-9a-z]{12}")
_READING: tuple[Scope, ...] = ("users.read", "groups.read")
# What a credential is called, and what ends it.
_KINDS: Mapping[str, tuple[str, str]] = {
    "token": ("a token", "token revoke"),
    "client": ("a client", "client revoke"),
    "secret": ("a client's secret", "client secret revoke"),
    "federation": ("a federation", "federation remove"),
}


def credential_id(what: str, listing: str) -> Callable[[str], str]:
    """Make what refuses a secret in an id's place, without a word of it."""

    def check(text: str) -> str:
        if _ID.fullmatch(text):
            return text
        if text.startswith("scim_"):
            raise typer.BadParameter(
                f"that is a secret: give the id of {what}, which `{listing}` shows; whoever sees"
                " this machine's commands has seen the secret"
            )
        raise typer.BadParameter(f"that is no id of {what}; `{listing}` shows the ids")

    return check


async def find(desk: Desk, id: str, kind: str, listing: str) -> tuple[Credential, Directory]:
    """Find a credential of a kind, and its directory. Raises Problem."""
    found = await desk.storage.registry.credential(id)
    directory = await desk.storage.registry.directory(found.directory) if found else None
    if found is None or directory is None:
        raise Problem(f"there is no {kind} {id}; {again(desk, listing)} shows their ids")
    if found.kind != kind:
        what, command = _KINDS[found.kind]
        raise Problem(f"{id} is {what}; to end it: {again(desk, f'{command} {id}')}")
    return found, directory


async def in_use(desk: Desk, name: str) -> Directory:
    """Find a directory that may get a credential. Raises Problem."""
    directory = await desk.directory(name)
    if directory.removing:
        raise Problem(f"{name} is being removed: nothing would open it")
    check_restored(directory)
    if directory.moving is not None and directory.moving.phase == "frozen":
        # Nor its log: a secret would be live that nobody was shown.
        raise Problem(f"{name} is being moved and takes no writes for some minutes: try again then")
    return directory


def check_restored(directory: Directory) -> None:
    """Refuse to write into what is compared with a backup. Raises Problem."""
    if directory.restoring is not None:
        raise Problem(
            f"a backup is brought back into {directory.name}, or that broke off: let the same"
            " restore complete it, or remove it"
        )


def chosen(
    named: Iterable[str] | None, *, read_only: bool, otherwise: tuple[Scope, ...] = SCOPES
) -> tuple[Scope, ...]:
    """Read which scopes were chosen, in their own order."""
    wanted = set(named or ())
    if wanted and read_only:
        raise typer.BadParameter("give --scope or --read-only, not both")
    if unknown := sorted(wanted.difference(SCOPES)):
        raise typer.BadParameter(f"--scope {unknown[0]}: use one of {', '.join(SCOPES)}")
    if read_only:
        return _READING
    return tuple(each for each in SCOPES if each in wanted) or otherwise


def restricted(scopes: Iterable[Scope]) -> str:
    """Write scopes for a table; nothing where nothing is held back."""
    listed = list(scopes)
    return "" if set(listed) == set(SCOPES) else " ".join(listed)


def open_ways(
    directory: Directory, credentials: Iterable[Credential], now: datetime
) -> dict[str, bool]:
    """Tell which of the four ways into a directory are open, as `--json` prints them."""
    live = [each for each in credentials if state(each, now) == "live"]
    secrets = {each.client for each in live if each.kind == "secret"}
    return {
        "secretToken": any(each.kind == "token" for each in live),
        "entraIssued": directory.entra is not None,
        "clientCredentials": any(each.kind == "client" and each.id in secrets for each in live),
        "federation": any(each.kind == "federation" for each in live),
    }


async def confirm_last(
    desk: Desk, output: Output, directory: Directory, *gone: str, what: str, yes: bool
) -> None:
    """Ask before the last way into a directory is closed by ending the credentials `gone`."""
    now = desk.now
    found = await desk.storage.registry.credentials(directory.id)
    kept = [each for each in found if each.id not in gone]
    before, after = (open_ways(directory, each, now) for each in (found, kept))
    if any(before.values()) and not any(after.values()):
        output.confirm(
            f"This is the last {what} of {directory.name}, and no other way in is open: Entra will"
            " be turned away. Go on?",
            yes=yes,
        )


async def ended(
    desk: Desk, output: Output, id: str, kind: str, listing: str, *, yes: bool
) -> tuple[Credential, Directory]:
    """Revoke a credential of a kind, and ask first where it is the last way in. Raises Problem."""
    found, directory = await find(desk, id, kind, listing)
    if found.revoked is None:
        await confirm_last(desk, output, directory, id, what=kind, yes=yes)
        _, command = _KINDS[kind]
        found = await end(desk, directory, id, command)
    return found, directory


async def end(desk: Desk, directory: Directory, id: str, operation: str) -> Credential:
    """Revoke a credential, and record who did; one that was revoked before stays as it is."""
    by, now = await desk.by(), desk.now
    before = await desk.storage.registry.credential(id)
    if before is not None and before.revoked is not None:
        return before
    ended = await desk.storage.registry.change_credential(id, lambda each: revoked(each, by, now))
    await desk.journal(directory, operation, credential=id)
    return ended


def described(credential: Credential, now: datetime) -> dict[str, Any]:
    """Describe a credential of any kind without anything secret, as `--json` prints it."""
    return {
        "id": credential.id,
        "state": state(credential, now),
        "scopes": list(credential.scopes),
        "created": credential.created,
        "by": credential.by,
        "label": credential.label,
        "expires": credential.expires,
        "lastUsed": credential.last_used,
        "revoked": credential.revoked,
        "revokedBy": credential.revoked_by,
    }


def again(desk: Desk, command: str) -> str:
    """Write a command for the same store, to be copied."""
    return f"{program()} {command}{desk.where.options}"
