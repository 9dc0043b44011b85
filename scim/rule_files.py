"""Rules as an operator writes them: a JSON text becomes `Rules`, or a list of what is wrong where.

Each problem is one line: the place (`resourceTypes[0].attributes[2].type`) and what is expected
there. None repeats a value.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from scim.catalog import BUILT_IN_RESOURCE_TYPES
from scim.rule_bounds import Place, out_of_bounds
from scim.rules import Rules

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")  # in names that a file holds; a problem is one line
_MOST_PROBLEMS = 50  # shown; whoever made more has sent another kind of file
_LONGEST_NUMBER = 20  # digits; Python refuses to read thousands of them
_LONGEST_KEY = 128  # characters of a key that are shown
_DEEPEST = 8  # steps of a place that are shown; no key of rules lies deeper

_Details = Mapping[str, Any]  # one error as pydantic tells it: type, loc, msg, ctx


class RulesError(ValueError):
    """Rules that can't be used; prints as its problems, one in a line."""

    def __init__(self, *problems: str) -> None:
        lines = tuple(_CONTROLS.sub(" ", each) for each in problems)
        super().__init__("\n".join(lines))
        self.problems = lines


def read_rules(text: str) -> Rules:
    """Read a rules file. Raises RulesError."""
    try:
        document = json.loads(
            text.removeprefix("\ufeff"),  # Windows editors begin a file with it
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_int=_number,
        )
    except json.JSONDecodeError as error:
        what = error.msg[:1].lower() + error.msg[1:]
        raise RulesError(f"line {error.lineno}, column {error.colno}: {what}") from error
    except RecursionError as error:
        raise RulesError("the file is nested too deeply to be rules") from error
    return rules_of(document)


def rules_of(document: object) -> Rules:
    """Make rules of a JSON document. Raises RulesError."""
    if not isinstance(document, dict):
        raise RulesError("expected an object: { … }")
    if found := [f"{_printed(place)}: {said}" for place, said in out_of_bounds(document)]:
        raise RulesError(*_few(found))
    try:
        rules = Rules.model_validate(document)
    except ValidationError as error:
        raise explained(error) from error
    if found := list(_unworkable(rules)):
        raise RulesError(*_few(found))
    return rules


def _unworkable(rules: Rules) -> Iterator[str]:
    """Find what a record may hold, for older ones do, and nobody should write."""
    limits = rules.limits
    if limits.default_page > limits.max_page:
        left_out = type(limits)().default_page
        yield f"limits.defaultPage: expected at most maxPage; left out, it is {left_out}"
    for number, each in enumerate(rules.catalog.resource_types):
        texts = each.definition.unique
        named = [("", path) for path in each.unique]
        if texts is not None:
            named = [(f".unique[{n}]", each.known_path(text)) for n, text in enumerate(texts)]
        for key, path in named:
            if path.leaf is not None and path.leaf.type == "boolean":
                yield (
                    f"resourceTypes[{number}]{key}: {path} is a boolean, and can't be unique: two"
                    " resources would be all that there is room for"
                )


def explained(error: ValidationError) -> RulesError:
    """Say what pydantic found wrong in rules as whoever wrote them needs it."""
    return RulesError(*_few([_problem(each) for each in error.errors(include_url=False)]))


def _few(problems: Sequence[str]) -> list[str]:
    more = len(problems) - _MOST_PROBLEMS
    rest = [f"and {more} more"] if more > 0 else []
    return [*problems[:_MOST_PROBLEMS], *rest]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object, unless a key is there twice: JSON would take the last one silently."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RulesError(f"{_shown(twice)}: this key is there twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise RulesError(f"{name} is no JSON")


def _number(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise RulesError(f"a number has more than {_LONGEST_NUMBER} digits")
    return int(digits)


def _problem(error: _Details) -> str:
    place = _printed(error["loc"])
    said = _SENTENCES.get(error["type"], _as_said)(error)
    # What concerns several places names its own.
    return f"{place}: {said}" if place else said


def _printed(place: Place) -> str:
    """Print a place as `resourceTypes[0].attributes[2].type`."""
    place = place[:_DEEPEST]
    steps = [f"[{each}]" if isinstance(each, int) else f".{_shown(each)}" for each in place]
    return "".join(steps).removeprefix(".")


def _shown(key: str) -> str:
    """Make a key printable: it may hold anything."""
    return key.encode("ascii", "backslashreplace").decode()[:_LONGEST_KEY]


def _as_said(error: _Details) -> str:
    cause = error.get("ctx", {}).get("error")
    return str(cause) if cause else error["msg"][:1].lower() + error["msg"][1:]


def _missing(error: _Details) -> str:
    if error["loc"][0] == "resourceTypes" and error["loc"][-1] in ("endpoint", "schema"):
        built_in = " and ".join(each.name for each in BUILT_IN_RESOURCE_TYPES)
        return f"is missing; only {built_in}, which are built in, can do without"
    return "is missing"


def _unknown_key(error: _Details) -> str:
    known = _keys(error["loc"])
    return f"there is no such key; there are {', '.join(known)}" if known else "no such key"


def _described(error: _Details) -> str:
    field = _keys(error["loc"]).get(str(error["loc"][-1]))
    return f"expected {field.description}" if field and field.description else _as_said(error)


def _expected(what: str) -> Callable[[_Details], str]:
    """Say what is expected; `{…}` is filled in from what is known of the error."""
    return lambda error: "expected " + what.format_map(error.get("ctx", {}))


_SENTENCES: Mapping[str, Callable[[_Details], str]] = MappingProxyType(
    {
        "missing": _missing,
        "extra_forbidden": _unknown_key,
        "string_type": _expected("a string"),
        "bool_type": _expected("true or false"),
        "int_type": _expected("a whole number"),
        "tuple_type": _expected("a list"),
        "model_type": _expected("an object"),
        "mapping_type": _expected("an object"),
        "dict_type": _expected("an object"),
        "literal_error": _expected("{expected}"),
        "greater_than_equal": _expected("at least {ge}"),
        "less_than_equal": _expected("at most {le}"),
        "string_too_long": _expected("at most {max_length} characters"),
        "recursion_depth_exceeded": _expected("less depth: sub-attributes hold no attributes"),
        "string_pattern_mismatch": _described,
    }
)


def _keys(place: Place) -> dict[str, FieldInfo]:
    """List the keys that there may be beside the one at a place."""
    model: type[BaseModel] | None = Rules
    for step in place[:-1]:
        if model is not None and isinstance(step, str):
            field = _fields(model).get(step)
            model = _model_of(field.annotation) if field else None
    return _fields(model) if model is not None else {}


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Find the document in a type like `tuple[Attribute, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_of(each))), None)
