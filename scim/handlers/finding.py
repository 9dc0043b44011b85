"""Finding the resources that match: by id, key or membership if possible, else by a scan.

Everything comes in batches, in the order of ids, and a batch is all that is held. What reads more
than its time allows is ended with an error that says what to index (`scim/deadlines.py`, LIST).
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from scim.call import Call
from scim.deadlines import LIST
from scim.errors import TooMany, Unavailable
from scim.filters import Filter
from scim.handlers.views import matching
from scim.planning import Lookup, narrow, wanting
from scim.ranges import BATCH, FEW, Reading
from scim.repository import Stored
from scim.room import LIKELY
from scim.schema import Path, ResourceType
from scim.side_by_side import side_by_side

_FEW = 10  # resources that a lookup reads with their memberships; of more, a page is shown


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


def weight(some: Sequence[Stored]) -> int:
    """Tell how many bytes resources take, about."""
    return sum(each.weight for each in some)


async def everything(call: Call, source: Source) -> AsyncGenerator[list[Stored], None]:
    """Yield all that a source offers."""
    lookup = narrow(source.filter, source.type) if source.filter is not None else None
    found = stream(call, source) if lookup is None else _look_up(call, source, lookup)
    async with aclosing(found) as batches:
        async for batch in batches:
            yield batch


def stream(
    call: Call, source: Source, after: str = "", before: str = ""
) -> AsyncGenerator[list[Stored], None]:
    """Yield everybody between two ids who matches, long ranges read side by side."""
    return _resources(call, source, BATCH).everybody(after, before)


def one_by_one(
    call: Call, source: Source, after: str, before: str, size: int
) -> AsyncGenerator[list[Stored], None]:
    """Yield the same, `size` at a time: for who stops soon."""
    return _resources(call, source, size).one_by_one(after, before)


async def identities(
    call: Call, source: Source, after: str = ""
) -> AsyncGenerator[list[str], None]:
    """Yield the ids of everybody after an id who matches."""
    if source.filter is None:
        found = _ids(call, source.type).everybody(after)
    else:
        found = _ids_of(stream(call, source, after))
    async with aclosing(found) as batches:
        async for batch in batches:
            yield batch


async def _ids_of(
    found: AsyncGenerator[list[Stored], None],
) -> AsyncGenerator[list[str], None]:
    async with aclosing(found) as batches:
        async for batch in batches:
            yield [each.id for each in batch]


def _ids(call: Call, type: ResourceType) -> Reading[str, str]:
    """Read keys alone, however long it takes: whoever counts a directory has nothing to index."""

    async def take(batch: Sequence[str]) -> list[str]:
        return list(batch)

    def read(after: str, before: str) -> AsyncGenerator[Sequence[str], None]:
        return call.repository.ids(type, after=after, before=before)

    return Reading(read, str, take, lambda: None)


def _resources(call: Call, source: Source, size: int) -> Reading[Stored, Stored]:
    type, filter = source.type, source.filter

    def read(after: str, before: str, size: int = size) -> AsyncGenerator[Sequence[Stored], None]:
        return call.repository.scan(type, filter=filter, after=after, before=before, size=size)

    async def take(batch: Sequence[Stored]) -> list[Stored]:
        return await matching(call, type, batch, filter, contiguous=True)

    return Reading(
        read,
        lambda each: each.id,
        take,
        lambda: _check_time(call, source),
        size,
        weight,
        LIKELY,
        call.load,
        partial(read, size=FEW) if size > FEW else None,
    )


def _check_time(call: Call, source: Source) -> None:
    """End what takes too long. Raises TooMany, Unavailable when it waited for others."""
    taken = call.clock() - call.now
    if taken < LIST:
        return
    if taken - timedelta(seconds=call.load.waited) < LIST:
        raise Unavailable(
            "the list waited too long for other requests to be looked at in time: send it again",
            retry_after=5,
        )
    name, missing = source.type.name, wanting(source.filter, source.type) if source.filter else None
    if missing:
        which = " and ".join(sorted(missing))
        advice = (
            f"have {which} indexed (the key indexed of {name} in the rules of this directory), and"
            " it is answered at once"
        )
    elif source.filter is not None:
        served = ", ".join(str(each) for each in (*source.type.unique, *source.type.indexed)[:4])
        advice = (
            "add a comparison that an index serves by and: eq with an attribute that is indexed or"
            f" unique, such as {served}"
        )
    else:
        advice = "leave out sortBy, or add a filter that compares an indexed attribute with eq"
    raise TooMany(
        f"the list asks about more than can be looked at within {LIST.seconds} seconds: {advice}"
    )


async def _look_up(
    call: Call, source: Source, lookup: Lookup
) -> AsyncGenerator[list[Stored], None]:
    """Read the resources at the places that a filter was narrowed to, and keep who matches."""
    type = source.type
    held = await side_by_side(lambda key: call.repository.holders(type, key), lookup.keys)
    found = {*lookup.ids, *(id for some in held.values() for id in some)}
    ids = sorted(found | await _related(call, type, lookup))
    few = len(ids) <= _FEW
    along = {"members": source.members and few, "member_of": source.member_of and few}
    for start in range(0, len(ids), BATCH):
        if start:
            _check_time(call, source)
        some, before = ids[start : start + BATCH], call.load.held
        read = await side_by_side(lambda each: call.repository.get(type, each, **along), some)
        there = [stored for stored in read.values() if stored is not None]
        taken, more = await matching(call, type, there, source.filter), call.load.held - before
        del read, there
        try:
            yield taken
        finally:
            call.load.free(more)


async def _related(call: Call, type: ResourceType, lookup: Lookup) -> set[str]:
    """List who is in one of some groups, and the groups that have one of some members."""
    ids: set[str] = set()
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
    return ids
