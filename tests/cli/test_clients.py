"""`client` and `federation`: registered, listed, rotated, ended; and the ways that are open."""

import asyncio
import json
import shlex
from typing import Any

import pytest

from scim.auth.records import CUSTOM_APP, SCOPES, SYNC_FABRIC
from scim.server import Server
from storage.open import open_storage
from tests.auth.deployment import ask
from tests.auth.identity import SUBJECT, TENANT
from tests.cli.conftest import BASE, Run
from tests.cli.requests import Tenant
from tests.cli.test_directories import TOKEN
from tests.service import HOST, PEPPER

FEDERATION = ("--tenant", TENANT, "--audience", "api://app/.default", "--subject", SUBJECT)
READING = ["users.read", "groups.read"]


def access(storage: str, client: str, secret: str, **more: str) -> tuple[int, Any]:
    """Ask a server that has just started for an access token."""

    async def post() -> tuple[int, Any]:
        opened = open_storage(storage)
        server = Server(registry=opened.registry, repository=opened.repository, pepper=PEPPER)
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        try:
            answer = await ask(server, {**form, **more}, url=f"{HOST}/oauth2/token")
        finally:
            await server.close()
            await opened.close()
        return answer.status, json.loads(answer.body)

    return asyncio.run(post())


def statuses(tenant: Tenant, token: str) -> list[int]:
    """Read and write with a token."""
    client = Tenant(tenant.storage, tenant.name, token)
    return [
        client.send("GET", "/Users").status,
        client.send("POST", "/Users", {"userName": f"{token[-8:]}@example.com"}).status,
    ]


def ways(run: Run, tenant: Tenant) -> dict[str, bool]:
    found: dict[str, bool] = run("directory", "show", tenant.name, "--json").json["ways"]
    return found


def acts(run: Run, tenant: Tenant, about: str) -> list[str]:
    lines = run("log", tenant.name, "--json", "--operation", about).out.splitlines()
    return [json.loads(each)["operation"] for each in lines]


def test_a_client_is_added_with_its_first_secret(run: Run, tenant: Tenant) -> None:
    """What Entra's four fields take; the secret is shown once, and opens the directory."""
    made = run("client", "add", tenant.name, "--label", "entra", "--json").json
    assert made["tenantUrl"] == f"{BASE}/{tenant.name}/scim"
    assert made["tokenEndpoint"] == f"{BASE}/{tenant.name}/oauth2/token"
    assert (made["scopes"], made["minutes"]) == (list(SCOPES), 60)
    assert made["secret"]["expires"] is not None
    status, given = access(tenant.storage, made["clientId"], made["clientSecret"])
    assert (status, given["expires_in"]) == (200, 3600)
    assert statuses(tenant, given["access_token"]) == [200, 201]
    listed = run("client", "list", tenant.name)
    as_json = run("client", "list", tenant.name, "--json")
    assert TOKEN.search(listed.out + listed.err + as_json.out) is None
    [client] = as_json.json
    assert (client["clientId"], client["label"]) == (made["clientId"], "entra")
    assert [each["id"] for each in client["secrets"]] == [made["secret"]["id"]]
    assert made["clientId"] in listed.out


def test_for_a_person_a_client_is_printed_by_the_names_of_entras_fields(
    run: Run, tenant: Tenant
) -> None:
    done = run("client", "add", tenant.name)
    assert len(TOKEN.findall(done.out)) == 1
    for field in ("Tenant URL", "Token Endpoint", "Client Identifier", "Client Secret"):
        assert field in done.out
    assert "once" in done.err


def test_a_client_that_only_reads_is_not_printed_for_entra(run: Run, tenant: Tenant) -> None:
    """It is entered into the application that reads, by the names that OAuth has."""
    done = run("client", "add", tenant.name, "--read-only")
    assert "Entra" not in done.out
    for field in ("client_id", "client_secret", "scope", "users.read groups.read"):
        assert field in done.out
    [client] = run("client", "list", tenant.name, "--json").json
    assert "Entra" not in run("client", "secret", "issue", client["clientId"]).out
    done = run("federation", "add", tenant.name, *FEDERATION, "--read-only")
    assert "Entra" not in done.out


