"""What each operation costs: calls, and rounds of calls that wait for each other (docs/design.md,
Round trips), counted through the server, so that a handler's calls count too.
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from azure.data.tables.aio import TableClient

from scim.catalog import BUILT_IN_RESOURCE_TYPES
from scim.definitions import Attribute
from scim.ids import resource_id
from scim.repository import Member, MemberEdit, Meter
from scim.rules import Deletion
from storage.client import Partition
from storage.memberships import added
from storage.memory import MemoryRepository
from storage.memory_rows import Partition as MemoryPartition
from tests.service import ENTERPRISE, Answer, Client
from tests.storage.making import GROUP, change, members, user
from tests.storage.serving import Metered, on_tables, serve


@dataclass
class Counted:
    """A client, and what its requests cost."""

    client: Client
    metered: Metered
    partition: Partition

    async def cost(self, method: str, path: str, body: Any = None, expected: int = 200) -> Meter:
        """Send a request and tell what it cost."""
        answer = await self.client.send(method, path, body)
        assert answer.status == expected, answer.body
        return self.metered.meter

    async def rounds(self, method: str, path: str, body: Any = None, expected: int = 200) -> int:
        return (await self.cost(method, path, body, expected)).rounds

    async def found(self, path: str, filter: str) -> tuple[int, int]:
        """Search; how many were found, and in how many rounds."""
        answer = await self.client.get(f"{path}?filter={quote(filter)}")
        assert answer.status == 200, answer.body
        return answer.body["totalResults"], self.metered.meter.rounds

    async def edit(self, group: str, op: str, *ids: str) -> Meter:
        value = [{"value": each} for each in ids]
        body = {"Operations": [{"op": op, "path": "members", "value": value}]}
        return await self.cost("PATCH", f"/Groups/{group}", body, 204)


@pytest.fixture
async def counted(table: TableClient) -> Counted:
    metered = Metered(on_tables(table))
    client = await serve(metered)
    return Counted(client, metered, Partition(table, client.directory.id, Meter()))


async def ada(client: Client) -> Answer:
    return await client.user(
        "ada@x.org",
        externalId="e1",
        displayName="Ada",
        emails=[{"value": "ada@mail.org", "type": "work"}],
        **{ENTERPRISE: {"employeeNumber": "7"}},
    )


async def fill(partition: Partition, group: str, size: int) -> None:
    """Give a group members that are rows alone: what is counted depends on nothing else."""
    ids = [resource_id() for _ in range(size)]
    steps = [
        [
            operation
            for each in ids[start : start + 50]
            for operation in added("Group", group, [Member(each, "User")])
        ]
        for start in range(0, size, 50)
    ]
    for start in range(0, len(steps), 4):
        await asyncio.gather(*(partition.transact(each) for each in steps[start : start + 4]))


async def test_reads(counted: Counted) -> None:
    """GET by id is one round, a user's groups included."""
    id = (await ada(counted.client)).id
    await counted.client.group(members=[id])
    cost = await counted.cost("GET", f"/Users/{id}")
    assert (cost.rounds, cost.calls) == (1, 2)
    cost = await counted.cost("GET", f"/Users/{id}?excludedAttributes=groups")
    assert (cost.rounds, cost.calls) == (1, 1)
    # A refusal is recorded, in one round more.
    assert await counted.rounds("GET", "/Users/none", expected=404) == 2
    assert await counted.rounds("GET", "/ServiceProviderConfig") == 0


@pytest.mark.parametrize(
    "filter",
    [
        'userName eq "{}"',
        'externalId eq "{}"',
        'displayName eq "{}"',
        'emails.value eq "{}"',
        'emails[type eq "work" and value eq "{}"]',
        f'{ENTERPRISE}:employeeNumber eq "{{}}"',
    ],
)
async def test_matching(counted: Counted, filter: str) -> None:
    """A match that finds nobody is one round, one that finds somebody two, groups included."""
    one = (await ada(counted.client)).body
    values = {
        "userName": "ADA@x.org",
        "externalId": "e1",
        "displayName": "ada",
        "emails": "Ada@mail.org",
        ENTERPRISE: "7",
    }
    value = next(each for name, each in values.items() if filter.startswith(name))
    assert await counted.found("/Users", filter.format("nobody")) == (0, 1)
    answer = await counted.client.get(
        f"/Users?excludedAttributes=groups&filter={quote(filter.format(value))}"
    )
    assert [each["id"] for each in answer.body["Resources"]] == [one["id"]]
    assert counted.metered.meter.rounds == 2
    assert await counted.found("/Users", filter.format(value)) == (1, 2)


