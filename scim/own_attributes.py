"""Attributes of a directory's own, in a few words: `costCenter:string`, `Group.region:string`.

They lie in an extension of their resource type, so that they don't clash with what others have: its
`costCenter` is another than the enterprise extension's.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from pydantic import ValidationError

from scim.definitions import Attribute, ResourceTypeDocument, Schema, SchemaExtension
from scim.rule_files import explained
from scim.rules import Rules
from scim.schema import ResourceType
from scim.shaping import remade

_URN = "urn:ietf:params:scim:schemas:extension:custom:2.0:"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9$_-]{0,127}")  # RFC 7643 §2.1
_DEFAULT_TYPE = "User"

# Data types (RFC 7643 §2.3) -> whether values are indexed: to find all that are true by an index
# costs more than a scan, and nobody matches on what is binary.
_INDEXED: Mapping[str, bool] = MappingProxyType(
    {
        "string": True,
        "boolean": False,
        "decimal": True,
        "integer": True,
        "dateTime": True,
        "reference": True,
        "binary": False,
    }
)


def with_attribute(rules: Rules, text: str) -> Rules:
    """Add an attribute, `[TypeName.]name:datatype`, that can be matched on, filtered and patched.

    Raises ValueError that says what is wrong with the text.
    """
    path, colon, datatype = text.rpartition(":")
    types = {each.lower(): each for each in _INDEXED}
    if not colon or datatype.lower() not in types:
        raise ValueError(
            f"{text}: expected name:datatype, such as costCenter:string; the data types are"
            f" {', '.join(_INDEXED)} (what is complex takes a file)"
        )
    type_name, _, name = path.rpartition(".")
    resource_type = _find(rules, type_name or _DEFAULT_TYPE, text)
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{text}: a name is a letter, then letters, digits, $, _ and -, at most 128"
        )
    _refuse_known(name, resource_type, text)
    return _added(rules, resource_type, _attribute(name, types[datatype.lower()]))


def _find(rules: Rules, name: str, text: str) -> ResourceType:
    found = rules.catalog.named(name)
    if found is None:
        there = ", ".join(each.name for each in rules.catalog.resource_types)
        raise ValueError(f"{text}: no resource type is called {name}; there are {there}")
    return found


def _refuse_known(name: str, resource_type: ResourceType, text: str) -> None:
    """Refuse a name that is there already; what another extension has is told apart by its URN."""
    own = resource_type.extension(_URN + resource_type.name)
    if resource_type.attribute(name) or (own and own.attribute(name)):
        raise ValueError(f"{text}: a {resource_type.name} has {name} already: choose another name")


def _attribute(name: str, datatype: str) -> Attribute:
    targets = {"referenceTypes": ["external"]} if datatype == "reference" else {}
    return Attribute.model_validate(
        {
            "name": name,
            "type": datatype,
            "description": "An attribute of this directory's own.",
            **targets,
        }
    )


def _added(rules: Rules, resource_type: ResourceType, attribute: Attribute) -> Rules:
    """Put an attribute into the extension of a resource type, which is made with its first one."""
    urn = _URN + resource_type.name
    schemas = list(rules.schemas)
    place = next((n for n, each in enumerate(schemas) if each.id.lower() == urn.lower()), None)
    if place is None:
        schemas.append(
            Schema(
                id=urn,
                name=f"Custom{resource_type.name}",
                description="What this directory adds.",
                attributes=(attribute,),
            )
        )
    else:
        old = schemas[place]
        schemas[place] = remade(old, attributes=(*old.attributes, attribute))
    documents = [
        _carrying(each, urn, attribute) if each.name == resource_type.name else each
        for each in rules.resource_types
    ]
    try:
        return remade(rules, schemas=tuple(schemas), resource_types=tuple(documents))
    except ValidationError as error:
        raise explained(error) from error


def _carrying(
    document: ResourceTypeDocument, urn: str, attribute: Attribute
) -> ResourceTypeDocument:
    extensions = document.schema_extensions
    if not any(each.schema_.lower() == urn.lower() for each in extensions):
        extensions = (*extensions, SchemaExtension.model_validate({"schema": urn}))
    indexed = document.indexed
    if _INDEXED[attribute.type]:
        indexed = (*indexed, f"{urn}:{attribute.name}")
    return remade(document, schema_extensions=extensions, indexed=indexed)
