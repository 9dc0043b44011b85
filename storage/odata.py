"""OData filters: the only place where they are written, and where text in them is escaped.

`push_down` translates a SCIM filter into a superset: whatever `matches` accepts, the OData filter
accepts. `and` may lose terms, `or` may not; `not`, `ne`, `co`, `ew` and everything multi-valued
push nothing; text is compared in order only with printable ASCII, because the service compares
UTF-16 units and Python code points.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scim.filters import And, Compare, Filter, Or
from scim.schema import ResourceType
from scim.values import parse_datetime
from storage import keys
from storage.columns import compared, comparison

Operator = Literal["eq", "ge", "gt", "le", "lt"]

_MOST = 15 - 3  # comparisons that the service takes, less PartitionKey and both ends of the range
_SECONDS = len("2026-01-31T00:00:00")
_TIMES: Mapping[str, str] = {"created": "created", "lastModified": "modified"}
_ORDER: Mapping[str, Operator] = {"gt": "ge", "ge": "ge", "lt": "le", "le": "le"}


@dataclass(frozen=True, slots=True)
class _Pushed:
    text: str
    comparisons: int = 1


def compare(name: str, operator: Operator, value: str | bool) -> str:  # noqa: FBT001 - a literal, not a switch
    """Write one comparison of a column with a literal."""
    literal = (
        str(value).lower() if isinstance(value, bool) else "'" + value.replace("'", "''") + "'"
    )
    return f"{name} {operator} {literal}"


def between(partition: str, after: str, before: str, where: str = "") -> str:
    """Write the filter for a range of row keys, both ends excluded."""
    terms = [
        compare("PartitionKey", "eq", partition),
        compare("RowKey", "gt", after),
        compare("RowKey", "lt", before),
    ]
    return " and ".join([*terms, f"({where})"] if where else terms)


def push_down(filter: Filter | None, type: ResourceType) -> str:
    """Translate what can be translated of a filter; nothing asks for every row."""
    pushed = _pushed(filter, type) if filter is not None else None
    return pushed.text if pushed else ""


def _pushed(filter: Filter, type: ResourceType) -> _Pushed | None:
    match filter:
        case Compare():
            return _comparison(filter, type)
        case And(left, right):
            one, other = _pushed(left, type), _pushed(right, type)
            if one and other and one.comparisons + other.comparisons <= _MOST:
                return _joined("and", one, other)
            return one or other
        case Or(left, right):
            one, other = _pushed(left, type), _pushed(right, type)
            if one and other and one.comparisons + other.comparisons <= _MOST:
                return _joined("or", one, other)
    return None


def _joined(word: str, one: _Pushed, other: _Pushed) -> _Pushed:
    return _Pushed(f"({one.text}) {word} ({other.text})", one.comparisons + other.comparisons)


def _comparison(filter: Compare, type: ResourceType) -> _Pushed | None:
    path, attribute, value = filter.path, filter.path.attribute, filter.value
    if attribute is None or value is None or (path.extension is not None and path.sub):
        return None
    if attribute.name == "meta" and path.sub is not None and isinstance(value, str):
        name = _TIMES.get(path.sub.name)
        return _time(name, filter.op, value) if name else None
    if str(path) == "id":
        usable = filter.op == "eq" and isinstance(value, str) and keys.usable(value)
        key = keys.resource(type.name, str(value))
        return _Pushed(compare("RowKey", "eq", key)) if usable else None
    name = compared(path, type)
    if name is None:
        return None
    try:
        literal = comparison(value, attribute)
    except (TypeError, ValueError):
        return None
    if isinstance(literal, bool):
        return _Pushed(compare(name, "eq", literal)) if filter.op == "eq" else None
    if attribute.type == "dateTime":
        return _ordered(name, filter.op, literal)
    return _text(name, filter.op, literal)


def _text(name: str, operator: str, literal: str) -> _Pushed | None:
    if not literal or not literal.isprintable():
        return None
    if operator == "sw" and literal.isascii():
        lower = compare(name, "ge", literal)
        if literal[-1] == "~":
            return _Pushed(lower)
        following = literal[:-1] + chr(ord(literal[-1]) + 1)
        return _Pushed(f"{lower} and {compare(name, 'lt', following)}", 2)
    return _ordered(name, operator, literal) if operator == "eq" or literal.isascii() else None


def _ordered(name: str, operator: str, literal: str) -> _Pushed | None:
    """Compare what may be cut: of two texts, the longer one's beginning is never the greater."""
    if operator == "eq":
        return _Pushed(compare(name, "eq", literal))
    wider = _ORDER.get(operator)
    return _Pushed(compare(name, wider, literal)) if wider else None


def _time(name: str, operator: str, value: str) -> _Pushed | None:
    """Compare by whole seconds, since a time may be written with any number of fraction digits."""
    try:
        second = parse_datetime(value).isoformat()[:_SECONDS]
    except ValueError:
        return None
    lower, upper = compare(name, "ge", second), compare(name, "le", second + "~")
    match operator:
        case "eq":
            return _Pushed(f"{lower} and {upper}", 2)
        case "gt" | "ge":
            return _Pushed(lower)
        case "lt" | "le":
            return _Pushed(upper)
    return None
