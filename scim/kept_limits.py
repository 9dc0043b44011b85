"""How much of what no schema has a resource can keep (`scim/kept.py`): elements, name by name."""

import json
from collections.abc import Sequence

from scim.datatypes import has_surrogates, shown
from scim.errors import InvalidValue
from scim.schema import Resource
from scim.tokens import well_formed

MOST_KEPT = 100  # of a resource
LONGEST_NAME = 255  # characters
LONGEST_VALUE = 32_000  # characters
# Characters of their JSON, half of what the store takes of a resource: so there is room for what a
# schema has, whatever else is sent.
MOST_TEXT = 240_000


def is_keepable(name: str, value: str) -> bool:
    """Tell whether there can be an element of this name and value."""
    return not _problem(name, value) and not has_surrogates(value)


def fitted(
    before: Sequence[Resource], after: Sequence[Resource], strays: Sequence[str]
) -> tuple[list[Resource], tuple[str, ...]]:
    """Leave strays as they were before where there is no room for them, beginning with the last.

    Second: their names. What is there beside them may still be too much.
    """
    if not strays:
        return list(after), ()
    # One without a name is refused yet.
    old, now = ({each.get("name", "").lower(): each for each in some} for some in (before, after))
    text, over = sum(map(_size, now.values())), []
    for name in reversed(strays):
        if len(now) <= MOST_KEPT and text <= MOST_TEXT:
            break
        key = name.lower()
        gain = _size(now.get(key)) - _size(old.get(key))
        if gain <= 0 or (key in old and text <= MOST_TEXT):
            continue  # there would be no more room without it
        text -= gain
        over.append(name)
        if key in old:
            now[key] = old[key]
        else:
            del now[key]
    return list(now.values()), tuple(reversed(over))


def check(elements: Sequence[Resource], place: str) -> None:
    """Refuse more, or longer, than a resource can keep. Raises InvalidValue."""
    if len(elements) > MOST_KEPT:
        raise InvalidValue(
            f"{place} can hold at most {MOST_KEPT} attributes that no other schema has: remove"
            " their mappings"
        )
    for each in elements:
        if problem := _problem(each["name"], each["value"]):
            raise InvalidValue(f"{shown(each['name'])} can't be kept: {problem}")
    if sum(map(_size, elements)) > MOST_TEXT:
        raise InvalidValue(
            f"{place} can hold at most {MOST_TEXT:,} characters, written as JSON in ASCII: shorten"
            " the values, or remove their mappings"
        )


def _problem(name: str, value: str) -> str:
    """Say why an attribute can't be kept, if it can't."""
    if len(name) > LONGEST_NAME or not well_formed(name):
        return (
            f"a name is at most {LONGEST_NAME} letters, digits, $, - and _, after a URN and a colon"
            " if it has one: rename it, or remove its mapping"
        )
    if len(value) > LONGEST_VALUE:
        return (
            f"its value is longer than {LONGEST_VALUE} characters: shorten it, or remove its"
            " mapping"
        )
    return ""


def _size(element: Resource | None) -> int:
    return len(json.dumps(element)) if element else 0
