"""Rules that could not be told apart, stored or printed, or that are too many, are refused."""

import json
import time
from typing import Any

import pytest

from scim.own_attributes import with_attribute
from scim.rule_bounds import MOST_ATTRIBUTES, MOST_RESOURCE_TYPES, MOST_SCHEMAS
from scim.rule_files import RulesError, read_rules, rules_of

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CUSTOM = "urn:ietf:params:scim:schemas:extension:custom:2.0:User"


def problems(document: Any) -> tuple[str, ...]:
    with pytest.raises(RulesError) as caught:
        read_rules(json.dumps(document))
    return caught.value.problems


def complex_one(name: str, *subs: str) -> dict[str, Any]:
    return {"name": name, "type": "complex", "subAttributes": [{"name": each} for each in subs]}


def schema(urn: str, *attributes: dict[str, Any]) -> dict[str, Any]:
    return {"id": urn, "name": "Mine", "attributes": [*attributes] or [{"name": "a"}]}


def user(**overlay: Any) -> dict[str, Any]:
    return {"resourceTypes": [{"name": "User", "indexed": [], **overlay}]}


@pytest.mark.parametrize(
    ("attributes", "place", "path"),
    [
        ([{"name": "name.givenName"}], 0, "name.givenname"),
        ([{"name": "Emails.VALUE"}], 0, "emails.value"),
        ([{"name": "meta.version"}], 0, "meta.version"),
        ([complex_one("a", "b"), {"name": "A.b"}], 1, "a.b"),
        ([{"name": "a.b"}, complex_one("a", "B")], 1, "a.b"),
        ([complex_one("a", "b.c"), complex_one("a.b", "c")], 1, "a.b.c"),
    ],
)
def test_an_added_attribute_takes_no_path_that_is_there(
    attributes: list[dict[str, Any]], place: int, path: str
) -> None:
    """Names may hold dots: `name.givenName` would hide the given name from every request."""
    [said] = problems(user(attributes=attributes))
    assert said.startswith(f"resourceTypes[0].attributes[{place}].name: {path} would be the path")


def test_a_dot_that_makes_no_second_path_is_a_name() -> None:
    rules = rules_of(user(attributes=[{"name": "cost.center"}, {"name": "name.nick"}]))
    found = rules.catalog.resource_types[0].path("NAME.nick")
    assert found is not None
    assert found.sub is None


@pytest.mark.parametrize("base", [False, True])
def test_a_schema_has_each_path_once(base: bool) -> None:
    """An extension as well as a base schema of one's own."""
    urn = "urn:example:scim:schemas:2.0:Badge"
    badge = schema(urn, complex_one("holder", "name"), {"name": "Holder.Name"})
    types = user(schemaExtensions=[{"schema": urn}])
    if base:
        types = {"resourceTypes": [{"name": "Badge", "endpoint": "/Badges", "schema": urn}]}
    [said] = problems({"schemas": [badge], **types})
    assert said.startswith(f"schemas[0]: {urn}: holder.name is the path of two attributes")


def test_a_base_schema_leaves_out_the_paths_of_every_resource() -> None:
    urn = "urn:example:scim:schemas:2.0:Badge"
    types = {"resourceTypes": [{"name": "Badge", "endpoint": "/Badges", "schema": urn}]}
    [said] = problems({"schemas": [schema(urn, {"name": "meta.location"})], **types})
    assert said.startswith(f"resourceTypes[0].schema: {urn} has meta.location, which is part of")


@pytest.mark.parametrize(
    "urn", [f"{CORE}:title", f"{CORE}:name.givenName", f"{ENTERPRISE.upper()}:costCENTER"]
)
def test_an_extension_is_not_called_like_an_attributes_path(urn: str) -> None:
    document = user(schemaExtensions=[{"schema": ENTERPRISE}, {"schema": urn}])
    [said] = problems({"schemas": [schema(urn)], **document})
    assert said.startswith("resourceTypes[0].schemaExtensions[1].schema: ")
    assert "also the path of an attribute" in said


def test_an_attribute_of_ones_own_is_not_called_like_an_extension() -> None:
    urn = f"{CUSTOM}:shoe"
    rules = rules_of({"schemas": [schema(urn)], **user(schemaExtensions=[{"schema": urn}])})
    with pytest.raises(RulesError, match=f"{urn} is also the path of an attribute of {CUSTOM}:"):
        with_attribute(rules, "shoe:string")


ODD = ("\ud800", "\udfff", "\x1b[2J", "\x00", "\n", "\x7f", "\x9b")


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_text_is_refused_wherever_it_stands(odd: str) -> None:
    """A terminal obeys it, or it can neither be stored nor printed; no line repeats it."""
    said = problems(
        {
            "description": f"x{odd}",
            "schemas": [
                {
                    "id": f"urn:example:{odd}",
                    "name": odd,
                    "attributes": [
                        {"name": "a", "description": odd, "canonicalValues": ["b", odd]}
                    ],
                }
            ],
            "resourceTypes": [{"name": odd, "adopts": {f"x{odd}": "y"}, "only": [odd]}],
        }
    )
    assert [each.partition(": ")[0] for each in said][:-1] == [
        "description",
        "schemas[0].id",
        "schemas[0].name",
        "schemas[0].attributes[0].description",
        "schemas[0].attributes[0].canonicalValues[1]",
        "resourceTypes[0].name",
        said[-2].partition(": ")[0],
    ]
    assert said[-1].startswith("resourceTypes[0].only[0]: expected text without control")
    for each in said:
        each.encode()
        assert each.isprintable()


def test_text_of_any_language_is_text() -> None:
    description = "Ærø 雪 \U0001f600 e\u0301"
    assert read_rules(json.dumps({"description": description})).description == description


def types(many: int) -> list[dict[str, Any]]:
    return [
        {"name": f"T{number}", "endpoint": f"/T{number}", "schema": CORE} for number in range(many)
    ]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {"resourceTypes": types(MOST_RESOURCE_TYPES + 1)},
            "resourceTypes: expected at most 50, there are 51",
        ),
        (
            {"schemas": [schema(f"urn:example:s{n}") for n in range(MOST_SCHEMAS + 1)]},
            "schemas: expected at most 50, there are 51",
        ),
        (
            {"schemas": [schema("urn:example:s", *({"name": f"a{n}"} for n in range(501)))]},
            ("schemas[0].attributes: expected at most 500, sub-attributes included; there are 501"),
        ),
        (
            user(attributes=[complex_one("a", *(f"b{n}" for n in range(MOST_ATTRIBUTES)))]),
            (
                "resourceTypes[0].attributes: expected at most 500, sub-attributes included; there"
                " are 501"
            ),
        ),
    ],
    ids=lambda each: each[:30] if isinstance(each, str) else "",
)
def test_more_than_anybody_needs_is_refused(document: Any, said: str) -> None:
    assert problems(document) == (said,)


def test_as_many_as_there_may_be_are_read() -> None:
    many = [{"name": f"a{number}"} for number in range(MOST_ATTRIBUTES)]
    rules = rules_of({"resourceTypes": types(50), "schemas": [schema("urn:example:s", *many)]})
    assert len(rules.catalog.resource_types) == MOST_RESOURCE_TYPES


@pytest.mark.parametrize("key", ["resourceTypes", "resource_types"])
def test_thousands_are_refused_before_anything_is_built_of_them(key: str) -> None:
    began = time.process_time()
    assert len(problems({key: types(2000)})) == 1
    assert time.process_time() - began < 2
