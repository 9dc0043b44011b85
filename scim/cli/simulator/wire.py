"""One request and one answer as Entra's client has them on the wire, and how it writes a query.

What sends a request is a function, `Send`: the same job runs against a server in memory and over
HTTP. A request never holds the token; whoever sends it adds that.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote

# No User-Agent, no Accept, and a Content-Type only with a body (azure-docs issues 12728, 21660,
# 94189).
HEADERS: Mapping[str, str] = MappingProxyType({"ADSCIMVersion": "5.0"})
BODY_HEADERS: Mapping[str, str] = MappingProxyType(
    {**HEADERS, "Content-Type": "application/scim+json; charset=utf-8"}
)

# timeout: no answer within 60 seconds. refused: no connection. tls: no trust. dropped: the
# connection ended before the answer did. malformed: what came is no HTTP. denied: no request was
# sent, as the token endpoint gave a client no access token.
Silence = Literal["timeout", "refused", "tls", "dropped", "malformed", "denied"]


@dataclass(frozen=True)
class Sent:
    """One request; `path` is below the Tenant URL, `query` is encoded already."""

    method: str
    path: str
    query: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The path and the query, as in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def content(self) -> bytes | None:
        """The body as bytes, JSON unless it is bytes already; None when there is none."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, ensure_ascii=False).encode()

    @property
    def writes(self) -> bool:
        return self.method != "GET"


@dataclass(frozen=True)
class Received:
    """One answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def json(self) -> Any:
        """The body, parsed, None for an empty one; ValueError when it is no JSON."""
        if not self.body.strip():
            return None
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


class NoAnswer(Exception):
    """A request that got no answer; whether it took effect is unknown."""

    def __init__(self, kind: Silence, detail: str = "") -> None:
        super().__init__(detail or kind)
        self.kind: Silence = kind


Send = Callable[[Sent], Awaitable[Received]]


def request(
    method: str, path: str, query: str = "", body: Any = None, *, accept: bool = False
) -> Sent:
    """Make a request with Entra's headers; `accept` adds the Accept that it does not send."""
    headers = BODY_HEADERS if body is not None else HEADERS
    if accept:
        headers = {**headers, "Accept": "application/scim+json"}
    return Sent(method, path, query, body, headers)


# --- queries ---

# library: as Microsoft's published library composes it; the others are as documents, validators
# and generic clients write the same.
Form = Literal["library", "documented", "validator", "generic", "bare"]
Terms = tuple[tuple[str, str], ...]

_UNRESERVED = "-_.!*()"  # what .NET's HttpUtility.UrlEncode leaves alone, beside letters and digits
_REPLACED = " ;/?:@&=+$,#[]!'()*"  # what the library encodes in a filter's value, one by one
_ORDER = ("attributes", "excludedAttributes", "filter", "startIndex", "count")
_URL = "!$'()*,-./:;=?@[]_~"  # what a browser's address bar leaves alone in a query, but & and +


def query(**parameters: str | int) -> str:
    """Write a query in the library's order; a filter and names are encoded already."""
    chosen = ((name, parameters[name]) for name in _ORDER if name in parameters)
    return "&".join(f"{name}={value}" for name, value in chosen)


def encode_filter(path: str, value: str, form: Form = "library") -> str:
    """Write an encoded `path eq "value"`."""
    return encode_terms(((path, value),), form)


def encode_terms(terms: Terms, form: Form = "library") -> str:
    """Write encoded comparisons joined by `and`, without parentheses."""
    write = _FORMS[form]
    joint = "+and+" if form in ("library", "validator") else "%20and%20"
    return joint.join(write(path, value) for path, value in terms)


def url_encode(text: str) -> str:
    """Encode as HttpUtility.UrlEncode does: a space is `+`, escapes are in lower case."""
    return "".join(
        "+"
        if each == " "
        else each
        if each.isascii() and (each.isalnum() or each in _UNRESERVED)
        else "".join(f"%{byte:02x}" for byte in each.encode())
        for each in text
    )


_REPLACEMENTS = MappingProxyType(str.maketrans({each: url_encode(each) for each in _REPLACED}))


def _library(path: str, value: str) -> str:
    """Leave `%`, quotes and backslashes of the value as they are.

    What can't stand in a request line is encoded, as any HTTP client does.
    """
    value = "".join(
        each if "!" <= each <= "~" else "".join(f"%{byte:02X}" for byte in each.encode())
        for each in value.translate(_REPLACEMENTS)
    )
    return f"{url_encode(path)}+eq+%22{value}%22"


def _generic(path: str, value: str) -> str:
    return quote(f"{path} eq {json.dumps(value, ensure_ascii=False)}", safe="")


def _validator(path: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{quote(path, safe=_URL)}+eq+"{quote(escaped, safe="")}"'


def _documented(path: str, value: str) -> str:
    return quote(f'{path} eq "{value}"', safe=_URL + '"')


def _bare(path: str, value: str) -> str:
    return quote(f"{path} eq {value}", safe=_URL)


_FORMS: Mapping[Form, Callable[[str, str], str]] = MappingProxyType(
    {
        "library": _library,
        "documented": _documented,
        "validator": _validator,
        "generic": _generic,
        "bare": _bare,
    }
)
