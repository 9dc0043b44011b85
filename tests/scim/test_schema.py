"""The schemas as served (RFC 7643 §7, §8.7), and how names are resolved against them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import scim2_models
from pydantic import ValidationError

import scim.catalog
from scim.catalog import BUILT_IN_RESOURCE_TYPES, BUILT_IN_SCHEMAS, SERVICE_SCHEMAS, Catalog
from scim.definitions import Attribute, ResourceTypeDocument, Schema
from scim.schema import Path as AttributePath
from scim.schema import ResourceType

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"

USER, GROUP = Catalog.build((), BUILT_IN_RESOURCE_TYPES).resource_types


def characteristics(attributes: list[dict[str, Any]], prefix: str = "") -> dict[str, Any]:
    """Flatten a served schema to `{path: definition}`."""
    found: dict[str, Any] = {}
    for each in attributes:
        path = prefix + each["name"]
        found[path] = {key: value for key, value in each.items() if key != "subAttributes"}
        found |= characteristics(each.get("subAttributes", []), f"{path}.")
    return found


def served(schema: Schema) -> dict[str, Any]:
    document = json.loads(json.dumps(schema.document()))
    return characteristics(document["attributes"])


EVERY_SCHEMA = [pytest.param(each, id=each.name) for each in (*BUILT_IN_SCHEMAS, *SERVICE_SCHEMAS)]

# Where ours differ from the definitions of scim2-models, (path, characteristic) -> why.
DIFFERENCES = {
    "User": {
        ("externalId", "only ours"): "Microsoft's tools look for it in /Schemas",
        ("password", "only theirs"): "not stored; a value that is never returned fails their tools",
        ("groups.display", "only theirs"): "would need a read per group, or go stale",
        ("groups.type", "canonicalValues"): "only direct memberships are shown",
        ("entitlements.type", "canonicalValues"): "an empty list: none is suggested",
        ("roles.type", "canonicalValues"): "an empty list, as RFC 7643 §8.7.1",
        ("x509Certificates.type", "canonicalValues"): "an empty list, as RFC 7643 §8.7.1",
    },
    "EnterpriseUser": {
        ("manager.displayName", "only theirs"): "would need a read per manager, or go stale",
        ("manager.value", "required"): "an empty value removes the manager, as Entra sends it",
        ("manager.$ref", "required"): "filled in from the value; RFC 7643 §8.7.1 says false",
    },
    "Group": {
        ("externalId", "only ours"): "Microsoft's tools look for it in /Schemas",
        ("displayName", "uniqueness"): "Microsoft's validator expects 409 for a second group",
        ("members.display", "mutability"): "kept as it was sent when the member was added",
    },
}


def compare(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path in ours.keys() | theirs.keys():
        if path not in theirs:
            yield path, "only ours"
        elif path not in ours:
            yield path, "only theirs"
        else:
            for key in (ours[path].keys() | theirs[path].keys()) - {"description"}:
                if ours[path].get(key) != theirs[path].get(key):
                    yield path, key


@pytest.mark.parametrize(
    ("schema", "model"),
    [
        pytest.param(BUILT_IN_SCHEMAS[0], scim2_models.User, id="User"),
        pytest.param(BUILT_IN_SCHEMAS[1], scim2_models.EnterpriseUser, id="EnterpriseUser"),
        pytest.param(BUILT_IN_SCHEMAS[2], scim2_models.Group, id="Group"),
    ],
)
def test_schemas_differ_from_an_independent_reading_only_on_purpose(
    schema: Schema, model: type[scim2_models.Resource[Any]]
) -> None:
    theirs = model.to_schema().model_dump(mode="json")["attributes"]
    assert set(compare(served(schema), characteristics(theirs))) == set(DIFFERENCES[schema.name])


@pytest.mark.parametrize("schema", EVERY_SCHEMA)
def test_every_characteristic_is_explicit(schema: Schema) -> None:
    """Microsoft's tools read each key and trip over null."""
    expected = {
        *("name", "type", "multiValued", "description", "required"),
        *("caseExact", "mutability", "returned", "uniqueness"),
    }
    for path, definition in served(schema).items():
        assert expected <= definition.keys(), path
        assert None not in definition.values(), path
        assert definition["description"].endswith("."), path
        assert ("referenceTypes" in definition) == (definition["type"] == "reference"), path


