"""`$filter`: comparisons of a property with a literal, `and`, `or`, `not` and brackets.

A comparison with a property that an entity doesn't have, or has as another type, is false. Key
comparisons that hold for every entity found make the range that is read; the rest is asked of each.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from tests.model.rows import Range

# "no more than 15 discrete comparisons are permitted within a $filter string"
# (learn.microsoft.com/rest/api/storageservices/querying-tables-and-entities)
MOST_COMPARISONS = 15

_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<text>'(?:[^']|'')*')"
    r"|datetime(?P<time>'[^']*')|(?P<number>-?\d+(?:\.\d+)?)(?P<long>L?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*))"
)
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": eq,
    "ne": ne,
    "gt": gt,
    "ge": ge,
    "lt": lt,
    "le": le,
}

Test = Callable[[Mapping[str, Any]], bool]


class Malformed(ValueError):
    """The filter is none that the service reads."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a filter asks: rows of a range, and of these who passes `test`, if there is one."""

    within: Range
    test: Test | None = None
    comparisons: int = 0


@dataclass(frozen=True, slots=True)
class _Comparison:
    name: str
    operator: str
    value: Any

    def __call__(self, entity: Mapping[str, Any]) -> bool:
        found = entity.get(self.name)
        return type(found) is type(self.value) and _OPERATORS[self.operator](found, self.value)


def read(text: str) -> Query:
    """Read a filter. Raises Malformed."""
    if not text:
        return Query(Range())
    parser = _Parser(text)
    alternatives = parser.alternatives()
    if parser.tokens:
        raise Malformed(f"there is something after the end: {parser.tokens[0]}")
    partition: str | None = None
    low: tuple[str, bool] | None = None
    high: tuple[str, bool] | None = None
    rest: list[Test] = []
    for term in alternatives[0] if len(alternatives) == 1 else [_any(alternatives)]:
        match term:
            case _Comparison("PartitionKey", "eq", str(value)) if partition is None:
                partition = value
            case _Comparison("RowKey", "eq", str(value)) if low is None and high is None:
                low = high = (value, True)
            case _Comparison("RowKey", "gt" | "ge" as operator, str(value)) if low is None:
                low = (value, operator == "ge")
            case _Comparison("RowKey", "lt" | "le" as operator, str(value)) if high is None:
                high = (value, operator == "le")
            case _:
                rest.append(term)
    return Query(Range(partition, low, high), _all(rest) if rest else None, parser.comparisons)


def _all(terms: list[Test]) -> Test:
    return terms[0] if len(terms) == 1 else lambda entity: all(each(entity) for each in terms)


def _any(alternatives: list[list[Test]]) -> Test:
    tests = [_all(each) for each in alternatives]
    return tests[0] if len(tests) == 1 else lambda entity: any(each(entity) for each in tests)


class _Parser:
    """Reads alternatives, each of which is a list of terms that must all hold."""

    def __init__(self, text: str) -> None:
        self.comparisons = 0
        self.tokens: list[tuple[str, str]] = []
        end = len(text.rstrip())
        place = 0
        while place < end:
            found = _TOKEN.match(text, place)
            if found is None:
                raise Malformed(f"there is no token at {place}")
            kind = next(name for name in found.groupdict() if found[name])
            self.tokens.append((kind, found[kind]))
            place = found.end()

    def alternatives(self) -> list[list[Test]]:
        found = [self._terms()]
        while self._take("or"):
            found.append(self._terms())
        return found

    def _terms(self) -> list[Test]:
        found = self._term()
        while self._take("and"):
            found += self._term()
        return found

    def _term(self) -> list[Test]:
        if self._take("not"):
            test = _all(self._term())
            return [lambda entity: not test(entity)]
        kind, text = self._next()
        if kind == "open":
            inner = self.alternatives()
            if self._next()[0] != "close":
                raise Malformed("a bracket is not closed")
            return inner[0] if len(inner) == 1 else [_any(inner)]
        if kind != "word":
            raise Malformed(f"{text} is no name")
        self.comparisons += 1
        operator = self._next()[1]
        if operator not in _OPERATORS:
            raise Malformed(f"{operator} is no operator")
        return [_Comparison(text, operator, _literal(*self._next()))]

    def _take(self, word: str) -> bool:
        found = bool(self.tokens) and self.tokens[0] == ("word", word)
        if found:
            del self.tokens[0]
        return found

    def _next(self) -> tuple[str, str]:
        if not self.tokens:
            raise Malformed("the filter ends too early")
        return self.tokens.pop(0)


def _literal(kind: str, text: str) -> Any:
    if kind == "text":
        return text[1:-1].replace("''", "'")
    if kind == "time":
        return Time.read(text[1:-1])
    if kind == "number":
        return float(text) if "." in text else int(text)
    if kind == "word" and text in ("true", "false"):
        return text == "true"
    raise Malformed(f"{text} is no literal")


@dataclass(frozen=True, slots=True, order=True)
class Time:
    """A moment as the service writes it, with seven digits of a second."""

    text: str

    @classmethod
    def read(cls, text: str) -> "Time":
        whole, _, fraction = text.removesuffix("Z").partition(".")
        return cls(f"{whole}.{fraction:0<7}Z")
