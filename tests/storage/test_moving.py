"""A directory changes accounts beside two servers that write it: every acknowledged write is there.

Time that servers remember records by is the test's own, so that minutes pass in a second.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from azure.data.tables.aio import TableClient, TableServiceClient

from scim.cli.azurite import azurite as run_azurite
from scim.credentials import issue
from scim.directory import Directory
from scim.errors import Unavailable
from scim.moving import Mover
from scim.repository import Meter
from scim.server import Server
from storage.accounts import Account, Accounts
from storage.client import PATIENCE, Partition
from storage.raw import RawRows
from storage.registry import TablesRegistry
from storage.tables import TablesRepository
from tests.service import PEPPER, Client
from tests.storage.inspection import faults


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_azurite(tmp_path_factory.mktemp("another") / "data") as connection:
        yield connection


@dataclass
class Time:
    """Seconds that pass when somebody waits; in between, who writes comes to the end of it."""

    now: float = 0.0
    writers: "list[Writer]" = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def wait(self, seconds: float) -> None:
        self.now += seconds
        before = [each.answers for each in self.writers]
        while any(  # noqa: ASYNC110 - many wake it
            each.works and each.answers == number
            for each, number in zip(self.writers, before, strict=True)
        ):
            await asyncio.sleep(0.01)

    def moment(self) -> datetime:
        return datetime(2026, 3, 4, tzinfo=UTC) + timedelta(seconds=self.now)


@dataclass
class Places:
    """The registry's table, and the tables of two accounts."""

    registry: TableClient
    main: TableClient
    second: TableClient

    def accounts(self) -> Accounts:
        def account(table: TableClient) -> Account:
            return Account(None, None, table)  # type: ignore[arg-type]  # nobody closes it

        return Accounts(account(self.main), {"second": account(self.second)})

    def partition(self, directory: Directory, table: TableClient) -> Partition:
        return Partition(table, directory.id, Meter())


@pytest.fixture(params=["two accounts"])
async def places(
    request: pytest.FixtureRequest,
    service: TableServiceClient,
    cosmos: TableServiceClient,
    table: TableClient,
    another: str,
) -> AsyncIterator[Places]:
    main = await service.create_table(f"t{uuid4().hex[:12]}")
    async with TableServiceClient.from_connection_string(another, **PATIENCE) as one:
        other = one if request.param == "two accounts" else cosmos
        second = await other.create_table(f"t{uuid4().hex[:12]}")
        back = request.param == "from Cosmos DB"
        yield Places(table, *((second, main) if back else (main, second)))
    await main.delete_table()


def server(places: Places, time: Time) -> Server:
    """A process: it remembers records on its own."""
    accounts = places.accounts()
    return Server(
        registry=TablesRegistry(places.registry, clock=time),
        repository=lambda directory: TablesRepository(accounts.partition(directory)),
        pepper=PEPPER,
    )


