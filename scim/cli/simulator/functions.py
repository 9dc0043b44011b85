"""The functions of attribute mappings, as a table.

Microsoft Learn, functions-for-customizing-application-data. Null is None; where the page does not
say what a function makes of null, it stays null. Not here: functions that give another value each
time (Guid, RandomString), and those for Active Directory and HR systems.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from scim.cli.simulator.dates import GENERAL, any_date, read_date, write_date
from scim.cli.simulator.roles import Roles

Result = str | bool | int | tuple[str, ...] | Roles | None

_UNDECOMPOSED = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "Æ": "AE", "ø": "oe", "Ø": "OE", "œ": "oe", "Œ": "OE",
        "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "\u0131": "i",
    }
)  # fmt: skip


class CannotEvaluate(ValueError):
    """A value can't be what a function or a target takes."""


@dataclass(frozen=True)
class Function:
    """What is called with the time and its arguments, and how many of these it takes."""

    call: Callable[..., Result]
    least: int
    most: int | None

    def check(self, name: str, given: int) -> None:
        """Raise ValueError when it can't be called with so many arguments."""
        if given < self.least or (self.most is not None and given > self.most):
            wanted = (
                f"{self.least} or more" if self.most is None
                else f"{self.least}" if self.least == self.most
                else f"{self.least} to {self.most}"
            )  # fmt: skip
            raise ValueError(f"{name} takes {wanted} arguments, not {given}")
        if name == "Switch" and given % 2:
            raise ValueError("Switch takes pairs of a key and a value after the default")


def text(value: Result) -> str:
    """Write a value as .NET does; null is empty."""
    if value is None:
        return ""
    if isinstance(value, Roles):
        return value.held[0].name if value.held else ""
    return ";".join(value) if isinstance(value, tuple) else str(value)


def compare(left: Result, sign: str, right: Result) -> bool:
    """Compare as the condition of IIF; numbers as numbers, anything with null is false."""
    if left is None or right is None:
        return False
    try:
        order = float(text(left)) - float(text(right))
    except ValueError:
        one, other = text(left), text(right)
        order = (one > other) - (one < other)
    signs = {
        "=": order == 0, "<>": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0,
        ">=": order >= 0,
    }  # fmt: skip
    return signs[sign]


def _switch(_: datetime, source: Result, default: Result, *pairs: Result) -> Result:
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if text(key) == text(source):
            return value
    return default


def _join(_: datetime, separator: Result, *sources: Result) -> Result:
    parts: list[str] = []
    for each in sources:
        parts.extend(each if isinstance(each, tuple) else [text(each)])
    return text(separator).join(each for each in parts if each)


def _coalesce(_: datetime, *sources: Result) -> Result:
    return next((each for each in sources if each is not None), None)


def _mid(_: datetime, source: Result, start: Result, length: Result) -> Result:
    first = max(int(text(start)), 1) - 1
    return None if source is None else text(source)[first : first + int(text(length))]


def _left(_: datetime, source: Result, length: Result) -> Result:
    size = int(text(length))
    return text(source) if size < 0 else text(source)[:size]


