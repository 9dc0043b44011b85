"""The PATCH message (RFC 7644 §3.5.2)."""

from typing import Any

import pytest

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.dialect import Dialect, Tolerance
from scim.errors import (
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
    ScimError,
    TooLarge,
)
from scim.operations import PATCH_SCHEMA, read_operations

STRICT = Dialect("strict")
LOOSE = Dialect("loose", Tolerance(loose=True, create_unmatched=True, unknown="ignore"))
USER = Catalog.build((), BUILT_IN_RESOURCE_TYPES).resource_types[0]
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ADD = {"op": "add", "path": "title", "value": "x"}


def message(*operations: Any) -> dict[str, Any]:
    return {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}


def meant(*operations: Any, dialect: Dialect = STRICT) -> list[tuple[str, str, str, Any]]:
    """Read operations, and write their targets as text."""
    found, _ = read_operations(message(*operations), USER, dialect)
    return [
        (each.op, str(each.target.path), str(each.target.filter or ""), each.value)
        for each in found
    ]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (None, "expected a PatchOp message as a JSON object, got null"),
        ([ADD], "got a list"),
        ({}, "Operations must be a list"),
        ({"Operations": ADD}, "Operations must be a list, got an object"),
        ({"Operations": []}, "Operations is empty"),
        ({"Operations": [ADD], "schemas": ["urn:x"]}, "schemas must be a list that holds"),
        ({"Operations": [ADD], "schemas": PATCH_SCHEMA}, "schemas must be a list that holds"),
        ({"Operations": ["x"]}, r"expected an object, got a string at Operations\[0\]"),
        (
            {"Operations": [ADD, {**ADD, "op": "Add"}]},
            r"Operations\[1\].op must be .* in lower case",
        ),
        ({"Operations": [{**ADD, "op": None}]}, "op must be"),
        ({"Operations": [{**ADD, "op": ["add"]}]}, "op must be"),
        ({"Operations": [{"path": "title", "value": "x"}]}, "op must be"),
        ({"Operations": [{**ADD, "path": 5}]}, "expected a string, got a number"),
        ({"Operations": [{"op": "add", "value": {"title": "a", "Title": "b"}}]}, "twice"),
    ],
)
def test_a_message_of_another_shape_is_invalid_syntax(body: Any, problem: str) -> None:
    with pytest.raises(InvalidSyntax, match=problem):
        read_operations(body, USER, STRICT)


def test_the_loose_reading_takes_no_operations_and_odd_schemas() -> None:
    bodies: tuple[Any, ...] = (
        {"Operations": []},
        {"Operations": [], "schemas": []},
        {"operations": [], "schemas": 5, "more": 1},
    )
    for body in bodies:
        assert read_operations(body, USER, LOOSE) == ((), ())


def test_names_in_the_message_are_read_in_any_case_and_order() -> None:
    body = {
        "OPERATIONS": [{"Value": "x", "Path": "title", "OP": "add"}],
        "Schemas": [PATCH_SCHEMA.upper()],
    }
    [operation], ignored = read_operations(body, USER, STRICT)
    assert (operation.op, str(operation.target.path), operation.value) == ("add", "title", "x")
    assert ignored == ()


def test_one_message_holds_a_limited_number_of_operations() -> None:
    with pytest.raises(TooLarge, match="2000"):
        read_operations(message(*[ADD] * 2001), USER, STRICT)


def test_a_value_without_a_path_becomes_an_operation_for_each_attribute() -> None:
    value = {
        "schemas": [CORE],
        "meta": {"version": "1"},
        "Title": "T",
        "name.givenName": "Ada",
        f"{CORE}:nickName": "A",
        f"{ENTERPRISE}:department": "D",
        ENTERPRISE.upper(): {"division": "V", "manager": {"value": "m"}},
        'emails[type eq "work"].value': "a@x",
    }
    assert meant({"op": "replace", "value": value}, dialect=LOOSE) == [
        ("replace", "title", "", "T"),
        ("replace", "name.givenName", "", "Ada"),
        ("replace", "nickName", "", "A"),
        ("replace", f"{ENTERPRISE}:department", "", "D"),
        ("replace", f"{ENTERPRISE}:division", "", "V"),
        ("replace", f"{ENTERPRISE}:manager", "", {"value": "m"}),
        ("replace", "emails.value", 'type eq "work"', "a@x"),
    ]


