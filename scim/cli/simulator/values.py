"""What a mapping makes of one user or group of Entra: values by target, typed as in a POST."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scim.cli.simulator.functions import CannotEvaluate, Result, text
from scim.cli.simulator.mapping import Line, Objects
from scim.cli.simulator.roles import ROLE_TYPE, Roles

# A tuple is a list of values, Roles are what the elements of `roles` are made of.
Value = str | bool | int | tuple[str, ...] | Roles
Values = dict[str, Value]  # by target, in the order of the mapping; null is not there


@dataclass(frozen=True)
class Context:
    """What a value depends on beside the object.

    creating: lines that apply to creation, and defaults, count. soft_deleted: what [IsSoftDeleted]
    is for this job; None leaves it as the object has it.
    """

    creating: bool = False
    soft_deleted: bool | None = None
    now: datetime | None = None

    def entry(self, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.soft_deleted is None:
            return entry
        return {**entry, "IsSoftDeleted": str(self.soft_deleted)}


UPDATING = Context()


def evaluate(objects: Objects, entry: Mapping[str, Any], context: Context = UPDATING) -> Values:
    """Evaluate the lines of a mapping, but for references, for an object by its attributes.

    Raises CannotEvaluate, with the target, when a value can't have the type that is due.
    """
    entry = context.entry(entry)
    found: Values = {}
    for line in objects.valued if context.creating else objects.updated:
        value = _value(line, entry, context)
        if value is None and context.creating and line.default is not None:
            value = _typed(line, line.default)
        if value is not None:
            found[line.target] = value
    return found


def matching(
    objects: Objects, entry: Mapping[str, Any], context: Context = UPDATING
) -> list[tuple[str, str]]:
    """List the targets and values that a resource is looked for by, in their order."""
    entry = context.entry(entry)
    values = ((line, _value(line, entry, context)) for line in objects.matching)
    return [(line.target, _first(value)) for line, value in values if value is not None]


def references(objects: Objects, entry: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Give the objectIds that each reference of an object holds, by target; none is empty."""
    found: dict[str, tuple[str, ...]] = {}
    for line in objects.references:
        held = entry.get(line.expression.direct or "") or ()
        found[line.target] = (held,) if isinstance(held, str) else tuple(held)
    return found


def _value(line: Line, entry: Mapping[str, Any], context: Context) -> Value | None:
    try:
        return _typed(line, line.expression.evaluate(entry, context.now))
    except CannotEvaluate as error:
        raise CannotEvaluate(f"{line.target}: {error}") from error


def _typed(line: Line, value: Result) -> Value | None:
    """Give a result the type of its target; null and empty are None."""
    if value is None or value in ("", ()):
        return None
    if isinstance(value, Roles):
        return _role(line, value)
    if line.many:
        return value if isinstance(value, tuple) else (text(value),)
    written = _first(value)
    if line.kind == "boolean":
        if written.lower() not in ("true", "false"):
            raise CannotEvaluate("a boolean is due: True or False")
        return written.lower() == "true"
    if line.kind == "integer":
        try:
            return int(written)
        except ValueError as error:
            raise CannotEvaluate("an integer is due") from error
    return written


def _role(line: Line, roles: Roles) -> Value | None:
    path = line.path
    if path.name != "roles" or path.urn is not None:
        return tuple(each.name for each in roles.held) if line.many else text(roles)
    if path.sub is None:
        return roles
    if path.sub == "type":
        return ROLE_TYPE
    return roles.held[0].display_name if path.sub == "display" else text(roles)


def _first(value: Result) -> str:
    """Several values where one is due: the first is taken."""
    return value[0] if isinstance(value, tuple) else text(value)
