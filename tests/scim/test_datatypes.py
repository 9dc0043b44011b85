"""Simple values and their types (RFC 7643 §2.3)."""

from typing import Any

import pytest

from scim.dialect import Tolerance
from scim.document import read
from scim.errors import InvalidValue
from tests.scim.device import DEVICE

LOOSE = Tolerance(loose=True)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("ports", [0, -1, 2**63 - 1, -(2**63)], [2**63, 1.5, 1.0, "1", True, [1]]),
        ("weight", [0, 1.5, -1e300, 10**300], [float("nan"), float("inf"), 10**400, "1.5", True]),
        (
            "bought",
            ["2026-11-30T08:15:00Z", "2026-11-30T08:15:00.1234567+01:00", "2026-11-30T08:15:00"],
            ["2026-11-30", "yesterday", "2026-13-01T00:00:00Z", 5],
        ),
        ("key", ["AAAA", "AA==", "AA", "-_-_"], ["A", "A===", "AA=", "ä", "AA AA", 5]),
        ("manual", ["https://x", "no URL at all"], [5, True]),
        ("tags", [["a", "b"]], ["a", [1], [{"value": "a"}], {"value": "a"}]),
    ],
)
def test_types_are_checked_and_values_kept_as_sent(
    name: str, good: list[Any], bad: list[Any]
) -> None:
    for value in good:
        assert read({"serial": "1", name: value}, DEVICE)[0][name] == value
    for value in bad:
        with pytest.raises(InvalidValue, match=name):
            read({"serial": "1", name: value}, DEVICE)


@pytest.mark.parametrize(
    ("name", "sent", "meant"),
    [
        ("ports", "42", 42),
        ("ports", 42.0, 42),
        ("weight", "1.5", 1.5),
        ("weight", "-2", -2),
        ("serial", 42, "42"),
        ("serial", True, "true"),
        ("serial", ["42"], "42"),
        ("tags", "a", ["a"]),
        ("tags", [{"value": "1"}, {"Value": "2", "type": "x"}], ["1", "2"]),
        ("codes", "7", [7]),
        ("parts", "a", [{"value": "a"}]),
        ("parts", ["a", {"value": "b"}], [{"value": "a"}, {"value": "b"}]),
        ("parts", {"value": "a", "weight": "2"}, [{"value": "a", "weight": 2}]),
        ("key", "AAAA\r\nAAAA", "AAAA\r\nAAAA"),
    ],
)
def test_the_loose_reading_takes_what_has_one_meaning(name: str, sent: Any, meant: Any) -> None:
    assert read({"serial": "1", name: sent}, DEVICE, LOOSE)[0][name] == meant


@pytest.mark.parametrize(
    ("name", "value"),
    [("ports", "4²"), ("ports", " 4"), ("ports", "1_0"), ("weight", "nan"), ("serial", ["a", "b"])],
)
def test_the_loose_reading_guesses_nothing(name: str, value: Any) -> None:
    with pytest.raises(InvalidValue, match=name):
        read({"serial": "1", name: value}, DEVICE, LOOSE)