def test_the_keys_of_a_value_without_a_path_are_names_alone_in_the_strict_reading() -> None:
    value = {"Title": "T", ENTERPRISE.upper(): {"division": "V"}, "schemas": [CORE]}
    assert meant({"op": "add", "value": value}) == [
        ("add", "title", "", "T"),
        ("add", f"{ENTERPRISE}:division", "", "V"),
    ]


def test_a_path_may_be_an_extension_as_a_whole() -> None:
    assert meant(
        {"op": "add", "path": ENTERPRISE, "value": {"division": "V", "department": ""}}
    ) == [
        ("add", f"{ENTERPRISE}:division", "", "V"),
        ("add", f"{ENTERPRISE}:department", "", None),
    ]
    assert meant({"op": "remove", "path": ENTERPRISE}) == [("remove", ENTERPRISE, "", None)]
    assert meant({"op": "replace", "path": ENTERPRISE, "value": None}) == [
        ("remove", ENTERPRISE, "", None)
    ]
    with pytest.raises(InvalidValue, match="expected an object"):
        meant({"op": "add", "path": ENTERPRISE, "value": "x"})


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ({"op": "remove"}, NoTarget),
        ({"op": "remove", "value": {"title": "x"}}, NoTarget),
        ({"op": "add", "value": "x"}, InvalidValue),
        ({"op": "replace"}, InvalidValue),
        ({"op": "add", "path": "title"}, InvalidValue),
        ({"op": "add", "path": "title", "value": 5}, InvalidValue),
        ({"op": "add", "path": "emails", "value": [{"value": 5}]}, InvalidValue),
        ({"op": "add", "path": "", "value": "x"}, InvalidPath),
        ({"op": "add", "path": "shoeSize", "value": "x"}, InvalidPath),
        ({"op": "add", "path": "emails[", "value": "x"}, InvalidPath),
        ({"op": "add", "path": "emails[type eq", "value": "x"}, InvalidPath),
        ({"op": "add", "path": "emails[type xx 1]", "value": "x"}, InvalidFilter),
        ({"op": "add", "value": {"shoe size": "x"}}, InvalidPath),
        ({"op": "add", "path": "groups", "value": [{"value": "g"}]}, Mutability),
        ({"op": "remove", "path": "groups"}, Mutability),
        ({"op": "replace", "path": "meta.version", "value": "x"}, Mutability),
        ({"op": "replace", "value": {"groups": [{"value": "x"}]}}, Mutability),
        ({"op": "replace", "value": {"name.givenName": "Ada"}}, InvalidSyntax),
        ({"op": "replace", "value": {f"{CORE}:title": "x"}}, InvalidSyntax),
        ({"op": "replace", "value": {f"{ENTERPRISE}:department": "x"}}, InvalidSyntax),
        ({"op": "replace", "value": {ENTERPRISE: {"manager.value": "x"}}}, InvalidSyntax),
        ({"op": "replace", "value": {'emails[type eq "work"].value': "x"}}, InvalidSyntax),
        ({"op": "remove", "path": "id"}, Mutability),
    ],
)
def test_what_can_be_refused_without_the_resource_is(
    operation: Any, error: type[ScimError]
) -> None:
    with pytest.raises(error):
        read_operations(message(operation), USER, STRICT)


def test_unknown_attributes_are_ignored_and_told_malformed_paths_are_not() -> None:
    body = message(
        {"op": "add", "value": {"shoeSize": 9, "title": "T", "emails": [{"value": "a", "x": 1}]}},
        {"op": "add", "path": 'cars[type eq "s3cret"].plate', "value": "x"},
        {"op": "remove", "path": "urn:example:2.0:User:tag"},
    )
    operations, ignored = read_operations(body, USER, LOOSE)
    assert [str(each.target.path) for each in operations] == ["title", "emails"]
    assert ignored == ("shoeSize", "emails.x", "cars", "urn:example:2.0:User:tag")
    with pytest.raises(InvalidPath):
        read_operations(message({"op": "add", "path": "emails]", "value": "x"}), USER, LOOSE)


def test_the_path_schemas_is_taken_and_does_nothing() -> None:
    assert meant({"op": "add", "path": "schemas", "value": [ENTERPRISE]}) == []


def test_a_removal_keeps_the_values_that_it_lists() -> None:
    listed = {"op": "remove", "path": "emails", "value": [{"value": "a"}, {"value": "b"}]}
    assert meant(listed) == [("remove", "emails", "", [{"value": "a"}, {"value": "b"}])]
    assert meant({**listed, "value": {"value": "a"}}) == [
        ("remove", "emails", "", [{"value": "a"}])
    ]
    assert meant({**listed, "value": None}) == [("remove", "emails", "", None)]


