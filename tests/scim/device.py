"""A resource type of our own: every data type, and what the built-in schemas do not use."""

from typing import Any

from scim.catalog import Catalog
from scim.definitions import ResourceTypeDocument, Schema

DEVICE_URN = "urn:example:scim:schemas:2.0:Device"
OWNER_URN = "urn:example:scim:schemas:extension:2.0:Owner"

DEVICE_SCHEMA = Schema.model_validate(
    {
        "id": DEVICE_URN,
        "name": "Device",
        "attributes": [
            {"name": "serial", "required": True, "mutability": "immutable"},
            {"name": "ports", "type": "integer"},
            {"name": "weight", "type": "decimal"},
            {"name": "bought", "type": "dateTime"},
            {"name": "key", "type": "binary"},
            {"name": "manual", "type": "reference", "referenceTypes": ["external"]},
            {"name": "tags", "multiValued": True},
            {"name": "seals", "multiValued": True, "mutability": "immutable"},
            {"name": "codes", "type": "integer", "multiValued": True},
            {"name": "pin", "mutability": "writeOnly", "returned": "never"},
            {
                "name": "parts",
                "type": "complex",
                "multiValued": True,
                "subAttributes": [
                    {"name": "value", "required": True, "mutability": "immutable"},
                    {"name": "colours", "multiValued": True},
                    {"name": "weight", "type": "decimal"},
                    {"name": "maker", "mutability": "readOnly"},
                ],
            },
        ],
    }
)
OWNER_SCHEMA = Schema.model_validate(
    {
        "id": OWNER_URN,
        "name": "Owner",
        "attributes": [{"name": "unit", "required": True}, {"name": "room"}],
    }
)


def device_type(*, owner_required: bool = False) -> Any:
    document = ResourceTypeDocument.model_validate(
        {
            "name": "Device",
            "endpoint": "/Devices",
            "schema": DEVICE_URN,
            "schemaExtensions": [{"schema": OWNER_URN, "required": owner_required}],
        }
    )
    return Catalog.build((DEVICE_SCHEMA, OWNER_SCHEMA), (document,)).resource_types[0]


DEVICE = device_type()
