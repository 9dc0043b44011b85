"""Definitions: the documents that say what a resource may hold, as served (RFC 7643 §6, §7).

They are frozen values made from JSON. What the RFC calls wrong in a document is refused when it is
read, with the name of the attribute, so that whoever wrote it finds the line.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic.alias_generators import to_camel

SCHEMA_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"

# What `referenceTypes` holds beside names of resource types (RFC 7643 §7).
_OUTSIDE = frozenset({"external", "uri"})


class Document(BaseModel):
    """A JSON document fixed by an RFC: frozen, camelCase outside, snake_case inside."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid"
    )


class Attribute(Document):
    """One attribute definition with all its characteristics (RFC 7643 §2.2, §7)."""

    name: str = Field(
        pattern=r"^[A-Za-z$][A-Za-z0-9$_.-]*$",
        max_length=128,
        description="a letter, then letters, digits, $, _, - and dots",
    )
    type: Literal[
        "string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex"
    ] = "string"
    multi_valued: StrictBool = False
    description: str = ""
    required: StrictBool = False
    canonical_values: tuple[str, ...] | None = None
    case_exact: StrictBool = False
    mutability: Literal["readOnly", "readWrite", "immutable", "writeOnly"] = "readWrite"
    returned: Literal["always", "never", "default", "request"] = "default"
    uniqueness: Literal["none", "server", "global"] = "none"
    reference_types: tuple[str, ...] | None = None
    sub_attributes: tuple["Attribute", ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> "Attribute":
        if (self.type == "complex") != bool(self.sub_attributes):
            raise ValueError(
                f"{self.name}: a complex attribute has subAttributes, and no other has"
            )
        _refuse_twins(self.sub_attributes, f"{self.name}: two sub-attributes are")
        return self

    @cached_property
    def _by_name(self) -> Mapping[str, "Attribute"]:
        return MappingProxyType({sub.name.lower(): sub for sub in self.sub_attributes})

    def sub(self, name: str) -> "Attribute | None":
        """Find a sub-attribute by name, in any letter case."""
        return self._by_name.get(name.lower())

    @cached_property
    def paths(self) -> frozenset[str]:
        """Its own path and those of its sub-attributes, in lower case."""
        name = self.name.lower()
        return frozenset({name, *(f"{name}.{each}" for each in self._by_name)})

    def shared(self, taken: Collection[str]) -> str | None:
        """Find a path of it that is taken: names may hold dots, so `name.givenName` can be two."""
        return next((each for each in sorted(self.paths) if each in taken), None)

    @cached_property
    def key(self) -> "Attribute | None":
        """The sub-attribute that tells elements apart: one required and immutable, not `value`.

        Where there is none, as in the RFCs' own schemas, `type` and `value` do (RFC 7643 §2.4).
        """
        fixed = (each for each in self.sub_attributes if each.mutability == "immutable")
        return next((each for each in fixed if each.required and each.name != "value"), None)

    @property
    def exact(self) -> bool:
        """Whether letter case counts; in references and binaries it does (RFC 7643 §2.3)."""
        return self.case_exact or self.type in ("reference", "binary")

    @property
    def targets(self) -> tuple[str, ...]:
        """Name the resource types that a reference may point to (RFC 7643 §7, referenceTypes)."""
        return tuple(each for each in self.reference_types or () if each not in _OUTSIDE)

    def document(self) -> dict[str, Any]:
        """Render the definition as served: no nulls, every characteristic (RFC 7643 §7)."""
        served = self.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude={"sub_attributes"}
        )
        served["caseExact"] = self.exact
        if self.type == "complex":
            served["subAttributes"] = [sub.document() for sub in self.sub_attributes]
        return served


