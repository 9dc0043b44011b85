"""Tables: one for each test, since Azurite takes longer the more rows a table has.

What a test does on a `table` it does on Azurite and on the model (`tests/model/`).
"""

import uuid
from collections.abc import AsyncIterator

import pytest
from azure.data.tables.aio import TableClient, TableServiceClient

from storage.client import PATIENCE
from tests.leaks import secrets
from tests.model.behaviour import Behaviour
from tests.model.service import Service
from tests.model.transport import CONNECTION, COSMOS, ModelTransport
from tests.service import PEPPER


@pytest.fixture(scope="session")
async def service(azurite: str) -> AsyncIterator[TableServiceClient]:
    async with TableServiceClient.from_connection_string(azurite, **PATIENCE) as opened:
        yield opened


@pytest.fixture(scope="session")
async def modelled() -> AsyncIterator[TableServiceClient]:
    transport = ModelTransport(Service())
    opened = TableServiceClient.from_connection_string(CONNECTION, transport=transport, **PATIENCE)
    async with opened:
        yield opened


@pytest.fixture(scope="session")
async def cosmos() -> AsyncIterator[TableServiceClient]:
    """A model of Cosmos DB for Table."""
    transport = ModelTransport(Service(Behaviour(cosmos=True)))
    opened = TableServiceClient.from_connection_string(COSMOS, transport=transport, **PATIENCE)
    async with opened:
        yield opened


_ACCOUNTS = {"azurite": "service", "model": "modelled", "cosmos": "cosmos"}


@pytest.fixture(params=["azurite", "model"])
def account(request: pytest.FixtureRequest) -> TableServiceClient:
    """Both in turn; a test that is about others parametrizes this fixture."""
    opened: TableServiceClient = request.getfixturevalue(_ACCOUNTS[request.param])
    return opened


@pytest.fixture
async def table(account: TableServiceClient) -> AsyncIterator[TableClient]:
    """A table that exists as long as the test; it is searched for secrets before it goes."""
    made = await account.create_table(f"t{uuid.uuid4().hex[:12]}")
    yield made
    rows = [str(each) async for each in made.list_entities()]
    await made.delete_table()
    assert not secrets([PEPPER]).search("".join(rows).encode()), "a secret was left behind"
