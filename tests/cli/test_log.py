"""`log` and `purge`: what happened, and what is deleted for good."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.requests import Tenant
from tests.host.serving import environment


def entries(run: Run, tenant: Tenant, *options: str) -> list[dict[str, Any]]:
    out = run("log", tenant.name, *options, "--json").out
    return [json.loads(line) for line in out.splitlines()]


def test_a_refused_request_is_found_by_its_id(run: Run, tenant: Tenant) -> None:
    """Why Entra's log shows 409: the id at the end of the detail leads to the line."""
    ann = tenant.user("ann@example.com")
    refused = tenant.send("POST", "/Users", {"userName": "ann@example.com"})
    request = refused.headers["x-request-id"]
    assert request in refused.body["detail"]
    [entry] = entries(run, tenant, "--request", request)
    assert (entry["verb"], entry["status"], entry["scimType"]) == ("refuse", 409, "uniqueness")
    assert "userName" in entry["detail"]
    assert request in run("log", tenant.name, "--status", "4xx").out
    assert [each["resource"] for each in entries(run, tenant, "--resource", ann)] == [ann]


def test_each_filter_leaves_what_fits(run: Run, tenant: Tenant) -> None:
    tenant.user("ann@example.com")
    tenant.group("Everybody")
    tenant.send("GET", "/Users/absent")
    token = run("token", "list", tenant.name, "--json").json[0]["id"]
    assert {each["status"] for each in entries(run, tenant, "--status", "2xx")} == {201}
    assert {each["status"] for each in entries(run, tenant, "--status", "404")} == {404}
    assert [each["type"] for each in entries(run, tenant, "--operation", "post /groups")] == [
        "Group"
    ]
    assert len(entries(run, tenant, "--credential", token)) == 4  # its issue too
    assert len(entries(run, tenant, "--since", "1h")) == 5
    assert entries(run, tenant, "--since", "0s") == []
    for before_1970 in ("21000d", "999999d"):
        assert len(entries(run, tenant, "--since", before_1970)) == 5
    assert "nothing" in run("log", tenant.name, "--request", "x").err


@pytest.mark.parametrize(
    ("option", "value", "said"), [("--since", "2 weeks", "2h"), ("--status", "abc", "4xx")]
)
def test_a_filter_that_is_none_is_refused(
    run: Run, tenant: Tenant, option: str, value: str, said: str
) -> None:
    assert said in run("log", tenant.name, option, value, status=2).err


def test_follow_goes_on_until_ctrl_c(tenant: Tenant, tmp_path: Path, azurite: str) -> None:
    """What was there, then what comes; Ctrl-C ends it with 130 and no traceback."""
    command = [sys.executable, "-m", "scim", "log", tenant.name, "--follow", "--json"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(SCIM_STORAGE=azurite),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = [json.loads(process.stdout.readline())["operation"] for _ in range(2)]
        assert first == ["directory add", "token issue"]
        tenant.user("ann@example.com")
        assert json.loads(process.stdout.readline())["verb"] == "create"
        time.sleep(2.5)  # one more look finds nothing twice
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stdout.read() == ""
        assert "Traceback" not in process.stderr.read()


def test_purge_of_one_directory(run: Run, tenant: Tenant) -> None:
    tenant.user("ann@example.com")
    counted = run("purge", tenant.name, "--dry-run", "--json").json
    assert counted == {
        "dryRun": True, "directories": 1, "removed": 0, "tombstones": 0, "revivals": 0,
        "deletions": 0, "edits": 0, "entries": 0, "bookmarks": None, "warnings": 0, "failed": 0,
        "complete": True,
    }  # fmt: skip
    done = run("purge", tenant.name, "--json").json
    assert (done["directories"], done["failed"], done["complete"]) == (1, 0, True)
    assert done.keys() == counted.keys()
    assert "directories looked at" in run("purge", tenant.name).out
    run("purge", "nobody-has-this", status=1)


@pytest.mark.parametrize("command", [("purge",), ("repair",), ("backup", "--to", "backups")])
def test_an_empty_name_is_not_all_directories(run: Run, command: tuple[str, ...]) -> None:
    """It is a shell's variable that was not set."""
    first, *more = command
    assert "there is no directory" in run(first, "", *more, status=1).err


def test_a_purge_counts_a_directory_whose_account_nobody_names(run: Run, tenant: Tenant) -> None:
    tenant.marked(storage="elsewhere")
    try:
        counted = run("purge", tenant.name, "--dry-run", "--json", status=1)
        assert (counted.json["directories"], counted.json["failed"]) == (0, 1)
        assert f"{tenant.name} could not be looked at" in counted.err
    finally:
        tenant.marked(storage=None)


def test_removal_needs_the_directory_off_and_a_yes(run: Run, tenant: Tenant) -> None:
    ann = tenant.user("ann@example.com")
    tenant.group("Everybody", ann)
    assert "directory disable" in run("directory", "remove", tenant.name, "--yes", status=1).err
    run("directory", "disable", tenant.name)
    assert "--yes" in run("directory", "remove", tenant.name, status=1).err
    assert run("directory", "show", tenant.name, "--json").json["state"] == "disabled"
    removed = run("directory", "remove", tenant.name, "--yes", "--wait", "0", "--json").json
    assert removed["removed"] is True
    assert tenant.send("GET", "/Users").status == 401
    run("directory", "show", tenant.name, status=1)
    run("directory", "add", tenant.name)  # the name is free again, and nothing is left of the old
    assert run("user", "list", tenant.name, "--json").json == []
