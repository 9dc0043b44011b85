"""Bulk operations (RFC 7644 §3.7)."""

from typing import Any

from scim.limits import Limits
from storage.open import Storage
from tests.service import ENTERPRISE, Answer, Client, open_directory

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


async def bulk(client: Client, *operations: Any, **more: Any) -> Answer:
    return await client.post("/Bulk", {"schemas": [BULK], "Operations": operations, **more})


def post(id: str, path: str, **data: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "bulkId": id, "data": data}


def statuses(answer: Answer) -> list[str]:
    return [each["status"] for each in answer.body["Operations"]]


async def test_every_method_runs(client: Client) -> None:
    ada, bob = await client.user("ada"), await client.user("bob")
    answer = await bulk(
        client,
        post("n", "/Users", userName="new"),
        {"method": "PUT", "path": f"/Users/{ada.id}", "data": {"userName": "ada", "title": "A"}},
        {
            "method": "PATCH",
            "path": f"/Users/{ada.id}",
            "data": {"Operations": [{"op": "add", "path": "nickName", "value": "N"}]},
        },
        {"method": "DELETE", "path": f"/Users/{bob.id}"},
    )
    assert answer.status == 200
    assert statuses(answer) == ["201", "200", "200", "204"]
    first = answer.body["Operations"][0]
    assert first["bulkId"] == "n"
    assert first["location"].startswith("https://scim.example.com/")
    assert first["version"].startswith('W/"')
    read = await client.get(f"/Users/{ada.id}")
    assert (read.body["title"], read.body["nickName"]) == ("A", "N")
    assert (await client.get(f"/Users/{bob.id}")).status == 404


async def test_references_forward_and_back_resolve(client: Client) -> None:
    answer = await bulk(
        client,
        post("g", "/Groups", displayName="Engines", members=[{"value": "bulkId:u"}]),
        post("u", "/Users", userName="ada"),
        {
            "method": "PATCH",
            "path": "/Users/bulkId:u",
            "data": {"Operations": [{"op": "add", "path": "title", "value": "T"}]},
        },
    )
    assert statuses(answer) == ["201", "201", "200"]
    group = answer.body["Operations"][0]["location"].rpartition("/")[2]
    user = answer.body["Operations"][1]["location"].rpartition("/")[2]
    read = await client.get(f"/Groups/{group}")
    assert [each["value"] for each in read.body["members"]] == [user]
    assert (await client.get(f"/Users/{user}")).body["title"] == "T"


async def test_circular_references_resolve(client: Client) -> None:
    """RFC 7644 §3.7.1: "The service provider MUST try to resolve circular cross-references"."""
    answer = await bulk(
        client,
        post("a", "/Groups", displayName="A", members=[{"type": "Group", "value": "bulkId:b"}]),
        post("b", "/Groups", displayName="B", members=[{"type": "Group", "value": "bulkId:a"}]),
    )
    assert statuses(answer) == ["201", "201"]
    a, b = (each["location"].rpartition("/")[2] for each in answer.body["Operations"])
    for one, other in ((a, b), (b, a)):
        read = await client.get(f"/Groups/{one}")
        assert [each["value"] for each in read.body["members"]] == [other]
    versions = [each["version"] for each in answer.body["Operations"]]
    assert (await client.get(f"/Groups/{a}")).body["meta"]["version"] == versions[0]


async def test_a_circle_of_managers_resolves(client: Client) -> None:
    answer = await bulk(
        client,
        post("a", "/Users", userName="a", **{ENTERPRISE: {"manager": {"value": "bulkId:b"}}}),
        post("b", "/Users", userName="b", **{ENTERPRISE: {"manager": {"value": "bulkId:a"}}}),
    )
    assert statuses(answer) == ["201", "201"]
    a, b = (each["location"].rpartition("/")[2] for each in answer.body["Operations"])
    assert (await client.get(f"/Users/{a}")).body[ENTERPRISE]["manager"]["value"] == b
    assert (await client.get(f"/Users/{b}")).body[ENTERPRISE]["manager"]["value"] == a


async def test_errors_are_reported_one_by_one(client: Client) -> None:
    await client.user("taken")
    answer = await bulk(
        client,
        post("1", "/Users", userName="taken"),
        post("2", "/Users", title="no name"),
        post("3", "/Groups", displayName="G", members=[{"value": "bulkId:1"}]),
        post("4", "/Groups", displayName="H", members=[{"value": "bulkId:unknown"}]),
        {"method": "GET", "path": "/Users"},
        {"method": "DELETE", "path": "/Users/none"},
        {"method": "POST", "path": "/Bulk", "bulkId": "5", "data": {}},
        {"method": "POST", "path": "/Users", "data": {"userName": "no bulkId"}},
        post("6", "/Users", userName="fine"),
    )
    assert statuses(answer) == ["409", "400", "400", "400", "400", "404", "400", "400", "201"]
    assert answer.body["Operations"][0]["response"]["scimType"] == "uniqueness"
    assert "response" not in answer.body["Operations"][-1]


