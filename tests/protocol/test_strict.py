"""What the `entra` dialect lets pass, the `rfc` dialect refuses, and says why."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import quote

import pytest

from scim.dialect import Dialect, Tolerance
from scim.dialects import DIALECTS
from storage.open import open_storage
from tests.service import ENTERPRISE, PATCH_OP, USER, Answer, Client, open_directory

ACME = "urn:acme:User"
RECORD: dict[str, Any] = {
    "schemas": [
        {
            "id": ACME,
            "name": "Acme",
            "attributes": [
                {"name": "codes", "multiValued": True},
                {"name": "level", "type": "integer"},
                {"name": "ratio", "type": "decimal"},
            ],
        }
    ],
    "resourceTypes": [
        {"name": "User", "schemaExtensions": [{"schema": ENTERPRISE}, {"schema": ACME}]},
        {"name": "Group"},
    ],
}
WORK = 'emails[type eq "work"]'
SYNTAX, VALUE, PATH, TARGET = "invalidSyntax", "invalidValue", "invalidPath", "noTarget"


def op(path: str | None, value: Any, name: str = "replace") -> dict[str, Any]:
    return {"op": name, **({} if path is None else {"path": path}), "value": value}


# (what lets it pass, operation on a user or its whole message, scimType, what the refusal says)
PATCHES: Mapping[str, tuple[str, Any, str, str]] = {
    "op in capitals": ("op_in_lower_case", op("title", "x", "Replace"), SYNTAX, "in lower case"),
    "a dot after a URN": (
        "colon_after_urn",
        op(f"{ENTERPRISE}.department", "x"),
        PATH,
        "no attribute called",
    ),
    "a dot after a URN in a key": (
        "colon_after_urn",
        op(None, {f"{ENTERPRISE}.department": "x"}),
        PATH,
        "no attribute called",
    ),
    "the core URN around attributes": (
        "core_without_urn",
        op(None, {USER: {"title": "x"}}),
        PATH,
        "no attribute called",
    ),
    "the core URN as path": ("core_without_urn", op(USER, {"title": "x"}), PATH, "no attribute"),
    "displayName for display": (
        "values_of_operation",
        op("roles", [{"value": "A", "displayName": "A"}], "add"),
        SYNTAX,
        "roles[0].displayName: remove it",
    ),
    "a path as key": ("loose", op(None, {"name.givenName": "A"}), SYNTAX, "a path as a key"),
    "a URN's path as key": (
        "loose",
        op(None, {f"{ENTERPRISE}:department": "x"}),
        SYNTAX,
        "in an operation with a path, or in objects",
    ),
    "an attribute without its URN": (
        "loose",
        op("department", "x"),
        PATH,
        f"write {ENTERPRISE}:department",
    ),
    "a boolean as text": ("loose", op("active", "False"), VALUE, "a boolean (true or false)"),
    "a number as text": ("loose", op(f"{ACME}:level", "3"), VALUE, "a whole number, got a string"),
    "a decimal as text": ("loose", op(f"{ACME}:ratio", "3.5"), VALUE, "a number, got a string"),
    "a text as number": ("loose", op("title", 3), VALUE, "expected a string, got a number"),
    "a manager as text": ("loose", op(f"{ENTERPRISE}:manager", "{M}"), VALUE, "expected an object"),
    "a manager in a list": (
        "loose",
        op(f"{ENTERPRISE}:manager", [{"value": "{M}"}]),
        VALUE,
        "expected an object, got a list",
    ),
    "text in an object": (
        "loose",
        op(f"{ACME}:codes", [{"value": "1"}]),
        VALUE,
        "expected a string, got an object",
    ),
    "an element as text": ("loose", op("emails", ["x@example.com"]), VALUE, "at emails[0]"),
    "a boolean as text in a filter": (
        "loose",
        op('emails[primary eq "True"].value', "x@example.com"),
        "invalidFilter",
        "without quotes",
    ),
    "text without quotes in a filter": (
        "loose",
        op("emails[type eq home].value", "x@example.com"),
        "invalidFilter",
        "in double quotes",
    ),
    "an empty path": ("loose", op("", {"title": "x"}), PATH, "begins with the name"),
    "no operations": ("loose", {"schemas": [PATCH_OP], "Operations": []}, SYNTAX, "at least one"),
    "other schemas": (
        "loose",
        {"schemas": ["urn:x"], "Operations": [op("title", "x")]},
        SYNTAX,
        f"must be a list that holds {PATCH_OP}",
    ),
    "a filter that nothing meets, replaced": (
        "create_unmatched",
        op(f"{WORK}.value", "x@example.com"),
        TARGET,
        "no value meets the filter",
    ),
    "a filter that nothing meets, removed": (
        "create_unmatched",
        {"op": "remove", "path": WORK},
        TARGET,
        "no value meets the filter",
    ),
    "an unknown path": ("unknown", op("nonsense", "x"), PATH, "no attribute called nonsense"),
    "an unknown key": ("unknown", op(None, {"nonsense": "x"}), PATH, "no attribute called"),
}
DOCUMENTS: Mapping[str, tuple[str, dict[str, Any], str, str]] = {
    "a path as key": ("keys_in_their_place", {"name.givenName": "A"}, SYNTAX, "name.givenName"),
    "an attribute without its URN": (
        "keys_in_their_place",
        {"department": "x"},
        SYNTAX,
        "no schema has the attribute department",
    ),
    "a URN's path as key": (
        "keys_in_their_place",
        {f"{ENTERPRISE}:department": "x"},
        SYNTAX,
        "no schema has the attribute",
    ),
    "the core URN around attributes": ("core_opened", {USER: {"title": "x"}}, SYNTAX, USER),
    "the core URN before a name": ("core_opened", {f"{USER}:title": "x"}, SYNTAX, USER),
    "displayName for display": (
        "values_of_document",
        {"roles": [{"value": "A", "displayName": "A"}]},
        SYNTAX,
        "roles[0].displayName",
    ),
    "a boolean as text": ("loose", {"active": "True"}, VALUE, "a boolean (true or false)"),
    "one for a list": ("loose", {"emails": {"value": "x@example.com"}}, VALUE, "expected a list"),
    "base64 in lines": (
        "loose",
        {"x509Certificates": [{"value": "QUJD\nREVG"}]},
        VALUE,
        "expected base64",
    ),
    "an unknown attribute": ("unknown", {"nonsense": 1}, SYNTAX, "no schema has the attribute"),
}
FILTERS: Mapping[str, tuple[str, str]] = {
    "text without quotes": ("userName eq ada", "in double quotes"),
    "a boolean in quotes": ('active eq "True"', "without quotes"),
    "a boolean in capitals": ("active eq True", "in lower case"),
    "a number in quotes": (f'{ACME}:level eq "3"', "without quotes"),
    "a comparison after brackets": ('emails[type eq "home"].value eq "x"', "inside the brackets"),
    "not without parentheses": ('not userName eq "x"', "with parentheses"),
    "an attribute without its URN": ('manager eq "x"', f"write {ENTERPRISE}:manager"),
    "a quote that is not escaped": ('displayName eq "A "B""', "should end here"),
    "a backslash that is not escaped": (r'displayName eq "D\g"', r"write \" and \\"),
}


async def both() -> list[Client]:
    storage = open_storage("memory")
    return [await open_directory(storage, dialect=each, **RECORD) for each in ("rfc", "entra")]


def check(answers: list[Answer], type: str, words: str) -> None:
    """Compare what the strict directory and the tolerant one answered."""
    strict, tolerant = answers
    assert (strict.status, strict.body["scimType"]) == (400, type), strict.body
    assert words in strict.detail, strict.detail
    assert tolerant.status < 300, tolerant.body


@pytest.mark.parametrize("case", PATCHES)
async def test_a_patch_that_only_a_dialect_takes_is_refused_with_its_reason(case: str) -> None:
    _, sent, type, words = PATCHES[case]
    answers = []
    for client in await both():
        manager = (await client.user()).id
        emails = [{"type": "home", "value": "h@example.com"}]
        before = await client.user(emails=emails, displayName="Ada")
        body = sent if "Operations" in sent else {"schemas": [PATCH_OP], "Operations": [sent]}
        raw = json.dumps(body).replace("{M}", manager).encode()
        answers.append(await client.send("PATCH", f"/Users/{before.id}", raw=raw))
        if client.directory.dialect == "rfc":
            assert (await client.get(f"/Users/{before.id}")).body == before.body
    check(answers, type, words)


@pytest.mark.parametrize("case", DOCUMENTS)
async def test_a_body_that_only_a_dialect_takes_is_refused_with_its_reason(case: str) -> None:
    _, more, type, words = DOCUMENTS[case]
    body = {"schemas": [USER], "userName": "ada@example.com", **more}
    answers = [await each.post("/Users", body) for each in await both()]
    check(answers, type, words)


@pytest.mark.parametrize("case", FILTERS)
async def test_a_filter_that_only_a_dialect_takes_is_refused_with_its_reason(case: str) -> None:
    text, words = FILTERS[case]
    answers = [await each.get(f"/Users?filter={quote(text)}") for each in await both()]
    check(answers, "invalidFilter", words)


async def test_removing_a_non_member_and_a_member_without_an_object() -> None:
    strict, tolerant = await both()
    for sent, type, words in (
        ({"op": "remove", "path": 'members[value eq "x"]'}, TARGET, "matches nobody"),
        ({"op": "add", "path": "members", "value": "{M}"}, VALUE, "expected an object"),
    ):
        answers = []
        for client in (strict, tolerant):
            user, group = await client.user(), await client.group()
            raw = json.dumps({"schemas": [PATCH_OP], "Operations": [sent]}).replace("{M}", user.id)
            answers.append(await client.send("PATCH", f"/Groups/{group.id}", raw=raw.encode()))
        check(answers, type, words)


async def test_json_in_a_role_is_a_text_like_any_other_to_the_rfcs() -> None:
    """Nothing in it can be refused: to RFC 7643 the value of a role is opaque."""
    strict, tolerant = await both()
    text = '{"value":"Admin"}'
    shown = [
        (await each.user(roles=[{"value": text}])).body["roles"] for each in (strict, tolerant)
    ]
    assert shown == [[{"value": text}], [{"value": "Admin"}]]


async def test_the_answer_to_a_group_s_patch_is_the_dialect_s() -> None:
    for client in await both():
        group = await client.group()
        answer = await client.patch(f"/Groups/{group.id}", op("displayName", "New"))
        assert answer.status == (200 if client.directory.dialect == "rfc" else 204)


def test_each_rewrite_and_each_tolerance_has_its_refusal() -> None:
    """A dialect that learns something new must show here how the RFCs' one refuses it."""
    shown = {row[0] for table in (PATCHES, DOCUMENTS) for row in table.values()}
    rewrites = {
        each.__name__
        for dialect in DIALECTS.values()
        for each in (*dialect.patch_rewrites, *dialect.document_rewrites)
    }
    assert shown == rewrites | {each.name for each in fields(Tolerance)}
    assert {each.name for each in fields(Dialect)} == {
        *("name", "tolerance", "patch_rewrites", "document_rewrites", "answers_member_patch")
    }
