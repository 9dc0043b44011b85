"""A bulk request is many requests: each operation is let in by what holds when it begins, the last
of them begin in time, and all of them are in the log in their order.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from scim.credentials import identify, revoked
from scim.deadlines import BULK
from scim.directory import Directory
from scim.purging import remove
from scim.registry import Registry
from scim.repository import Repository
from scim.rules import Rules
from scim.server import Server
from storage.open import Storage
from tests.protocol.test_adoption import RULES
from tests.protocol.test_bulk import bulk, post, statuses
from tests.service import PEPPER, Client, open_directory

NOW = datetime.now(UTC)
Act = Callable[[], Awaitable[Any]]


class Meanwhile:
    """A repository in the middle of whose second creation something else happens."""

    def __init__(self, repository: Repository, act: Act) -> None:
        self._repository = repository
        self._act = act
        self._creations = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repository, name)

    async def create(self, *args: Any, **options: Any) -> Any:
        self._creations += 1
        if self._creations == 2:
            await self._act()
        return await self._repository.create(*args, **options)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def meanwhile(client: Client, storage: Storage, act: Act, clock: Clock | None = None) -> None:
    """Serve a client anew: `act` happens while its second operation is under way."""

    def repository(directory: Directory) -> Any:
        return Meanwhile(storage.repository(directory), act)

    client.server = Server(
        registry=storage.registry,
        repository=repository,
        pepper=PEPPER,
        clock=clock or (lambda: datetime.now(UTC)),
    )


def users(number: int) -> list[dict[str, Any]]:
    return [post(str(each), "/Users", userName=f"u{each}") for each in range(number)]


async def names(client: Client) -> list[str]:
    return sorted(each["userName"] for each in (await client.get("/Users")).body["Resources"])


async def test_a_token_that_is_revoked_writes_nothing_more(
    storage: Storage, client: Client
) -> None:
    async def revoke() -> None:
        id = identify(client.token)
        assert id is not None
        await storage.registry.change_credential(id, lambda it: revoked(it, "ann", NOW))

    meanwhile(client, storage, revoke)
    answer = await bulk(client, *users(5))
    assert statuses(answer) == ["201", "201", "401", "401", "401"]
    entries = [each async for each in storage.repository(client.directory).entries()]
    assert [each.status for each in entries] == [201, 201, 401, 401, 401]
    assert "revoked" in entries[-1].detail  # the log says plainly what the holder isn't told
    assert "revoked" not in str(answer.body)


async def test_a_directory_that_is_switched_off_takes_nothing_more(
    storage: Storage, client: Client
) -> None:
    async def off() -> None:
        await storage.registry.change_directory(
            client.directory.id, lambda it: it.model_copy(update={"enabled": False})
        )

    meanwhile(client, storage, off)
    assert statuses(await bulk(client, *users(4))) == ["201", "201", "403", "403"]


async def test_nothing_is_written_into_a_directory_that_is_removed(
    storage: Storage, client: Client
) -> None:
    """It is marked while an operation is under way, and emptied when that one is over."""
    own = storage.repository(client.directory)
    removing: list[asyncio.Task[None]] = []

    async def begin() -> None:
        marked = asyncio.Event()
        seen = Marking(storage.registry, marked)
        emptied = remove(
            client.directory, cast("Registry", seen), own, lambda _, __: None, settle=0.3
        )
        removing.append(asyncio.create_task(emptied))
        await marked.wait()

    meanwhile(client, storage, begin)
    answer = await bulk(client, *users(5))
    await asyncio.gather(*removing)
    assert statuses(answer) == ["201", "201", "401", "401", "401"]
    assert await storage.registry.directory_named(client.name) is None
    assert [each async for each in own.entries()] == []
    for type in client.directory.catalog.resource_types:
        assert [each async for batch in own.scan(type) for each in batch] == []


class Marking:
    """A registry that tells when a directory's record was changed."""

    def __init__(self, registry: Registry, changed: asyncio.Event) -> None:
        self._registry = registry
        self._changed = changed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def change_directory(self, *args: Any) -> Directory:
        done = await self._registry.change_directory(*args)
        self._changed.set()
        return done


async def test_operations_are_held_to_the_rules_of_their_time(
    storage: Storage, client: Client
) -> None:
    """What is unique, required or unknown is what the directory's record says when each begins."""
    urn = "urn:example:Room"
    rules = Rules.model_validate(
        {
            "schemas": [{"id": urn, "name": "Room", "attributes": [{"name": "label"}]}],
            "resourceTypes": [
                {"name": "User", "required": ["title"]},
                {"name": "Group"},
                {"name": "Room", "endpoint": "/Rooms", "schema": urn},
            ],
        }
    )

    async def require() -> None:
        await storage.registry.change_directory(client.directory.id, lambda it: it.having(rules))

    meanwhile(client, storage, require)
    room = {"method": "DELETE", "path": "/Rooms/none"}
    answer = await bulk(client, *users(4), post("t", "/Users", userName="t", title="T"), room)
    assert statuses(answer) == ["201", "201", "400", "400", "201", "404"]
    assert answer.body["Operations"][-1]["location"].endswith("/Rooms/none")


