"""A store that throttles: for a while, which nobody notices; for ever, which costs it little."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.data.tables.aio import TableClient, TableServiceClient

from scim.ids import resource_id
from scim.repository import Meter
from scim.side_by_side import MOST_AT_ONCE
from storage.client import PATIENCE, Partition
from storage.patience import Patience
from tests.model.behaviour import Behaviour
from tests.model.service import Service
from tests.model.transport import CONNECTION, ModelTransport
from tests.service import Client
from tests.storage.serving import on_tables, serve

HASTY = Patience(first=0.001, most=0.002)
FOR_EVER = 1_000_000
MEMBERS = 2000


@pytest.fixture
async def client(own_table: TableClient) -> Client:
    return await serve(on_tables(own_table, HASTY))


def members(number: int) -> list[dict[str, str]]:
    return [{"value": resource_id()} for _ in range(number)]


async def test_whoever_waits_is_served(client: Client, transport: ModelTransport) -> None:
    """All but the last of a call's tries are refused, and the client sees nothing of it."""
    behaviour = transport.service.behaviour
    behaviour.throttle(HASTY.refused - 1, status=429)
    ada = await client.user("ada@example.com")
    behaviour.throttle(HASTY.refused - 1)
    assert (await client.get(f"/Users/{ada.id}")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/Users/{user}", None),
        ("GET", "/Users", None),
        ("GET", '/Users?filter=userName+eq+"ada@example.com"', None),
        ("POST", "/Users", {"userName": "bob@example.com"}),
        ("DELETE", "/Users/{user}", None),
        ("POST", "/Groups", {"displayName": "New", "members": members(MEMBERS)}),
        ("PUT", "/Groups/{group}", {"displayName": "New", "members": members(MEMBERS)}),
        (
            "PATCH",
            "/Groups/{group}",
            {"Operations": [{"op": "add", "path": "members", "value": members(MEMBERS)}]},
        ),
    ],
    ids=["get", "list", "match", "post", "delete", "large post", "large put", "large patch"],
)
async def test_a_store_that_throttles_for_ever_is_asked_a_bounded_number_of_times(
    client: Client, transport: ModelTransport, method: str, path: str, body: Any
) -> None:
    """So many tries of each call that is made side by side, however large the request is."""
    user, group = (await client.user("ada@example.com")).id, (await client.group("Old")).id
    before = transport.sent
    transport.service.behaviour.throttle(FOR_EVER, retry_after=None)
    answer = await client.send(method, path.format(user=user, group=group), body)
    assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)
    await asyncio.sleep(0.05)  # nothing goes on when the client has its answer
    most = HASTY.refused * (2 * MOST_AT_ONCE if len(str(body)) > MEMBERS else 4)
    assert HASTY.refused <= transport.sent - before <= most


async def test_whoever_would_wait_for_too_long_is_told_at_once(
    client: Client, transport: ModelTransport
) -> None:
    """The store asks for more time than a call has: the client hears how much."""
    before = transport.sent
    transport.service.behaviour.throttle(FOR_EVER, retry_after=45)
    answer = await client.get("/Users/some")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "45")
    assert transport.sent - before <= 2  # the user, and the groups that the user is in


class Timed(ModelTransport):
    """Notes when calls come."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.came: list[float] = []

    async def send(self, request: HttpRequest, **options: Any) -> AsyncHttpResponse:
        self.came.append(time.monotonic())
        return await super().send(request, **options)


@dataclass(frozen=True)
class Noted(Patience):
    """Notes for how long it makes each call wait."""

    pauses: list[float] = field(default_factory=list)

    def pause(self, error: AzureError, tried: int) -> float | None:
        pause = super().pause(error, tried)
        if pause is not None:
            self.pauses.append(pause)
        return pause


async def test_those_who_were_refused_together_come_back_one_by_one() -> None:
    """64 calls of one process, all refused: their second tries are spread over the pause."""
    transport = Timed(Service(Behaviour()))
    account = TableServiceClient.from_connection_string(CONNECTION, transport=transport, **PATIENCE)
    async with account:
        table = await account.create_table("rows")
        transport.came.clear()
        transport.service.behaviour.throttle(64)
        patience = Noted(refused=2, first=0.4)
        calls = (Partition(table, "d", Meter(), patience).get("a") for _ in range(64))
        assert await asyncio.gather(*calls) == [None] * 64
    first, *came = sorted(transport.came)
    pauses = sorted(patience.pauses)
    assert len(came[63:]) == len(pauses) == 64
    assert pauses[-1] - pauses[0] > 0.1
    assert max(later - one for one, later in itertools.pairwise(pauses)) < 0.1
    for when, pause in zip(came[63:], pauses, strict=True):
        assert when - first > pause - 0.001  # however late this machine makes it
