"""Concurrent writers: nothing lost, nothing twice (peers lose memberships exactly here)."""

import asyncio

from scim.repository import Change
from tests.service import ENTERPRISE, Client, uniqueness_error


async def test_parallel_member_adds_are_all_kept(client: Client) -> None:
    users = [(await client.user()).id for _ in range(64)]
    group = await client.group()
    answers = await asyncio.gather(
        *(
            client.patch(
                f"/Groups/{group.id}",
                {"op": "Add", "path": "members", "value": [{"value": each}]},
            )
            for each in users
        )
    )
    assert {each.status for each in answers} == {204}
    read = await client.get(f"/Groups/{group.id}")
    assert {each["value"] for each in read.body["members"]} == set(users)


async def test_parallel_adds_and_removes_end_where_they_say(client: Client) -> None:
    stay, go = [[(await client.user()).id for _ in range(16)] for _ in range(2)]
    group = await client.group(members=go)
    path = f"/Groups/{group.id}"
    answers = await asyncio.gather(
        *(client.patch(path, {"op": "add", "path": "members", "value": [{"value": each}]})
          for each in stay),
        *(client.patch(path, {"op": "remove", "path": f'members[value eq "{each}"]'})
          for each in go),
        client.patch(path, {"op": "replace", "path": "displayName", "value": "Renamed"}),
    )  # fmt: skip
    assert {each.status for each in answers} == {204}
    read = await client.get(path)
    assert read.body["displayName"] == "Renamed"
    assert {each["value"] for each in read.body["members"]} == set(stay)


async def test_racing_creations_of_one_name_make_one(client: Client) -> None:
    name = "racer@example.com"
    spellings = [
        "".join(c.upper() if number >> place & 1 else c for place, c in enumerate(name))
        for number in range(64)
    ]
    answers = await asyncio.gather(
        *(client.post("/Users", {"userName": each}) for each in spellings)
    )
    assert sorted(each.status for each in answers) == [201] + [409] * 63
    assert all(uniqueness_error(each) for each in answers if each.status == 409)
    assert (await client.get("/Users")).body["totalResults"] == 1


async def test_parallel_patches_of_one_user_are_all_applied(client: Client) -> None:
    user = await client.user()
    names = ["title", "nickName", "displayName", "locale", "timezone", "userType"]
    answers = await asyncio.gather(
        *(client.patch(f"/Users/{user.id}", {"op": "replace", "path": each, "value": each})
          for each in names)
    )  # fmt: skip
    assert {each.status for each in answers} == {200}
    read = await client.get(f"/Users/{user.id}")
    assert [read.body[each] for each in names] == names


async def test_many_writers_of_one_attribute_all_have_their_turn(client: Client) -> None:
    """Who loses a race waits a moment, so that the next one is not lost to the same writers."""
    path = f"/Users/{(await client.user()).id}"
    answers = await asyncio.gather(
        *(
            client.patch(path, {"op": "replace", "path": "title", "value": str(number)})
            for number in range(24)
        )
    )
    assert {each.status for each in answers} == {200}


async def test_a_deleted_user_is_in_no_group_whoever_was_faster(client: Client) -> None:
    group = await client.group()
    for _ in range(8):
        user = await client.user()
        add = {"op": "add", "path": "members", "value": [{"value": user.id}]}
        answers = await asyncio.gather(
            client.patch(f"/Groups/{group.id}", add), client.delete(f"/Users/{user.id}")
        )
        assert answers[0].status in (204, 400)
        assert answers[1].status == 204
    assert (await client.get(f"/Groups/{group.id}")).body["members"] == []


async def test_racing_renames_leave_one_owner(client: Client) -> None:
    users = [await client.user() for _ in range(8)]
    rename = {"op": "replace", "path": "userName", "value": "Wanted@example.com"}
    answers = await asyncio.gather(*(client.patch(f"/Users/{each.id}", rename) for each in users))
    assert sorted(each.status for each in answers) == [200] + [409] * 7
    found = await client.get('/Users?filter=userName+eq+"wanted@example.com"')
    assert found.body["totalResults"] == 1


async def test_a_name_that_is_given_up_goes_to_one(client: Client) -> None:
    """Claims are only ever inserted: two who find one gone must not both have theirs."""
    for number in range(10):
        name = f"z{number}"
        old = await client.user(name)
        await asyncio.gather(
            client.delete(f"/Users/{old.id}"),
            *(client.post("/Users", {"userName": name}) for _ in range(4)),
        )
        listed = (await client.get("/Users?attributes=userName")).body["Resources"]
        assert sum(each["userName"] == name for each in listed) <= 1


async def test_nobody_keeps_a_manager_who_was_deleted_meanwhile(client: Client) -> None:
    for _ in range(20):
        boss, ada = await client.user(), await client.user()
        value = {"op": "add", "path": f"{ENTERPRISE}:manager", "value": boss.id}
        answers = await asyncio.gather(
            client.patch(f"/Users/{ada.id}", value), client.delete(f"/Users/{boss.id}")
        )
        assert answers[0].status in (200, 400)
        assert ENTERPRISE not in (await client.get(f"/Users/{ada.id}")).body


async def test_replacements_at_once_end_as_one_of_them(client: Client) -> None:
    """Members of two replacements are never mixed, by PUT or by PATCH, of few or of many."""
    users = [(await client.user()).id for _ in range(80)]
    group = await client.group("Replaced")
    path, sets = f"/Groups/{group.id}", [users[:3], users[3:6], users[6:9], users[9:80]]
    for _ in range(3):
        values = [[{"value": each} for each in some] for some in sets]
        answers = await asyncio.gather(
            client.put(path, {"displayName": "Replaced", "members": values[0]}),
            client.put(path, {"displayName": "Replaced", "members": values[1]}),
            *(
                client.patch(path, {"op": "replace", "path": "members", "value": each})
                for each in values[2:]
            ),
        )
        assert [each.status for each in answers] == [200, 200, 204, 204]
        read = await client.get(path)
        assert {each["value"] for each in read.body["members"]} in [set(each) for each in sets]
        await client.patch(path, {"op": "remove", "path": "members"})


async def test_a_deletion_that_broke_off_is_completed_when_it_is_sent_again(
    client: Client,
) -> None:
    """What the process that died had left to do: to forget who came to refer to the boss."""
    boss = await client.user()
    ada = await client.user(**{ENTERPRISE: {"manager": {"value": boss.id}}})
    repository, user = (
        client.server._repository(client.directory),
        client.directory.catalog.at("Users"),
    )
    assert user is not None
    stored = await repository.get(user, boss.id)
    assert stored is not None
    await repository.delete(user, stored, Change("0-broken-off", "2026-01-01T00:00:00Z", "delete"))
    assert ENTERPRISE in (await client.get(f"/Users/{ada.id}")).body
    assert (await client.delete(f"/Users/{boss.id}")).status == 404
    assert ENTERPRISE not in (await client.get(f"/Users/{ada.id}")).body