@pytest.mark.parametrize("kind", ["client", "token"])
def test_a_read_only_credential_reads(run: Run, tenant: Tenant, kind: str) -> None:
    command = ("client", "add") if kind == "client" else ("token", "issue")
    made = run(*command, tenant.name, "--read-only", "--json").json
    assert made["scopes"] == READING
    token = made.get("secretToken")
    if kind == "client":
        _, given = access(tenant.storage, made["clientId"], made["clientSecret"])
        token = given["access_token"]
    assert statuses(tenant, token) == [200, 403]
    assert "users.read groups.read" in run(kind, "list", tenant.name).out


def test_scopes_are_chosen_one_by_one(run: Run, tenant: Tenant) -> None:
    chosen = ("--scope", "groups.read", "--scope", "users.read")
    assert run("token", "issue", tenant.name, *chosen, "--json").json["scopes"] == READING
    for wrong, said in (
        (("--scope", "users"), "users.read, users.write"),
        ((*chosen, "--read-only"), "not both"),
    ):
        for command in (("token", "issue"), ("client", "add")):
            assert said in run(*command, tenant.name, *wrong, status=2).err


def test_a_token_that_takes_over_may_do_what_the_others_may(run: Run, tenant: Tenant) -> None:
    [first] = run("token", "list", tenant.name, "--json").json
    run("token", "issue", tenant.name, "--read-only")
    assert run("token", "rotate", tenant.name, "--json").json["scopes"] == list(SCOPES)
    for each in run("token", "list", tenant.name, "--json").json:
        if each["scopes"] == list(SCOPES):
            run("token", "revoke", each["id"], "--yes")
    assert run("token", "rotate", tenant.name, "--json").json["scopes"] == READING
    wider = run("token", "rotate", tenant.name, *scoped(SCOPES), "--json").json
    assert wider["scopes"] == list(SCOPES) == first["scopes"]


def scoped(scopes: tuple[str, ...]) -> list[str]:
    return [word for each in scopes for word in ("--scope", each)]


def test_minutes_are_those_that_entra_takes(run: Run, tenant: Tenant) -> None:
    made = run("client", "add", tenant.name, "--minutes", "360", "--json").json
    _, given = access(tenant.storage, made["clientId"], made["clientSecret"])
    assert given["expires_in"] == 21600
    for minutes in ("59", "361"):
        assert "--minutes" in run("client", "add", tenant.name, "--minutes", minutes, status=2).err


def test_a_secret_is_rotated(run: Run, tenant: Tenant) -> None:
    """The command that is printed revokes the earlier one; both work in between."""
    made = run("client", "add", tenant.name, "--json").json
    done = run("client", "secret", "issue", made["clientId"])
    [second] = TOKEN.findall(done.out)
    for secret in (made["clientSecret"], second):
        assert access(tenant.storage, made["clientId"], secret)[0] == 200
    [line] = [each for each in done.out.splitlines() if "client secret revoke" in each]
    run(*shlex.split(line)[3:])
    assert access(tenant.storage, made["clientId"], made["clientSecret"])[0] == 401
    assert access(tenant.storage, made["clientId"], second)[0] == 200
    assert acts(run, tenant, "client") == [
        "client add",
        "client secret issue",
        "client secret issue",
        "client secret revoke",
    ]


def test_a_secret_lives_as_long_as_entras_gallery_asks(run: Run, tenant: Tenant) -> None:
    client = run("client", "add", tenant.name, "--json").json["clientId"]
    for days, warned in (("365", False), ("1095", False), ("364", True)):
        done = run("client", "secret", "issue", client, "--days", days)
        assert ("gallery" in done.err) is warned
    for days in ("0", "1096"):
        assert "--days" in run("client", "secret", "issue", client, "--days", days, status=2).err


