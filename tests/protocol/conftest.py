"""Each protocol test runs twice: on the reference store and on Table Storage (Azurite)."""

import pytest

from storage.open import Storage
from tests.service import Client, open_directory


@pytest.fixture
async def client(storage: Storage) -> Client:
    """A client of a new directory that speaks Entra's dialect, as directories do by default."""
    return await open_directory(storage)


@pytest.fixture
async def strict(storage: Storage) -> Client:
    """A client of a new directory that follows the RFCs to the letter."""
    return await open_directory(storage, dialect="rfc")
