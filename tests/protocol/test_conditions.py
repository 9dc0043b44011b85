"""Entity tags (RFC 7644 §3.14) on a real compare-and-swap."""

import asyncio

import pytest

from tests.service import Client


async def test_a_read_with_the_version_is_304(client: Client) -> None:
    user = await client.user()
    tag = user.headers["ETag"]
    path = f"/Users/{user.id}"
    bare = tag.removeprefix("W/").strip('"')  # some clients send it so
    for header in (tag, f'"x", {tag}', "*", tag.removeprefix("W/"), bare):
        answer = await client.get(path, headers={"if-none-match": header})
        assert (answer.status, answer.body) == (304, None)
        assert answer.headers["ETag"] == tag
    assert (await client.get(path, headers={"if-none-match": 'W/"other"'})).status == 200


async def test_a_read_holds_if_match_too(client: Client) -> None:
    """RFC 9110 §13.1.1: a condition that is false stops any method."""
    user = await client.user()
    path = f"/Users/{user.id}"
    assert (await client.get(path, headers={"if-match": user.headers["ETag"]})).status == 200
    assert (await client.get(path, headers={"if-match": 'W/"other"'})).status == 412


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_stale_version_changes_nothing(client: Client, method: str) -> None:
    user = await client.user("ada", title="old")
    stale = user.headers["ETag"]
    path = f"/Users/{user.id}"
    await client.patch(path, {"op": "replace", "path": "title", "value": "new"})
    body = {
        "PUT": {"userName": "ada", "title": "mine"},
        "PATCH": {"Operations": [{"op": "replace", "path": "title", "value": "mine"}]},
    }.get(method)
    for header in (stale, f'{stale}, "x"', "nonsense"):
        answer = await client.send(method, path, body, headers={"if-match": header})
        assert (answer.status, answer.body["status"]) == (412, "412")
    read = await client.get(path)
    assert read.body["title"] == "new"
    current = {"if-match": f'"x", {read.headers["ETag"]}'}
    assert (await client.send(method, path, body, headers=current)).status in (200, 204)


async def test_if_match_any_asks_for_existence(client: Client) -> None:
    user = await client.user()
    operation = {"op": "replace", "path": "title", "value": "x"}
    path = f"/Users/{user.id}"
    assert (await client.patch(path, operation, headers={"if-match": "*"})).status == 200
    assert (await client.patch("/Users/none", operation, headers={"if-match": "*"})).status == 404


async def test_if_none_match_guards_a_write(client: Client) -> None:
    user = await client.user()
    operation = {"op": "replace", "path": "title", "value": "x"}
    answer = await client.patch(
        f"/Users/{user.id}", operation, headers={"if-none-match": user.headers["ETag"]}
    )
    assert answer.status == 412


async def test_of_sixteen_patches_with_one_version_one_succeeds(client: Client) -> None:
    user = await client.user()
    header = {"if-match": user.headers["ETag"]}
    answers = await asyncio.gather(
        *(
            client.patch(
                f"/Users/{user.id}",
                {"op": "replace", "path": "title", "value": f"t{number}"},
                headers=header,
            )
            for number in range(16)
        )
    )
    assert sorted(each.status for each in answers) == [200] + [412] * 15


async def test_member_patches_hold_a_version_too(client: Client) -> None:
    users = [(await client.user()).id for _ in range(8)]
    group = await client.group()
    header = {"if-match": group.headers["ETag"]}
    answers = await asyncio.gather(
        *(
            client.patch(
                f"/Groups/{group.id}",
                {"op": "add", "path": "members", "value": [{"value": each}]},
                headers=header,
            )
            for each in users
        )
    )
    assert sorted(each.status for each in answers) == [204] + [412] * 7
    read = await client.get(f"/Groups/{group.id}")
    assert len(read.body["members"]) == 1


async def test_puts_that_change_members_alone_hold_a_version_too(client: Client) -> None:
    users = [(await client.user()).id for _ in range(8)]
    group = await client.group("Engines")
    header = {"if-match": group.headers["ETag"]}
    answers = await asyncio.gather(
        *(
            client.put(
                f"/Groups/{group.id}",
                {"displayName": "Engines", "members": [{"value": each}]},
                headers=header,
            )
            for each in users
        )
    )
    assert sorted(each.status for each in answers) == [200] + [412] * 7
    read = await client.get(f"/Groups/{group.id}")
    assert len(read.body["members"]) == 1