def test_a_revoked_client_is_out_with_its_secrets_and_tokens(run: Run, tenant: Tenant) -> None:
    made = run("client", "add", tenant.name, "--json").json
    _, given = access(tenant.storage, made["clientId"], made["clientSecret"])
    assert "60 seconds" in run("client", "revoke", made["clientId"]).out
    assert statuses(tenant, given["access_token"]) == [401, 401]
    assert access(tenant.storage, made["clientId"], made["clientSecret"])[0] == 401
    [client] = run("client", "list", tenant.name, "--json").json
    assert [client["state"], *(each["state"] for each in client["secrets"])] == ["revoked"] * 2
    assert run("client", "revoke", made["clientId"], "--json").json["state"] == "revoked"
    assert "is revoked" in run("client", "secret", "issue", made["clientId"], status=1).err


def test_each_command_takes_its_own_kind_alone(run: Run, tenant: Tenant) -> None:
    """And says which command is meant; lists hold their own."""
    made = run("client", "add", tenant.name, "--json").json
    federated = run("federation", "add", tenant.name, *FEDERATION, "--json").json["clientId"]
    [token] = run("token", "list", tenant.name, "--json").json
    ids = {
        "token revoke": token["id"],
        "client revoke": made["clientId"],
        "client secret revoke": made["secret"]["id"],
        "federation remove": federated,
    }
    for command in ids:
        for other, id in ids.items():
            if other != command:
                said = run(*command.split(), id, "--yes", status=1).err
                assert f"{other} {id}" in said
    assert ways(run, tenant) == {
        "secretToken": True,
        "entraIssued": False,
        "clientCredentials": True,
        "federation": True,
    }
    for kind in ("client", "federation"):
        assert len(run(kind, "list", tenant.name, "--json").json) == 1


@pytest.mark.parametrize(
    "command", ["client revoke", "client secret issue", "client secret revoke", "federation remove"]
)
def test_a_secret_in_place_of_an_id_is_not_repeated(run: Run, tenant: Tenant, command: str) -> None:
    done = run(*command.split(), tenant.token, status=2)
    assert "list NAME" in done.err
    assert tenant.token not in done.err + done.out
    assert "list NAME" in run(*command.split(), "nosuchone000", status=1).err


def test_a_federation_is_added_listed_and_removed(run: Run, tenant: Tenant) -> None:
    options = ("--application", TENANT.upper(), "--label", "entra")
    made = run("federation", "add", tenant.name, *FEDERATION, *options, "--json").json
    assert made["tokenEndpoint"] == f"{BASE}/{tenant.name}/oauth2/token"
    assert made["audiences"] == ["api://app"]
    assert (made["tenant"], made["subject"], made["application"]) == (TENANT, SUBJECT, TENANT)
    assert made["reusable"] is False
    text = run("federation", "list", tenant.name).out
    assert all(each in text for each in (made["clientId"], TENANT, "api://app", SUBJECT))
    assert "used again" not in text
    again = run("federation", "add", tenant.name, *FEDERATION, "--reusable", "--json").json
    assert again["reusable"] is True
    assert "used again" in run("federation", "list", tenant.name).out
    run("federation", "remove", made["clientId"])
    states = [each["state"] for each in run("federation", "list", tenant.name, "--json").json]
    assert states == ["revoked", "live"]
    assert acts(run, tenant, "federation") == [
        "federation add",
        "federation add",
        "federation remove",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tenant", "contoso", *FEDERATION[2:]), "--tenant takes a tenant's id"),
        ((*FEDERATION, "--audience", CUSTOM_APP), "api://"),
        ((*FEDERATION, "--audience", " "), "empty"),
        ((*FEDERATION[:4], "--subject", ""), "empty"),
        ((*FEDERATION[:4], "--subject", TENANT.upper()), "--subject is the id of the tenant"),
        ((*FEDERATION[:4], "--subject", SYNC_FABRIC), "or of an application"),
        ((*FEDERATION, *("--audience", "api://x") * 8), "1 to 8 audiences"),
        (FEDERATION[:4], "--subject"),
        (FEDERATION[2:], "--tenant"),
    ],
)
def test_a_federation_that_would_trust_nobody_or_everybody_is_refused(
    run: Run, tenant: Tenant, options: tuple[str, ...], said: str
) -> None:
    assert said in run("federation", "add", tenant.name, *options, status=2).err
    assert run("federation", "list", tenant.name, "--json").json == []


