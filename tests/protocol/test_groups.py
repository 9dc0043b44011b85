"""Memberships and references are kept true (RFC 7643 §4.1.2, §4.2, §4.3)."""

import asyncio
from typing import Any

import pytest

from tests.service import ENTERPRISE, HOST, Client


async def members(client: Client, group: str) -> set[str]:
    answer = await client.get(f"/Groups/{group}")
    return {each["value"] for each in answer.body["members"]}


async def test_an_empty_group_shows_an_empty_list(client: Client) -> None:
    group = await client.group()
    assert group.body["members"] == []
    assert (await client.get(f"/Groups/{group.id}")).body["members"] == []
    answer = await client.get(f"/Groups/{group.id}?excludedAttributes=members")
    assert "members" not in answer.body


async def test_members_say_what_and_where_they_are(client: Client) -> None:
    ada = await client.user()
    inner = await client.group()
    body = {
        "displayName": "Outer",
        "members": [{"value": ada.id, "display": "Ada"}, {"value": inner.id, "$ref": None}],
    }
    outer = await client.post("/Groups", body)
    base = f"{HOST}/{client.name}/scim"
    expected = [
        {"value": ada.id, "$ref": f"{base}/Users/{ada.id}", "type": "User", "display": "Ada"},
        {"value": inner.id, "$ref": f"{base}/Groups/{inner.id}", "type": "Group"},
    ]
    key = lambda each: each["value"]  # noqa: E731 - a sort key, used twice
    assert sorted(outer.body["members"], key=key) == sorted(expected, key=key)
    read = await client.get(f"/Groups/{outer.id}")
    assert sorted(read.body["members"], key=key) == sorted(expected, key=key)


async def test_a_user_shows_its_groups(client: Client) -> None:
    ada = await client.user()
    group = await client.group(members=[ada.id])
    read = await client.get(f"/Users/{ada.id}")
    location = f"{HOST}/{client.name}/scim/Groups/{group.id}"
    assert read.body["groups"] == [{"value": group.id, "$ref": location, "type": "direct"}]
    listed = await client.get("/Users")
    assert listed.body["Resources"][0]["groups"] == read.body["groups"]
    hidden = await client.get(f"/Users/{ada.id}?excludedAttributes=groups")
    assert "groups" not in hidden.body


async def test_groups_of_a_user_are_read_only(client: Client) -> None:
    group = await client.group()
    ada = await client.user(groups=[{"value": group.id}])
    assert "groups" not in ada.body
    answer = await client.patch(
        f"/Users/{ada.id}", {"op": "add", "path": "groups", "value": [{"value": group.id}]}
    )
    assert (answer.status, answer.body["scimType"]) == (400, "mutability")


async def test_deleting_a_resource_removes_its_memberships(client: Client) -> None:
    ada, bob = await client.user(), await client.user()
    inner = await client.group(members=[ada.id, bob.id])
    outer = await client.group(members=[inner.id, ada.id])
    before = (await client.get(f"/Groups/{outer.id}")).body["meta"]["version"]
    assert (await client.delete(f"/Users/{ada.id}")).status == 204
    assert await members(client, inner.id) == {bob.id}
    assert await members(client, outer.id) == {inner.id}
    assert (await client.get(f"/Groups/{outer.id}")).body["meta"]["version"] != before
    assert (await client.delete(f"/Groups/{inner.id}")).status == 204
    assert await members(client, outer.id) == set()
    assert "groups" not in (await client.get(f"/Users/{bob.id}")).body


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "members", "value": [{"value": "none"}]},
        {"op": "replace", "path": "members", "value": [{"value": "none"}]},
        {"op": "add", "value": {"members": [{"value": "none"}]}},
    ],
)
async def test_an_unknown_member_is_refused_and_changes_nothing(
    client: Client, operation: dict[str, Any]
) -> None:
    ada, bob = await client.user(), await client.user()
    group = await client.group(members=[ada.id])
    before = await client.get(f"/Groups/{group.id}")
    values = operation["value"]["members"] if "path" not in operation else operation["value"]
    values.append({"value": bob.id})
    answer = await client.patch(f"/Groups/{group.id}", operation)
    assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
    assert (await client.get(f"/Groups/{group.id}")).body == before.body


