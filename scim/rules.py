"""A directory's rules: all that a preset sets, as one JSON document (`scim/presets/`).

Whoever writes one is told, for each mistake, the place and what is expected there.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, StrictInt, field_validator, model_validator

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.definitions import Document, ResourceTypeDocument, Schema
from scim.dialects import DIALECTS
from scim.kept import with_kept
from scim.limits import Limits


class Deletion(Document):
    """What DELETE does (RFC 7644 §3.6 leaves it to the service).

    hard: the resource is gone. soft: gone for SCIM, its record kept for `days`, restorable.
    deactivate: resources of a type with an `active` attribute stay, inactive; others are deleted.
    """

    policy: Literal["hard", "soft", "deactivate"] = "hard"
    days: StrictInt = Field(30, ge=1, le=3650)


class Rules(Document):
    """How a directory behaves.

    `unknown` says what becomes of attributes that no schema has, None: what the dialect does.
    `log_days` is how long the directory's log is kept.
    """

    description: str = ""
    dialect: str = "entra"
    schemas: tuple[Schema, ...] = ()
    resource_types: tuple[ResourceTypeDocument, ...] = BUILT_IN_RESOURCE_TYPES
    deletion: Deletion = Field(Deletion(), alias="delete")
    unknown: Literal["ignore", "reject", "keep"] | None = None
    limits: Limits = Limits()
    log_days: StrictInt = Field(30, ge=1, le=365)

    @field_validator("resource_types", mode="before")
    @classmethod
    def _over_built_in(cls, documents: Any) -> Any:
        """Take what is said of a built-in resource type as said over its own document."""
        if not isinstance(documents, list):
            return documents
        return [_completed(each) for each in documents]

    @field_validator("dialect")
    @classmethod
    def _spoken(cls, dialect: str) -> str:
        if dialect not in DIALECTS:
            raise ValueError(f"expected one of {', '.join(DIALECTS)}")
        return dialect

    @model_validator(mode="after")
    def _usable(self) -> "Rules":
        """Refuse rules that no request could be served by; the message names the place."""
        types = self.catalog.resource_types
        if not types:
            raise ValueError("resourceTypes: expected at least one, such as User")
        if self.deletion.policy == "deactivate" and not any(each.active for each in types):
            raise ValueError(
                "delete.policy: deactivate needs a resource type that names its active attribute"
            )
        return self

    @cached_property
    def catalog(self) -> Catalog:
        """The schemas and resource types that it serves, resolved once per record."""
        schemas, documents = self.schemas, self.resource_types
        if self.unknown == "keep":
            schemas, documents = with_kept(schemas, documents)
        return Catalog.build(schemas, documents)


def _completed(document: Any) -> Any:
    if not isinstance(document, Mapping):
        return document
    built_in = next(
        (each for each in BUILT_IN_RESOURCE_TYPES if each.name == document.get("name")), None
    )
    if built_in is None or "schema" in document:
        return document
    return {**built_in.model_dump(by_alias=True, exclude_none=True), **document}
