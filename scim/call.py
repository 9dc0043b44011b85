"""One authenticated call: what a handler gets, and nothing ambient beside it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from scim import ids
from scim.catalog import Catalog
from scim.cursor import Sealer
from scim.dialect import Dialect
from scim.directory import Directory
from scim.http import Request
from scim.limits import Limits
from scim.repository import Change, Repository
from scim.show import location


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a directory's own client; `base_url` is the Tenant URL, no slash at its end."""

    request: Request
    directory: Directory
    dialect: Dialect
    repository: Repository
    credential: str
    base_url: str
    now: datetime
    limits: Limits
    sealer: Sealer

    @property
    def catalog(self) -> Catalog:
        return self.directory.catalog

    @property
    def endpoints(self) -> dict[str, str]:
        """The endpoint of each resource type, by the type's name."""
        return {each.name: each.endpoint for each in self.catalog.resource_types}

    def location(self, endpoint: str, id: str) -> str:
        """The absolute URL of a resource (RFC 7643 §3.1, `meta.location`)."""
        return location(self.base_url, endpoint, id)

    def change(
        self, verb: Literal["create", "update", "delete"], attributes: tuple[str, ...] = ()
    ) -> Change:
        """Describe a write that this call makes, at its time and under a new id."""
        return Change(
            ids.change_id(self.now), ids.timestamp(self.now), verb, attributes, self.credential
        )
