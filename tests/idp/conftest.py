"""Where exchanges are replayed: a server process over Table Storage, and one in memory."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from storage.open import Storage
from storage.registry import TablesRegistry
from tests.host.serving import serving
from tests.service import PEPPER


@pytest.fixture(scope="session")
def host(
    storage: Storage, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str | None]:
    """The address of `python -m scim serve` on the same store; None where it can't share it.

    So what is replayed passes through `function_app.py` and the triggers, as in Azure.
    """
    if not isinstance(storage.registry, TablesRegistry):
        yield None
        return
    folder, connection = tmp_path_factory.mktemp("served"), request.getfixturevalue("azurite")
    with serving(folder, "--storage", connection, SCIM_PEPPER=PEPPER.decode()) as (_, access):
        yield urlsplit(access["tenantUrl"]).netloc
