"""Exchanges are replayed on the reference store and on Table Storage (Azurite)."""

import uuid
from collections.abc import AsyncIterator

import pytest

from storage.open import Storage, open_storage


@pytest.fixture(scope="session", params=["memory", "tables"])
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    """A store for the whole session; every exchange has a directory of its own in it."""
    if request.param == "memory":
        opened = open_storage("memory")
    else:
        where = request.getfixturevalue("azurite")
        opened = open_storage(where, prefix=f"i{uuid.uuid4().hex[:8]}")
    await opened.prepare()
    yield opened
    await opened.close()