async def test_writes_of_a_user(counted: Counted) -> None:
    """POST is one round, PUT and PATCH are two, one when nothing changes, DELETE is three."""
    body = {"userName": "bob", "displayName": "Bob", "emails": [{"value": "b@x.org"}]}
    cost = await counted.cost("POST", "/Users", body, 201)
    assert (cost.rounds, cost.calls) == (1, 1)
    # Whose claim is it, does it hold the value, and the refusal is recorded.
    assert await counted.rounds("POST", "/Users", body, 409) == 4
    id = (await ada(counted.client)).id
    await counted.client.group(members=[id])
    path = f"/Users/{id}"

    def patch(value: str) -> dict[str, Any]:
        return {"Operations": [{"op": "replace", "path": "title", "value": value}]}

    assert await counted.rounds("PATCH", path, patch("Countess")) == 2
    assert await counted.rounds("PATCH", path, patch("Countess")) == 1
    changed = {"userName": "ada", "externalId": "e2", "emails": [{"value": "new@x.org"}]}
    assert await counted.rounds("PUT", path, changed) == 2
    assert await counted.rounds("PUT", path, changed) == 1
    boss = {"Operations": [{"op": "add", "path": f"{ENTERPRISE}:manager", "value": id}]}
    other = (await counted.client.user()).id
    assert await counted.rounds("PATCH", f"/Users/{other}", boss) == 3  # does the manager exist?
    await counted.client.delete(f"/Users/{other}")
    assert await counted.rounds("DELETE", path, expected=204) == 3


async def test_writes_of_a_group(counted: Counted) -> None:
    """POST of a group reads its members first; its own attributes cost what a user's do."""
    id = (await ada(counted.client)).id
    body = {"displayName": "Engines", "members": [{"value": id}]}
    answer = await counted.client.post("/Groups", body)
    assert counted.metered.meter.rounds == 2
    path = f"/Groups/{answer.id}"
    rename = {"Operations": [{"op": "replace", "path": "displayName", "value": "Motors"}]}
    assert await counted.rounds("PATCH", path, rename, 204) == 2
    assert await counted.rounds("PATCH", path, rename, 204) == 1
    assert await counted.rounds("DELETE", path, expected=204) == 3


async def test_writes_where_deletion_is_soft(table: TableClient) -> None:
    """POST is one round more, which looks for who was deleted; a revival is two more than that,
    three with memberships. DELETE is three, as everywhere.
    """
    metered = Metered(on_tables(table))
    client = await serve(metered, deletion=Deletion(policy="soft"))
    counted = Counted(client, metered, Partition(table, client.directory.id, Meter()))
    body = {"userName": "bob", "externalId": "e1"}
    assert await counted.rounds("POST", "/Users", body, 201) == 2
    id = (await client.get('/Users?filter=userName+eq+"bob"')).body["Resources"][0]["id"]
    assert await counted.rounds("DELETE", f"/Users/{id}", expected=204) == 3
    assert await counted.rounds("POST", "/Users", body, 201) == 3
    await client.group(members=[id])
    assert await counted.rounds("DELETE", f"/Users/{id}", expected=204) == 3
    assert await counted.rounds("POST", "/Users", body, 201) == 4


async def test_deletions_that_deactivate(table: TableClient) -> None:
    """DELETE is two rounds, one when the user is inactive already."""
    metered = Metered(on_tables(table))
    client = await serve(metered, deletion=Deletion(policy="deactivate"))
    counted = Counted(client, metered, Partition(table, client.directory.id, Meter()))
    id = (await client.user()).id
    assert await counted.rounds("DELETE", f"/Users/{id}", expected=204) == 2
    assert await counted.rounds("DELETE", f"/Users/{id}", expected=204) == 1


