"""`user` and `group`: found, shown, restored, erased, exported."""

import asyncio
import json
import threading
from pathlib import Path

import pytest

from scim.cli.output import Output
from scim.cli.people import erase
from scim.cli.resources import reading
from scim.cli.store import Desk, Where, opened
from scim.directory import Moving
from scim.errors import Unavailable
from tests.cli.conftest import Run
from tests.cli.requests import Tenant


@pytest.fixture
def soft(run: Run, name: str, azurite: str, tmp_path: Path) -> Tenant:
    """A directory that keeps what is deleted."""
    rules = {"delete": {"policy": "soft", "days": 30}}
    (tmp_path / "soft.json").write_text(json.dumps(rules))
    made = run("directory", "add", name, "--file", "soft.json", "--json").json
    return Tenant(azurite, name, made["secretToken"])


def test_users_are_listed_and_filtered(run: Run, tenant: Tenant) -> None:
    ann = tenant.user("ann@example.com", displayName="Ann")
    tenant.user("bob@example.com", active=False)
    listed = run("user", "list", tenant.name, "--json").json
    assert {each["userName"] for each in listed} == {"ann@example.com", "bob@example.com"}
    lines = run("user", "list", tenant.name).out.splitlines()
    assert lines[0].split()[:3] == ["ID", "USERNAME", "DISPLAYNAME"]  # nobody has an externalId
    assert any(ann in line and "Ann" in line for line in lines)
    found = run("user", "list", tenant.name, "--filter", "active eq false", "--json").json
    assert [each["userName"] for each in found] == ["bob@example.com"]
    assert len(run("user", "list", tenant.name, "--count", "1", "--json").json) == 1
    assert "nope" in run("user", "list", tenant.name, "--filter", "nope eq 1", status=2).err


def test_a_list_is_read_to_its_end(run: Run, tenant: Tenant) -> None:
    """More than one page."""
    operations = [
        {
            "method": "POST",
            "path": "/Users",
            "bulkId": str(n),
            "data": {"userName": f"u{n}@example.com"},
        }
        for n in range(230)
    ]
    bulk = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    tenant.send("POST", "/Bulk", {"schemas": [bulk], "Operations": operations})
    assert len(run("user", "list", tenant.name, "--json").json) == 230
    assert len(run("user", "list", tenant.name, "--count", "210", "--json").json) == 210


def test_a_user_is_shown_by_id_and_by_unique_value(run: Run, tenant: Tenant) -> None:
    """Any spelling of a unique value, and an indexed one."""
    ann = tenant.user("ann@example.com", externalId="oid-1", displayName="Ann")
    group = tenant.group("Everybody", ann)
    for text in (ann, "ANN@example.com", "oid-1"):
        shown = run("user", "show", tenant.name, text, "--json").json
        assert shown["id"] == ann
        assert [each["value"] for each in shown["groups"]] == [group]
    assert "userName" in run("user", "show", tenant.name, ann).out
    said = run("user", "show", tenant.name, "nobody@example.com", status=1).err
    assert "as id, userName, externalId, displayName, emails.value, " in said
    for command in (("erase", "--yes"), ("export",)):
        said = run("user", command[0], tenant.name, "nobody", *command[1:], status=1).err
        assert "has this as id, userName" in said
        assert "nor has a deleted one" in said


def test_what_several_hold_names_none(run: Run, tenant: Tenant) -> None:
    ids = [tenant.user(f"{n}@example.com", displayName="Ann") for n in range(2)]
    said = run("user", "show", tenant.name, "Ann", status=1).err
    assert all(each in said for each in ids)


def test_a_group_is_shown_with_its_members(run: Run, tenant: Tenant) -> None:
    ann = tenant.user("ann@example.com")
    group = tenant.group("Everybody", ann)
    assert [each["id"] for each in run("group", "list", tenant.name, "--json").json] == [group]
    assert "Everybody" in run("group", "list", tenant.name).out
    shown = run("group", "show", tenant.name, "everybody", "--json").json
    assert [each["value"] for each in shown["members"]] == [ann]
    assert ann in run("group", "show", tenant.name, group).out


