"""The elements of a multi-valued attribute: which are the same, which is primary (RFC 7643 §2.4).

Two complex elements with a `value` are the same when `type` and `value` are; others when all their
sub-attributes are; where the definition has a key (`Attribute.key`), when the key is. Nothing here
changes a list or an element: what differs is new, what does not is the same object.
"""

from collections.abc import Hashable, Sequence
from typing import Any

from scim.errors import InvalidValue
from scim.schema import Attribute
from scim.values import comparable

# What only labels an element (RFC 7643 §2.4): one that holds nothing else says nothing.
LABELS = frozenset({"type", "primary"})
# What an element is known by; when two are the same, the spelling that was there first stays.
_IDENTITY = frozenset({"type", "value"})


def identity(element: Any, attribute: Attribute) -> Hashable:
    """Make the key that is equal for two elements exactly when they are the same."""
    if isinstance(element, dict) and attribute.key and attribute.key.name in element:
        return _key({attribute.key.name: element[attribute.key.name]}, attribute)
    if isinstance(element, dict) and "value" in element:
        return (_part(element, "type", attribute), _part(element, "value", attribute))
    return _key(element, attribute)


def merge(elements: Sequence[Any], more: Sequence[Any], attribute: Attribute) -> list[Any]:
    """Add elements; one that is there gains its new sub-attributes (RFC 7644 §3.5.2.1).

    An element without a `type` is the first one with its value, whatever the type of that one is,
    because clients name a role or a member by its value alone when they repeat themselves.
    """
    merged = list(elements)
    places: dict[Hashable, int] = {}
    by_value: dict[Hashable, int] = {}
    for place, each in enumerate(merged):
        _remember(each, place, attribute, places, by_value)
    for each in more:
        found = places.get(identity(each, attribute))
        if found is None and _names_its_value_alone(each, attribute):
            found = by_value.get(_part(each, "value", attribute))
        if found is None:
            _remember(each, len(merged), attribute, places, by_value)
            merged.append(each)
        elif isinstance(each, dict):
            merged[found] = _joined(merged[found], each, attribute)
    return merged


def collapse(elements: Sequence[Any], attribute: Attribute) -> list[Any]:
    """Join the elements that are the same, in the order of the first of each."""
    found: dict[Hashable, Any] = {}
    for each in elements:
        key = identity(each, attribute)
        if key not in found:
            found[key] = each
        elif isinstance(each, dict):
            found[key] = _joined(found[key], each, attribute)
    return list(found.values())


def subtract(elements: Sequence[Any], listed: Sequence[Any], attribute: Attribute) -> list[Any]:
    """Leave out the listed elements; one listed without a type is every element with its value."""
    keys = {identity(each, attribute) for each in listed}
    values = {key[1] for key in keys if isinstance(key, tuple)}
    kept = []
    for each in elements:
        key = identity(each, attribute)
        if key in keys:
            continue
        if isinstance(key, tuple) and (
            (None, key[1]) in keys or (key[0] is None and key[1] in values)
        ):
            continue
        kept.append(each)
    return kept


def unset_primary(before: Sequence[Any], after: Sequence[Any]) -> list[Any]:
    """Take `primary` from who had it when another element has just got it (RFC 7644 §3.5.2)."""
    old = {id(each) for each in before if is_primary(each)}
    if not any(is_primary(each) and id(each) not in old for each in after):
        return list(after)
    return [{**each, "primary": False} if id(each) in old else each for each in after]


def check_primary(elements: Sequence[Any], place: str) -> None:
    """Refuse a second primary element. Raises InvalidValue."""
    if sum(map(is_primary, elements)) > 1:
        raise InvalidValue(f"only one element may be primary, got several at {place}")


def is_primary(element: Any) -> bool:
    return isinstance(element, dict) and element.get("primary") is True


def _names_its_value_alone(element: Any, attribute: Attribute) -> bool:
    if not isinstance(element, dict) or attribute.key is not None:
        return False
    return "value" in element and "type" not in element


def _joined(old: dict[str, Any], new: dict[str, Any], attribute: Attribute) -> dict[str, Any]:
    known_by = {attribute.key.name} if attribute.key else _IDENTITY
    gained = {name: each for name, each in new.items() if name not in known_by or name not in old}
    joined = {**old, **gained}
    return old if joined == old else joined


def _remember(
    element: Any,
    place: int,
    attribute: Attribute,
    places: dict[Hashable, int],
    by_value: dict[Hashable, int],
) -> None:
    places.setdefault(identity(element, attribute), place)
    if isinstance(element, dict) and "value" in element:
        by_value.setdefault(_part(element, "value", attribute), place)


def _part(element: dict[str, Any], name: str, attribute: Attribute) -> Hashable:
    sub = attribute.sub(name)
    return _key(element[name], sub) if sub is not None and name in element else None


def _key(value: Any, attribute: Attribute) -> Hashable:
    if isinstance(value, list):
        return frozenset(_key(each, attribute) for each in value)
    if isinstance(value, dict):
        subs = ((attribute.sub(name), each) for name, each in value.items())
        return frozenset((sub.name, _key(each, sub)) for sub, each in subs if sub is not None)
    try:
        return comparable(value, attribute)
    except (TypeError, ValueError):  # kept under another definition of the attribute
        return repr(value)
