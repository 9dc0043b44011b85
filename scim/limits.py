"""The limits that the service enforces and advertises: one place, so that both are the same."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for (RFC 7643 §5, RFC 9865 §4)."""

    body_bytes: int = 4 * 1024 * 1024
    bulk_operations: int = 1000
    default_page: int = 100  # resources in a page when the request names no count
    max_page: int = 1000  # resources in a page, whatever count the request names
    cursor_lifetime: timedelta = timedelta(hours=1)
