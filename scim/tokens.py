"""The words of the filter grammar, and the values that its literals mean (RFC 7644 §3.4.2.2).

No message here or in the parser repeats a value that was compared: it may be personal data, and
messages reach logs.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from scim.errors import BadRequest
from scim.schema import Attribute
from scim.values import parse_datetime

Value = str | int | Decimal | float | bool | None

# Stands for an attribute that no schema has, where that is no error: no resource holds it, and any
# value may be compared with it.
UNKNOWN = Attribute(name="$unknown")

EQUALITY = frozenset({"eq", "ne"})
TEXT = frozenset({"co", "sw", "ew"})
ORDER = frozenset({"gt", "ge", "lt", "le"})
OPERATORS = EQUALITY | TEXT | ORDER

# What an operator may be asked of. RFC 7644 §3.4.2.2 forbids order on boolean and binary; `co`,
# `sw` and `ew` are for what JSON writes as text. A dateTime is: `meta.created sw "2026-11"`
# compares the text as it is shown.
FITTING: Mapping[str, frozenset[str]] = {
    "string": OPERATORS,
    "reference": OPERATORS,
    "dateTime": OPERATORS,
    "integer": EQUALITY | ORDER,
    "decimal": EQUALITY | ORDER,
    "boolean": EQUALITY,
    "binary": EQUALITY,
    "complex": EQUALITY,
}

_WHITESPACE = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r'[^ \t\r\n()\[\]"]+')
_BARE = re.compile(r"[^ \t\r\n)]+")
_BARE_IN_BRACKETS = re.compile(r"[^ \t\r\n)\]]+")
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f]")
_NAME = re.compile(
    r"(?:urn:[\x21\x23-\x27\x2a-\x3f\x41-\x5a\x5c\x5e-\x7e]+:)?"
    r"[a-z$][a-z0-9$_-]*(?:\.[a-z$][a-z0-9$_-]*)?",
    re.IGNORECASE | re.ASCII,
)
# What JSON reads as a control character: `DOMAIN\new`, where nearly nobody means a line break.
_CONTROL_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\[bfnrt]")
# The closing quote of a comparison that another one follows.
_CONTINUES = re.compile(
    r'"[ )]+(?:and|or)[ (]+(?:not[ (]+)?[^ "(]+ +(?:eq|ne|co|sw|ew|gt|ge|lt|le|pr)\b', re.IGNORECASE
)


def well_formed(name: str) -> bool:
    """Tell whether a word could name an attribute: only such words are repeated in messages."""
    return len(name) <= 300 and _NAME.fullmatch(name) is not None


class Scanner:
    """A text and a place in it, read forwards only and so in linear time."""

    def __init__(self, text: str, *, longest: int, failure: type[BadRequest], what: str) -> None:
        self.text = text
        self.at = 0
        self.failure = failure
        self.what = what
        if len(text) > longest:
            raise failure(
                f"The {what} is longer than {longest} characters: ask with several requests"
            )
        if _SURROGATE.search(text):
            raise failure(f"The {what} holds half a surrogate pair: send it as UTF-8")

    def fail(self, problem: str, at: int | None = None) -> BadRequest:
        """Make the error that says what is wrong and where, counted from 1."""
        return self.failure(
            f"{problem} (position {(self.at if at is None else at) + 1} of the {self.what})"
        )

    def skip(self) -> None:
        match = _WHITESPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def rest(self) -> bool:
        """Tell whether anything but white space is left."""
        self.skip()
        return self.at < len(self.text)

    def take(self, sign: str) -> bool:
        """Step over a sign if it comes next, white space aside."""
        self.skip()
        found = self.text.startswith(sign, self.at)
        self.at += len(sign) if found else 0
        return found

    def word(self) -> str:
        """Read a name, operator or keyword; "" when none comes next."""
        self.skip()
        match = _WORD.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match.group() if match else ""

    def keyword(self, word: str) -> bool:
        """Step over a keyword in any letter case if it comes next."""
        before = self.at
        if self.word().lower() == word:
            return True
        self.at = before
        return False

    def quoted(self) -> str:
        """Read a JSON string."""
        match = _QUOTED.match(self.text, self.at)
        if match is None:
            raise self.fail(
                'Text must end with a double quote; inside it write \\" and \\\\ for " and \\'
            )
        text: str = json.loads(match.group())
        if _SURROGATE.search(text):
            raise self.fail("Text holds half a surrogate pair")
        self.at = match.end()
        return text

    def unescaped(self) -> tuple[str, ...]:
        r"""Read what lies between this quote and the last one as it stands, if nobody escaped it.

        Microsoft's library escapes neither `"` nor `\`: `displayName eq "A "B""`,
        `displayName eq "DOMAIN\new"`. Where the text is a JSON string too, both readings count, its
        own first. None at all when it is one without such escapes, or when further comparisons
        follow.
        """
        end = len(self.text.rstrip(" \t\r\n")) - 1
        if end <= self.at or self.text[end] != '"':
            return ()
        match = _QUOTED.match(self.text, self.at)
        whole = match.group() if match and match.end() == end + 1 else None
        if whole and not _CONTROL_ESCAPE.search(whole):
            return ()
        if _CONTINUES.search(self.text, self.at):
            return ()
        literal = self.text[self.at + 1 : end]
        self.at = end + 1
        meant: str | None = json.loads(whole) if whole else None
        return (literal,) if meant is None or _SURROGATE.search(meant) else (literal, meant)

    def bare(self, *, in_brackets: bool) -> str:
        """Read a literal without quotes, up to the next space or closing sign."""
        match = (_BARE_IN_BRACKETS if in_brackets else _BARE).match(self.text, self.at)
        if match is None:
            raise self.fail("A value is missing")
        self.at = match.end()
        return match.group()


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal as it stands in the text, and what it is compared with."""

    raw: str
    quoted: bool
    op: str
    attribute: Attribute
    name: str
    tolerant: bool

    def value(self) -> Value:
        """Read the value it means; ValueError says what to write instead."""
        if self.attribute is UNKNOWN:
            return self.raw
        if self.op in TEXT:  # a part of a value need not be one
            return _text(self)
        return _READERS.get(self.attribute.type, _text)(self)


