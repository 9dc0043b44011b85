"""What a request costs depends neither on how many directories there are nor on how many tokens its
own has, and while what authentication read is remembered, it costs nothing.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from azure.data.tables.aio import TableClient

from scim.auth.access_tokens import Signer
from scim.credentials import issue, register
from scim.deadlines import FRESH
from scim.directory import Directory
from scim.server import Server
from scim.side_by_side import side_by_side
from storage.open import Storage
from storage.registry import TablesRegistry
from tests.auth.identity import ISSUED, Identity
from tests.service import PATCH_OP, PEPPER, USER, Client, open_directory
from tests.storage import making
from tests.storage.serving import Metered, on_tables
from tests.storage.test_remembering import Clock

MANY = 1000


@dataclass(frozen=True)
class Cost:
    """What a request asked of the registry, and of its directory's repository."""

    registry_calls: int
    registry_rows: int
    calls: int
    rounds: int
    rows: int


@dataclass
class Process:
    """A server that has just started: it remembers nothing."""

    registry: TablesRegistry
    metered: Metered
    client: Client
    clock: Clock

    @classmethod
    def started(cls, table: TableClient, client: Client, **settings: Any) -> "Process":
        clock = Clock()
        registry, metered = TablesRegistry(table, clock), Metered(on_tables(table))
        server = Server(registry=registry, repository=metered, pepper=PEPPER, **settings)
        return cls(registry, metered, replace(client, server=server), clock)

    async def cost(self, method: str, path: str, body: Any = None) -> Cost:
        """Send a request and tell what it cost, with what is written beside it."""
        meter = self.registry.meter
        before = meter.calls, meter.rows
        answer = await self.client.send(method, path, body)
        await self.client.server.close()
        assert answer.status < 300, answer.body
        spent = self.metered.meter
        return Cost(
            meter.calls - before[0], meter.rows - before[1], spent.calls, spent.rounds, spent.rows
        )


async def costs(table: TableClient, client: Client) -> dict[str, Cost]:
    """Measure a request of each kind: the first of a process, then those that follow."""
    process = Process.started(table, client)
    name = f"{uuid4()}@example.com"
    found = {"first": await process.cost("GET", "/Users?count=1")}
    body = {"schemas": [USER], "userName": name}
    found["create"] = await process.cost("POST", "/Users", body)
    match = f"/Users?filter={quote(f'userName eq {json.dumps(name)}')}"
    found["match"] = await process.cost("GET", match)
    answer = await process.client.get(match)
    path = f"/Users/{answer.body['Resources'][0]['id']}"
    found["read"] = await process.cost("GET", path)
    rename = {"op": "replace", "path": "displayName", "value": "Ada"}
    patch = {"schemas": [PATCH_OP], "Operations": [rename]}
    found["update"] = await process.cost("PATCH", path, patch)
    found["discover"] = await process.cost("GET", "/Schemas")
    process.clock.now += FRESH + 1
    found["a minute later"] = await process.cost("GET", path)
    found["then"] = await process.cost("GET", path)
    found["delete"] = await process.cost("DELETE", path)
    return found


async def test_a_signed_token_asks_the_store_for_no_more_than_a_secret_one(
    table: TableClient,
) -> None:
    """The first request of a process costs two reads, of whatever token; those that follow none."""
    registry = TablesRegistry(table)
    client = await open_directory(Storage(registry, on_tables(table), nothing, nothing, nothing))
    await registry.change_directory(
        client.directory.id, lambda found: found.model_copy(update={"entra": ISSUED})
    )
    now, identity = datetime.now(UTC), Identity()
    record = register(client.directory.id, now=now)
    await registry.add_credential(record)
    access, _ = Signer.derive(PEPPER).mint(record, record.scopes, now)
    for token in (client.token, access, identity.issued(now)):
        holder = replace(client, token=token)
        keys = identity.held
        await Process.started(table, holder, keys=keys).cost("GET", "/Schemas")  # notes its use
        process = Process.started(table, holder, keys=keys)
        spent = [await process.cost("GET", "/Schemas") for _ in range(3)]
        assert [each.registry_calls for each in spent] == [2, 0, 0]


async def nothing() -> None:
    """Prepare, or close, nothing."""


@pytest.mark.parametrize("account", ["model"], indirect=True)  # which counts as Azurite does
async def test_a_request_costs_the_same_among_a_thousand(table: TableClient) -> None:
    """1 and 1,000 directories with a user each, then 1 and 1,000 tokens: the same calls and rows.

    The first request of a process asks the registry for its credential and its directory, and a
    minute later one does again; those between ask it nothing.
    """
    registry = TablesRegistry(table)
    client = await open_directory(Storage(registry, on_tables(table), nothing, nothing, nothing))
    await client.user()
    await costs(table, client)  # from now on the token's use is noted
    alone = await costs(table, client)

    async def add_directory(number: int) -> None:
        made = Directory(id=f"directory{number}", name=f"other-{number}")
        await registry.add_directory(made)
        await add_token(made.id)
        await making.user(on_tables(table)(made))

    async def add_token(directory: str) -> None:
        _, credential = issue(directory, pepper=PEPPER, now=datetime.now(UTC))
        await registry.add_credential(credential)

    await side_by_side(add_directory, range(MANY - 1))
    assert await costs(table, client) == alone
    await side_by_side(lambda _: add_token(client.directory.id), range(MANY - 1))
    assert await costs(table, client) == alone
    assert len(await registry.credentials(client.directory.id)) == MANY
    assert len([each async for each in registry.directories()]) == MANY

    asked = {name: each.registry_calls for name, each in alone.items() if each.registry_calls}
    assert asked == {"first": 2, "a minute later": 2}
