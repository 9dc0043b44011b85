"""`directory set`: other rules for what is there already."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.requests import Tenant


def change(run: Run, tenant: Tenant, *options: str, status: int = 0) -> Any:
    """Change rules where no server runs that would have to know."""
    return run("directory", "set", tenant.name, *options, "--wait", "0", status=status)


def rules(run: Run, tenant: Tenant) -> Any:
    return run("directory", "show", tenant.name, "--rules").json


def test_each_option_changes_what_it_names(run: Run, tenant: Tenant) -> None:
    before = rules(run, tenant)
    done = change(
        run, tenant, "--delete", "soft", "--keep-days", "7", "--unknown", "reject", "--log-days",
        "90", "--dialect", "rfc", "--json",
    ).json  # fmt: skip
    assert done["dialect"] == "rfc"
    after = rules(run, tenant)
    assert after["delete"] == {"policy": "soft", "days": 7}
    assert (after["unknown"], after["logDays"], after["dialect"]) == ("reject", 90, "rfc")
    assert after["resourceTypes"] == before["resourceTypes"]
    acts = run("log", tenant.name, "--operation", "directory set", "--json").out.splitlines()
    [act] = [json.loads(each) for each in acts]
    assert act["verb"] == "operate"
    assert "unknown reject; log_days 90" in act["detail"]


def test_what_is_there_is_indexed(run: Run, tenant: Tenant) -> None:
    """A new attribute, a new index, a new unique attribute: found and held at once."""
    ann = tenant.user("ann@example.com", title="Dr", nickName="ann")
    assert (
        change(run, tenant, "--index", "title", "--unique", "nickName", "--json").json["indexed"]
        == 1
    )
    assert run("user", "show", tenant.name, "Dr", "--json").json["id"] == ann
    twin = {"userName": "bob@example.com", "nickName": "ANN"}
    assert tenant.send("POST", "/Users", twin).status == 409
    assert tenant.send("POST", "/Users", {"userName": "ANN@example.com"}).status == 409
    change(run, tenant, "--attribute", "costCenter:string", "--attribute", "Group.region:string")
    names = [each["id"] for each in tenant.send("GET", "/Schemas").body["Resources"]]
    assert sum("custom" in each for each in names) == 2


def test_required_attributes_that_are_missing_are_told(run: Run, tenant: Tenant) -> None:
    ann = tenant.user("ann@example.com")
    done = change(run, tenant, "--require", "name.givenName", "--require", "Group.externalId")
    assert "1 have no User.name.givenName" in done.err
    assert tenant.send("POST", "/Users", {"userName": "bob@example.com"}).status == 400
    off = tenant.patch(f"/Users/{ann}", {"op": "replace", "path": "active", "value": False})
    assert off.status == 200


def test_conflicts_are_listed_and_nothing_is_changed(run: Run, tenant: Tenant) -> None:
    ids = [tenant.user(f"{n}@example.com", title="Dr") for n in range(2)]
    before = rules(run, tenant)
    done = change(run, tenant, "--unique", "title", "--log-days", "99", status=1)
    assert "nothing was changed: 1 conflict with" in done.err
    assert all(each in done.out for each in ids)
    as_json = change(run, tenant, "--unique", "title", "--json", status=1).json
    assert as_json["total"] == 1
    [conflict] = as_json["conflicts"]
    assert conflict == {
        "type": "User", "attribute": "title", "why": "unique", "ids": sorted(ids),
    }  # fmt: skip
    assert "Dr" not in done.out
    assert rules(run, tenant) == before


def test_a_preset_or_a_file_replaces_all(run: Run, tenant: Tenant, tmp_path: Path) -> None:
    done = change(run, tenant, "--preset", "bytebase", "--json").json
    assert done["preset"] == "bytebase"
    edited = {**rules(run, tenant), "logDays": 5}
    (tmp_path / "rules.json").write_text(json.dumps(edited))
    assert change(run, tenant, "--file", "rules.json", "--json").json["preset"] is None
    assert rules(run, tenant)["logDays"] == 5


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        ((), 2, "say what to change"),
        (("--delete", "gently"), 2, "--delete: expected 'hard'"),
        (("--keep-days", "0"), 2, "--keep-days: expected at least 1"),
        (("--log-days", "400"), 2, "--log-days: expected at most 365"),
        (("--unknown", "hide"), 2, "--unknown: expected"),
        (("--dialect", "ldap"), 2, "--dialect: expected one of entra"),
        (("--require", "nope"), 2, "--require nope: a User has no attribute called nope"),
        (("--unique", "Group.nope"), 2, "--unique Group.nope: a Group has no attribute"),
        (("--unique", "active"), 2, "--unique active: active is a boolean"),
        (("--index", "title", "--index", "division"), 2, "User:division?"),
        (("--attribute", "userName:string"), 2, "userName"),
        (("--attribute", "foo"), 2, "foo: expected name:datatype"),
        (("--index", "title", "--give-up"), 2, "--give-up stands alone"),
        (("--preset", "nope"), 2, "no preset"),
    ],
)
def test_what_can_not_be_is_refused(
    run: Run, tenant: Tenant, options: tuple[str, ...], status: int, said: str
) -> None:
    before = rules(run, tenant)
    done = change(run, tenant, *options, status=status)
    assert said in done.err
    assert "resourceTypes[" not in done.err
    assert rules(run, tenant) == before
