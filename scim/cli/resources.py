"""`user` and `group`: what a directory holds, listed and shown."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from scim.cli.command import Desk, Output, command, group
from scim.cli.output import minute
from scim.cli.reading import Reader, names_of, restorable, type_named, value_in
from scim.schema import ResourceType
from scim.tombstones import Tombstone

users = group("Users of a directory: who is there, who was deleted.")
groups = group("Groups of a directory.")

Name = Annotated[str, typer.Argument(metavar="DIRECTORY", help="The directory's name.")]
One = Annotated[
    str,
    typer.Argument(metavar="ID|NAME", help="An id, or a unique value: a user's name."),
]
OneGroup = Annotated[
    str,
    typer.Argument(metavar="ID|NAME", help="An id, or a unique or indexed value: a group's name."),
]
_TYPE = typer.Option("--type", metavar="TYPE", help="The resource type, where it has another name.")
UserType = Annotated[str, _TYPE]
GroupFilter = Annotated[
    str | None,
    typer.Option(
        "--filter", metavar="FILTER", help='A SCIM filter, such as: displayName sw "Sales".'
    ),
]
Filter = Annotated[
    str | None,
    typer.Option("--filter", metavar="FILTER", help="A SCIM filter, such as: active eq false."),
]
Count = Annotated[
    int | None, typer.Option("--count", metavar="N", min=1, help="List at most so many.")
]
Deleted = Annotated[
    bool, typer.Option("--deleted", help="List those that were deleted and can be restored.")
]


@command(users, "list")
async def list_users(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    deleted: Deleted = False,
    filter: Filter = None,
    count: Count = None,
    type: UserType = "User",
) -> None:
    """List users; --filter as in SCIM."""
    await _list(output, await reading(desk, name, type), filter, count, deleted=deleted)


@command(users, "show")
async def show_user(
    desk: Desk, output: Output, name: Name, one: One, type: UserType = "User"
) -> None:
    """Show a user with all attributes and groups."""
    await _show(output, await reading(desk, name, type), one)


@command(groups, "list")
async def list_groups(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    deleted: Deleted = False,
    filter: GroupFilter = None,
    count: Count = None,
    type: UserType = "Group",
) -> None:
    """List groups; --filter as in SCIM."""
    await _list(output, await reading(desk, name, type, "group"), filter, count, deleted=deleted)


@command(groups, "show")
async def show_group(
    desk: Desk, output: Output, name: Name, one: OneGroup, type: UserType = "Group"
) -> None:
    """Show a group with its members."""
    await _show(output, await reading(desk, name, type, "group"), one)


async def reading(desk: Desk, name: str, type: str, group: str = "user") -> Reader:
    """Make the reader of a type of a directory. Raises Problem and BadParameter."""
    directory = await desk.directory(name)
    return Reader(desk, directory, type_named(directory, type), group)


async def _list(
    output: Output, reader: Reader, filter: str | None, count: int | None, *, deleted: bool
) -> None:
    if deleted:
        if filter is not None:
            raise typer.BadParameter("--filter finds those that are there, not --deleted ones")
        await _list_deleted(output, reader, count)
        return
    type = reader.type
    paths, active = names_of(type), type.definition.active
    if output.json:
        await output.array(reader.some(filter=filter, most=count))
        return
    asked = ",".join([*map(str, paths), *([active] if active else []), "meta.lastModified"])
    rows = []
    async for each in reader.some(filter=filter, attributes=asked, most=count):
        state = [] if active is None else ["no" if each.get(active) is False else "yes"]
        values = [value_in(each, path) for path in paths]
        rows.append([each["id"], *values, *state, minute(each["meta"]["lastModified"])])
    if not rows:
        output.note(f"no {type.name} found in {reader.directory.name}")
        return
    state = [] if active is None else [active.upper()]
    output.table(("ID", *(_short(path) for path in paths), *state, "LAST MODIFIED"), rows)


async def _list_deleted(output: Output, reader: Reader, count: int | None) -> None:
    found = (await restorable(reader.repository, reader.type))[:count]
    paths = names_of(reader.type)
    if output.json:
        output.document([buried(each, reader.type) for each in found])
        return
    if not found:
        output.note(f"no deleted {reader.type.name} is kept in {reader.directory.name}")
        return
    output.table(
        ("ID", *(_short(path) for path in paths), "DELETED", "KEPT UNTIL"),
        (
            [
                each.id,
                *(value_in(each.resource, path) for path in paths),
                minute(each.deleted),
                minute(each.due),
            ]
            for each in found
        ),
    )


def buried(tombstone: Tombstone, type: ResourceType) -> dict[str, Any]:
    """Describe what is kept of a deleted resource, as `--json` prints it."""
    names = {str(path): value_in(tombstone.resource, path) for path in names_of(type)}
    return {
        "id": tombstone.id,
        "type": tombstone.type,
        "deleted": tombstone.deleted,
        "due": tombstone.due,
        **names,
    }


async def _show(output: Output, reader: Reader, one: str) -> None:
    found = reader.shown(await reader.one(one))
    if output.json:
        output.document(found)
        return
    output.facts(dict(lines(found)))


def lines(value: Any, place: str = "") -> Iterator[tuple[str, object]]:
    """Write JSON as lines of a place and a simple value."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from lines(each, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from lines(each, f"{place}[{number}]")
    else:
        yield place, str(value).lower() if isinstance(value, bool) else value


def _short(path: object) -> str:
    """Title a column: a path without its URN."""
    return str(path).rpartition(":")[2].upper()
