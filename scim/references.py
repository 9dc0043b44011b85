"""References from one resource to another, kept true (RFC 7643 §2.3.7).

A manager exists when it is written, and goes from who reported to it when the person goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scim.call import Call
from scim.errors import InvalidValue
from scim.keys import key
from scim.match import values_at
from scim.repository import Gone, Key, Stale, Stored
from scim.schema import Path, Resource, ResourceType
from scim.side_by_side import together

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reference to a resource can be: a type, a path in it, the key to look up."""

    type: ResourceType
    path: Path
    key: Key


async def check_new(
    call: Call, resource_type: ResourceType, before: Resource, after: Resource
) -> frozenset[str]:
    """Check the references that a write adds; return the ids that must exist when it is written.

    Costs no round trip when it adds none. Raises InvalidValue that names the attribute.
    """
    added: list[tuple[str, Path]] = []
    for path in resource_type.references:
        kept = set(values_at(before, path))
        added += [(value, path) for value in values_at(after, path) if value not in kept]
    ids = frozenset(id for id, _ in added)
    if not ids:
        return ids
    types = await call.repository.types_of(ids)
    for id, path in added:
        targets = allowed(path)
        if id not in types or (targets and types[id] not in targets):
            expected = " or ".join(targets) or "resource"
            raise InvalidValue(
                f"{path} must be the id of a {expected} of this directory, and no such resource"
                " exists: provision that one first"
            )
    return ids


def places(call: Call, resource_type: ResourceType, id: str) -> list[Place]:
    """List where references to a resource can be: a round trip finds those at one."""
    return [
        Place(other, path, key(path, id))
        for other in call.catalog.resource_types
        for path in other.references
        if not allowed(path) or resource_type.name in allowed(path)
    ]


async def referrers(call: Call, where: Sequence[Place]) -> list[list[Stored]]:
    """Find who refers to a resource, at each place, side by side."""
    found = (call.repository.find(each.type, each.key) for each in where)
    return list(await together(*found))


async def forget(
    call: Call, id: str, where: Sequence[Place], found: Sequence[Sequence[Stored]]
) -> None:
    """Remove the references to a resource that were found; each is a write of its own."""
    for place, some in zip(where, found, strict=True):
        for each in some:
            if each.id != id:  # its own manager goes with it
                await _drop(call, place.type, place.path, each, id)


async def _drop(
    call: Call, resource_type: ResourceType, path: Path, referrer: Stored, id: str
) -> None:
    found: Stored | None = referrer
    for _ in range(_TRIES):
        if found is None or id not in values_at(found.resource, path):
            return
        changed = without(found.resource, path, id)
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


def allowed(path: Path) -> tuple[str, ...]:
    """Name the resource types that a reference may point to; none: any."""
    reference = path.attribute.sub("$ref") if path.attribute else None
    return reference.targets if reference else ()


def without(resource: Resource, path: Path, id: str) -> Resource:
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
