"""Answers are read as Entra reads them: canonical, or not at all."""

from typing import Any

import pytest

from scim.cli.simulator.compare import (
    ServiceIncompatible,
    check,
    differing,
    reference_of,
    same,
    values_of,
)
from scim.cli.simulator.mapping import Line
from scim.cli.simulator.roles import AppRole, Roles
from scim.cli.simulator.targets import ENTERPRISE
from tests.simulator.making import CUSTOM, lines

MAIL = 'emails[type eq "work"].value'
SHOWN: dict[str, Any] = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "id": "1",
    "userName": "ada",
    "active": True,
    "title": "",
    "nickName": None,
    "name": {"givenName": "Ada"},
    "emails": [{"type": "home", "value": "h@x"}, {"type": "Work", "value": "a@x"}],
    "roles": [
        {"primary": True, "value": "Admin", "display": "An admin"},
        {"primary": False, "value": "User"},
    ],
    "meta": {"resourceType": "User"},
    ENTERPRISE: {"department": "R&D", "manager": {"value": "2", "$ref": "../Users/2"}},
    CUSTOM: {"tag": "x", "level": 7, "codes": ["1", "2"], "cost.center": "c"},
}


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("userName", "ada"),
        ("USERNAME", "ada"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName", "ada"),
        ("active", True),
        ("name.givenName", "Ada"),
        (MAIL, "a@x"),
        ('emails[type eq "home"].Value', "h@x"),
        ('roles[primary eq "True"].value', "Admin"),
        (f"{ENTERPRISE}:department", "R&D"),
        (f"{CUSTOM}:tag", "x"),
        (f"{CUSTOM}:cost.center", "c"),
        ("roles", Roles("shown", (AppRole("An admin", "Admin"), AppRole("", "User")))),
        ("emails", ("h@x", "a@x")),
    ],
)
def test_a_value_is_read_at_its_target(target: str, value: Any) -> None:
    assert values_of(SHOWN, lines(target)) == {target: value}


def test_custom_attributes_are_read_by_the_type_that_a_line_says() -> None:
    level = Line(source="a", target=f"{CUSTOM}:level", type="integer")
    codes = Line(source="a", target=f"{CUSTOM}:codes", multi=True)
    assert values_of(SHOWN, [level, codes]) == {level.target: 7, codes.target: ("1", "2")}
    with pytest.raises(ServiceIncompatible, match="must be a text, and is an integer"):
        values_of(SHOWN, lines(f"{CUSTOM}:level"))


@pytest.mark.parametrize(
    "target",
    ["title", "nickName", "displayName", "name.familyName", "addresses", "x.y",
     'emails[type eq "other"].value', f"{ENTERPRISE}:division", "urn:none:2.0:User:a"],
)  # fmt: skip
def test_what_is_absent_null_or_empty_is_no_value(target: str) -> None:
    assert values_of(SHOWN, lines(target)) == {}


@pytest.mark.parametrize(
    ("changed", "target", "problem"),
    [
        ({"active": "True"}, "active", "active must be a boolean, and is a text"),
        ({"userName": 7}, "userName", "userName must be a text, and is an integer"),
        ({"name": "Ada"}, "name.givenName", "must be an object, and is a text"),
        ({"emails": {"value": "a"}}, MAIL, "emails must be a list, and is an object"),
        ({"emails": ["a@x"]}, MAIL, "emails must be an object, and is a text"),
        ({ENTERPRISE: "x"}, f"{ENTERPRISE}:department", "must be an object"),
        ({"roles": "Admin"}, "roles", "roles must be a list"),
        ({"roles": ["Admin"]}, "roles", "must be an object"),
        ({"emails": [{"value": 1}]}, "emails", "a list of texts"),
    ],
)
def test_a_value_of_another_type_can_not_be_read(changed: Any, target: str, problem: str) -> None:
    with pytest.raises(ServiceIncompatible, match=problem) as raised:
        values_of(SHOWN | changed, lines(target))
    assert raised.value.code.endswith("ServiceIncompatible")


def test_a_manager_is_an_object_with_an_id() -> None:
    (line,) = lines(f"{ENTERPRISE}:manager")
    assert reference_of(SHOWN, line) == "2"
    assert reference_of({}, line) is None
    assert reference_of({ENTERPRISE: {"manager": {}}}, line) is None
    with pytest.raises(ServiceIncompatible, match="manager must be an object, and is a text"):
        reference_of({ENTERPRISE: {"manager": "2"}}, line)
    with pytest.raises(ServiceIncompatible, match=r"manager\.value must be a text"):
        reference_of({ENTERPRISE: {"manager": {"value": 2}}}, line)


def test_a_whole_resource_is_checked() -> None:
    assert check(SHOWN, "User") is SHOWN
    assert check({"id": "1", "displayName": "x", "members": [{"value": "1"}]}, "Group")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"id": None}, "id must be a text, and is null"),
        ({"id": 1}, "id must be a text"),
        ({"id": ""}, "id must be a text"),
        ({"schemas": "urn:x"}, "schemas must be a list"),
        ({"meta": []}, "meta must be an object"),
        ({"active": "False"}, "active must be a boolean"),
        ({"roles": [{"primary": "True"}]}, "roles.primary must be a boolean, and is a text"),
        ({"emails": [{"type": "work", "primary": "true"}]}, "emails.primary must be a boolean"),
        ({"displayName": {"value": "x"}}, "displayName must be a text, and is an object"),
        ({ENTERPRISE: {"manager": "2"}}, "User:manager must be an object"),
        ({ENTERPRISE: []}, "must be an object, and is a list"),
    ],
)
def test_a_wrong_type_anywhere_in_a_resource_is_found(changed: Any, problem: str) -> None:
    """Also where the mapping doesn't look: the client deserialises all of it."""
    with pytest.raises(ServiceIncompatible, match=problem):
        check(SHOWN | changed, "User")


@pytest.mark.parametrize("body", [None, [], "x", {}])
def test_what_is_no_resource_is_found(body: Any) -> None:
    with pytest.raises(ServiceIncompatible):
        check(body, "User")


def test_members_that_are_no_objects_are_found() -> None:
    with pytest.raises(ServiceIncompatible, match="members must be an object"):
        check({"id": "1", "members": ["1"]}, "Group")


def test_a_problem_does_not_show_the_value() -> None:
    with pytest.raises(ServiceIncompatible) as raised:
        check({"id": "1", "active": "secret"}, "User")
    assert "secret" not in str(raised.value)


def test_values_are_compared_by_type_and_letter_but_lists_without_order() -> None:
    assert same("a", "a")
    assert not same("A", "a")
    assert not same(1, True)
    assert not same(None, "a")
    assert same(("a", "b"), ("b", "a"))
    assert not same(("a",), ("b", "a"))
    assert not same(None, ("a",))
    assert differing({"a": "1"}, {"b": "2", "a": "1", "c": "3"}) == ["b", "c"]
