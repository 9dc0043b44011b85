"""All presets in one server: `python -m scim serve` with a directory of each, on Table Storage."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.data.tables.aio import TableServiceClient

from scim.cli.azurite import azurite as run_azurite
from scim.server import Server
from storage.open import REGISTRY_TABLE, open_storage
from storage.registry import TablesRegistry
from tests.host.serving import serving
from tests.idp.serving import UNSAID, front
from tests.presets.serving import DIRECTORIES, Clock, Deployment, Process, access, run
from tests.service import PEPPER, Client


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, list[Any]]]:
    """The store's connection string, the server's log, and what it printed."""
    folder = tmp_path_factory.mktemp("presets")
    pepper = {"SCIM_PEPPER": PEPPER.decode()}
    names = [f"{name}={preset}" for name, preset in DIRECTORIES.items()]
    # One is made beforehand, as its operator would: with the attribute that its mapping has.
    names[names.index("scalekit=scalekit")] = "scalekit"
    options = [part for each in names for part in ("--directory", each)]
    with run_azurite(folder / "azurite") as connection:
        store = ("--storage", connection)
        made = ("--preset", "scalekit", "--attribute", "costCenter:string")
        url = ("--base-url", "https://scim.example.com")
        run(folder, "directory", "add", "scalekit", *made, *url, *store, "--json", **pepper)
        with serving(folder, *store, *options, **pepper) as (process, first):
            assert process.stdout is not None
            rest = [json.loads(process.stdout.readline()) for _ in names[1:]]
            yield connection, folder / "server.log", [first, *rest]


@pytest.fixture(scope="session")
async def deployment(served: tuple[str, Path, list[Any]]) -> AsyncIterator[Deployment]:
    connection, log, printed = served
    storage = open_storage(connection)
    async with aiohttp.ClientSession(skip_auto_headers=UNSAID) as session:
        accesses = {
            each["directory"]: access(session, each["tenantUrl"], each["secretToken"])
            for each in printed
        }
        yield Deployment(accesses, storage, connection, log)
    await storage.close()


@pytest.fixture
async def process(deployment: Deployment) -> AsyncIterator[Process]:
    clock = Clock()
    storage = deployment.storage
    async with (
        TableServiceClient.from_connection_string(deployment.connection) as service,
        aiohttp.ClientSession(skip_auto_headers=UNSAID) as session,
    ):
        registry = TablesRegistry(service.get_table_client(REGISTRY_TABLE), clock)
        server = Server(registry=registry, repository=storage.repository, pepper=PEPPER)
        anybody = Client(server, "", "", await deployment.directory("default"))
        async with front(anybody) as address:
            yield Process(registry, storage, address, session, clock)