def _boolean(given: Literal) -> bool:
    known = {"true": True, "false": False}.get(given.raw.lower() if given.tolerant else given.raw)
    if known is None or (given.quoted and not given.tolerant):
        raise ValueError(
            f"{given.name} is a boolean: write true or false, in lower case and without quotes"
        )
    return known


def _number(given: Literal) -> int | Decimal:
    if not _NUMBER.fullmatch(given.raw) or (given.quoted and not given.tolerant):
        raise ValueError(f"{given.name} is a number: write it as in JSON, without quotes")
    number = Decimal(given.raw)
    if len(number.as_tuple().digits) > 50 or abs(number.adjusted()) > 400:
        raise ValueError(f"{given.name} is a number: write one of at most 50 digits")
    return number if set(given.raw) & set(".eE") else int(number)


def _text(given: Literal) -> str:
    if not given.quoted and not given.tolerant:
        raise ValueError(
            f"{given.name} is of type {given.attribute.type}: write its value in double quotes"
        )
    return given.raw


def _date_time(given: Literal) -> str:
    text = _text(given)
    try:
        parse_datetime(text)
    except ValueError:
        raise ValueError(
            f'{given.name} is a dateTime: write it as "2026-11-30T08:15:00Z", in double quotes'
        ) from None
    return text


_READERS: Mapping[str, Callable[[Literal], Value]] = {
    "boolean": _boolean,
    "integer": _number,
    "decimal": _number,
    "dateTime": _date_time,
}


def written(value: Value) -> str:
    r"""Write a value as the grammar reads it.

    A line break becomes \u000a, since a tolerant reading takes \n for a backslash and a letter.
    """
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", escaped) + '"'
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
