"""References from one resource to another are kept true: a manager exists, and goes when the
person goes (RFC 7643 §2.3.7).
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from scim.call import Call
from scim.errors import InvalidValue
from scim.keys import key
from scim.match import values_at
from scim.repository import Gone, Stale, Stored
from scim.schema import Path, Resource, ResourceType

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Referrer:
    """A resource with a reference, and the path at which it is."""

    type: ResourceType
    path: Path
    stored: Stored


async def check_new(
    call: Call, resource_type: ResourceType, before: Resource, after: Resource
) -> frozenset[str]:
    """Check the references that a write adds and return the ids that must still exist when it is
    written.

    Costs no round trip when it adds none. Raises InvalidValue that names the attribute.
    """
    added: dict[str, Path] = {}
    for path in resource_type.references:
        kept = set(values_at(before, path))
        added |= {value: path for value in values_at(after, path) if value not in kept}
    if not added:
        return frozenset()
    types = await call.repository.types_of(added.keys())
    for id, path in added.items():
        allowed = _allowed(path)
        if id not in types or (allowed and types[id] not in allowed):
            expected = " or ".join(allowed) or "resource"
            raise InvalidValue(
                f"{path} must be the id of a {expected} of this directory, and no such resource"
                f" exists:"
                " provision that one first"
            )
    return frozenset(added)


async def referrers(call: Call, resource_type: ResourceType, id: str) -> list[Referrer]:
    """Find everybody who refers to a resource, by index rows side by side."""
    places = [
        (other, path)
        for other in call.catalog.resource_types
        for path in other.references
        if not _allowed(path) or resource_type.name in _allowed(path)
    ]
    found = await asyncio.gather(
        *(call.repository.find(other, key(path, id)) for other, path in places)
    )
    return [
        Referrer(other, path, stored)
        for (other, path), some in zip(places, found, strict=True)
        for stored in some
    ]


async def forget(call: Call, id: str, found: Iterable[Referrer]) -> None:
    """Remove references to a resource that is about to be deleted; each is a write of its own."""
    for each in found:
        if each.stored.id != id:  # its own manager goes with it
            await _drop(call, each.type, each.path, each.stored, id)


async def _drop(
    call: Call, resource_type: ResourceType, path: Path, referrer: Stored, id: str
) -> None:
    found: Stored | None = referrer
    for _ in range(_TRIES):
        if found is None or id not in values_at(found.resource, path):
            return
        changed = _without(found.resource, path, id)
        names = (
            path.extension.id if path.extension else str(path.attribute and path.attribute.name),
        )
        change = call.change("update", names)
        dated = {**changed, "meta": {**changed["meta"], "lastModified": change.at}}
        try:
            await call.repository.replace(resource_type, found, dated, change)
        except Gone:
            return
        except Stale:
            found = await call.repository.get(resource_type, found.id)
        else:
            return


def _allowed(path: Path) -> tuple[str, ...]:
    reference = path.attribute.sub("$ref") if path.attribute else None
    return (reference.reference_types or ()) if reference else ()


def _without(resource: Resource, path: Path, id: str) -> Resource:
    """Copy a resource without the complex value at a path that refers to an id."""
    home = resource.get(path.extension.id, {}) if path.extension else resource
    name = path.attribute.name if path.attribute else ""
    value = home.get(name)
    kept = [each for each in value if each.get("value") != id] if isinstance(value, list) else []
    smaller = {key: each for key, each in home.items() if key != name} | (
        {name: kept} if kept else {}
    )
    if path.extension is None:
        return smaller
    rest = {key: each for key, each in resource.items() if key != path.extension.id}
    return rest | ({path.extension.id: smaller} if smaller else {})
