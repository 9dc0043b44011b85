"""Showing a stored resource: memberships, projection, headers (RFC 7644 §3.9, §3.14)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from scim.call import Call
from scim.entity_tags import entity_tag
from scim.http import Response
from scim.membership import Locate, attach, attach_many
from scim.repository import Member, Stored
from scim.room import MEMBER
from scim.schema import Resource, ResourceType
from scim.show import Projection, show

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def projection(call: Call, resource_type: ResourceType) -> Projection:
    """Read `attributes` and `excludedAttributes` from the query (RFC 7644 §3.9)."""
    query = call.request.query
    return Projection.read(
        query.get("attributes"),
        query.get("excludedattributes"),
        resource_type,
        tolerant=call.dialect.tolerance.loose,
    )


def wants_members(resource_type: ResourceType, wanted: Projection) -> bool:
    """Tell whether an answer shows members, so that a store which needn't read them doesn't."""
    return resource_type.members is not None and wanted.shows(resource_type.members)


def wants_member_of(resource_type: ResourceType, wanted: Projection) -> bool:
    """Tell whether an answer shows the groups that a resource is in."""
    return resource_type.member_of is not None and wanted.shows(resource_type.member_of)


def render(call: Call, resource_type: ResourceType, stored: Stored, wanted: Projection) -> Resource:
    """Show a stored resource with the memberships that were read with it, to be written."""
    members, member_of, locate = stored.members, stored.member_of, _locate(call)
    joined = attach_many(stored.resource, resource_type, members, member_of, locate)
    return show(
        joined,
        resource_type,
        base_url=call.base_url,
        endpoints=call.endpoints,
        version=stored.version,
        projection=wanted,
    )


def join(
    call: Call,
    resource_type: ResourceType,
    stored: Stored,
    members: Sequence[Member] | None,
    member_of: Sequence[Member] | None,
) -> Resource:
    """Put memberships into a stored resource, with the URL of each."""
    return attach(stored.resource, resource_type, members, member_of, _locate(call))


def _locate(call: Call) -> Locate:
    endpoints = call.endpoints

    def locate(type: str, id: str) -> str | None:
        return call.location(endpoints[type], id) if type in endpoints else None

    return locate


async def with_memberships(
    call: Call,
    resource_type: ResourceType,
    found: Sequence[Stored],
    *,
    members: bool,
    member_of: bool,
    contiguous: bool = False,
) -> list[Stored]:
    """Read the memberships of resources that were read without; none when none are wanted."""
    repository = call.repository
    ours: Mapping[str, tuple[Member, ...]] = {}
    theirs: Mapping[str, tuple[Member, ...]] = {}
    if members and (ids := [each.id for each in found if each.members is None]):
        ours = await repository.related(resource_type, ids, "members", contiguous=contiguous)
    if member_of and (ids := [each.id for each in found if each.member_of is None]):
        theirs = await repository.related(resource_type, ids, "member_of", contiguous=contiguous)
    return [
        replace(
            each,
            members=ours.get(each.id, each.members),
            member_of=theirs.get(each.id, each.member_of),
        )
        for each in found
    ]


def resource_headers(call: Call, resource_type: ResourceType, stored: Stored) -> dict[str, str]:
    """Make the headers that belong to a resource, whether it is shown or not (RFC 7644 §3.14)."""
    location = call.location(resource_type.endpoint, stored.id)
    return {
        "Location": location,
        "Content-Location": location,
        "ETag": entity_tag(stored.version),
    }


def resource_response(
    call: Call, resource_type: ResourceType, stored: Stored, wanted: Projection, status: int = 200
) -> Response:
    """Answer with a resource and the headers that belong to it."""
    headers = resource_headers(call, resource_type, stored)
    return Response(status, render(call, resource_type, stored, wanted), headers)


async def written(
    call: Call, resource_type: ResourceType, stored: Stored, wanted: Projection, status: int = 200
) -> Response:
    """Answer a POST or PUT with the resource, its members read if they are shown and not known."""
    members = wants_members(resource_type, wanted)
    await call.load.hold(MEMBER * len(stored.members or ()))
    [whole] = await with_memberships(
        call, resource_type, [stored], members=members, member_of=False
    )
    return resource_response(call, resource_type, whole, wanted, status)
