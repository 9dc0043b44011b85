"""Each operation of a client, or of an operator, as data: arranged in a world, then done.

What a request answers when it is sent again is a part of the promise: `again` beside `status`.
`steps`: it is done in several transactions, so a process that ends in the middle may leave a part
of it. `leaves`: what may be left even when it is repeated, by the repair's rules: nobody sees that.
`large`: an edit of more members is written down first.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from scim.credentials import issue
from scim.directory import Directory
from scim.purging import remove
from scim.registry import NameTaken
from scim.restoring import restore
from scim.rules import Rules
from storage.pending import LARGE
from tests.faults.world import Act, Process, World, now
from tests.service import ENTERPRISE, PEPPER
from tests.storage.making import change

Arrange = Callable[[World], Awaitable[Act]]
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
DONE = 200  # of a command, which has no status


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done in a directory of so many users and groups, and how it may be answered."""

    name: str
    arrange: Arrange
    status: int
    again: Sequence[int] = ()
    leaves: frozenset[str] = frozenset()
    rules: Mapping[str, Any] = field(default_factory=dict)
    steps: bool = False
    large: int = LARGE
    users: int = 6
    groups: int = 3


SOFT = {"delete": {"policy": "soft"}}
DEACTIVATE = {"delete": {"policy": "deactivate"}}
INDEXED = {"resourceTypes": [{"name": "User", "indexed": ["emails.value"]}, {"name": "Group"}]}
ADOPTING = {
    "resourceTypes": [
        {"name": "User"},
        {
            "name": "Group",
            "attributes": [{"name": "email"}],
            "unique": ["externalId"],
            "indexed": ["displayName"],
            "adopts": {"externalId": "email"},
        },
    ]
}


def sends(method: str, path: str, body: Any = None) -> Act:
    async def act(process: Process) -> int:
        answer = await process.client.send(method, path, body)
        if answer.status == 503:
            assert int(answer.headers["Retry-After"]) > 0
        if path == "/Bulk" and any(each["status"] == "503" for each in answer.body["Operations"]):
            return 503
        return answer.status

    return act


def named(ids: Sequence[str]) -> list[dict[str, str]]:
    return [{"value": each} for each in ids]


def patches(path: str, *operations: tuple[str, str, Any]) -> Act:
    listed = [{"op": op, "path": path, "value": value} for op, path, value in operations]
    return sends("PATCH", path, {"Operations": listed})


def emails(number: int, at: str) -> list[dict[str, str]]:
    return [{"value": f"{at}{each}@example.com"} for each in range(number)]


async def create_user(world: World) -> Act:
    manager = {"manager": {"value": world.users[0]}}
    body = {"userName": "new@example.com", "externalId": "new", ENTERPRISE: manager}
    return sends("POST", "/Users", body)


async def create_large_user(world: World) -> Act:
    return sends("POST", "/Users", {"userName": "new@example.com", "emails": emails(98, "a")})


def create_group(members: int) -> Arrange:
    async def arrange(world: World) -> Act:
        body = {"displayName": "new", "externalId": "new", "members": named(world.users[:members])}
        return sends("POST", "/Groups", body)

    return arrange


async def patch_user(world: World) -> Act:
    path = f"/Users/{world.users[1]}"
    manager = (f"{ENTERPRISE}:manager", world.users[0])
    return patches(path, ("replace", "userName", "renamed@example.com"), ("add", *manager))


async def put_user(world: World) -> Act:
    body = {"userName": "renamed@example.com", "externalId": "new", "title": "Countess"}
    return sends("PUT", f"/Users/{world.users[1]}", body)


async def put_large_user(world: World) -> Act:
    body = {"userName": "large@example.com", "emails": emails(52, "a")}
    large = (await world.client.post("/Users", body)).id
    return sends("PUT", f"/Users/{large}", {**body, "emails": emails(52, "b")})


async def rename_group(world: World) -> Act:
    group = (await world.client.group("old", members=world.users[:3], externalId="old")).id
    return patches(f"/Groups/{group}", ("replace", "displayName", "renamed"))


def edit_members(before: slice, op: str, members: slice) -> Arrange:
    async def arrange(world: World) -> Act:
        group = (await world.client.group("team", members=world.users[before])).id
        return patches(f"/Groups/{group}", (op, "members", named(world.users[members])))

    return arrange


