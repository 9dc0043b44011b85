"""A store of rows and a place for backups, in memory; both can be interfered with."""

import itertools
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from scim.backup.ports import NoFile, Occupied, Row, Unusable, Value, Write
from scim.directory import Directory

PAGE = 7


async def nothing() -> None:
    return None


class Rows:
    """Rows by key; `meanwhile` is called before each page and each transaction."""

    def __init__(
        self, meanwhile: Callable[[], Awaitable[None]] = nothing, page: int = PAGE
    ) -> None:
        self.rows: dict[str, Row] = {}
        self.meanwhile = meanwhile
        self._page = page
        self._marks = itertools.count()

    @property
    def foreign(self) -> Collection[str]:
        return ()

    def put(self, key: str, **values: Value) -> None:
        self.rows[key] = Row(key, f"mark {next(self._marks)}", values)

    def fill(self, many: int, kind: str = "r") -> None:
        for number in range(many):
            self.put(f"{kind}:User:{number:05}", version=str(number), é="\u2028", n=number)

    async def read(
        self, after: str = "", *, marks: bool = False
    ) -> AsyncGenerator[Sequence[Row], None]:
        while True:
            await self.meanwhile()
            page = sorted(key for key in self.rows if key > after)[: self._page]
            if not page:
                return
            found = [self.rows[key] for key in page]
            yield [Row(each.key, each.mark, {}) for each in found] if marks else found
            after = page[-1]

    async def get(self, keys: Sequence[str]) -> Mapping[str, Row]:
        return {key: self.rows[key] for key in keys if key in self.rows}

    async def insert(self, rows: Sequence[Row]) -> None:
        await self.meanwhile()
        for each in rows:
            there = self.rows.get(each.key)
            if there is not None and there.values != each.values:
                raise Occupied("somebody writes")
            self.put(each.key, **(each.values or {}))

    async def between(self, after: str, upto: str) -> Mapping[str, Row]:
        await self.meanwhile()
        return {key: row for key, row in self.rows.items() if after < key <= upto}

    async def write(self, rows: Sequence[Row], gone: Sequence[str]) -> None:
        await self.meanwhile()
        for each in rows:
            self.put(each.key, **(each.values or {}))
        for key in gone:
            self.rows.pop(key, None)

    def values(self) -> dict[str, Mapping[str, Value] | None]:
        return {key: row.values for key, row in self.rows.items() if not key.startswith("w:")}


class Stores:
    """The rows of each directory of a store, by its id and its account."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]] = nothing) -> None:
        self.kept: dict[str, Rows] = {}
        self.meanwhile = meanwhile

    def __call__(self, directory: Directory) -> Rows:
        place = directory.id + (f" {directory.storage}" if directory.storage else "")
        return self.kept.setdefault(place, Rows(self.meanwhile))


class Shelf:
    """Files by name; `full` refuses what is written from a number of files on."""

    def __init__(self, full: int = 1_000_000) -> None:
        self.files: dict[str, bytes] = {}
        self.full = full

    @property
    def place(self) -> str:
        return "memory"

    async def folders(self, within: str = "") -> list[str]:
        start = f"{within}/" if within else ""
        found = {each[len(start) :] for each in self.files if each.startswith(start)}
        return sorted({each.partition("/")[0] for each in found if "/" in each})

    async def exists(self, name: str) -> bool:
        return name in self.files

    async def read(self, name: str) -> AsyncGenerator[bytes]:
        if name not in self.files:
            raise NoFile(name)
        found = self.files[name]
        for start in range(0, len(found), 100):
            yield found[start : start + 100]

    @asynccontextmanager
    async def write(self, name: str) -> AsyncIterator[Write]:
        data = bytearray()

        async def write(some: bytes) -> None:
            if len(self.files) >= self.full:
                raise Unusable("it is full")
            data.extend(some)

        yield write
        self.files[name] = bytes(data)

    async def remove(self, folder: str) -> None:
        for name in [each for each in self.files if each.startswith(f"{folder}/")]:
            del self.files[name]


class Clock:
    """A time that goes on when it is told to, and by `step` whenever it is asked."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
        self.step = step

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=self.step)
        return self.now
