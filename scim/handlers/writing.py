"""How a write is done: read, decide, write what differs (RFC 7644 §3.5, §3.14).

A write is a compare-and-swap: when something came in between, it is read and decided again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn, TypeVar

from scim import kept, log
from scim.body import read_json
from scim.call import Call
from scim.document import read
from scim.entity_tags import check_if_match, check_if_none_match
from scim.errors import InvalidValue, NotFound, TooLarge, Unavailable, Uniqueness
from scim.journal import plain
from scim.membership import detach
from scim.references import check_new
from scim.repository import Gone, Member, MemberEdit, Missing, Stale, Stored, Taken
from scim.room import Load
from scim.schema import Resource, ResourceType

T = TypeVar("T")

_TRIES = 12  # a PATCH or PUT without If-Match tries again this often when another writer was faster
_PAUSE = 0.01  # seconds, doubled for each try: at most how long it waits for others to be done
_LONGEST_PAUSE = 1.0  # seconds


def read_body(call: Call, resource_type: ResourceType) -> tuple[Resource, tuple[Member, ...]]:
    """Let a POST's or PUT's body in: dialect's rewrites, schema, required attributes."""
    body = read_json(call.request, call.limits.body_bytes)
    if isinstance(body, dict):
        for rewrite in call.dialect.document_rewrites:
            body = rewrite(body, resource_type)
    resource, ignored = read(body, resource_type, call.dialect.tolerance)
    note_ignored(call, ignored)
    rest, members = detach(resource, resource_type)
    check_members(call, len(members))
    return rest, members


def check_members(call: Call, number: int) -> None:
    """Refuse a request that names too many members. Raises TooLarge."""
    if number > call.limits.members:
        raise TooLarge(
            f"one request may name at most {call.limits.members} members: send several PATCHes"
        )


def changed_names(
    before: Resource, after: Resource, resource_type: ResourceType, *, members: bool
) -> tuple[str, ...]:
    """Name the top-level attributes that differ, for the change row.

    What no schema has and is kept is named as it was sent, as far as it looks like a name.
    """
    names = [
        name
        for name in {**before, **after}
        if name not in ("id", "meta") and before.get(name) != after.get(name)
    ]
    if sent := kept.changed(before, after, resource_type):
        shown = plain(sent)
        own = f"{kept.URN}{resource_type.name}" if len(shown) == len(sent) else None
        names = [*(name for name in names if name != own), *shown]
    if members and resource_type.members is not None:
        names.append(resource_type.members.name)
    return tuple(sorted(names))


def note_ignored(call: Call, names: Sequence[str]) -> None:
    """Warn of attributes that no schema has, in both logs; names only, and few."""
    call.notes.ignoring(names)
    if call.notes.ignored:
        log.note(ignored=", ".join(call.notes.ignored))


async def current(
    call: Call,
    resource_type: ResourceType,
    id: str,
    *,
    members: bool = False,
    member_of: bool = False,
) -> Stored:
    """Read the resource that a write is about, and hold the request's preconditions against it."""
    stored = await call.repository.get(resource_type, id, members=members, member_of=member_of)
    if stored is None:
        raise not_found(resource_type)
    check_if_match(call.request.headers, stored.version)
    check_if_none_match(call.request.headers, stored.version)
    return stored


async def write(
    call: Call,
    resource_type: ResourceType,
    before: Stored,
    after: Resource,
    edit: MemberEdit | None,
    *,
    detail: str = "",
) -> Stored:
    """Write what differs from what was read; nothing at all when nothing does.

    An edit that replaces the members holds the version that was read. `detail` is for the log.
    """
    if after == before.resource and edit is None:
        return before
    if edit is not None:
        check_no_loop(resource_type, before.id, edit)
    if after == before.resource and edit is not None:
        change = call.change("update", changed_names({}, {}, resource_type, members=True))
        held = before.version if edit.replace or _conditional(call) else None
        version = await call.repository.edit_members(
            resource_type, before.id, edit, change, version=held
        )
        at = before.resource["meta"]["lastModified"] if version == before.version else change.at
        same = {**before.resource, "meta": {**before.resource["meta"], "lastModified": at}}
        return Stored(same, version, before.guard, None, before.member_of)
    refers = await check_new(call, resource_type, before.resource, after)
    names = changed_names(before.resource, after, resource_type, members=edit is not None)
    change = call.change("update", names, detail=detail)
    meta = {**before.resource["meta"], "lastModified": change.at}
    stored = await call.repository.replace(
        resource_type, before, {**after, "meta": meta}, change, edit=edit, refers=refers
    )
    members = before.members if edit is None else None
    return Stored(stored.resource, stored.version, stored.guard, members, before.member_of)


def check_no_loop(resource_type: ResourceType, id: str, edit: MemberEdit) -> None:
    """Refuse a group as a member of itself; longer circles are the directory's own business."""
    if any(each.id == id for each in edit.add):
        raise InvalidValue(f"a {resource_type.name} can't be a member of itself: leave it out")


async def retry(attempt: Callable[[], Awaitable[T]], resource_type: ResourceType, load: Load) -> T:
    """Try a write again when another writer was faster, after a while that is not theirs."""
    for tries in range(_TRIES):
        if tries:
            pause = min(_PAUSE * 2**tries, _LONGEST_PAUSE)
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - not a secret
        held = load.held
        try:
            return await attempt()
        except Stale:
            load.free(load.held - held)
        except Gone as error:
            raise not_found(resource_type) from error
        except (Taken, Missing) as error:
            explain(error, resource_type)
    raise Unavailable(
        f"this {resource_type.name} is being written by too many requests at once: try again",
        retry_after=1,
    )


def _conditional(call: Call) -> bool:
    return "if-match" in call.request.headers


def not_found(resource_type: ResourceType) -> NotFound:
    return NotFound(
        f"no {resource_type.name} has this id: it was deleted, or never was in this directory"
    )


def explain(error: Taken | Missing, resource_type: ResourceType) -> NoReturn:
    """Turn what the store says into what an administrator can act on."""
    if isinstance(error, Taken):
        raise Uniqueness(
            f"another {resource_type.name} of this directory has this {error.attribute}, which"
            " must be unique: find it by a filter and update it, or change the value"
        ) from error
    names = [resource_type.members.name] if resource_type.members else []
    names += ["a reference"] if resource_type.references else []
    raise InvalidValue(
        f"{' or '.join(names)} names {len(error.ids)} of no resource of this directory: provision"
        " those first, or leave them out"
    ) from error
