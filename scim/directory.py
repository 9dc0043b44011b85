"""A directory: one Tenant URL with its own tokens, schemas and rules; the port to their records."""

from functools import cached_property
from typing import Protocol

from pydantic import Field, model_validator

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.dialects import DIALECTS
from scim.schema import Document, ResourceTypeDocument, Schema

# Names that a directory can't have, because paths of the service begin with them.
RESERVED_NAMES = frozenset(
    {"admin", "api", "healthz", "host", "oauth2", "readyz", "runtime", "scim"}
)


class Directory(Document):
    """A directory's record: `id` is opaque and immutable (the partition), `name` is in URLs."""

    id: str = Field(pattern=r"^[a-z0-9]{8,32}$")
    name: str = Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")
    enabled: bool = True
    dialect: str = "entra"
    schemas: tuple[Schema, ...] = ()
    resource_types: tuple[ResourceTypeDocument, ...] = BUILT_IN_RESOURCE_TYPES

    @model_validator(mode="after")
    def _usable(self) -> "Directory":
        """Refuse a record that no request could be served by; the message names the place."""
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect must be one of {', '.join(DIALECTS)}")
        if self.name in RESERVED_NAMES:
            raise ValueError(f"name {self.name} is reserved: paths of the service begin with it")
        _ = self.catalog
        return self

    @cached_property
    def catalog(self) -> Catalog:
        """The schemas and resource types that it serves, resolved once per record."""
        return Catalog.build(self.schemas, self.resource_types)


class Credential(Document):
    """What is kept of a secret token: its keyed digest, never the token (`scim/credentials.py`).

    Times are RFC 3339 UTC; one without `expires` lives until it is revoked.
    """

    id: str = Field(pattern=r"^[a-z0-9]{8,32}$")
    directory: str
    digest: str
    created: str
    expires: str | None = None
    revoked: str | None = None


class NameTaken(Exception):
    """A directory of this name exists."""


class Registry(Protocol):
    """Where directories and credentials are recorded. Answers may be up to a minute old."""

    async def directory(self, id: str) -> Directory | None: ...

    async def directory_named(self, name: str) -> Directory | None: ...

    async def credential(self, id: str) -> Credential | None: ...

    async def add_directory(self, directory: Directory) -> None:
        """Record a new directory. Raises NameTaken, also when two race."""
        ...

    async def add_credential(self, credential: Credential) -> None: ...
