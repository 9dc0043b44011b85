"""A directory's repair: each kind of row, and who looks at it."""

from collections.abc import Awaitable, Callable, Sequence

from storage.repair.looking import Wrong, known, wrong
from storage.repair.walking import Walking

_Look = Callable[[str], Awaitable[Sequence[Wrong]]]


class DirectoryRepairs(Walking):
    """What is wrong in one directory's partition."""

    async def look(self, suspect: str) -> Sequence[Wrong]:
        looks: dict[str, _Look] = {
            "r": self.resource,
            "a": self.anchor,
            "u": self.claim,
            "i": self.index,
            "m": self.member,
            "n": self.member_of,
            "d": self.tombstone,
            "k": self.tombstone_key,
            "o": self.revival,
            "p": self.edit,
            "c": self.entry,
        }
        look = looks.get(suspect.partition(":")[0]) if known(suspect) else None
        return await (look or self._stranger)(suspect)

    async def _stranger(self, key: str) -> Sequence[Wrong]:
        row = await self.partition.get(key, select=("RowKey",))
        return [wrong("unknown", key)] if row is not None else []
