"""Operations through value filters, and what the loose reading adds (RFC 7644 §3.5.2)."""

from typing import Any

import pytest

from scim.errors import NoTarget
from tests.scim.patching import (
    ENTERPRISE,
    LOOSE,
    STRICT,
    WORK,
    add,
    patched,
    remove,
    replace,
)


def test_an_add_through_a_filter_that_nothing_matches_makes_the_element() -> None:
    parts = (("country", "GB"), ("locality", "London"))
    operations = [add(f'addresses[type eq "work"].{name}', value) for name, value in parts]
    for dialect in (STRICT, LOOSE):
        assert patched({}, *operations, dialect=dialect) == {
            "addresses": [{"type": "work", "country": "GB", "locality": "London"}]
        }


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        (replace('emails[type eq "work"].value', "a"), [{"type": "work", "value": "a"}]),
        (replace('emails[type eq "work"]', {"value": "a"}), [{"type": "work", "value": "a"}]),
        (
            replace('emails[type eq "work" and primary eq true].value', "a"),
            [{"type": "work", "primary": True, "value": "a"}],
        ),
        (replace('emails[type eq "work"].value', None), []),
        (remove('emails[type eq "work"]'), []),
        (remove('emails[type ne "work"].value'), []),
    ],
)
def test_a_filter_that_nothing_matches_is_no_target_unless_tolerated(
    operation: Any, after: Any
) -> None:
    with pytest.raises(NoTarget):
        patched({}, operation)
    assert patched({}, operation, dialect=LOOSE) == ({"emails": after} if after else {})


@pytest.mark.parametrize(
    "operation",
    [
        add('emails[type ne "work"].value', "a"),
        add('emails[type eq "work" or type eq "home"].value', "a"),
        add('emails[type eq "work"].type', "home"),
        add('emails[value eq "a"].value', "b"),
        add('emails[type eq "work" and type eq "home"].value', "a"),
    ],
)
def test_an_element_that_would_not_meet_the_filter_is_not_made(operation: Any) -> None:
    for dialect in (STRICT, LOOSE):
        with pytest.raises(NoTarget):
            patched({}, operation, dialect=dialect)


def test_a_filter_on_a_single_value_is_met_or_not() -> None:
    before = {ENTERPRISE: {"manager": {"value": "m"}}}
    path = f'{ENTERPRISE}:manager[value eq "z"]'
    with pytest.raises(NoTarget):
        patched(before, remove(path))
    assert patched(before, remove(path), dialect=LOOSE) == before
    for dialect in (STRICT, LOOSE):
        with pytest.raises(NoTarget):
            patched(before, add(path, {"value": "z"}), dialect=dialect)
        assert patched({}, add(path, {"value": "z"}), dialect=dialect) == {
            ENTERPRISE: {"manager": {"value": "z"}}
        }


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        ({"title": "T"}, remove("title", "t"), {}),
        ({"title": "T"}, remove("title", "other"), {"title": "T"}),
        ({"emails": [WORK]}, remove('emails[type eq "work"].value', "W@X"), {}),
        ({"emails": [WORK]}, remove('emails[type eq "work"].value', "z"), {"emails": [WORK]}),
        (
            {ENTERPRISE: {"manager": {"value": "m"}}},
            remove("manager", [{"value": "z"}]),
            {ENTERPRISE: {"manager": {"value": "m"}}},
        ),
        ({ENTERPRISE: {"manager": {"value": "m"}}}, remove("manager", "m"), {}),
        (
            {},
            replace("manager", [{"value": "m", "$ref": None}]),
            {ENTERPRISE: {"manager": {"value": "m"}}},
        ),
        ({}, replace("active", "False"), {"active": False}),
        (
            {},
            add('roles[primary EQ "True"].value', "Admin"),
            {"roles": [{"primary": True, "value": "Admin"}]},
        ),
        # a replaced element keeps what the filter says of it
        (
            {"emails": [WORK]},
            replace('emails[type eq "work"]', {"value": "a"}),
            {"emails": [{"type": "work", "value": "a"}]},
        ),
    ],
)
def test_what_operations_do_in_the_loose_reading(before: Any, operation: Any, after: Any) -> None:
    assert patched(before, operation, dialect=LOOSE) == after


def test_a_replaced_element_is_the_new_one_alone_when_strict() -> None:
    assert patched({"emails": [WORK]}, replace('emails[type eq "work"]', {"value": "a"})) == {
        "emails": [{"value": "a"}]
    }