async def test_a_group_is_no_member_of_itself(client: Client) -> None:
    ada = await client.user()
    group = await client.group("Engines", members=[ada.id])
    own = [{"value": group.id}]
    path = f"/Groups/{group.id}"
    for answer in (
        await client.patch(path, {"op": "add", "path": "members", "value": own}),
        await client.patch(path, {"op": "replace", "path": "members", "value": own}),
        await client.put(path, {"displayName": "Engines", "members": own}),
    ):
        assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
    assert await members(client, group.id) == {ada.id}


async def test_members_are_added_and_removed_quietly(client: Client) -> None:
    """Adding a member who is there, or removing one who isn't, changes nothing."""
    ada, bob = await client.user(), await client.user()
    group = await client.group(members=[ada.id])
    before = await client.get(f"/Groups/{group.id}")
    for operation in (
        {"op": "Add", "path": "members", "value": [{"$ref": None, "value": ada.id}]},
        {"op": "Remove", "path": "members", "value": [{"value": bob.id}]},
        {"op": "Remove", "path": "members", "value": [{"value": "never-was"}]},
        {"op": "remove", "path": f'members[value eq "{bob.id}"]'},
    ):
        answer = await client.patch(f"/Groups/{group.id}", operation)
        assert answer.status == 204, operation
        assert (await client.get(f"/Groups/{group.id}")).body == before.body


async def test_a_value_list_removes_only_those_listed(client: Client, strict: Client) -> None:
    """RFC dialect or not: other clients than Entra send it too."""
    for each in (client, strict):
        ada, bob = await each.user(), await each.user()
        group = await each.group(members=[ada.id, bob.id])
        path = f"/Groups/{group.id}"
        answer = await each.patch(
            path, {"op": "remove", "path": "members", "value": [{"value": ada.id}]}
        )
        assert answer.status in (200, 204)
        assert await members(each, group.id) == {bob.id}


async def test_operations_on_members_apply_in_order(client: Client) -> None:
    ada, bob, eve = [await client.user() for _ in range(3)]
    group = await client.group(members=[ada.id])
    add = {"op": "add", "path": "members", "value": [{"value": bob.id}]}
    drop = {"op": "remove", "path": f'members[value eq "{bob.id}"]'}
    clear = {"op": "remove", "path": "members"}
    put = {"op": "replace", "path": "members", "value": [{"value": eve.id}]}
    again = {"op": "add", "path": "members", "value": [{"value": ada.id}]}
    leave = {"op": "remove", "path": f'members[value eq "{ada.id}"]'}
    for operations, expected in (
        ((add, drop), {ada.id}),
        ((drop, add), {ada.id, bob.id}),
        ((again, leave), set()),
        ((put, again, leave), {eve.id}),
        ((add, clear), set()),
        ((clear, add), {bob.id}),
        ((put, add), {eve.id, bob.id}),
        ((add, put), {eve.id}),
        ((clear, put, {"op": "remove", "path": "members", "value": [{"value": eve.id}]}), set()),
    ):
        await client.patch(f"/Groups/{group.id}", *operations)
        assert await members(client, group.id) == expected, operations
        reset = [{"value": ada.id}]
        await client.patch(
            f"/Groups/{group.id}", {"op": "replace", "path": "members", "value": reset}
        )


async def test_removal_by_another_filter(client: Client) -> None:
    ada, inner = await client.user(), await client.group()
    group = await client.group(members=[ada.id, inner.id])
    answer = await client.patch(
        f"/Groups/{group.id}", {"op": "remove", "path": 'members[type eq "Group"]'}
    )
    assert answer.status == 204
    assert await members(client, group.id) == {ada.id}


async def test_a_strict_removal_without_a_match_has_no_target(strict: Client) -> None:
    ada = await strict.user()
    group = await strict.group()
    answer = await strict.patch(
        f"/Groups/{group.id}", {"op": "remove", "path": f'members[value eq "{ada.id}"]'}
    )
    assert (answer.status, answer.body["scimType"]) == (400, "noTarget")