def test_a_subject_that_is_no_object_id_is_warned_of(run: Run, tenant: Tenant) -> None:
    """It may be what the tenant's page shows; an object id is taken as Entra sends it."""
    assert "--subject" not in run("federation", "add", tenant.name, *FEDERATION).err
    done = run("federation", "add", tenant.name, *FEDERATION[:4], "--subject", "sync fabric")
    assert "--subject is an object id" in done.err
    shouted = ("--subject", "ABCD4444-4444-4444-8444-444444444444", "--json")
    made = run("federation", "add", tenant.name, *FEDERATION[:4], *shouted)
    assert made.json["subject"] == shouted[1].lower()


def test_tokens_of_entras_are_taken_when_a_tenant_is_named(run: Run, tenant: Tenant) -> None:
    """With the sentence that Microsoft calls it for testing."""
    done = run("directory", "set", tenant.name, "--entra-tenant", TENANT.upper())
    assert "for testing, not for production" in done.err
    assert (TENANT in done.out, CUSTOM_APP in done.out) == (True, True)
    shown = run("directory", "show", tenant.name, "--json").json
    assert shown["ways"]["entraIssued"] is True
    assert shown["entra"]["tenant"] == TENANT
    assert "tokens that Entra issues" in run("directory", "show", tenant.name).out
    audiences = ("--entra-audience", "gallery-app", "--entra-audience", CUSTOM_APP)
    named = ("directory", "set", tenant.name, "--entra-tenant", TENANT, *audiences, "--json")
    assert run(*named).json["entra"]["audiences"] == ["gallery-app", CUSTOM_APP]
    run("directory", "set", tenant.name, "--no-entra-tenant")
    assert ways(run, tenant)["entraIssued"] is False
    assert acts(run, tenant, "directory set") == ["directory set"] * 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--entra-tenant", "contoso"), "--entra-tenant takes a tenant's id"),
        (("--entra-tenant", TENANT, "--no-entra-tenant"), "not both"),
        (("--entra-audience", "x"), "goes with --entra-tenant"),
        (("--entra-tenant", TENANT, "--log-days", "9"), "stand alone"),
        (("--no-entra-tenant", "--give-up"), "stand alone"),
    ],
)
def test_options_of_entras_tokens_that_can_not_be_are_refused(
    run: Run, tenant: Tenant, options: tuple[str, ...], said: str
) -> None:
    assert said in run("directory", "set", tenant.name, *options, status=2).err


def test_the_last_way_in_is_not_closed_unasked(run: Run, tenant: Tenant) -> None:
    """One after the other may go while another one is open."""
    [token] = run("token", "list", tenant.name, "--json").json
    client = run("client", "add", tenant.name, "--json").json
    run("token", "revoke", token["id"])
    federated = run("federation", "add", tenant.name, *FEDERATION, "--json").json["clientId"]
    run("client", "secret", "revoke", client["secret"]["id"])
    run("directory", "set", tenant.name, "--entra-tenant", TENANT)
    run("federation", "remove", federated)
    last = ("directory", "set", tenant.name, "--no-entra-tenant")
    assert "--yes" in run(*last, status=1).err
    run(*last, "--yes")
    assert not any(ways(run, tenant).values())
    again = run("client", "secret", "issue", client["clientId"], "--json").json
    for command in (
        ("client", "secret", "revoke", again["id"]),
        ("client", "revoke", client["clientId"]),
    ):
        assert "no other way in" in run(*command, status=1).err
    assert ways(run, tenant)["clientCredentials"] is True


def test_a_secret_that_ends_soon_is_pointed_out(run: Run, tenant: Tenant) -> None:
    made = run("client", "add", tenant.name, "--days", "5", "--json").json
    shown = run("directory", "show", tenant.name)
    assert f"client secret issue {made['clientId']}" in shown.err
    as_json = run("directory", "show", tenant.name, "--json").json
    assert as_json["expiring"] == [made["secret"]["id"]]
    assert [each["label"] for each in as_json["tokens"]] == [""]


def test_where_nothing_is_made_yet_the_lists_say_how(run: Run, tenant: Tenant) -> None:
    assert f"client add {tenant.name}" in run("client", "list", tenant.name).err
    assert f"federation add {tenant.name}" in run("federation", "list", tenant.name).err
