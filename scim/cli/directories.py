"""`directory`: what this deployment serves, one Tenant URL each."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from scim.cli.command import Desk, Output, command, group
from scim.cli.counting import activity, counts, in_words
from scim.cli.credentials import BaseUrl, Name, again, check_restored, described, open_ways
from scim.cli.making import (
    Days,
    Label,
    Never,
    directory_name,
    lifetime,
    new_directory,
)
from scim.cli.output import minute
from scim.cli.problem import Problem
from scim.cli.ruling import (
    DEFAULT_PRESET,
    Attributes,
    Edits,
    File,
    Preset,
    as_document,
    base,
    edited,
    preset_named,
)
from scim.cli.store import public_url
from scim.cli.tokens import expiring, issuing
from scim.directory import Directory
from scim.errors import ScimError
from scim.registry import NameTaken

app = group("Directories: make, show, change, remove.")

Place = Annotated[
    str | None,
    typer.Option(
        "--place",
        metavar="ACCOUNT",
        help="The storage account for its rows: a name of SCIM_STORAGE_ACCOUNTS.",
    ),
]
# Days before a token's end that it is pointed out; one that `serve` has just issued lives 30.
_SOON = 29
_WAYS: Mapping[str, str] = {
    "secretToken": "secret token",
    "entraIssued": "tokens that Entra issues",
    "clientCredentials": "client credentials",
    "federation": "federation",
}
_SHOWN = ("name", "state", "preset", "dialect", "created", "id")


@command(app, "add")
async def add(
    desk: Desk,
    output: Output,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", callback=directory_name, help="Its name, in URLs: a-z, 0-9 and -."
        ),
    ],
    *,
    preset: Preset = None,
    file: File = None,
    attribute: Attributes = None,
    base_url: BaseUrl = None,
    label: Label = "",
    days: Days = None,
    never: Never = False,
    place: Place = None,
) -> None:
    """Make a directory, and show what to paste into Entra.

    Rules come from --preset or --file, else from the preset default.
    """
    lives = lifetime(days, never=never)
    chosen, named = base(preset, file)
    if chosen is None:
        chosen, named = preset_named(DEFAULT_PRESET), DEFAULT_PRESET
    rules = edited(chosen, Edits(attributes=attribute or ()))
    url = f"{public_url(desk, base_url)}/{name}/scim"
    placed = account(desk, place, "--place")
    await desk.storage.prepare()
    issuer = await issuing(desk)
    directory = new_directory(name, rules, preset=named, now=desk.now)
    directory = directory.model_copy(update={"storage": placed})
    try:
        await desk.storage.registry.add_directory(directory)
    except NameTaken as taken:
        raise Problem(
            f"there is a directory {name} already; {again(desk, f'directory show {name}')}"
        ) from taken
    try:
        await desk.journal(directory, "directory add", detail=f"preset {named}" if named else "")
        token, record = await issuer.issue(directory, now=desk.now, days=lives, label=label)
    except ScimError as error:
        raise Problem(
            f"the directory {name} is made, but has no token yet ({error.detail}); go on with:"
            f" {again(desk, f'token issue {name}')}"
        ) from error
    if output.json:
        secret = {"tenantUrl": url, "secretToken": token}
        output.document({**summary(directory), **secret, "token": described(record, desk.now)})
        return
    output.say(f"Directory {name} is made. In Entra, under Provisioning, Admin credentials, paste:")
    output.facts({"  Tenant URL": url, "  Secret Token": token})
    until = f"until {record.expires[:10]}" if record.expires else "until it is revoked"
    output.note(f"The token is shown this once, and lives {until}.")


@command(app, "list")
async def list_directories(desk: Desk, output: Output) -> None:
    """List all directories."""
    registry = desk.storage.registry
    rows = [summary(each) async for each in registry.directories()]
    rows += [_unreadable(name, id) for name, id in (await registry.unreadable()).items()]
    rows.sort(key=lambda row: str(row["name"]))
    if output.json:
        output.document(rows)
        return
    if not rows:
        make = again(desk, "directory add NAME")
        output.note(f"there is no directory yet in {desk.place}; {make}")
        return
    titles = [each.upper() for each in _SHOWN]
    output.table(titles, ([minute(row[key]) for key in _SHOWN] for row in rows))


@command(app, "show")
async def show(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    rules: Annotated[
        bool, typer.Option("--rules", help="Print its rules, as --file takes them.")
    ] = False,
) -> None:
    """Show who is in it, what happened lately, tokens, rules."""
    directory = await desk.directory(name)
    if rules:
        output.document(as_document(directory))
        return
    now = desk.now
    repository = desk.storage.repository(directory)
    credentials = await desk.storage.registry.credentials(directory.id)
    tokens = [each for each in credentials if each.kind == "token"]
    ways = open_ways(directory, credentials, now)
    counted = await counts(directory, repository)
    lately = await activity(repository, now)
    used = [each.last_used for each in credentials if each.last_used]
    document: dict[str, Any] = {
        **summary(directory),
        "resources": counted,
        "lastRequest": max(used, default=None),
        "last24Hours": lately,
        "ways": ways,
        "entra": directory.entra.model_dump(mode="json") if directory.entra else None,
        "tokens": [described(each, now) for each in tokens],
        "expiring": [each.id for each in expiring(credentials, now, _SOON)],
        "rules": brief(directory),
    }
    if output.json:
        output.document(document)
        return
    live = sum(each["state"] == "live" for each in document["tokens"])
    output.facts(
        {
            **{each: document[each] for each in _SHOWN},
            "storage": directory.storage,
            "moving": directory.moving.phase if directory.moving else None,
            "changing": _changing(desk, directory),
            **{type: in_words(each) for type, each in counted.items()},
            "last request": minute(document["lastRequest"]) or "none yet",
            "last 24 hours": f"{lately['writes']} writes, {lately['refused']} refused",
            "ways in": ", ".join(_WAYS[each] for each, open in ways.items() if open) or "none",
            "tokens": f"{live} live of {len(tokens)}",
            **document["rules"],
        }
    )
    for each in expiring(credentials, now, _SOON):
        next = f"client secret issue {each.client}" if each.client else f"token rotate {name}"
        ends = (each.expires or "")[:10]
        output.warn(f"{each.kind} {each.id} ends on {ends}; {again(desk, next)}")


@command(app, "disable")
async def disable(desk: Desk, output: Output, name: Name) -> None:
    """Switch provisioning off; nothing is lost.

    Within 60 seconds every request is answered 403.
    """
    await _switch(desk, output, name, enabled=False)


@command(app, "enable")
async def enable(desk: Desk, output: Output, name: Name) -> None:
    """Switch provisioning on again."""
    await _switch(desk, output, name, enabled=True)


async def _switch(desk: Desk, output: Output, name: str, *, enabled: bool) -> None:
    directory = await desk.directory(name)
    if directory.removing:
        raise Problem(f"{name} is being removed; {again(desk, f'directory remove {name}')}")
    check_restored(directory)
    word = "enable" if enabled else "disable"
    if directory.enabled is not enabled:
        directory = await desk.storage.registry.change_directory(
            directory.id, lambda each: each.model_copy(update={"enabled": enabled})
        )
        await desk.journal(directory, f"directory {word}")
    if output.json:
        output.document(summary(directory))
        return
    output.say(f"Directory {name} is {word}d; every server knows within 60 seconds.")


def account(desk: Desk, name: str | None, option: str) -> str | None:
    """Check the name of a storage account; None is the one with the registry, `main` too."""
    known = ["main", *desk.storage.accounts]
    if name is not None and name not in known:
        raise typer.BadParameter(
            f"{option}: there is no account {name}; SCIM_STORAGE_ACCOUNTS and SCIM_STORAGE name"
            f" {', '.join(known)}"
        )
    return None if name == "main" else name


def check_at_rest(directory: Directory) -> None:
    """Refuse what would disturb a restore or a move. Raises Problem."""
    check_restored(directory)
    if directory.moving is not None:
        raise Problem(
            f"{directory.name} is being moved to another storage account, or that broke off:"
            " let the same move complete, or give it up"
        )


def _changing(desk: Desk, directory: Directory) -> str | None:
    """Say what a change of rules has still to do, and how it goes on."""
    give_up = again(desk, f"directory set {directory.name} --give-up")
    if directory.next is not None:
        return f"other rules are being introduced; the same command goes on, or give up: {give_up}"
    if directory.previous is not None:
        return "what only earlier rules needed is being swept; the next directory set goes on"
    return None


def summary(directory: Directory) -> dict[str, Any]:
    """Describe a directory in short, as `--json` prints it."""
    state = "enabled" if directory.enabled else "disabled"
    state = "restoring" if directory.restoring is not None else state
    return {
        "name": directory.name,
        "id": directory.id,
        "state": "removing" if directory.removing else state,
        "preset": directory.preset,
        "dialect": directory.dialect,
        "created": directory.created,
        "changing": directory.next is not None,
        "storage": directory.storage or "main",
        "moving": directory.moving.phase if directory.moving else None,
    }


def _unreadable(name: str, id: str) -> dict[str, Any]:
    """Describe a directory whose record can't be read, with the keys of `summary`."""
    unknown = dict.fromkeys(("preset", "dialect", "created", "changing", "storage", "moving"))
    return {"name": name, "id": id, "state": "unreadable", **unknown}


def brief(directory: Directory) -> dict[str, Any]:
    """Say a directory's rules in short."""
    kept = f", kept {directory.deletion.days} days" if directory.deletion.policy == "soft" else ""
    said: dict[str, Any] = {
        "delete": f"{directory.deletion.policy}{kept}",
        "unknown attributes": directory.unknown or f"as the dialect {directory.dialect} does",
        "log": f"kept {directory.log_days} days",
    }
    for each in directory.catalog.resource_types:
        said[f"{each.name} unique"] = ", ".join(map(str, each.unique)) or None
        said[f"{each.name} indexed"] = ", ".join(map(str, each.indexed)) or None
        said[f"{each.name} required"] = ", ".join(each.definition.required) or None
    return said
