"""The places of backups, a folder and a container: what both promise, and how each fails."""

import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from azure.storage.blob.aio import BlobServiceClient

from scim.backup.places import check_place
from scim.backup.ports import NoFile, Shelf, Unusable
from scim.settings import AZURITE_ACCOUNT, AZURITE_KEY
from storage.blobs import open_blobs
from storage.shelves import open_shelf
from tests.storage.blob_service import blob_service


@pytest.fixture(scope="session")
def account() -> Iterator[str]:
    with blob_service() as url:
        yield url


@pytest.fixture(params=["folder", "blobs"])
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    where = str(tmp_path / "backups")
    if request.param == "blobs":
        account = request.getfixturevalue("account")
        container = f"c{uuid4().hex}"
        async with BlobServiceClient(account, credential=AZURITE_KEY) as service:
            await service.create_container(container)
        where = f"{account}/{container}/some/prefix"
    async with open_shelf(where) as opened:
        yield opened


async def put(shelf: Shelf, name: str, *pieces: bytes) -> None:
    async with shelf.write(name) as write:
        for each in pieces:
            await write(each)


async def held(shelf: Shelf, name: str) -> bytes:
    return b"".join([each async for each in shelf.read(name)])


async def test_what_is_written_is_read(shelf: Shelf) -> None:
    """Also more than a block of blobs, and a file that was there before."""
    assert await shelf.folders() == []
    assert await shelf.folders("contoso") == []
    large = os.urandom(3 << 20)
    await put(shelf, "contoso/1/rows", large, large, b"end")
    await put(shelf, "contoso/1/manifest.json", b"one")
    await put(shelf, "contoso/1/manifest.json", b"two")
    await put(shelf, "contoso/2/empty")
    await put(shelf, "fabrikam/1/rows", b"x")
    assert await held(shelf, "contoso/1/rows") == large + large + b"end"
    assert await held(shelf, "contoso/1/manifest.json") == b"two"
    assert await held(shelf, "contoso/2/empty") == b""
    assert await shelf.folders() == ["contoso", "fabrikam"]
    assert await shelf.folders("contoso") == ["1", "2"]
    assert await shelf.exists("contoso/1/rows")
    assert not await shelf.exists("contoso/1")
    await shelf.remove("contoso/1")
    await shelf.remove("contoso/1")
    assert await shelf.folders("contoso") == ["2"]
    with pytest.raises(NoFile):
        await held(shelf, "contoso/1/rows")


async def test_a_file_is_whole_or_not_there(shelf: Shelf) -> None:
    async def breaks_off() -> None:
        async with shelf.write("contoso/1/rows") as write:
            await write(b"x" * (5 << 20))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await breaks_off()
    assert not await shelf.exists("contoso/1/rows")
    with pytest.raises(NoFile):
        await held(shelf, "contoso/1/rows")


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Have the system refuse larger files, as it does on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_disk_that_takes_no_more_is_said_and_left_clean(tmp_path: Path) -> None:
    async with open_shelf(str(tmp_path / "b")) as shelf:
        with files_of_at_most(100_000), pytest.raises(Unusable, match="can't be used for backups"):
            await put(shelf, "contoso/1/rows", b"x" * 90_000, b"x" * 90_000)
        assert list((tmp_path / "b/contoso/1").iterdir()) == []
        await put(shelf, "contoso/1/rows", b"x" * 180_000)


async def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("")
    async with open_shelf(str(tmp_path / "b")) as shelf:
        with pytest.raises(Unusable, match=r"Not a directory|File exists"):
            await put(shelf, "contoso/1/rows", b"x")
        with pytest.raises(Unusable):
            await shelf.folders()
        with pytest.raises(NoFile):
            await held(shelf, "contoso/1/rows")


async def test_a_container_that_is_not_there_is_said(account: str) -> None:
    async with open_shelf(f"{account}/nobodys") as shelf:
        for attempt in (put(shelf, "a/1/rows", b"x"), shelf.folders(), held(shelf, "a/1/rows")):
            with pytest.raises(Unusable, match="there is no such container; make it first"):
                await attempt


async def test_an_account_that_does_not_answer_is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"http://127.0.0.1:{free.getsockname()[1]}/{AZURITE_ACCOUNT}/backups"
        blobs = open_blobs(where, {"retry_total": 0})
        with pytest.raises(Unusable, match="does not answer"):
            await put(blobs, "a/1/rows", b"x")
        await blobs.close()


@pytest.mark.parametrize(
    "place",
    ["backups", "/var/backups", "https://a.blob.core.windows.net/c", "http://127.0.0.1:1/d/c/p"],
)
def test_places(place: str) -> None:
    assert check_place(place) == place


@pytest.mark.parametrize(
    "place",
    [
        "https://a.blob.core.windows.net",
        "https://a.blob.core.windows.net/",
        "https://a.table.core.windows.net/c",
        "https://evil.example.com/c",
        "https://user@a.blob.core.windows.net/c",
        "http://a.blob.core.windows.net/c",
        "http://127.0.0.1:1/devstoreaccount1",
        "https://a.blob.core.windows.net/c/../d",
        "https://a.blob.core.windows.net/c?sv=2026&sig=secret",
        "https://[x/c",
        "https:/a",
        "ftp://a.blob.core.windows.net/c",
        "a\0b",
    ],
)
def test_what_is_no_place(place: str) -> None:
    """No token of ours goes to a host that is none of blobs; no signature stands in a setting."""
    with pytest.raises(ValueError, match="it must be a") as refused:
        check_place(place)
    assert "secret" not in str(refused.value).replace("is a secret", "")
