"""One Azurite for the whole session; every test makes a directory of its own in it."""

from collections.abc import Iterator

import pytest

from scim.cli.azurite import azurite as run_azurite


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of an Azurite that runs as long as the tests."""
    with run_azurite(tmp_path_factory.mktemp("azurite") / "data") as connection:
        yield connection
