"""Create, read, replace, patch and delete one resource (RFC 7644 §3.3 to §3.6).

A PATCH that only edits members is no compare-and-swap: it writes nothing but the difference.
"""

from collections.abc import Awaitable, Callable

from scim.body import read_json
from scim.call import Call
from scim.entity_tags import check_if_match, is_unchanged
from scim.errors import NoTarget
from scim.handlers.answer import (
    projection,
    resource_headers,
    resource_response,
    wants_member_of,
    wants_members,
    written,
)
from scim.handlers.writing import (
    check_members,
    check_no_loop,
    current,
    not_found,
    note_ignored,
    read_body,
    retry,
    write,
)
from scim.http import Response
from scim.membership import Split, attach, detach, difference, named, split
from scim.operations import Operation, read_operations
from scim.patch import apply
from scim.replacement import check_immutable
from scim.repository import Member, MemberEdit, Stored
from scim.room import EDIT
from scim.schema import Resource, ResourceType

_LARGEST_ANSWER = 1000  # members; a PATCH of a larger group is answered 204 (RFC 7644 §3.5.2)


async def get(call: Call, resource_type: ResourceType, id: str) -> Response:
    """Read a resource; 304 when If-None-Match names its version (RFC 7644 §3.4.1)."""
    wanted = projection(call, resource_type)
    stored = await call.repository.get(
        resource_type,
        id,
        members=wants_members(resource_type, wanted),
        member_of=wants_member_of(resource_type, wanted),
    )
    if stored is None:
        raise not_found(resource_type)
    check_if_match(call.request.headers, stored.version)
    if is_unchanged(call.request.headers, stored.version):
        return Response(304, None, resource_headers(call, resource_type, stored))
    return resource_response(call, resource_type, stored, wanted)


async def replace(call: Call, resource_type: ResourceType, id: str) -> Response:
    """Replace what a client may write; what it leaves out is cleared (RFC 7644 §3.5.1)."""
    sent, members = read_body(call, resource_type)
    await call.load.hold(EDIT * len(members))
    wanted = projection(call, resource_type)

    async def attempt() -> Stored:
        before = await current(
            call,
            resource_type,
            id,
            members=resource_type.members is not None,
            member_of=wants_member_of(resource_type, wanted),
        )
        kept = {name: before.resource[name] for name in ("id", "meta")}
        after = {**kept, **sent}
        check_immutable(before.resource, after, resource_type)
        differs = {each.id for each in before.members or ()} != {each.id for each in members}
        edit = MemberEdit(members, replace=True) if differs or before.pending else None
        if edit is None and after == before.resource:
            edit = await _said_again(call, resource_type, members)
        return await write(call, resource_type, before, after, edit)

    with call.load.passing():  # who the members were
        stored = await retry(attempt, resource_type, call.load)
    return await written(call, resource_type, stored, wanted)


async def patch(call: Call, resource_type: ResourceType, id: str) -> Response:
    """Apply operations in their order, all or none of them (RFC 7644 §3.5.2)."""
    body = read_json(call.request, call.limits.body_bytes)
    most = call.limits.patch_operations
    operations, ignored = read_operations(body, resource_type, call.dialect, most)
    check_members(call, named(operations, resource_type))
    await call.load.hold(EDIT * named(operations, resource_type))
    note_ignored(call, ignored)
    plan = split(operations, resource_type, call.dialect.tolerance)
    del body, operations  # of 20,000 members, three times what the plan holds
    if plan.edit is None or plan.whole or plan.rest:
        attempt = _patcher(call, resource_type, id, plan)
    else:
        attempt = _member_patcher(call, resource_type, id, plan, plan.edit)
    stored = await retry(attempt, resource_type, call.load)
    return await _patched(call, resource_type, stored)


def _patcher(
    call: Call, resource_type: ResourceType, id: str, plan: Split
) -> Callable[[], Awaitable[Stored]]:
    """Apply operations to a resource's own attributes, or to all of it if they need its members."""
    inverse = wants_member_of(resource_type, projection(call, resource_type))

    async def attempt() -> Stored:
        before = await current(call, resource_type, id, members=plan.whole, member_of=inverse)
        await _check_expected(call, resource_type, id, plan)
        if not plan.whole:
            after = _apply(call, resource_type, plan.rest, before.resource)
            return await write(call, resource_type, before, after, plan.edit)
        everything = attach(before.resource, resource_type, before.members, None)
        changed = _apply(call, resource_type, plan.rest, everything)
        after, members = detach(changed, resource_type)
        edit = difference(before.members or (), members)
        if before.pending:  # what is decided by who is a member is decided again when it is done
            edit = MemberEdit(members, replace=True)
        if edit is None and after == before.resource:
            edit = await _said_again(call, resource_type, members)
        return await write(call, resource_type, before, after, edit)

    return attempt


def _member_patcher(
    call: Call, resource_type: ResourceType, id: str, plan: Split, edit: MemberEdit
) -> Callable[[], Awaitable[Stored]]:
    """Edit members alone: without reading the group, unless a precondition asks for its version."""

    async def attempt() -> Stored:
        check_no_loop(resource_type, id, edit)
        version = None
        if {"if-match", "if-none-match"} & call.request.headers.keys():
            version = (await current(call, resource_type, id)).version
        await _check_expected(call, resource_type, id, plan)
        assert resource_type.members is not None  # the plan edits members  # noqa: S101
        change = call.change("update", (resource_type.members.name,))
        new = await call.repository.edit_members(resource_type, id, edit, change, version=version)
        return Stored({"id": id}, new)

    return attempt


async def _check_expected(call: Call, resource_type: ResourceType, id: str, plan: Split) -> None:
    """Refuse a removal through a filter that matches no member, where the dialect wants it.

    Whoever an edit adds that is pending is a member.
    """
    if call.dialect.tolerance.create_unmatched:
        return

    async def lacks() -> bool:
        found = await call.repository.contains(resource_type, id, plan.expected)
        return bool(set(plan.expected) - {each.id for each in found})

    if plan.expected and await lacks():
        settled = await call.repository.settle(resource_type, id, call.change("update"))
        if not settled or await lacks():
            name = resource_type.members.name if resource_type.members else "members"
            raise NoTarget(
                f"{name}: the filter of a remove operation matches nobody here: leave it out"
            )


async def _said_again(
    call: Call, resource_type: ResourceType, members: tuple[Member, ...]
) -> MemberEdit | None:
    """Say who the members are though nothing differs, if a revival is yet to bring others back."""
    if resource_type.members is None or not await call.repository.reviving():
        return None
    return MemberEdit(members, replace=True)


def _apply(
    call: Call, resource_type: ResourceType, operations: tuple[Operation, ...], resource: Resource
) -> Resource:
    after, ignored = apply(operations, resource, resource_type, call.dialect.tolerance)
    note_ignored(call, ignored)
    return after


async def _patched(call: Call, resource_type: ResourceType, stored: Stored) -> Response:
    """Answer a PATCH: the resource, or 204 where it would grow with a group (RFC 7644 §3.5.2)."""
    wanted = projection(call, resource_type)
    headers = resource_headers(call, resource_type, stored)
    if resource_type.members is None:
        return resource_response(call, resource_type, stored, wanted)
    if not call.dialect.answers_member_patch:
        return Response(204, None, headers)
    whole = await call.repository.get(
        resource_type, stored.id, members=wants_members(resource_type, wanted)
    )
    if whole is None or len(whole.members or ()) > _LARGEST_ANSWER:
        return Response(204, None, headers)
    return resource_response(call, resource_type, whole, wanted)
