"""What values mean: which count as one, and when two are equal or in order (RFC 7643 §2.3, §2.5).

Filters, sorting, uniqueness and index rows all ask here, so they can't disagree. Nothing here looks
at an attribute's name, except at `value`, which stands for the complex value that holds it.
"""

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from scim.schema import Attribute

Comparable = str | int | Decimal | bool | datetime

# RFC 3339 with the liberties of xsd:dateTime: no zone means UTC, and .NET writes 7 fraction digits.
# `datetime.fromisoformat` alone would also take week dates and `20240131T000000`.
_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)


def present(value: Any) -> bool:
    """Tell whether this is a value: null, "", [], {} are none, False and 0 are (RFC 7643 §2.5)."""
    return value is not None and value not in ("", [], {})


def fold(text: str) -> str:
    """Make text comparable without regard to letter case or to how its accents are encoded.

    Simple folding, character by character: "ß" stays itself, so two names that differ in print stay
    two names. Composed before and after, because lower case can compose where upper case can't
    ("H" with a line below).
    """
    if text.isascii():
        return text.lower()
    folded = "".join(map(_fold_character, unicodedata.normalize("NFC", text)))
    return unicodedata.normalize("NFC", folded)


def _fold_character(character: str) -> str:
    folded = character.casefold()
    return folded if len(folded) == 1 else character.lower()


def parse_datetime(text: str) -> datetime:
    """Read a dateTime as an instant in UTC, cut to microseconds (RFC 7643 §2.3.5)."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError("not a dateTime")
    day, time, fraction, zone = match.groups(default="")
    zone = zone.upper().replace("Z", "+00:00") or "+00:00"
    instant = datetime.fromisoformat(f"{day}T{time}.{fraction[:6]:0<6}{zone}")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:  # 0001-01-01T00:00:00+14:00
        raise ValueError("not a dateTime that can be expressed in UTC") from error


def comparable(value: Any, attribute: Attribute) -> Comparable:
    """Turn a value into what it is compared by; TypeError or ValueError when it can't be.

    A complex value is compared by its `value` (RFC 7644 §3.4.2.2), text folded unless it
    is caseExact, a dateTime as an instant, 1 and 1.0 as the same number.
    """
    match attribute.type:
        case "complex":
            sub = attribute.sub("value")
            if sub is None:
                raise TypeError(f"{attribute.name} has no value to be compared by")
            return comparable(value.get(sub.name) if isinstance(value, dict) else value, sub)
        case "boolean":
            if isinstance(value, bool):
                return value
        case "integer" | "decimal":
            return _number(value, attribute)
        case _:
            if isinstance(value, str):
                if attribute.type == "dateTime":
                    return parse_datetime(value)
                return value if attribute.exact else fold(value)
    raise TypeError(f"{attribute.name} is of type {attribute.type}, not {type(value).__name__}")


def _number(value: Any, attribute: Attribute) -> int | Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    # A float by its shortest text, as it was written in JSON: 0.1 is not 0.1000000000000000055….
    number = Decimal(repr(value)) if isinstance(value, float) else value
    if not isinstance(number, Decimal):
        raise TypeError(f"{attribute.name} is of type {attribute.type}, not {type(value).__name__}")
    if not number.is_finite():
        raise ValueError(f"{attribute.name} is no number")
    # One form for each number, since index rows keep its text: 1.50 is 1.5, and 2.0 is 2.
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits))
    cut = text.rstrip("0") or "0"
    exponent = 0 if cut == "0" else int(exponent) + len(text) - len(cut)
    if 0 <= exponent <= 400:
        whole: int = int(cut) * 10**exponent
        return -whole if sign else whole
    return Decimal((sign, tuple(map(int, cut)), exponent))


def equal(left: Any, right: Any, attribute: Attribute) -> bool:
    """Tell whether two values (not lists of values) are the same to this attribute.

    Two complex values are when all their sub-attributes are; a complex and a simple one when its
    `value` is.
    """
    if not present(left) or not present(right):
        return not present(left) and not present(right)
    if isinstance(left, dict) and isinstance(right, dict):
        names = left.keys() | right.keys()
        return all(_same(left.get(name), right.get(name), attribute.sub(name)) for name in names)
    try:
        return comparable(left, attribute) == comparable(right, attribute)
    except (TypeError, ValueError):
        return type(left) is type(right) and bool(left == right)


def _same(left: Any, right: Any, sub: Attribute | None) -> bool:
    return left == right if sub is None or sub.multi_valued else equal(left, right, sub)