async def test_creations_that_may_adopt(table: TableClient) -> None:
    """POST is one round more; one that adopts is four: search, write, members for the answer."""
    group = BUILT_IN_RESOURCE_TYPES[1].model_copy(
        update={
            "attributes": (Attribute(name="email"),),
            "unique": ("externalId",),
            "adopts": {"externalId": "email"},
        }
    )
    metered = Metered(on_tables(table))
    client = await serve(metered, resource_types=(group,))
    counted = Counted(client, metered, Partition(table, client.directory.id, Meter()))
    mail = {"displayName": "A", "email": "A@x.org"}
    assert await counted.rounds("POST", "/Groups", {**mail, "externalId": "a@x.org"}, 201) == 2
    assert await counted.rounds("POST", "/Groups", {**mail, "externalId": "1"}, 201) == 4


@pytest.mark.parametrize("size", [10, 2000])
async def test_members_cost_the_same_in_any_group(counted: Counted, size: int) -> None:
    """Adding and removing a member is one round of reads and one transaction, whatever the group's
    size; it is no write when nothing changes, but a look whether somebody who is to be removed is
    yet to come back. Asking who is a member is two calls.
    """
    client, group = counted.client, (await counted.client.group()).id
    one = (await ada(client)).id
    await fill(counted.partition, group, size)
    for op, calls, rounds in (("add", 4, 2), ("add", 3, 1), ("remove", 3, 2), ("remove", 3, 2)):
        cost = await counted.edit(group, op, one)
        assert (cost.calls, cost.rounds) == (calls, rounds), op
    await counted.edit(group, "add", one)
    cost = await counted.cost("GET", f"/Groups/{group}?excludedAttributes=members")
    assert (cost.calls, cost.rounds) == (1, 1)
    cost = await counted.cost("GET", f"/Groups/{group}")
    pages = -(-(size + 1) // 1000)
    assert cost.calls == 1 + pages
    assert cost.rounds <= pages
    for id, found in ((one, 1), (resource_id(), 0)):
        asked = f'id eq "{group}" and members eq "{id}"'
        answer = await client.get(f"/Groups?excludedAttributes=members&filter={quote(asked)}")
        assert answer.body["totalResults"] == found
        assert (counted.metered.meter.calls, counted.metered.meter.rounds) == (2, 2)


async def test_members_in_a_transaction(counted: Counted) -> None:
    """32 are added in one transaction, three rows each since the member's anchor is guarded; 48 are
    removed in one.
    """
    ids = [(await counted.client.user()).id for _ in range(48)]
    group = (await counted.client.group()).id
    cost = await counted.edit(group, "add", *ids[:32])
    assert (cost.rounds, cost.calls) == (2, 1 + 2 * 32 + 1)
    cost = await counted.edit(group, "add", *ids)
    assert (cost.rounds, cost.calls) == (2, 1 + 2 * 48 + 1)
    cost = await counted.edit(group, "remove", *ids)
    assert (cost.rounds, cost.calls) == (2, 1 + 48 + 1)
    cost = await counted.edit(group, "add", *ids)
    assert (cost.rounds, cost.calls) == (3, 1 + 2 * 48 + 2)


async def test_pages(counted: Counted) -> None:
    """Page k of an index walk is two rounds and of a cursor walk one, and one more reads the groups
    of everybody on it.
    """
    for _ in range(25):
        await counted.client.user()
    await counted.client.get("/Users?count=10")
    for hidden, more in (("&excludedAttributes=groups", 0), ("", 1)):
        for start in (11, 21):
            path = f"/Users?startIndex={start}&count=10{hidden}"
            assert await counted.rounds("GET", path) == 2 + more
    first = await counted.client.get("/Users?count=10&cursor=&excludedAttributes=groups")
    cursor = quote(first.body["nextCursor"])
    path = f"/Users?count=10&excludedAttributes=groups&cursor={cursor}"
    assert await counted.rounds("GET", path) == 1
    assert await counted.rounds("GET", "/Users?excludedAttributes=groups") == 1


async def test_the_reference_counts_alike() -> None:
    """In memory an edit of a group of 10,000 is one call too."""
    repository = MemoryRepository(MemoryPartition())
    first = await user(repository)
    ids = [(await user(repository)).id for _ in range(10_000)]
    team = await repository.create(
        GROUP,
        {"id": "team", "displayName": "Team", "meta": {}},
        change("create"),
        members=members(ids),
    )
    before = repository.meter.calls
    await repository.edit_members(GROUP, team.id, MemberEdit(members([first.id])), change())
    assert repository.meter.calls == before + 1
    assert len(await repository.contains(GROUP, team.id, [first.id, ids[0]])) == 2
