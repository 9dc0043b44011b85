"""Identifiers: random for resources, time-ordered for changes."""

import secrets
import uuid
from datetime import UTC, datetime

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def resource_id() -> str:
    """Make a resource's id: random, so that rows spread evenly and nobody can guess one."""
    return str(uuid.uuid4())


def change_id(now: datetime) -> str:
    """Make a change's id: milliseconds and a random part; text order is time order."""
    milliseconds = int(now.timestamp() * 1000)
    return in_digits(milliseconds, _DIGITS, 10) + in_digits(secrets.randbits(60), _DIGITS, 12)


def timestamp(now: datetime) -> str:
    """Write a time as SCIM shows it: RFC 3339, UTC, milliseconds (RFC 7643 §2.3.5)."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_digits(number: int, digits: str, width: int) -> str:
    """Write a number in the base that the digits make, with leading zeros."""
    written = []
    for _ in range(width):
        number, place = divmod(number, len(digits))
        written.append(digits[place])
    return "".join(reversed(written))
