"""Where directories and credentials are recorded: a small table, read through a short memory.

A directory that was changed, or a credential that was revoked, takes effect in every process within
`FRESH` seconds.
"""

import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from azure.data.tables.aio import TableClient

from scim.directory import Credential, Directory, NameTaken
from scim.repository import Meter
from storage.client import Operation, Partition, Refused
from storage.rows import joined, pieces

FRESH = 60.0  # seconds that a record is remembered
FRESH_ABSENCE = 5.0  # seconds that it is remembered that there is none
_MOST = 10_000  # records remembered, so that made-up ids can't fill the memory

T = TypeVar("T")


class _Memory:
    """Answers that were read, each for as long as it may be believed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers: dict[str, tuple[float, Any]] = {}

    async def recall(self, key: str, read: Callable[[], Awaitable[T | None]]) -> T | None:
        now = self._clock()
        known = self._answers.get(key)
        if known is not None and known[0] > now:
            answer: T | None = known[1]
            return answer
        found = await read()
        if len(self._answers) >= _MOST:
            self._answers.clear()
        self._answers[key] = (now + (FRESH if found else FRESH_ABSENCE), found)
        return found

    def forget(self) -> None:
        self._answers.clear()


class TablesRegistry:
    """Directories and credentials in Table Storage."""

    def __init__(self, table: TableClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._directories = Partition(table, "directory", Meter())
        self._credentials = Partition(table, "credential", Meter())
        self._memory = _Memory(clock)

    async def directory(self, id: str) -> Directory | None:
        async def read() -> Directory | None:
            found = await self._directories.get(f"id:{id}")
            return (
                Directory.model_validate_json(joined(found.values)) if found is not None else None
            )

        return await self._memory.recall(f"directory {id}", read)

    async def directory_named(self, name: str) -> Directory | None:
        found = await self._directories.get(f"name:{name}")
        return await self.directory(found.values["directory"]) if found is not None else None

    async def credential(self, id: str) -> Credential | None:
        async def read() -> Credential | None:
            found = await self._credentials.get(id)
            return (
                Credential.model_validate_json(joined(found.values)) if found is not None else None
            )

        return await self._memory.recall(f"credential {id}", read)

    async def add_directory(self, directory: Directory) -> None:
        """Record a directory and claim its name in one transaction: of two that race, one fails."""
        record = directory.model_dump(mode="json", by_alias=True, exclude_none=True)
        name = Operation("insert", f"name:{directory.name}", {"directory": directory.id})
        text = Operation("insert", f"id:{directory.id}", pieces(json.dumps(record)))
        try:
            await self._directories.transact([name, text])
        except Refused as refused:
            # Ours, when the transaction was done before and only its answer was lost.
            found = await self._directories.get(name.key)
            if found is None or found.values["directory"] != directory.id:
                raise NameTaken from refused
        self._memory.forget()

    async def add_credential(self, credential: Credential) -> None:
        text = credential.model_dump_json(by_alias=True, exclude_none=True)
        # Its id is random: a row that is there is this one, written before an answer was lost.
        with suppress(Refused):
            await self._credentials.transact([Operation("insert", credential.id, pieces(text))])
        self._memory.forget()


class MemoryRegistry:
    """Directories and credentials, in memory."""

    def __init__(self) -> None:
        self._directories: dict[str, Directory] = {}
        self._credentials: dict[str, Credential] = {}

    async def directory(self, id: str) -> Directory | None:
        return self._directories.get(id)

    async def directory_named(self, name: str) -> Directory | None:
        return next((each for each in self._directories.values() if each.name == name), None)

    async def credential(self, id: str) -> Credential | None:
        return self._credentials.get(id)

    async def add_directory(self, directory: Directory) -> None:
        if await self.directory_named(directory.name):
            raise NameTaken
        self._directories[directory.id] = directory

    async def add_credential(self, credential: Credential) -> None:
        self._credentials[credential.id] = credential
