"""The expressions of attribute mappings: read once, evaluated for each user or group.

Microsoft Learn, functions-for-customizing-application-data. A source is an attribute's name, alone
or in square brackets, a constant in double quotes, or a call; arguments may be left out. The
functions are in `functions.py`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scim.cli.simulator.functions import FUNCTIONS, CannotEvaluate, Result, compare
from scim.cli.simulator.roles import read_roles

_NAME = re.compile(r"[A-Za-z_$][\w$.-]*")
_WORD = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\")|\[(?P<attribute>[^\[\]\"]+)\]|(?P<number>-?\d+)"
    r"|(?P<name>[A-Za-z]\w*)|(?P<sign><>|<=|>=|[(),=<>]))",
    re.DOTALL,
)
_SIGNS = frozenset({"=", "<>", "<", "<=", ">", ">="})


@dataclass(frozen=True)
class Constant:
    value: str | int

    def evaluate(self, _entry: Mapping[str, Any], _now: datetime) -> Result:
        return self.value


@dataclass(frozen=True)
class Attribute:
    name: str

    def evaluate(self, entry: Mapping[str, Any], _now: datetime) -> Result:
        value = entry.get(self.name)
        if value is None or value == "":
            return None
        if self.name == "appRoleAssignments":
            return read_roles(value)
        if isinstance(value, list | tuple):
            return tuple(str(each) for each in value) or None
        return value if isinstance(value, str | bool | int) else str(value)


@dataclass(frozen=True)
class Call:
    """A function and its arguments; None is one that was left out."""

    name: str
    arguments: tuple["Node | None", ...]

    def evaluate(self, entry: Mapping[str, Any], now: datetime) -> Result:
        values = [each and each.evaluate(entry, now) for each in self.arguments]
        try:
            return FUNCTIONS[self.name].call(now, *values)
        except (ValueError, OverflowError) as error:
            raise CannotEvaluate(f"{self.name}: {error}") from error


@dataclass(frozen=True)
class Comparison:
    """What IIF and CBool take; anything compared with null is false."""

    left: "Node"
    sign: str
    right: "Node"

    def evaluate(self, entry: Mapping[str, Any], now: datetime) -> Result:
        return compare(self.left.evaluate(entry, now), self.sign, self.right.evaluate(entry, now))


Node = Constant | Attribute | Call | Comparison


@dataclass(frozen=True)
class Expression:
    """A source that was read."""

    text: str
    node: Node

    @property
    def direct(self) -> str | None:
        """The attribute that this is, unchanged; None for a constant or a call."""
        return self.node.name if isinstance(self.node, Attribute) else None

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes of Entra that it needs."""
        return frozenset(each.name for each in _walk(self.node) if isinstance(each, Attribute))

    def evaluate(self, entry: Mapping[str, Any], now: datetime | None = None) -> Result:
        """Evaluate it for an object by its attributes; null is None.

        CannotEvaluate when a value can't be what a function takes, such as a date.
        """
        return self.node.evaluate(entry, now or datetime.now(UTC))


def parse(text: str) -> Expression:
    """Read a source; ValueError says what is wrong with it."""
    source = text.strip()
    if _NAME.fullmatch(source):
        node: Node = Attribute(source)
    else:
        reader = _Reader(source)
        node = reader.node()
        reader.end()
    if isinstance(node, Attribute) and node.name == "appRoleAssignments":
        raise ValueError(
            "appRoleAssignments can't be mapped directly: use SingleAppRoleAssignment, "
            "AppRoleAssignmentsComplex or AssertiveAppRoleAssignmentsComplex"
        )
    return Expression(text, node)


class _Reader:
    """A cursor over the text of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def node(self) -> Node:
        left = self._operand()
        sign = self._peek("sign")
        if sign not in _SIGNS:
            return left
        self._take()
        return Comparison(left, sign, self._operand())

    def end(self) -> None:
        if rest := self._text[self._at :].strip():
            raise ValueError(f"the expression goes on after its end: {rest}")

    def _operand(self) -> Node:
        found = self._take()
        if found is None or found["sign"]:
            raise ValueError(f"an attribute, a text or a function is missing in {self._text}")
        if found["text"]:
            return Constant(re.sub(r"\\(.)", r"\1", found["text"][1:-1], flags=re.DOTALL))
        if found["attribute"]:
            return Attribute(found["attribute"].strip())
        if found["number"]:
            return Constant(int(found["number"]))
        if self._peek("sign") == "(":
            return self._call(found["name"])
        if found["name"].startswith("vb"):  # vbTextCompare and its like
            return Constant(found["name"])
        raise ValueError(f"write [{found['name']}] for an attribute inside an expression")

    def _call(self, name: str) -> Call:
        function = FUNCTIONS.get(name)
        if function is None:
            meant = next((each for each in FUNCTIONS if each.lower() == name.lower()), None)
            hint = f"; write {meant}" if meant else f"; known are {', '.join(FUNCTIONS)}"
            raise ValueError(f"no function is called {name}{hint}")
        self._take()  # the bracket
        arguments: list[Node | None] = []
        while True:
            empty = self._peek("sign") in (",", ")")
            arguments.append(None if empty else self.node())
            found = self._take()
            if found is None or found["sign"] not in (",", ")"):
                raise ValueError(f"{name}: a comma or a bracket is missing after an argument")
            if found["sign"] == ")":
                break
        if arguments == [None]:
            arguments = []
        function.check(name, len(arguments))
        return Call(name, tuple(arguments))

    def _peek(self, kind: str) -> str:
        found = _WORD.match(self._text, self._at)
        return (found[kind] or "") if found else ""

    def _take(self) -> re.Match[str] | None:
        found = _WORD.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found


def _walk(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Call):
        for each in node.arguments:
            if each is not None:
                yield from _walk(each)
    elif isinstance(node, Comparison):
        yield from _walk(node.left)
        yield from _walk(node.right)
