"""What rules can't be made of: too much of anything, and texts that hold what is no text.

Looked at before anything is built of a document: to build types and schemas by the thousand takes
half a minute, and to find out then that no record could hold them helps nobody.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

MOST_SCHEMAS = 50
MOST_RESOURCE_TYPES = 50
MOST_ATTRIBUTES = 500  # of a schema or a resource type, sub-attributes included

Place = tuple[int | str, ...]

# A terminal obeys controls; half of a surrogate pair can neither be stored nor printed.
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_TEXT = "expected text without control characters and without halves of a surrogate pair"


def out_of_bounds(document: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Find what is too many and what is no text, each with its place and what is expected."""
    for key, other, most in (
        ("schemas", "schemas", MOST_SCHEMAS),
        ("resourceTypes", "resource_types", MOST_RESOURCE_TYPES),
    ):
        listed = document.get(key, document.get(other))
        if not isinstance(listed, list):
            continue
        if len(listed) > most:
            yield (key,), f"expected at most {most}, there are {len(listed):,}"
            continue
        for index, each in enumerate(listed):
            many = _objects(each.get("attributes")) if isinstance(each, dict) else 0
            if many > MOST_ATTRIBUTES:
                said = f"expected at most {MOST_ATTRIBUTES}, sub-attributes included; there are"
                yield (key, index, "attributes"), f"{said} {many:,}"
    for place, text in _texts(document):
        if _NO_TEXT.search(text):
            yield place, _NOT_TEXT


def _objects(value: Any) -> int:
    """Count the objects of a JSON value, at any depth."""
    count, left = 0, [value]
    while left:
        each = left.pop()
        count += isinstance(each, dict)
        if isinstance(each, dict | list):
            left += each.values() if isinstance(each, dict) else each
    return count


def _texts(document: Any) -> Iterator[tuple[Place, str]]:
    """Yield each string of a JSON value with its place, keys too; no deeper stack for a deep one.

    In their order in the document.
    """
    left: list[tuple[Place, Any]] = [((), document)]
    while left:
        place, value = left.pop()
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, dict):
            yield from (((*place, key), key) for key in value)
            left += [((*place, key), each) for key, each in reversed(value.items())]
        elif isinstance(value, list):
            left += [((*place, index), each) for index, each in reversed([*enumerate(value)])]
