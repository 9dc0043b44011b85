"""Create, read, replace, patch, delete (RFC 7644 §3.3 to §3.6)."""

import pytest

from tests.service import ENTERPRISE, GROUP, HOST, USER, Client, uniqueness_error


async def test_a_created_user_is_complete(client: Client) -> None:
    """RFC 7644 §3.3: "the response body SHOULD contain the service provider's representation"."""
    sent = {
        "schemas": [USER, ENTERPRISE],
        "externalId": "0a1b",
        "userName": "Ada@example.com",
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": "ada@example.com"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Ada Byron", "familyName": "Byron", "givenName": "Ada"},
        "roles": [],
        ENTERPRISE: {"department": "Engines"},
    }
    answer = await client.post("/Users", sent)
    location = f"{HOST}/{client.name}/scim/Users/{answer.id}"
    assert answer.status == 201
    assert answer.headers["Location"] == answer.headers["Content-Location"] == location
    assert answer.headers["Content-Type"] == "application/scim+json"
    assert answer.body["meta"]["location"] == location
    assert answer.body["meta"]["version"] == answer.headers["ETag"]
    assert answer.body["meta"]["resourceType"] == "User"
    assert answer.body["schemas"] == [USER, ENTERPRISE]
    kept = {name: sent[name] for name in ("externalId", "userName", "active", "emails", "name")}
    assert answer.body.items() >= kept.items()
    assert answer.body[ENTERPRISE] == {"department": "Engines"}
    assert "roles" not in answer.body
    read = await client.get(f"/Users/{answer.id}")
    assert read.body == answer.body
    assert read.headers["Location"] == location


async def test_ids_are_not_the_clients_to_choose(client: Client) -> None:
    answer = await client.user(id="mine", meta={"version": "x", "created": "never"})
    assert answer.id != "mine"
    assert answer.body["meta"]["created"].startswith("20")


@pytest.mark.parametrize("id", ["none", "a'b", "a%2Fb", "%00", "%0d%0a", "a" * 300, "%C3%A9", ".."])
async def test_an_unknown_id_is_404_everywhere(client: Client, id: str) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        body = {
            "PUT": {"userName": "x"},
            "PATCH": {"Operations": [{"op": "replace", "path": "title", "value": "x"}]},
        }.get(method)
        answer = await client.send(method, f"/Users/{id}", body)
        assert answer.status == 404, (method, answer.body)
        assert answer.body["status"] == "404"


async def test_unique_names_are_compared_without_case(client: Client) -> None:
    await client.user("Ada@Example.com")
    answer = await client.post("/Users", {"userName": "aDA@eXAMPLE.COM"})
    assert uniqueness_error(answer)
    assert "userName" in answer.body["detail"]
    assert "ADA" not in answer.body["detail"].upper()


async def test_a_name_is_free_again_after_rename_and_delete(client: Client) -> None:
    user = await client.user("first@example.com")
    other = await client.user("other@example.com")
    rename = {"op": "replace", "path": "userName", "value": "second@example.com"}
    assert (await client.patch(f"/Users/{user.id}", rename)).status == 200
    assert uniqueness_error(await client.patch(f"/Users/{other.id}", rename))
    assert (await client.get(f"/Users/{other.id}")).body["userName"] == "other@example.com"
    await client.user("first@example.com")
    assert (await client.delete(f"/Users/{user.id}")).status == 204
    await client.user("second@example.com")


async def test_a_user_may_change_the_case_of_its_own_name(client: Client) -> None:
    user = await client.user("ada@example.com")
    path = f"/Users/{user.id}"
    answer = await client.patch(
        path, {"op": "replace", "path": "userName", "value": "ADA@example.com"}
    )
    assert (answer.status, answer.body["userName"]) == (200, "ADA@example.com")


async def test_delete_is_204_once_and_404_then(client: Client) -> None:
    user = await client.user()
    first, second = [await client.delete(f"/Users/{user.id}") for _ in range(2)]
    assert (first.status, first.body, second.status) == (204, None, 404)
    assert (await client.get(f"/Users/{user.id}")).status == 404


