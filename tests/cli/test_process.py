"""The process of a command: what stops it before, beside and after its own work."""

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path
from shlex import quote
from typing import Any

import pytest
from rich.cells import cell_len

from scim.cli.azurite import answers, free_port
from scim.cli.azurite import azurite as run_azurite
from scim.cli.making import new_directory
from scim.cli.output import Output
from scim.cli.problem import Problem
from scim.cli.setting import set_rules
from scim.cli.store import Desk, Where
from scim.presets import preset
from storage.open import open_storage
from tests.cli.conftest import Run
from tests.cli.requests import Tenant
from tests.host.serving import ROOT, environment


def ended(folder: Path, *arguments: str, **changes: str) -> tuple[int, list[str]]:
    """Run a command as a process of its own; its status and what it wrote to stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "scim", *arguments],
        cwd=folder,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


def test_a_ctrl_c_while_it_starts_is_no_traceback(tmp_path: Path) -> None:
    """The first thing that is imported is interrupted."""
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    assert ended(tmp_path, "directory", "list") == (130, [])


def test_a_package_that_is_missing_is_said(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('No module', name='typer')")
    status, [said] = ended(tmp_path, "directory", "list")
    assert status == 1
    assert "package typer is missing" in said
    assert ".venv/bin/python -m scim" in said
    (tmp_path / "typer.py").write_text("import scim.no_such_module")
    assert "Traceback" in ended(tmp_path, "directory", "list")[1][0]  # a bug of ours


@pytest.mark.parametrize("place", [".local", ".local/azurite"])
def test_a_file_where_data_should_be_is_said(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text("")
    status, [said] = ended(tmp_path, "directory", "list")
    assert status == 1
    assert f"{file} can't be used" in said


def test_azurite_looks_for_another_port_when_its_own_is_taken(tmp_path: Path) -> None:
    """Any connection may take it between the look and the start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1], free_port()])
        with run_azurite(tmp_path / "data", lambda: next(ports)) as connection:
            assert answers(connection)
            assert list(ports) == []


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_output_that_can_not_be_written_is_said(
    tenant: Tenant, tmp_path: Path, azurite: str, options: tuple[str, ...]
) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-m", "scim", "token", "list", tenant.name, *options],
            cwd=tmp_path,
            env=environment(SCIM_STORAGE=azurite),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "scim: can't go on: No space left on device\n"


@pytest.mark.parametrize(
    ("closed", "said"), [("<&-", "set SCIM_TOKEN"), (">&-", "set SCIM_TOKEN"), ("2>&-", "")]
)
def test_a_stream_that_is_closed_is_no_traceback(tmp_path: Path, closed: str, said: str) -> None:
    asked = f"{quote(sys.executable)} -m scim rehearse https://scim.example.com/scim {closed}"
    done = subprocess.run(
        ["/bin/sh", "-c", asked],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_folder_without_data_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same words in any folder would send people looking for what they have elsewhere."""
    monkeypatch.delenv("SCIM_STORAGE")
    assert f"no directory yet in {tmp_path / '.local'}" in run("directory", "list").err
    said = run("directory", "show", "contoso", status=1).err
    assert f"none at all in {tmp_path / '.local'}" in said
    run("directory", "add", "contoso")
    said = run("log", "contoso", "--follow", status=1).err
    assert "no server runs in this folder" in said
    assert "directory add" in run("log", "contoso").out


def test_hints_start_the_same_python(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCIM_STORAGE")
    assert f"{quote(sys.executable)} -m scim directory add" in run("directory", "list").err
    monkeypatch.chdir(ROOT)
    if Path(sys.executable).is_relative_to(ROOT):
        started = quote(str(Path(sys.executable).relative_to(ROOT)))
        assert f"Usage: {started} -m scim" in run("token", "list", status=2).err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("set", "--index", "title"), "to give it up: "),
        (("remove", "--yes"), "or with the next purge"),
    ],
)
def test_a_change_that_is_interrupted_says_how_to_go_on(
    run: Run, tenant: Tenant, tmp_path: Path, azurite: str, command: tuple[str, ...], said: str
) -> None:
    """While it waits for the servers, which it says without a terminal, too."""
    tenant.user("ann@example.com")
    if command[0] == "remove":
        run("directory", "disable", tenant.name)
    words = ["directory", command[0], tenant.name, *command[1:]]
    with subprocess.Popen(
        [sys.executable, "-m", "scim", *words, "--wait", "500"],
        cwd=tmp_path,
        env=environment(SCIM_STORAGE=azurite),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("waiting 500 s until every running server knows"):
                break
        # What is recorded before the wait is there as soon as it is said, or a moment later.
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(60) == 130, rest
    assert "interrupted: " in rest
    assert said in rest
    assert "Traceback" not in rest
    shown = run("directory", "show", tenant.name).out
    if command[0] == "set":
        assert f"directory set {tenant.name} --give-up" in shown
        done = run("directory", "set", tenant.name, "--give-up", "--wait", "0").err
        assert done.startswith("sweeping")
        run("directory", "set", tenant.name, "--give-up", status=1)
        entries = run("log", tenant.name, "--operation", "give-up", "--json").out
        assert len(entries.splitlines()) == 1
    assert "introduced" not in run("directory", "show", tenant.name).out


async def test_a_change_that_another_command_gave_up_says_so() -> None:
    storage = open_storage("memory")
    desk = Desk(Where(), storage)
    directory = new_directory("contoso", preset("default"), preset="default", now=desk.now)
    await storage.registry.add_directory(directory)
    output = Output()
    async with asyncio.timeout(60):
        begun: Any = set_rules(desk, output, "contoso", index=["title"], wait=0.5)
        change: asyncio.Task[None] = asyncio.create_task(begun)
        while (await desk.directory("contoso")).next is None:  # noqa: ASYNC110 - a store sends none
            await asyncio.sleep(0)
        with pytest.raises(Problem, match="other rules are being introduced"):
            await set_rules(desk, output, "contoso", index=["nickName"], wait=0)
        await set_rules(desk, output, "contoso", give_up=True, wait=0)
        with pytest.raises(Problem, match="another command gave this change up"):
            await change
    await storage.close()


def test_days_of_keeping_count_under_soft_alone(run: Run, tenant: Tenant) -> None:
    change = ("directory", "set", tenant.name, "--wait", "0", "--keep-days", "5")
    assert "this is hard" in run(*change).err
    assert "--keep-days" not in run(*change, "--delete", "soft").err


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--directory", "a=rfc", "--directory", "a=default"), 2, "names a twice"),
        (("--directory", "a", "--directory", "a=default"), 2, "names a twice"),
        (("--storage", "nonsense"), 2, "--storage can't be used"),
        (("--storage", "memory", "--host", "203.0.113.1"), 1, "another with --host"),
        (("--storage", "memory", "--host", "no.such.host.invalid"), 1, "another with --host"),
    ],
)
def test_serve_names_the_option_that_can_not_be(
    tmp_path: Path, options: tuple[str, ...], status: int, said: str
) -> None:
    ended_with, lines = ended(tmp_path, "serve", *options)
    assert ended_with == status
    assert said in lines[-1]


def test_columns_of_wide_characters_are_aligned_in_a_pipe(run: Run, tenant: Tenant) -> None:
    tenant.user("ann@example.com", displayName="日本 花子")
    tenant.user("bob@example.com", displayName="Bob Bobson")
    lines = run("user", "list", tenant.name).out.splitlines()
    assert len({cell_len(line[: line.rindex(" yes ")]) for line in lines[1:]}) == 1
