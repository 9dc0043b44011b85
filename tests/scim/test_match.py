"""Which resources meet a filter, and where they sort (RFC 7644 §3.4.2.2, §3.4.2.3)."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim.filters import Compare, Filter, Not, parse_filter
from scim.match import conjuncts, matches, sort_key, values_at
from scim.schema import Path
from tests.filter_trees import FILTERS, RESOURCES, USER

ENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
EXTRA = "urn:example:Extra"

ADA: dict[str, Any] = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENT],
    "id": "A1b2",
    "externalId": "Ext-1",
    "userName": "Ada@Example.test",
    "displayName": "Ärztin O'Neil",
    "name": {"givenName": "Ada"},
    "active": False,
    "profileUrl": "https://example.test/Ada",
    "emails": [
        {"value": "ada@work.test", "type": "work", "primary": True},
        {"value": "ada@home.test", "type": "home"},
    ],
    "meta": {"resourceType": "User", "created": "2026-11-30T08:15:00.5Z"},
    ENT: {"employeeNumber": "1001", "manager": {"value": "M1"}},
    EXTRA: {"level": 7, "ratio": 1.5, "tags": ["Red", "blue"], "cost.center": "X"},
}


def meets(text: str) -> bool:
    return matches(parse_filter(text, USER, tolerant=True), ADA)


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "ADA@example.TEST"',
        'displayName eq "A\u0308RZTIN o\'neil"',
        'userName sw "ada@" and userName ew ".TEST" and userName co "EXAMPLE"',
        'externalId eq "Ext-1"',
        'profileUrl sw "https://"',
        "active eq false",
        "active ne true",
        "name pr and name.givenName pr",
        'emails[type eq "work" and value co "work"]',
        'emails[type eq "HOME" and not (primary pr)]',
        'emails[type eq "work"].value eq "ADA@work.test"',
        'emails co "home"',
        'emails.type ne "other"',
        "emails[primary ne true]",
        'meta.created eq "2026-11-30T09:15:00.500+01:00"',
        'meta.created gt "2026-11-30T08:15:00Z" and meta.created lt "2026-11-30T08:15:01Z"',
        'meta.created sw "2026-11"',
        f'{ENT}:employeeNumber eq "1001" and employeeNumber eq 1001',
        f'{ENT}:manager eq "M1" and manager.value eq "M1" and manager[value eq "M1"]',
        'id eq A1b2 and manager eq "M1"',
        f"{EXTRA}:level eq 7.0 and {EXTRA}:ratio gt 1 and {EXTRA}:ratio eq 1.50",
        f'{EXTRA}:tags eq "red" and {EXTRA}:tags[value eq "BLUE"] and {EXTRA}:tags sw "r"',
        f'{EXTRA}:cost.center eq "X"',
        'userName gt "ACE" and userName le "ada@example.test"',
        'title ne "x" and title eq null and not (title pr)',
        'nickName pr or not (title co "")',
        "emails.display eq null and emails ne null",
    ],
)
def test_ada_meets(text: str) -> None:
    assert meets(text)
    assert not meets(f"not ({text})")


@pytest.mark.parametrize(
    "text",
    [
        'externalId eq "ext-1"',
        'id eq "a1b2"',
        'profileUrl eq "https://example.test/ada"',
        'displayName eq "Arztin O\'Neil"',
        'emails[type eq "work" and value co "home"]',
        'emails.type ne "work"',
        'emails ne "ada@home.test"',
        'meta.created eq "2026-11-30T08:15:00Z"',
        f'{EXTRA}:cost.center eq "x"',
        'title eq ""',
        'title co ""',
        'title gt "" or title le "z"',
        f"{EXTRA}:level gt 7 or {EXTRA}:level lt 7",
        'manager eq "m1"',
        "emails eq null",
        "active eq true or active eq null",
        'userName eq "%" or userName sw "_"',
    ],
)
def test_ada_does_not_meet(text: str) -> None:
    assert not meets(text)
    assert meets(f"not ({text})")


def test_a_value_stored_under_another_type_meets_nothing() -> None:
    stored: dict[str, Any] = {"active": "yes", "meta": {"created": 5}, EXTRA: "lost", "name": ["x"]}
    for text in (
        "active eq true",
        'meta.created sw "5"',
        f"{EXTRA}:level gt 1",
        "name.givenName pr",
    ):
        assert not matches(parse_filter(text, USER), stored)


@given(FILTERS, RESOURCES)
@settings(max_examples=200, deadline=None)
def test_not_is_the_opposite(tree: Filter, resource: dict[str, Any]) -> None:
    assert matches(Not(tree), resource) is not matches(tree, resource)
    printed = parse_filter(str(tree), USER)
    assert matches(printed, resource) is matches(tree, resource)
    assert all(matches(each, resource) for each in conjuncts(tree)) is matches(tree, resource)


@given(FILTERS, RESOURCES)
@settings(max_examples=100, deadline=None)
def test_ne_is_exactly_not_eq(tree: Filter, resource: dict[str, Any]) -> None:
    for each in conjuncts(tree):
        if isinstance(each, Compare) and each.op in ("eq", "ne"):
            eq, ne = (Compare(each.path, op, each.value) for op in ("eq", "ne"))
            assert matches(eq, resource) is not matches(ne, resource)


def path(text: str) -> Path:
    return USER.known_path(text)


def test_values_at_a_path() -> None:
    assert values_at(ADA, path("emails.value")) == ["ada@work.test", "ada@home.test"]
    assert values_at(ADA, path("emails.primary")) == [True]
    assert values_at(ADA, path(f"{ENT}:manager.value")) == ["M1"]
    assert values_at(ADA, path(f"{EXTRA}:tags")) == ["Red", "blue"]
    assert values_at(ADA, path("name")) == [{"givenName": "Ada"}]
    assert values_at(ADA, path("active")) == [False]
    assert values_at(ADA, path("title")) == []
    assert values_at({"title": "", "emails": [{}]}, path("title")) == []


@pytest.mark.parametrize(
    ("by", "ordered"),
    [
        ("userName", [{"userName": "a"}, {"userName": "B"}, {"userName": "c"}, {}]),
        ("externalId", [{"externalId": "B"}, {"externalId": "a"}, {"title": "x"}]),
        ("active", [{"active": False}, {"active": True}, {}]),
        (f"{EXTRA}:level", [{EXTRA: {"level": 2}}, {EXTRA: {"level": 10}}, {EXTRA: {}}]),
        (
            "emails.value",
            [
                {"emails": [{"value": "a"}, {"value": "z"}]},
                {"emails": [{"value": "z"}, {"value": "B", "primary": True}]},
                {"emails": [{"value": "c"}, {"value": "a", "primary": False}]},
                {"emails": [{"type": "work"}]},
            ],
        ),
        ("emails", [{"emails": [{"value": "a"}]}, {"emails": [{"value": "b"}]}, {}]),
        ("name", [{"name": {"givenName": "b"}}, {"name": {"givenName": "a"}}]),
        (
            "meta.created",
            [
                {"meta": {"created": "2026-01-01T00:00:00+02:00"}},
                {"meta": {"created": "2025-12-31T23:00:00Z"}},
                {"meta": {"created": "long ago"}},
            ],
        ),
    ],
)
def test_what_has_no_value_sorts_last(by: str, ordered: list[dict[str, Any]]) -> None:
    """'… sorted … by the value of the primary attribute … or else the first' (§3.4.2.3)."""
    where = path(by)
    assert sorted(ordered, key=lambda each: sort_key(each, where)) == ordered
    backwards = sorted(ordered, key=lambda each: sort_key(each, where), reverse=True)
    assert sort_key(backwards[0], where) == sort_key(ordered[-1], where)


@given(st.lists(RESOURCES, max_size=6), st.integers())
@settings(max_examples=50, deadline=None)
def test_any_resources_can_be_sorted_by_any_path(
    resources: list[dict[str, Any]], seed: int
) -> None:
    where = random.Random(seed).choice(list(USER.paths()))
    sorted(resources, key=lambda each: sort_key(each, where))


def test_conjuncts_are_the_terms_that_all_must_hold() -> None:
    tree = parse_filter("id pr and (title pr or locale pr) and not (nickName pr)", USER)
    assert [str(each) for each in conjuncts(tree)] == [
        "id pr",
        "title pr or locale pr",
        "not (nickName pr)",
    ]