def put_group(before: slice, after: slice) -> Arrange:
    async def arrange(world: World) -> Act:
        group = (await world.client.group("team", members=world.users[before])).id
        body = {"displayName": "renamed", "members": named(world.users[after])}
        return sends("PUT", f"/Groups/{group}", body)

    return arrange


def delete_user(groups: int, reports: int = 0) -> Arrange:
    async def arrange(world: World) -> Act:
        one = (await world.client.user("leaver@example.com", externalId="leaver")).id
        await world.join(one, world.groups[:groups])
        for number in range(reports):
            manager = {ENTERPRISE: {"manager": {"value": one}}}
            await world.client.user(f"report{number}@example.com", **manager)
        return sends("DELETE", f"/Users/{one}")

    return arrange


def delete_group(members: int) -> Arrange:
    async def arrange(world: World) -> Act:
        one = await world.client.group("leaver", members=world.users[:members])
        return sends("DELETE", f"/Groups/{one.id}")

    return arrange


def revive_user(groups: int) -> Arrange:
    async def arrange(world: World) -> Act:
        body = {"userName": "back@example.com", "externalId": "back"}
        one = (await world.client.post("/Users", body)).id
        await world.join(one, world.groups[:groups])
        await world.client.delete(f"/Users/{one}")
        return sends("POST", "/Users", body)

    return arrange


def revive_group(members: int) -> Arrange:
    async def arrange(world: World) -> Act:
        body = {"displayName": "back", "externalId": "back"}
        one = await world.client.post("/Groups", {**body, "members": named(world.users[:members])})
        await world.client.delete(f"/Groups/{one.id}")
        return sends("POST", "/Groups", body)

    return arrange


async def restore_user(world: World) -> Act:
    one = (await world.client.user("back@example.com")).id
    await world.join(one, world.groups[:3])
    await world.client.delete(f"/Users/{one}")
    type = world.client.directory.catalog.resource_types[0]

    async def act(process: Process) -> int:
        kept = await process.repository.tombstone(type, one)
        if kept is None or await process.repository.get(type, one) is not None:
            return 404
        await restore(process.repository, type, kept, change("restore"))
        return DONE

    return act


async def adopt(world: World) -> Act:
    await world.client.group("Motors", members=world.users[:2], externalId="engines@example.com")
    body = {"displayName": "Engines", "externalId": "object-1", "email": "engines@example.com"}
    return sends("POST", "/Groups", {**body, "members": named(world.users[2:4])})