@pytest.mark.parametrize("nothing", [[], "", {}, [None], [{}], [{"value": None}], [{"value": ""}]])
def test_a_removal_that_lists_nothing_removes_nothing(nothing: Any) -> None:
    for dialect in (STRICT, LOOSE):
        assert meant({"op": "remove", "path": "emails", "value": nothing}, dialect=dialect) == []


def test_a_removals_value_of_one_place_counts_in_the_loose_reading_only() -> None:
    title = {"op": "remove", "path": "title", "value": "x"}
    assert meant(title) == [("remove", "title", "", None)]
    assert meant(title, dialect=LOOSE) == [("remove", "title", "", "x")]
    manager = {
        "op": "remove",
        "path": f"{ENTERPRISE}:manager",
        "value": [{"value": "m", "$ref": None}],
    }
    assert meant(manager, dialect=LOOSE) == [
        ("remove", f"{ENTERPRISE}:manager", "", {"value": "m"})
    ]


def test_the_url_of_a_reference_sets_what_it_refers_to() -> None:
    path = f"{ENTERPRISE}:manager"
    url = "https://host/scim/Users/m1"
    set_by_url = {"op": "replace", "path": f"{path}.$ref", "value": url}
    assert meant(set_by_url) == [("replace", f"{path}.value", "", "m1")]
    assert meant({"op": "add", "path": path, "value": {"$ref": url}}) == [
        ("add", path, "", {"value": "m1"})
    ]


def test_a_dialect_sees_operations_first_and_may_make_several() -> None:
    def lower(operation: dict[str, Any], _: Any) -> list[dict[str, Any]]:
        return [{**operation, "op": operation["op"].lower()}]

    def twice(operation: dict[str, Any], _: Any) -> list[dict[str, Any]]:
        assert operation["op"] == "add"
        return [operation, {**operation, "path": "nickName"}]

    dialect = Dialect("test", patch_rewrites=(lower, twice))
    assert meant({"Op": "ADD", "path": "title", "value": "x"}, dialect=dialect) == [
        ("add", "title", "", "x"),
        ("add", "nickName", "", "x"),
    ]


EITHER = " or ".join(f'value eq "{number}"' for number in range(100))
SETTING = [{"op": "add", "value": {f"n{number}": 1 for number in range(100_000)}}]


@pytest.mark.parametrize("dialect", [STRICT, LOOSE], ids=["strict", "loose"])
@pytest.mark.parametrize(
    ("operations", "said"),
    [
        (SETTING, "at most 1000 attributes"),
        ([{**SETTING[0], "path": ENTERPRISE}], "at most 1000 attributes"),
        ([{"op": "add", "value": {ENTERPRISE: SETTING[0]["value"]}}], "at most 1000 attributes"),
        ([{"op": "remove", "path": f"emails[{EITHER}]"}] * 6, "join at most 500 comparisons"),
        ([{"op": "remove", "path": f"EMAILS[{EITHER.upper()}]"}] * 6, "join at most 500"),
    ],
)
def test_what_would_keep_the_service_busy_is_too_large(
    operations: list[Any], said: str, dialect: Dialect
) -> None:
    """Refused before it is read, whether or not a schema has such attributes."""
    with pytest.raises(TooLarge, match=said):
        meant(*operations, dialect=dialect)


def test_filters_of_what_is_unknown_count_too() -> None:
    with pytest.raises(TooLarge, match="join at most 500"):
        meant(*[{"op": "remove", "path": f"shoes[{EITHER}].size"}] * 6, dialect=LOOSE)
    value = {f"shoes[{EITHER}].size{number}": 1 for number in range(6)}
    with pytest.raises(TooLarge, match="join at most 500"):
        meant({"op": "add", "value": value}, dialect=LOOSE)


def test_more_than_any_client_sends_is_read() -> None:
    names = {f"n{number}": 1 for number in range(400)}
    assert meant({"op": "add", "value": {**names, "title": "x", ENTERPRISE: names}}, dialect=LOOSE)
    path = f"emails[{EITHER}].display"
    five = [{"op": "replace", "path": path, "value": "x"}] * 5
    one = [{"op": "remove", "path": 'emails[type eq "work"]'}] * 1900
    assert len(meant(*five, *one)) == 1905
