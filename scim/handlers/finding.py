"""Finding the resources that match: by id, key or membership if possible, else by a scan."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from scim.call import Call
from scim.filters import Filter
from scim.handlers.views import matching
from scim.planning import Lookup, narrow
from scim.repository import Stored
from scim.schema import Path, ResourceType

T = TypeVar("T")

BATCH = 1000  # resources of a scan that are held at once
_SIDE_BY_SIDE = 32


@dataclass(frozen=True, slots=True)
class Source:
    """Resources of one type: those that match `filter`, in the order of `sort`, else of ids."""

    type: ResourceType
    filter: Filter | None = None
    sort: Path | None = None
    descending: bool = False

    def __str__(self) -> str:
        return f"{self.type.name}?{self.filter or ''}&{self.sort or ''}&{self.descending}"


async def everything(call: Call, source: Source) -> list[Stored]:
    """Find all that a source offers, in the order of their ids."""
    lookup = narrow(source.filter, source.type) if source.filter is not None else None
    if lookup is not None:
        return await matching(
            call, source.type, await _look_up(call, source.type, lookup), source.filter
        )
    return [stored async for stored in stream(call, source, "")]


async def _look_up(call: Call, type: ResourceType, lookup: Lookup) -> list[Stored]:
    """Read the resources at the places that a filter was narrowed to, in the order of their ids."""
    found: dict[str, Stored] = {}
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
    for stored in await _in_turns([call.repository.get(type, id) for id in sorted(ids)]):
        if stored is not None:
            found[stored.id] = stored
    for some in await _in_turns([call.repository.find(type, key) for key in lookup.keys]):
        found |= {each.id: each for each in some}
    return [found[id] for id in sorted(found)]


async def stream(
    call: Call, source: Source, after: str, size: int = BATCH
) -> AsyncGenerator[Stored, None]:
    """Yield everything after an id that matches, in the order of ids."""
    scan = call.repository.scan(source.type, filter=source.filter, after=after, size=size)
    async with aclosing(scan) as batches:
        async for batch in batches:
            for stored in await matching(call, source.type, batch, source.filter):
                yield stored


async def _in_turns(reads: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Do reads side by side, a bounded number at a time."""
    done: list[T] = []
    for start in range(0, len(reads), _SIDE_BY_SIDE):
        done += await asyncio.gather(*reads[start : start + _SIDE_BY_SIDE])
    return done
