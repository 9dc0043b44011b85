"""A request and a response, as the protocol sees them: bytes in, bytes out, no server."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from scim.encoding import encode

MEDIA_TYPE = "application/scim+json"  # exactly: a charset parameter fails strict readers
# With every answer: people's data are kept by no cache, and taken for nothing but what they are.
SAFE: Mapping[str, str] = MappingProxyType(
    {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
)


@dataclass(frozen=True)
class Request:
    """One HTTP request. `url` is absolute and still encoded; header names are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The path, split and percent-decoded once.

        Double and trailing slashes vanish: Entra joins a Tenant URL and `/Users` to `//Users`.
        """
        path = urlsplit(self.url).path
        return tuple(unquote(each) for each in path.split("/") if each)

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query, form-decoded once, names in lower case; the first of repeated ones counts.

        Parameters without a value are kept: Entra's flag `?aadOptscim062020` is one.
        """
        pairs = parse_qsl(
            urlsplit(self.url).query, keep_blank_values=True, encoding="utf-8", errors="replace"
        )
        return {name.lower(): value for name, value in reversed(pairs)}


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response; None as its document sends no body and no Content-Type.

    `document` is written as JSON, or is bytes that are JSON already.
    """

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        if self.document is None:
            return b""
        return self.document if isinstance(self.document, bytes) else encode(self.document)

    def written(self) -> "Response":
        """Write the body; what it was made of is needed no longer."""
        return self if self.document is None else replace(self, document=self.body)