@pytest.mark.parametrize("schema", EVERY_SCHEMA)
def test_what_is_written_is_returned(schema: Schema) -> None:
    """Microsoft's tools expect each value back, so nothing is writeOnly or never returned."""
    for path, definition in served(schema).items():
        assert definition["returned"] == "default", path
        assert definition["mutability"] != "writeOnly", path


@pytest.mark.parametrize("document", ["user", "enterprise-user", "group"])
def test_the_documents_say_everything_that_is_served(document: str) -> None:
    """What a reader of the JSON file sees is what a client gets; no default hides in the code."""
    text = (Path(scim.catalog.__file__).parent / "schemas" / f"{document}.json").read_text("utf-8")
    written = json.loads(text)
    found = Schema.model_validate(written).document()
    assert json.loads(json.dumps(found)) == {"schemas": found["schemas"], **written}


@pytest.mark.parametrize(
    "path",
    ["emails", "phoneNumbers", "ims", "photos", "addresses"],
)
def test_a_type_suggests_its_values(path: str) -> None:
    """Microsoft's tools flatten to `emails[type eq "work"].value` by these values."""
    assert served(BUILT_IN_SCHEMAS[0])[f"{path}.type"]["canonicalValues"]


@pytest.mark.parametrize("path", ["entitlements", "roles", "x509Certificates"])
def test_without_suggested_types_an_attribute_is_mapped_by_its_primary_value(path: str) -> None:
    """With none suggested, tools flatten to `roles[primary eq "True"].value`, as Entra maps.

    RFC 7643 §8.7.1 serves `"canonicalValues": []` for the type of roles and certificates.
    """
    assert served(BUILT_IN_SCHEMAS[0])[f"{path}.type"]["canonicalValues"] == []


def test_what_every_resource_has_is_not_listed() -> None:
    """RFC 7643 §3.1: "Common attributes are considered to be part of every base resource schema"
    and are listed in none; Microsoft's tools look for externalId all the same."""
    for schema in BUILT_IN_SCHEMAS:
        assert not {"id", "meta", "schemas"} & served(schema).keys()
    assert served(BUILT_IN_SCHEMAS[0])["externalId"]["caseExact"]
    assert served(BUILT_IN_SCHEMAS[2])["externalId"]["caseExact"]


@pytest.mark.parametrize("schema", EVERY_SCHEMA)
def test_a_served_schema_can_be_read_back(schema: Schema) -> None:
    copied = {**schema.document(), "meta": {"resourceType": "Schema"}}
    assert Schema.model_validate(json.loads(json.dumps(copied))).document() == schema.document()


@pytest.mark.parametrize("document", BUILT_IN_RESOURCE_TYPES, ids=lambda each: each.name)
def test_a_served_resource_type_can_be_read_back(document: ResourceTypeDocument) -> None:
    again = ResourceTypeDocument.model_validate(json.loads(json.dumps(document.document())))
    assert again.document() == document.document()


