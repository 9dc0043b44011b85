"""A resource type and an extension are added by JSON documents alone (RFC 7643 §6)."""

import json
from typing import Any

import pytest

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.definitions import ResourceTypeDocument, Schema

DEVICE = """{
  "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
  "id": "urn:example:scim:schemas:2.0:Device",
  "name": "Device",
  "description": "A thing with a plug.",
  "attributes": [
    {"name": "serial", "required": true, "caseExact": true, "uniqueness": "server"},
    {"name": "cost.center", "description": "a name that holds a dot"},
    {"name": "net.work", "type": "complex", "subAttributes": [{"name": "mac.address"}]},
    {"name": "rooms", "type": "complex", "multiValued": true, "subAttributes": [
      {"name": "value"}, {"name": "type"}, {"name": "primary", "type": "boolean"}]},
    {"name": "owner", "type": "complex", "subAttributes": [
      {"name": "value", "caseExact": true},
      {"name": "$ref", "type": "reference", "referenceTypes": ["User"]}]},
    {"name": "manual", "type": "complex", "subAttributes": [
      {"name": "value"},
      {"name": "$ref", "type": "reference", "referenceTypes": ["external"]}]},
    {"name": "users", "type": "complex", "multiValued": true, "subAttributes": [
      {"name": "value", "caseExact": true},
      {"name": "$ref", "type": "reference", "referenceTypes": ["User"]}]},
    {"name": "sets", "type": "complex", "multiValued": true, "mutability": "readOnly",
     "subAttributes": [{"name": "value", "mutability": "readOnly"}]}
  ]
}"""
LEASE = """{
  "id": "urn:example:scim:schemas:2.0:Device:lease",
  "name": "Lease",
  "attributes": [{"name": "ends", "type": "dateTime"}, {"name": "serial"}]
}"""
DEVICE_TYPE = """{
  "name": "Device",
  "endpoint": "/Devices",
  "schema": "URN:EXAMPLE:scim:schemas:2.0:device",
  "schemaExtensions": [{"schema": "urn:example:scim:schemas:2.0:Device:lease", "required": true}],
  "members": "users",
  "memberOf": "sets",
  "indexed": ["rooms.VALUE", "urn:example:scim:schemas:2.0:Device:lease:ends", "serial"],
  "unique": ["net.work.mac.address"]
}"""
BADGE = """{
  "id": "urn:example:scim:schemas:1.0:Badge",
  "name": "Badge",
  "attributes": [{"name": "number", "type": "integer"}]
}"""


def schema(text: str, **changes: Any) -> Schema:
    return Schema.model_validate({**json.loads(text), **changes})


def resource_type(text: str = DEVICE_TYPE, **changes: Any) -> ResourceTypeDocument:
    return ResourceTypeDocument.model_validate({**json.loads(text), **changes})


SCHEMAS = (schema(DEVICE), schema(LEASE), schema(BADGE))
CATALOG = Catalog.build(SCHEMAS, (*BUILT_IN_RESOURCE_TYPES, resource_type()))


def test_a_resource_type_is_added_by_documents() -> None:
    device = CATALOG.named("DEVICE")
    assert device is not None
    assert CATALOG.at("devices") is device
    assert [each.name for each in CATALOG.resource_types] == ["User", "Group", "Device"]
    assert [each.name for each in CATALOG.schemas] == [
        *("User", "EnterpriseUser", "Group"),
        *("Device", "Lease"),
    ]
    assert device.members is device.attribute("users")
    assert device.member_of is device.attribute("sets")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("SERIAL", "serial"),
        ("externalId", "externalId"),
        ("cost.CENTER", "cost.center"),
        ("net.work", "net.work"),
        ("NET.work.MAC.address", "net.work.mac.address"),
        ("net.mac.address", None),
        ("rooms.value", "rooms.value"),
        ("urn:example:scim:schemas:2.0:Device:serial", "serial"),
        ("URN:example:SCIM:schemas:2.0:device:Rooms.Type", "rooms.type"),
        (
            "urn:example:scim:schemas:2.0:DEVICE:lease",
            "urn:example:scim:schemas:2.0:Device:lease",
        ),
        (
            "urn:example:scim:schemas:2.0:device:Lease:ENDS",
            "urn:example:scim:schemas:2.0:Device:lease:ends",
        ),
        (
            "urn:example:scim:schemas:2.0:Device:lease:serial",
            "urn:example:scim:schemas:2.0:Device:lease:serial",
        ),
        ("urn:example:scim:schemas:2.0:Device:lease:rooms", None),
        ("urn:example:scim:schemas:2.0:Devices:serial", None),
        ("urn:example:scim:schemas:1.0:Badge:number", None),
    ],
)
def test_paths_of_an_added_type_are_resolved(text: str, canonical: str | None) -> None:
    """The longest known URN wins, though one begins with the other, and names may hold dots."""
    device = CATALOG.named("Device")
    assert device is not None
    path = device.path(text)
    assert (str(path) if path else None) == canonical


def test_rules_of_an_added_type_are_resolved() -> None:
    device = CATALOG.named("Device")
    assert device is not None
    assert [str(each) for each in device.unique] == ["net.work.mac.address"], (
        "a list is the complete one: it does not add to what the schema says of serial"
    )
    assert [str(each) for each in device.indexed] == [
        "rooms.value",
        "urn:example:scim:schemas:2.0:Device:lease:ends",
        "serial",
        "owner.value",
    ], "a reference always has an index row"
    assert [str(each) for each in device.references] == ["owner.value"]


