"""Resources as a filter or a sort order sees them: completed with what it asks about.

Most filters ask about stored attributes alone and cost nothing here. "Is X a member" is a point
read for each group; only a filter that asks more about members reads them all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from scim.call import Call
from scim.filters import Compare, Filter, Not, Present, ValuePath
from scim.handlers.answer import join, with_memberships
from scim.match import matches
from scim.membership import named_members
from scim.repository import Stored
from scim.schema import Path, Resource, ResourceType
from scim.show import show
from scim.side_by_side import side_by_side

_COMPUTED = frozenset({"schemas", "location", "version", "$ref"})


async def matching(
    call: Call,
    resource_type: ResourceType,
    found: Sequence[Stored],
    filter: Filter | None,
    *,
    contiguous: bool = False,
) -> list[Stored]:
    """Keep the resources that match a filter; `contiguous`: few others lie between them."""
    if filter is None:
        return list(found)
    paths = tuple(paths_of(filter))
    seen = await views(call, resource_type, found, paths, filter, contiguous=contiguous)
    return [stored for stored, view in zip(found, seen, strict=True) if matches(filter, view)]


async def views(
    call: Call,
    resource_type: ResourceType,
    found: Sequence[Stored],
    paths: Sequence[Path],
    filter: Filter | None = None,
    *,
    contiguous: bool = False,
) -> list[Resource]:
    """Complete resources with what `paths` ask about."""
    members, inverse = resource_type.members, resource_type.member_of
    asks_members = members is not None and any(each.attribute is members for each in paths)
    asks_inverse = inverse is not None and any(each.attribute is inverse for each in paths)
    ids = named_members(filter, members) if asks_members and filter and members else None
    read = await with_memberships(
        call,
        resource_type,
        found,
        members=asks_members and ids is None,
        member_of=asks_inverse,
        contiguous=contiguous,
    )
    if ids is not None:
        known = await side_by_side(
            lambda each: call.repository.contains(resource_type, each, ids),
            [each.id for each in read if each.members is None],
        )
        read = [replace(each, members=known.get(each.id, each.members)) for each in read]
    computed = any(path.leaf is not None and path.leaf.name in _COMPUTED for path in paths)
    seen = []
    for each in read:
        view = join(call, resource_type, each, each.members, each.member_of)
        if computed:
            shown = show(
                view,
                resource_type,
                base_url=call.base_url,
                endpoints=call.endpoints,
                version=each.version,
            )
            view = {**view, **shown}
        seen.append(view)
    return seen


def paths_of(filter: Filter) -> Iterator[Path]:
    """Yield the path of every attribute that a filter names."""
    if isinstance(filter, Compare | Present):
        yield filter.path
    elif isinstance(filter, ValuePath):
        yield filter.path
        for inner in paths_of(filter.filter):
            yield Path(filter.path.attribute, inner.attribute, filter.path.extension)
    elif isinstance(filter, Not):
        yield from paths_of(filter.term)
    else:
        yield from paths_of(filter.left)
        yield from paths_of(filter.right)
