"""What is learnt of one request while it is answered, for the directory's log.

`scim.log` tells the operator of the service; these notes become entries that a directory's own
operator reads (`scim/journal.py`). Who answers the request hands them on with its `Call`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from scim import ids
from scim.auth.reasons import REASONS, refusal
from scim.datatypes import UNNAMED
from scim.directory import Directory
from scim.entity_tags import entity_tag
from scim.errors import ScimError
from scim.http import Response
from scim.journal import Entry, plain, printable
from scim.repository import Repository


@dataclass(slots=True)
class Notes:
    """Notes of a request, or of one operation of a bulk request.

    `request` is the id that its answer carries. `directory` is whose the token is, once that is
    known. `changes` are the ids of the changes that were tried, `created` that of a resource that
    was made, `inner` the operations of a bulk request. Each of these has its place in the log, `id`
    and `at`, from when it begins.
    """

    request: str
    directory: Directory | None = None
    repository: Repository | None = None
    credential: str = ""
    operation: str = ""
    type: str = ""
    resource: str = ""
    ignored: tuple[str, ...] = ()
    changes: list[str] = field(default_factory=list)
    error: ScimError | None = None
    wrote: bool = False
    created: str = ""
    id: str = ""
    at: str = ""
    succession: ids.Succession = field(default_factory=ids.Succession)
    inner: list["Notes"] = field(default_factory=list)

    def about(self, operation: str, type: str = "", resource: str = "") -> None:
        """Note what is done to what; an id that no resource can have is left out."""
        self.operation = printable(operation)
        self.type = type
        self.resource = resource if ids.usable(resource) else ""

    def ignoring(self, names: Iterable[str]) -> None:
        """Note attributes that were sent and that no schema has."""
        self.ignored = plain((*self.ignored, *names), UNNAMED)

    def answered(self, response: Response) -> None:
        """Note whether an answer shows a version that this request made."""
        self.wrote = response.headers.get("ETag") in [entity_tag(each) for each in self.changes]

    def within(self, now: datetime) -> "Notes":
        """Begin the notes of one operation of a bulk request."""
        one = Notes(
            self.request,
            self.directory,
            self.repository,
            self.credential,
            operation=self.operation,
            id=self.succession.next(now),
            at=ids.timestamp(now),
            succession=self.succession,
        )
        self.inner.append(one)
        return one

    def entries(self, now: datetime) -> list[Entry]:
        """Make the entries that no write has made: what was refused, what was passed over."""
        own = self._entry(now)
        inner = [entry for each in self.inner for entry in each.entries(now)]
        return [*inner, own] if own is not None else inner

    @property
    def reason(self) -> str:
        """The code of why nobody was let in; the answer holds neither it nor its sentence."""
        found = refusal(self.error)
        return found.code if found else ""

    @property
    def _detail(self) -> str:
        if self.error is None:
            return _PASSED_OVER
        found = refusal(self.error)
        return REASONS[found.code] if found else printable(self.error.detail)

    def _entry(self, now: datetime) -> Entry | None:
        if self.error is None and (self.wrote or not self.ignored):
            return None
        refused = self.error is not None
        return Entry(
            id=self.id or self.succession.next(now),
            at=self.at or ids.timestamp(now),
            verb="refuse" if refused else "warn",
            operation=self.operation,
            status=self.error.status if self.error else 0,
            credential=self.credential,
            type=self.type,
            resource=self.resource,
            ignored=self.ignored,
            scim_type=(self.error.scim_type or "") if self.error else "",
            detail=self._detail,
            request=self.request,
            reason=self.reason,
        )


_PASSED_OVER = (
    "nothing was changed, and attributes that no schema of this directory has were passed over:"
    " remove their mappings, or add them to the directory"
)
