"""A directory's log: each write and each refused request, and never a value."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scim.credentials import issue, revoked
from scim.directory import Directory
from scim.errors import Unavailable
from scim.http import Request
from scim.ids import timestamp
from scim.journal import Entry
from scim.recording import MOST_A_MINUTE
from scim.repository import Repository, Stored
from scim.server import Server
from storage.memory import MemoryRepository
from storage.memory_rows import Partition
from storage.open import Storage
from tests.service import HOST, PEPPER, USER, Answer, Client, open_directory
from tests.storage.serving import serve

SENT = "Very-Private-Value"


async def log(storage: Storage, client: Client) -> list[Entry]:
    return [each async for each in storage.repository(client.directory).entries()]


async def told(storage: Storage, client: Client, answer: Answer) -> list[Entry]:
    """The entries of one request."""
    id = answer.headers["x-request-id"]
    return [each for each in await log(storage, client) if each.request == id]


async def test_each_write_is_an_entry(storage: Storage, client: Client) -> None:
    """With what was answered, by whom it was asked for and the names of what changed."""
    user = await client.user("ada@example.com", title=SENT)
    place = f"/Users/{user.id}"
    patched = await client.patch(place, {"op": "replace", "path": "title", "value": "x"})
    put = await client.put(place, {"schemas": [USER], "userName": "ada@example.com"})
    group = await client.group(members=[user.id])
    members = await client.patch(f"/Groups/{group.id}", {"op": "remove", "path": "members"})
    deleted = await client.delete(place)
    expected = [
        (user, "create", "POST /Users", "User", user.id, ("title", "userName")),
        (patched, "update", "PATCH /Users/{id}", "User", user.id, ("title",)),
        (put, "update", "PUT /Users/{id}", "User", user.id, ("title",)),
        (group, "create", "POST /Groups", "Group", group.id, ("displayName", "members")),
        (members, "update", "PATCH /Groups/{id}", "Group", group.id, ("members",)),
        (deleted, "delete", "DELETE /Users/{id}", "User", user.id, ()),
    ]
    for answer, verb, operation, type, id, names in expected:
        [entry] = await told(storage, client, answer)
        assert (entry.verb, entry.operation, entry.status) == (verb, operation, answer.status)
        assert (entry.type, entry.resource) == (type, id)
        assert entry.attributes == names
        assert entry.credential in client.token
        assert (entry.detail, entry.scim_type, entry.ignored, entry.by) == ("", "", (), "")
        assert datetime.fromisoformat(entry.at) <= datetime.now(UTC)
    assert len(await log(storage, client)) == len(expected)


async def test_a_write_that_changes_nothing_is_no_entry(storage: Storage, client: Client) -> None:
    user = await client.user(title="same")
    again = await client.patch(
        f"/Users/{user.id}", {"op": "replace", "path": "title", "value": "same"}
    )
    assert again.status == 200
    assert await told(storage, client, again) == []
    await client.get("/Users")
    assert len(await log(storage, client)) == 1


async def test_what_is_kept_without_a_schema_is_named_as_it_was_sent(storage: Storage) -> None:
    """Not by the URN under which all of it is kept, unless there is a name that can't be shown."""
    client = await open_directory(storage, unknown="keep")
    made = await client.user(badgeCode=SENT, **{"urn:example:Badge": {"colour": "red"}})
    place = f"/Users/{made.id}"
    patched = await client.patch(place, {"op": "replace", "path": "badgeCode", "value": "8"})
    removed = await client.patch(place, {"op": "remove", "path": "badgecode"})
    long = "x" * 129
    put = await client.put(place, {"userName": made.body["userName"], long: 1, "desk": SENT})
    badge = "urn:example:Badge:colour"
    kept = "urn:scim:directory:schemas:kept:2.0:User"
    for answer, names in (
        (made, ("badgeCode", badge, "userName")),
        (patched, ("badgeCode",)),
        (removed, ("badgeCode",)),
        (put, ("desk", badge, kept)),
    ):
        [entry] = await told(storage, client, answer)
        assert entry.attributes == names


