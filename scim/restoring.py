"""Bringing a deleted resource back as it was, by an operator's command; ending what broke off."""

from dataclasses import replace
from datetime import datetime

from scim import ids
from scim.errors import InvalidValue, NotFound, Unavailable, Uniqueness
from scim.keys import claims
from scim.match import values_at
from scim.references import allowed, without
from scim.repository import Change, Gone, Repository, Stale, Stored, Taken
from scim.revival import left_out
from scim.schema import Resource, ResourceType
from scim.side_by_side import side_by_side
from scim.tombstones import Tombstone

_TRIES = 5


async def restore(
    repository: Repository, resource_type: ResourceType, tombstone: Tombstone, change: Change
) -> Stored:
    """Restore a resource with its attributes, and memberships and references whose end is there.

    Raises NotFound when there is nothing (more) to restore, Uniqueness when somebody has a unique
    value of it now, InvalidValue when the directory's rules have no place for it any more.
    """
    found: Tombstone | None = tombstone
    for _ in range(_TRIES):
        lives = await repository.get(resource_type, tombstone.id) is not None
        if found is None or not found.restorable or lives:
            raise NotFound(
                f"this {resource_type.name} can't be restored: it is there, or nothing is kept of"
                " it any more"
            )
        meta = {**found.resource.get("meta", {}), "lastModified": change.at}
        try:
            resource, refers = await _referring(repository, resource_type, found)
            return await repository.create(
                resource_type,
                {**resource, "meta": meta},
                change,
                refers=refers,
                revives=found,
            )
        except Stale:
            found = await repository.tombstone(resource_type, tombstone.id)
        except Taken as error:
            raise Uniqueness(
                f"another {resource_type.name} of this directory has its {error.attribute} now,"
                " which must be unique: change or delete that one first"
            ) from error
        except (TypeError, ValueError) as error:
            raise InvalidValue(
                f"the directory's rules were changed, and attributes of this {resource_type.name}"
                " no longer fit them: let the identity provider create it again"
            ) from error
    raise Unavailable("the store keeps changing under this command: try again", retry_after=1)


async def complete(
    repository: Repository, resource_type: ResourceType, tombstone: Tombstone, change: Change
) -> None:
    """End a revival that broke off: memberships that are due come back, the tombstone goes.

    Those of groups that were written since don't: who wrote them may have meant it. The log says
    which these are.
    """
    found: Tombstone | None = tombstone
    for _ in range(_TRIES):
        if found is None or not found.revived:
            return  # somebody else has ended it
        try:
            if not await _warned(repository, resource_type, found, change):
                await repository.rejoin(resource_type, found, change)
                return
        except Gone:  # deleted again since
            await repository.forget(resource_type, found)
            return
        except Stale:  # a group was written, or somebody else goes on with it
            pass
        found = await repository.tombstone(resource_type, tombstone.id)
    raise Unavailable("somebody else keeps going on with it: try again", retry_after=1)


async def broken_off(
    repository: Repository, resource_type: ResourceType, resource: Resource
) -> Tombstone | None:
    """Find the revival that the same new resource began, and that is not at its end."""
    if not await repository.reviving():
        return None
    held = claims(resource, resource_type)
    found = await side_by_side(lambda each: repository.find(resource_type, each), held)
    for stored in (each for some in found.values() for each in some):
        begun = await repository.tombstone(resource_type, stored.id)
        if begun is not None and begun.revived and _said(stored.resource) == _said(resource):
            return begun
    return None


def _said(resource: Resource) -> Resource:
    return {name: each for name, each in resource.items() if name not in ("id", "meta")}


async def _warned(
    repository: Repository, resource_type: ResourceType, tombstone: Tombstone, change: Change
) -> bool:
    """Take out of a tombstone what must not come back, and warn of it first; tell if there was any.

    Raises Gone, Stale.
    """
    lasting = await repository.lasting(resource_type, tombstone)
    if lasting == tombstone:
        return False
    now = await repository.get(resource_type, tombstone.id, members=True, member_of=True)
    if now is None:
        raise Gone
    again = await repository.tombstone(resource_type, tombstone.id)
    if again is None or again.guard != tombstone.guard:
        raise Stale  # what was written since, somebody did who goes on with it beside us
    await repository.record(*left_out(tombstone, lasting, now, change))
    own = ids.change_id(datetime.fromisoformat(change.at))
    await repository.bury(resource_type, replace(lasting, change=own))
    return True


async def _referring(
    repository: Repository, resource_type: ResourceType, tombstone: Tombstone
) -> tuple[Resource, frozenset[str]]:
    """Leave out references to resources that are gone; second: those that must exist then."""
    resource = tombstone.resource
    named = [(path, id) for path in resource_type.references for id in values_at(resource, path)]
    others = {id for _, id in named if id != tombstone.id}
    types = await repository.types_of(others)
    for path, id in named:
        expected = allowed(path)
        there = id in types and (not expected or types[id] in expected)
        if id != tombstone.id and not there:
            resource = without(resource, path, id)
    kept = {id for path in resource_type.references for id in values_at(resource, path)}
    return resource, frozenset(kept & types.keys())
