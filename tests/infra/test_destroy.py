"""infra/destroy.sh, against a stub of az."""

from pathlib import Path

import pytest

from tests.infra.azure import ID, Azure
from tests.infra.stub import Row


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    return Azure(tmp_path)


THERE = Row("az deployment group show", "{}")
LISTED = [THERE, Row("az resource list", "Microsoft.Web/sites\tscim-app"), Row("az group delete")]
LOCK = f"{ID}/Microsoft.Authorization/locks/keep"


def test_destroying_deletes_the_group_once_it_is_confirmed(azure: Azure) -> None:
    rows = [*LISTED, Row("az lock list")]
    asked = azure.run("--group", "g", rows=rows, script="destroy")
    assert asked.returncode == 1
    assert "--yes" in asked.stderr
    assert not azure.called("delete")
    done = azure.run("--group", "g", "--yes", rows=rows, script="destroy")
    assert done.returncode == 0, done.stderr
    assert azure.called("az group delete --name g --yes")


def test_a_locked_group_is_deleted_with_locks_alone(azure: Azure) -> None:
    rows = [*LISTED, Row("az lock list", LOCK), Row("az lock delete")]
    kept = azure.run("--group", "g", "--yes", rows=rows, script="destroy")
    assert kept.returncode == 1
    assert LOCK in kept.stderr
    assert not azure.called("delete")
    done = azure.run("--group", "g", "--yes", "--locks", rows=rows, script="destroy")
    assert done.returncode == 0
    assert azure.called(f"az lock delete --ids {LOCK}")


def test_a_group_that_we_did_not_make_is_left_alone(azure: Azure) -> None:
    done = azure.run("--group", "g", "--yes", script="destroy")
    assert done.returncode == 1
    assert "holds no deployment" in done.stderr
    assert not azure.called("delete")


def test_destroying_what_is_gone_succeeds(azure: Azure) -> None:
    gone = [Row("group exists", "false")]
    assert azure.run("--group", "g", "--yes", rows=gone, script="destroy").returncode == 0
