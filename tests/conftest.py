"""One Azurite for the whole session; every test makes a directory of its own in it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from scim.cli.azurite import azurite as run_azurite
from storage.open import Storage, open_storage


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of an Azurite that runs as long as the tests."""
    with run_azurite(tmp_path_factory.mktemp("azurite") / "data") as connection:
        yield connection


@pytest.fixture(scope="session", params=["memory", "tables"])
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    """Both stores in turn: the reference in memory, and Table Storage (Azurite)."""
    tables = request.param == "tables"
    opened = open_storage(request.getfixturevalue("azurite") if tables else "memory")
    await opened.prepare()
    yield opened
    await opened.close()
