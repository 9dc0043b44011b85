"""One Azurite for the whole session; every test makes a directory of its own in it.

When it has ended, its tables and all logs are searched for secrets.
"""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from scim.cli.azurite import azurite as run_azurite
from storage.open import Storage, open_storage
from tests.leaks import Watch, find
from tests.service import PEPPER

# Every pepper that tests hand to a server.
PEPPERS = (PEPPER, b"not-a-secret-" * 3, b"another-pepper-" * 3)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Refuse parameters in a set: each worker would collect the tests in an order of its own."""
    for marker in metafunc.definition.iter_markers("parametrize"):
        values = marker.args[1] if len(marker.args) > 1 else marker.kwargs["argvalues"]
        assert not isinstance(values, set | frozenset), "give the parameters an order"


@pytest.fixture(scope="session", autouse=True)
def no_secret_is_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail the session when a table or a log holds a token or a pepper (`tests/test_leaks.py`).

    It begins before everything else, so it ends after each store and each server has.
    """
    watch = Watch(PEPPERS)
    logging.getLogger("scim").setLevel(logging.INFO)
    logging.getLogger().addHandler(watch)
    yield
    logging.getLogger().removeHandler(watch)
    found = [*watch.found, *find(tmp_path_factory.getbasetemp(), PEPPERS)]
    assert not found, "secrets were left behind:\n" + "\n".join(found[:20])


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