class ServedDocument(Document):
    """A definition that is also read in the form in which it is served, so one can be copied."""

    _added: ClassVar[frozenset[str]] = frozenset({"schemas", "meta"})

    @model_validator(mode="before")
    @classmethod
    def _without_what_serving_added(cls, document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        return {key: value for key, value in document.items() if key not in cls._added}


class Schema(ServedDocument):
    """A schema document (RFC 7643 §7); `id` is its URN."""

    id: str = Field(
        pattern=r"(?i)^urn:[a-z0-9][a-z0-9-]{0,31}:\S+$",
        max_length=255,
        description="a URN, such as urn:example:scim:schemas:2.0:Room",
    )
    name: str
    description: str = ""
    attributes: tuple[Attribute, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> "Schema":
        _refuse_twins(self.attributes, f"{self.id}: two attributes are")
        taken: set[str] = set()
        for each in self.attributes:
            if path := each.shared(taken):
                raise ValueError(
                    f"{self.id}: {path} is the path of two attributes, a dot in a name counted:"
                    " call one of them something else"
                )
            taken |= each.paths
        return self

    @cached_property
    def _by_name(self) -> Mapping[str, Attribute]:
        return MappingProxyType({each.name.lower(): each for each in self.attributes})

    def attribute(self, name: str) -> Attribute | None:
        """Find a top-level attribute by name, in any letter case."""
        return self._by_name.get(name.lower())

    def document(self) -> dict[str, Any]:
        """Render the schema as served, without `meta` (RFC 7643 §7)."""
        served = self.model_dump(include={"id", "name", "description"})
        attributes = [each.document() for each in self.attributes]
        return {"schemas": [SCHEMA_SCHEMA], **served, "attributes": attributes}


class SchemaExtension(Document):
    """An extension that a resource type may carry (RFC 7643 §6)."""

    schema_: str = Field(alias="schema")
    required: StrictBool = False


class ResourceTypeDocument(ServedDocument):
    """What a resource type is made of: the RFC's keys (RFC 7643 §6), and ours, which aren't served.

    `members` names the attribute whose values are memberships, kept as rows of their own;
    `memberOf` the read-only attribute computed from them. `indexed` and `unique` list attribute
    paths (`emails.value`, `URN:employeeNumber`) that a match query answers without a scan; values
    of a `unique` one may occur once in a directory; without a list, those that the schemas declare.
    `attributes` are added to the base schema; `only` names all that is left of it, down to
    sub-attributes; `required` paths must have a value, beside those that the schemas require.
    `active` names the boolean that says whether a resource is in use. `adopts` says of paths which
    attribute of a new resource may stand in one that exists: that one is meant then, and updated
    (`{"externalId": "email"}`: its externalId holds what is sent as email).
    """

    _added: ClassVar[frozenset[str]] = frozenset({"schemas", "meta", "id"})

    name: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9]{0,31}$",
        description="a letter, then letters and digits, at most 32",
    )
    endpoint: str = Field(
        pattern=r"^/[A-Za-z][A-Za-z0-9_-]{0,63}$",
        description="a slash and one segment of a path, such as /Rooms",
    )
    description: str = ""
    schema_: str = Field(alias="schema")
    schema_extensions: tuple[SchemaExtension, ...] = ()
    members: str | None = None
    member_of: str | None = None
    indexed: tuple[str, ...] = ()
    unique: tuple[str, ...] | None = None
    attributes: tuple[Attribute, ...] = ()
    only: tuple[str, ...] | None = None
    required: tuple[str, ...] = ()
    active: str | None = None
    adopts: Mapping[str, str] = Field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Render the resource type as served: without our keys and `meta` (RFC 7643 §6)."""
        kept = {"name", "endpoint", "description", "schema_", "schema_extensions"}
        served = self.model_dump(mode="json", by_alias=True, include=kept)
        return {"schemas": [RESOURCE_TYPE_SCHEMA], "id": self.name, **served}


def _refuse_twins(attributes: Iterable[Attribute], complaint: str) -> None:
    seen: set[str] = set()
    for each in attributes:
        if each.name.lower() in seen:
            raise ValueError(f"{complaint} called {each.name}; letter case makes no difference")
        seen.add(each.name.lower())


# RFC 7643 §3.1: part of every resource, listed in no schema (`externalId` is listed in ours,
# because Microsoft's validators look for it there).
COMMON = Schema(
    id="urn:ietf:params:scim:schemas:core:2.0:Common",
    name="Common",
    attributes=(
        Attribute(
            name="schemas",
            type="reference",
            multi_valued=True,
            reference_types=("uri",),
            returned="always",
        ),
        Attribute(
            name="id",
            case_exact=True,
            mutability="readOnly",
            returned="always",
            uniqueness="server",
        ),
        Attribute(name="externalId", case_exact=True),
        Attribute(
            name="meta",
            type="complex",
            mutability="readOnly",
            sub_attributes=(
                Attribute(name="resourceType", case_exact=True, mutability="readOnly"),
                Attribute(name="created", type="dateTime", mutability="readOnly"),
                Attribute(name="lastModified", type="dateTime", mutability="readOnly"),
                Attribute(
                    name="location",
                    type="reference",
                    reference_types=("uri",),
                    mutability="readOnly",
                ),
                Attribute(name="version", case_exact=True, mutability="readOnly"),
            ),
        ),
    ),
)
