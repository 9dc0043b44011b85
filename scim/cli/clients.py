"""`client`: clients of the token endpoint and their secrets (OAuth 2.0, RFC 6749 §4.4)."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from scim.cli.command import Desk, Output, command, group
from scim.cli.credentials import (
    BaseUrl,
    Minutes,
    Name,
    ReadOnly,
    Scopes,
    Yes,
    again,
    chosen,
    credential_id,
    described,
    end,
    ended,
    find,
    in_use,
    restricted,
)
from scim.cli.making import Label
from scim.cli.output import minute
from scim.cli.problem import Problem
from scim.cli.registering import endpoints, registered, shown, tell, writes
from scim.cli.tokens import issuing
from scim.credentials import state
from scim.registry import Credential

app = group("Clients that ask for access tokens (OAuth 2.0 client credentials).")
secrets = group("A client's secrets: several live at once, so that one can be replaced.")
app.add_typer(secrets, name="secret")

# What Entra's gallery asks of secrets, in days; without a gallery fewer serve, too.
YEAR, THREE_YEARS = 365, 3 * 365
_LISTING = "client list NAME"

SecretDays = Annotated[
    int,
    typer.Option(
        "--days",
        metavar="N",
        min=1,
        max=THREE_YEARS,
        help=f"Days until the secret ends; {YEAR} to {THREE_YEARS} for Entra's gallery.",
    ),
]
ClientId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        callback=credential_id("a client", _LISTING),
        help="The client's id, from client list.",
    ),
]


@command(app, "add")
async def add(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    scope: Scopes = None,
    read_only: ReadOnly = False,
    minutes: Minutes = 60,
    days: SecretDays = YEAR,
    label: Label = "",
    base_url: BaseUrl = None,
) -> None:
    """Register a client with its first secret, and show what to paste into Entra."""
    scopes = chosen(scope, read_only=read_only)
    directory = await in_use(desk, name)
    places = endpoints(desk, name, base_url)
    issuer = await issuing(desk)
    _warn_of(output, days)
    client = await registered(desk, directory, scopes=scopes, minutes=minutes, label=label)
    secret, record = await issuer.issue(
        directory, now=desk.now, days=timedelta(days=days), client=client.id
    )
    if output.json:
        made = {**places, "clientSecret": secret, "secret": described(record, desk.now)}
        output.document({**shown(client, desk.now), "directory": name, **made})
        return
    tell(output, client, places, secret)
    _tell_once(output, record)


@command(app, "list")
async def list_clients(desk: Desk, output: Output, name: Name) -> None:
    """List clients and their secrets: state, end, last use; never a secret."""
    directory = await desk.directory(name)
    now = desk.now
    found = await desk.storage.registry.credentials(directory.id)
    clients = [each for each in found if each.kind == "client"]
    kept = {
        client.id: [each for each in found if each.kind == "secret" and each.client == client.id]
        for client in clients
    }
    if output.json:
        output.document(
            [
                {**shown(each, now), "secrets": [_secret(one, now) for one in kept[each.id]]}
                for each in clients
            ]
        )
        return
    if not clients:
        output.note(f"{name} has no client; make one: {again(desk, f'client add {name}')}")
        return
    output.table(
        (
            *("CLIENT", "STATE", "SCOPES", "MINUTES", "LABEL", "LAST USED"),
            *("SECRET", "STATE", "EXPIRES", "LAST USED"),
        ),
        (
            (
                *(client.id, state(client, now), restricted(client.scopes), client.minutes),
                *(client.label, minute(client.last_used)),
                *_row(secret, now),
            )
            for client in clients
            for secret in (*kept[client.id], *([] if kept[client.id] else [None]))
        ),
    )


@command(app, "revoke")
async def revoke(
    desk: Desk,
    output: Output,
    id: ClientId,
    *,
    yes: Yes = False,
) -> None:
    """Revoke a client, its secrets and its access tokens.

    Within 60 seconds no server takes them. Asks when no other way in is open.
    """
    client, directory = await ended(desk, output, id, "client", _LISTING, yes=yes)
    for each in await _secrets(desk, client):
        if each.revoked is None:
            await end(desk, directory, each.id, "client secret revoke")
    if output.json:
        output.document({**shown(client, desk.now), "directory": directory.name})
        return
    output.say(
        f"Client {id} of {directory.name} is revoked; no server takes its secrets and access tokens"
        " after 60 seconds."
    )


@command(secrets, "issue")
async def issue_secret(
    desk: Desk, output: Output, id: ClientId, *, days: SecretDays = YEAR, label: Label = ""
) -> None:
    """Issue a further secret of a client and show it, this once."""
    client, directory = await find(desk, id, "client", _LISTING)
    if client.revoked is not None:
        raise Problem(f"client {id} is revoked: no secret would open anything")
    issuer = await issuing(desk)
    _warn_of(output, days)
    before = [each for each in await _secrets(desk, client) if state(each, desk.now) == "live"]
    secret, record = await issuer.issue(
        directory, now=desk.now, days=timedelta(days=days), label=label, client=id
    )
    if output.json:
        replaced = {"replaces": [each.id for each in before]}
        output.document({**_secret(record, desk.now), "clientSecret": secret, **replaced})
        return
    output.facts({"Client Identifier": id, "Client Secret": secret, "Secret id": record.id})
    _tell_once(output, record)
    if before:
        output.say("\nEarlier secrets go on working. Next:")
        if writes(client.scopes):
            output.say("  1. In Entra: Provisioning, Admin credentials: paste it as Client Secret.")
            output.say("  2. Test connection, and save.")
        else:
            output.say("  1. Give it to the application that reads the directory.")
            output.say("  2. See by client list that it is used.")
        output.say("  3. Revoke what it replaces:")
    for each in before:
        output.say(f"     {again(desk, f'client secret revoke {each.id}')}")


@command(secrets, "revoke")
async def revoke_secret(
    desk: Desk,
    output: Output,
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            callback=credential_id("a client's secret", _LISTING),
            help="The secret's id, from client list.",
        ),
    ],
    *,
    yes: Yes = False,
) -> None:
    """Revoke a client's secret; access tokens that it got live on until they end.

    Within 60 seconds no server takes it. Asks when no other way in is open.
    """
    record, directory = await ended(desk, output, id, "secret", _LISTING, yes=yes)
    if output.json:
        output.document({**_secret(record, desk.now), "directory": directory.name})
        return
    output.say(
        f"Secret {id} of the client {record.client} is revoked; no server takes it after 60"
        " seconds."
    )


async def _secrets(desk: Desk, client: Credential) -> list[Credential]:
    found = await desk.storage.registry.credentials(client.directory)
    return [each for each in found if each.kind == "secret" and each.client == client.id]


def _secret(secret: Credential, now: datetime) -> dict[str, Any]:
    """Describe a secret; what may be done with it says its client."""
    told = described(secret, now)
    del told["scopes"]
    return {**told, "clientId": secret.client}


def _row(secret: Credential | None, now: datetime) -> tuple[str, ...]:
    if secret is None:
        return ("", "", "", "")
    return (secret.id, state(secret, now), minute(secret.expires), minute(secret.last_used))


def _warn_of(output: Output, days: int) -> None:
    if days < YEAR:
        output.warn(f"Entra's gallery asks for secrets of {YEAR} to {THREE_YEARS} days")


def _tell_once(output: Output, record: Credential) -> None:
    until = (record.expires or "")[:10]
    output.note(f"The secret is shown this once, and lives until {until}.")