REFUSED: tuple[tuple[str, str, Any, int, str, str], ...] = (
    ("POST", "/Users", {"userName": "ADA@example.com"}, 409, "POST /Users", "uniqueness"),
    ("POST", "/Users", {"title": SENT}, 400, "POST /Users", "invalidValue"),
    ("POST", "/users/", {"userName": SENT, "active": SENT}, 400, "POST /Users", "invalidValue"),
    ("GET", f"/Users?filter={SENT}+{SENT}", None, 400, "GET /Users", "invalidFilter"),
    ("GET", "/Users/none", None, 404, "GET /Users/{id}", ""),
    ("PUT", "/Users", {}, 405, "PUT /Users", ""),
    ("GET", f"/nothing/at/{SENT}", None, 404, "GET unknown", ""),
    ("POST", "/Bulk", {"Operations": []}, 400, "POST /Bulk", "invalidSyntax"),
    ("GET", "/Me", None, 501, "GET /Me", ""),
)


@pytest.mark.parametrize(("method", "path", "body", "status", "operation", "scim_type"), REFUSED)
async def test_each_refused_request_is_an_entry(
    storage: Storage,
    client: Client,
    method: str,
    path: str,
    body: Any,
    status: int,
    operation: str,
    scim_type: str,
) -> None:
    """With what the client was told, which ends in the id of the request."""
    await client.user("ada@example.com")
    answer = await client.send(method, path, body)
    assert answer.status == status
    id = answer.headers["x-request-id"]
    assert answer.body["detail"].endswith(f" (request {id})")
    [entry] = await told(storage, client, answer)
    assert (entry.verb, entry.status, entry.operation) == ("refuse", status, operation)
    assert (entry.scim_type, entry.detail) == (scim_type, answer.detail)
    assert entry.type == ("User" if operation.endswith(("Users", "{id}")) else "")
    assert entry.resource == ("none" if path == "/Users/none" else "")
    assert entry.credential in client.token


async def test_the_log_holds_no_value(storage: Storage, client: Client) -> None:
    """Neither of a write nor of a refusal, nor an id that nobody can have."""
    private = f"{SENT}@example.com"
    user = await client.user(private, title=SENT, **{private: SENT, "shoeSize": SENT})
    place = f"/Users/{user.id}"
    await client.post("/Users", {"userName": private, "title": SENT})
    await client.patch(place, {"op": "add", "path": f"{SENT}[x", "value": SENT})
    await client.patch(place, {"op": "replace", "path": "title", "value": [SENT]})
    await client.patch(place, {"op": "remove", "path": f'emails[value eq "{SENT}"]'})
    await client.get(f"/Users/{private}")
    await client.get(f"/Users?filter=title+eq+{SENT}")
    await client.get(f"/Users?cursor={SENT}&sortBy={SENT}")
    await client.send("POST", "/Users", raw=f'{{"{SENT}"'.encode())
    await client.post("/Bulk", {"Operations": [{"method": SENT, "path": f"/Users/{private}"}]})
    entries = await log(storage, client)
    assert len(entries) >= 5
    assert SENT.lower() not in repr(entries).lower()


async def test_ignored_attributes_are_named(storage: Storage, client: Client) -> None:
    """On the write's own entry; on one of its own when nothing was written, or it was refused."""
    odd = {f"unknown{number:02}": "x" for number in range(30)}
    made = await client.user("ada@example.com", **odd, **{"a b": 1, "x@example.com": 1})
    [entry] = await told(storage, client, made)
    assert (entry.verb, entry.ignored) == ("create", tuple(sorted(odd)[:10]))
    place = f"/Users/{made.id}"
    nothing = await client.patch(place, {"op": "add", "value": {"shoeSize": "x"}})
    assert nothing.status == 200
    [entry] = await told(storage, client, nothing)
    assert (entry.verb, entry.ignored, entry.resource) == ("warn", ("shoeSize",), made.id)
    assert "passed over" in entry.detail
    refused = await client.post("/Users", {"userName": "ada@example.com", "shoeSize": "x"})
    [entry] = await told(storage, client, refused)
    assert (entry.verb, entry.ignored) == ("refuse", ("shoeSize",))


