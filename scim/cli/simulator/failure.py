"""What Entra's provisioning log calls a failure, and which of them stop the job.

Microsoft Learn, howto-analyze-provisioning-logs (codes) and
application-provisioning-quarantine-status (what stops the job).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from scim.cli.simulator.wire import NoAnswer, Received, Sent, Silence

_LONG = "SystemForCrossDomainIdentityManagement"
SERVICE_INCOMPATIBLE = f"{_LONG}ServiceIncompatible"
INCOMPATIBLE_FILTERING = f"{_LONG}IncompatibleFiltering"
MULTIPLE_ENTRIES = f"{_LONG}MultipleEntriesInResponse"
CREDENTIALS = f"{_LONG}CredentialValidationFailure"

# Tried again in the next cycle, 40 minutes later; others go into escrow.
TRANSIENT = frozenset(
    {"InternalServerError", "TooManyRequests", "Timeout", "WebExceptionProtocolError"}
)

_STATUSES: Mapping[int, str] = MappingProxyType(
    {
        401: "Unauthorized",
        403: "InsufficientRights",
        405: "MethodNotAllowed",
        409: "EntryConflict",
        422: "UnprocessableEntity",
        429: "TooManyRequests",
        501: "NotImplemented",
    }
)
_SILENCES: Mapping[Silence, str] = MappingProxyType(
    {
        "timeout": "Timeout",
        "refused": "WebExceptionProtocolError",
        "tls": "WebExceptionProtocolError",
        "dropped": "WebExceptionProtocolError",
        "malformed": "WebExceptionProtocolError",
        "denied": CREDENTIALS,
    }
)


class Failure(Exception):
    """Something about one object that could not be done; `code` is the log's, `detail` says why.

    `sent` and `received` are the request that it came from, if one did, and the answer or its
    absence. `stops` says whether the job goes on with other objects.
    """

    stops = False

    def __init__(
        self,
        code: str,
        detail: str,
        sent: Sent | None = None,
        received: Received | NoAnswer | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.sent = sent
        self.received = received

    @property
    def transient(self) -> bool:
        return self.code in TRANSIENT


class Stopped(Failure):
    """A failure that puts the whole job into quarantine at once."""

    stops = True


def unanswered(sent: Sent, error: NoAnswer) -> Failure:
    failure = Stopped if error.kind == "denied" else Failure
    return failure(_SILENCES[error.kind], str(error), sent, error)


def refused(sent: Sent, received: Received, expected: str) -> Failure:
    """Say what an answer with another status than was due means for its object."""
    status = received.status
    found = _said(received)
    detail = f"{sent.method} was answered with {status} where {expected} is due"
    detail = f"{detail}: {found['detail']}" if found.get("detail") else detail
    if status == 401:
        return Stopped(CREDENTIALS, detail, sent, received)
    code = _STATUSES.get(status)
    if code is None:
        code = "InternalServerError" if status >= 500 else SERVICE_INCOMPATIBLE
    if status == 400 and found.get("scimType") == "invalidPath":
        code = "SchemaAttributeNotFound"
    return Failure(code, detail, sent, received)


def refused_filter(sent: Sent, received: Received) -> Failure:
    """Say what it means that a query was refused: 400 and 404 to a filter stop the job."""
    failure = refused(sent, received, "200 with a ListResponse, even for nobody,")
    if received.status == 400 and _said(received).get("scimType") == "invalidFilter":
        return Stopped(INCOMPATIBLE_FILTERING, failure.detail, sent, received)
    if received.status in (400, 404):
        return Stopped(SERVICE_INCOMPATIBLE, failure.detail, sent, received)
    return failure


def _said(received: Received) -> Mapping[str, Any]:
    try:
        found = received.json
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