async def bulk(world: World) -> Act:
    add = {"Operations": [{"op": "add", "path": "members", "value": named(world.users[:3])}]}
    new = {"userName": "new@example.com", "externalId": "new"}
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": new},
        {"method": "PATCH", "path": f"/Groups/{world.groups[0]}", "data": add},
        {"method": "DELETE", "path": f"/Users/{world.users[5]}"},
    ]
    return sends("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})


async def use_assertion(_: World) -> Act:
    """What a token request writes before it is answered; a new one comes with a new assertion."""

    async def act(process: Process) -> int:
        first = await process.registry.first_use("digest", now() + timedelta(minutes=5))
        return DONE if first else 401

    return act


async def make_directory(_: World) -> Act:
    """When there is such a directory, an operator sees to it that it has a token."""

    async def act(process: Process) -> int:
        made, status = Directory(id=uuid4().hex[:20], name="fabrikam"), DONE
        try:
            await process.registry.add_directory(made)
        except NameTaken:
            there = await process.registry.directory_named(made.name)
            assert there is not None
            made, status = there, 409
        if status == DONE or not await process.registry.credentials(made.id):
            _, credential = issue(made.id, pepper=PEPPER, now=now())
            await process.registry.add_credential(credential)
        return status

    return act


async def remove_directory(world: World) -> Act:
    directory = world.client.directory
    async with world.process() as process:
        await process.registry.add_directory(directory)
        for _ in range(3):
            _, credential = issue(directory.id, pepper=PEPPER, now=now())
            await process.registry.add_credential(credential)

    async def act(process: Process) -> int:
        if await process.registry.directory_named(directory.name) is None:
            return 404

        def unseen(_done: int, _found: int) -> None: ...

        await remove(directory, process.registry, process.repository, unseen, settle=0)
        return DONE

    return act


FEW, MANY, ALL = 3, 36, 52  # the latter outgrow a transaction
STALE = frozenset({"index-stale"})  # index rows are written beside what outgrows a transaction
BROKEN = frozenset({"revival-broken"})  # its tombstone is forgotten at last; the purge does it, too


def _large(name: str, arrange: Arrange, status: int, *again: int, **more: Any) -> Operation:
    return Operation(name, arrange, status, again, steps=True, users=ALL, groups=MANY, **more)


def _noted(name: str, arrange: Arrange, status: int) -> Operation:
    """An edit that counts as large: it is written down first, with additions and removals apart."""
    return Operation(name, arrange, status, steps=True, large=FEW, users=15)


REQUESTS = (
    Operation("create a user", create_user, 201, (409,)),
    Operation("create a user of 98 index rows", create_large_user, 201, (409,), STALE, INDEXED),
    Operation("create a group", create_group(FEW), 201, (409,)),
    Operation("patch a user", patch_user, 200),
    Operation("put a user", put_user, 200),
    Operation("put a user of 104 index rows", put_large_user, 200, (), STALE, INDEXED),
    Operation("rename a group", rename_group, 204),
    Operation("add 3 members", edit_members(slice(3), "add", slice(3, 6)), 204),
    Operation("remove 3 members", edit_members(slice(6), "remove", slice(3)), 204),
    Operation("replace 3 members", edit_members(slice(3), "replace", slice(3, 6)), 204),
    Operation("put a group", put_group(slice(3), slice(2, 5)), 200),
    Operation("delete a user", delete_user(FEW), 204, (404,)),
    Operation("delete a manager", delete_user(FEW, reports=3), 204, (404,), steps=True),
    Operation("delete a user softly", delete_user(FEW), 204, (404,), rules=SOFT),
    Operation("deactivate a user", delete_user(FEW), 204, rules=DEACTIVATE),
    Operation("revive a user", revive_user(FEW), 201, (409,), rules=SOFT),
    Operation("adopt a group", adopt, 201, (409,), rules=ADOPTING),
    Operation("Bulk of three", bulk, 200, steps=True),
    _large("create a group of 52", create_group(ALL), 201, 409),
    _large("add 41 members", edit_members(slice(3), "add", slice(3, 44)), 204),
    _large("replace 22 members by 22", edit_members(slice(22), "replace", slice(22, 44)), 204),
    _large("remove 22 members, by PUT add 22", put_group(slice(22), slice(22, 44)), 200),
    _noted("add 9 members, noted", edit_members(slice(3), "add", slice(3, 12)), 204),
    _noted("remove 9 members, noted", edit_members(slice(12), "remove", slice(9)), 204),
    _noted("replace 6 members by 6, noted", edit_members(slice(6), "replace", slice(6, 12)), 204),
    _noted("remove 6 members, by PUT add 6, noted", put_group(slice(9), slice(6, 15)), 200),
    _large("delete a user in 36 groups", delete_user(MANY), 204, 404),
    _large("delete a user in 36 groups softly", delete_user(MANY), 204, 404, rules=SOFT),
    _large("delete a group of 52", delete_group(ALL), 204, 404),
    _large("delete a group of 52 softly", delete_group(ALL), 204, 404, rules=SOFT),
    _large(
        "revive a user of 36 groups",
        revive_user(MANY),
        201,
        409,
        leaves=BROKEN,
        rules=SOFT,
    ),
    _large(
        "revive a group of 52",
        revive_group(ALL),
        201,
        409,
        leaves=BROKEN,
        rules=SOFT,
    ),
)
COMMANDS = (
    Operation("restore a user", restore_user, DONE, (404,), rules=SOFT),
    Operation("use an assertion", use_assertion, DONE, (401,)),
    Operation("make a directory", make_directory, DONE, (409,), steps=True),
    Operation("remove a directory", remove_directory, DONE, (404,), steps=True),
)


def ruled(operation: Operation) -> Rules:
    return Rules.model_validate(operation.rules)
