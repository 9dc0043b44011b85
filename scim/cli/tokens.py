"""`token`: the secret tokens of a directory, made, listed, rotated, revoked."""

import re
from datetime import datetime
from typing import Annotated, Any

import typer

from scim.cli.command import Desk, Output, command, group
from scim.cli.making import Days, Issuer, Label, Never, lifetime
from scim.cli.output import minute
from scim.cli.problem import Problem
from scim.cli.process import program
from scim.credentials import days_left, revoked, state
from scim.directory import Directory
from scim.registry import Credential

app = group("Secret tokens: what Entra shows when it calls.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The directory's name.")]
_ID = re.compile(r"[0-9a-z]{12}")
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
    new_pepper: Annotated[
        bool,
        typer.Option("--new-pepper", help="The service has a new pepper; asks, or takes --yes."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Issue a further token and show it, this once."""
    directory = await _in_use(desk, name)
    if new_pepper:
        question = "With a new pepper every earlier token is void, in all directories. Go on?"
        output.confirm(question, yes=yes)
    issuer = await issuing(desk, new_pepper=new_pepper)
    token, record = await issuer.issue(
        directory, now=desk.now, days=lifetime(days, never=never), label=label
    )
    if output.json:
        output.document({**described(record, desk.now), "directory": name, "secretToken": token})
        return
    tell(output, token, record)


@command(app, "list")
async def list_tokens(desk: Desk, output: Output, name: Name) -> None:
    """List tokens: state, end, last use, made by whom."""
    directory = await desk.directory(name)
    found = await desk.storage.registry.credentials(directory.id)
    rows = [described(each, desk.now) for each in found]
    if output.json:
        output.document(rows)
        return
    if not rows:
        output.note(f"{name} has no token; make one: {again(desk, f'token issue {name}')}")
        return
    shown = ("id", "state", "expires", "lastUsed", "created", "by", "revoked", "revokedBy", "label")
    titles = [re.sub("(?=[A-Z])", " ", each).upper() for each in shown]
    output.table(titles, ([minute(each[key]) for key in shown] for each in rows))


@command(app, "rotate")
async def rotate(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    days: Days = None,
    never: Never = False,
    label: Label = "",
) -> None:
    """Issue the token that takes over, and say what is next."""
    directory = await _in_use(desk, name)
    issuer = await issuing(desk)
    now = desk.now
    before = [each for each in await _credentials(desk, directory) if state(each, now) == "live"]
    token, record = await issuer.issue(
        directory, now=now, days=lifetime(days, never=never), label=label
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


def _token_id(text: str) -> str:
    """Refuse a secret in an id's place, without a word of it."""
    if _ID.fullmatch(text):
        return text
    if text.startswith("scim_"):
        raise typer.BadParameter(
            "that is a token: give its id, which `token list NAME` shows; whoever sees this"
            " machine's commands has seen the token"
        )
    raise typer.BadParameter("that is no token's id; `token list NAME` shows the ids")


@command(app, "revoke")
async def revoke(
    desk: Desk,
    output: Output,
    id: Annotated[
        str,
        typer.Argument(metavar="ID", callback=_token_id, help="The token's id, from token list."),
    ],
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Revoke a directory's last token too.")
    ] = False,
) -> None:
    """Revoke a token.

    Within 60 seconds no server takes it. Asks when it is the directory's last one.
    """
    registry, now = desk.storage.registry, desk.now
    found = await registry.credential(id)
    directory = await registry.directory(found.directory) if found else None
    if found is None or directory is None:
        raise Problem(f"there is no token {id}; {again(desk, 'token list NAME')} shows their ids")
    if found.revoked is None:
        others = [
            each
            for each in await _credentials(desk, directory)
            if each.id != id and state(each, now) == "live"
        ]
        if not others and state(found, now) == "live":
            question = (
                f"This is the last token of {directory.name}: Entra will be turned away. Revoke?"
            )
            output.confirm(question, yes=yes)
        by = await desk.by()
        found = await registry.change_credential(id, lambda each: revoked(each, by, now))
        await desk.journal(directory, "token revoke", credential=id)
    if output.json:
        output.document({**described(found, now), "directory": directory.name})
        return
    output.say(f"Token {id} of {directory.name} is revoked; no server takes it after 60 seconds.")


async def issuing(desk: Desk, *, new_pepper: bool = False) -> Issuer:
    """Make the issuer of tokens, with the pepper that this storage knows, or a new one."""
    issuer = Issuer(desk.storage, await desk.pepper(), await desk.by())
    await issuer.agree(new_pepper=new_pepper)
    return issuer


def described(credential: Credential, now: datetime) -> dict[str, Any]:
    """Describe a token without anything secret, as `--json` prints it."""
    return {
        "id": credential.id,
        "state": state(credential, now),
        "created": credential.created,
        "by": credential.by,
        "label": credential.label,
        "expires": credential.expires,
        "lastUsed": credential.last_used,
        "revoked": credential.revoked,
        "revokedBy": credential.revoked_by,
    }


def expiring(credentials: list[Credential], now: datetime, within: int) -> list[Credential]:
    """Find the live tokens that end within so many days."""
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
        }
    )
    output.note("The token is shown this once: only its digest is kept.")


def again(desk: Desk, command: str) -> str:
    """Write a command for the same store, to be copied."""
    return f"{program()} {command}{desk.where.options}"


async def _in_use(desk: Desk, name: str) -> Directory:
    """Find a directory that may get a token. Raises Problem."""
    directory = await desk.directory(name)
    if directory.removing:
        raise Problem(f"{name} is being removed: no token would open it")
    return directory


async def _credentials(desk: Desk, directory: Directory) -> list[Credential]:
    return await desk.storage.registry.credentials(directory.id)
