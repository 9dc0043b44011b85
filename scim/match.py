"""Does a resource meet a filter, and where does it sort (RFC 7644 §3.4.2.2, §3.4.2.3)?

Works on a resource as it is shown. An attribute without a value meets no comparison, except `ne`
and `eq null`; a multi-valued attribute meets one when any of its values does. `ne` is exactly
`not eq`: none of the values is equal.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from scim.nodes import And, Compare, Filter, Not, Or, Present, ValuePath
from scim.schema import Attribute, Path, Resource
from scim.tokens import TEXT
from scim.values import comparable, fold, present

_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "co": operator.contains,
    "sw": str.startswith,
    "ew": str.endswith,
}


def values_at(resource: Resource, path: Path) -> list[Any]:
    """List the values at a path, through all elements of a multi-valued attribute."""
    place: Any = resource.get(path.extension.id) if path.extension else resource
    for step in (path.attribute, path.sub):
        if step is None:
            continue
        found = [each.get(step.name) for each in _listed(place) if isinstance(each, dict)]
        place = [value for each in found for value in _listed(each)]
    return [value for value in _listed(place) if present(value)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def matches(filter: Filter, resource: Resource) -> bool:
    """Tell whether a resource meets a filter."""
    match filter:
        case And(left, right):
            return matches(left, resource) and matches(right, resource)
        case Or(left, right):
            return matches(left, resource) or matches(right, resource)
        case Not(term):
            return not matches(term, resource)
        case Present(path):
            return bool(values_at(resource, path))
        case ValuePath(path, inner):
            return any(selects(inner, each) for each in values_at(resource, path))
        case Compare(path, "ne", value):
            return not _compares(path, "eq", value, resource)
        case Compare(path, op, value):
            return _compares(path, op, value, resource)


def selects(filter: Filter, element: Any) -> bool:
    """Tell whether one value of an attribute meets a value path's filter.

    A simple value is its own `value`: `tags[value sw "x"]`.
    """
    return matches(filter, element if isinstance(element, dict) else {"value": element})


def _compares(path: Path, op: str, value: Any, resource: Resource) -> bool:
    found = values_at(resource, path)
    attribute = path.leaf
    if value is None or attribute is None:
        return not found
    wanted = _operand(value, op, attribute)
    test = _TESTS[op]
    for each in found:
        try:
            if test(_operand(each, op, attribute), wanted):
                return True
        except (TypeError, ValueError):  # kept under another definition of the attribute
            continue
    return False


def _operand(value: Any, op: str, attribute: Attribute) -> Any:
    if op in TEXT and attribute.type == "dateTime" and isinstance(value, str):
        return fold(value)  # by its text, since a part of it is no instant
    return comparable(value, attribute)


def sort_key(resource: Resource, path: Path) -> tuple[Any, ...]:
    """Make the key to sort by, ascending: without a value last, by the primary or first of several.

    RFC 7644 §3.4.2.3; reversed for descending order, so that they come first there.
    """
    parent = Path(path.attribute, None, path.extension)
    elements = values_at(resource, parent)
    chosen = [each for each in elements if isinstance(each, dict) and each.get("primary") is True]
    for element in chosen[:1] or elements[:1]:
        value = element
        if path.sub and isinstance(element, dict):
            value = next(iter(_listed(element.get(path.sub.name))), None)
        try:
            if path.leaf and present(value):
                return (0, comparable(value, path.leaf))
        except (TypeError, ValueError):
            break
    return (1,)


def conjuncts(filter: Filter) -> list[Filter]:
    """List the terms that all have to be met, from left to right."""
    if not isinstance(filter, And):
        return [filter]
    return [*conjuncts(filter.left), *conjuncts(filter.right)]
