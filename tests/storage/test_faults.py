"""Whatever call of a request fails, and whether or not it was done: the client is told to come
back, or it has what it asked for; and when it comes back, nothing is left half done.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

import pytest
from azure.core.exceptions import (
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.data.tables.aio import TableClient

from scim.errors import Unavailable
from scim.repository import Member, Meter
from scim.rules import Deletion
from scim.schema import ResourceType
from storage.client import Partition
from storage.memberships import added
from storage.patience import Patience
from storage.tables import TablesRepository
from tests.service import Answer, Client
from tests.storage.faulty import Faulty, answered
from tests.storage.inspection import faults
from tests.storage.serving import on_tables, serve


@dataclass
class Fragile:
    """A client of a directory whose store fails on command."""

    client: Client
    faulty: Faulty
    partition: Partition
    users: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    @property
    def repository(self) -> TablesRepository:
        return TablesRepository(self.partition)

    @property
    def user(self) -> ResourceType:
        return self.client.directory.catalog.resource_types[0]


@dataclass
class Asked:
    """A request, what it is to answer in the end, and what must be true then."""

    method: str
    path: str
    body: Any
    status: int
    true: Callable[[], Awaitable[bool]]


HARD, SOFT = Deletion(), Deletion(policy="soft")
ONCE = Patience(refused=1, broken=1)  # a failure is one that all tries met
Scenario = Callable[[Fragile], Awaitable[Asked]]


@pytest.fixture
def deletion() -> Deletion:
    return HARD


@pytest.fixture
async def fragile(table: TableClient, deletion: Deletion) -> Fragile:
    faulty = Faulty(table)
    client = await serve(on_tables(cast("TableClient", faulty), ONCE), deletion=deletion)
    return Fragile(client, faulty, Partition(table, client.directory.id, Meter()))


@pytest.fixture
async def peopled(fragile: Fragile) -> Fragile:
    """A directory with users and groups to write about."""
    client = fragile.client
    fragile.users = [each.id for each in await asyncio.gather(*(client.user() for _ in range(44)))]
    fragile.groups = [(await client.group()).id for _ in range(36)]
    return fragile


async def members(client: Client, group: str) -> set[str]:
    answer = await client.get(f"/Groups/{group}")
    return {each["value"] for each in answer.body["members"]}


async def creating_a_user(fragile: Fragile) -> Asked:
    client, boss, name = fragile.client, fragile.users[0], f"{uuid4()}@x.org"
    manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    body = {"userName": name, "externalId": name, manager: {"manager": {"value": boss}}}

    async def true() -> bool:
        found = await client.get(f'/Users?filter=userName+eq+"{name}"')
        return bool(found.body["totalResults"] == 1)

    return Asked("POST", "/Users", body, 201, true)


async def creating_a_group(fragile: Fragile) -> Asked:
    """More members than one transaction holds."""
    client, name = fragile.client, str(uuid4())
    body = {"displayName": name, "members": [{"value": each} for each in fragile.users[:40]]}

    async def true() -> bool:
        found = await client.get(f'/Groups?filter=displayName+eq+"{name}"')
        return [len(each["members"]) for each in found.body["Resources"]] == [40]

    return Asked("POST", "/Groups", body, 201, true)


async def replacing_a_user(fragile: Fragile) -> Asked:
    client = fragile.client
    one = await client.user(externalId="old")
    body = {"userName": f"new-{one.id}", "externalId": f"new-{one.id}"}

    async def true() -> bool:
        found = await client.get(f'/Users?filter=externalId+eq+"new-{one.id}"')
        old = await client.get(f'/Users?filter=userName+eq+"{one.body["userName"]}"')
        return (found.body["totalResults"], old.body["totalResults"]) == (1, 0)

    return Asked("PUT", f"/Users/{one.id}", body, 200, true)


async def editing_members(fragile: Fragile) -> Asked:
    """More members than one transaction holds, in both directions."""
    client, ids = fragile.client, fragile.users
    group = (await client.group(members=ids[:4])).id
    add = {"op": "add", "path": "members", "value": [{"value": each} for each in ids[4:]]}
    gone = {"op": "remove", "path": "members", "value": [{"value": each} for each in ids[:4]]}

    async def true() -> bool:
        return await members(client, group) == set(ids[4:])

    return Asked("PATCH", f"/Groups/{group}", {"Operations": [add, gone]}, 204, true)


async def deleting_a_user(fragile: Fragile) -> Asked:
    """In more groups than one transaction holds."""
    client = fragile.client
    one = (await client.user()).id
    them = [added("Group", each, [Member(one, "User")]) for each in fragile.groups]
    await fragile.partition.transact([row for both in them for row in both])

    async def true() -> bool:
        left = await asyncio.gather(*(members(client, each) for each in fragile.groups))
        return not any(left)

    return Asked("DELETE", f"/Users/{one}", None, 204, true)


async def deleting_a_user_softly(fragile: Fragile) -> Asked:
    """What is kept has all groups, though each of them may have been left in another attempt."""
    asked = await deleting_a_user(fragile)
    id = asked.path.rpartition("/")[2]

    async def true() -> bool:
        kept = await fragile.repository.tombstone(fragile.user, id)
        groups = sorted(each.id for each in kept.member_of) if kept is not None else []
        return groups == sorted(fragile.groups) and await asked.true()

    return Asked("DELETE", asked.path, None, 204, true)


async def reviving_a_user(fragile: Fragile, groups: int = 2) -> Asked:
    client, mine = fragile.client, fragile.groups[:groups]
    name = f"{uuid4()}@x.org"
    one = await client.user(name, externalId=name)
    them = [added("Group", each, [Member(one.id, "User")]) for each in mine]
    await fragile.partition.transact([row for both in them for row in both])
    await client.delete(f"/Users/{one.id}")

    async def true() -> bool:
        read = await client.get(f"/Users/{one.id}")
        return {each["value"] for each in read.body.get("groups", ())} == set(mine)

    return Asked("POST", "/Users", {"userName": name, "externalId": name}, 201, true)


async def reviving_a_user_of_many_groups(fragile: Fragile) -> Asked:
    """More than one transaction holds."""
    return await reviving_a_user(fragile, groups=36)


async def reviving_a_group(fragile: Fragile) -> Asked:
    """More members than one transaction holds."""
    client, name = fragile.client, str(uuid4())
    one = await client.group(name, externalId=name, members=fragile.users[:40])
    await client.delete(f"/Groups/{one.id}")

    async def true() -> bool:
        return await members(client, one.id) == set(fragile.users[:40])

    return Asked("POST", "/Groups", {"displayName": name, "externalId": name}, 201, true)


ERRORS = (
    (ServiceRequestError("no connection"), False),
    (ServiceResponseError("the answer was lost"), True),
    (ServiceResponseTimeoutError("no answer in time"), True),
    (answered(500), True),
    (answered(503, Retry_After="7"), False),
    (answered(429), False),
)


# All of them on the model, which fails as Azurite does; some on Azurite, to see that.
SCENARIOS = pytest.mark.parametrize(
    ("account", "scenario", "deletion"),
    [
        ("model", creating_a_user, HARD),
        ("model", creating_a_group, HARD),
        ("model", replacing_a_user, HARD),
        ("model", editing_members, HARD),
        ("model", deleting_a_user, HARD),
        ("model", deleting_a_user_softly, SOFT),
        ("model", reviving_a_user, SOFT),
        ("model", reviving_a_user_of_many_groups, SOFT),
        ("model", reviving_a_group, SOFT),
        ("azurite", creating_a_user, HARD),
        ("azurite", editing_members, HARD),
        ("azurite", reviving_a_user, SOFT),
    ],
    indirect=["account"],
    ids=lambda each: each if isinstance(each, str) else getattr(each, "__name__", ""),
)


async def calls(fragile: Fragile, scenario: Scenario) -> list[str]:
    """Tell which calls a request makes."""
    asked = await scenario(fragile)
    fragile.faulty.off()
    answer = await fragile.client.send(asked.method, asked.path, asked.body)
    kinds = list(fragile.faulty.kinds)
    assert (answer.status, await asked.true()) == (asked.status, True)
    return kinds


@SCENARIOS
async def test_a_request_that_failed_can_be_sent_again(
    peopled: Fragile, scenario: Scenario
) -> None:
    """It ends in success or in 503 with Retry-After; once it is sent again all of it is done."""
    fragile, client, faulty = peopled, peopled.client, peopled.faulty
    kinds = await calls(fragile, scenario)
    reads = [place for place, kind in enumerate(kinds) if kind == "get"]
    writes = [place for place, kind in enumerate(kinds) if kind != "get"]
    # Reads are alike, and each place meets some of the errors: all of it takes minutes.
    where = sorted({*reads[-1:], *writes})
    for number, place in enumerate(where):
        for error, after in ERRORS if len(where) < 3 else ERRORS[number % 3 :: 3]:
            asked = await scenario(fragile)
            faulty.fail(place, error, after=after)
            answer = await client.send(asked.method, asked.path, asked.body)
            faulty.off()
            context = (scenario.__name__, place, error, answer.body)
            if answer.status == asked.status:
                assert await asked.true(), context
                continue
            assert answer.status == 503, context
            assert int(answer.headers["Retry-After"]) > 0, context
            again = await client.send(asked.method, asked.path, asked.body)
            done = {"POST": 409 if after else None, "DELETE": 404}.get(asked.method)
            assert again.status in (asked.status, done), (context, again.body)
            assert await asked.true(), context
    assert await faults(fragile.partition) == []


@SCENARIOS
async def test_a_transaction_may_arrive_twice(peopled: Fragile, scenario: Scenario) -> None:
    """The SDK sends a transaction again when it was answered with 5xx though it was done: that is
    no conflict, because its change row tells.
    """
    fragile = peopled
    kinds = await calls(fragile, scenario)
    assert "transact" in kinds
    for place in (place for place, kind in enumerate(kinds) if kind == "transact"):
        asked = await scenario(fragile)
        fragile.faulty.repeat(place)
        answer = await fragile.client.send(asked.method, asked.path, asked.body)
        fragile.faulty.off()
        assert (answer.status, await asked.true()) == (asked.status, True), place
    assert await faults(fragile.partition) == []


@pytest.mark.parametrize("account", ["model"], indirect=True)
@pytest.mark.parametrize("deletion", [HARD, SOFT], ids=["hard", "soft"])
async def test_a_deletion_that_ended_anywhere_is_in_the_log(peopled: Fragile) -> None:
    """Whose groups are gone has a version, and its entry is there; a DELETE that had begun is done,
    and sent again it ends what is left.
    """
    kinds = await calls(peopled, deleting_a_user)
    writes = [place for place, kind in enumerate(kinds) if kind == "transact"]
    assert len(writes) == 4  # the deletion, groups in two steps, the note that there are any
    for place in writes:
        for after in (False, True):
            asked = await deleting_a_user(peopled)
            peopled.faulty.kill(place, after=after)
            await peopled.client.send(asked.method, asked.path, None)
            peopled.faulty.off()
            assert await faults(peopled.partition) == [], (place, after)
            again = await peopled.client.send(asked.method, asked.path, None)
            assert again.status == (204 if (place, after) == (writes[0], False) else 404)
            assert await asked.true()
            id = asked.path.rpartition("/")[2]
            log = [each.verb async for each in peopled.repository.entries() if each.resource == id]
            assert log[:2] == ["create", "delete"]


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (answered(503, Retry_After="7"), 7),
        (answered(503, Retry_After="soon"), 5),
        (answered(503, Retry_After="999999"), 120),
        (answered(429), 5),
        (OSError("no route"), 5),
        (answered(403), 60),
    ],
)
async def test_reads_say_when_to_come_back(
    fragile: Fragile, error: Exception, seconds: int
) -> None:
    """A read that the store doesn't answer is 503, with the store's own Retry-After if any."""
    for path in ("/Users/some", "/Users", '/Users?filter=userName+eq+"x"', "/Groups?count=0"):
        fragile.faulty.fail(0, error, after=False)
        answer: Answer = await fragile.client.get(path)
        assert (answer.status, answer.headers["Retry-After"]) == (503, str(seconds))
        assert answer.body["status"] == "503"
        assert fragile.client.directory.id not in answer.body["detail"]


async def test_no_call_takes_for_ever(table: TableClient) -> None:
    """The SDK waits as long as a Retry-After says; a request doesn't."""

    class Slow:
        async def get_entity(self, *args: Any, **options: Any) -> None:
            await asyncio.sleep(3600)

    partition = Partition(cast("TableClient", Slow()), "directory", Meter(), Patience(longest=0.02))
    with pytest.raises(Unavailable):
        await partition.get("r:User:some")
    assert partition.meter.in_flight == 0
