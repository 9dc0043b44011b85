"""Which values of a resource are claimed (unique) or indexed, in the one form that is compared.

Filters, uniqueness and index rows share `comparable`, so they can't disagree on what "equal" means.
A key tells its form, so that the keys of two definitions of one attribute are never taken for each
other: while a directory's rules change, both are kept.
"""

from dataclasses import dataclass

from scim.match import values_at
from scim.repository import Key
from scim.schema import Attribute, Path, Resource, ResourceType
from scim.values import comparable, fold

NONE: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Moves:
    """What a write does to keys: those it claims and gives up, makes findable and no longer so."""

    claim: frozenset[Key]
    unclaim: frozenset[Key]
    index: frozenset[Key]
    unindex: frozenset[Key]


def form(attribute: Attribute) -> str:
    """Name what the attribute's values are compared as: two of one form compare alike."""
    if attribute.type == "complex":
        sub = attribute.sub("value")
        return form(sub) if sub is not None else "complex"
    if attribute.type in ("integer", "decimal"):
        return "number"
    if attribute.type in ("boolean", "dateTime"):
        return attribute.type
    return "exact" if attribute.exact else "text"


def key(path: Path, value: object) -> Key:
    """Make the key of a value at a path. ValueError or TypeError when it can't be a value there."""
    if path.leaf is None:
        raise ValueError(f"{path} holds no value of its own")
    return Key(str(path), f"{form(path.leaf)}:{comparable(value, path.leaf)}")


def adoption(path: Path, value: object) -> Key:
    """Make the key of what may be meant by a new resource: the value in any letter case."""
    return Key(_adopted(path), f"text:{fold(str(value))}")


def claims(resource: Resource, resource_type: ResourceType) -> frozenset[Key]:
    """List the unique values that a resource holds."""
    return _keys(resource, resource_type.unique)


def indexes(resource: Resource, resource_type: ResourceType) -> frozenset[Key]:
    """List the indexed values that a resource holds, those that it is adopted by included."""
    adopted = {
        adoption(path, value)
        for path, _ in resource_type.adopts
        for value in values_at(resource, path)
    }
    return _keys(resource, resource_type.indexed) | adopted


def moves(before: Resource | None, after: Resource | None, resource_type: ResourceType) -> Moves:
    """Compare a resource before and after a write; None: there was none, there is none.

    What is coming is claimed and indexed as if it were there, but a claim on it is never given up:
    it may be somebody else's, as long as not everybody's are made. Stale ones are no obstacle, and
    are swept in the end.
    """
    coming = resource_type.coming
    claimed, indexed = claims(before or {}, resource_type), indexes(before or {}, resource_type)
    next_claimed, next_indexed = _both(before, coming)
    next_wanted, next_sought = _both(after, coming)
    wanted = claims(after or {}, resource_type) | next_wanted
    sought = indexes(after or {}, resource_type) | next_sought
    return Moves(
        claim=wanted - claimed - next_claimed,
        unclaim=claimed - wanted,
        index=sought - indexed - next_indexed,
        unindex=(indexed | next_indexed) - sought,
    )


def needed(
    resource: Resource, resource_type: ResourceType
) -> tuple[frozenset[Key], frozenset[Key]]:
    """List what a resource is to have claimed and to be found by, what is coming included."""
    next_claimed, next_indexed = _both(resource, resource_type.coming)
    return (
        claims(resource, resource_type) | next_claimed,
        indexes(resource, resource_type) | next_indexed,
    )


def findable(path: Path, resource_type: ResourceType) -> bool:
    """Tell whether a lookup by a path finds everybody.

    Rows are there for it, and workers that have the rules which are coming go on making them.
    """
    text, coming = str(path), resource_type.coming
    if text not in resource_type.kept:
        return False
    if coming is None or path.leaf is None:
        return True
    return any(
        each.leaf is not None and form(each.leaf) == form(path.leaf)
        for each in coming.kept.get(text, ())
    )


def kinds(attribute: str, resource_type: ResourceType) -> tuple[bool, bool]:
    """Tell whether a path's keys are claimed, and whether they are indexed.

    Both while one becomes the other, when neither is complete in everybody's eyes.
    """
    now, coming = keyed(resource_type), keyed(resource_type.coming)
    return attribute in now[0] | coming[0], attribute in now[1] | coming[1]


def keyed(resource_type: ResourceType | None) -> tuple[frozenset[str], frozenset[str]]:
    """List the paths whose keys are claimed, and those whose keys are indexed."""
    if resource_type is None:
        return frozenset(), frozenset()
    return (
        frozenset(str(path) for path in resource_type.unique),
        frozenset(
            [
                *(str(path) for path in resource_type.indexed),
                *(_adopted(path) for path, _ in resource_type.adopts),
            ]
        ),
    )


def _adopted(path: Path) -> str:
    return f"{path}~"


def _both(
    resource: Resource | None, resource_type: ResourceType | None
) -> tuple[frozenset[Key], frozenset[Key]]:
    if resource is None or resource_type is None:
        return NONE, NONE
    return claims(resource, resource_type), indexes(resource, resource_type)


def _keys(resource: Resource, paths: tuple[Path, ...]) -> frozenset[Key]:
    found = set()
    for path in paths:
        for value in values_at(resource, path):
            try:
                found.add(key(path, value))
            except (TypeError, ValueError):  # kept under another definition of the attribute
                continue
    return frozenset(found)
