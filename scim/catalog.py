"""A directory's schemas and resource types, resolved and checked (RFC 7643 §6, §7)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from scim.schema import COMMON, ResourceType, ResourceTypeDocument, Schema
from scim.shaping import check_flat, shape

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
# What no schema may define (RFC 7643 §3.1); our schemas list externalId, see there.
_EVERYWHERE = frozenset(path for each in COMMON.attributes for path in each.paths) - {"externalid"}


@dataclass(frozen=True, eq=False)
class Catalog:
    """What a directory serves: its resource types in order, and the schemas that they use."""

    resource_types: tuple[ResourceType, ...]

    @classmethod
    def build(
        cls, schemas: Iterable[Schema], documents: Iterable[ResourceTypeDocument]
    ) -> "Catalog":
        """Join resource types with their schemas; added ones win over built-in ones of one URN.

        Raises ValueError that begins with the place (`resourceTypes[0].only[2]`).
        """
        added: dict[str, Schema] = {}
        for index, schema in enumerate(schemas):
            if schema.id.lower() in added:
                raise ValueError(f"schemas[{index}].id: another schema has the URN {schema.id}")
            for number, attribute in enumerate(schema.attributes):
                check_flat(attribute, f"schemas[{index}].attributes[{number}]")
            added[schema.id.lower()] = schema
        known = {each.id.lower(): each for each in BUILT_IN_SCHEMAS} | added
        built: list[ResourceType] = []
        for index, document in enumerate(documents):
            place = f"resourceTypes[{index}]"
            each = _resolve(document, known, place)
            for other in built:
                _refuse_clash(each, other, place)
            built.append(each)
        return cls(tuple(built))

    def before(self, coming: "Catalog") -> "Catalog":
        """Serve the same while what is written is kept findable for another catalog, too."""
        return Catalog(
            tuple(replace(each, coming=coming.named(each.name)) for each in self.resource_types)
        )

    @cached_property
    def schemas(self) -> tuple[Schema, ...]:
        """Every schema in use as it is shaped, in the order of the resource types."""
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


def _resolve(
    document: ResourceTypeDocument, known: Mapping[str, Schema], place: str
) -> ResourceType:
    """Join one resource type with its schemas and check what it says of them."""
    if document.endpoint.lower() in _TAKEN_ENDPOINTS:
        raise ValueError(f"{place}.endpoint: {document.endpoint} belongs to the protocol")
    found: dict[str, Schema] = {}
    named = [(f"{place}.schema", document.schema_)]
    named += [
        (f"{place}.schemaExtensions[{index}].schema", each.schema_)
        for index, each in enumerate(document.schema_extensions)
    ]
    for where, urn in named:
        schema = known.get(urn.lower())
        if schema is None:
            raise ValueError(f"{where}: no schema has the URN {urn}: add it to schemas")
        if schema.id in found:
            raise ValueError(f"{where}: the schema {urn} is named twice")
        found[schema.id] = schema
    base, *extensions = found.values()
    for attribute in base.attributes:
        if attribute.shared(_EVERYWHERE):
            raise ValueError(
                f"{place}.schema: {base.id} has {attribute.name}, which is part of every resource:"
                " leave it out there"
            )
    return shape(document, base, extensions, place)


def _refuse_clash(one: ResourceType, other: ResourceType, place: str) -> None:
    """Refuse two resource types that could not be told apart, or not be described."""
    if other.name.lower() == one.name.lower():
        raise ValueError(f"{place}.name: another resource type is called {one.name}")
    if other.endpoint.lower() == one.endpoint.lower():
        raise ValueError(f"{place}.endpoint: another resource type has {one.endpoint}")
    theirs = {each.id: each for each in (other.schema, *other.extensions)}
    for schema in (one.schema, *one.extensions):
        if theirs.get(schema.id, schema) != schema:
            raise ValueError(
                f"{place}: {other.name} and {one.name} make different things of the schema"
                f" {schema.id}, which can be described only once: let one have a schema of its own"
            )