def test_a_type_that_is_not_there_is_said(run: Run, name: str) -> None:
    run("directory", "add", name, "--preset", "andmoney-rooms")
    assert "--type: User" in run("group", "list", name, status=2).err
    assert run("group", "list", name, "--type", "user", "--json").json == []


def test_a_terminal_is_not_written_to_by_clients(run: Run, tenant: Tenant) -> None:
    """Control characters and markup in names are shown, not obeyed."""
    tenant.user("ann@example.com", displayName="\x1b[31m[red]Ann\u009b")
    for command in (("list",), ("show", "ann@example.com")):
        out = run("user", command[0], tenant.name, *command[1:]).out
        assert "\x1b" not in out
        assert "\u009b" not in out
        assert "[red]Ann" in out
        as_json = run("user", command[0], tenant.name, *command[1:], "--json")
        assert "\x1b" not in as_json.out
        assert "\u009b" not in as_json.out
        assert "Ann\\u009b" in as_json.out


def test_a_deleted_user_is_restored_with_memberships(run: Run, soft: Tenant) -> None:
    ann = soft.user("ann@example.com", displayName="Ann")
    group = soft.group("Everybody", ann)
    soft.send("DELETE", f"/Users/{ann}")
    assert run("user", "list", soft.name, "--json").json == []
    [kept] = run("user", "list", soft.name, "--deleted", "--json").json
    assert (kept["id"], kept["userName"]) == (ann, "ann@example.com")
    assert kept["deleted"] < kept["due"]
    assert ann in run("user", "list", soft.name, "--deleted").out
    assert run("directory", "show", soft.name, "--json").json["resources"]["User"]["deleted"] == 1
    restored = run("user", "restore", soft.name, "Ann@example.com", "--json").json
    assert (restored["id"], restored["displayName"]) == (ann, "Ann")
    assert [each["value"] for each in restored["groups"]] == [group]
    assert run("user", "list", soft.name, "--deleted", "--json").json == []
    entries = [json.loads(each) for each in run("log", soft.name, "--json").out.splitlines()]
    assert [each["by"] != "" for each in entries if each["verb"] == "restore"] == [True]
    assert "--deleted" in run("user", "restore", soft.name, "nobody", status=1).err


def test_a_restore_that_clashes_names_the_attribute(run: Run, soft: Tenant) -> None:
    ann = soft.user("ann@example.com", externalId="one")
    soft.send("DELETE", f"/Users/{ann}")
    soft.user("ann@example.com", externalId="two")
    assert "userName" in run("user", "restore", soft.name, ann, status=1).err


def test_an_erased_user_can_not_be_restored(run: Run, soft: Tenant) -> None:
    """Whether it was there or deleted already; it is asked for first."""
    ann, bob = soft.user("ann@example.com"), soft.user("bob@example.com")
    soft.send("DELETE", f"/Users/{bob}")
    assert "--yes" in run("user", "erase", soft.name, ann, status=1).err
    assert soft.send("GET", f"/Users/{ann}").status == 200
    assert run("user", "erase", soft.name, "ann@example.com", "--yes", "--json").json["id"] == ann
    run("user", "erase", soft.name, "bob@example.com", "--yes")
    assert soft.send("GET", f"/Users/{ann}").status == 404
    assert run("user", "list", soft.name, "--deleted", "--json").json == []
    for id in (ann, bob):
        run("user", "restore", soft.name, id, status=1)
        assert '"operation":"user erase"' in run(
            "log", soft.name, "--resource", id, "--json"
        ).out.replace('": "', '":"')


