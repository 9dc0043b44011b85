"""Identifiers: random for resources, time-ordered for changes."""

import re
import secrets
import uuid
from datetime import UTC, datetime

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_TIME_DIGITS = 10  # of a change's id: milliseconds
_RANDOM_DIGITS = 12
_RANDOM_BITS = 5 * _RANDOM_DIGITS
_STEP_BITS = 32  # so small that thousands as good as never reach the next millisecond
_USABLE = re.compile(r"[A-Za-z0-9-]{1,64}")


def resource_id() -> str:
    """Make a resource's id: random, so that rows spread evenly and nobody can guess one."""
    return str(uuid.uuid4())


class Succession:
    """Makes the change ids of one request: each comes after the one before, in text order.

    Of one millisecond, or when the clock goes back, the next is a random step further.
    """

    def __init__(self) -> None:
        self._last = -1

    def next(self, now: datetime) -> str:
        """Make a change's id: milliseconds and a random part."""
        moment = _milliseconds(now)
        if moment > self._last >> _RANDOM_BITS:
            self._last = (moment << _RANDOM_BITS) + secrets.randbits(_RANDOM_BITS)
        else:
            self._last += 1 + secrets.randbits(_STEP_BITS)
        return in_digits(self._last, _DIGITS, _TIME_DIGITS + _RANDOM_DIGITS)


def change_id(now: datetime) -> str:
    """Make the id of a change that is on its own: text order is time order."""
    return Succession().next(now)


def first_id(moment: datetime) -> str:
    """Give what is before the id of every change of a moment, and after all earlier ones."""
    return in_digits(_milliseconds(moment), _DIGITS, _TIME_DIGITS)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


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
