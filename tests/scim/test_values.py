"""What counts as a value, and when two values are equal (RFC 7643 §2.3, §2.5)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.schema import Attribute
from scim.values import comparable, equal, fold, parse_datetime, present

FOLDED = Attribute(name="userName")
EXACT = Attribute(name="externalId", case_exact=True)
REFERENCE = Attribute(name="profileUrl", type="reference")
NUMBER = Attribute(name="level", type="decimal")
DATE = Attribute(name="since", type="dateTime")
BOOLEAN = Attribute(name="active", type="boolean")
EMAIL = Attribute(
    name="emails",
    type="complex",
    multi_valued=True,
    sub_attributes=(Attribute(name="value"), Attribute(name="type")),
)
NAME = Attribute(name="name", type="complex", sub_attributes=(Attribute(name="givenName"),))


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_null_and_empty_are_no_values(value: Any) -> None:
    """'Unassigned attributes, the null value, or an empty array' are equivalent in state."""
    assert not present(value)


@pytest.mark.parametrize("value", [0, False, 0.0, " ", [None], {"a": None}])
def test_zero_and_false_are_values(value: Any) -> None:
    assert present(value)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Ada", "aDA"),
        ("ÄRZTE", "ärzte"),
        ("Ärzte", "A\u0308RZTE"),  # composed and decomposed
        ("ẖ", "H\u0331"),  # composes in lower case only
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),  # a final sigma
    ],
)
def test_folded_texts_are_the_same(left: str, right: str) -> None:
    assert fold(left) == fold(right)


@pytest.mark.parametrize(("left", "right"), [("Straße", "Strasse"), ("a", "ä"), ("i", "\u0131")])
def test_letters_that_differ_in_print_stay_different(left: str, right: str) -> None:
    assert fold(left) != fold(right)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-30T08:15:00Z", datetime(2026, 11, 30, 8, 15, tzinfo=UTC)),
        ("2026-11-30t08:15:00z", datetime(2026, 11, 30, 8, 15, tzinfo=UTC)),
        ("2026-11-30T08:15:00", datetime(2026, 11, 30, 8, 15, tzinfo=UTC)),
        ("2026-11-30T08:15:00.5+05:30", datetime(2026, 11, 30, 2, 45, 0, 500000, tzinfo=UTC)),
        ("2026-11-30T08:15:00.1234567Z", datetime(2026, 11, 30, 8, 15, 0, 123456, tzinfo=UTC)),
    ],
)
def test_a_date_time_is_an_instant(text: str, instant: datetime) -> None:
    assert parse_datetime(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-30",
        "20261130T081500Z",
        "2026-W48-1T08:15:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-30T25:00:00Z",
        "2026-11-30T08:15:00Z ",
        "2026-11-30T08:15:00+99:00",
        "0001-01-01T00:00:00+14:00",
        "२०२६-11-30T08:15:00Z",
    ],
)
def test_anything_else_is_no_date_time(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the caller's
        parse_datetime(text)


@pytest.mark.parametrize(
    ("left", "right", "attribute"),
    [
        ("Ada", "ada", FOLDED),
        ("x", "x", EXACT),
        (1, 1.0, NUMBER),
        (Decimal("1.50"), 1.5, NUMBER),
        ("2026-11-30T08:15:00Z", "2026-11-30T09:15:00.0+01:00", DATE),
        (False, False, BOOLEAN),
        (None, [], FOLDED),
        ({"value": "A"}, "a", EMAIL),
        ({"value": "A", "type": "work"}, {"value": "a", "type": "Work"}, EMAIL),
        ({"value": "A", "type": None}, {"value": "a"}, EMAIL),
        ({"givenName": "Ada"}, {"givenName": "ADA"}, NAME),
    ],
)
def test_equal(left: Any, right: Any, attribute: Attribute) -> None:
    assert equal(left, right, attribute)
    assert equal(right, left, attribute)


@pytest.mark.parametrize(
    ("left", "right", "attribute"),
    [
        ("X", "x", EXACT),
        ("é", "e\u0301", EXACT),  # caseExact text is compared as it is
        ("http://X", "http://x", REFERENCE),
        (False, None, BOOLEAN),
        (1, True, NUMBER),
        (1, "1", NUMBER),
        ({"value": "a", "type": "work"}, {"value": "a", "type": "home"}, EMAIL),
        ({"value": "a"}, "b", EMAIL),
    ],
)
def test_not_equal(left: Any, right: Any, attribute: Attribute) -> None:
    assert not equal(left, right, attribute)


@pytest.mark.parametrize(("value", "text"), [(2.0, "2"), (Decimal("1.50"), "1.5"), (100, "100")])
def test_a_number_has_one_text(value: Any, text: str) -> None:
    """Index rows keep the text of what is compared."""
    assert str(comparable(value, NUMBER)) == text


@pytest.mark.parametrize(
    ("value", "attribute"),
    [
        (5, FOLDED),
        ("x", NUMBER),
        (float("nan"), NUMBER),
        (True, NUMBER),
        ("true", BOOLEAN),
        (1, BOOLEAN),
        ("soon", DATE),
        ({"givenName": "x"}, NAME),
        ({}, EMAIL),
        (["a"], FOLDED),
    ],
)
def test_a_value_of_another_type_is_compared_with_nothing(value: Any, attribute: Attribute) -> None:
    with pytest.raises((TypeError, ValueError)):
        comparable(value, attribute)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_order(value: float) -> None:
    found = comparable(value, NUMBER)
    assert isinstance(found, int | Decimal)
    assert found == Decimal(repr(value))
