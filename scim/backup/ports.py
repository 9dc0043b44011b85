"""What a backup is read from, and where it is kept: two ports, and what goes wrong with them."""

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

Value = str | bool | int | float
Write = Callable[[bytes], Awaitable[None]]
Progress = Callable[[int, int | None], None]


class BackupError(Exception):
    """A backup can't be made or brought back; the text is a sentence for its operator."""


class Damaged(BackupError):
    """What was read is not what was written, or not written by a version that this one reads."""


class Occupied(BackupError):
    """There is something already where the backup was to be brought back."""


class Unusable(BackupError):
    """The place where backups are kept takes or gives nothing."""


class NoFile(BackupError):
    """There is no file of this name."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the store keeps it: `mark` changes with every write of it.

    `values` is None for one that is gone, and empty where keys alone were read.
    """

    key: str
    mark: str
    values: Mapping[str, Value] | None


class Rows(Protocol):
    """All rows of one directory, raw. Every method may raise `scim.errors.Unavailable`."""

    @property
    def foreign(self) -> Collection[str]:
        """Give the keys of rows that were left out: no row of this service has such columns."""
        ...

    def read(self, after: str = "", *, marks: bool = False) -> AsyncGenerator[Sequence[Row]]:
        """Yield the rows after a key, in the order of their keys where the store has one.

        With `marks`, without their values.
        """
        ...

    async def get(self, keys: Sequence[str]) -> Mapping[str, Row]:
        """Read those of some rows that are there."""
        ...

    async def insert(self, rows: Sequence[Row]) -> None:
        """Insert rows; one that is there already must be the same. Raises Occupied."""
        ...


class Shelf(Protocol):
    """A place for files, in folders. Every method may raise Unusable, in one sentence."""

    @property
    def place(self) -> str:
        """Name the place for its operator, without a secret."""
        ...

    async def folders(self, within: str = "") -> list[str]:
        """List the names of the folders in a folder, in order."""
        ...

    async def exists(self, name: str) -> bool:
        """Tell whether there is a file."""
        ...

    def read(self, name: str) -> AsyncGenerator[bytes]:
        """Yield a file's bytes, some at a time. Raises NoFile."""
        ...

    def write(self, name: str) -> AbstractAsyncContextManager[Write]:
        """Write a file, which is there when all of it is written, and readable by us alone."""
        ...

    async def remove(self, folder: str) -> None:
        """Remove a folder with all files in it."""
        ...
