"""Both stores that tests of the model are about, and a model whose switches a test can turn."""

from collections.abc import AsyncIterator

import pytest
from azure.data.tables.aio import TableClient, TableServiceClient

from storage.client import PATIENCE
from tests.model.behaviour import Behaviour
from tests.model.service import Service
from tests.model.transport import CONNECTION, COSMOS, ModelTransport
from tests.storage.conftest import account, modelled, service, table

__all__ = ["account", "modelled", "service", "table"]


@pytest.fixture
def behaviour() -> Behaviour:
    """How the model behaves: a test turns its switches."""
    return Behaviour()


@pytest.fixture
def transport(behaviour: Behaviour) -> ModelTransport:
    return ModelTransport(Service(behaviour))


@pytest.fixture
async def own_table(transport: ModelTransport, behaviour: Behaviour) -> AsyncIterator[TableClient]:
    """An empty table of a model of its own."""
    where = COSMOS if behaviour.cosmos else CONNECTION
    client = TableServiceClient.from_connection_string(where, transport=transport, **PATIENCE)
    async with client as opened:
        yield await opened.create_table("rows")
