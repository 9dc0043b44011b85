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
        ({"alertOften": 10, "alertHourly": 1, "metricSeries": 0.1}, {}, 33.2, 0),
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
    assert (often, seldom, metrics) == (3, 3, 2)


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


def test_every_price_and_option_is_documented() -> None:
    text = (ROOT / "docs/costs.md").read_text("utf-8")
    for name in (*costs.PRICES, *(f"--{each.replace('_', '-')}" for each in costs.Load.__slots__)):
        assert f"`{name}`" in text, name
