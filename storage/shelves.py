"""Opening the place where backups are kept: a folder, or a container of blobs by its URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from scim.backup.places import check_place
from scim.backup.ports import Shelf
from storage.folder import Folder


@asynccontextmanager
async def open_shelf(where: str) -> AsyncIterator[Shelf]:
    """Open a folder or `https://ACCOUNT.blob.core.windows.net/CONTAINER[/PREFIX]`, and close it.

    Raises ValueError with a sentence.
    """
    if "://" not in check_place(where):
        yield Folder(Path(where))
        return
    from storage.blobs import open_blobs  # noqa: PLC0415 - it imports an SDK that no request needs

    blobs = open_blobs(where)
    try:
        yield blobs
    finally:
        await blobs.close()
