"""The dialects: each rewrite, as sent and as meant; what is meant already stays as it is."""

from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim.catalog import BUILT_IN_RESOURCE_TYPES, BUILT_IN_SCHEMAS, Catalog
from scim.dialect import STRICT
from scim.dialects import DIALECTS
from scim.dialects.entra import ENTRA
from scim.directory import Directory
from scim.schema import Attribute, ResourceType, ResourceTypeDocument, Schema, SchemaExtension

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ROLE = '{"id":"06b0","value":"Admin","displayName":"Administrator"}'


def resource_type(name: str) -> ResourceType:
    found = Catalog.build((), BUILT_IN_RESOURCE_TYPES).named(name)
    assert found is not None
    return found


USER = resource_type("User")
GROUP = resource_type("Group")


def meant(operation: dict[str, Any], type: ResourceType = USER) -> list[dict[str, Any]]:
    operations = [operation]
    for rewrite in ENTRA.patch_rewrites:
        operations = [each for one in operations for each in rewrite(one, type)]
    return operations


def meant_document(document: dict[str, Any], type: ResourceType = USER) -> dict[str, Any]:
    for rewrite in ENTRA.document_rewrites:
        document = rewrite(document, type)
    return document


def op(path: str | None, value: Any, name: str = "add") -> dict[str, Any]:
    return {"op": name, **({} if path is None else {"path": path}), "value": value}


OPERATIONS = {
    "op in any case": (op("title", "Dr", "Replace"), op("title", "Dr", "replace")),
    "a dot after the URN": (
        op(f"{ENTERPRISE}.manager", "1"),
        op(f"{ENTERPRISE}:manager", "1"),
    ),
    "a dot after the URN, in other letter case": (
        op(f"{ENTERPRISE.upper()}.Manager", "1"),
        op(f"{ENTERPRISE}:Manager", "1"),
    ),
    "a dot after the core URN": (op(f"{CORE}.title", "Dr"), op(f"{CORE}:title", "Dr")),
    "a dot after the URN, in a key": (
        op(None, {f"{ENTERPRISE}.manager": "1", "title": "Dr"}),
        op(None, {f"{ENTERPRISE}:manager": "1", "title": "Dr"}),
    ),
    "roles as JSON": (
        op("roles", [{"value": ROLE}, {"value": "User"}]),
        op("roles", [{"value": "Admin", "display": "Administrator"}, {"value": "User"}]),
    ),
    "one role as JSON": (
        op(f"{CORE}:Roles", {"value": ROLE, "primary": True}),
        op(f"{CORE}:Roles", {"value": "Admin", "display": "Administrator", "primary": True}),
    ),
    "roles as JSON, path-less": (
        op(None, {"roles": [{"value": '{"value":"Admin"}'}]}),
        op(None, {"roles": [{"value": "Admin"}]}),
    ),
    "displayName of an element that a filter selects": (
        op('roles[primary eq "True"]', {"displayName": "Admin", "value": "Admin"}),
        op('roles[primary eq "True"]', {"display": "Admin", "value": "Admin"}),
    ),
    "the core URN holds the attributes": (
        op(None, {CORE: {"title": "Dr", "userName": "x"}, "userName": "ada"}),
        op(None, {"userName": "ada", "title": "Dr"}),
    ),
    "the core URN is the path": (
        op(CORE.upper(), {"title": "Dr"}),
        {"op": "add", "path": None, "value": {"title": "Dr"}},
    ),
}
UNCHANGED = {
    "a path": op('emails[type eq "work"].value', "a@example.test"),
    "a name that begins like a URN": op(f"{ENTERPRISE}s.manager", "1"),
    "a path-less text": op(None, "x"),
    "the core URN holds a text": op(None, {CORE: "x", "title": "Dr"}),
    "the core URN as a whole removed": {"op": "remove", "path": CORE},
    "two spellings of one key": op(None, {f"{ENTERPRISE}.manager": 1, f"{ENTERPRISE}:manager": 2}),
    "no value": {"op": "remove", "path": "roles"},
    "op of another type": {"op": 7, "path": "title"},
    "a path of another type": {"op": "add", "path": 7, "value": {}},
    "an unknown path": op("nonsense", {"displayName": "x"}),
    "unbalanced brackets": op('emails]type eq "work"[', {"displayName": "x"}),
    "a role that is no JSON": op("roles", [{"value": "{Admin}"}]),
    "a role that is JSON of another shape": op(
        "roles", [{"value": '{"value":1}'}, {"value": "{}"}]
    ),
    "a role that is a bomb": op("roles", [{"value": '{"a":' * 100_000}]),
    "a role's value that is no text": op("roles", [{"value": 7}, "x", None]),
    "JSON elsewhere": op("title", ROLE),
    "displayName beside display": op("roles", [{"displayName": "x", "display": "y"}]),
    "displayName of the user": op("displayName", "Ada"),
    "displayName, path-less": op(None, {"displayName": "Ada"}),
}


