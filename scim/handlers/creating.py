"""Create a resource, or what it means of what is there (RFC 7644 §3.3).

Where a directory deletes softly, a POST revives the deleted resource that it means
(`scim/revival.py`). Where a resource type `adopts`, a POST may mean a resource that exists under
another value: that one is updated then. Both are decided again when anybody was faster, and hang on
a unique value: of two that race, one is done.
"""

from scim import ids
from scim.call import Call
from scim.handlers.answer import projection, written
from scim.handlers.writing import changed_names, read_body, retry, write
from scim.http import Response
from scim.keys import adoption, key
from scim.match import values_at
from scim.references import check_new
from scim.replacement import check_immutable
from scim.repository import Member, MemberEdit, Stored, Taken
from scim.restoring import broken_off, complete
from scim.revival import meant, revived, sought
from scim.room import EDIT
from scim.schema import Resource, ResourceType
from scim.side_by_side import side_by_side, together
from scim.tombstones import Tombstone

_ADOPTED = "adopted: sent as a new resource that means this one, which was updated instead"


async def create(call: Call, resource_type: ResourceType) -> Response:
    """Create a resource: 201 with all of it, 409 when a unique value is taken (RFC 7644 §3.3)."""
    sent, members = read_body(call, resource_type)
    await call.load.hold(EDIT * len(members))
    at = ids.timestamp(call.now)
    resource = {
        "id": ids.resource_id(),
        **sent,
        "meta": {"resourceType": resource_type.name, "created": at, "lastModified": at},
    }

    async def attempt() -> Stored:
        refers, buried, same = await together(
            check_new(call, resource_type, {}, resource),
            _buried(call, resource_type, resource),
            _adopted(call, resource_type, resource),
        )
        if same is not None:
            return await _adopt(call, resource_type, same, sent, members)
        return await _insert(call, resource_type, resource, members, refers, buried)

    stored = await retry(attempt, resource_type, call.load)
    if stored.id == resource["id"]:  # else it was there before: revived, or adopted
        call.notes.created = stored.id
    return await written(call, resource_type, stored, projection(call, resource_type), 201)


async def _insert(
    call: Call,
    resource_type: ResourceType,
    resource: Resource,
    members: tuple[Member, ...],
    refers: frozenset[str],
    buried: Tombstone | None,
) -> Stored:
    change = call.change(
        "create" if buried is None else "restore",
        changed_names({}, resource, resource_type, members=bool(members)),
    )
    try:
        return await call.repository.create(
            resource_type,
            resource if buried is None else revived(resource, buried),
            change,
            members=members,
            refers=refers,
            revives=buried,
        )
    except Taken:
        if call.directory.deletion.policy != "soft":
            raise
        # By itself, where the same request began to revive it and was broken off?
        begun = await broken_off(call.repository, resource_type, resource)
        if begun is None:
            raise
    return await _go_on(call, resource_type, resource, members, begun)


async def _go_on(
    call: Call,
    resource_type: ResourceType,
    resource: Resource,
    members: tuple[Member, ...],
    begun: Tombstone,
) -> Stored:
    """Complete a revival that broke off, with the members that are sent. Raises Taken."""
    names = changed_names(begun.resource, resource, resource_type, members=bool(members))
    await complete(call.repository, resource_type, begun, call.change("restore", names))
    now = await call.repository.get(resource_type, begun.id, members=True, member_of=True)
    if now is not None and {each.id for each in now.members or ()}.issuperset(
        each.id for each in members
    ):
        return now
    change = call.change("create", names)  # of members that it sends, or it is another request
    return await call.repository.create(resource_type, resource, change, members=members)


async def _buried(call: Call, resource_type: ResourceType, resource: Resource) -> Tombstone | None:
    """Find the deleted resource that a new one is."""
    keys = sought(resource, resource_type)
    if call.directory.deletion.policy != "soft" or not keys:
        return None
    buried = await call.repository.buried(resource_type, keys)
    return meant(resource, resource_type, buried)


async def _adopted(call: Call, resource_type: ResourceType, resource: Resource) -> Stored | None:
    """Find the resource that a new one means under another value.

    It must get a value of its own in place of that one. One that has it already is no other: then
    the new one is refused, as any other that exists. One that says itself, at the path that the
    value is sent at, that it is another one is left alone.
    """
    for path, source in resource_type.adopts:
        own = {key(path, value) for value in values_at(resource, path)}
        wanted = {adoption(path, value) for value in values_at(resource, source)}
        if not own or not wanted:
            continue
        found = await side_by_side(lambda each: call.repository.find(resource_type, each), wanted)
        for stored in (each for some in found.values() for each in some):
            held = values_at(stored.resource, path)
            says = {adoption(path, value) for value in values_at(stored.resource, source)}
            if wanted & {adoption(path, value) for value in held} and says <= wanted:
                return None if own & {key(path, value) for value in held} else stored
    return None


async def _adopt(
    call: Call,
    resource_type: ResourceType,
    before: Stored,
    sent: Resource,
    members: tuple[Member, ...],
) -> Stored:
    """Update a resource to what was sent; its members stay, and those that were sent join them."""
    after = {**{name: before.resource[name] for name in ("id", "meta")}, **sent}
    check_immutable(before.resource, after, resource_type)
    edit = MemberEdit(add=members) if members else None
    return await write(call, resource_type, before, after, edit, detail=_ADOPTED)
