"""The sum of costs: each price counts for what docs/costs.md says, and none is made up."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
costs = SimpleNamespace(**runpy.run_path(str(ROOT / "infra/costs.py")))  # a script, no package
FREE = dict.fromkeys(costs.PRICES, 0.0)


def total(load: Any, **price: float) -> tuple[float, float]:
    bill = costs.lines(load, {**FREE, **price}).values()
    idle, busy = zip(*bill, strict=True)
    return sum(idle), sum(busy)


@pytest.mark.parametrize(
    ("price", "load", "idle", "busy"),
    [
        ({"executionsPerMillion": 1e6}, {}, 43_800 + 730, 1e6),
        ({"gbSecond": 1}, {"memory": 2}, 2 * 44_530, 2e6),  # a second at least
        ({"gbSecond": 1}, {"memory": 2, "seconds": 3}, 2 * 44_530, 6e6),
        ({"gbSecond": 1}, {"memory": 2, "together": 4}, 2 * 44_530, 5e5),
        ({"readyGbSecond": 1}, {"ready": 2, "memory": 2}, 4 * 730 * 3600, 0),
        ({"tableOperations": 1e4}, {"calls": 3}, 2 * 43_800 + 5 * 730, 3e6),
        ({"tableGib": 7}, {"gib": 2}, 14, 0),
        ({"logGb": 1}, {"line_bytes": 1000, "probes": 0}, 0, 1),
        ({"retentionGb": 1}, {"line_bytes": 1000, "probes": 0, "retention": 91}, 0, 2),
        ({"retentionGb": 1}, {}, 0, 0),  # what is included
        ({"probeRun": 1}, {"probes": 3}, 3 * 8_760, 0),
        ({"alertOften": 10, "alertHourly": 1, "metricSeries": 0.1}, {}, 34.2, 0),
        ({"endpointHour": 1}, {"endpoints": 3}, 3 * 730, 0),
    ],
)
def test_a_price_counts_for(
    price: dict[str, float], load: dict[str, float], idle: float, busy: float
) -> None:
    assert total(costs.Load(**load), **price) == pytest.approx((idle, busy))


def test_the_alerts_are_those_of_the_template() -> None:
    text = (ROOT / "infra/modules/alerts.bicep").read_text("utf-8")
    often, seldom = text.count("every: 'PT5M'"), text.count("every: 'PT1H'")
    metrics = text.count("'Microsoft.Insights/metricAlerts@")
    assert (often, seldom, metrics) == (3, 4, 2)


def test_a_price_that_is_missing_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No price is known to the program: an old one would be believed."""
    assert costs.main(["--prices"]) == 0
    file = tmp_path / "prices.json"
    file.write_text(capsys.readouterr().out, "utf-8")
    assert costs.main([str(file)]) == 1
    said = capsys.readouterr().err
    assert all(name in said for name in costs.PRICES)
    file.write_text(json.dumps(dict.fromkeys(costs.PRICES, 1)), "utf-8")
    assert costs.main([str(file), "--requests", "0"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(" 0.00")


@pytest.mark.parametrize("text", [None, "", "[]", "{"])
def test_a_file_that_can_not_be_read_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    file = tmp_path / "prices.json"
    if text is not None:
        file.write_text(text, "utf-8")
    assert costs.main([str(file)]) == 2
    [said] = capsys.readouterr().err.splitlines()
    assert "prices.json can't be read" in said


@pytest.mark.parametrize(
    ("people", "requests", "calls"),
    [
        ({"users": 1000, "changed": 1}, 2_000, 5_000),
        ({"users": 1000, "joined": 1}, 2_000, 2_000),
        ({"users": 1000, "left": 1}, 3_000, 10_000),
        ({"users": 1000, "memberships": 7, "moved": 1}, 7_000, 28_000),
        ({"users": 1000, "memberships": 7, "restarts": 1}, 8_000, 17_000),
        ({"directories": 1000, "cycles": 10}, 20_000, 20_000 + 9 * 730_000),
    ],
)
def test_people_are_so_many_requests_and_calls(
    people: dict[str, float], requests: float, calls: float
) -> None:
    """The timer looks at each directory once an hour, whatever else."""
    none = dict.fromkeys(("changed", "joined", "left", "moved", "cycles", "directories"), 0.0)
    done = costs.work(costs.People(**{**none, **people})).values()
    assert (sum(each[0] for each in done), sum(each[1] for each in done)) == (requests, calls)


def test_people_become_a_load_that_the_bill_is_made_of() -> None:
    people = costs.People(users=2**20, joined=0, left=0, changed=0, moved=0, user_bytes=1024)
    load = costs.filled(costs.Load(), people)
    assert load.gib == 1 + 10 * 470 / 1024
    assert load.requests == 2 * people.cycles
    assert load.requests * load.calls == pytest.approx(2 * people.cycles + 9 * 730)


def test_work_is_told_without_prices(capsys: pytest.CaptureFixture[str]) -> None:
    assert costs.main(["--users", "1000000", "--directories", "1000"]) == 0
    said = capsys.readouterr().out
    assert all(f"{each} " in said for each in (*costs.WORK, "all of it", "GiB"))


def test_every_price_and_option_is_documented() -> None:
    text = (ROOT / "docs/costs.md").read_text("utf-8")
    options = (*costs.Load.__slots__, *costs.People.__slots__)
    for name in (*costs.PRICES, *(f"--{each.replace('_', '-')}" for each in options)):
        assert f"`{name}`" in text, name
