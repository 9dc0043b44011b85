"""The data types of simple values: checked, and kept as they were sent (RFC 7643 §2.3).

Nothing is normalised: an identity provider compares what it reads with what it sent, and sends it
again each cycle when the two differ. `loose` takes the mistakes that have one meaning only: "True",
"42", 42 for text. No message repeats a value.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from scim.errors import InvalidValue
from scim.schema import Attribute
from scim.values import parse_datetime

_Read = Callable[[Any, str, bool], Any]

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
# RFC 4648 §4, and §5, which an attribute's definition may ask for; without padding too, as some
# clients send it.
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)={0,2}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z$][A-Za-z0-9:._$-]*", re.ASCII)
_TOKEN = re.compile(r"scim_[0-9a-z]{12}_", re.ASCII)
_LONGEST = 128  # characters of a name that is shown
UNNAMED = "(unnamed)"  # stands for names that can't be shown
_SURROGATE = re.compile("[\ud800-\udfff]")


def has_surrogates(text: str) -> bool:
    r"""Tell whether a text holds half of a surrogate pair.

    JSON can spell one ("\ud800"), UTF-8 can't: it could be kept but never be sent again.
    """
    return not text.isascii() and _SURROGATE.search(text) is not None


def kind(value: Any) -> str:
    """Name what a JSON value is, for messages."""
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "null")


def is_plain(name: str) -> bool:
    """Tell whether a name that a client made up is no more than a name, so that it can be shown.

    An e-mail address isn't one, nor a path with a value in it, nor a secret token that went astray.
    """
    return len(name) <= _LONGEST and _PLAIN.fullmatch(name) is not None and not _TOKEN.search(name)


def shown(name: str, place: str = "", *, what: str = "") -> str:
    """Name an attribute that a client made up, in a way that messages and terminals can show.

    `place` is what stands before it, up to its dot or colon, and is known to be fit to be shown;
    `what` is said before a name.
    """
    before = name.partition("[")[0]  # brackets hold values
    if is_plain(before):
        return f"{what}{place}{before}"
    within = f" of {place.rstrip('.:')}" if place else ""
    return f"an attribute{within} whose name can't be shown"


def called(name: str) -> str:
    """Go on with the name that no attribute has: "User has no attribute called colour"."""
    return f"called {name}" if is_plain(name) else "of that name, which can't be shown"


def wrong(expected: str, value: Any, place: str) -> InvalidValue:
    """Make the error for a value of another type than its attribute's."""
    return InvalidValue(f"expected {expected}, got {kind(value)} at {place}")


def read_simple(value: Any, attribute: Attribute, place: str, *, loose: bool) -> Any:
    """Check one simple value that is present. Raises InvalidValue that ends in the place."""
    read: _Read = _READERS.get(attribute.type, _string)
    return read(value, place, loose)


def _string(value: Any, place: str, loose: bool) -> str:  # noqa: FBT001
    if loose and isinstance(value, bool | int | float):
        value = json.dumps(value)
    if not isinstance(value, str):
        raise wrong("a string", value, place)
    if has_surrogates(value):
        raise InvalidValue(f"expected Unicode text, got half of a surrogate pair at {place}")
    return value


def _boolean(value: Any, place: str, loose: bool) -> bool:  # noqa: FBT001
    if loose and isinstance(value, str):  # Entra sends "True" and "False"
        value = {"true": True, "false": False}.get(value.strip().lower(), value)
    if not isinstance(value, bool):
        raise wrong("a boolean (true or false)", value, place)
    return value


def _integer(value: Any, place: str, loose: bool) -> int:  # noqa: FBT001
    if loose and isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if loose and isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, float):
        raise InvalidValue(f"expected a whole number, got one with a fraction at {place}")
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong("a whole number", value, place)
    if not -(2**63) <= value < 2**63:
        raise InvalidValue(f"expected a whole number of at most 64 bits at {place}")
    return value


def _decimal(value: Any, place: str, loose: bool) -> int | float:  # noqa: FBT001
    if loose and isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value) if _INTEGER.fullmatch(value) else float(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong("a number", value, place)
    try:
        finite = math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        finite = False
    if not finite:
        raise InvalidValue(f"expected a number between -1.8e308 and 1.8e308 at {place}")
    return value


def _date_time(value: Any, place: str, loose: bool) -> str:  # noqa: ARG001, FBT001
    if isinstance(value, str):
        try:
            parse_datetime(value)
        except ValueError:
            raise InvalidValue(
                f"expected a dateTime such as 2026-11-30T08:15:00Z at {place}"
            ) from None
        return value
    raise wrong("a dateTime such as 2026-11-30T08:15:00Z", value, place)


def _binary(value: Any, place: str, loose: bool) -> str:  # noqa: FBT001
    if not isinstance(value, str):
        raise wrong("a base64 string", value, place)
    # Certificates are often pasted in lines of 64 characters.
    text = "".join(value.split()) if loose else value
    digits = len(text.rstrip("="))
    padded = text.endswith("=")
    if not _BASE64.fullmatch(text) or digits % 4 == 1 or (padded and len(text) % 4):
        raise InvalidValue(f"expected base64 (RFC 4648) at {place}")
    return value


# Everything else is text. A reference too: `profileUrl` holds arbitrary strings in practice.
_READERS: Mapping[str, _Read] = {
    "boolean": _boolean,
    "integer": _integer,
    "decimal": _decimal,
    "dateTime": _date_time,
    "binary": _binary,
}
