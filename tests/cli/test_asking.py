"""What is asked before something is destroyed, on a terminal; what is said when the store fails."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scim.cli.directories import add
from scim.cli.output import Output
from scim.cli.problem import Problem
from scim.cli.signing_in import object_id
from scim.cli.store import Desk, Where
from scim.errors import Unavailable
from scim.registry import Credential
from storage.open import open_storage
from storage.registry_memory import MemoryRegistry
from tests.cli.conftest import Run
from tests.cli.requests import Tenant
from tests.host.serving import environment
from tests.service import PEPPER


def on_a_terminal(folder: Path, answer: str, *arguments: str, **changes: str) -> tuple[int, str]:
    """Run a command on a terminal of its own and type an answer; its status and what it wrote."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "scim", *arguments],
        cwd=folder,
        env=environment(**{"TERM": "xterm", "COLUMNS": "100", **changes}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        written = b""
        try:
            if answer != CTRL_C:
                os.write(ours, f"{answer}\n".encode())
            while some := os.read(ours, 65536):
                written += some
                if answer == CTRL_C and b"[y/N]" in written:
                    answer = ""
                    process.send_signal(signal.SIGINT)  # as the terminal does
        except OSError:  # Linux's end of a terminal
            pass
        os.close(ours)
        return process.wait(60), written.decode()


CTRL_C = "\x03"


def test_ctrl_c_ends_a_question(run: Run, tenant: Tenant, tmp_path: Path, azurite: str) -> None:
    """The first one, at once, and nothing is done."""
    ann = tenant.user("ann@example.com")
    arguments = ("user", "erase", tenant.name, ann)
    status, said = on_a_terminal(tmp_path, CTRL_C, *arguments, SCIM_STORAGE=azurite)
    assert status == 130, said
    assert "Traceback" not in said
    assert tenant.send("GET", f"/Users/{ann}").status == 200


def test_a_narrow_terminal_shows_rows_as_blocks(
    run: Run, tenant: Tenant, tmp_path: Path, azurite: str
) -> None:
    ann = tenant.user("ann@example.com", displayName="Ann of the very long and winding name")
    arguments = ("user", "list", tenant.name)
    narrow = on_a_terminal(tmp_path, "", *arguments, SCIM_STORAGE=azurite, COLUMNS="60")[1]
    lines = [each.rstrip() for each in narrow.splitlines()]
    assert f"ID             {ann}" in lines
    assert "DISPLAYNAME    Ann of the very long and winding name" in lines
    wide = on_a_terminal(tmp_path, "", *arguments, SCIM_STORAGE=azurite, COLUMNS="200")[1]
    assert any(line.startswith(ann) and "winding name" in line for line in wide.splitlines())


def test_a_name_has_to_be_typed(run: Run, tenant: Tenant, tmp_path: Path, azurite: str) -> None:
    run("directory", "disable", tenant.name)
    arguments = ("directory", "remove", tenant.name, "--wait", "0")
    status, said = on_a_terminal(tmp_path, "yes", *arguments, SCIM_STORAGE=azurite)
    assert status == 1
    assert "nothing was changed" in said
    assert run("directory", "show", tenant.name, "--json").json["state"] == "disabled"
    status, said = on_a_terminal(tmp_path, tenant.name, *arguments, SCIM_STORAGE=azurite)
    assert status == 0, said
    run("directory", "show", tenant.name, status=1)


@pytest.mark.parametrize(("answer", "status"), [("n", 1), ("", 1), ("y", 0)])
def test_the_last_token_is_asked_for(
    run: Run, tenant: Tenant, tmp_path: Path, azurite: str, answer: str, status: int
) -> None:
    [token] = run("token", "list", tenant.name, "--json").json
    arguments = ("token", "revoke", token["id"])
    assert on_a_terminal(tmp_path, answer, *arguments, SCIM_STORAGE=azurite)[0] == status
    assert tenant.send("GET", "/Users").status == (401 if status == 0 else 200)


def test_colour_is_for_terminals_that_want_it(
    run: Run, tenant: Tenant, tmp_path: Path, azurite: str
) -> None:
    store = {"SCIM_STORAGE": azurite}
    arguments = ("token", "list", tenant.name)
    assert "\x1b[1m" in on_a_terminal(tmp_path, "", *arguments, **store)[1]
    assert "\x1b[" not in on_a_terminal(tmp_path, "", *arguments, **store, NO_COLOR="1")[1]
    assert "\x1b" not in run(*arguments).out


class Failing(MemoryRegistry):
    """Takes directories and no tokens."""

    async def add_credential(self, credential: Credential) -> None:
        raise Unavailable("the storage is busy or down: try again", retry_after=5)


def test_a_directory_without_a_token_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The store fails between the two."""
    monkeypatch.setenv("SCIM_PEPPER", PEPPER.decode())
    registry = Failing()
    storage = replace(open_storage("memory"), registry=registry)
    desk = Desk(Where(), storage)
    made: Any = add(desk, Output(), "contoso", base_url="https://scim.example.com")
    with pytest.raises(Problem, match=r"go on with: .*python -m scim token issue contoso"):
        asyncio.run(made)
    assert asyncio.run(registry.directory_named("contoso")) is not None
    assert "scim_" not in capsys.readouterr().out


def test_a_new_pepper_has_to_be_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a store of its own: this folder's."""
    monkeypatch.delenv("SCIM_STORAGE")
    run("directory", "add", "contoso", "--base-url", "https://scim.example.com")
    monkeypatch.setenv("SCIM_PEPPER", "another-pepper-" * 3)
    assert "--new-pepper" in run("token", "issue", "contoso", status=1).err
    assert "--yes" in run("token", "issue", "contoso", "--new-pepper", status=1).err
    run("token", "issue", "contoso", "--new-pepper", "--yes")
    made = run("token", "issue", "contoso", "--json").json
    assert datetime.fromisoformat(made["expires"]) > datetime.now(UTC)


@pytest.mark.parametrize(
    ("storage", "status", "said"),
    [
        ("memory", 1, "`serve`"),
        ("azurit", 2, "--storage can't be used"),
        ("AccountName=x", 2, "--storage can't be opened"),
        ("AccountName=a;AccountKey=no;TableEndpoint=http://x", 1, ""),
        ("TableEndpoint=http://127.0.0.1:1/a;AccountName=a;AccountKey=bm8=", 1, "busy or down"),
    ],
)
def test_a_store_that_can_not_be_opened_is_said(
    run: Run, storage: str, status: int, said: str
) -> None:
    done = run("directory", "list", "--storage", storage, status=status)
    assert said in done.err
    assert "SCIM_STORAGE" not in done.err
    assert done.err.splitlines()[-1].startswith("scim: " if status == 1 else "Error: ")
    assert json.dumps("bm8=") not in done.err


def test_a_setting_that_can_not_be_used_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIM_STORAGE", "azurit")
    assert "SCIM_STORAGE can't be used" in run("directory", "list", status=1).err


@pytest.mark.parametrize(
    "options",
    [
        ("--account", "contoso"),
        ("--account", "https://contoso.blob.core.windows.net"),
        ("--account", "https://[contoso.table.core.windows.net"),
        ("--account", "https://contoso.table.core.windows.net", "--vault", "contoso"),
    ],
)
def test_an_address_of_something_else_is_refused(run: Run, options: tuple[str, ...]) -> None:
    said = run("directory", "list", *options, status=2).err
    assert f"{options[-2]} takes" in said


def test_an_account_knows_the_operator_by_object_id() -> None:
    """An access token's payload is base64url without padding."""
    payload = base64.urlsafe_b64encode(json.dumps({"oid": "0a1b", "aud": "?>"}).encode())
    assert object_id(f"e30.{payload.decode().rstrip('=')}.sig") == "0a1b"
    for token in ("", "a.b.c", "e30.e30.sig", "e30.W10.sig"):
        with pytest.raises(Problem, match="az login"):
            object_id(token)
