"""Dates as the expressions of attribute mappings read and write them: by .NET's format strings.

Microsoft Learn, .NET, "Custom date and time format strings"; the invariant culture.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

GENERAL = "M/d/yyyy h:mm:ss tt"  # what CDate, DateAdd and Now give

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOKEN = re.compile(
    r"y+|M+|d+|H+|h+|m+|s+|f+|F+|t+|z+|K|'(?P<one>[^']*)'|\"(?P<two>[^\"]*)\"|\\(?P<escaped>.)|."
)


def _offset(moment: datetime) -> str:
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


# token -> (how it is read, how it is written)
_TOKENS: Mapping[str, tuple[str, Callable[[datetime], str]]] = MappingProxyType(
    {
        "yyyy": (r"(?P<year>\d{4})", lambda at: f"{at.year:04}"),
        "yy": (r"(?P<short_year>\d{2})", lambda at: f"{at.year % 100:02}"),
        "MMMM": (f"(?P<month_name>{'|'.join(_MONTHS)})", lambda at: _MONTHS[at.month - 1]),
        "MMM": (
            f"(?P<month_short>{'|'.join(each[:3] for each in _MONTHS)})",
            lambda at: _MONTHS[at.month - 1][:3],
        ),
        "MM": (r"(?P<month>\d{2})", lambda at: f"{at.month:02}"),
        "M": (r"(?P<month>\d{1,2})", lambda at: str(at.month)),
        "dddd": (f"(?:{'|'.join(_DAYS)})", lambda at: _DAYS[at.weekday()]),
        "ddd": (
            f"(?:{'|'.join(each[:3] for each in _DAYS)})",
            lambda at: _DAYS[at.weekday()][:3],
        ),
        "dd": (r"(?P<day>\d{2})", lambda at: f"{at.day:02}"),
        "d": (r"(?P<day>\d{1,2})", lambda at: str(at.day)),
        "HH": (r"(?P<hour>\d{2})", lambda at: f"{at.hour:02}"),
        "H": (r"(?P<hour>\d{1,2})", lambda at: str(at.hour)),
        "hh": (r"(?P<half>\d{2})", lambda at: f"{at.hour % 12 or 12:02}"),
        "h": (r"(?P<half>\d{1,2})", lambda at: str(at.hour % 12 or 12)),
        "mm": (r"(?P<minute>\d{2})", lambda at: f"{at.minute:02}"),
        "m": (r"(?P<minute>\d{1,2})", lambda at: str(at.minute)),
        "ss": (r"(?P<second>\d{2})", lambda at: f"{at.second:02}"),
        "s": (r"(?P<second>\d{1,2})", lambda at: str(at.second)),
        "tt": (r"(?P<noon>AM|PM|am|pm)", lambda at: "PM" if at.hour > 11 else "AM"),
        "t": (r"(?P<noon>[APap])", lambda at: "P" if at.hour > 11 else "A"),
        "zzz": (r"(?P<zone>[+-]\d{2}:\d{2})", _offset),
        "zz": (r"(?P<zone>[+-]\d{2})", lambda at: _offset(at)[:3]),
        "K": (
            r"(?P<zone>Z|[+-]\d{2}:\d{2}|)",
            lambda at: "" if at.tzinfo is None else "Z" if at.tzinfo is UTC else _offset(at),
        ),
    }
)


def read_date(text: str, pattern: str) -> datetime:
    """Read a date of a format; ValueError when it has another or the format is not known."""
    parts = (_reading(each) for each in _TOKEN.finditer(pattern))
    try:
        found = re.fullmatch("".join(parts), text.strip())
    except re.error as error:  # a part that occurs twice
        raise ValueError(f"no date can be read by the format {pattern}") from error
    if found is None:
        raise ValueError(f"the date does not have the format {pattern}")
    given = {name: value for name, value in found.groupdict().items() if value}
    return datetime(
        int(given.get("year", 2000 + int(given.get("short_year", 0)))),
        _month(given),
        int(given.get("day", 1)),
        _hour(given),
        int(given.get("minute", 0)),
        int(given.get("second", 0)),
        int(given.get("fraction", "0").ljust(6, "0")[:6]),
        _zone(given["zone"]) if "zone" in given else None,
    )


def write_date(moment: datetime, pattern: str) -> str:
    """Write a date in a format; ValueError when the format is not known."""
    return "".join(_written(each, moment) for each in _TOKEN.finditer(pattern))


def any_date(text: str) -> datetime:
    """Read a date as CDate does: ISO 8601, with an offset even after a date alone; gives UTC."""
    text = text.strip()
    if dated := re.fullmatch(r"(\d{4}-\d{2}-\d{2})([+-]\d{2}:\d{2}|Z)", text):
        text = f"{dated[1]}T00:00:00{dated[2]}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = read_date(text, GENERAL)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _reading(token: re.Match[str]) -> str:
    text = token[0]
    if text in _TOKENS:
        return _TOKENS[text][0]
    if text[0] in "fF":
        return rf"(?P<fraction>\d{{{len(text)}}})" if text[0] == "f" else r"(?P<fraction>\d*)"
    return re.escape(_literal(token))


def _written(token: re.Match[str], moment: datetime) -> str:
    text = token[0]
    if text in _TOKENS:
        return _TOKENS[text][1](moment)
    if text[0] in "fF":
        digits = f"{moment.microsecond:06}".ljust(len(text), "0")[: len(text)]
        return digits if text[0] == "f" else digits.rstrip("0")
    return _literal(token)


def _literal(token: re.Match[str]) -> str:
    text = token[0]
    quoted = next((each for each in token.groups() if each is not None), None)
    if quoted is None and text[0] in "yMdHhmstz":
        raise ValueError(f"no part of a date is written {text}")
    return text if quoted is None else quoted


def _month(given: Mapping[str, str]) -> int:
    for name in _MONTHS:
        if given.get("month_name") == name or given.get("month_short") == name[:3]:
            return _MONTHS.index(name) + 1
    return int(given.get("month", 1))


def _hour(given: Mapping[str, str]) -> int:
    if "half" not in given:
        return int(given.get("hour", 0))
    afternoon = given.get("noon", "A")[0] in "Pp"
    return int(given["half"]) % 12 + 12 * afternoon


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6] or 0)
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if text[0] == "-" else size)
