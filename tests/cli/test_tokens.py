"""`token`: issued, listed, rotated, revoked."""

import pytest

from tests.cli.conftest import Run
from tests.cli.requests import Tenant
from tests.cli.test_directories import TOKEN

FIELDS = {
    "id", "state", "created", "by", "label", "expires", "lastUsed", "revoked", "revokedBy",
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
    [token] = TOKEN.findall(done.out)
    assert "Test connection" in done.out
    [line] = [each for each in done.out.splitlines() if "token revoke" in each]
    assert line.split() == ["python", "-m", "scim", "token", "revoke", before["id"]]
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
    assert "--yes" in run("token", "revoke", only["id"], status=1).err
    assert tenant.send("GET", "/Users").status == 200
    run("token", "revoke", only["id"], "--yes")
    assert tenant.send("GET", "/Users").status == 401
    again = run("token", "revoke", only["id"], "--json").json  # twice is as good as once
    assert again["state"] == "revoked"


def test_a_token_that_does_not_exist_is_said(run: Run, tenant: Tenant) -> None:
    assert "token list" in run("token", "revoke", "nosuchtoken1", status=1).err
    assert "token list" in run("token", "revoke", "../x", status=1).err
    assert "no directory" in run("token", "issue", "nobody-has-this", status=1).err


def test_another_pepper_is_refused(
    run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that no server would take is not issued."""
    monkeypatch.setenv("SCIM_PEPPER", "another-pepper-" * 3)
    assert "pepper" in run("token", "issue", tenant.name, status=1).err
    assert len(run("token", "list", tenant.name, "--json").json) == 1


def test_an_account_needs_its_pepper_named(
    run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pepper of this folder is never used for an account: it would be the wrong one."""
    monkeypatch.delenv("SCIM_STORAGE")
    both = ("--account", "https://a.example.com", "--storage", "x=y")
    assert "not both" in run("token", "issue", name, *both, status=1).err
    assert "https://" in run("token", "issue", name, "--account", "contoso", status=1).err
