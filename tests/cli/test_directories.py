"""`directory`: made, listed, shown, switched off and on."""

import json
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scim.cli.counting import counts
from scim.directory import Directory
from scim.ids import change_id, resource_id, timestamp
from scim.presets import PRESETS
from scim.repository import Change
from storage.open import open_storage
from tests.cli.conftest import BASE, Run
from tests.cli.requests import Tenant

TOKEN = re.compile(r"scim_[0-9a-z]{12}_[0-9A-Za-z]{49}")


def test_add_prints_what_to_paste_into_entra(run: Run, name: str, azurite: str) -> None:
    """Tenant URL and Secret Token on stdout; the token opens the directory at once."""
    done = run("directory", "add", name, "--preset", "bytebase", "--label", "first")
    assert re.search(rf"Tenant URL +{BASE}/{name}/scim\n", done.out)
    [token] = TOKEN.findall(done.out)
    assert "once" in done.err
    assert TOKEN.search(done.err) is None
    assert Tenant(azurite, name, token).send("GET", "/Users").status == 200
    [listed] = run("token", "list", name, "--json").json
    assert listed["label"] == "first"
    assert listed["by"]
    assert listed["expires"][:4].isdigit()


def test_add_as_json(run: Run, name: str) -> None:
    made = run("directory", "add", name, "--json", "--never").json
    assert made.keys() == {
        "name", "id", "state", "preset", "dialect", "created", "changing", "storage", "moving",
        "tenantUrl", "secretToken", "token",
    }  # fmt: skip
    assert (made["name"], made["state"], made["preset"]) == (name, "enabled", "default")
    assert made["tenantUrl"] == f"{BASE}/{name}/scim"
    assert made["token"]["expires"] is None


def test_a_base_url_is_given_or_configured(
    run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://other.example.com"
    made = run("directory", "add", name, "--base-url", url, "--json").json
    assert made["tenantUrl"] == f"{url}/{name}/scim"
    monkeypatch.delenv("SCIM_PUBLIC_URL")
    assert "--base-url" in run("directory", "add", f"{name}-b", status=1).err
    said = run("directory", "add", f"{name}-b", "--base-url", "http://example.com", status=2).err
    assert "--base-url can't be used" in said
    assert "SCIM_PUBLIC_URL" not in said
    monkeypatch.setenv("SCIM_PUBLIC_URL", "http://example.com")
    assert "SCIM_PUBLIC_URL can't" in run("directory", "add", f"{name}-b", status=1).err
    run("directory", "show", f"{name}-b", status=1)  # nothing half done


def test_attributes_of_ones_own_are_found_in_schemas(run: Run, name: str, azurite: str) -> None:
    made = run(
        "directory", "add", name, "--preset", "scalekit", "--attribute", "costCenter:string",
        "--attribute", "User.floor:integer", "--json",
    ).json  # fmt: skip
    schemas = Tenant(azurite, name, made["secretToken"]).send("GET", "/Schemas").body["Resources"]
    custom = next(each for each in schemas if "custom" in each["id"])
    assert [each["name"] for each in custom["attributes"]] == ["costCenter", "floor"]
    assert (
        "costCenter:strong"
        in run("directory", "add", f"{name}-b", "--attribute", "costCenter:strong", status=2).err
    )


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("healthz",), 2, "reserved"),
        (("No_Name",), 2, "a-z, 0-9"),
        (("x" * 64,), 2, "1 to 63"),
        (("fine", "--preset", "nope"), 2, "there are andmoney-advisors"),
        (("fine", "--preset", "rfc", "--file", "rules.json"), 2, "not both"),
        (("fine", "--file", "absent.json"), 1, "absent.json"),
        (("fine", "--days", "0"), 2, "--days"),
        (("fine", "--days", "30", "--never"), 2, "--days or --never"),
        ((), 2, "NAME"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    run: Run, arguments: tuple[str, ...], status: int, said: str
) -> None:
    done = run("directory", "add", *arguments, status=status)
    assert said in done.err
    assert done.out == ""


def test_a_name_is_given_once(run: Run, tenant: Tenant) -> None:
    """The second of one name fails, and the first keeps its tokens."""
    said = run("directory", "add", tenant.name, status=1).err
    assert "already" in said
    assert len(run("token", "list", tenant.name, "--json").json) == 1


