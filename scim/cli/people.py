"""`user restore`, `user erase`, `user export`: what is done for one person."""

from typing import Annotated, Any

import typer

from scim import ids
from scim.cli.command import Desk, Output, command
from scim.cli.journal import described as described_entry
from scim.cli.problem import NobodyFound, Problem
from scim.cli.reading import Reader, key_of
from scim.cli.resources import Name, One, UserType, reading, users
from scim.erasing import erase as erased
from scim.repository import Change, Stored
from scim.restoring import restore as restored
from scim.tombstones import Tombstone

Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


@command(users, "restore")
async def restore(
    desk: Desk, output: Output, name: Name, one: One, type: UserType = "User"
) -> None:
    """Bring a deleted user back: id, attributes, memberships."""
    reader = await reading(desk, name, type)
    found = await _buried(reader, one)
    now = desk.now
    change = Change(
        id=ids.change_id(now),
        at=ids.timestamp(now),
        verb="restore",
        by=await desk.by(),
        operation="user restore",
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
    living = await _living(reader, one)
    id = living.id if living else (await _buried(reader, one)).id
    output.confirm(f"Erase {reader.type.name} {id} of {name} for good?", yes=yes)
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

    The resource, its groups, its lines of the log. With --all: an array of everybody.
    """
    if (one is None) is not every:
        raise typer.BadParameter("name one (an id or a unique value), or give --all")
    reader = await reading(desk, name, type)
    if one is None:
        await desk.journal(reader.directory, "user export", type=reader.type.name)
        await output.array(reader.some())
        return
    living = await _living(reader, one)
    document: dict[str, Any] = {"directory": name}
    if living is not None:
        id = living.id
        document |= {"resource": reader.shown(living), "groups": await _groups(reader, living)}
    else:
        kept = await _buried(reader, one)
        id = kept.id
        document |= {"resource": kept.resource, "deleted": kept.deleted, "due": kept.due}
    document["log"] = [
        described_entry(each) async for each in reader.repository.entries() if each.resource == id
    ]
    await desk.journal(reader.directory, "user export", type=reader.type.name, resource=id)
    output.document(document)


async def _groups(reader: Reader, stored: Stored) -> list[dict[str, Any]]:
    """Describe the groups that a resource is in, by what tells them apart."""
    found = []
    for each in stored.member_of or ():
        type = reader.directory.catalog.named(each.type)
        group = await reader.repository.get(type, each.id) if type else None
        if type is not None and group is not None:
            known = {key: value for key, value in group.resource.items() if _simple(value)}
            found.append({"type": each.type, **known})
    return found


def _simple(value: object) -> bool:
    return isinstance(value, str | int | bool)


async def _living(reader: Reader, one: str) -> Stored | None:
    """Find a resource that is there; None when nobody is called so."""
    try:
        return await reader.one(one)
    except NobodyFound:
        return None


async def _buried(reader: Reader, one: str) -> Tombstone:
    """Find a deleted resource by id or unique value. Raises Problem."""
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
        raise Problem(
            f"no {type.name} of this id or name is kept in {reader.directory.name};"
            f" python -m scim user list {reader.directory.name} --deleted"
        )
    return next(iter(held.values()))
