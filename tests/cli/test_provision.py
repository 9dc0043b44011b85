"""`provision`: one person, as Entra's page "Provision on demand" shows it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.requests import Tenant

ADA = {
    "objectId": "11111111-2222-4333-8444-555555555555",
    "userPrincipalName": "ada@example.com",
    "displayName": 'Ada "the first" Byron',
    "givenName": "Ada",
    "surname": "Byron",
    "mail": "ada@example.com",
}


def text(**changes: Any) -> str:
    return json.dumps(ADA | changes)


def log(run: Run, name: str) -> list[dict[str, Any]]:
    return [json.loads(each) for each in run("log", name, "--json").out.splitlines()]


def test_somebody_new_is_created_and_the_steps_are_shown(run: Run, tenant: Tenant) -> None:
    done = run("provision", tenant.name, "--user", text()).out
    steps = ("1. Import user", "2. Determine", "3. Match user", "4. Perform action")
    assert [done.index(each) for each in steps] == sorted(done.index(each) for each in steps)
    assert done.count("success") == 4
    [made] = run("user", "list", tenant.name, "--json").json
    assert (made["userName"], made["displayName"]) == (ADA["userPrincipalName"], ADA["displayName"])
    assert made["id"] in done


def test_what_changes_is_shown_before_and_after(run: Run, tenant: Tenant, tmp_path: Path) -> None:
    """A file does as well; the second time nothing is left to do."""
    id = tenant.user("ADA@example.com", displayName="Ada")
    (tmp_path / "ada.json").write_text(text())
    told = run("provision", tenant.name, "--user", "ada.json", "--json").json
    assert told["match"] == {"state": "success", "by": ["userName"], "resource": id}
    [event] = told["action"]["events"]
    assert event["action"] == "update"
    assert event["before"]["displayName"] == "Ada"
    assert event["after"]["displayName"] == ADA["displayName"]
    assert [each["method"] for each in told["exchanges"] if each["method"] != "GET"] == ["PATCH"]
    again = run("provision", tenant.name, "--user", "ada.json", "--json").json
    assert [each["action"] for each in again["action"]["events"]] == ["none"]
    assert {each["method"] for each in again["exchanges"]} == {"GET"}


def test_a_manager_who_is_there_is_sent(run: Run, tenant: Tenant) -> None:
    boss = tenant.user("boss@example.com")
    person = text(manager={"userPrincipalName": "boss@example.com"})
    told = run("provision", tenant.name, "--user", person, "--json").json
    [sent] = [each["after"] for each in told["action"]["events"] if "manager" in str(each["after"])]
    assert list(sent.values()) == [boss]
    assert len(run("user", "list", tenant.name, "--json").json) == 2


def test_who_is_not_enabled_is_not_created_but_disabled(run: Run, tenant: Tenant) -> None:
    told = run("provision", tenant.name, "--user", text(accountEnabled=False), "--json").json
    assert told["scope"]["inScope"] is False
    assert [each["action"] for each in told["action"]["events"]] == ["skip"]
    run("provision", tenant.name, "--user", text())
    told = run("provision", tenant.name, "--user", text(accountEnabled=False), "--json").json
    assert told["action"]["events"][0]["after"] == {"active": False}
    [made] = run("user", "list", tenant.name, "--json").json
    assert made["active"] is False


def test_a_dry_run_writes_nothing(run: Run, tenant: Tenant) -> None:
    before = log(run, tenant.name)
    done = run("provision", tenant.name, "--user", text(), "--dry-run", "--verbose").out
    assert "(dry run)" in done
    assert "POST /Users" in done
    assert run("user", "list", tenant.name, "--json").json == []
    assert log(run, tenant.name) == before


def test_the_log_says_who_did_it_and_no_token_is_left(run: Run, tenant: Tenant) -> None:
    tokens = run("token", "list", tenant.name, "--json").json
    run("provision", tenant.name, "--user", text())
    *_, operated, created = log(run, tenant.name)
    assert (operated["operation"], created["operation"]) == ("provision", "POST /Users")
    assert operated["by"]
    assert operated["credential"] == created["credential"]
    assert run("token", "list", tenant.name, "--json").json == tokens


def test_no_pepper_is_needed(run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIM_PEPPER", "another-pepper-" * 3)
    run("provision", tenant.name, "--user", text())


def test_a_failure_ends_with_its_reason(run: Run, tenant: Tenant) -> None:
    """Switched off; nothing to match by; an expression that can't be evaluated."""
    nameless = json.dumps({"displayName": "Ada"})
    failed = run("provision", tenant.name, "--user", nameless, status=1)
    assert "3. Match user between source and target system: failure" in failed.out
    assert "MandatoryFieldsMissing" in failed.err
    run("directory", "disable", tenant.name)
    failed = run("provision", tenant.name, "--user", text(), "--json", status=1)
    assert failed.json["failure"]["code"] == "InsufficientRights"
    assert "switched off" in failed.json["failure"]["detail"]