@pytest.mark.parametrize(("sent", "wanted"), OPERATIONS.values(), ids=OPERATIONS.keys())
def test_an_operation_is_rewritten_as_it_is_meant(
    sent: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert meant(sent) == [wanted]
    assert meant(wanted) == [wanted]


@pytest.mark.parametrize("sent", UNCHANGED.values(), ids=UNCHANGED.keys())
def test_an_operation_that_is_not_recognised_stays_as_it_is(sent: dict[str, Any]) -> None:
    assert meant(sent) == [sent]


def test_a_members_display_name_is_its_display() -> None:
    sent = op("members", [{"displayName": "New", "value": "1"}])
    assert meant(sent, GROUP) == [op("members", [{"display": "New", "value": "1"}])]


DOCUMENTS = {
    "flattened keys": (
        {"name.givenName": "Ada", "Name": {"familyName": "Byron"}},
        {"Name": {"familyName": "Byron", "givenName": "Ada"}},
    ),
    "an extension's attribute by its URN": (
        {f"{ENTERPRISE}:department": "Engines", f"{ENTERPRISE}.manager": "1"},
        {ENTERPRISE: {"department": "Engines", "manager": "1"}},
    ),
    "an extension's attribute by its name": (
        {"department": "Engines", ENTERPRISE: {"employeeNumber": "1"}},
        {ENTERPRISE: {"employeeNumber": "1", "department": "Engines"}},
    ),
    "what is in its place already wins": (
        {"department": "Looms", ENTERPRISE: {"Department": "Engines"}},
        {ENTERPRISE: {"Department": "Engines"}},
    ),
    "a place that is taken by something else": (
        {"department": "Looms", ENTERPRISE: "x"},
        {ENTERPRISE: "x"},
    ),
    "a core attribute with its URN": (
        {f"{CORE}:name.givenName": "A"},
        {"name": {"givenName": "A"}},
    ),
    "core attributes with their URN, and under it": (
        {f"{CORE}:userName": "ada", CORE.upper(): {"title": "Dr", "USERNAME": "eve"}},
        {"userName": "ada", "title": "Dr"},
    ),
    "a core attribute with its URN and without": (
        {f"{CORE}:title": "Mr", "title": "Dr"},
        {f"{CORE}:title": "Mr", "title": "Dr"},
    ),
    "roles": (
        {"roles": [{"value": ROLE}, {"displayName": "User", "value": "User"}]},
        {
            "roles": [
                {"value": "Admin", "display": "Administrator"},
                {"display": "User", "value": "User"},
            ]
        },
    ),
    "unknown keys": (
        {"nonsense": {"displayName": "x"}, "urn:x:y:z": {"a": 1}, "displayName": "Ada"},
        {"nonsense": {"displayName": "x"}, "urn:x:y:z": {"a": 1}, "displayName": "Ada"},
    ),
}


@pytest.mark.parametrize(("sent", "wanted"), DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_document_is_rewritten_as_it_is_meant(
    sent: dict[str, Any], wanted: dict[str, Any]
) -> None:
    before = repr(sent)
    assert meant_document(sent) == wanted
    assert repr(sent) == before, "the rewrite changed what it was given"


NAMES = st.sampled_from(
    [
        *("roles", "members", "manager", "name.givenName", "displayName", "value", "department"),
        *(ENTERPRISE, CORE, f"{ENTERPRISE}.manager", f"{ENTERPRISE}:manager", "Roles[", "]["),
        *("op", "path", "value", "", ".", ":"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | NAMES | st.just(ROLE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=4))
def test_no_input_makes_a_rewrite_fail_or_change_what_it_was_given(sent: dict[str, Any]) -> None:
    before = repr(sent)
    for type in (USER, GROUP):
        meant(sent, type)
        meant_document(sent, type)
    assert repr(sent) == before


def test_a_name_that_two_extensions_have_is_not_guessed() -> None:
    user, group = BUILT_IN_RESOURCE_TYPES
    twin = Schema(id="urn:acme:User", name="Acme", attributes=(Attribute(name="department"),))
    extensions = (*user.schema_extensions, SchemaExtension(schema_=twin.id))
    document = ResourceTypeDocument.model_validate(
        {
            **user.model_dump(by_alias=True),
            "schemaExtensions": [e.model_dump(by_alias=True) for e in extensions],
        }
    )
    found = Catalog.build((*BUILT_IN_SCHEMAS, twin), (document, group)).named("User")
    assert found is not None
    assert meant_document({"department": "x"}, found) == {"department": "x"}


def test_the_dialects_are_found_by_their_names_and_cannot_be_changed() -> None:
    assert list(DIALECTS) == [each.name for each in DIALECTS.values()] == ["entra", "okta", "rfc"]
    assert isinstance(DIALECTS, MappingProxyType)


def test_the_rfc_dialect_adds_nothing_to_the_rfc() -> None:
    rfc = DIALECTS["rfc"]
    assert (rfc.tolerance, rfc.patch_rewrites, rfc.document_rewrites) == (STRICT, (), ())
    assert rfc.answers_member_patch


def test_a_directory_speaks_entras_dialect_unless_it_says_otherwise() -> None:
    assert DIALECTS[Directory(id="0123456789", name="demo").dialect] is ENTRA
    assert not ENTRA.answers_member_patch