async def test_a_strict_removal_may_name_who_the_same_patch_has_added(strict: Client) -> None:
    ada = await strict.user()
    group = await strict.group()
    answer = await strict.patch(
        f"/Groups/{group.id}",
        {"op": "add", "path": "members", "value": [{"value": ada.id}]},
        {"op": "remove", "path": f'members[value eq "{ada.id}"]'},
    )
    assert answer.status == 200
    assert answer.body["members"] == []


async def test_put_sets_the_members(client: Client) -> None:
    ada, bob = await client.user(), await client.user()
    group = await client.group("Engines", members=[ada.id])
    body = {"displayName": "Engines", "members": [{"value": bob.id}]}
    answer = await client.put(f"/Groups/{group.id}", body)
    assert [each["value"] for each in answer.body["members"]] == [bob.id]
    again = await client.put(f"/Groups/{group.id}", answer.body)
    assert again.body == answer.body
    renamed = {"displayName": "Machines", "members": [{"value": ada.id}]}
    both = await client.put(f"/Groups/{group.id}", renamed)
    assert [each["value"] for each in both.body["members"]] == [ada.id]
    cleared = await client.put(f"/Groups/{group.id}", {"displayName": "Engines"})
    assert cleared.body["members"] == []
    assert "groups" not in (await client.get(f"/Users/{bob.id}")).body


async def test_a_group_of_many_is_whole(client: Client) -> None:
    """More members than fit one transaction are created, read, replaced and deleted completely."""
    users = [(await client.user()).id for _ in range(120)]
    group = await client.group(members=users)
    assert len(group.body["members"]) == 120
    assert await members(client, group.id) == set(users)
    some = {"displayName": "Some", "members": [{"value": each} for each in users[:10]]}
    assert (await client.put(f"/Groups/{group.id}", some)).status == 200
    assert await members(client, group.id) == set(users[:10])
    everybody = [{"value": each} for each in users]
    await client.patch(f"/Groups/{group.id}", {"op": "add", "path": "members", "value": everybody})
    assert await members(client, group.id) == set(users)
    assert (await client.delete(f"/Groups/{group.id}")).status == 204
    assert "groups" not in (await client.get(f"/Users/{users[50]}")).body


async def test_group_names_are_unique(client: Client) -> None:
    await client.group("Engines")
    answer = await client.post("/Groups", {"displayName": "ENGINES"})
    assert (answer.status, answer.body["scimType"]) == (409, "uniqueness")


async def test_a_manager_exists(client: Client) -> None:
    ada = await client.user()
    path = f"{ENTERPRISE}:manager"
    answer = await client.patch(f"/Users/{ada.id}", {"op": "Add", "path": path, "value": "none"})
    assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
    group = await client.group()
    answer = await client.patch(f"/Users/{ada.id}", {"op": "Add", "path": path, "value": group.id})
    assert answer.status == 400


async def test_a_manager_goes_when_the_person_goes(client: Client) -> None:
    boss, ada = await client.user(), await client.user()
    path = f"{ENTERPRISE}:manager"
    answer = await client.patch(f"/Users/{ada.id}", {"op": "Add", "path": path, "value": boss.id})
    location = f"{HOST}/{client.name}/scim/Users/{boss.id}"
    assert answer.body[ENTERPRISE]["manager"] == {"value": boss.id, "$ref": location}
    query = f'/Users?filter=id eq "{ada.id}" and manager eq "{boss.id}"&attributes=id'
    assert (await client.get(query)).body["totalResults"] == 1
    await asyncio.sleep(0.002)  # times are shown in milliseconds
    assert (await client.delete(f"/Users/{boss.id}")).status == 204
    read = await client.get(f"/Users/{ada.id}")
    assert ENTERPRISE not in read.body
    assert read.body["meta"]["lastModified"] > answer.body["meta"]["lastModified"]
    assert (await client.get(query)).body["totalResults"] == 0


async def test_a_precondition_holds_for_somebody_who_manages_herself(client: Client) -> None:
    ada = await client.user()
    value = {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": ada.id}
    tag = (await client.patch(f"/Users/{ada.id}", value)).headers["ETag"]
    answer = await client.delete(f"/Users/{ada.id}", headers={"if-match": tag})
    assert answer.status == 204
