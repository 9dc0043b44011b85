"""What DELETE does is the directory's policy: hard, soft or deactivate (RFC 7644 §3.6)."""

import asyncio
from typing import Any

import pytest

from scim.rules import Deletion
from storage.open import Storage
from tests.service import ENTERPRISE, Client, open_directory, uniqueness_error

SOFT = Deletion(policy="soft", days=7)
DEACTIVATE = Deletion(policy="deactivate")


@pytest.fixture
async def soft(storage: Storage) -> Client:
    return await open_directory(storage, deletion=SOFT)


@pytest.fixture
async def keeping(storage: Storage) -> Client:
    """A client of a directory where nobody is deleted."""
    return await open_directory(storage, deletion=DEACTIVATE)


async def total(client: Client, path: str) -> int:
    return int((await client.get(path)).body["totalResults"])


async def members(client: Client, group: str) -> list[str]:
    read = await client.get(f"/Groups/{group}")
    return [each["value"] for each in read.body.get("members", ())]


async def test_a_soft_deletion_is_gone_everywhere(soft: Client) -> None:
    """No read, list, filter, membership or reference shows the user, and the names are free."""
    ada = await soft.user("ada@example.com", externalId="e1")
    bob = await soft.user(**{ENTERPRISE: {"manager": {"value": ada.id}}})
    team = await soft.group(members=[ada.id])
    assert (await soft.delete(f"/Users/{ada.id}")).status == 204
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        body = {"userName": "x", "Operations": [{"op": "add", "path": "title", "value": "x"}]}
        answer = await soft.send(method, f"/Users/{ada.id}", None if method == "GET" else body)
        assert answer.status == 404, method
    for path in (
        '/Users?filter=userName+eq+"ada@example.com"',
        '/Users?filter=externalId+eq+"e1"',
        f'/Users?filter=id+eq+"{ada.id}"',
        f'/Groups?filter=members+eq+"{ada.id}"',
        f'/Users?filter={ENTERPRISE}:manager.value+eq+"{ada.id}"',
    ):
        assert await total(soft, path) == 0, path
    assert await total(soft, "/Users") == 1
    assert await members(soft, team.id) == []
    assert ENTERPRISE not in (await soft.get(f"/Users/{bob.id}")).body
    add = {"op": "add", "path": "members", "value": [{"value": ada.id}]}
    assert (await soft.patch(f"/Groups/{team.id}", add)).status == 400
    other = await soft.user("ADA@example.com", externalId="e2")
    assert other.id != ada.id


@pytest.mark.parametrize(
    "again",
    [
        {"userName": "new@example.com", "externalId": "e1"},
        {"userName": "ADA@example.com"},
        {"userName": "ada@example.com", "externalId": "e1", "title": "Countess"},
    ],
)
async def test_a_post_revives(soft: Client, again: dict[str, Any]) -> None:
    """Of the same externalId or userName: the same id, created then, in the groups that are left;
    its attributes are what is sent.
    """
    ada = await soft.user("ada@example.com", externalId="e1", nickName="Ada")
    team, gone = [await soft.group(members=[ada.id]) for _ in range(2)]
    before = await soft.get(f"/Groups/{team.id}")
    await soft.delete(f"/Users/{ada.id}")
    await soft.delete(f"/Groups/{gone.id}")
    answer = await soft.post("/Users", again)
    assert (answer.status, answer.id) == (201, ada.id)
    assert answer.headers["Location"] == ada.headers["Location"]
    assert answer.body["meta"]["created"] == ada.body["meta"]["created"]
    assert [each["value"] for each in answer.body["groups"]] == [team.id]
    assert "nickName" not in answer.body
    read = await soft.get(f"/Users/{ada.id}")
    assert read.body == answer.body
    assert await members(soft, team.id) == [ada.id]
    after = await soft.get(f"/Groups/{team.id}")
    assert after.headers["ETag"] != before.headers["ETag"]
    assert uniqueness_error(await soft.post("/Users", again))
    assert (await soft.delete(f"/Users/{ada.id}")).status == 204
    assert (await soft.post("/Users", again)).id == ada.id
    assert await members(soft, team.id) == [ada.id]


async def test_somebody_else_inherits_nothing(soft: Client) -> None:
    """The same userName with another externalId is another person."""
    ada = await soft.user("ada@example.com", externalId="e1")
    team = await soft.group(members=[ada.id])
    await soft.delete(f"/Users/{ada.id}")
    other = await soft.user("ada@example.com", externalId="e2")
    assert other.id != ada.id
    assert await members(soft, team.id) == []
    answer = await soft.post("/Users", {"userName": "ada@example.com", "externalId": "e1"})
    assert uniqueness_error(answer)
    revived = await soft.user("a.l@example.com", externalId="e1")
    assert revived.id == ada.id


async def test_a_group_comes_back_with_its_members(soft: Client) -> None:
    """Those who are left, and those who are sent; and into the groups that it was in."""
    ada, bob, eve = [(await soft.user()).id for _ in range(3)]
    group = await soft.group("Engines", members=[ada, bob], externalId="g1")
    outer = await soft.group("All", members=[group.id])
    await soft.delete(f"/Groups/{group.id}")
    await soft.delete(f"/Users/{bob}")
    answer = await soft.post(
        "/Groups", {"displayName": "Motors", "externalId": "g1", "members": [{"value": eve}]}
    )
    assert (answer.status, answer.id) == (201, group.id)
    assert {each["value"] for each in answer.body["members"]} == {ada, eve}
    assert set(await members(soft, group.id)) == {ada, eve}
    assert await members(soft, outer.id) == [group.id]


