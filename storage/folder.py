"""A folder as the place of backups: files that only their owner may read, each whole or not there.

A file is written under another name, which begins with a dot, brought to the disk and renamed.
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from scim.backup.ports import NoFile, Unusable, Write

_CHUNK = 1 << 20


class Folder:
    """Backups in a folder of this machine, or of a share that is mounted."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    @property
    def place(self) -> str:
        return str(self._path)

    async def folders(self, within: str = "") -> list[str]:
        return await asyncio.to_thread(self._folders, self._path / within)

    async def exists(self, name: str) -> bool:
        return await asyncio.to_thread((self._path / name).is_file)

    async def read(self, name: str) -> AsyncGenerator[bytes]:
        with self._translated():
            try:
                file = await asyncio.to_thread((self._path / name).open, "rb")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise NoFile(f"there is no {name} in {self._path}") from None
            with file:
                while found := await asyncio.to_thread(file.read, _CHUNK):
                    yield found

    @asynccontextmanager
    async def write(self, name: str) -> AsyncIterator[Write]:
        path = self._path / name
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with self._translated():
            file = os.fdopen(await asyncio.to_thread(_create, fresh), "wb")

        async def write(data: bytes) -> None:
            with self._translated():
                await asyncio.to_thread(file.write, data)

        try:
            yield write
            with self._translated():
                await asyncio.to_thread(_settle, file)
                await asyncio.to_thread(fresh.replace, path)
        finally:
            with suppress(OSError):  # a disk that is full refuses what is flushed here, too
                file.close()
            with suppress(OSError):
                fresh.unlink(missing_ok=True)

    async def remove(self, folder: str) -> None:
        with self._translated(), suppress(FileNotFoundError):
            await asyncio.to_thread(shutil.rmtree, self._path / folder)

    def _folders(self, path: Path) -> list[str]:
        with self._translated():
            try:
                found = [each.name for each in path.iterdir() if each.is_dir()]
            except FileNotFoundError:
                return []
        return sorted(each for each in found if not each.startswith("."))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unusable(
                f"the folder {self._path} can't be used for backups:"
                f" {error.strerror or type(error).__name__}"
            ) from error


def _create(path: Path) -> int:
    """Make a file that only its owner may read, and the folders that it is in."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _settle(file: BinaryIO) -> None:
    """Bring a file to the disk."""
    file.flush()
    os.fsync(file.fileno())
    file.close()
