"""`auth explain`: every kind of token on stdin, each check, and never the token."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scim.auth.access_tokens import Signer
from scim.auth.reasons import REASONS
from scim.auth.records import SCOPES
from scim.ids import timestamp
from scim.registry import Credential
from tests.auth.identity import OTHER_TENANT, SUBJECT, TENANT
from tests.cli.conftest import Done, Run
from tests.cli.entra import Entra, entra
from tests.cli.requests import Tenant
from tests.cli.test_clients import access

Explain = Callable[..., Done]


@pytest.fixture(scope="module")
def provider() -> Iterator[Entra]:
    with entra() as found:
        yield found


@pytest.fixture
def explain(run: Run, tenant: Tenant, provider: Entra, monkeypatch: pytest.MonkeyPatch) -> Explain:
    """Explain a token to the tenant's directory, by what stands on stdin."""
    monkeypatch.setenv("SCIM_ENTRA_AUTHORITY", provider.authority)

    def explain(token: str, *options: str, status: int = 0) -> Done:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{token}\n"))
        done = run("auth", "explain", tenant.name, *options, status=status)
        assert token not in done.out + done.err
        return done

    return explain


def failing(done: Done) -> list[str]:
    return [each["check"] for each in done.json["checks"] if not each["ok"]]


def test_a_secret_token_is_explained(run: Run, tenant: Tenant, explain: Explain) -> None:
    done = explain(tenant.token)
    assert "It is let in." in done.out
    assert "fails" not in done.out
    assert explain(f"Bearer {tenant.token}", "--json").json["accepted"] is True
    [token] = run("token", "list", tenant.name, "--json").json
    run("token", "revoke", token["id"], "--yes")
    done = explain(tenant.token, status=1)
    assert REASONS["revoked"] in done.out
    told = explain(tenant.token, "--json", status=1)
    assert (told.json["reason"], failing(told)) == ("revoked", ["state"])


def test_a_token_that_was_cut_off_is_told_by_its_form(tenant: Tenant, explain: Explain) -> None:
    done = explain(tenant.token[:-1], "--json", status=1).json
    assert (done["way"], done["reason"]) == ("token", "malformed")
    assert "66 characters" in done["checks"][0]["received"]


def test_a_clients_secret_and_its_access_token_are_explained(
    run: Run, tenant: Tenant, explain: Explain
) -> None:
    """Every check is made, also after one that fails."""
    made = run("client", "add", tenant.name, "--json").json
    _, given = access(tenant.storage, made["clientId"], made["clientSecret"])
    done = explain(made["clientSecret"], "--json")
    assert (done.json["way"], done.json["accepted"]) == ("secret", True)
    assert "Client Secret" in done.err
    told = explain(made["clientSecret"], "--way", "token", "--json", status=1)
    assert told.json["reason"] == "wrong-kind"
    done = explain(given["access_token"], "--json").json
    assert (done["way"], done["accepted"]) == ("access", True)
    run("client", "revoke", made["clientId"])
    assert failing(explain(given["access_token"], "--json", status=1)) == ["client's state"]


