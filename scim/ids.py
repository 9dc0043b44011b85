"""Identifiers: random for resources, time-ordered for changes."""

import re
import secrets
import uuid
from datetime import UTC, datetime

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_TIME_DIGITS = 10  # of a change's id: milliseconds
_USABLE = re.compile(r"[A-Za-z0-9-]{1,64}")


def resource_id() -> str:
    """Make a resource's id: random, so that rows spread evenly and nobody can guess one."""
    return str(uuid.uuid4())


def change_id(now: datetime) -> str:
    """Make a change's id: milliseconds and a random part; text order is time order."""
    return first_id(now) + in_digits(secrets.randbits(60), _DIGITS, 12)


def first_id(moment: datetime) -> str:
    """Give what is before the id of every change of a moment, and after all earlier ones."""
    return in_digits(int(moment.timestamp() * 1000), _DIGITS, _TIME_DIGITS)


def usable(id: str) -> bool:
    """Tell whether a resource may have this id: ids from URLs are whatever a client sends."""
    return _USABLE.fullmatch(id) is not None


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