async def test_put_replaces_and_clears(client: Client) -> None:
    """RFC 7644 §3.5.1: what is left out is cleared; id and meta stay."""
    user = await client.user("ada@example.com", title="Countess", nickName="Ada")
    answer = await client.put(
        f"/Users/{user.id}", {"userName": "ada@example.com", "title": "Analyst", "id": "other"}
    )
    assert answer.status == 200
    assert answer.id == user.id
    assert answer.body["title"] == "Analyst"
    assert "nickName" not in answer.body
    assert answer.body["meta"]["created"] == user.body["meta"]["created"]
    assert answer.body["meta"]["version"] != user.body["meta"]["version"]


async def test_a_put_that_changes_nothing_keeps_the_version(client: Client) -> None:
    user = await client.user("ada@example.com", title="Countess")
    answer = await client.put(f"/Users/{user.id}", user.body)
    assert answer.body == user.body


async def test_a_patch_that_changes_nothing_keeps_the_version(client: Client) -> None:
    user = await client.user("ada@example.com", title="Countess")
    answer = await client.patch(
        f"/Users/{user.id}", {"op": "Replace", "path": "title", "value": "Countess"}
    )
    assert answer.body == user.body


async def test_a_patch_fails_as_a_whole(client: Client) -> None:
    """RFC 7644 §3.5.2: "if a single operation encounters an error condition, the original SCIM
    resource MUST be restored"."""
    user = await client.user(title="Countess")
    answer = await client.patch(
        f"/Users/{user.id}",
        {"op": "replace", "path": "title", "value": "Analyst"},
        {"op": "replace", "path": "emails[type eq", "value": "x"},
    )
    assert (answer.status, answer.body["scimType"]) == (400, "invalidPath")
    assert (await client.get(f"/Users/{user.id}")).body == user.body


async def test_members_and_attributes_change_together(client: Client) -> None:
    ada, bob = await client.user(), await client.user()
    group = await client.group(members=[ada.id])
    answer = await client.patch(
        f"/Groups/{group.id}",
        {"op": "replace", "path": "displayName", "value": "Engines"},
        {"op": "add", "path": "members", "value": [{"value": bob.id}]},
        {"op": "remove", "path": f'members[value eq "{ada.id}"]'},
    )
    assert (answer.status, answer.body) == (204, None)
    read = await client.get(f"/Groups/{group.id}")
    assert read.body["displayName"] == "Engines"
    assert [each["value"] for each in read.body["members"]] == [bob.id]


async def test_a_strict_group_patch_answers_with_the_group(strict: Client) -> None:
    ada = await strict.user()
    group = await strict.group()
    answer = await strict.patch(
        f"/Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": ada.id}]}
    )
    assert answer.status == 200
    assert [each["value"] for each in answer.body["members"]] == [ada.id]
    assert answer.body["schemas"] == [GROUP]
    assert answer.body["meta"]["version"] == answer.headers["ETag"]


async def test_projection_applies_to_writes(client: Client) -> None:
    """RFC 7644 §3.9: `attributes` may be sent with any operation that returns resources."""
    answer = await client.post("/Users?attributes=userName", {"userName": "a", "title": "b"})
    assert answer.body.keys() == {"schemas", "id", "userName"}
    answer = await client.send(
        "PATCH",
        f"/Users/{answer.id}?excludedAttributes=title",
        {"Operations": [{"op": "add", "path": "nickName", "value": "c"}]},
    )
    assert "title" not in answer.body
    assert answer.body["nickName"] == "c"


async def test_large_values_are_kept_whole(client: Client) -> None:
    """A Table property holds 32,768 characters: longer resources are split."""
    text = "é😀" * 40_000
    user = await client.user(title=text, nickName="x" * 100_000)
    assert (await client.get(f"/Users/{user.id}")).body["title"] == text


async def test_me_is_nobody(client: Client) -> None:
    answer = await client.get("/Me")
    assert (answer.status, answer.body["status"]) == (501, "501")


async def test_paths_are_read_generously(client: Client) -> None:
    await client.user("ada@example.com")
    for path in ("/Users/", "//Users", "/users", "/Users//?aadOptscim062020", "/USERS?count=5"):
        assert (await client.get(path)).body["totalResults"] == 1
