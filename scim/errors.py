"""Every way a request can fail, as the RFC names it (RFC 7644 §3.12, RFC 9865 §2.1).

ScimError
├── BadRequest (400)
│   ├── InvalidSyntax   InvalidFilter   InvalidPath   NoTarget   InvalidValue
│   ├── Mutability             TooMany
│   └── InvalidCursor   ExpiredCursor   InvalidCount
├── Unauthorized (401)      Forbidden (403)         NotFound (404)
├── MethodNotAllowed (405)  Uniqueness (409)        PreconditionFailed (412)
├── TooLarge (413)          UnsupportedMediaType (415)   TooManyRequests (429)
├── NotSupported (501)      Unavailable (503)
└── InternalError (500): a bug of ours; raised only by the error boundary

`detail` is shown to an administrator in Entra's provisioning log: it names the attribute, what was
expected and what to do, and never holds a value that was sent.
"""

from collections.abc import Mapping
from typing import ClassVar

ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimError(Exception):
    """An answer that is an error; `headers` are sent with it."""

    status: ClassVar[int] = 500
    scim_type: ClassVar[str | None] = None

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})

    def document(self, request: str) -> dict[str, object]:
        """Render the error body: `status` is a string, no key beyond the RFC's (RFC 7644 §3.12).

        `detail` ends in the id of the request: Entra shows the one and not the answer's headers,
        and the id finds the entry in the directory's log.
        """
        body: dict[str, object] = {"schemas": [ERROR_SCHEMA], "status": str(self.status)}
        if self.scim_type:
            body["scimType"] = self.scim_type
        body["detail"] = f"{self.detail} (request {request})"
        return body


class BadRequest(ScimError):
    status = 400


class InvalidSyntax(BadRequest):
    """The body is no JSON, or not of the shape that the message schema asks for."""

    scim_type = "invalidSyntax"


class InvalidFilter(BadRequest):
    scim_type = "invalidFilter"


class InvalidPath(BadRequest):
    scim_type = "invalidPath"


class NoTarget(BadRequest):
    scim_type = "noTarget"


class InvalidValue(BadRequest):
    """A value is missing, of another type, or not compatible with the attribute."""

    scim_type = "invalidValue"


class Mutability(BadRequest):
    scim_type = "mutability"


class TooMany(BadRequest):
    """More resources are to be looked at than there is time or room for (RFC 7644 §3.12)."""

    scim_type = "tooMany"


class InvalidCursor(BadRequest):
    scim_type = "invalidCursor"


class ExpiredCursor(BadRequest):
    scim_type = "expiredCursor"


class InvalidCount(BadRequest):
    scim_type = "invalidCount"


class Unauthorized(ScimError):
    status = 401

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="scim"'})


class Forbidden(ScimError):
    status = 403


class NotFound(ScimError):
    status = 404


class MethodNotAllowed(ScimError):
    status = 405


class Uniqueness(ScimError):
    status = 409
    scim_type = "uniqueness"


class PreconditionFailed(ScimError):
    status = 412


class TooLarge(ScimError):
    status = 413


class UnsupportedMediaType(ScimError):
    status = 415


class TooManyRequests(ScimError):
    """A directory asks for more than its share: come back after `retry_after` seconds."""

    status = 429

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class InternalError(ScimError):
    status = 500


class NotSupported(ScimError):
    status = 501


class Unavailable(ScimError):
    """The store is down or throttles us: come back after `retry_after` seconds."""

    status = 503

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})
