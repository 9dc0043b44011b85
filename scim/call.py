"""One authenticated call: what a handler gets, and nothing ambient beside it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from scim import ids
from scim.auth.caller import EVERY_SCOPE, Caller
from scim.auth.records import Scope
from scim.catalog import Catalog
from scim.cursor import Sealer
from scim.dialect import Dialect
from scim.directory import Directory
from scim.http import Request
from scim.limits import Limits
from scim.notes import Notes
from scim.repository import Change, Repository
from scim.room import Load
from scim.show import location


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a directory's own client; `base_url` is the Tenant URL, no slash at its end.

    `now` is when it began. `admit` tells whether its client is let in at a later time, and gives
    the directory as it is then; raises Refusal, Forbidden. `scopes` are what it may do.
    """

    request: Request
    directory: Directory
    dialect: Dialect
    repository: Repository
    credential: str
    base_url: str
    now: datetime
    sealer: Sealer
    notes: Notes
    clock: Callable[[], datetime]
    admit: Callable[[datetime, Notes], Awaitable[Caller]]
    scopes: frozenset[Scope] = EVERY_SCOPE

    async def again(self, now: datetime, notes: Notes) -> "Call":
        """Give the call as it is now, for a further operation. Raises Refusal, Forbidden."""
        caller = await self.admit(now, notes)
        return replace(
            self,
            directory=caller.directory,
            dialect=caller.directory.spoken,
            scopes=caller.scopes,
            now=now,
            notes=notes,
        )

    @property
    def catalog(self) -> Catalog:
        return self.directory.catalog

    @property
    def limits(self) -> Limits:
        return self.directory.limits

    @property
    def load(self) -> Load:
        """What the request holds in memory, which it tells as it reads."""
        return self.repository.meter.load

    @property
    def endpoints(self) -> dict[str, str]:
        """The endpoint of each resource type, by the type's name."""
        return {each.name: each.endpoint for each in self.catalog.resource_types}

    def location(self, endpoint: str, id: str) -> str:
        """The absolute URL of a resource (RFC 7643 §3.1, `meta.location`)."""
        return location(self.base_url, endpoint, id)

    def change(
        self,
        verb: Literal["create", "update", "delete", "restore"],
        attributes: tuple[str, ...] = (),
        *,
        detail: str = "",
    ) -> Change:
        """Describe a write that this call makes, at its time and under a new id."""
        id = self.notes.succession.next(self.now)
        self.notes.changes.append(id)
        return Change(
            id=id,
            at=ids.timestamp(self.now),
            verb=verb,
            attributes=attributes,
            credential=self.credential,
            operation=self.notes.operation,
            request=self.notes.request,
            status=self._status,
            ignored=self.notes.ignored,
            detail=detail,
        )

    @property
    def _status(self) -> int:
        """What a write is answered with when all goes well; a large group's PATCH may be 204."""
        if self.request.method == "PATCH":
            type = self.catalog.named(self.notes.type)
            quiet = type is not None and type.members and not self.dialect.answers_member_patch
            return 204 if quiet else 200
        return {"POST": 201, "DELETE": 204}.get(self.request.method, 200)