def test_a_file_that_is_wrong_is_refused_with_each_place(
    run: Run, name: str, tmp_path: Path
) -> None:
    rules = {"delete": {"policy": "gently"}, "resourceTypes": [{"name": "User", "nope": 1}]}
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    said = run("directory", "add", name, "--file", "rules.json", status=1).err
    assert "delete.policy: " in said
    assert "resourceTypes[0].nope: " in said
    (tmp_path / "rules.json").write_text('{"dialect": "x", "unknown": "x", "delete": {"days": 0}}')
    lines = run("directory", "add", name, "--file", "rules.json", status=1).err.splitlines()
    assert lines[0] == "scim: the rules in rules.json can't be used:"
    assert [each.split(":")[0] for each in lines[1:]] == ["  dialect", "  delete.days", "  unknown"]
    (tmp_path / "rules.json").write_text("{")
    assert "line 1" in run("directory", "add", name, "--file", "rules.json", status=1).err
    run("directory", "show", name, status=1)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_rules_that_show_prints_are_a_file(
    run: Run, name: str, tmp_path: Path, preset: str
) -> None:
    """`show --rules` of any preset, given back by `--file`, makes the same rules."""
    run("directory", "add", name, "--preset", preset)
    printed = run("directory", "show", name, "--rules").out
    (tmp_path / "rules.json").write_text(printed)
    run("directory", "add", f"{name}-b", "--file", "rules.json")
    assert run("directory", "show", f"{name}-b", "--rules").out == printed
    assert run("directory", "show", f"{name}-b", "--json").json["preset"] is None


def test_show_counts_what_a_sync_did(run: Run, tenant: Tenant) -> None:
    """Users (active, disabled), groups, last request, tokens, what happened: as consoles show."""
    ann = tenant.user("ann@example.com")
    tenant.user("bob@example.com", active=False)
    tenant.group("Everybody", ann)
    tenant.send("POST", "/Users", {"userName": "ann@example.com"})  # 409
    shown = run("directory", "show", tenant.name, "--json").json
    assert shown["resources"]["User"] == {
        "total": 2, "active": 1, "disabled": 1, "deleted": 0
    }  # fmt: skip
    assert shown["resources"]["Group"]["total"] == 1
    assert shown["last24Hours"] == {"writes": 3, "refused": 1}
    assert shown["lastRequest"] is not None
    assert [each["state"] for each in shown["tokens"]] == ["live"]
    assert shown["expiring"] == []
    text = run("directory", "show", tenant.name).out
    assert "2; 1 active, 1 disabled" in text
    assert re.search(r"^dialect +entra$", text, re.MULTILINE)
    assert "3 writes, 1 refused" in text
    assert TOKEN.search(text) is None


@pytest.mark.parametrize("on_tables", [False, True])
async def test_counting_reads_nobody_who_is_active(on_tables: bool, azurite: str) -> None:
    """Without `active`, one is in use; a store that knows who is disabled gives these alone."""
    storage = open_storage(azurite if on_tables else "memory")
    await storage.prepare()
    directory = Directory(id=uuid.uuid4().hex[:20], name="counted")
    repository = storage.repository(directory)
    type = directory.catalog.resource_types[0]
    now = datetime.now(UTC)
    for active in (True, False, None, True, False, True, None, True):
        change = Change(change_id(now), timestamp(now), "create")
        made = {"id": resource_id(), "userName": resource_id(), "meta": {}}
        resource = made if active is None else {**made, "active": active}
        await repository.create(type, resource, change)
    before = repository.meter.rows
    counted = await counts(directory, repository)
    assert counted == {
        "User": {"total": 8, "active": 6, "disabled": 2, "deleted": 0},
        "Group": {"total": 0, "active": None, "disabled": None, "deleted": 0},
    }
    if on_tables:  # eight keys, two resources
        assert repository.meter.rows - before == 8 + 2
    await repository.clear(lambda _done, _found: None)
    await storage.close()


def test_a_token_that_ends_soon_is_pointed_out(run: Run, name: str) -> None:
    run("directory", "add", name, "--days", "5")
    shown = run("directory", "show", name)
    assert f" -m scim token rotate {name}" in shown.err
    assert len(run("directory", "show", name, "--json").json["expiring"]) == 1


def test_list_shows_every_directory(run: Run, tenant: Tenant) -> None:
    listed = {each["name"]: each for each in run("directory", "list", "--json").json}
    assert listed[tenant.name]["state"] == "enabled"
    lines = run("directory", "list").out.splitlines()
    assert lines[0].split() == ["NAME", "STATE", "PRESET", "DIALECT", "CREATED", "ID"]
    assert any(line.startswith(f"{tenant.name} ") for line in lines)


def test_a_directory_is_switched_off_and_on(run: Run, tenant: Tenant) -> None:
    assert "60 seconds" in run("directory", "disable", tenant.name).out
    assert tenant.send("GET", "/Users").status == 403
    assert run("directory", "disable", tenant.name, "--json").json["state"] == "disabled"
    assert run("directory", "enable", tenant.name, "--json").json["state"] == "enabled"
    assert tenant.send("GET", "/Users").status == 200
    acts = [
        each["operation"]
        for line in run("log", tenant.name, "--json", "--operation", "directory").out.splitlines()
        if (each := json.loads(line))["verb"] == "operate" and each["by"]
    ]
    assert acts == ["directory add", "directory disable", "directory enable"]


def test_a_name_that_does_not_exist_is_said(run: Run, tenant: Tenant) -> None:
    for command in ("show", "disable", "enable"):
        said = run("directory", command, "nobody-has-this", status=1).err
        assert said.startswith("scim: there is no directory nobody-has-this; there are ")
