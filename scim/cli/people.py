"""`user restore`, `user erase`, `user export`, `group restore`: what is done for one of them."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from scim import ids
from scim.cli.command import Desk, Output, command
from scim.cli.credentials import check_restored
from scim.cli.journal import described as described_entry
from scim.cli.problem import NobodyFound, Problem
from scim.cli.reading import Reader, key_of, restorable
from scim.cli.resources import Name, One, OneGroup, UserType, groups, reading, users
from scim.erasing import erase as erased
from scim.journal import Entry
from scim.repository import Change, Member, Stored
from scim.restoring import restore as restored
from scim.schema import Resource
from scim.tombstones import Tombstone

Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


@command(users, "restore")
async def restore(
    desk: Desk, output: Output, name: Name, one: One, type: UserType = "User"
) -> None:
    """Bring a deleted user back: id, attributes, memberships."""
    await _restore(output, await reading(desk, name, type), one)


@command(groups, "restore")
async def restore_group(
    desk: Desk, output: Output, name: Name, one: OneGroup, type: UserType = "Group"
) -> None:
    """Bring a deleted group back: id, attributes, members."""
    await _restore(output, await reading(desk, name, type, "group"), one)


async def _restore(output: Output, reader: Reader, one: str) -> None:
    desk, name = reader.desk, reader.directory.name
    check_restored(reader.directory)
    found = await _buried(reader, one)
    now = desk.now
    change = Change(
        id=ids.change_id(now),
        at=ids.timestamp(now),
        verb="restore",
        by=await desk.by(),
        operation=f"{reader.group} restore",
    )
    stored = await restored(reader.repository, reader.type, found, change)
    if output.json:
        shown = await reader.complete([stored])
        output.document(reader.shown(shown[0]))
        return
    output.say(f"{reader.type.name} {stored.id} is back in {name}.")


@command(users, "erase")
async def erase(
    desk: Desk,
    output: Output,
    name: Name,
    one: One,
    *,
    type: UserType = "User",
    yes: Yes = False,
) -> None:
    """Delete a user for good: nothing is kept to restore.

    Whatever the directory's delete policy, and also one that was deleted already. The log keeps
    the id and what was done, no value.
    """
    reader = await reading(desk, name, type)
    check_restored(reader.directory)
    living = await _living(reader, one)
    id = living.id if living else (await _buried(reader, one, alive=True)).id
    output.confirm(f"Erase {reader.type.name} {id} of {name} for good?", yes=yes)
    reader = await reading(desk, name, type)  # it may have been moved while they thought about it
    await desk.journal(reader.directory, "user erase", type=reader.type.name, resource=id)
    await erased(reader.call("user erase"), reader.type, id)
    if output.json:
        output.document({"directory": name, "type": reader.type.name, "id": id, "erased": True})
        return
    output.say(f"{reader.type.name} {id} of {name} is erased.")


@command(users, "export")
async def export(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    one: Annotated[
        str | None, typer.Argument(metavar="ID|NAME", help="An id, or a unique value.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Export everybody.")] = False,
    type: UserType = "User",
) -> None:
    """Print what is held of a person, as JSON.

    The resource, its groups, its lines of the log. With --all: an array of everybody, those too
    who were deleted and can be restored.
    """
    if (one is None) is not every:
        raise typer.BadParameter("name one (an id or a unique value), or give --all")
    reader = await reading(desk, name, type)
    if one is None:
        await desk.journal(reader.directory, "user export", type=reader.type.name)
        await output.array(_everybody(reader))
        return
    held: Stored | Tombstone | None = await _living(reader, one)
    if held is None:
        held = await _buried(reader, one, alive=True)
    [document] = await _documents(reader, [held], await _log(reader, held.id), {})
    await desk.journal(reader.directory, "user export", type=reader.type.name, resource=held.id)
    output.document(document)


_Groups = dict[tuple[str, str], dict[str, Any] | None]


async def _everybody(reader: Reader) -> AsyncGenerator[dict[str, Any]]:
    """Yield what is held of each person; the log is read once, and each group once."""
    log, groups = await _log(reader), _Groups()
    seen: set[str] = set()
    async for batch in reader.repository.scan(reader.type):
        seen |= {each.id for each in batch}
        for document in await _documents(reader, await reader.complete([*batch]), log, groups):
            yield document
    deleted = await restorable(reader.repository, reader.type)
    kept = [each for each in deleted if each.id not in seen]  # not who was deleted meanwhile
    for document in await _documents(reader, kept, log, groups):
        yield document


async def _documents(
    reader: Reader,
    held: Sequence[Stored | Tombstone],
    log: Mapping[str, list[Entry]],
    groups: _Groups,
) -> list[dict[str, Any]]:
    """Write what is held of people; `groups` are those that were read before."""
    found = []
    for each in held:
        document: dict[str, Any] = {"directory": reader.directory.name}
        if isinstance(each, Tombstone):
            document |= {"resource": each.resource, "deleted": each.deleted, "due": each.due}
        else:
            document["resource"] = reader.shown(each)
        document["groups"] = await _groups(reader, each.member_of or (), groups)
        document["log"] = [described_entry(entry) for entry in log.get(each.id, ())]
        found.append(document)
    return found


async def _log(reader: Reader, id: str | None = None) -> Mapping[str, list[Entry]]:
    """Read the log's entries on each resource, or on one."""
    found = defaultdict(list)
    async for each in reader.repository.entries():
        if each.resource and id in (None, each.resource):
            found[each.resource].append(each)
    return found


async def _groups(
    reader: Reader, members: Iterable[Member], known: _Groups
) -> list[dict[str, Any]]:
    """Describe the groups that a resource is in, by what tells them apart."""
    for each in members:
        if (each.type, each.id) not in known:
            type = reader.directory.catalog.named(each.type)
            group = await reader.repository.get(type, each.id) if type else None
            known[each.type, each.id] = _in_short(each.type, group.resource) if group else None
    return [found for each in members if (found := known[each.type, each.id])]


def _in_short(type: str, resource: Resource) -> dict[str, Any]:
    return {"type": type, **{key: each for key, each in resource.items() if _simple(each)}}


def _simple(value: object) -> bool:
    return isinstance(value, str | int | bool)


async def _living(reader: Reader, one: str) -> Stored | None:
    """Find a resource that is there; None when nobody is called so."""
    try:
        return await reader.one(one)
    except NobodyFound:
        return None


async def _buried(reader: Reader, one: str, *, alive: bool = False) -> Tombstone:
    """Find a deleted resource by id or unique value. Raises Problem.

    `alive` says that it was looked for among those that are there, too.
    """
    type, repository = reader.type, reader.repository
    direct = await repository.tombstone(type, one)
    if direct is not None:
        return direct
    paths = (*type.unique, *type.indexed)
    keys = [each for path in paths if (each := key_of(path, one)) is not None]
    found = [each for each in await repository.buried(type, keys) if each.restorable]
    held = {each.id: each for each in found}
    if len(held) > 1:
        raise Problem(f"several were called so: give the id of one of them: {', '.join(held)}")
    if not held:
        deleted = reader.hint("list", "--deleted")
        if alive:
            raise NobodyFound(f"{reader.nobody()}, nor has a deleted one that is kept; {deleted}")
        raise NobodyFound(
            f"no deleted {type.name} of this id or name is kept in {reader.directory.name};"
            f" {deleted} lists them"
        )
    return next(iter(held.values()))
