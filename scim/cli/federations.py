"""`federation`: clients that Entra vouches for, without a secret (RFC 7523, workload identity)."""

from datetime import datetime
from typing import Annotated, Any

import typer

from scim.auth.records import CUSTOM_APP, MOST_AUDIENCES, Trust
from scim.cli.clients import endpoints
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
    ended,
    in_use,
    restricted,
)
from scim.cli.making import Label
from scim.cli.output import minute
from scim.credentials import register, state
from scim.registry import Credential

app = group("Workload identity federation: Entra proves itself, and no secret exists.")

_LISTING = "federation list NAME"


@command(app, "add")
async def add(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    tenant: Annotated[str, typer.Option("--tenant", metavar="GUID", help="The Entra tenant's id.")],
    audience: Annotated[
        list[str],
        typer.Option(
            "--audience", metavar="AUD", help="What assertions are for: api://…; repeatable."
        ),
    ],
    subject: Annotated[
        str,
        typer.Option(
            "--subject", metavar="GUID", help="Whose they are: Sync Fabric's object id there."
        ),
    ],
    application: Annotated[
        str | None,
        typer.Option("--application", metavar="GUID", help="The claim appid, compared, too."),
    ] = None,
    reusable: Annotated[
        bool,
        typer.Option("--reusable", help="Take an assertion again until it expires."),
    ] = False,
    scope: Scopes = None,
    read_only: ReadOnly = False,
    minutes: Minutes = 60,
    label: Label = "",
    base_url: BaseUrl = None,
) -> None:
    """Register a client that Entra vouches for, and show what to paste into Entra."""
    scopes = chosen(scope, read_only=read_only)
    if CUSTOM_APP in audience:
        raise typer.BadParameter(
            f"--audience {CUSTOM_APP} is what every tenant's tokens for a Secret Token that was"
            " left blank are for; an assertion's begins with api://"
        )
    trust = trusting(tenant, audience, "--tenant", subject=subject, application=application)
    trust = trust.model_copy(update={"reusable": reusable})
    directory = await in_use(desk, name)
    places = endpoints(desk, name, base_url)
    client = register(
        directory.id,
        now=desk.now,
        trust=trust,
        scopes=scopes,
        minutes=minutes,
        by=await desk.by(),
        label=label,
    )
    await desk.storage.registry.add_credential(client)
    await desk.journal(
        directory, "federation add", credential=client.id, detail=f"tenant {trust.tenant}"
    )
    if output.json:
        output.document({**_federation(client, desk.now), "directory": name, **places})
        return
    output.say("In Entra, under Provisioning, Admin credentials, paste:")
    output.facts(
        {
            "  Tenant URL": places["tenantUrl"],
            "  Token Endpoint": places["tokenEndpoint"],
            "  Client Identifier": client.id,
            "  Scopes": restricted(scopes) or None,
        }
    )


@command(app, "list")
async def list_federations(desk: Desk, output: Output, name: Name) -> None:
    """List federations: whom they trust, state, last use."""
    directory = await desk.directory(name)
    now = desk.now
    found = await desk.storage.registry.credentials(directory.id)
    federations = [each for each in found if each.kind == "federation"]
    if output.json:
        output.document([_federation(each, now) for each in federations])
        return
    if not federations:
        output.note(f"{name} has no federation; {again(desk, f'federation add {name}')} …")
        return
    for each in federations:
        trust = _trust(each)
        output.facts(
            {
                "client": each.id,
                "state": state(each, now),
                "tenant": trust["tenant"],
                "audiences": ", ".join(trust["audiences"]),
                "subject": trust["subject"],
                "application": trust["application"],
                "assertions": "may be used again" if trust["reusable"] else None,
                "scopes": restricted(each.scopes) or None,
                "minutes": each.minutes,
                "last used": minute(each.last_used) or "never",
                "label": each.label or None,
            }
        )
        output.say()


@command(app, "remove")
async def remove(
    desk: Desk,
    output: Output,
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            callback=credential_id("a federation", _LISTING),
            help="Its client id, from federation list.",
        ),
    ],
    *,
    yes: Yes = False,
) -> None:
    """End a federation and its access tokens.

    Within 60 seconds no server takes them. Asks when no other way in is open.
    """
    client, directory = await ended(desk, output, id, "federation", _LISTING, yes=yes)
    if output.json:
        output.document({**_federation(client, desk.now), "directory": directory.name})
        return
    output.say(
        f"Federation {id} of {directory.name} is ended; no server takes its assertions and access"
        " tokens after 60 seconds."
    )


def trusting(
    tenant: str,
    audiences: list[str],
    option: str,
    *,
    subject: str | None = None,
    application: str | None = None,
) -> Trust:
    """Read whose tokens are to be taken. Raises a usage error that names what is wrong."""
    if not 1 <= len(audiences) <= MOST_AUDIENCES:
        raise typer.BadParameter(f"give 1 to {MOST_AUDIENCES} audiences")
    named = [*audiences, *([] if subject is None else [subject])]
    if any(not each or each.strip() != each for each in named):
        raise typer.BadParameter("an audience or a subject is empty, or has blanks around it")
    try:
        return Trust(
            tenant=tenant.strip().lower(),
            audiences=tuple(audiences),
            subject=subject,
            application=application.strip().lower() if application else None,
        )
    except ValueError as error:
        raise typer.BadParameter(
            f"{option} takes a tenant's id, which Entra's overview page shows: 8-4-4-4-12 digits"
            " and a to f"
        ) from error


def _trust(client: Credential) -> dict[str, Any]:
    assert client.trust is not None  # it is a federation  # noqa: S101
    return client.trust.model_dump(mode="json")


def _federation(client: Credential, now: datetime) -> dict[str, Any]:
    told = described(client, now)
    del told["expires"]
    return {"clientId": told.pop("id"), **told, "minutes": client.minutes, **_trust(client)}
