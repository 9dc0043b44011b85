"""What `client` and `federation` have in common: clients of the token endpoint, made and shown."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from scim.auth.records import Scope, Trust
from scim.cli.command import Desk, Output
from scim.cli.credentials import described, restricted
from scim.cli.store import public_url
from scim.credentials import register
from scim.directory import Directory
from scim.registry import Credential


def endpoints(desk: Desk, name: str, base_url: str | None) -> dict[str, str]:
    """Write what Entra's fields Tenant URL and Token Endpoint take. Raises Problem."""
    base = public_url(desk, base_url)
    return {"tenantUrl": f"{base}/{name}/scim", "tokenEndpoint": f"{base}/{name}/oauth2/token"}


async def registered(
    desk: Desk,
    directory: Directory,
    *,
    scopes: tuple[Scope, ...],
    minutes: int,
    label: str,
    trust: Trust | None = None,
) -> Credential:
    """Record a client, and in the directory's log who did; with `trust` it is a federation."""
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
    said = f"tenant {trust.tenant}" if trust is not None else ""
    await desk.journal(directory, f"{client.kind} add", credential=client.id, detail=said)
    return client


def shown(client: Credential, now: datetime) -> dict[str, Any]:
    """Describe a client, as `--json` prints it; it has no end of its own."""
    told = described(client, now)
    del told["expires"]
    trust = client.trust.model_dump(mode="json") if client.trust is not None else {}
    return {"clientId": told.pop("id"), **told, "minutes": client.minutes, **trust}


def tell(
    output: Output, client: Credential, places: Mapping[str, str], secret: str | None = None
) -> None:
    """Print what a client is entered with: into Entra's fields, or wherever it is read from."""
    entra = writes(client.scopes)
    fields = ("Tenant URL", "Token Endpoint", "Client Identifier", "Client Secret", "Scopes")
    if not entra:
        fields = ("SCIM base URL", "token endpoint", "client_id", "client_secret", "scope")
    values = (places["tenantUrl"], places["tokenEndpoint"], client.id, secret)
    scopes = restricted(client.scopes) or None
    where = "In Entra, under Provisioning, Admin credentials, paste:"
    output.say(where if entra else "For the application that reads the directory:")
    facts = zip(fields, (*values, scopes), strict=True)
    output.facts({f"  {name}": each for name, each in facts})
    if not entra:
        output.note("It may write nothing, which Entra has to: that needs another one.")


def writes(scopes: Iterable[Scope]) -> bool:
    """Tell whether scopes are of any use to who provisions."""
    return any(each.endswith(".write") for each in scopes)