async def test_racing_posts_revive_once(soft: Client) -> None:
    ada = await soft.user("ada@example.com", externalId="e1")
    team = await soft.group(members=[ada.id])
    for _ in range(3):
        await soft.delete(f"/Users/{ada.id}")
        body = {"userName": "ada@example.com", "externalId": "e1"}
        answers = await asyncio.gather(*(soft.post("/Users", body) for _ in range(8)))
        assert sorted(each.status for each in answers) == [201] + [409] * 7
        assert {each.id for each in answers if each.status == 201} == {ada.id}
        assert await total(soft, "/Users") == 1
        assert await members(soft, team.id) == [ada.id]


async def test_a_revival_beside_a_deletion(soft: Client) -> None:
    """Whoever is faster, the person is there once or not, and no name is taken by nobody."""
    body = {"userName": "ada@example.com", "externalId": "e1"}
    id = (await soft.post("/Users", body)).id
    for _ in range(5):
        answers = await asyncio.gather(soft.delete(f"/Users/{id}"), soft.post("/Users", body))
        assert answers[0].status in (204, 404)
        assert answers[1].status in (201, 409)
        found = await soft.get('/Users?filter=externalId+eq+"e1"')
        if found.body["totalResults"] == 0:
            assert (await soft.post("/Users", body)).status == 201
            found = await soft.get('/Users?filter=externalId+eq+"e1"')
        [one] = found.body["Resources"]
        id = one["id"]


async def test_a_large_group_goes_and_comes_back(soft: Client) -> None:
    ids = [(await soft.user()).id for _ in range(70)]
    group = await soft.group(members=ids, externalId="g1")
    assert (await soft.delete(f"/Groups/{group.id}")).status == 204
    assert await total(soft, f'/Groups?filter=members+eq+"{ids[0]}"') == 0
    answer = await soft.post("/Groups", {"displayName": "Back", "externalId": "g1"})
    assert answer.id == group.id
    assert set(await members(soft, group.id)) == set(ids)


async def test_a_deactivated_user_stays(keeping: Client) -> None:
    """DELETE answers 204 each time; the second one writes nothing."""
    ada = await keeping.user("ada@example.com", active=True, title="x")
    team = await keeping.group(members=[ada.id])
    path = f"/Users/{ada.id}"
    assert (await keeping.delete(path)).status == 204
    read = await keeping.get(path)
    assert (read.body["active"], read.body["title"]) == (False, "x")
    assert await members(keeping, team.id) == [ada.id]
    assert await total(keeping, '/Users?filter=userName+eq+"ada@example.com"') == 1
    assert (await keeping.delete(path)).status == 204
    assert (await keeping.get(path)).headers["ETag"] == read.headers["ETag"]
    assert (await keeping.delete("/Users/none")).status == 404
    assert uniqueness_error(await keeping.post("/Users", {"userName": "ada@example.com"}))
    unsaid = await keeping.user()
    await keeping.delete(f"/Users/{unsaid.id}")
    assert (await keeping.get(f"/Users/{unsaid.id}")).body["active"] is False


async def test_what_can_not_be_inactive_is_deleted(keeping: Client) -> None:
    group = await keeping.group()
    assert (await keeping.delete(f"/Groups/{group.id}")).status == 204
    assert (await keeping.get(f"/Groups/{group.id}")).status == 404
    assert (await keeping.delete(f"/Groups/{group.id}")).status == 404


@pytest.mark.parametrize("deletion", [Deletion(), SOFT, DEACTIVATE], ids=str)
async def test_a_deletion_holds_a_version(storage: Storage, deletion: Deletion) -> None:
    client = await open_directory(storage, deletion=deletion)
    ada = await client.user()
    old = {"if-match": ada.headers["ETag"]}
    await client.patch(f"/Users/{ada.id}", {"op": "add", "path": "title", "value": "x"})
    assert (await client.delete(f"/Users/{ada.id}", headers=old)).status == 412
    read = await client.get(f"/Users/{ada.id}")
    assert read.body.get("active", True) is True
    new = {"if-match": read.headers["ETag"]}
    assert (await client.delete(f"/Users/{ada.id}", headers=new)).status == 204


async def test_a_bulk_request_deletes_alike(soft: Client, keeping: Client) -> None:
    for client, left in ((soft, 404), (keeping, 200)):
        ada = await client.user("ada@example.com", externalId="e1")
        name = {"userName": "ada@example.com", "externalId": "e1"}
        answer = await client.post(
            "/Bulk",
            {
                "Operations": [
                    {"method": "DELETE", "path": f"/Users/{ada.id}"},
                    *(
                        [{"method": "POST", "path": "/Users", "bulkId": "a", "data": name}]
                        if client is soft
                        else []
                    ),
                ]
            },
        )
        statuses = [each["status"] for each in answer.body["Operations"]]
        assert statuses == (["204", "201"] if client is soft else ["204"])
        if client is soft:
            assert answer.body["Operations"][1]["location"].endswith(ada.id)
            await client.delete(f"/Users/{ada.id}")
        assert (await client.get(f"/Users/{ada.id}")).status == left


async def test_a_failed_circle_of_a_bulk_request_leaves_nothing(keeping: Client) -> None:
    """What is reported as failed is deleted, in a directory that otherwise deletes nobody."""
    circle = [
        {
            "method": "POST",
            "path": "/Users",
            "bulkId": one,
            "data": {
                "userName": f"{one}@example.com",
                ENTERPRISE: {"manager": {"value": f"bulkId:{other}"}},
                **more,
            },
        }
        for one, other, more in (("a", "b", {}), ("b", "a", {"name": "x"}))
    ]
    answer = await keeping.post("/Bulk", {"Operations": circle})
    assert [each["status"] for each in answer.body["Operations"]] == ["400", "400"]
    assert await total(keeping, "/Users") == 0