async def test_operations_of_a_bulk_request_are_entries(storage: Storage, client: Client) -> None:
    """Each under its own operation, all under the request's id, in their errors too."""
    made = await client.user("ada@example.com")
    same = {"userName": "ada@example.com"}
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "bob"}},
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": {**same, "shoeSize": 1}},
        {"method": "DELETE", "path": f"/Users/{made.id}"},
        {"method": "DELETE", "path": "/Users/none"},
        {"method": "SHOUT", "path": "/Users"},
        {"method": "PUT", "path": "/Users/bulkId:c", "data": {}},
    ]
    answer = await client.post("/Bulk", {"Operations": operations})
    assert answer.status == 200
    entries = await told(storage, client, answer)
    seen = sorted((each.operation, each.verb, each.status, each.ignored) for each in entries)
    assert seen == [
        ("DELETE /Users/{id}", "delete", 204, ()),
        ("DELETE /Users/{id}", "refuse", 404, ()),
        ("POST /Bulk", "refuse", 400, ()),
        ("POST /Bulk", "refuse", 400, ()),
        ("POST /Users", "create", 201, ()),
        ("POST /Users", "refuse", 409, ("shoeSize",)),
    ]
    id = answer.headers["x-request-id"]
    errors = [each["response"] for each in answer.body["Operations"] if "response" in each]
    assert len(errors) == 4
    assert all(each["detail"].endswith(f" (request {id})") for each in errors)


async def test_a_directory_that_is_off_says_who_asked(storage: Storage, client: Client) -> None:
    await client.user()
    registry = storage.registry

    def off(found: Directory) -> Directory:
        return found.model_copy(update={"enabled": False})

    await registry.change_directory(client.directory.id, off)
    answer = await client.post("/Users", {"userName": SENT})
    assert answer.status == 403
    [entry] = await told(storage, client, answer)
    assert (entry.status, entry.operation, entry.type) == (403, "POST /Users", "User")


async def test_a_dead_token_is_told_in_its_own_log_alone(storage: Storage, client: Client) -> None:
    """Its holder is answered like a stranger; the log says why, once a minute for each token."""
    now = datetime.now(UTC)
    old, expired = issue(client.directory.id, pepper=PEPPER, now=now, lifetime=timedelta(0))
    gone, ended = issue(client.directory.id, pepper=PEPPER, now=now)
    for each in (expired, revoked(ended, "ada", now)):
        await storage.registry.add_credential(each)
    stranger, _ = issue("whoever", pepper=PEPPER, now=now)
    details = set()
    for token in (old, gone, stranger, old, gone, old):
        answer = await client.get("/Users", headers={"authorization": f"Bearer {token}"})
        assert answer.status == 401
        details.add(answer.detail)
    assert len(details) == 1
    entries = {each.credential: each for each in await log(storage, client)}
    assert entries.keys() == {expired.id, ended.id}
    assert "expired" in entries[expired.id].detail
    assert "revoked" in entries[ended.id].detail
    assert {each.status for each in entries.values()} == {401}
    assert len(await log(storage, client)) <= 4  # of two minutes, should one begin meanwhile


async def test_a_token_of_another_directory_is_told_in_its_own_log(storage: Storage) -> None:
    mine, other = await open_directory(storage), await open_directory(storage)
    mine.name = other.name
    await mine.get("/Users")
    [entry] = await log(storage, mine)
    assert (entry.verb, entry.status) == ("refuse", 401)
    assert await log(storage, other) == []


