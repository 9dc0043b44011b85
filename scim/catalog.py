"""A directory's schemas and resource types, resolved and checked (RFC 7643 §6, §7)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scim.schema import COMMON, Attribute, ResourceType, ResourceTypeDocument, Schema

_DOCUMENTS = Path(__file__).parent / "schemas"


def _load(name: str) -> object:
    return json.loads((_DOCUMENTS / f"{name}.json").read_text("utf-8"))


# Read once at import: they are part of the program, like its code.
BUILT_IN_SCHEMAS: tuple[Schema, ...] = tuple(
    Schema.model_validate(_load(name)) for name in ("user", "enterprise-user", "group")
)
BUILT_IN_RESOURCE_TYPES: tuple[ResourceTypeDocument, ...] = tuple(
    ResourceTypeDocument.model_validate(_load(name))
    for name in ("user.resource-type", "group.resource-type")
)
# What the service says about itself, the same in every directory (RFC 7643 §8.7.2).
SERVICE_SCHEMAS: tuple[Schema, ...] = tuple(
    Schema.model_validate(_load(name))
    for name in ("service-provider-config", "resource-type", "schema")
)

# Endpoints of the protocol, which a resource type can't have (RFC 7644 §3.2).
_TAKEN_ENDPOINTS = frozenset(
    {"/bulk", "/me", "/resourcetypes", "/schemas", "/serviceproviderconfig"}
)


@dataclass(frozen=True, eq=False)
class Catalog:
    """What a directory serves: its resource types in order, and the schemas that they use."""

    resource_types: tuple[ResourceType, ...]

    @classmethod
    def build(
        cls, schemas: Iterable[Schema], documents: Iterable[ResourceTypeDocument]
    ) -> "Catalog":
        """Join resource types with their schemas; added ones win over built-in ones of one URN.

        Raises ValueError that names the place and what is wrong there.
        """
        added: dict[str, Schema] = {}
        for schema in schemas:
            if schema.id.lower() in added:
                raise ValueError(f"two schemas have the URN {schema.id}")
            added[schema.id.lower()] = schema
        known = {each.id.lower(): each for each in BUILT_IN_SCHEMAS} | added
        built: list[ResourceType] = []
        for document in documents:
            each = _resolve(document, known)
            for other in built:
                if other.name.lower() == each.name.lower():
                    raise ValueError(f"two resource types are called {each.name}")
                if other.endpoint.lower() == each.endpoint.lower():
                    raise ValueError(f"two resource types have the endpoint {each.endpoint}")
            built.append(each)
        return cls(tuple(built))

    @cached_property
    def schemas(self) -> tuple[Schema, ...]:
        """Every schema in use: base schemas and extensions, in the order of the resource types."""
        found: dict[str, Schema] = {}
        for each in self.resource_types:
            for schema in (each.schema, *each.extensions):
                found[schema.id] = schema
        return tuple(found.values())

    def named(self, name: str) -> ResourceType | None:
        """Find a resource type by its name, in any letter case."""
        return next(
            (each for each in self.resource_types if each.name.lower() == name.lower()), None
        )

    def at(self, segment: str) -> ResourceType | None:
        """Find a resource type by the first segment of a path, in any letter case."""
        wanted = "/" + segment.lower()
        return next((each for each in self.resource_types if each.endpoint.lower() == wanted), None)


def _resolve(document: ResourceTypeDocument, known: dict[str, Schema]) -> ResourceType:
    """Join one resource type with its schemas and check what it says of them."""
    place = f"resource type {document.name}"
    if document.endpoint.lower() in _TAKEN_ENDPOINTS:
        raise ValueError(f"{place}: the endpoint {document.endpoint} belongs to the protocol")
    found: dict[str, Schema] = {}
    for urn in (document.schema_, *(each.schema_ for each in document.schema_extensions)):
        schema = known.get(urn.lower())
        if schema is None:
            raise ValueError(f"{place}: no schema has the URN {urn}")
        if schema.id in found:
            raise ValueError(f"{place}: the schema {urn} is named twice")
        _refuse_nesting(schema)
        found[schema.id] = schema
    base, *extensions = found.values()
    for common in COMMON.attributes:
        if common.name != "externalId" and base.attribute(common.name):
            raise ValueError(
                f"schema {base.id}: {common.name} is part of every resource; leave it out"
            )
    resolved = ResourceType(document, base, tuple(extensions))
    _check_memberships(resolved)
    _ = (resolved.unique, resolved.indexed)  # says which of the paths named there is unknown
    return resolved


def _refuse_nesting(schema: Schema) -> None:
    """Refuse what "MUST NOT contain sub-attributes that have sub-attributes" (RFC 7643 §2.3.8)."""
    for attribute in schema.attributes:
        for sub in attribute.sub_attributes:
            if sub.type == "complex":
                raise ValueError(
                    f"schema {schema.id}: {attribute.name}.{sub.name} is complex, but a sub-"
                    "attribute of a complex attribute must be simple"
                )


def _check_memberships(resource_type: ResourceType) -> None:
    """Refuse a `members` or `memberOf` that no membership could be shown in."""
    definition = resource_type.definition
    for key, name in (("members", definition.members), ("memberOf", definition.member_of)):
        if name is None:
            continue
        place = f"resource type {resource_type.name}: {key}"
        attribute: Attribute | None = resource_type.attribute(name)
        if attribute is None:
            raise ValueError(f"{place}: no attribute is called {name}")
        if not attribute.multi_valued or attribute.sub("value") is None:
            raise ValueError(f"{place}: {name} must be multi-valued with a sub-attribute value")
        if key == "memberOf" and attribute.mutability != "readOnly":
            raise ValueError(f"{place}: {name} must be readOnly, for it is computed")
