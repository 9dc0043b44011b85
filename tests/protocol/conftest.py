"""Each protocol test runs twice: on the reference store and on Table Storage (Azurite)."""

import uuid
from collections.abc import AsyncIterator

import pytest

from storage.open import Storage, open_storage
from tests.service import Client, open_directory


@pytest.fixture(scope="session", params=["memory", "tables"])
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    """A store for the whole session; every test has a directory of its own in it."""
    if request.param == "memory":
        opened = open_storage("memory")
    else:
        where = request.getfixturevalue("azurite")
        opened = open_storage(where, prefix=f"p{uuid.uuid4().hex[:8]}")
    await opened.prepare()
    yield opened
    await opened.close()


@pytest.fixture
async def client(storage: Storage) -> Client:
    """A client of a new directory that speaks Entra's dialect, as directories do by default."""
    return await open_directory(storage)


@pytest.fixture
async def strict(storage: Storage) -> Client:
    """A client of a new directory that follows the RFCs to the letter."""
    return await open_directory(storage, dialect="rfc")