def _replace(
    _: datetime,
    source: Result,
    old: Result = None,
    pattern: Result = None,
    group: Result = None,
    new: Result = None,
    other: Result = None,
    template: Result = None,
) -> Result:
    if old is not None and template is not None:
        return text(template).replace(text(old), text(source))
    if old is not None and new is not None:
        return None if source is None else text(source).replace(text(old), text(new))
    if pattern is None:
        raise ValueError("it needs an oldValue or a regexPattern, and what to put there")
    try:
        rule = re.compile(re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", text(pattern)))
    except re.error as error:
        raise ValueError("the regexPattern is not well-formed") from error
    if new is None:
        found = None if text(source) else rule.search(text(other))
        return source if found is None else found[text(group)]
    if source is None:
        return None
    if group is None:
        return rule.sub(re.sub(r"\$(?:\{(\w+)\}|(\d+))", r"\\g<\1\2>", text(new)), text(source))
    return rule.sub(lambda found: _within(found, text(group), text(new)), text(source))


def _within(found: re.Match[str], group: str, new: str) -> str:
    start, end = found.span(group)
    if start < 0:
        return found[0]
    at = found.start()
    return found[0][: start - at] + new + found[0][end - at :]


def _plain(_: datetime, source: Result) -> Result:
    if source is None:
        return None
    split = unicodedata.normalize("NFD", text(source).translate(_UNDECOMPOSED))
    kept = "".join(each for each in split if not unicodedata.combining(each))
    return unicodedata.normalize("NFC", kept)


def _split(_: datetime, source: Result, delimiter: Result) -> Result:
    parts = (each.strip() for each in text(source).split(text(delimiter) or ","))
    return tuple(each for each in parts if each) or None


def _item(_: datetime, source: Result, index: Result) -> Result:
    held = source if isinstance(source, tuple) else (text(source),) if source else ()
    at = int(text(index))
    return held[at - 1] if 0 < at <= len(held) else None


def _word(_: datetime, source: Result, number: Result, delimiters: Result) -> Result:
    words = re.split(f"[{re.escape(text(delimiters))}]+", text(source)) if text(delimiters) else []
    at = int(text(number))
    return words[at - 1] if 0 < at <= len(words) else ""


def _in_str(_: datetime, one: Result, other: Result, start: Result = 1, how: Result = "") -> Result:
    where, what = text(one), text(other)
    if text(how) == "vbTextCompare":
        where, what = where.lower(), what.lower()
    return where.find(what, int(text(start or 1)) - 1) + 1


def _format(_: datetime, source: Result, _styles: Result, given: Result, wanted: Result) -> Result:
    return source and write_date(read_date(text(source), text(given)), text(wanted))


def _date(_: datetime, source: Result) -> Result:
    return source and write_date(any_date(text(source)), GENERAL)


def _date_add(_: datetime, interval: Result, value: Result, source: Result) -> Result:
    if source is None:
        return None
    moment, size, unit = any_date(text(source)), int(text(value)), text(interval)
    if unit in ("m", "yyyy"):
        months = moment.month - 1 + size * (12 if unit == "yyyy" else 1)
        year, month = moment.year + months // 12, months % 12 + 1
        after = moment.replace(day=1, year=year + month // 12, month=month % 12 + 1)
        moment = moment.replace(
            year=year, month=month, day=min(moment.day, (after - timedelta(days=1)).day)
        )
        return write_date(moment, GENERAL)
    seconds = {"d": 86400, "ww": 7 * 86400, "h": 3600, "n": 60, "s": 1}
    if unit not in seconds:
        raise ValueError(f"no interval is written {unit}")
    return write_date(moment + timedelta(seconds=size * seconds[unit]), GENERAL)


def _roles(kind: Literal["single", "complex", "assertive"]) -> Callable[..., Result]:
    def chosen(_: datetime, source: Result) -> Result:
        if source is None:
            return None
        if not isinstance(source, Roles):
            raise CannotEvaluate("it takes [appRoleAssignments]")
        held = source.held[:1] if kind == "single" else source.held
        return Roles(kind, held) if held else None

    return chosen


def _mapped(change: Callable[[str], str]) -> Callable[..., Result]:
    """Make a function of one that changes a text; null stays null."""
    return lambda _, source, *_rest: None if source is None else change(text(source))


def _true(value: Result) -> bool:
    return text(value).lower() == "true"


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "Switch": Function(_switch, 2, None),
        "Join": Function(_join, 2, None),
        "Coalesce": Function(_coalesce, 1, None),
        "Append": Function(lambda _, a, b: None if a is None else text(a) + text(b), 2, 2),
        "ToLower": Function(_mapped(str.lower), 1, 2),
        "ToUpper": Function(_mapped(str.upper), 1, 2),
        "StripSpaces": Function(_mapped(lambda each: each.replace(" ", "")), 1, 1),
        "NormalizeDiacritics": Function(_plain, 1, 1),
        "Mid": Function(_mid, 3, 3),
        "Left": Function(_left, 2, 2),
        "Word": Function(_word, 3, 3),
        "InStr": Function(_in_str, 2, 4),
        "Replace": Function(_replace, 2, 7),
        "Split": Function(_split, 2, 2),
        "Item": Function(_item, 2, 2),
        "Count": Function(
            lambda _, a: len(a) if isinstance(a, tuple) else int(a is not None), 1, 1
        ),
        "RemoveDuplicates": Function(
            lambda _, a: tuple(dict.fromkeys(a)) if isinstance(a, tuple) else a, 1, 1
        ),
        "IIF": Function(lambda _, condition, yes, no: yes if _true(condition) else no, 3, 3),
        "Not": Function(lambda _, a: not _true(a), 1, 1),
        "IsPresent": Function(lambda _, a: text(a) != "", 1, 1),
        "IsNull": Function(lambda _, a: a is None, 1, 1),
        "IsNullOrEmpty": Function(lambda _, a: text(a) == "", 1, 1),
        "IsString": Function(lambda _, a: isinstance(a, str), 1, 1),
        "IgnoreFlowIfNullOrEmpty": Function(lambda _, a: a if text(a) else None, 1, 1),
        "Redact": Function(lambda _, a: a, 1, 1),
        "CStr": Function(_mapped(str), 1, 1),
        "CBool": Function(lambda _, a: text(a).lower() not in ("", "false", "0"), 1, 1),
        "FormatDateTime": Function(_format, 4, 4),
        "CDate": Function(_date, 1, 1),
        "DateAdd": Function(_date_add, 3, 3),
        "Now": Function(lambda now: write_date(now, GENERAL), 0, 0),
        "SingleAppRoleAssignment": Function(_roles("single"), 1, 1),
        "AppRoleAssignmentsComplex": Function(_roles("complex"), 1, 1),
        "AssertiveAppRoleAssignmentsComplex": Function(_roles("assertive"), 1, 1),
    }
)
