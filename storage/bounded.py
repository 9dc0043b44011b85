"""Azure's HTTP transport, which reads no more of an answer than there is room for.

The service ends a page after 1,000 rows, whatever they weigh: a thousand resources of a hundred
kilobytes would be a hundred megabytes at once. Such a page is broken off and asked for again with
fewer rows (`storage/client.py`).
"""

from typing import Any

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport

LARGEST = 8 * 1024 * 1024  # bytes of an answer: three times what a page of ordinary users has


class TooMuch(Exception):
    """An answer is larger than what may be read."""


class BoundedTransport(AioHttpTransport):  # type: ignore[misc]  # loaded lazily: Any for mypy
    """The SDK's own transport, whose answers have at most `largest` bytes. Raises TooMuch."""

    session: aiohttp.ClientSession | None

    def __init__(self, *, largest: int = LARGEST, **options: Any) -> None:
        super().__init__(**options)
        self._answer = type("Answer", (_Answer,), {"largest": largest})

    async def open(self) -> None:
        if self.session is None and not self._has_been_opened:
            # As the SDK makes it.
            self.session = aiohttp.ClientSession(
                trust_env=True,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                response_class=self._answer,
            )
        await super().open()


class _Answer(aiohttp.ClientResponse):
    largest = LARGEST

    async def read(self) -> bytes:
        parts, size, ended = list[bytes](), 0, False
        try:
            async for part in self.content.iter_any():
                parts.append(part)
                size += len(part)
                if size > self.largest:
                    raise TooMuch
            ended = True
        finally:
            if not ended:
                self.close()  # what is left of the answer comes on no other's connection
        return b"".join(parts)