def test_without_a_list_unique_is_what_the_schemas_declare() -> None:
    device = Catalog.build(SCHEMAS, [resource_type(unique=None)]).resource_types[0]
    assert [str(each) for each in device.unique] == ["serial"]
    assert "serial" not in [str(each) for each in device.indexed], "its claim answers already"


def test_an_extension_is_added_to_a_built_in_type() -> None:
    user = BUILT_IN_RESOURCE_TYPES[0].document()
    user["schemaExtensions"].append({"schema": SCHEMAS[2].id, "required": False})
    catalog = Catalog.build(SCHEMAS, [ResourceTypeDocument.model_validate(user)])
    path = catalog.resource_types[0].path("urn:example:scim:schemas:1.0:BADGE:Number")
    assert path is not None
    assert path.extension is SCHEMAS[2]
    assert str(path) == "urn:example:scim:schemas:1.0:Badge:number"


def test_an_added_schema_replaces_the_built_in_one_of_its_urn() -> None:
    urn = BUILT_IN_RESOURCE_TYPES[0].schema_
    short = schema(BADGE, id=urn.upper())
    catalog = Catalog.build([short], [resource_type(schema=urn, **_plain("User", "/Users"))])
    assert catalog.schemas == (short,)


def test_a_name_that_nothing_has_finds_nothing() -> None:
    assert CATALOG.named("Printer") is None
    assert CATALOG.at("Printers") is None
    assert CATALOG.at("") is None


def _plain(name: str, endpoint: str) -> dict[str, Any]:
    """What turns the document of a device's type into one without extensions and rules."""
    return {
        "name": name,
        "endpoint": endpoint,
        "schemaExtensions": [],
        "members": None,
        "memberOf": None,
        "indexed": [],
        "unique": [],
    }


NESTED = {"name": "b", "type": "complex", "subAttributes": [{"name": "c"}]}


@pytest.mark.parametrize(
    ("schemas", "documents", "complaint"),
    [
        (
            SCHEMAS,
            [resource_type(schema="urn:example:none")],
            r"resourceTypes\[0\].schema: no schema has the URN urn:example:none",
        ),
        (
            SCHEMAS,
            [resource_type(schemaExtensions=[{"schema": "urn:example:none"}])],
            r"resourceTypes\[0\].schemaExtensions\[0\].schema: no schema has the URN",
        ),
        (
            SCHEMAS,
            [resource_type(schemaExtensions=[{"schema": SCHEMAS[1].id}] * 2)],
            r"resourceTypes\[0\].schemaExtensions\[1\].schema: the schema \S+ is named twice",
        ),
        ([*SCHEMAS, schema(BADGE)], [], r"schemas\[3\].id: another schema has the URN"),
        (
            SCHEMAS,
            [resource_type(), resource_type(name="device", endpoint="/Others")],
            r"resourceTypes\[1\].name: another resource type is called device",
        ),
        (
            SCHEMAS,
            [resource_type(), resource_type(name="Other", endpoint="/devices")],
            r"resourceTypes\[1\].endpoint: another resource type has /devices",
        ),
        (
            SCHEMAS,
            [resource_type(endpoint="/Bulk")],
            r"resourceTypes\[0\].endpoint: /Bulk belongs to the protocol",
        ),
        (
            SCHEMAS,
            [resource_type(indexed=["colour"])],
            r"resourceTypes\[0\].indexed\[0\]: a Device has no attribute called colour",
        ),
        (
            SCHEMAS,
            [resource_type(unique=["urn:example:scim:schemas:2.0:Device:lease"])],
            r"resourceTypes\[0\].unique\[0\]: a Device has no attribute called urn:example:",
        ),
        (
            SCHEMAS,
            [resource_type(members="crew")],
            r"resourceTypes\[0\].members: a Device has no attribute called crew",
        ),
        (
            SCHEMAS,
            [resource_type(members="owner")],
            r"resourceTypes\[0\].members: owner must be multi-valued with a sub-attribute value",
        ),
        (
            SCHEMAS,
            [resource_type(memberOf="rooms")],
            r"resourceTypes\[0\].memberOf: rooms must be readOnly",
        ),
        (
            [schema(BADGE, attributes=[{"name": "ID"}])],
            [resource_type(schema=SCHEMAS[2].id, **_plain("Badge", "/Badges"))],
            r"resourceTypes\[0\].schema: urn:example:\S+:Badge has ID, which is part of every",
        ),
        (
            [
                schema(
                    BADGE, attributes=[{"name": "a", "type": "complex", "subAttributes": [NESTED]}]
                )
            ],
            [resource_type(schema=SCHEMAS[2].id, **_plain("Badge", "/Badges"))],
            r"schemas\[0\].attributes\[0\].subAttributes\[0\].type: a.b is complex",
        ),
    ],
    ids=lambda each: each[-40:] if isinstance(each, str) else "",
)
def test_a_wrong_catalog_is_refused_with_its_place(
    schemas: list[Schema], documents: list[ResourceTypeDocument], complaint: str
) -> None:
    with pytest.raises(ValueError, match="^" + complaint):
        Catalog.build(schemas, documents)
