"""Connecting: the application, its credentials, its job, the preset's mapping, who is in scope."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from application import Application, Job, Pairs, made, named
from graph import Graph, Refused
from schema import applied
from service import Service
from words import Problem

GRANT = "OAuth2ClientCredentialsGrant"
MAPPINGS = Path(__file__).parent / "mappings"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be connected.

    With `oauth` by client credentials, of a client that is made; `foreign` are client, token URL
    and the file of the secret of another token endpoint in front.
    """

    directory: str
    preset: str | None
    mail: str | None
    assign: tuple[str, ...]
    everybody: bool
    delete_limit: int
    new_token: bool
    oauth: bool
    foreign: tuple[str, str, Path] | None
    start: bool


def connect(graph: Graph, service: Service, name: str, wish: Wish) -> None:
    """Connect a directory; each step is left out when it is done already."""
    preset = wish.preset or service.preset(wish.directory)
    mapping = read(preset)
    groups = [group_id(graph, each) for each in wish.assign]  # a mistyped one before anything else

    application = named(graph, name)
    if application is None:
        application = made(graph, name)
        tell(f"made the application {name}")
    template = application.template()
    credentials(application, template, service, wish)

    found = application.job()
    job = Job(application, found["id"]) if found else application.make_job(template)
    tell("the provisioning job was there" if found else "made the provisioning job")
    job.write(applied(job.schema(), mapping, job.parse))
    tell(f"entered the attribute mapping of {preset}")
    for group, title in zip(groups, wish.assign, strict=True):
        tell(f"assigned {title}" if application.assign(group) else f"{title} was assigned")
    if wish.start:
        job.start()
        tell("started: the first cycle begins within minutes")
    print(f"Application:  {name} ({application.id})")
    print(f"Tenant URL:   {tenant_url(service, wish.directory)}")
    print(f"Try one person: infra/entra/connect.sh provision-on-demand {wish.directory} WHO")


def credentials(application: Application, template: str, service: Service, wish: Wish) -> None:
    """Enter Tenant URL, token and notices, tested before and after."""
    present = application.secrets()
    url = tenant_url(service, wish.directory)
    # Federation that was entered in the admin center is left as it is, too.
    same = not (wish.oauth or wish.foreign) or present.get("AuthenticationType") == GRANT
    kept = present.get("BaseAddress") == url and same and not wish.new_token
    if kept and _works(application, template):
        tell("the credentials that are entered work")
        # The masked token can't be written back, so what goes with it stays as it is, too.
        if wish.mail or wish.everybody:
            tell("to change notices or scope as well, add --new-token")
        return
    access, undo = _access(service, wish)
    pairs: Pairs = [("BaseAddress", url), *access]
    try:
        application.test(template, pairs)
    except Problem:
        tell("the new credentials are of no use: revoking them")
        undo()
        raise
    try:
        application.enter([*pairs, *settings(wish)])
        application.test(template, None)
    except Problem:
        # To revoke what Entra has kept would stop the job, and nobody can read which it has.
        tell("whether Entra has the new credentials is not known, so they stay. Run this again")
        raise
    tell("entered Tenant URL and credentials; Entra's test of them succeeded")
    if wish.oauth and "SecretToken" in present:
        tell("the token that was entered before still works; end it:")
        tell(service.command("token", "list", wish.directory))
        tell(service.command("token", "revoke", "ID"))


def settings(wish: Wish) -> Pairs:
    """Write what is entered beside credentials: who is in scope, who hears of what."""
    notices: dict[str, Any] = {
        "Enabled": bool(wish.mail),
        "DeleteThresholdEnabled": True,
        "DeleteThresholdValue": wish.delete_limit,
    }
    if wish.mail:
        notices["Recipients"] = wish.mail
    return [
        ("SyncAll", "true" if wish.everybody else "false"),
        ("SyncNotificationSettings", json.dumps(notices, separators=(",", ":"))),
    ]


def _access(service: Service, wish: Wish) -> tuple[Pairs, Callable[[], None]]:
    """Make what opens the directory, and say how it is taken back."""
    if wish.oauth:
        made = service.client(wish.directory)
        client = made["clientId"]
        pairs = _client_credentials(client, made["clientSecret"], made["tokenEndpoint"])
        return pairs, lambda: service.revoke_client(client)
    if wish.foreign:
        client, url, file = wish.foreign
        try:
            secret = file.read_text("utf-8").strip()
        except OSError as error:
            raise Problem(f"{file} can't be read: {error.strerror}") from error
        return _client_credentials(client, secret, url), lambda: None
    token = service.issue(wish.directory)
    return [("SecretToken", token["secretToken"])], lambda: service.revoke(token["id"])


def _client_credentials(client: str, secret: str, url: str) -> Pairs:
    """Write client credentials.

    Their keys are in resources/synchronization-synchronizationsecretkeystringvaluepair, without a
    word; the value of the first is what the admin center sends (github.com/AzureAD/
    SCIMReferenceCode, scim-onboarding.agent.md, 2b-2, Branch B).
    """
    return [
        ("AuthenticationType", GRANT),
        ("Oauth2ClientId", client),
        ("Oauth2ClientSecret", secret),
        ("Oauth2TokenExchangeUri", url),
    ]


def _works(application: Application, template: str) -> bool:
    try:
        application.test(template, None)
    except Refused:
        return False
    return True


def read(preset: str | None) -> Any:
    """Read the mapping of a preset. Raises Problem that names those there are."""
    file = MAPPINGS / f"{preset}.json"
    known = sorted(each.stem for each in MAPPINGS.glob("*.json"))
    if preset not in known:
        raise Problem(
            f"there is no mapping of {preset or 'rules of your own'};"
            f" name one with --preset: {', '.join(known)}"
        )
    return json.loads(file.read_text("utf-8"))


def group_id(graph: Graph, group: str) -> str:
    """Find a group by name or id (group-list). Raises Problem."""
    try:
        return str(UUID(group))
    except ValueError:
        literal = group.replace("'", "''")
    asked = quote(f"displayName eq '{literal}'")
    found = graph.all(f"/groups?$filter={asked}&$select=id,displayName")
    if len(found) == 1:
        return str(found[0]["id"])
    how_many = f"{len(found)} groups have the name" if found else "there is no group"
    raise Problem(f"{how_many} {group}: give its object id, az ad group list --display-name NAME")


def tenant_url(service: Service, directory: str) -> str:
    """Write the Tenant URL."""
    return f"{service.url}/{directory}/scim"


def tell(text: str) -> None:
    """Report progress, apart from results."""
    print(f"connect.sh: {text}", file=sys.stderr)
