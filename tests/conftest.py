"""One Azurite for the whole session; every test makes a directory of its own in it.

When it has ended, its tables and all logs are searched for secrets.
"""

import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bench import memory
from scim.cli.azurite import azurite as run_azurite
from storage.open import Storage, open_storage
from tests.leaks import Watch, find
from tests.model.behaviour import Behaviour
from tests.model.service import Service
from tests.model.transport import CONNECTION, COSMOS, ModelTransport
from tests.service import PEPPER

# Every pepper that tests hand to a server.
PEPPERS = (PEPPER, b"not-a-secret-" * 3, b"another-pepper-" * 3)

# What tests ask is on this machine, whatever proxy this machine has for the rest.
for name in ("NO_PROXY", "no_proxy"):
    known = [each for each in (os.environ.get(name),) if each]
    os.environ[name] = ",".join([*known, "127.0.0.1", "localhost"])

# How long an example takes says more of the machine than of what is tested.
settings.register_profile(
    "any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# What takes longest, as it was measured: it begins first, so that no worker is left with it when
# the others have ended. `make test` hands files out in the order in which they are collected.
SLOWEST = (
    "infra/test_deploy.py",
    "storage/test_faults.py",
    "infra/test_connect.py",
    "storage/test_moving.py",
    "storage/test_broken_revivals.py",
    "faults/test_kills.py",
    "protocol/test_rules_beside_traffic.py",
    "infra/test_package.py",
    "host/test_serve.py",
    "cli/test_rehearse.py",
    "model/test_flat_cost.py",
    "host/test_kill.py",
    "faults/test_matrix.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; leave all else in its order."""
    here = Path(__file__).parent
    places = {here / name: place for place, name in enumerate(SLOWEST)}
    assert all(each.exists() for each in places), "SLOWEST names a file that is not there"
    named = [each.nodeid for each in items if " at 0x" in each.nodeid]
    assert not named, f"give the parameters names: each worker would have its own of {named}"
    items.sort(key=lambda each: places.get(each.path, len(places)))


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


@pytest.fixture(autouse=True)
def memory_is_bounded() -> Iterator[None]:
    """Fail a test in which a server in this process needs more than a worker may have.

    So much as an idle one has is taken off, since this process has more to do. Servers in a process
    of their own are looked at when they end (`tests/host/serving.py`).
    """
    counts = memory.reset_peak()
    before = memory.now()
    yield
    more = memory.peak() - before
    assert not counts or more < memory.MOST - memory.IDLE, f"the test needed {more:.0f} MB"


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of an Azurite that runs as long as the tests."""
    with run_azurite(tmp_path_factory.mktemp("azurite") / "data") as connection:
        yield connection


@pytest.fixture(scope="session", params=["memory", "tables"])
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    """Both stores in turn: the reference in memory, and Table Storage (Azurite).

    A test that relies on the order of rows parametrizes this with a model of Cosmos DB, too; one
    that asks much of what both stores were asked elsewhere, with the model in place of Azurite.
    """
    if request.param in ("model", "cosmos"):
        cosmos = request.param == "cosmos"
        transport = ModelTransport(Service(Behaviour(cosmos=cosmos)))
        opened = open_storage(COSMOS if cosmos else CONNECTION, transport=transport)
    else:
        tables = request.param == "tables"
        opened = open_storage(request.getfixturevalue("azurite") if tables else "memory")
    await opened.prepare()
    yield opened
    await opened.close()
