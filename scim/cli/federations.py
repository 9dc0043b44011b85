"""`federation`: clients that Entra vouches for, without a secret (RFC 7523, workload identity)."""

import re
from typing import Annotated

import typer

from scim.auth.records import CUSTOM_APP, GUID, MOST_AUDIENCES, SYNC_FABRIC, Trust
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
    ended,
    in_use,
    restricted,
)
from scim.cli.making import Label
from scim.cli.output import minute
from scim.cli.registering import endpoints, registered, shown, tell

app = group("Workload identity federation: Entra proves itself, and no secret exists.")

_LISTING = "federation list NAME"
_GUID = re.compile(GUID)


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
    if trust.subject in (trust.tenant, trust.application, SYNC_FABRIC):
        raise typer.BadParameter(
            "--subject is the id of the tenant or of an application: give the object id that"
            " Entra's page shows as Subject, which Entra's provisioning service has in this tenant"
        )
    trust = trust.model_copy(update={"reusable": reusable})
    directory = await in_use(desk, name)
    places = endpoints(desk, name, base_url)
    client = await registered(
        desk, directory, scopes=scopes, minutes=minutes, label=label, trust=trust
    )
    if not _GUID.fullmatch(trust.subject or ""):
        output.warn(
            "--subject is an object id in Microsoft's samples, 8-4-4-4-12 digits and a to f:"
            " compare it with Subject on Entra's page; assertions of any other are refused"
        )
    if output.json:
        output.document({**shown(client, desk.now), "directory": name, **places})
        return
    tell(output, client, places)


@command(app, "list")
async def list_federations(desk: Desk, output: Output, name: Name) -> None:
    """List federations: whom they trust, state, last use."""
    directory = await desk.directory(name)
    now = desk.now
    found = await desk.storage.registry.credentials(directory.id)
    federations = [each for each in found if each.kind == "federation"]
    if output.json:
        output.document([shown(each, now) for each in federations])
        return
    if not federations:
        output.note(f"{name} has no federation; {again(desk, f'federation add {name}')} …")
        return
    for each in federations:
        told = shown(each, now)
        output.facts(
            {
                "client": each.id,
                "state": told["state"],
                "tenant": told["tenant"],
                "audiences": ", ".join(told["audiences"]),
                "subject": told["subject"],
                "application": told["application"],
                "assertions": "may be used again" if told["reusable"] else None,
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
        output.document({**shown(client, desk.now), "directory": directory.name})
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
            # As Entra sends an object id: a token's claim is compared letter by letter.
            subject=subject.lower() if subject and _GUID.fullmatch(subject.lower()) else subject,
            application=application.strip().lower() if application else None,
        )
    except ValueError as error:
        raise typer.BadParameter(
            f"{option} takes a tenant's id, which Entra's overview page shows: 8-4-4-4-12 digits"
            " and a to f"
        ) from error
