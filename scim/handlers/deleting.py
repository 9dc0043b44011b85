"""Delete a resource as the directory's policy says (RFC 7644 §3.6).

hard: it is gone. soft: gone for SCIM, and a tombstone is kept. deactivate: it stays, inactive; of a
type that has no attribute for that, it is gone. Each answers 204.
"""

from contextlib import suppress
from dataclasses import replace

from scim.call import Call
from scim.errors import NotFound
from scim.handlers.writing import current, retry, write
from scim.http import Request, Response
from scim.references import forget, places, referrers
from scim.revival import left_out, tombstone, unfinished
from scim.schema import Attribute, ResourceType
from scim.side_by_side import together
from scim.tombstones import Tombstone
from scim.unfinished import Work

_ENDED = "deleted before: memberships that were left of it are removed"


async def delete(call: Call, resource_type: ResourceType, id: str) -> Response:
    """Delete a resource, or deactivate it."""
    deletion, active = call.directory.deletion, resource_type.active
    days = deletion.days if deletion.policy == "soft" else None

    async def attempt() -> None:
        if deletion.policy == "deactivate" and active is not None:
            await _deactivate(call, resource_type, id, active)
        else:
            await remove(call, resource_type, id, days=days)

    await retry(attempt, resource_type, call.load)
    return Response(204)


async def remove(
    call: Call, resource_type: ResourceType, id: str, *, days: int | None = None
) -> None:
    """Delete a resource, its memberships and the references to it; keep a tombstone for `days`.

    Raises NotFound, Stale, Gone.
    """
    whole = resource_type.members is not None
    where = places(call, resource_type, id)
    mark = await call.repository.mark(id)
    try:
        before, found, (older, edited) = await together(
            current(call, resource_type, id, members=whole, member_of=True),
            referrers(call, where),
            _kept(call, resource_type, id, days),
        )
    except NotFound:
        # A deletion that broke off may have left memberships, and references.
        if mark is None:
            ended = replace(call.change("delete"), detail=_ENDED)
            found, _ = await together(
                referrers(call, where),
                call.repository.finish(Work(resource_type.name, id), ended),
            )
            await forget(call, id, where, found)
        raise
    await forget(call, id, where, found)
    change = call.change("delete")
    keep = None
    if days is not None:
        if older is not None and unfinished(older, before):
            lasting = await call.repository.lasting(resource_type, older)
            await call.repository.record(*left_out(older, lasting, before, change))
            older = lasting
        keep = tombstone(resource_type, before, change, days=days, older=older)
    late = await call.repository.delete(
        resource_type,
        before,
        change,
        mark=mark,
        watched=[(each.type, each.key) for each in where],
        keep=keep,
        edited=edited,
    )
    await forget(call, id, where, late)


async def undo(call: Call, resource_type: ResourceType, id: str) -> None:
    """Delete what this request has created, for good, unless somebody else has."""
    request = Request("DELETE", call.location(resource_type.endpoint, id))
    bare = replace(call, request=request)
    with suppress(NotFound):
        await retry(lambda: remove(bare, resource_type, id), resource_type, call.load)


async def _deactivate(call: Call, resource_type: ResourceType, id: str, active: Attribute) -> None:
    before = await current(call, resource_type, id)
    await write(call, resource_type, before, {**before.resource, active.name: False}, None)


async def _kept(
    call: Call, resource_type: ResourceType, id: str, days: int | None
) -> tuple[Tombstone | None, bool]:
    """Read what an earlier deletion has left, where one keeps anything; second: `edited`."""
    if days is None:
        return None, False
    return await together(call.repository.tombstone(resource_type, id), call.repository.editing())
