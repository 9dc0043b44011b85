"""A directory: one Tenant URL with its own tokens, schemas and rules."""

from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, model_validator

from scim.auth.records import Trust
from scim.catalog import Catalog
from scim.definitions import Document
from scim.dialect import Dialect
from scim.dialects import DIALECTS
from scim.rules import Rules

# Names that a directory can't have, because paths of the service begin with them.
RESERVED_NAMES = frozenset(
    {"admin", "api", "healthz", "host", "oauth2", "readyz", "runtime", "scim"}
)


class Restoring(Document):
    """A restore that is under way: of which backup, by whom, when that was noted, how far it is."""

    backup: str
    run: str
    at: str
    after: str = ""


class Moving(Document):
    """A move to another storage account that is under way (`scim/moving.py`); None: the main one.

    - copying: rows are copied beside the traffic
    - frozen: nothing is written, so that the copy becomes whole
    - switched: the copy serves, and the rows that it was made of are being removed
    - back: it was given up, and the copy is being removed
    """

    source: str | None = None
    target: str | None = None
    phase: Literal["copying", "frozen", "switched", "back"] = "copying"
    run: str
    at: str


class Directory(Rules):
    """A directory's record: `id` is opaque and immutable (the partition), `name` is in URLs.

    `preset` is what its rules were made from, None for a file of the operator's own. `created` is
    RFC 3339 UTC. `removing` is set while its data is being removed. `next` are rules that it is to
    have as soon as what exists is indexed for them, `previous` are rules that it had, or was to
    have, and whose rows are still there (`scim/reindexing.py`). `entra` says whose tokens that
    Entra issued itself are taken; None: nobody's. `storage` is the account that its rows are in
    (SCIM_STORAGE_ACCOUNTS); None: the one that the registry is in. `restoring` is set while a
    backup is brought back into it (`scim/backup/restoring.py`), `moving` while it changes accounts.
    """

    id: str = Field(pattern=r"^[a-z0-9]{8,32}$")
    name: str = Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")
    enabled: bool = True
    removing: bool = False
    preset: str | None = None
    created: str = ""
    entra: Trust | None = None
    storage: str | None = None
    restoring: Restoring | None = None
    moving: Moving | None = None
    next: Rules | None = None
    previous: Rules | None = None

    @model_validator(mode="after")
    def _addressable(self) -> "Directory":
        if self.name in RESERVED_NAMES:
            raise ValueError(f"name {self.name} is reserved: paths of the service begin with it")
        return self

    @cached_property
    def catalog(self) -> Catalog:
        """What its rules serve, kept findable for the rules that are to come, too."""
        served = super().catalog
        return served if self.next is None else served.before(self.next.catalog)

    @cached_property
    def spoken(self) -> Dialect:
        """Its dialect, with its own rule on unknown attributes over the dialect's."""
        dialect = DIALECTS[self.dialect]
        unknown = self.unknown or dialect.tolerance.unknown
        return replace(dialect, tolerance=replace(dialect.tolerance, unknown=unknown))

    @property
    def rules(self) -> Rules:
        """Its rules alone, as a preset has them."""
        return Rules.model_validate({name: getattr(self, name) for name in Rules.model_fields})

    def having(self, rules: Rules, **more: Any) -> "Directory":
        """Make the same directory with other rules."""
        kept = {name: getattr(self, name) for name in Directory.model_fields}
        ruled = {name: getattr(rules, name) for name in Rules.model_fields}
        return Directory.model_validate({**kept, **ruled, **more})
