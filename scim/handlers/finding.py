"""Finding the resources that match: by id, key or membership if possible, else by a scan."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from scim.call import Call
from scim.filters import Filter
from scim.handlers.views import matching
from scim.planning import Lookup, narrow
from scim.repository import Stored
from scim.schema import Path, ResourceType
from scim.side_by_side import side_by_side

BATCH = 1000  # resources of a scan that are held at once


@dataclass(frozen=True, slots=True)
class Source:
    """Resources of one type: those that match `filter`, in the order of `sort`, else of ids.

    `members` and `member_of` say what is shown of them, so that a lookup reads it along.
    """

    type: ResourceType
    filter: Filter | None = None
    sort: Path | None = None
    descending: bool = False
    members: bool = False
    member_of: bool = False

    def __str__(self) -> str:
        return f"{self.type.name}?{self.filter or ''}&{self.sort or ''}&{self.descending}"


async def everything(call: Call, source: Source) -> list[Stored]:
    """Find all that a source offers, in the order of their ids."""
    lookup = narrow(source.filter, source.type) if source.filter is not None else None
    if lookup is not None:
        return await matching(
            call, source.type, await _look_up(call, source, lookup), source.filter
        )
    return [stored async for stored in stream(call, source, "")]


async def _look_up(call: Call, source: Source, lookup: Lookup) -> list[Stored]:
    """Read the resources at the places that a filter was narrowed to, in the order of their ids."""
    type, find = source.type, call.repository.find
    wanted = {"members": source.members, "member_of": source.member_of}
    ids = set(lookup.ids)
    if lookup.having_member:
        types = await call.repository.types_of(lookup.having_member)
        for id, name in types.items():
            holder = call.catalog.named(name)
            if holder is not None:
                groups = await call.repository.related(holder, [id], "member_of")
                ids |= {each.id for each in groups.get(id, ()) if each.type == type.name}
    if lookup.member_of:
        for other in call.catalog.resource_types:
            if other.members is not None:
                members = await call.repository.related(other, sorted(lookup.member_of), "members")
                ids |= {
                    each.id for some in members.values() for each in some if each.type == type.name
                }
    along = wanted if len(ids) == 1 else {}
    read = await side_by_side(lambda each: call.repository.get(type, each, **along), sorted(ids))
    found = {id: stored for id, stored in read.items() if stored is not None}
    held = await side_by_side(lambda key: find(type, key, **wanted), lookup.keys)
    for some in held.values():
        found |= {each.id: each for each in some}
    return [found[id] for id in sorted(found)]


async def stream(
    call: Call, source: Source, after: str, size: int = BATCH
) -> AsyncGenerator[Stored, None]:
    """Yield everything after an id that matches, in the order of ids."""
    scan = call.repository.scan(source.type, filter=source.filter, after=after, size=size)
    async with aclosing(scan) as batches:
        async for batch in batches:
            for stored in await matching(call, source.type, batch, source.filter, contiguous=True):
                yield stored
