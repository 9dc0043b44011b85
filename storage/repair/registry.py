"""What can be wrong with the registry: records without what leads to them, and the reverse.

A directory and its name, a token and its place in the list of its directory are each written in one
transaction; a removal takes the tokens first. So a record is the truth about what leads to it. What
can't be read is there: nothing of it is removed.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import TypeVar

from scim.definitions import Document
from scim.directory import Directory
from scim.registry import Credential
from scim.repairing import Progress
from scim.repository import Change
from storage.client import Operation, Partition, Refused, Row
from storage.keys import last_part
from storage.records import key as record
from storage.repair.looking import Wrong, drop, keep, wrong
from storage.rows import joined

T = TypeVar("T", bound=Document)

_DIRECTORY, _CREDENTIAL = "directory", "credential"


class RegistryRepairs:
    """What is wrong in the table of directories and credentials.

    A suspect is partition and key. There are few enough that each is looked at.
    """

    def __init__(self, directories: Partition, credentials: Partition) -> None:
        self._rows = {_DIRECTORY: directories, _CREDENTIAL: credentials}

    async def suspects(self, progress: Progress) -> AsyncGenerator[Sequence[str]]:
        seen = 0
        for name, partition in self._rows.items():
            async for page in partition.pages("", "~", select=("RowKey",)):
                seen += len(page)
                progress(seen, seen)
                yield [f"{name} {each.key}" for each in page]

    async def look(self, suspect: str) -> Sequence[Wrong]:
        name, _, key = suspect.partition(" ")
        row = await self._rows[name].get(key)
        if row is None:
            return []
        looks = {
            (_DIRECTORY, "id"): self._directory,
            (_DIRECTORY, "name"): self._name,
            (_CREDENTIAL, "id"): self._credential,
            (_CREDENTIAL, "of"): self._listing,
        }
        look = looks.get((name, key.partition(":")[0]))
        return [wrong("unknown", suspect)] if look is None else await look(suspect, row)

    async def heal(self, sight: Wrong, change: Change) -> bool:  # noqa: ARG002 - it has no log
        partition = self._rows[sight.finding.place.partition(" ")[0]]
        try:
            await partition.transact(sight.operations)
        except Refused:
            return False
        return True

    async def _directory(self, place: str, row: Row) -> list[Wrong]:
        id, found = last_part(row.key), _parsed(Directory, row)
        if found is None:
            return [wrong("record-damaged", place, (_DIRECTORY, id))]
        named = f"name:{found.name}"
        name = await self._rows[_DIRECTORY].get(named)
        if name is None:
            made = [keep(row.key, row.etag), Operation("insert", named, {"directory": id})]
            return [wrong("name-missing", place, (_DIRECTORY, id), made)]
        other = str(name.values.get("directory", ""))
        if other == id or await self._rows[_DIRECTORY].get(record(other)) is None:
            return []  # the name itself is looked at
        return [wrong("name-conflict", place, (_DIRECTORY, id), other=other)]

    async def _name(self, place: str, row: Row) -> list[Wrong]:
        id = str(row.values.get("directory", ""))
        there = await self._rows[_DIRECTORY].get(record(id))
        if there is not None:
            found = _parsed(Directory, there)
            if found is None or found.name == last_part(row.key):
                return []
        return [wrong("name-orphaned", place, (_DIRECTORY, id), [drop(row)], seen=[row])]

    async def _credential(self, place: str, row: Row) -> list[Wrong]:
        id, found = last_part(row.key), _parsed(Credential, row)
        one = (_CREDENTIAL, id)
        if found is None:
            return [wrong("record-damaged", place, one)]
        listing = f"of:{found.directory}:{id}"
        if await self._rows[_DIRECTORY].get(record(found.directory)) is None:
            gone = [drop(row), Operation("delete", listing, lenient=True)]
            return [
                wrong("credential-orphaned", place, one, gone, other=found.directory, seen=[row])
            ]
        if await self._rows[_CREDENTIAL].get(listing) is not None:
            return []
        made = [keep(row.key), Operation("put", listing)]
        return [wrong("listing-missing", place, one, made, other=found.directory)]

    async def _listing(self, place: str, row: Row) -> list[Wrong]:
        _, directory, id = row.key.split(":")
        there = await self._rows[_CREDENTIAL].get(record(id))
        if there is not None:
            found = _parsed(Credential, there)
            if found is None or found.directory == directory:
                return []
        one = (_CREDENTIAL, id)
        return [wrong("listing-orphaned", place, one, [drop(row)], other=directory, seen=[row])]


def _parsed(kind: type[T], row: Row) -> T | None:
    try:
        return kind.model_validate_json(joined(row.values))
    except (TypeError, ValueError):
        return None
