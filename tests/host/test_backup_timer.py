"""The timer's backup, as the worker runs it: an app of its own process over real tables."""

import json
import subprocess
import sys
import uuid
from pathlib import Path

import azure.functions as func
import pytest

from scim.backup.keeping import LONGEST, SECONDS
from scim.directory import Directory
from storage.client import LONGEST_CALL
from storage.open import open_storage
from tests.host.serving import ROOT, environment
from tests.service import PEPPER

RUN = """
import asyncio, json, logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
import function_app
from azure.functions.timer import TimerRequest
assert "azure.storage.blob" not in sys.modules, "a cold start imports it"
found = {each.get_function_name(): each for each in function_app.app.get_functions()}
run_once = found["backup"].get_user_function()

async def run():
    await run_once(timer=TimerRequest())
    await function_app.service.storage.close()

asyncio.run(run())
"""


def run(**settings: str) -> list[dict[str, object]]:
    """Run the timer once; the events that it logged."""
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env=environment(SCIM_PEPPER=PEPPER.decode(), **settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(each) for each in done.stderr.splitlines() if each.startswith('{"event"')]


async def test_it_backs_up_what_is_due_where_the_setting_says(azurite: str, tmp_path: Path) -> None:
    storage = open_storage(azurite)
    await storage.prepare()
    name = f"timed-{uuid.uuid4().hex[:8]}"
    await storage.registry.add_directory(Directory(id=uuid.uuid4().hex[:20], name=name))
    await storage.close()
    place = tmp_path / "backups"
    [first] = run(SCIM_STORAGE=azurite, SCIM_BACKUP_TO=str(place))
    assert first["event"] == "backed up"
    assert first["complete"]
    [backup] = (place / name).iterdir()
    assert (backup / "manifest.json").exists()
    [second] = run(SCIM_STORAGE=azurite, SCIM_BACKUP_TO=str(place))
    assert second["directories"] == 0


@pytest.mark.parametrize("settings", [{}, {"SCIM_BACKUP_TO": "somewhere"}])
def test_nothing_without_a_place_or_in_memory(settings: dict[str, str]) -> None:
    assert run(SCIM_STORAGE="memory", **settings) == []
    assert not (ROOT / "somewhere").exists()


def test_it_ends_before_the_host_ends_it(indexed: dict[str, func.Function]) -> None:
    """Every hour, half an hour from the purge; with time left for the call that is on its way."""
    schedules = {}
    for name in ("backup", "purge"):
        trigger = indexed[name].get_trigger()
        assert trigger is not None
        schedules[name] = trigger.get_dict_repr()["schedule"].split()
    assert schedules["backup"][2:] == schedules["purge"][2:] == ["*"] * 4
    assert abs(int(schedules["backup"][1]) - int(schedules["purge"][1])) >= 10
    assert SECONDS < LONGEST
    assert LONGEST + LONGEST_CALL < 4 * 60
