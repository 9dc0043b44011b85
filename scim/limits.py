"""The limits that the service enforces and advertises: one place, so that both are the same."""

from datetime import timedelta

from pydantic import Field, StrictInt

from scim.definitions import Document

LARGEST_BODY = 4 * 1024 * 1024  # bytes
MOST_OPERATIONS = 1000  # in a Bulk request
LARGEST_PAGE = 1000  # resources, the store's own page


class Limits(Document):
    """What one request may ask for (RFC 7643 §5, RFC 9865 §4); a directory may set lower ones."""

    body_bytes: StrictInt = Field(LARGEST_BODY, ge=1, le=LARGEST_BODY)
    bulk_operations: StrictInt = Field(MOST_OPERATIONS, ge=1, le=MOST_OPERATIONS)
    # Resources in a page when the request names no count, and whatever count it names.
    default_page: StrictInt = Field(100, ge=1, le=LARGEST_PAGE)
    max_page: StrictInt = Field(LARGEST_PAGE, ge=1, le=LARGEST_PAGE)
    cursor_seconds: StrictInt = Field(3600, ge=1, le=24 * 3600)

    @property
    def cursor_lifetime(self) -> timedelta:
        return timedelta(seconds=self.cursor_seconds)
