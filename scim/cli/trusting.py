"""Tokens that Entra issues itself, for a Secret Token that is left blank: whose are taken."""

from dataclasses import dataclass
from typing import Annotated

import typer

from scim.auth.records import CUSTOM_APP, Trust
from scim.cli.command import Desk, Output
from scim.cli.credentials import open_ways
from scim.cli.directories import summary
from scim.cli.federations import trusting
from scim.directory import Directory

TESTING = (
    "Microsoft calls tokens that Entra issues itself a way for testing, not for production: every"
    " tenant's are for the same audience, and this tenant's id is all that keeps others out"
)

Tenant = Annotated[
    str | None,
    typer.Option(
        "--entra-tenant", metavar="GUID", help="Take tokens that Entra issues in this tenant."
    ),
]
Audiences = Annotated[
    list[str] | None,
    typer.Option(
        "--entra-audience",
        metavar="AUD",
        help="What they are for: a gallery app's id; repeatable; default that of custom apps.",
    ),
]
NoTenant = Annotated[
    bool, typer.Option("--no-entra-tenant", help="Take no token that Entra issues itself.")
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say of tokens that Entra issues."""

    tenant: str | None
    audiences: list[str] | None
    none: bool

    @property
    def given(self) -> bool:
        return self != Wanted(None, None, none=False)

    @property
    def trust(self) -> Trust | None:
        """Read whose tokens are to be taken; None: nobody's. Raises a usage error."""
        if self.none and (self.tenant or self.audiences):
            raise typer.BadParameter("give --entra-tenant or --no-entra-tenant, not both")
        if self.audiences and self.tenant is None:
            raise typer.BadParameter("--entra-audience goes with --entra-tenant")
        if self.tenant is None:
            return None
        return trusting(self.tenant, self.audiences or [CUSTOM_APP], "--entra-tenant")


async def set_entra(
    desk: Desk, output: Output, directory: Directory, wanted: Wanted, *, yes: bool
) -> None:
    """Take the tokens that Entra issues in a tenant, or nobody's."""
    trust, registry = wanted.trust, desk.storage.registry
    changed = directory.model_copy(update={"entra": trust})
    found = await registry.credentials(directory.id)
    before, after = (open_ways(each, found, desk.now) for each in (directory, changed))
    if any(before.values()) and not any(after.values()):
        question = f"No other way into {directory.name} is open: Entra will be turned away. Go on?"
        output.confirm(question, yes=yes)
    changed = await registry.change_directory(
        directory.id, lambda each: each.model_copy(update={"entra": trust})
    )
    said = f"entra tenant {trust.tenant}" if trust else "no entra tenant"
    await desk.journal(directory, "directory set", detail=said)
    if trust is not None:
        output.warn(f"{TESTING}.")
    if output.json:
        told = trust.model_dump(mode="json") if trust else None
        output.document({**summary(changed), "entra": told, "ways": after})
        return
    if trust is None:
        output.say(f"{directory.name} takes no token that Entra issues itself, after 60 seconds.")
        return
    output.say(f"After 60 seconds {directory.name} takes tokens that Entra issues itself:")
    output.facts({"tenant": trust.tenant, "audiences": ", ".join(trust.audiences)})
    output.say("In Entra, leave Secret Token blank.")