def test_export_holds_all_of_a_person(run: Run, tenant: Tenant) -> None:
    """The resource, its groups, its lines of the log; the export is in the log itself."""
    ann = tenant.user("ann@example.com", externalId="oid-1")
    tenant.group("Everybody", ann)
    tenant.user("bob@example.com")
    held = run("user", "export", tenant.name, "oid-1").json
    assert held["resource"]["userName"] == "ann@example.com"
    assert [each["displayName"] for each in held["groups"]] == ["Everybody"]
    assert {each["resource"] for each in held["log"]} == {ann}
    assert '"user export"' in run("log", tenant.name, "--resource", ann, "--json").out
    assert "--all" in run("user", "export", tenant.name, status=2).err


def test_export_of_everybody_holds_the_same_of_each(run: Run, soft: Tenant) -> None:
    """Of deleted people too, who can be restored."""
    ann, bob = soft.user("ann@example.com"), soft.user("bob@example.com")
    soft.group("Everybody", ann, bob)
    soft.send("DELETE", f"/Users/{bob}")
    alone = {id: run("user", "export", soft.name, id).json for id in (ann, bob)}
    everybody = {
        each["resource"]["id"]: each for each in run("user", "export", soft.name, "--all").json
    }
    assert everybody.keys() == alone.keys()
    for id, each in everybody.items():
        own = [entry for entry in alone[id]["log"] if entry["operation"] != "user export"]
        assert each["log"][: len(own)] == own
        assert {**each, "log": own} == {**alone[id], "log": own}
        assert [group["displayName"] for group in each["groups"]] == ["Everybody"]
    assert everybody[bob]["deleted"] < everybody[bob]["due"]
    assert "deleted" not in everybody[ann]


def test_a_deleted_group_is_listed_and_restored(run: Run, soft: Tenant) -> None:
    ann = soft.user("ann@example.com")
    group = soft.group("Everybody", ann)
    soft.send("DELETE", f"/Groups/{group}")
    [kept] = run("group", "list", soft.name, "--deleted", "--json").json
    assert (kept["id"], kept["displayName"]) == (group, "Everybody")
    assert group in run("group", "list", soft.name, "--deleted").out
    said = run("group", "restore", soft.name, "nobody", status=1).err
    assert f"group list {soft.name} --deleted" in said
    said = run("user", "restore", soft.name, "x", "--type", "Group", status=1).err
    assert f"user list {soft.name} --deleted --type Group" in said
    restored = run("group", "restore", soft.name, "everybody", "--json").json
    assert restored["id"] == group
    assert [each["value"] for each in restored["members"]] == [ann]
    assert '"group restore"' in run("log", soft.name, "--resource", group, "--json").out


def test_export_of_an_empty_directory_is_an_empty_array(run: Run, tenant: Tenant) -> None:
    assert run("user", "export", tenant.name, "--all").json == []


class Slow(Output):
    """Asks, and waits for the answer while the directory begins to be moved."""

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__()
        self.desk = desk
        self.name = name

    def confirm(self, question: str, *, yes: bool) -> None:
        mark = Moving(phase="frozen", target="second", run="r", at="2026-01-01T00:00:00Z")

        async def freeze() -> None:
            async with opened(Where()) as desk:
                found = await desk.directory(self.name)
                await desk.storage.registry.change_directory(
                    found.id, lambda now: now.model_copy(update={"moving": mark})
                )

        thread = threading.Thread(target=lambda: asyncio.run(freeze()))
        thread.start()
        thread.join()


async def test_whoever_thinks_about_it_erases_nobody_in_what_was_moved_meanwhile(
    run: Run, tenant: Tenant
) -> None:
    """Else they would be back as soon as the copy serves."""
    ann = await asyncio.to_thread(tenant.user, "ann@example.com")
    async with opened(Where()) as desk:
        with pytest.raises(Unavailable, match="being moved"):
            await erase(desk, Slow(desk, tenant.name), tenant.name, ann)
        reader = await reading(desk, tenant.name, "User")
        assert await reader.repository.get(reader.type, ann) is not None
