"""Directories and credentials, in memory: the reference that the contract is checked with."""

from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime

from scim.directory import Directory
from scim.registry import Credential, NameTaken, NoRecord, same_owner, same_place
from scim.usage import is_due


class MemoryRegistry:
    """Directories and credentials in dictionaries; nothing is older than now."""

    def __init__(self) -> None:
        self._directories: dict[str, Directory] = {}
        self._credentials: dict[str, Credential] = {}
        self._fingerprint: str | None = None
        self._uses: dict[str, datetime] = {}

    async def directory(self, id: str) -> Directory | None:
        return self._directories.get(id)

    async def credential(self, id: str) -> Credential | None:
        return self._credentials.get(id)

    async def addressed(self, name: str) -> Directory | None:
        return await self.directory_named(name)

    async def directory_named(self, name: str) -> Directory | None:
        return next((each for each in self._directories.values() if each.name == name), None)

    async def directories(self) -> AsyncGenerator[Directory]:
        for each in sorted(self._directories.values(), key=lambda each: each.name):
            yield each

    async def unreadable(self) -> Mapping[str, str]:
        return {}

    async def credentials(self, directory: str) -> list[Credential]:
        found = [each for each in self._credentials.values() if each.directory == directory]
        return sorted(found, key=lambda each: (each.created, each.id))

    async def add_directory(self, directory: Directory) -> None:
        found = await self.directory_named(directory.name)
        if found is not None and found.id != directory.id:
            raise NameTaken
        self._directories.setdefault(directory.id, directory)

    async def add_credential(self, credential: Credential) -> None:
        self._credentials.setdefault(credential.id, credential)

    async def change_directory(
        self, id: str, change: Callable[[Directory], Directory]
    ) -> Directory:
        if id not in self._directories:
            raise NoRecord
        changed = same_place(self._directories[id], change(self._directories[id]))
        self._directories[id] = changed
        return changed

    async def change_credential(
        self, id: str, change: Callable[[Credential], Credential]
    ) -> Credential:
        if id not in self._credentials:
            raise NoRecord
        changed = same_owner(self._credentials[id], change(self._credentials[id]))
        self._credentials[id] = changed
        return changed

    async def remove_directory(self, id: str) -> None:
        for each in await self.credentials(id):
            del self._credentials[each.id]
        self._directories.pop(id, None)

    async def touch(self, credential: str, at: str) -> None:
        found = self._credentials.get(credential)
        if found is not None and is_due(found, at):
            self._credentials[credential] = found.model_copy(update={"last_used": at})

    async def first_use(self, digest: str, until: datetime) -> bool:
        if digest in self._uses:
            return False
        self._uses[digest] = until
        return True

    async def forget_uses(self, before: datetime) -> int:
        past = [each for each, until in self._uses.items() if until < before]
        for each in past:
            del self._uses[each]
        return len(past)

    async def fingerprint(self, value: str, *, renew: bool = False) -> str:
        self._fingerprint = value if renew else self._fingerprint or value
        return self._fingerprint