def test_a_pepper_that_is_another_is_told(
    tenant: Tenant, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIM_PEPPER", "another-pepper-" * 3)
    done = explain(tenant.token, status=1)
    assert "another pepper" in done.out


def test_the_keys_of_access_tokens_are_found_where_the_service_has_them(
    run: Run, tenant: Tenant, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run("client", "add", tenant.name, "--json").json
    _, given = access(tenant.storage, made["clientId"], made["clientSecret"])
    monkeypatch.setenv("SCIM_SIGNING_KEYS", "5f1c90b7e4a8d2630971ecfb48a5d036")
    assert failing(explain(given["access_token"], "--json", status=1)) == ["kid", "signature"]


def test_the_key_of_a_server_in_this_folder_is_known(
    run: Run, tenant: Tenant, explain: Explain, tmp_path: Path
) -> None:
    """`serve` signs with a key of its own, which is in `.local/`."""
    client = run("client", "add", tenant.name, "--json").json["clientId"]
    key = "5f1c90b7e4a8d2630971ecfb48a5d036" * 2
    (tmp_path / ".local").mkdir(mode=0o700)
    (tmp_path / ".local/signing-key").write_text(key)
    directory = run("directory", "show", tenant.name, "--json").json["id"]
    now = datetime.now(UTC)
    record = Credential(id=client, directory=directory, kind="client", created=timestamp(now))
    token, _ = Signer([key.encode()]).mint(record, SCOPES, now)
    assert explain(token, "--json").json["accepted"] is True


def test_a_token_that_entra_issued_is_explained(
    run: Run, tenant: Tenant, explain: Explain, provider: Entra
) -> None:
    done = explain(provider.issued(), "--json", status=1)
    assert (done.json["reason"], failing(done)) == ("not-entra", ["tenant named"])
    run("directory", "set", tenant.name, "--entra-tenant", TENANT)
    assert explain(provider.issued(), "--json").json["accepted"] is True
    done = explain(provider.issued(tid=OTHER_TENANT, exp=1), "--json", status=1)
    checks: dict[str, Any] = {each["check"]: each for each in done.json["checks"]}
    assert failing(done) == ["tid", "exp"]
    assert checks["tid"]["expected"] == TENANT
    assert OTHER_TENANT in checks["tid"]["received"]
    assert checks["exp"]["received"] == "1970-01-01T00:00:01+00:00"
    text = explain(provider.issued(tid=OTHER_TENANT), status=1).out
    assert REASONS["jwt-tenant"] in text


def test_an_assertion_is_explained_and_not_used_up(
    run: Run, tenant: Tenant, explain: Explain, provider: Entra
) -> None:
    """By the one federation that there is, or the one that is named."""
    audience = provider.identity.assertion_claims()["aud"]
    options = ("--tenant", TENANT, "--subject", SUBJECT, "--audience")
    made = run("federation", "add", tenant.name, *options, audience, "--json").json
    assertion = provider.assertion()
    for _ in range(2):
        done = explain(assertion, "--json")
        assert (done.json["way"], done.json["accepted"]) == ("assertion", True)
        assert "used before" in done.err
    run("federation", "add", tenant.name, *options, "api://other")
    assert "--client" in explain(assertion, status=1).err
    assert explain(assertion, "--client", made["clientId"], "--json").json["accepted"] is True
    done = explain(provider.assertion(aud="api://wrong"), "--client", made["clientId"], status=1)
    assert REASONS["jwt-audience"] in done.out
    run("federation", "remove", made["clientId"])
    done = explain(assertion, "--client", made["clientId"], "--json", status=1)
    assert (done.json["reason"], failing(done)) == ("revoked", ["client"])


def test_an_assertion_without_a_federation_is_told(
    tenant: Tenant, explain: Explain, provider: Entra
) -> None:
    assert f"{tenant.name} has no live federation" in explain(provider.assertion(), status=1).err
    other = ("--client", "nosuchone000")
    assert "no federation nosuchone000" in explain(provider.assertion(), *other, status=1).err


def test_keys_that_can_not_be_read_are_told(
    run: Run, tenant: Tenant, explain: Explain, provider: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("directory", "set", tenant.name, "--entra-tenant", TENANT)
    monkeypatch.setenv("SCIM_ENTRA_AUTHORITY", "http://127.0.0.1:1")
    done = explain(provider.issued(), status=1)
    assert REASONS["jwt-keys-unavailable"] in done.out


@pytest.mark.parametrize("typed", ["", "two words", "Bearer"])
def test_what_is_not_one_token_is_refused(
    run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert "give one token" in run("auth", "explain", tenant.name, status=1).err


def test_a_directory_that_is_switched_off_is_pointed_out(
    run: Run, tenant: Tenant, explain: Explain
) -> None:
    run("directory", "disable", tenant.name)
    assert "switched off" in explain(tenant.token).err
    assert "--way" in explain(tenant.token, "--way", "magic", status=2).err
