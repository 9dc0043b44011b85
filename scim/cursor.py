"""Cursors that a client can neither read meaning into nor make up (RFC 9865 §2).

A cursor is base64url of JSON and a truncated HMAC over it and its `purpose`: the directory, the
resource types, the filter and the order that it was issued for. It holds ids and numbers, never an
attribute's value.
"""

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from scim.errors import ExpiredCursor, InvalidCursor

_MAC_BYTES = 16
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals cursors with the first of its secret keys, and opens them with any."""

    keys: tuple[bytes, ...]

    @classmethod
    def derive(cls, *peppers: bytes) -> "Sealer":
        """Derive keys from the peppers, so that cursors and token digests share none."""
        return cls(tuple(hmac.digest(each, b"scim cursor key", "sha256") for each in peppers))

    def seal(self, position: dict[str, Any], purpose: str, now: datetime) -> str:
        """Make a cursor of a position that only the same query of the same directory opens."""
        stamped = {**position, "t": int(now.timestamp())}
        text = json.dumps(stamped, separators=(",", ":")).encode()
        sealed = _mac(self.keys[0], text, purpose) + text
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, cursor: str, purpose: str, now: datetime, lifetime: timedelta) -> dict[str, Any]:
        """Read a cursor. Raises InvalidCursor, ExpiredCursor (RFC 9865 §2.1)."""
        wrong = InvalidCursor(
            "cursor is not one that this query returned: start again with an empty cursor, and"
            " send the same filter, sortBy and sortOrder with each page"
        )
        if len(cursor) > _LONGEST:
            raise wrong
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            sealed = base64.b64decode(padded, altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error) as error:
            raise wrong from error
        mac, text = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        if not any(hmac.compare_digest(mac, _mac(each, text, purpose)) for each in self.keys):
            raise wrong
        position: dict[str, Any] = json.loads(text)
        if now - datetime.fromtimestamp(position["t"], now.tzinfo) > lifetime:
            raise ExpiredCursor(
                "cursor has expired: start again with an empty cursor"
                f" (a cursor lives for {int(lifetime.total_seconds())} seconds)"
            )
        return position


def _mac(key: bytes, text: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + text, "sha256")[:_MAC_BYTES]
