"""The files of a backup: gzip of JSON lines, written and read without holding one in memory."""

import asyncio
import hashlib
import secrets
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from scim.backup.manifest import LARGEST, Part
from scim.backup.ports import Damaged, NoFile, Shelf, Write

_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 6
_CHUNK = 1 << 20  # bytes that are decompressed at a time: a few compressed ones may be very many
_LONGEST_LINE = 16 << 20  # bytes; a row holds 1 MiB, of which JSON may make six


class PartWriter:
    """A part that is being written; `part` is what the manifest says of it once it is."""

    def __init__(
        self, write: Write, name: str, kind: Literal["rows", "credentials"], round: int
    ) -> None:
        self._write = write
        self._place = (name, kind, round)
        self._gzip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._sha = hashlib.sha256()
        self._bytes = 0
        self.lines = 0

    async def add(self, lines: list[bytes]) -> None:
        """Add some lines, each with its end."""
        self.lines += len(lines)
        # Beside the event loop: a request of the same process may wait for it.
        await self._out(await asyncio.to_thread(self._gzip.compress, b"".join(lines)))

    async def close(self) -> Part:
        await self._out(self._gzip.flush())
        name, kind, round = self._place
        return Part(
            name=name,
            kind=kind,
            round=round,
            lines=self.lines,
            bytes=self._bytes,
            sha256=self._sha.hexdigest(),
        )

    async def _out(self, data: bytes) -> None:
        if data:
            self._sha.update(data)
            self._bytes += len(data)
            await self._write(data)


@asynccontextmanager
async def writing(
    shelf: Shelf, folder: str, kind: Literal["rows", "credentials"], round: int, number: int
) -> AsyncIterator[PartWriter]:
    """Write a part; the caller closes it. It is there only when nothing was raised."""
    # A name that nobody else gives: two that go on with one backup don't overwrite each other.
    name = f"{kind}-{round}-{number:05}-{secrets.token_hex(3)}.jsonl.gz"
    async with shelf.write(f"{folder}/{name}") as write:
        yield PartWriter(write, name, kind, round)


async def lines(shelf: Shelf, folder: str, part: Part) -> AsyncGenerator[bytes]:
    """Yield the lines of a part. Raises Damaged when it is not what was written, at its end too."""
    sha, gunzip = hashlib.sha256(), zlib.decompressobj(_GZIP)
    rest, count = b"", 0
    try:
        async for data in shelf.read(f"{folder}/{part.name}"):
            sha.update(data)
            found, waiting = b"", data
            while waiting or len(found) == _CHUNK:
                found = await asyncio.to_thread(gunzip.decompress, waiting, _CHUNK)
                waiting = gunzip.unconsumed_tail
                *whole, rest = (rest + found).split(b"\n")
                if len(rest) > _LONGEST_LINE:
                    raise _damaged(part, "one of its lines is longer than any row")
                count += len(whole)
                for each in whole:
                    yield each
    except zlib.error:
        raise _damaged(part, "it is not the gzip file that was written") from None
    except NoFile:
        raise _damaged(part, "it is missing") from None
    if not gunzip.eof or rest or gunzip.unused_data:
        raise _damaged(part, "it is cut off, or something was added to it")
    if sha.hexdigest() != part.sha256 or count != part.lines:
        raise _damaged(part, "it does not have the digest that the manifest names")


def _damaged(part: Part, why: str) -> Damaged:
    return Damaged(f"the backup is damaged: {part.name}: {why}; take another one")


async def whole(shelf: Shelf, name: str) -> bytes:
    """Read a manifest's file. Raises NoFile, Damaged."""
    found = b""
    async for some in shelf.read(name):
        found += some
        if len(found) > LARGEST:
            raise Damaged("the manifest is damaged: it is larger than any manifest")
    return found
