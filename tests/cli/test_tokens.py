"""`token`: issued, listed, rotated, revoked."""

import shlex
import sys

import pytest

from tests.cli.conftest import Run
from tests.cli.requests import Tenant
from tests.cli.test_directories import TOKEN

FIELDS = {
    "id", "state", "scopes", "created", "by", "label", "expires", "lastUsed", "revoked",
    "revokedBy",
}  # fmt: skip


def test_issue_makes_a_further_token(run: Run, tenant: Tenant) -> None:
    """Both open the directory; the list shows neither."""
    made = run("token", "issue", tenant.name, "--label", "test", "--days", "10", "--json").json
    assert made.keys() == FIELDS | {"directory", "secretToken"}
    for token in (tenant.token, made["secretToken"]):
        assert Tenant(tenant.storage, tenant.name, token).send("GET", "/Users").status == 200
    listed = run("token", "list", tenant.name)
    assert TOKEN.search(listed.out + listed.err) is None
    as_json = run("token", "list", tenant.name, "--json")
    assert [each.keys() for each in as_json.json] == [FIELDS, FIELDS]
    assert TOKEN.search(as_json.out) is None


def test_issue_prints_the_token_once_for_a_person(run: Run, tenant: Tenant) -> None:
    done = run("token", "issue", tenant.name, "--never")
    assert len(TOKEN.findall(done.out)) == 1
    assert "never" in done.out


def test_rotate_says_what_to_do_next(run: Run, tenant: Tenant) -> None:
    """The command that it prints revokes the earlier token; the new one goes on."""
    [before] = run("token", "list", tenant.name, "--json").json
    done = run("token", "rotate", tenant.name)
    started = [sys.executable, "-m", "scim"]
    assert "The earlier token goes on" in done.out
    [token] = TOKEN.findall(done.out)
    assert "Test connection" in done.out
    [line] = [each for each in done.out.splitlines() if "token revoke" in each]
    assert shlex.split(line) == [*started, "token", "revoke", before["id"]]
    assert tenant.send("GET", "/Users").status == 200
    assert "60 seconds" in run(*line.split()[3:]).out
    assert tenant.send("GET", "/Users").status == 401
    assert Tenant(tenant.storage, tenant.name, token).send("GET", "/Users").status == 200
    states = {each["id"]: each for each in run("token", "list", tenant.name, "--json").json}
    assert states[before["id"]]["state"] == "revoked"
    assert states[before["id"]]["revokedBy"]


def test_rotate_as_json(run: Run, tenant: Tenant) -> None:
    [before] = run("token", "list", tenant.name, "--json").json
    made = run("token", "rotate", tenant.name, "--json").json
    assert made["replaces"] == [before["id"]]
    assert made.keys() == FIELDS | {"directory", "secretToken", "replaces"}


def test_the_last_token_is_not_revoked_unasked(run: Run, tenant: Tenant) -> None:
    [only] = run("token", "list", tenant.name, "--json").json
    said = run("token", "revoke", only["id"], status=1).err
    assert "--yes" in said
    assert "the last token" in said
    assert tenant.send("GET", "/Users").status == 200
    run("token", "revoke", only["id"], "--yes")
    assert tenant.send("GET", "/Users").status == 401
    again = run("token", "revoke", only["id"], "--json").json  # twice is as good as once
    assert again["state"] == "revoked"


def test_a_token_that_does_not_exist_is_said(run: Run, tenant: Tenant) -> None:
    assert "token list" in run("token", "revoke", "nosuchtoken1", status=1).err
    assert "token list" in run("token", "revoke", "../x", status=2).err
    assert "no directory" in run("token", "issue", "nobody-has-this", status=1).err


def test_another_pepper_is_refused(
    run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that no server would take is not issued."""
    monkeypatch.setenv("SCIM_PEPPER", "another-pepper-" * 3)
    assert "pepper" in run("token", "issue", tenant.name, status=1).err
    assert len(run("token", "list", tenant.name, "--json").json) == 1


def test_one_store_is_named(run: Run, name: str) -> None:
    both = ("--account", "https://a.table.core.windows.net", "--storage", "x=y")
    assert "not both" in run("token", "issue", name, *both, status=2).err


def test_a_secret_in_place_of_an_id_is_not_repeated(run: Run, tenant: Tenant) -> None:
    """Whole, cut off, or without its prefix: what was typed is not printed."""
    for typed in (tenant.token, tenant.token[:30], tenant.token[5:], f"{tenant.token}x"):
        done = run("token", "revoke", typed, status=2)
        assert "token list NAME" in done.err
        assert typed not in done.err + done.out
    assert tenant.send("GET", "/Users").status == 200


def test_rotate_without_a_live_token_says_so(run: Run, tenant: Tenant) -> None:
    [only] = run("token", "list", tenant.name, "--json").json
    run("token", "revoke", only["id"], "--yes")
    done = run("token", "rotate", tenant.name)
    assert "No other token is live" in done.out
    assert "token revoke" not in done.out
    assert run("token", "rotate", tenant.name, "--json").json["replaces"] != []


def test_rotate_names_all_that_are_live_and_who_uses_them(run: Run, tenant: Tenant) -> None:
    run("token", "issue", tenant.name)
    ids = [each["id"] for each in run("token", "list", tenant.name, "--json").json]
    done = run("token", "rotate", tenant.name)
    for id in ids:
        assert f"token revoke {id}  # never used" in done.out
    assert "something else uses" in done.out


def test_a_token_ends_or_lives_for_ever_not_both(run: Run, tenant: Tenant) -> None:
    for command in ("issue", "rotate"):
        done = run("token", command, tenant.name, "--days", "30", "--never", status=2)
        assert "--days or --never" in done.err
    assert len(run("token", "list", tenant.name, "--json").json) == 1