class Minute:
    """A server's clock that stands still until it is put on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def counted(storage: Storage) -> tuple[Client, Minute]:
    clock = Minute()
    client = await open_directory(storage)
    client.server = Server(
        registry=storage.registry, repository=storage.repository, pepper=PEPPER, clock=clock
    )
    return client, clock


async def test_a_flood_of_refusals_is_cut(storage: Storage) -> None:
    """Of a minute the first are recorded, and one entry says that more were left out."""
    client, clock = await counted(storage)
    neighbour = await open_directory(storage)
    neighbour.server = client.server
    for _ in range(MOST_A_MINUTE + 20):
        assert (await client.get("/Users/none")).status == 404
    await neighbour.get("/Users/none")
    entries = await log(storage, client)
    assert [each.verb for each in entries].count("refuse") == MOST_A_MINUTE
    [warning] = [each for each in entries if each.verb == "warn"]
    assert "more requests" in warning.detail
    assert len(await log(storage, neighbour)) == 1
    await client.user()  # writes are always recorded
    assert len(await log(storage, client)) == MOST_A_MINUTE + 2
    clock.now += timedelta(minutes=1)
    await client.get("/Users/none")
    assert len(await log(storage, client)) == MOST_A_MINUTE + 3


async def test_a_flood_in_one_bulk_request_is_cut(storage: Storage) -> None:
    client, _ = await counted(storage)
    operations = [{"method": "DELETE", "path": f"/Users/none-{each}"} for each in range(150)]
    answer = await client.post("/Bulk", {"Operations": operations})
    assert len(answer.body["Operations"]) == 150
    entries = await log(storage, client)
    assert sorted({each.verb for each in entries}) == ["refuse", "warn"]
    assert len(entries) == MOST_A_MINUTE + 1


def failing(error: Exception | None) -> Callable[[Directory], Repository]:
    """Make repositories whose log can't be written to, or never answers."""
    partition = Partition()

    class Failing(MemoryRepository):
        async def record(self, *entries: Entry) -> None:
            if error is not None:
                raise error
            await asyncio.sleep(3600)

    return lambda _: Failing(partition)


@pytest.mark.parametrize(
    "error", [Unavailable("the store is busy", retry_after=3), OSError("away"), KeyError("a bug")]
)
async def test_a_log_that_fails_changes_no_answer(error: Exception) -> None:
    client = await serve(failing(error))
    answer = await client.get("/Users/none")
    assert (answer.status, answer.body["status"]) == (404, "404")
    assert "this id" in answer.detail


async def test_a_store_that_is_down_is_spared_a_write() -> None:
    """What is answered 503 is not recorded: it would cost the store, and the client, a write more.

    Neither is an operation of a bulk request; what else was refused in it is.
    """
    partition, recorded = Partition(), list[Entry]()

    class Down(MemoryRepository):
        async def get(self, type: Any, id: str, **more: bool) -> Stored | None:
            raise Unavailable("the store is busy", retry_after=3)

        async def record(self, *entries: Entry) -> None:
            recorded.extend(entries)

    client = await serve(lambda _: Down(partition))
    answer = await client.get("/Users/none")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
    put = {"method": "PUT", "path": "/Users/none", "data": {"userName": "ada"}}
    bulk = await client.post("/Bulk", {"Operations": [put, put]})
    assert [each["status"] for each in bulk.body["Operations"]] == ["503", "503"]
    assert recorded == []
    wrong = {"method": "POST", "path": "/Users", "bulkId": "a", "data": {}}
    await client.post("/Bulk", {"Operations": [put, wrong]})
    assert [each.status for each in recorded] == [400]


async def test_a_log_that_hangs_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    """It is the store's fault, and no bug of ours: a line, and no traceback."""
    client = await serve(failing(None))
    async with asyncio.timeout(10):
        assert (await client.get("/Users/none")).status == 404
    [line] = [each for each in caplog.records if each.name == "scim.recording"]
    assert (line.levelname, line.exc_info) == ("WARNING", None)
    assert "the store is busy" in line.message


async def test_a_bug_is_an_entry_without_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    """A 500 leads to the service's log, and holds nothing of the exception."""
    partition = Partition()

    class Buggy(MemoryRepository):
        def scan(self, *_: Any, **__: Any) -> Any:
            raise KeyError(SENT)

    client = await serve(lambda _: Buggy(partition))
    answer = await client.get("/Users")
    assert answer.status == 500
    assert SENT not in json.dumps(answer.body)
    [entry] = [each async for each in MemoryRepository(partition).entries()]
    assert (entry.status, entry.operation, entry.detail) == (500, "GET /Users", answer.detail)
    assert entry.request in caplog.text


async def test_entries_have_the_time_of_the_service(storage: Storage) -> None:
    client, clock = await counted(storage)
    await client.get("/Users/none")
    [entry] = await log(storage, client)
    assert entry.at == timestamp(clock.now)


async def test_no_stranger_writes_a_log(storage: Storage, client: Client) -> None:
    for token in ("", client.token[:-1], client.token[::-1]):
        url = f"{HOST}/{client.name}/scim/Users"
        headers = {"authorization": f"Bearer {token}"}
        assert (await client.server.handle(Request("GET", url, headers))).status == 401
    assert await log(storage, client) == []
