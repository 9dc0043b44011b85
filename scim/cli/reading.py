"""Reading a directory's resources as its own client would, with what the protocol's core offers.

No name of an attribute is known here: what tells people apart is what their type calls unique.
"""

import secrets
import shlex
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import typer

from scim.auth.caller import Caller
from scim.call import Call
from scim.cli.command import Desk
from scim.cli.credentials import again
from scim.cli.problem import NobodyFound, Problem
from scim.cursor import Sealer
from scim.directory import Directory
from scim.encoding import held
from scim.errors import InvalidFilter
from scim.handlers import search
from scim.handlers.answer import render, with_memberships
from scim.http import Request
from scim.keys import key
from scim.match import values_at
from scim.notes import Notes
from scim.repository import Key, Repository, Stored
from scim.schema import Path, Resource, ResourceType
from scim.show import Projection
from scim.tombstones import Tombstone

_PAGE = 200  # resources of a list that are read at once


@dataclass(frozen=True, slots=True)
class Reader:
    """One type of one directory, read by an operator."""

    desk: Desk
    directory: Directory
    type: ResourceType
    group: str = "user"  # of commands, which hints name
    # One key for the whole walk: a cursor is opened by who sealed it, and by nobody else.
    sealer: Sealer = field(default_factory=lambda: Sealer.derive(secrets.token_bytes(32)))

    @property
    def repository(self) -> Repository:
        return self.desk.storage.repository(self.directory)

    def call(self, operation: str = "", **query: str) -> Call:
        """Make the call that a client would have made; locations are relative to the service.

        `operation` is what the log says of writes.
        """
        base, now = f"/{self.directory.name}/scim", self.desk.now
        url = f"http://localhost{base}{self.type.endpoint}?{urlencode(query)}"
        return Call(
            request=Request("GET", url),
            directory=self.directory,
            dialect=self.directory.spoken,
            repository=self.repository,
            credential="",
            base_url=base,
            now=now,
            sealer=self.sealer,
            notes=Notes("", operation=operation),
            clock=lambda: now,  # it may take as long as it takes: no client waits
            admit=self._admit,
        )

    async def _admit(self, _: datetime, __: Notes) -> Caller:
        return Caller(self.directory, "")

    async def some(
        self, *, filter: str | None = None, attributes: str | None = None, most: int | None = None
    ) -> AsyncGenerator[Resource]:
        """Yield what a list shows, in the order of ids, at most so many.

        Raises BadParameter for a filter that can't be one.
        """
        cursor: str | None = ""
        given = {"filter": filter, "attributes": attributes}
        query = {name: each for name, each in given.items() if each is not None}
        left = most
        while cursor is not None and left != 0:
            size = _PAGE if left is None else min(left, _PAGE)
            asked = self.call(**query, cursor=cursor, count=str(size))
            try:
                page = (await search.query(asked, (self.type,))).document
            except InvalidFilter as error:
                raise typer.BadParameter(f"--filter: {error.detail}") from error
            for each in page["Resources"]:
                yield held(each)
            left = None if left is None else left - len(page["Resources"])
            cursor = page.get("nextCursor")

    async def one(self, text: str) -> Stored:
        """Find a resource by its id, or by a value that may occur once, with its memberships.

        Where no unique attribute holds the text, an indexed one may. Raises Problem.
        """
        found = await self.repository.get(self.type, text)
        if found is None:
            for paths in (self.type.unique, self.type.indexed):
                known = await self._holding(paths, text)
                if len(known) > 1:
                    ids = ", ".join(sorted(known)[:10])
                    raise Problem(f"several hold this: give the id of one of them: {ids}")
                found = next(iter(known.values()), None)
                if found is not None:
                    break
        if found is None:
            finds = f"{self.hint('list', '--filter')} finds others, --deleted those deleted"
            raise NobodyFound(f"{self.nobody()}; {finds}")
        return (await self.complete([found]))[0]

    def nobody(self) -> str:
        """Say that a text was looked for in vain, and as what."""
        paths = (str(each).rpartition(":")[2] for each in (*self.type.unique, *self.type.indexed))
        names = ", ".join(dict.fromkeys(["id", *paths]))
        return f"no {self.type.name} in {self.directory.name} has this as {names}"

    def hint(self, command: str, *more: str) -> str:
        """Write a command of the same group on the same type and store."""
        usual = self.type.name.lower() == self.group
        typed = [] if usual else ["--type", shlex.quote(self.type.name)]
        words = [self.group, command, self.directory.name, *more, *typed]
        return again(self.desk, " ".join(words))

    async def complete(self, found: list[Stored]) -> list[Stored]:
        """Read the memberships of resources."""
        return await with_memberships(
            self.call(),
            self.type,
            found,
            members=self.type.members is not None,
            member_of=self.type.member_of is not None,
        )

    async def _holding(self, paths: tuple[Path, ...], text: str) -> dict[str, Stored]:
        found: dict[str, Stored] = {}
        for path in paths:
            wanted = key_of(path, text)
            if wanted is None:
                continue
            for each in await self.repository.find(self.type, wanted):
                held = {key_of(path, value) for value in values_at(each.resource, path)}
                if wanted in held:
                    found[each.id] = each
        return found

    def shown(self, stored: Stored) -> Resource:
        """Show a resource as an answer does."""
        wanted = Projection.read(None, None, self.type, tolerant=False)
        return held(render(self.call(), self.type, stored, wanted))


def key_of(path: Path, value: object) -> Key | None:
    """Make the key of a value at a path; None when it can't be a value there."""
    try:
        return key(path, value)
    except (TypeError, ValueError):
        return None


async def restorable(repository: Repository, type: ResourceType) -> list[Tombstone]:
    """List what was deleted and can be restored: of those that live again, nothing is meant."""
    found = {each.id: each async for each in repository.tombstones(type) if each.restorable}
    living = await repository.types_of(found)
    return [each for id, each in found.items() if id not in living]


def type_named(directory: Directory, name: str) -> ResourceType:
    """Find a resource type of a directory. Raises BadParameter that lists them."""
    found = directory.catalog.named(name)
    if found is None:
        there = ", ".join(each.name for each in directory.catalog.resource_types)
        raise typer.BadParameter(
            f"{directory.name} has no resource type {name}; give one by --type: {there}"
        )
    return found


def names_of(type: ResourceType) -> tuple[Path, ...]:
    """Name the attributes that tell a type's resources apart in a list: unique, then indexed."""
    references = {str(each) for each in type.references}
    paths = [*type.unique, *(each for each in type.indexed if str(each) not in references)]
    return tuple(paths[:4])


def value_in(resource: Resource, path: Path) -> Any:
    """Read the first value at a path; None when there is none."""
    return next(iter(values_at(resource, path)), None)
