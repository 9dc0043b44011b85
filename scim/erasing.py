"""Removing a person for good, whatever the directory's policy says: nothing is kept to restore."""

from dataclasses import replace

from scim.call import Call
from scim.errors import NotFound, Unavailable
from scim.handlers.deleting import remove
from scim.handlers.writing import retry
from scim.repository import Stale
from scim.schema import ResourceType
from scim.tombstones import Tombstone, with_lost

_TRIES = 20


async def erase(call: Call, resource_type: ResourceType, id: str) -> bool:
    """Delete a resource, its tombstone, and what tombstones of groups hold of it.

    Done again, it does what broke off. Tells whether there was anything. The log keeps the id.
    """
    found = await _remove(call, resource_type, id)
    for _ in range(_TRIES):
        kept = await call.repository.tombstone(resource_type, id)
        if kept is None:
            break
        await call.repository.forget(resource_type, kept)
        found = True
    else:
        raise Unavailable("somebody keeps deleting this again: try again", retry_after=1)
    for holder in await with_lost(call.repository, call.catalog.resource_types):
        async for each in call.repository.tombstones(holder):
            await _leave(call, holder, each, id)
    return found


async def _remove(call: Call, resource_type: ResourceType, id: str) -> bool:
    try:
        await retry(lambda: remove(call, resource_type, id), resource_type, call.load)
    except NotFound:
        return False
    return True


async def _leave(call: Call, holder: ResourceType, tombstone: Tombstone, id: str) -> None:
    """Take a member, whose name may be shown with it, out of a deleted group."""
    found: Tombstone | None = tombstone
    while found is not None and any(each.id == id for each in found.members):
        rest = tuple(each for each in found.members if each.id != id)
        smaller = replace(found, members=rest, change=call.change("delete").id)
        try:
            await call.repository.bury(holder, smaller)
        except Stale:
            found = await call.repository.tombstone(holder, found.id)
        else:
            return
