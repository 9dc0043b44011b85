"""What a resource shows, read as Entra reads an answer: by type, or not at all.

A value of another type than the schema's can't be deserialised and fails the object; one in
another form than was sent is sent again in every cycle.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from scim.catalog import BUILT_IN_SCHEMAS
from scim.cli.simulator.mapping import Line
from scim.cli.simulator.roles import AppRole, Roles
from scim.cli.simulator.targets import ServiceIncompatible, called, get, need
from scim.cli.simulator.values import Value, Values
from scim.definitions import COMMON, Attribute

__all__ = ["ServiceIncompatible", "check", "differing", "reference_of", "same", "values_of"]

# How JSON writes a type, and what it is called; all others are written as text.
_WRITTEN: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {"boolean": (bool,), "integer": (int,), "decimal": (int, float)}
)
_WANTED: Mapping[str, str] = MappingProxyType(
    {"boolean": "a boolean", "integer": "an integer", "decimal": "a number"}
)


def values_of(resource: Mapping[str, Any], lines: Iterable[Line]) -> Values:
    """Read the values that a resource shows at the targets of some lines, without empty ones.

    Raises ServiceIncompatible for a value, or a list or object around it, of another type.
    """
    found: Values = {}
    for line in lines:
        shown = line.path.read(resource)
        value = _list(line, shown) if line.many else _single(line, shown)
        if value is not None and value not in ("", ()) and value != Roles("shown"):
            found[line.target] = value
    return found


def reference_of(resource: Mapping[str, Any], line: Line) -> str | None:
    """Read the id of the one resource that is referred to, such as a manager.

    Raises ServiceIncompatible when it is not an object with the id as a text.
    """
    shown = need(line.path.read(resource), dict, line.target)
    value = need(shown.get("value"), str, f"{line.target}.value") if shown else None
    return value or None


def check(resource: Any, schema: str) -> Mapping[str, Any]:
    """Read a whole resource of a base schema (`User`, `Group`) as Entra does; give it back.

    Raises ServiceIncompatible that names the first attribute of the RFC's that has another type.
    Attributes of other schemas are not looked at.
    """
    held: Mapping[str, Any] = need(resource, dict, "the resource")
    if not held or not isinstance(held.get("id"), str) or not held["id"]:
        raise ServiceIncompatible("id", "a text", held.get("id") if held else None)
    for each in COMMON.attributes:
        _check(each, held.get(each.name), each.name)
    for known in BUILT_IN_SCHEMAS:
        if known.id.endswith(f":core:2.0:{schema}"):
            _check_all(known.attributes, held, "")
        elif known.id.endswith(f":{schema}"):
            extension = need(held.get(known.id), dict, known.id)
            _check_all(known.attributes, extension or {}, f"{known.id}:")
    return held


def differing(before: Mapping[str, Value], after: Mapping[str, Value]) -> list[str]:
    """List the targets whose values have to be sent, in the order of what is due."""
    return [target for target in after if not same(before.get(target), after[target])]


def same(before: Value | None, after: Value) -> bool:
    """Tell whether what is shown needs no change: letter case counts, the order of lists not."""
    if isinstance(after, Roles):
        return after.satisfied_by(_names(before))
    if isinstance(after, tuple):
        return isinstance(before, tuple | Roles) and _names(before) == frozenset(after)
    return type(before) is type(after) and before == after


def _names(value: Value | None) -> frozenset[str]:
    if isinstance(value, Roles):
        return value.names
    return frozenset(value) if isinstance(value, tuple) else frozenset()


def _single(line: Line, shown: Any) -> Value | None:
    kinds = _WRITTEN.get(line.kind, (str,))
    if shown is not None and type(shown) not in kinds:
        raise ServiceIncompatible(line.target, _WANTED.get(line.kind, "a text"), shown)
    value: Value | None = shown
    return value


def _list(line: Line, shown: Any) -> Value:
    elements = need(shown, list, line.target) or []
    if line.path.name == "roles" and line.path.urn is None:
        return Roles("shown", tuple(_role(each, line.target) for each in elements))
    values: list[str] = []
    for each in elements:
        value = each
        if isinstance(each, dict):
            value = get(each, "value")
        if value is not None and not isinstance(value, str):
            raise ServiceIncompatible(line.target, "a list of texts", value)
        values += [value] if value else []
    return tuple(values)


def _role(element: Any, path: str) -> AppRole:
    held = need(element, dict, path) or {}
    value, display = (
        need(held.get(each), str, f"{path}.{each}") or "" for each in ("value", "display")
    )
    return AppRole(display, value)


def _check_all(attributes: Iterable[Attribute], held: Mapping[str, Any], place: str) -> None:
    for each in attributes:
        _check(each, held.get(each.name), place + each.name)


def _check(attribute: Attribute, value: Any, path: str) -> None:
    if value is None:
        return
    if not attribute.multi_valued:
        _check_one(attribute, value, path)
        return
    for each in need(value, list, path):
        _check_one(attribute, each, path)


def _check_one(attribute: Attribute, value: Any, path: str) -> None:
    if attribute.type == "complex":
        held = need(value, dict, path)
        _check_all(attribute.sub_attributes, held or {}, f"{path}.")
    elif type(value) not in _WRITTEN.get(attribute.type, (str,)):
        raise ServiceIncompatible(path, _WANTED.get(attribute.type, called("")), value)
