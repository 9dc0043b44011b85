"""`directory add --place` and `directory move`, between the accounts of two Azurites."""

import json
import re
from collections.abc import Iterator

import pytest

from scim.cli.azurite import azurite as run_azurite
from scim.directory import Moving
from tests.cli.conftest import Run
from tests.cli.requests import Tenant


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_azurite(tmp_path_factory.mktemp("another") / "data") as connection:
        yield connection


@pytest.fixture
def two(run: Run, another: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SCIM_STORAGE_ACCOUNTS", json.dumps({"second": another}))
    return run


def test_a_directory_moves_and_comes_back(two: Run, tenant: Tenant, name: str) -> None:
    ann = tenant.user("ann@example.com")
    log = two("log", name, "--json").out
    moved = two("directory", "move", name, "--to", "second", "--wait", "0", "--json").json
    assert (moved["storage"], moved["moving"]) == ("second", None)
    assert two("user", "show", name, ann, "--json").json["id"] == ann
    assert two("log", name, "--json").out.startswith(log)
    done = two("directory", "move", name, "--to", "main", "--wait", "0")
    assert done.out == f"The rows of {name} are in the storage account main.\n"
    assert tenant.send("GET", f"/Users/{ann}").status == 200


def test_a_directory_is_made_where_it_is_to_be(
    two: Run, name: str, another: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = two("directory", "add", name, "--place", "second", "--json").json
    assert made["storage"] == "second"
    two("purge", name)
    monkeypatch.delenv("SCIM_STORAGE_ACCOUNTS")
    refused = two("user", "list", name, status=1)
    assert "SCIM_STORAGE_ACCOUNTS" in refused.err
    purged = two("purge", name, "--json", status=1)
    assert purged.json["failed"] == 1
    monkeypatch.setenv("SCIM_STORAGE_ACCOUNTS", json.dumps({"second": another}))
    two("directory", "disable", name)
    two("directory", "remove", name, "--yes", "--wait", "0")


@pytest.mark.parametrize(
    "arguments",
    [
        ("directory", "move", "x"),
        ("directory", "move", "x", "--to", "second", "--give-up"),
        ("directory", "move", "x", "--to", "second", "--wait", "8"),
        ("directory", "add", "x", "--place", "third"),
    ],
)
def test_arguments_that_can_t_be_right(two: Run, arguments: tuple[str, ...]) -> None:
    two(*arguments, status=2)


def test_an_account_that_can_t_be_used_is_named(
    run: Run, tenant: Tenant, name: str, another: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = re.sub("AccountKey=[^;]*", "AccountKey=bm90IHRoZSBrZXk=", another)
    monkeypatch.setenv("SCIM_STORAGE_ACCOUNTS", json.dumps({"second": wrong}))
    refused = run("directory", "move", name, "--to", "second", "--wait", "0", status=1)
    assert "the storage account second" in refused.err
    assert "AccountKey" not in refused.err
    assert run("directory", "show", name, "--json").json["moving"] is None


def test_there_is_nothing_to_give_up(two: Run, tenant: Tenant, name: str) -> None:
    refused = two("directory", "move", name, "--give-up", status=1)
    assert "nothing to give up" in refused.err
    assert "third" in two("directory", "move", name, "--to", "third", status=2).err


def test_no_token_is_made_that_nobody_is_shown(run: Run, tenant: Tenant, name: str) -> None:
    """Its line in the log could not be written while writes are refused."""
    mark = Moving(phase="frozen", target="second", run="r", at="2026-01-01T00:00:00Z")
    tenant.marked(moving=mark)
    assert "takes no writes" in run("token", "issue", name, status=1).err
    assert len(run("token", "list", name, "--json").json) == 1
