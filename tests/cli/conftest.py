"""`python -m scim` as a person types it, on a store that all tests share."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scim.cli.main import main
from tests.cli.requests import Tenant
from tests.service import PEPPER

BASE = "https://scim.example.com"


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def run(
    azurite: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command in a folder of its own; `status` is what it has to end with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCIM_STORAGE", azurite)
    monkeypatch.setenv("SCIM_PEPPER", PEPPER.decode())
    monkeypatch.setenv("SCIM_PUBLIC_URL", BASE)

    def run(*arguments: str, status: int = 0) -> Done:
        capsys.readouterr()
        ended = main(arguments)
        printed = capsys.readouterr()
        assert ended == status, printed.err + printed.out
        assert "Traceback" not in printed.err
        return Done(ended, printed.out, printed.err)

    return run


@pytest.fixture
def name() -> str:
    """A name that no other test's directory has."""
    return f"cli-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def tenant(run: Run, name: str, azurite: str) -> Tenant:
    """A directory that was made by a command, and its client."""
    made = run("directory", "add", name, "--json").json
    return Tenant(azurite, name, made["secretToken"])
