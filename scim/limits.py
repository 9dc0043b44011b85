"""The limits that the service enforces and advertises: one place, so that both are the same."""

from datetime import timedelta

from pydantic import Field, StrictInt

from scim.definitions import Document

LARGEST_BODY = 4 * 1024 * 1024  # bytes
MOST_OPERATIONS = 1000  # in a Bulk request
MOST_PATCHED = 2000  # operations in a PATCH
MOST_MEMBERS = 100_000  # in a request; with nothing but ids, its body holds about 80,000
LARGEST_PAGE = 1000  # resources, the store's own page


class Limits(Document):
    """What one request may ask for, and a directory's requests together (RFC 7643 §5, RFC 9865 §4).

    The rate is per process, 0 for none; it is far above what Entra's job sends, 25 at most.
    """

    body_bytes: StrictInt = Field(LARGEST_BODY, ge=1, le=LARGEST_BODY)
    bulk_operations: StrictInt = Field(MOST_OPERATIONS, ge=1, le=MOST_OPERATIONS)
    patch_operations: StrictInt = Field(MOST_PATCHED, ge=1, le=MOST_PATCHED)
    members: StrictInt = Field(20_000, ge=1, le=MOST_MEMBERS)
    # Resources in a page when the request names no count, and whatever count it names.
    default_page: StrictInt = Field(100, ge=1, le=LARGEST_PAGE)
    max_page: StrictInt = Field(LARGEST_PAGE, ge=1, le=LARGEST_PAGE)
    cursor_seconds: StrictInt = Field(3600, ge=1, le=24 * 3600)
    requests_per_second: StrictInt = Field(100, ge=0, le=10_000)
    # So many at once beyond the rate, then they are slowed down.
    burst: StrictInt = Field(1000, ge=1, le=100_000)

    @property
    def cursor_lifetime(self) -> timedelta:
        return timedelta(seconds=self.cursor_seconds)
