"""A directory on the model of the Table service, served in this process, and what a request costs.

The model counts what the service would have to do, and knows how long it took itself, so that the
CPU time of the product and the SDK can be told from its own.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from azure.data.tables.aio import TableServiceClient

from scim.credentials import issue
from scim.deadlines import LONGEST_REQUEST
from scim.directory import Directory
from scim.http import Request
from scim.limits import Limits
from scim.registry import Registry
from scim.repository import Repository
from scim.server import Server
from storage.client import PATIENCE
from storage.registry_memory import MemoryRegistry
from tests.model.behaviour import Behaviour
from tests.model.loading import Loader
from tests.model.rows import Rows
from tests.model.service import Service
from tests.model.transport import CONNECTION, ModelTransport
from tests.service import HOST, PATCH_OP, PEPPER, UNHURRIED, Client
from tests.storage.serving import Metered, on_tables

TABLE = "scim"
DIRECTORY = "0123456789abcdefghij"

Sent = tuple[str, str, Any]  # method, path below the Tenant URL, document


class Timed(Service):
    """A service that knows how long it took: seconds of CPU time."""

    def __init__(self, behaviour: Behaviour | None = None, rows: Rows | None = None) -> None:
        super().__init__(behaviour, rows)
        self.seconds = 0.0

    def answer(self, *request: Any) -> Any:
        begun = time.process_time()
        try:
            return super().answer(*request)
        finally:
            self.seconds += time.process_time() - begun


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request costs: what our meter counts, then what the service counts."""

    rounds: int
    calls: int
    rows: int
    examined: int
    written: int
    sent: int
    received: int


@dataclass(frozen=True, slots=True)
class Total:
    """What was asked of a service until now; `cpu` without the model's, in seconds."""

    calls: int
    returned: int
    examined: int
    written: int
    sent: int
    received: int
    cpu: float

    def since(self, before: "Total") -> "Total":
        both = zip(astuple(self), astuple(before), strict=True)
        return Total(*(now - then for now, then in both))


@dataclass(slots=True)
class Place:
    """A directory on a service of its own, and who was made there meanwhile."""

    client: Client
    metered: Metered
    registry: Registry
    transport: ModelTransport
    service: Timed
    size: int
    numbers: "count[int]" = field(default_factory=lambda: count(2_000_000))
    created: list[str] = field(default_factory=list)
    groups: dict[int, str] = field(default_factory=dict)
    added: dict[int, list[str]] = field(default_factory=dict)
    cursor: str = ""  # to the second page

    @property
    def repository(self) -> Repository:
        return self.metered(self.client.directory)

    def total(self) -> Total:
        counts, wire, transport = self.service.counts, self.transport.bytes, self.transport
        cpu = time.process_time() - self.service.seconds
        did = (counts.returned, counts.examined, counts.written)
        return Total(transport.sent, *did, wire.sent, wire.received, cpu)

    async def ask(self, method: str, path: str, content: bytes = b"") -> tuple[int, bytes]:
        """Send a request as it is; give the status and the body, which nobody here parses."""
        kind = {"content-type": "application/scim+json"} if content else {}
        headers = {"authorization": f"Bearer {self.client.token}", **kind}
        url = f"{HOST}/{self.client.name}/scim{path}"
        response = await self.client.server.handle(Request(method, url, headers, content))
        return response.status, response.body

    async def send(self, method: str, path: str, body: Any = None) -> tuple[Cost, Any]:
        """Send a request and say what it cost; second: the answer's document."""
        before = self.total()
        answer = await self.client.send(method, path, body)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.body}"
        spent, meter = self.total().since(before), self.metered.meter
        wire = (spent.examined, spent.written, spent.sent, spent.received)
        return Cost(meter.rounds, meter.calls, meter.rows, *wire), answer.body


def patch(path: str, /, **operation: Any) -> Sent:
    """Make a PATCH of one operation."""
    return "PATCH", path, {"schemas": [PATCH_OP], "Operations": [operation]}


async def load_users(service: Service, numbers: Iterable[int]) -> None:
    service.rows.create_table(TABLE)
    await Loader(service, TABLE, DIRECTORY).users(numbers)


async def load_groups(place: Place, sizes: Sequence[int]) -> None:
    """Load groups with the first users as members."""
    loader = Loader(place.service, TABLE, DIRECTORY)
    for size in sizes:
        place.groups[size] = await loader.group(f"Group of {size:07}", range(size))


def clock() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def serving(
    service: Timed,
    users: int,
    *,
    limits: Limits = UNHURRIED,
    clock: Callable[[], datetime] = clock,
    longest: float = LONGEST_REQUEST,
) -> AsyncIterator[Place]:
    """Serve the directory that was loaded."""
    transport = ModelTransport(service)
    account = TableServiceClient.from_connection_string(CONNECTION, transport=transport, **PATIENCE)
    async with account:
        metered = Metered(on_tables(account.get_table_client(TABLE)))
        registry = MemoryRegistry()
        directory = Directory(id=DIRECTORY, name="large", limits=limits)
        await registry.add_directory(directory)
        token, credential = issue(directory.id, pepper=PEPPER, now=datetime.now(UTC))
        await registry.add_credential(credential)
        server = Server(
            registry=registry, repository=metered, pepper=PEPPER, clock=clock, longest=longest
        )
        client = Client(server, directory.name, token, directory)
        yield Place(client, metered, registry, transport, service, users)
        await server.close()
    service.rows.close()
