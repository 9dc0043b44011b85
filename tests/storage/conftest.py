"""Tables of an Azurite: one for each test, since Azurite takes longer the more rows a table has."""

import uuid
from collections.abc import AsyncIterator

import pytest
from azure.data.tables.aio import TableClient, TableServiceClient

from storage.client import PATIENCE
from tests.leaks import secrets
from tests.service import PEPPER


@pytest.fixture(scope="session")
async def service(azurite: str) -> AsyncIterator[TableServiceClient]:
    async with TableServiceClient.from_connection_string(azurite, **PATIENCE) as opened:
        yield opened


@pytest.fixture
async def table(service: TableServiceClient) -> AsyncIterator[TableClient]:
    """A table that exists as long as the test; it is searched for secrets before it goes."""
    made = await service.create_table(f"t{uuid.uuid4().hex[:12]}")
    yield made
    rows = [str(each) async for each in made.list_entities()]
    await made.delete_table()
    assert not secrets([PEPPER]).search("".join(rows).encode()), "a secret was left behind"
