"""A container of blobs as the place of backups.

A blob is staged in blocks and committed at the end, so it is there whole or not at all. The SDK is
imported when a container is opened: no request needs it.
"""

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)

from scim.backup.places import check_place
from scim.backup.ports import NoFile, Unusable, Write
from scim.settings import AZURITE_ACCOUNT, AZURITE_KEY

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import ContainerClient

_BLOCK = 1 << 20  # bytes that wait in memory; of a larger body aiohttp warns
# Three more tries within about ten seconds; the SDK's own patience is a minute and a half.
_PATIENCE: Mapping[str, Any] = {
    "retry_total": 3,
    "initial_backoff": 1,
    "increment_base": 2,
    "connection_timeout": 5,
    "read_timeout": 30,
}


class Blobs:
    """Backups below a prefix of a container."""

    def __init__(
        self,
        container: "ContainerClient",
        prefix: str,
        credential: "AsyncTokenCredential | None",
    ) -> None:
        self._container = container
        self._prefix = prefix
        self._credential = credential

    @property
    def place(self) -> str:
        return f"{self._container.url}/{self._prefix}".rstrip("/")

    async def folders(self, within: str = "") -> list[str]:
        start = self._name(f"{within}/" if within else "")
        with self._translated():
            found = self._container.walk_blobs(name_starts_with=start, delimiter="/")
            names = [each.name async for each in found]
        return sorted(each[len(start) : -1] for each in names if each.endswith("/"))

    async def exists(self, name: str) -> bool:
        with self._translated():
            return bool(await self._container.get_blob_client(self._name(name)).exists())

    async def read(self, name: str) -> AsyncGenerator[bytes]:
        with self._translated():
            try:
                found = await self._container.download_blob(self._name(name))
            except ResourceNotFoundError as error:
                if _code(error) == "BlobNotFound":
                    raise NoFile(f"there is no {name} in {self.place}") from None
                raise
            async for some in found.chunks():
                yield some

    @asynccontextmanager
    async def write(self, name: str) -> AsyncIterator[Write]:
        from azure.storage.blob import BlobBlock  # noqa: PLC0415 - see above

        blob = self._container.get_blob_client(self._name(name))
        blocks: list[BlobBlock] = []
        waiting = bytearray()

        async def stage() -> None:
            block = bytes(waiting[:_BLOCK])
            id = base64.b64encode(f"{len(blocks):08}".encode()).decode()
            with self._translated():
                await blob.stage_block(id, block)
            blocks.append(BlobBlock(id))
            del waiting[:_BLOCK]

        async def write(data: bytes) -> None:
            waiting.extend(data)
            while len(waiting) >= _BLOCK:
                await stage()

        yield write
        if waiting:
            await stage()
        with self._translated():
            await blob.commit_block_list(blocks)

    async def remove(self, folder: str) -> None:
        with self._translated():
            found = self._container.list_blob_names(name_starts_with=self._name(f"{folder}/"))
            for each in [name async for name in found]:
                await self._container.delete_blob(each)

    async def close(self) -> None:
        await self._container.close()
        if self._credential is not None:
            await self._credential.close()

    def _name(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ClientAuthenticationError as error:
            raise self._unusable("it takes no sign-in of ours", _ROLE) from error
        except HttpResponseError as error:
            raise self._refused(error) from error
        except (AzureError, OSError) as error:
            raise self._unusable(
                f"it does not answer ({type(error).__name__})", "check its name and the network"
            ) from error

    def _refused(self, error: HttpResponseError) -> Unusable:
        if error.status_code == 403:
            return self._unusable("it may not be used", _ROLE)
        if _code(error) == "ContainerNotFound":
            return self._unusable("there is no such container", "make it first")
        return self._unusable(f"it answers {error.status_code} {_code(error)}", "try again")

    def _unusable(self, what: str, do: str) -> Unusable:
        return Unusable(f"{self.place} can't be used for backups: {what}; {do}")


_ROLE = "it takes the role Storage Blob Data Contributor on the container"


def open_blobs(url: str, patience: Mapping[str, Any] = _PATIENCE) -> Blobs:
    """Open `https://ACCOUNT.blob.core.windows.net/CONTAINER[/PREFIX]`; no I/O yet.

    With the identity of whoever runs this; `http://127.0.0.1:PORT/devstoreaccount1/…` is Azurite's.
    Raises ValueError with a sentence.
    """
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - see above
    from azure.storage.blob.aio import ContainerClient  # noqa: PLC0415

    parts = urlsplit(check_place(url))
    local = parts.scheme == "http"
    segments = [each for each in parts.path.split("/") if each]
    account = f"{parts.scheme}://{parts.netloc}"
    if local:
        account, segments = f"{account}/{AZURITE_ACCOUNT}", segments[1:]
    container, prefix = segments[0], "/".join(segments[1:])
    if local:
        client = ContainerClient(account, container, credential=AZURITE_KEY, **patience)
        return Blobs(client, prefix, None)
    credential = DefaultAzureCredential()
    client = ContainerClient(account, container, credential=credential, **patience)
    return Blobs(client, prefix, credential)


def _code(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")
