"""`repair`: what a hand left in the store is found and healed."""

import asyncio
import contextlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scim.cli.azurite import azurite as run_azurite
from scim.cli.main import main
from scim.repair_rules import RULES
from scim.repository import Key
from scim.rules import Rules
from storage import keys
from storage.client import Operation
from storage.open import open_storage
from storage.repair.open import of_directory, of_registry
from tests.cli.conftest import Run
from tests.cli.requests import Tenant
from tests.storage.damages import DIRECTORY


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store of these tests' own: `--all` walks whatever is in it."""
    with run_azurite(tmp_path_factory.mktemp("repaired") / "data") as connection:
        yield connection


@pytest.fixture
def write(azurite: str, tenant: Tenant) -> Callable[..., None]:
    """Write rows of the directory, or of the registry, by hand."""

    async def done(operation: Operation, table: str) -> None:
        storage = open_storage(azurite)
        try:
            found = await storage.registry.directory_named(tenant.name)
            assert found is not None
            directories, credentials = storage.registry.partitions  # type: ignore[attr-defined]
            rows = storage.repository(found).partition  # type: ignore[attr-defined]
            places = {"scim": rows, "directory": directories, "credential": credentials}
            await places[table].transact([operation])
        finally:
            await storage.close()

    return lambda operation, table="scim": asyncio.run(done(operation, table))


def repair(run: Run, *options: str, status: int = 0) -> str:
    done = run("repair", *options, "--wait", "0", status=status)
    return done.out


def test_all_others_are_repaired_beside_one_whose_account_nobody_names(
    run: Run, tenant: Tenant
) -> None:
    run("directory", "add", other := f"{tenant.name}-other")
    tenant.marked(storage="elsewhere")
    try:
        done = run("repair", "--all", "--wait", "0", "--json", status=1)
        assert done.json["failed"] == [tenant.name]
        assert other in [each["directory"] for each in done.json["directories"]]
        assert f"{tenant.name} could not be repaired to its end" in done.err
    finally:
        tenant.marked(storage=None)


def test_what_is_right_is_left(run: Run, tenant: Tenant) -> None:
    tenant.group("Everybody", tenant.user("ann@example.com"))
    assert repair(run, tenant.name) == "Nothing is wrong.\n"


def test_what_is_wrong_is_told_then_healed(
    run: Run, tenant: Tenant, write: Callable[..., None]
) -> None:
    ann = tenant.user("ann@example.com")
    write(Operation("delete", keys.anchor(ann)))
    told = repair(run, tenant.name, "--dry-run", status=1)
    assert "a resource lacks its anchor" in told
    assert "can be healed" in told
    assert ann in told
    healed = repair(run, tenant.name)
    assert "the anchor was written" in healed
    assert repair(run, tenant.name) == "Nothing is wrong.\n"
    listed = run("log", tenant.name, "--operation", "repair", "--json").out.splitlines()
    [line] = [json.loads(each) for each in listed]
    assert (line["verb"], line["resource"]) == ("operate", ann)
    assert line["by"]


def test_programs_read_what_was_done(run: Run, tenant: Tenant, write: Callable[..., None]) -> None:
    ann = tenant.user("ann@example.com")
    write(Operation("delete", keys.anchor(ann)))
    write(Operation("put", "x:ann@example.com"))
    done = json.loads(repair(run, tenant.name, "--json", status=1))
    [one] = done["directories"]
    assert (one["directory"], one["healed"], one["left"]) == (
        tenant.name,
        {"anchor-missing": 1},
        {"unknown": 1},
    )
    assert "ann@example.com" not in json.dumps(done)
    by_rule = {each["what"]: each for each in one["findings"]}
    assert by_rule["anchor-missing"] == {
        "what": "anchor-missing",
        "wrong": "a resource lacks its anchor",
        "place": f"r:User:{ann}",
        "type": "User",
        "id": ann,
        "other": "",
        "attributes": [],
        "healed": True,
    }
    assert by_rule["unknown"]["place"].startswith("sha256 ")


def test_all_of_it_is_the_registry_too(
    run: Run, tenant: Tenant, write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A token that no list showed is listed, and the directory's log says so."""
    [token] = run("token", "list", tenant.name, "--json").json
    directory = run("directory", "show", tenant.name, "--json").json["id"]
    write(Operation("delete", f"of:{directory}:{token['id']}"), "credential")
    assert run("token", "list", tenant.name, "--json").json == []
    # What other tests have damaged in this store is none of ours: any status will do.
    main(["repair", "--all", "--wait", "0", "--json"])
    first, *others = json.loads(capsys.readouterr().out)["directories"]
    assert first["directory"] == "(registry)"
    assert token["id"] in [each["id"] for each in first["findings"] if each["healed"]]
    assert tenant.name in [each["directory"] for each in others]
    listed = run("token", "list", tenant.name, "--json").json
    assert [each["id"] for each in listed] == [token["id"]]
    said = run("log", tenant.name, "--operation", "repair").out
    assert "it is listed" in said


def test_a_directory_that_is_being_emptied_is_left_alone(run: Run, tenant: Tenant) -> None:
    tenant.marked(removing=True)
    assert "is being removed" in run("repair", tenant.name, status=1).err


def test_what_waits_for_other_rules_is_not_said_to_be_right(
    run: Run, tenant: Tenant, write: Callable[..., None]
) -> None:
    tenant.user("ann@example.com")
    write(Operation("put", keys.claim("User", Key("userName", "nobody")), {"owner": "nobody"}))
    tenant.marked(previous=Rules())
    done = run("repair", tenant.name, "--wait", "0", status=1)
    assert "its rules are being changed; 1 findings" in done.err
    assert "Nothing is wrong" not in done.out


def test_all_of_it_tells_of_what_is_left_out(run: Run, tenant: Tenant) -> None:
    tenant.marked(removing=True)
    # What other tests have damaged in this store is none of ours: any status will do.
    with contextlib.redirect_stderr(io.StringIO()) as said:
        main(["repair", "--all", "--wait", "0", "--dry-run", "--json"])
    assert f"left out: {tenant.name} is being removed" in said.getvalue()


def test_one_directory_or_all_of_them(run: Run, tenant: Tenant) -> None:
    run("repair", status=2)
    run("repair", tenant.name, "--all", status=2)
    assert "there is no directory" in run("repair", "nobody-here", status=1).err


async def test_a_store_in_memory_has_no_rows() -> None:
    storage = open_storage("memory")
    with pytest.raises(TypeError):
        of_registry(storage.registry)
    with pytest.raises(TypeError):
        of_directory(storage.repository(DIRECTORY), DIRECTORY, lambda: datetime.now(UTC))


def test_every_finding_is_in_the_runbook() -> None:
    """With what is done about it: a table that an operator looks it up in."""
    runbooks = (Path(__file__).parents[2] / "docs/runbooks.md").read_text("utf-8")
    for each in RULES.values():
        row = f"| `{each.name}` | {each.wrong} | {each.healed or '**a person**'} |"
        assert row in runbooks, row