def test_a_resource_type_is_served_without_keys_of_our_own() -> None:
    assert USER.document() == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "description": "A user account.",
        "schema": CORE_USER,
        "schemaExtensions": [{"schema": ENTERPRISE, "required": False}],
    }


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("userName", "userName"),
        ("USERNAME", "userName"),
        ("id", "id"),
        ("externalid", "externalId"),
        ("META.lastmodified", "meta.lastModified"),
        ("emails.VALUE", "emails.value"),
        ("members.$REF", None),
        (f"{CORE_USER}:userName", "userName"),
        (f"{CORE_USER.upper()}:Name.FamilyName", "name.familyName"),
        (f"{CORE_USER}:id", "id"),
        (CORE_USER, None),
        (f"{CORE_USER}:", None),
        (ENTERPRISE.lower(), ENTERPRISE),
        (f"{ENTERPRISE}:department", f"{ENTERPRISE}:department"),
        (f"{ENTERPRISE.upper()}:MANAGER.VALUE", f"{ENTERPRISE}:manager.value"),
        (f"{ENTERPRISE}:userName", None),
        (f"{ENTERPRISE}.manager", None),
        ("department", None),
        ("urn:ietf:params:scim:schemas:core:2.0:Group:displayName", None),
        ("emails.nothing", None),
        ("userName.value", None),
        ("emails.value.value", None),
        (".value", None),
        ("emails.", None),
        ("", None),
    ],
)
def test_a_path_is_resolved_in_any_letter_case(text: str, canonical: str | None) -> None:
    """RFC 7643 §2.1: "Attribute names are case insensitive"."""
    path = USER.path(text)
    assert (str(path) if path else None) == canonical


def test_every_path_prints_as_what_resolves_to_it() -> None:
    for resource_type in (USER, GROUP):
        for path in resource_type.paths():
            assert resource_type.path(str(path)) == path
            assert resource_type.path(str(path).upper()) == path


def test_a_tolerant_path_may_leave_out_the_urn() -> None:
    """Entra asks for `id eq "…" and manager eq "…"`."""
    path = USER.path("Manager.value", tolerant=True)
    assert str(path) == f"{ENTERPRISE}:manager.value"
    assert USER.path("displayName", tolerant=True) == USER.path("displayName")
    assert USER.path("nothing", tolerant=True) is None


def test_the_leaf_of_a_path_is_what_its_value_must_meet() -> None:
    assert _path(USER, "emails").leaf is USER.attribute("emails")
    assert _path(USER, "emails.type").leaf is _path(USER, "emails.type").sub
    assert _path(USER, ENTERPRISE).leaf is None


def test_rules_of_a_resource_type_are_resolved_to_paths() -> None:
    assert [str(each) for each in USER.unique] == ["userName"]
    assert [str(each) for each in GROUP.unique] == ["displayName"]
    assert [str(each) for each in USER.references] == [f"{ENTERPRISE}:manager.value"]
    assert f"{ENTERPRISE}:manager.value" in [str(each) for each in USER.indexed]
    assert GROUP.references == ()
    assert GROUP.members is GROUP.attribute("members")
    assert USER.member_of is USER.attribute("groups")
    assert USER.members is None
    assert GROUP.member_of is None


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"name": "a", "kind": "string"}, "kind"),
        ({"name": "a", "type": "text"}, "type"),
        ({"name": "a", "mutability": "readwrite"}, "mutability"),
        ({"name": "has space"}, "name"),
        ({"name": "a", "type": "complex"}, "a: a complex attribute has subAttributes"),
        ({"name": "a", "subAttributes": [{"name": "b"}]}, "a: a complex attribute has"),
        (
            {"name": "a", "type": "complex", "subAttributes": [{"name": "b"}, {"name": "B"}]},
            "a: two sub-attributes are called B",
        ),
    ],
)
def test_a_wrong_definition_is_refused_with_its_place(
    document: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Attribute.model_validate(document)


def test_a_schema_refuses_two_attributes_of_one_name() -> None:
    attributes = [{"name": "colour"}, {"name": "Colour"}]
    with pytest.raises(
        ValidationError, match="urn:example:paint: two attributes are called Colour"
    ):
        Schema.model_validate({"id": "urn:example:paint", "name": "P", "attributes": attributes})


def test_a_reference_is_exact_whatever_its_definition_says() -> None:
    """RFC 7643 §2.3.7: "A reference is case exact"."""
    assert Attribute(name="link", type="reference", reference_types=("uri",)).exact
    assert Attribute(name="link", type="reference").document()["caseExact"]
    assert not Attribute(name="text").exact


def _path(resource_type: ResourceType, text: str) -> AttributePath:
    path = resource_type.path(text)
    assert path is not None
    return path