def test_a_refused_write_is_shown(run: Run, name: str) -> None:
    run("directory", "add", name, "--preset", "bitabiz")
    told = run("provision", name, "--user", json.dumps({"userPrincipalName": "a@example.com"}),
               "--json", status=1).json  # fmt: skip
    assert told["action"]["state"] == "failure"
    assert "required" in told["failure"]["detail"] or "name" in told["failure"]["detail"]
    assert told["exchanges"][-1]["status"] == 400


def test_a_mapping_of_ones_own_is_taken(run: Run, tenant: Tenant, tmp_path: Path) -> None:
    lines = [
        {"source": "objectId", "target": "externalId", "match": 1},
        {"source": "userPrincipalName", "target": "userName"},
    ]
    document = {"objects": [{"source": "User", "target": "User", "attributes": lines}]}
    (tmp_path / "map.json").write_text(json.dumps(document))
    chosen = ("--mapping", "map.json")
    run("provision", tenant.name, "--user", text(), *chosen)
    [made] = run("user", "list", tenant.name, "--json").json
    assert made["externalId"] == ADA["objectId"]
    nobody = json.dumps({"userPrincipalName": "ada@example.com"})
    assert "objectId" in run("provision", tenant.name, "--user", nobody, *chosen, status=1).err


@pytest.mark.parametrize(
    ("user", "said"),
    [("missing.json", "missing.json"), ("{", "not well-formed"), ("{}", "userPrincipalName")],
)
def test_a_person_who_can_not_be_read_is_said(
    run: Run, tenant: Tenant, user: str, said: str
) -> None:
    assert said in run("provision", tenant.name, "--user", user, status=2).err


def test_a_mapping_without_users_is_said(run: Run, tenant: Tenant, tmp_path: Path) -> None:
    lines = [{"source": "displayName", "target": "displayName", "match": 1}]
    document = {"objects": [{"source": "Group", "target": "Group", "attributes": lines}]}
    (tmp_path / "map.json").write_text(json.dumps(document))
    said = run("provision", tenant.name, "--user", text(), "--mapping", "map.json", status=1).err
    assert "no users" in said


def test_a_terminal_is_not_written_to_by_a_person(run: Run, tenant: Tenant) -> None:
    done = run("provision", tenant.name, "--user", text(displayName="\x1b[31mAda"), "--verbose")
    assert "\x1b" not in done.out


def test_a_client_asks_for_an_access_token_as_entra_does(run: Run, tenant: Tenant) -> None:
    """It is recorded nowhere but in the log, under its id."""
    told = run("provision", tenant.name, "--user", text(), "--oauth", "--json").json
    assert told["successful"] is True
    assert run("client", "list", tenant.name, "--json").json == []
    written = {each.get("credential") for each in log(run, tenant.name) if each.get("request")}
    [known] = [each["credential"] for each in log(run, tenant.name) if each["verb"] == "operate"
               and each["operation"] == "provision"]  # fmt: skip
    assert written == {known}
