"""What a client sends to the token endpoint, read strictly (RFC 6749 §2.3.1, §3.2, RFC 7521 §4.2).

It says who the client is in exactly one way: by Basic, by `client_secret` or by `client_assertion`.
Parameters are read from the body alone, never from the URL, which logs would keep.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote_plus

from scim.errors import ScimError
from scim.http import Request

FORM = "application/x-www-form-urlencoded"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LARGEST_FORM = 32 * 1024  # bytes; an assertion has about two thousand
_MOST_PARAMETERS = 20
_LONGEST_HEADER = 4096


# With every answer of the endpoint, beside `Cache-Control: no-store` (RFC 6749 §5.1).
PLAIN_JSON: Mapping[str, str] = MappingProxyType(
    {"Content-Type": "application/json", "Pragma": "no-cache"}
)


class TokenError(ScimError):
    """An error of the token endpoint (RFC 6749 §5.2): JSON, and not SCIM's."""

    status = 400

    def __init__(self, code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail, headers={**PLAIN_JSON, **(headers or {})})
        self.code = code

    def document(self, request: str) -> dict[str, object]:
        return {"error": self.code, "error_description": f"{self.detail} (request {request})"}


class Busy(TokenError):
    status = 503


class Failed(TokenError):
    status = 500


def in_form(error: ScimError) -> TokenError:
    """Say as RFC 6749 §5.2 does what is no fault of the client's.

    Its codes have none for that; these are the authorization endpoint's (§4.1.2.1).
    """
    if isinstance(error, TokenError):
        return error
    if error.status == Busy.status:
        return Busy("temporarily_unavailable", error.detail, headers=error.headers)
    return Failed("server_error", error.detail)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for an access token: a client, and its secret or an assertion.

    `broken`: who the client is isn't said, or can't be read.
    """

    client: str
    secret: str = ""
    assertion: str = ""
    scope: str = ""
    broken: bool = False


def read(request: Request) -> Asked:
    """Read the form. Raises TokenError."""
    form = _parameters(request)
    if "grant_type" not in form:
        raise _invalid("grant_type is missing: send grant_type=client_credentials")
    if form["grant_type"] != "client_credentials":
        raise TokenError(
            "unsupported_grant_type", "grant_type must be client_credentials: there is no other"
        )
    header = request.headers.get("authorization", "").strip()
    ways = [bool(header), "client_secret" in form, "client_assertion" in form]
    if sum(ways) > 1:
        raise _invalid(
            "the client says in more than one way who it is: send the Authorization header,"
            " client_secret or client_assertion"
        )
    client, scope = form.get("client_id", ""), form.get("scope", "")
    if header:
        return _basic(header, client, scope)
    if "client_assertion" in form and form.get("client_assertion_type") != JWT_BEARER:
        raise _invalid(f"client_assertion_type must be {JWT_BEARER}")
    return Asked(
        client,
        secret=form.get("client_secret", ""),
        assertion=form.get("client_assertion", ""),
        scope=scope,
        broken=not client or not any(ways),
    )


def _parameters(request: Request) -> dict[str, str]:
    """Parse the body; a parameter without a value counts as left out (RFC 6749 §3.1)."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise _invalid(f"the Content-Type must be {FORM}")
    if len(request.body) > LARGEST_FORM:
        raise _invalid(f"the form is longer than {LARGEST_FORM} bytes")
    try:
        pairs = parse_qsl(
            request.body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError as error:  # UnicodeDecodeError is one, too
        raise _invalid("the body is empty, or no form of UTF-8 text") from error
    if len({name for name, _ in pairs}) < len(pairs):
        raise _invalid("a parameter is there twice: send each once")
    return {name: value for name, value in pairs if value}


def _basic(header: str, named: str, scope: str) -> Asked:
    """Read a client's id and secret from its header: each is form-encoded (RFC 6749 §2.3.1)."""
    scheme, _, credentials = header.partition(" ")
    broken = Asked("", broken=True)
    if scheme.lower() != "basic" or len(header) > _LONGEST_HEADER:
        return broken
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return broken
    id, colon, secret = (unquote_plus(each) for each in text.partition(":"))
    if not colon or not id or named not in ("", id):
        return broken
    return Asked(id, secret=secret, scope=scope)


def _invalid(detail: str) -> TokenError:
    return TokenError("invalid_request", detail)
