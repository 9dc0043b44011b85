"""Rules as operators write them: read from JSON, or refused with each place that is wrong."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.catalog import BUILT_IN_RESOURCE_TYPES
from scim.definitions import Document, ResourceTypeDocument
from scim.directory import Directory
from scim.limits import Limits
from scim.rule_files import RulesError, read_rules, rules_of
from scim.rules import Deletion, Rules

ROOM = {
    "id": "urn:example:scim:schemas:2.0:Room",
    "name": "Room",
    "attributes": [{"name": "seats", "type": "integer"}],
}


def problems(document: Any) -> tuple[str, ...]:
    with pytest.raises(RulesError) as caught:
        read_rules(json.dumps(document))
    return caught.value.problems


def problem(document: Any) -> str:
    [only] = problems(document)
    return only


def test_no_rules_at_all_are_the_usual_ones() -> None:
    assert read_rules("{}") == Rules()
    assert read_rules("\ufeff{}\n") == Rules(), "some editors begin a file so"


def test_what_is_said_of_a_built_in_type_is_said_over_its_own_document() -> None:
    rules = rules_of({"resourceTypes": [{"name": "Group", "indexed": ["displayName"]}]})
    [group] = rules.resource_types
    built_in = BUILT_IN_RESOURCE_TYPES[1]
    assert group.indexed == ("displayName",)
    assert (group.endpoint, group.members) == (built_in.endpoint, built_in.members)


def test_null_takes_away_what_a_built_in_type_has() -> None:
    rules = rules_of({"resourceTypes": [{"name": "User", "memberOf": None}]})
    assert rules.resource_types[0].member_of is None
    text = rules.model_dump_json(by_alias=True, exclude_none=True)
    assert Rules.model_validate_json(text) == rules, "the record keeps no nulls"


def test_a_type_of_ones_own_needs_all_of_its_document() -> None:
    rules = rules_of(
        {
            "schemas": [ROOM],
            "resourceTypes": [{"name": "Room", "endpoint": "/Rooms", "schema": ROOM["id"]}],
        }
    )
    assert [each.name for each in rules.catalog.resource_types] == ["Room"]
    assert problems({"resourceTypes": [{"name": "Usr"}]}) == (
        (
            "resourceTypes[0].endpoint: is missing; only User and Group, which are built in, can do"
            " without"
        ),
        (
            "resourceTypes[0].schema: is missing; only User and Group, which are built in, can do"
            " without"
        ),
    )


USER = {"name": "User"}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "expected an object: { … }"),
        (7, "expected an object: { … }"),
        ({"delete": "soft"}, "delete: expected an object"),
        (
            {"delete": {"policy": "softly"}},
            "delete.policy: expected 'hard', 'soft' or 'deactivate'",
        ),
        ({"delete": {"days": 0}}, "delete.days: expected at least 1"),
        ({"delete": {"days": "30"}}, "delete.days: expected a whole number"),
        ({"delete": {"days": True}}, "delete.days: expected a whole number"),
        ({"logDays": 366}, "logDays: expected at most 365"),
        ({"logDays": 1.5}, "logDays: expected a whole number"),
        ({"limits": {"maxPage": "5"}}, "limits.maxPage: expected a whole number"),
        ({"description": ["x"]}, "description: expected a string"),
        ({"dialect": "ldap"}, "dialect: expected one of entra, okta, rfc"),
        (
            {"limits": {"maxPage": 10}},
            "limits.defaultPage: expected at most maxPage; left out, it is 100",
        ),
        (
            {"resourceTypes": [{"name": "User", "unique": ["userName", "emails.primary"]}]},
            (
                "resourceTypes[0].unique[1]: emails.primary is a boolean, and can't be unique: two"
                " resources would be all that there is room for"
            ),
        ),
        (
            {"resourceTypes": [{"name": "User", "indexed": ["division"]}]},
            (
                "resourceTypes[0].indexed[0]: a User has no attribute called division; or is it"
                " urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division?"
            ),
        ),
        ({"unknown": "drop"}, "unknown: expected 'ignore', 'reject' or 'keep'"),
        ({"resourceTypes": {}}, "resourceTypes: expected a list"),
        ({"resourceTypes": []}, "resourceTypes: expected at least one, such as User"),
        ({"resourceTypes": [USER, 7]}, "resourceTypes[1]: expected an object"),
        (
            {"resourceTypes": [{**USER, "only": "userName"}]},
            "resourceTypes[0].only: expected a list",
        ),
        ({"resourceTypes": [{**USER, "only": [7]}]}, "resourceTypes[0].only[0]: expected a string"),
        (
            {"resourceTypes": [{**USER, "adopts": []}]},
            "resourceTypes[0].adopts: expected an object",
        ),
        (
            {"resourceTypes": [{**USER, "endpoint": "Users"}]},
            "resourceTypes[0].endpoint: expected a slash and one segment of a path, such as /Rooms",
        ),
        (
            {
                "resourceTypes": [
                    {**USER, "attributes": [{"name": "a"}, {"name": "b", "type": "x"}]}
                ]
            },
            (
                "resourceTypes[0].attributes[1].type: expected 'string', 'boolean', 'decimal',"
                " 'integer', 'dateTime', 'reference', 'binary' or 'complex'"
            ),
        ),
        (
            {"resourceTypes": [{**USER, "attributes": [{"name": "a", "required": "yes"}]}]},
            "resourceTypes[0].attributes[0].required: expected true or false",
        ),
        (
            {"resourceTypes": [{**USER, "attributes": [{"name": "a b"}]}]},
            (
                "resourceTypes[0].attributes[0].name: expected a letter, then letters, digits, $,"
                " _, - and dots"
            ),
        ),
        (
            {"resourceTypes": [{**USER, "attributes": [{"name": "a" * 129}]}]},
            "resourceTypes[0].attributes[0].name: expected at most 128 characters",
        ),
        (
            {"resourceTypes": [{**USER, "attributes": [{"name": "userName"}]}]},
            (
                "resourceTypes[0].attributes[0].name: urn:ietf:params:scim:schemas:core:2.0:User"
                " has userName already: choose another name"
            ),
        ),
        (
            {"schemas": [{**ROOM, "id": "room"}]},
            "schemas[0].id: expected a URN, such as urn:example:scim:schemas:2.0:Room",
        ),
        (
            {"schemas": [{**ROOM, "attributes": [{"name": "a", "type": "complex"}]}]},
            "schemas[0].attributes[0]: a: a complex attribute has subAttributes, and no other has",
        ),
        ({"schemas": [ROOM, ROOM]}, f"schemas[1].id: another schema has the URN {ROOM['id']}"),
        (
            {"delete": {"policy": "deactivate"}, "resourceTypes": [{"name": "Group"}]},
            "delete.policy: deactivate needs a resource type that names its active attribute",
        ),
        (
            {"limits": {"pages": 1}},
            (
                "limits.pages: there is no such key; there are bodyBytes, bulkOperations,"
                " patchOperations, members, defaultPage, maxPage, cursorSeconds,"
                " requestsPerSecond, burst"
            ),
        ),
        (
            {"schemas": [{**ROOM, "attributes": [{"name": "a", "colour": 1}]}]},
            (
                "schemas[0].attributes[0].colour: there is no such key; there are name, type,"
                " multiValued, description, required, canonicalValues, caseExact, mutability,"
                " returned, uniqueness, referenceTypes, subAttributes"
            ),
        ),
        (
            {"delet": {}},
            (
                "delet: there is no such key; there are description, dialect, schemas,"
                " resourceTypes, delete, unknown, limits, logDays"
            ),
        ),
    ],
    ids=lambda each: each[:50] if isinstance(each, str) else "",
)
def test_a_problem_is_told_with_its_place_and_what_is_expected(document: Any, said: str) -> None:
    assert problem(document) == said


def test_a_problem_is_one_line_whatever_names_hold() -> None:
    for document in (
        {"a\nb\x1b[2J": 1},
        {"resourceTypes": [{"name": "User", "only": ["a\nb\x1b[2J"]}]},
    ):
        assert len(problem(document).splitlines()) == 1
        assert "\x1b" not in problem(document)
    twice = '{"logDays": 1, "\\u001bx": 1, "\\u001bx": 2}'
    with pytest.raises(RulesError, match=r"^ x: this key is there twice"):
        read_rules(twice)


def test_every_problem_is_told_at_once() -> None:
    document = {
        "kind": "x",
        "logDays": "x",
        "resourceTypes": [{"name": "User", "attributes": [{"name": 7, "type": "x", "a": 1}]}],
    }
    assert [each.partition(":")[0] for each in problems(document)] == [
        "resourceTypes[0].attributes[0].name",
        "resourceTypes[0].attributes[0].type",
        "resourceTypes[0].attributes[0].a",
        "logDays",
        "kind",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column 1: expecting value"),
        ('{"logDays": 1,\n "delete" {}}', "line 2, column 11: expecting ':' delimiter"),
        ("{'logDays': 1}", "line 1, column 2: expecting property name enclosed in double quotes"),
        ('{"logDays": 1, "logDays": 2}', "logDays: this key is there twice in one object"),
        ('{"logDays": NaN}', "NaN is no JSON"),
        ('{"logDays": 1' + "0" * 5000 + "}", "a number has more than 20 digits"),
        ("[" * 100_000, "the file is nested too deeply to be rules"),
    ],
)
def test_a_text_that_is_no_json_is_told_by_line_and_column(text: str, said: str) -> None:
    with pytest.raises(RulesError) as caught:
        read_rules(text)
    assert str(caught.value) == said


@pytest.mark.parametrize("depth", [2, 100, 400])
def test_attributes_within_attributes_are_refused_at_any_depth(depth: int) -> None:
    attribute: dict[str, Any] = {"name": "leaf"}
    for _ in range(depth):
        attribute = {"name": "a", "type": "complex", "subAttributes": [attribute]}
    said = problem({"resourceTypes": [{"name": "User", "attributes": [attribute]}]})
    assert said.startswith("resourceTypes[0].attributes[0].subAttributes[0]")
    assert "sub-attribute" in said


def test_a_file_of_another_kind_is_told_in_a_page() -> None:
    assert problems({f"key{number}": 1 for number in range(1000)})[50:] == ("and 950 more",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        *("description", "dialect", "schemas", "resourceTypes", "delete", "limits", "name"),
        *("attributes", "only", "required", "unique", "adopts", "type", "subAttributes", "x\ud800"),
    ]
)
LIKELY = st.recursive(
    JSON | st.sampled_from(["User", "Group", "userName", "members", "emails.value", "string"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(LIKELY)
def test_whatever_is_written_is_read_or_refused_in_words(document: Any) -> None:
    """No other error, no jargon of the library underneath, each line printable."""
    try:
        read_rules(json.dumps(document))
    except RulesError as error:
        text = str(error)
        assert text.strip()
        assert "pydantic" not in text
        assert "Value error" not in text
        text.encode()


def test_a_directory_keeps_its_rules_as_they_are() -> None:
    rules = rules_of({"resourceTypes": [{"name": "User", "required": ["title"]}], "logDays": 3})
    directory = Directory(id="0123456789abcdef", name="contoso").having(rules)
    assert directory.rules == rules
    text = directory.model_dump_json(by_alias=True, exclude_none=True)
    assert Directory.model_validate_json(text) == directory


PAGE = (Path(__file__).parents[2] / "docs/rules.md").read_text("utf-8")


@pytest.mark.parametrize("document", [Rules, Deletion, Limits, ResourceTypeDocument])
def test_every_key_is_in_the_docs(document: type[Document]) -> None:
    for name, field in document.model_fields.items():
        assert f"`{field.alias or name}`" in PAGE


def test_the_docs_examples_are_rules() -> None:
    examples = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert examples
    for each in examples:
        assert read_rules(each).description
