"""`token`: the secret tokens of a directory, made, listed, rotated, revoked."""

import re
from datetime import datetime
from typing import Annotated

import typer

from scim.cli.command import Desk, Output, command, group
from scim.cli.credentials import (
    Name,
    ReadOnly,
    Scopes,
    again,
    chosen,
    credential_id,
    described,
    ended,
    in_use,
    restricted,
)
from scim.cli.making import Days, Issuer, Label, Never, lifetime
from scim.cli.output import minute
from scim.credentials import days_left, state
from scim.directory import Directory
from scim.registry import Credential

app = group("Secret tokens: what Entra shows when it calls.")

_LISTING = "token list NAME"
_SHOWN = (
    *("id", "state", "scopes", "expires", "lastUsed", "created", "by", "revoked", "revokedBy"),
    "label",
)
# How many tokens were live before a new one -> what becomes of them.
_STILL_LIVE = (
    "No other token is live: Entra is turned away until it has this one.",
    "The earlier token goes on working.",
    "The earlier tokens go on working.",
)


@command(app, "issue")
async def issue(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    days: Days = None,
    never: Never = False,
    label: Label = "",
    scope: Scopes = None,
    read_only: ReadOnly = False,
    new_pepper: Annotated[
        bool,
        typer.Option("--new-pepper", help="The service has a new pepper; asks, or takes --yes."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Issue a further token and show it, this once."""
    scopes = chosen(scope, read_only=read_only)
    directory = await in_use(desk, name)
    if new_pepper:
        question = "With a new pepper every earlier token is void, in all directories. Go on?"
        output.confirm(question, yes=yes)
    issuer = await issuing(desk, new_pepper=new_pepper)
    token, record = await issuer.issue(
        directory, now=desk.now, days=lifetime(days, never=never), label=label, scopes=scopes
    )
    if output.json:
        output.document({**described(record, desk.now), "directory": name, "secretToken": token})
        return
    tell(output, token, record)


@command(app, "list")
async def list_tokens(desk: Desk, output: Output, name: Name) -> None:
    """List tokens: state, end, last use, made by whom."""
    directory = await desk.directory(name)
    rows = [described(each, desk.now) for each in await tokens(desk, directory)]
    if output.json:
        output.document(rows)
        return
    if not rows:
        output.note(f"{name} has no token; make one: {again(desk, f'token issue {name}')}")
        return
    rows = [{**each, "scopes": restricted(each["scopes"])} for each in rows]
    titles = [re.sub("(?=[A-Z])", " ", each).upper() for each in _SHOWN]
    output.table(titles, ([minute(each[key]) for key in _SHOWN] for each in rows))


@command(app, "rotate")
async def rotate(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    days: Days = None,
    never: Never = False,
    label: Label = "",
    scope: Scopes = None,
    read_only: ReadOnly = False,
) -> None:
    """Issue the token that takes over, and say what is next.

    Without --scope it may do what the live ones together may.
    """
    directory = await in_use(desk, name)
    now = desk.now
    before = [each for each in await tokens(desk, directory) if state(each, now) == "live"]
    held = chosen([scope for each in before for scope in each.scopes], read_only=False)
    scopes = chosen(scope, read_only=read_only, otherwise=held)
    issuer = await issuing(desk)
    token, record = await issuer.issue(
        directory, now=now, days=lifetime(days, never=never), label=label, scopes=scopes
    )
    if output.json:
        output.document(
            {
                **described(record, now),
                "directory": name,
                "secretToken": token,
                "replaces": [each.id for each in before],
            }
        )
        return
    tell(output, token, record)
    output.say(f"\n{_STILL_LIVE[min(len(before), 2)]} Next:")
    output.say("  1. In Entra: Provisioning, Admin credentials: paste it as Secret Token.")
    output.say("  2. Test connection, and save.")
    if before:
        several = "; leave out those that something else uses" if len(before) > 1 else ""
        output.say(f"  3. Revoke what it replaces (no server takes it after 60 seconds){several}:")
    for each in before:
        used = f"last used {minute(each.last_used)}" if each.last_used else "never used"
        remark = f"  # {used}" if len(before) > 1 else ""
        output.say(f"     {again(desk, f'token revoke {each.id}')}{remark}")


@command(app, "revoke")
async def revoke(
    desk: Desk,
    output: Output,
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            callback=credential_id("a token", _LISTING),
            help="The token's id, from token list.",
        ),
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Close the last way in, too.")] = False,
) -> None:
    """Revoke a token.

    Within 60 seconds no server takes it. Asks when no other way in is open.
    """
    found, directory = await ended(desk, output, id, "token", _LISTING, yes=yes)
    if output.json:
        output.document({**described(found, desk.now), "directory": directory.name})
        return
    output.say(f"Token {id} of {directory.name} is revoked; no server takes it after 60 seconds.")


async def issuing(desk: Desk, *, new_pepper: bool = False) -> Issuer:
    """Make the issuer of tokens, with the pepper that this storage knows, or a new one."""
    issuer = Issuer(desk.storage, await desk.pepper(), await desk.by())
    await issuer.agree(new_pepper=new_pepper)
    return issuer


def expiring(credentials: list[Credential], now: datetime, within: int) -> list[Credential]:
    """Find the live tokens, and secrets of clients, that end within so many days."""
    return [
        each
        for each in credentials
        if state(each, now) == "live"
        and (left := days_left(each, now)) is not None
        and left <= within
    ]


def tell(output: Output, token: str, record: Credential) -> None:
    output.facts(
        {
            "Secret Token": token,
            "Token id": record.id,
            "Expires": minute(record.expires) if record.expires else "never",
            "Scopes": restricted(record.scopes) or None,
        }
    )
    output.note("The token is shown this once: only its digest is kept.")


async def tokens(desk: Desk, directory: Directory) -> list[Credential]:
    """Read the tokens of a directory, and no credentials of other kinds."""
    found = await desk.storage.registry.credentials(directory.id)
    return [each for each in found if each.kind == "token"]