async def test_fail_on_errors_ends_it(client: Client) -> None:
    operations = [post(str(number), "/Users", title="no name") for number in range(4)]
    answer = await bulk(client, *operations, failOnErrors=2)
    assert statuses(answer) == ["400", "400"]
    answer = await bulk(client, operations[0], post("x", "/Users", userName="x"), failOnErrors=1)
    assert statuses(answer) == ["400"]
    assert (await client.get("/Users")).body["totalResults"] == 0


async def test_versions_are_held(client: Client) -> None:
    user = await client.user()
    operation = {"method": "DELETE", "path": f"/Users/{user.id}", "version": 'W/"other"'}
    assert statuses(await bulk(client, operation)) == ["412"]
    operation["version"] = user.headers["ETag"]
    assert statuses(await bulk(client, operation)) == ["204"]


async def test_advertised_limits_are_enforced(storage: Storage) -> None:
    client = await open_directory(storage, limits=Limits(body_bytes=2000, bulk_operations=3))
    config = (await client.get("/ServiceProviderConfig")).body["bulk"]
    assert config == {"supported": True, "maxOperations": 3, "maxPayloadSize": 2000}
    operations = [post(str(number), "/Users", userName=f"u{number}") for number in range(4)]
    answer = await bulk(client, *operations)
    assert (answer.status, answer.body["status"]) == (413, "413")
    assert "maxOperations" in answer.body["detail"]
    answer = await bulk(client, post("1", "/Users", userName="x" * 3000))
    assert answer.status == 413
    assert (await client.get("/Users")).body["totalResults"] == 0


async def test_a_malformed_bulk_request_is_400(client: Client) -> None:
    bodies: tuple[Any, ...] = (
        {},
        {"Operations": []},
        {"Operations": "x"},
        {"Operations": [{"path": "/Users"}]},
        {"Operations": [{"method": "POST", "path": 7}]},
        {"schemas": ["urn:x:y"], "Operations": [post("1", "/Users", userName="a")]},
        {"Operations": [post("1", "/Users"), post("1", "/Users")]},
        {"Operations": [post("1", "/Users", userName="a")], "failOnErrors": "many"},
        [],
    )
    for body in bodies:
        answer = await client.post("/Bulk", body)
        assert answer.status == 400, body
    assert (await client.get("/Users")).body["totalResults"] == 0


async def test_every_result_says_which_resource_it_is_about(client: Client) -> None:
    """RFC 7644 §3.7.3: a location is "REQUIRED in a response, except in the event of a POST
    failure".
    """
    user = await client.user()
    answer = await bulk(
        client,
        {"method": "DELETE", "path": f"/Users/{user.id}"},
        {"method": "PUT", "path": "/Users/none", "data": {"userName": "x"}},
        post("1", "/Users", title="no name"),
    )
    assert statuses(answer) == ["204", "404", "400"]
    base = user.headers["Location"].rpartition("/")[0]
    locations = [each.get("location") for each in answer.body["Operations"]]
    assert locations == [user.headers["Location"], f"{base}/none", None]


async def test_a_circle_is_closed_without_undoing_what_came_later(client: Client) -> None:
    answer = await bulk(
        client,
        post("a", "/Groups", displayName="A", members=[{"value": "bulkId:b"}]),
        {
            "method": "PATCH",
            "path": "/Groups/bulkId:a",
            "data": {"Operations": [{"op": "add", "path": "externalId", "value": "later"}]},
        },
        post("b", "/Groups", displayName="B", members=[{"value": "bulkId:a"}]),
    )
    a, _, b = (each["location"].rpartition("/")[2] for each in answer.body["Operations"])
    read = await client.get(f"/Groups/{a}")
    assert [each["value"] for each in read.body["members"]] == [b]
    assert read.body["externalId"] == "later"


async def test_a_circle_that_cannot_be_closed_leaves_nothing_behind(client: Client) -> None:
    itself = post("a", "/Groups", displayName="A", members=[{"value": "bulkId:a"}])
    answer = await bulk(client, itself)
    assert statuses(answer) == ["400"]
    assert answer.body["Operations"][0]["method"] == "POST"
    assert "location" not in answer.body["Operations"][0]
    assert (await client.get("/Groups")).body["totalResults"] == 0


async def test_the_bulk_id_of_a_put_is_a_reference_too(client: Client) -> None:
    user = await client.user("ada")
    answer = await bulk(
        client,
        post("g", "/Groups", displayName="G", members=[{"value": "bulkId:u"}]),
        {"method": "PUT", "path": f"/Users/{user.id}", "bulkId": "u", "data": {"userName": "ada"}},
        {"method": "DELETE", "path": "/Users/none", "bulkId": "d"},
        post("h", "/Groups", displayName="H", members=[{"value": "bulkId:d"}]),
    )
    assert statuses(answer) == ["201", "200", "404", "400"]
    group = answer.body["Operations"][0]["location"].rpartition("/")[2]
    read = await client.get(f"/Groups/{group}")
    assert [each["value"] for each in read.body["members"]] == [user.id]


async def test_names_of_the_message_are_read_in_any_letter_case(client: Client) -> None:
    operation = {"Method": "POST", "PATH": "/Users", "bulkid": "1", "Data": {"userName": "ada"}}
    answer = await client.post("/Bulk", {"Schemas": [BULK], "operations": [operation]})
    assert statuses(answer) == ["201"]