@dataclass
class Writer:
    """Writes through one server and notes what was acknowledged; a 503 is sent again."""

    client: Client
    group: str
    names: dict[str, str] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    refused: int = 0
    answers: int = 0
    works: bool = True

    async def run(self, ended: asyncio.Event) -> None:
        try:
            await self._write(ended)
        finally:
            self.works = False

    async def some(self, number: int = 4) -> None:
        """Wait until it has created so many more."""
        until = len(self.names) + number
        while self.works and len(self.names) < until:  # noqa: ASYNC110 - it wakes nobody
            await asyncio.sleep(0.01)

    async def _write(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            made = await self._sent("POST", "/Users", {"userName": f"{uuid4().hex}@example.com"})
            if made is None:
                continue
            self.names[made] = ""
            if await self._patched(made, {"op": "replace", "path": "displayName", "value": made}):
                self.names[made] = made
            add: dict[str, object] = {"op": "add", "path": "members", "value": [{"value": made}]}
            if await self._patched(self.group, add):
                self.members.add(made)
            if len(self.members) % 3 == 0 and self.members:
                out = random.choice(sorted(self.members))
                path = f'members[value eq "{out}"]'
                if await self._patched(self.group, {"op": "remove", "path": path}):
                    self.members.discard(out)
                if await self._sent("DELETE", f"/Users/{out}", None) is not None:
                    self.gone.add(out)

    async def _patched(self, id: str, operation: dict[str, object]) -> bool:
        kind = "Groups" if id == self.group else "Users"
        schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
        body = {"schemas": [schema], "Operations": [operation]}
        return await self._sent("PATCH", f"/{kind}/{id}", body) is not None

    async def _sent(self, method: str, path: str, body: object) -> str | None:
        for _ in range(200):
            answer = await self.client.send(method, path, body)
            self.answers += 1
            if answer.status != 503:
                break
            self.refused += 1
            assert "moved to another storage account" in answer.detail
            assert answer.headers["Retry-After"] == "30"
            await asyncio.sleep(0.1)
        assert answer.status in (200, 201, 204), answer.body
        return answer.body["id"] if answer.status == 201 else ""


@pytest.mark.parametrize("account", ["azurite"], indirect=True)
@pytest.mark.parametrize(
    "places", ["two accounts", "to Cosmos DB", "from Cosmos DB"], indirect=True
)
async def test_no_acknowledged_write_is_lost(places: Places) -> None:
    time = Time()
    registry = TablesRegistry(places.registry, clock=time)
    directory = Directory(id=uuid4().hex[:20], name="contoso")
    await registry.add_directory(directory)
    token, credential = issue(directory.id, pepper=PEPPER, now=datetime.now(UTC))
    await registry.add_credential(credential)
    clients = [Client(server(places, time), "contoso", token, directory) for _ in range(2)]
    group = (await clients[0].group("everybody")).id
    writers = time.writers = [Writer(each, group) for each in clients for _ in range(2)]
    ended = asyncio.Event()
    tasks = [asyncio.create_task(each.run(ended)) for each in writers]
    await asyncio.gather(*(each.some() for each in writers))
    accounts = places.accounts()
    mover = Mover(registry, lambda each: RawRows(accounts.unguarded(each)), time.moment, time.wait)
    before = sum(len(each.names) for each in writers)
    moved = await mover.move(directory, "second")
    after = sum(len(each.names) for each in writers)
    await asyncio.gather(*(each.some() for each in writers))
    ended.set()
    await asyncio.gather(*tasks)
    assert moved.storage == "second"
    assert await places.partition(directory, places.main).range("", "~") == []
    second = places.partition(directory, places.second)
    assert await faults(second) == []
    names = {id: name for each in writers for id, name in each.names.items()}
    gone = {id for each in writers for id in each.gone}
    members = {id for each in writers for id in each.members} - gone
    found: dict[str, str] = {}
    cursor = "?cursor"
    while cursor:
        answer = (await clients[1].get(f"/Users{cursor}&count=100")).body
        found |= {each["id"]: each.get("displayName", "") for each in answer["Resources"]}
        cursor = f"?cursor={answer['nextCursor']}" if answer.get("nextCursor") else ""
    assert found == {id: name for id, name in names.items() if id not in gone}
    group_now = (await clients[0].get(f"/Groups/{group}")).body
    assert {each["value"] for each in group_now.get("members", ())} == members
    assert sum(each.refused for each in writers) > 0
    # It was written before, meanwhile and afterwards.
    assert 0 < before < after < sum(len(each.names) for each in writers)


async def test_a_directory_in_an_account_that_nobody_names_is_503(places: Places) -> None:
    """With a sentence for its operator; the others are served."""
    time = Time()
    registry = TablesRegistry(places.registry, clock=time)
    directory = Directory(id=uuid4().hex[:20], name="contoso", storage="third")
    await registry.add_directory(directory)
    token, credential = issue(directory.id, pepper=PEPPER, now=datetime.now(UTC))
    await registry.add_credential(credential)
    client = Client(server(places, time), "contoso", token, directory)
    answer = await client.get("/Users")
    assert answer.status == 503
    assert "storage account third" in answer.detail
    assert "SCIM_STORAGE_ACCOUNTS" in answer.detail
    with pytest.raises(Unavailable):
        places.accounts().partition(directory)


async def test_one_account_under_two_names_is_refused(places: Places) -> None:
    account = Account(None, None, places.main)  # type: ignore[arg-type]  # nobody closes it
    with pytest.raises(ValueError, match="names one account twice"):
        Accounts(account, {"second": account})