async def test_what_would_begin_too_late_is_left_for_another_request(
    storage: Storage, client: Client
) -> None:
    """503 for each, in an answer that says what was done; none of them is begun."""
    clock = Clock()

    async def late() -> None:
        clock.now += BULK

    meanwhile(client, storage, late, clock)
    answer = await bulk(client, *users(4))
    assert (answer.status, statuses(answer)) == (200, ["201", "201", "503", "503"])
    assert "was not begun" in answer.body["Operations"][2]["response"]["detail"]
    assert await names(client) == ["u0", "u1"]


async def test_a_circle_that_can_be_closed_too_late_is_undone(
    storage: Storage, client: Client
) -> None:
    clock = Clock()

    async def late() -> None:
        clock.now += BULK + timedelta(seconds=1)

    meanwhile(client, storage, late, clock)
    answer = await bulk(
        client,
        post("a", "/Groups", displayName="A", members=[{"value": "bulkId:b"}]),
        post("b", "/Groups", displayName="B", members=[{"value": "bulkId:a"}]),
    )
    assert statuses(answer) == ["503", "201"]
    left = (await client.get("/Groups")).body["Resources"]
    assert [each["displayName"] for each in left] == ["B"]


@pytest.fixture
async def adopting(storage: Storage) -> Client:
    """A client of a directory where a group may mean one that exists under its mail address."""
    client = await open_directory(storage, resource_types=RULES.resource_types)
    meanwhile(client, storage, _nothing, Clock())  # everything within one millisecond
    return client


async def _nothing() -> None:
    return None


async def test_an_undo_leaves_what_another_operation_made(adopting: Client) -> None:
    """The second adopts the first one's group, and can't have the member that it waits for."""
    answer = await bulk(
        adopting,
        post("1", "/Groups", displayName="S", externalId="s@example.com"),
        post(
            "2",
            "/Groups",
            displayName="T",
            externalId="object-1",
            email="s@example.com",
            members=[{"value": "bulkId:3"}],
        ),
        post("3", "/Groups", members=[{"value": "bulkId:2"}]),
    )
    assert statuses(answer) == ["201", "400", "400"]
    made = answer.body["Operations"][0]["location"].rpartition("/")[2]
    assert (await adopting.get(f"/Groups/{made}")).status == 200


async def test_an_undo_leaves_what_another_operation_was_answered_with(adopting: Client) -> None:
    """The first makes a group that the last one adopts; then the first can't be completed."""
    answer = await bulk(
        adopting,
        post(
            "1",
            "/Groups",
            displayName="S",
            externalId="s@example.com",
            members=[{"value": "bulkId:2"}],
        ),
        post("2", "/Groups", members=[{"value": "bulkId:1"}]),
        post("3", "/Groups", displayName="F", members=[{"value": "bulkId:1"}]),
        post(
            "4",
            "/Groups",
            displayName="T",
            externalId="object-1",
            email="s@example.com",
            members=[{"value": "bulkId:3"}],
        ),
    )
    assert statuses(answer) == ["400", "400", "201", "201"]
    left = (await adopting.get("/Groups")).body["Resources"]
    reported = [each["location"] for each in answer.body["Operations"] if each["status"] == "201"]
    assert sorted(reported) == sorted(each["meta"]["location"] for each in left)


async def test_operations_are_in_the_log_in_their_order(storage: Storage, client: Client) -> None:
    """Refused ones too, and though all of them have the same time."""
    user = await client.user("ada")
    meanwhile(client, storage, _nothing, Clock())
    operations: list[dict[str, Any]] = []
    for number in range(10):
        value = {"op": "replace", "path": "title", "value": str(number)}
        path = f"/Users/{user.id}"
        operations += [
            {"method": "PATCH", "path": path, "data": {"Operations": [value]}},
            post(f"{number}", "/Users", userName=f"u{number}"),
            {"method": "DELETE", "path": "/Users/none"},
        ]
    answer = await bulk(client, *operations)
    assert statuses(answer) == ["200", "201", "404"] * 10
    entries = [each async for each in storage.repository(client.directory).entries()]
    assert [each.status for each in entries if each.request == answer.headers["x-request-id"]] == [
        200, 201, 404
    ] * 10  # fmt: skip
    versions = [each["version"] for each in answer.body["Operations"][::3]]
    assert versions == sorted(set(versions))


async def test_each_operation_has_its_own_time(storage: Storage, client: Client) -> None:
    clock = Clock()

    async def later() -> None:
        clock.now += timedelta(seconds=10)

    meanwhile(client, storage, later, clock)
    answer = await bulk(client, *users(3))
    places = [f"/Users/{each['location'].rpartition('/')[2]}" for each in answer.body["Operations"]]
    created = [(await client.get(each)).body["meta"]["created"] for each in places]
    first, second, third = (datetime.fromisoformat(each) for each in created)
    assert (first, third - first) == (second, timedelta(seconds=10))
