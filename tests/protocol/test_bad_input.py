"""Bad input gets a clear SCIM error, and nothing is changed."""

import json
from typing import Any

import pytest

from scim.http import Request
from scim.limits import Limits
from storage.open import Storage
from tests.service import ENTERPRISE, Client, open_directory

BODIES: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"{userName: x}",
    "cut off": b'{"userName": "x"',
    "two values": b'{"userName": "x"} {}',
    "a list": b"[]",
    "a string": b'"userName"',
    "null": b"null",
    "a number": b"7",
    "NaN": b'{"userName": "x", "title": NaN}',
    "infinity": b'{"userName": "x", "title": -Infinity}',
    "invalid UTF-8": b'{"userName": "\xff\xfe"}',
    "half a surrogate pair": b'{"userName": "\\ud800"}',
    "nested lists": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nested a little": b'{"userName":"x","name":' + b'{"a":' * 60 + b"1" + b"}" * 61,
    "a huge integer": b'{"userName": "x", "title": ' + b"9" * 10_000 + b"}",
    "a number beyond every float": b'{"userName": 1e400}',
    "the same key twice": b'{"userName": "x", "userName": "y"}',
    "the same key in two cases": b'{"userName": "x", "username": "y"}',
    "no required attribute": b'{"title": "x"}',
    "an empty required attribute": b'{"userName": ""}',
    "a null required attribute": b'{"userName": null}',
    "an object for a string": b'{"userName": {"a": "b"}}',
    "a list for a string": b'{"userName": ["a", "b"]}',
    "a string for a boolean": b'{"userName": "x", "active": "perhaps"}',
    "a string for an object": b'{"userName": "x", "name": "Ada"}',
    "a list in a list of objects": b'{"userName": "x", "emails": [[7]]}',
    "schemas of numbers": b'{"schemas": [7], "userName": "x"}',
    "schemas of objects": b'{"schemas": {"a": 1}, "userName": "x"}',
    "two primaries": b'{"userName": "x", "emails": [{"value": "a", "primary": true},'
    b'{"value": "b", "primary": true}]}',
    "an extension of a string": b'{"userName": "x", "' + ENTERPRISE.encode() + b'": "y"}',
    "an unknown manager": b'{"userName": "x", "'
    + ENTERPRISE.encode()
    + b'": {"manager": {"value": "y"}}}',
}

OPERATIONS: dict[str, Any] = {
    "no op": {"path": "title", "value": "x"},
    "an unknown op": {"op": "move", "path": "title", "value": "x"},
    "an op of a number": {"op": 7, "path": "title", "value": "x"},
    "a path of a number": {"op": "add", "path": 7, "value": "x"},
    "an unbalanced bracket": {"op": "add", "path": 'emails[type eq "work"', "value": "x"},
    "an empty filter": {"op": "add", "path": "emails[]", "value": "x"},
    "text after a filter": {"op": "add", "path": 'emails[type eq "a"]value', "value": "x"},
    "a bad filter": {"op": "add", "path": "emails[type zz 7].value", "value": "x"},
    "a very long path": {"op": "add", "path": "a" * 100_000, "value": "x"},
    "a very deep path": {"op": "add", "path": "emails[" + "(" * 5000 + "]", "value": "x"},
    "a wrong type": {"op": "replace", "path": "active", "value": "perhaps"},
    "an object for a string": {"op": "replace", "path": "title", "value": {"a": 1}},
    "another id": {"op": "replace", "path": "id", "value": "mine"},
    "meta": {"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"},
    "groups": {"op": "add", "path": "groups", "value": [{"value": "x"}]},
    "removing what is required": {"op": "remove", "path": "userName"},
    "clearing what is required": {"op": "replace", "path": "userName", "value": ""},
    "removing without a path": {"op": "remove"},
    "no path and a text": {"op": "add", "value": "x"},
    "no path and a list": {"op": "replace", "value": ["x"]},
    "no path and nothing": {"op": "replace"},
    "an operation of a text": "replace",
    "an operation of null": None,
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_bad_body_creates_nothing(client: Client, case: str) -> None:
    answer = await client.send("POST", "/Users", raw=BODIES[case])
    assert answer.status == 400, answer.body
    assert answer.body["scimType"] in ("invalidSyntax", "invalidValue")
    assert len(answer.body["detail"]) > 20
    assert (await client.get("/Users")).body["totalResults"] == 0


@pytest.mark.parametrize("case", BODIES)
async def test_a_bad_body_replaces_nothing(client: Client, case: str) -> None:
    user = await client.user(title="kept")
    for method in ("PUT", "PATCH"):
        answer = await client.send(method, f"/Users/{user.id}", raw=BODIES[case])
        assert answer.status == 400, answer.body
    assert (await client.get(f"/Users/{user.id}")).body == user.body


@pytest.mark.parametrize("case", OPERATIONS)
async def test_a_bad_operation_changes_nothing(client: Client, strict: Client, case: str) -> None:
    for each in (client, strict):
        user = await each.user(title="kept")
        first = {"op": "replace", "path": "title", "value": "lost"}
        answer = await each.patch(f"/Users/{user.id}", first, OPERATIONS[case])
        assert answer.status == 400, answer.body
        assert answer.body["scimType"]
        assert (await each.get(f"/Users/{user.id}")).body == user.body


@pytest.mark.parametrize("operations", [None, 7, "x", {}, {"op": "add"}])
async def test_operations_must_be_a_list(client: Client, operations: Any) -> None:
    user = await client.user()
    answer = await client.send("PATCH", f"/Users/{user.id}", {"Operations": operations})
    assert answer.status == 400


async def test_a_body_over_the_limit_is_413(storage: Storage) -> None:
    client = await open_directory(storage, limits=Limits(body_bytes=1000))
    for method, path in (("POST", "/Users"), ("PATCH", "/Users/x"), ("POST", "/Users/.search")):
        answer = await client.send(method, path, {"userName": "x" * 1000})
        assert (answer.status, answer.body["status"]) == (413, "413")


async def test_a_resource_that_the_store_cannot_hold_is_413(client: Client) -> None:
    answer = await client.post("/Users", {"userName": "x", "title": "y" * 1_000_000})
    assert answer.status == 413
    assert (await client.get("/Users")).body["totalResults"] == 0


@pytest.mark.parametrize("kind", ["text/xml", "application/x-www-form-urlencoded", "x"])
async def test_other_media_types_are_415(client: Client, kind: str) -> None:
    body = json.dumps({"userName": "x"}).encode()
    answer = await client.send("POST", "/Users", raw=body, headers={"content-type": kind})
    assert (answer.status, answer.body["status"]) == (415, "415")


@pytest.mark.parametrize(
    "kind", ["", "application/json", "application/scim+json;charset=UTF-8", "text/json", "*/*"]
)
async def test_json_is_read_whatever_it_is_called(client: Client, kind: str) -> None:
    body = b'\xef\xbb\xbf{"userName": "x"}'
    answer = await client.send("POST", "/Users", raw=body, headers={"content-type": kind})
    assert answer.status == 201


async def test_a_chunked_body_is_explained(client: Client) -> None:
    """The Functions host hands over a body without Content-Length as empty."""
    answer = await client.send("POST", "/Users", headers={"transfer-encoding": "chunked"})
    assert answer.status == 400
    assert "Content-Length" in answer.body["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/Users", "GET, POST, HEAD"),
        ("POST", "/Users/x", "GET, PUT, PATCH, DELETE, HEAD"),
        ("GET", "/Bulk", "POST"),
        ("HEAD", "/Bulk", "POST"),
        ("GET", "/Users/.search", ""),
        ("POST", "/Schemas", "GET, HEAD"),
        ("PUT", "/ServiceProviderConfig", "GET, HEAD"),
        ("PATCH", "/ResourceTypes/User", "GET, HEAD"),
        ("BREW", "/Users", "GET, POST, HEAD"),
        ("OPTIONS", "/Users", "GET, POST, HEAD"),
    ],
)
async def test_an_unsupported_method_is_405(
    client: Client, method: str, path: str, allowed: str
) -> None:
    answer = await client.send(method, path)
    if not allowed:  # `.search` can't be told from an id by GET: RFC 7644 has POST alone
        assert answer.status in (404, 405)
        return
    assert answer.status == 405
    assert answer.body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/nothing", "/Users/x/y", "/Schemas/urn:none", "/%00", "/Use rs"])
async def test_an_unknown_path_is_404(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status, answer.body["status"]) == (404, "404")
    assert answer.headers["Content-Type"] == "application/scim+json"


async def test_unknown_attributes_are_left_out_or_refused(client: Client, strict: Client) -> None:
    body = {"userName": "x", "nobodyKnows": 1, "name": {"nobodyKnows": "y"}}
    kept = await client.post("/Users", body)
    assert kept.status == 201
    assert "nobodyKnows" not in json.dumps(kept.body)
    assert (await strict.post("/Users", body)).status == 400
    operations = [
        {"op": "replace", "path": "nobodyKnows", "value": "x"},
        {"op": "replace", "path": "active", "value": False},
    ]
    answer = await client.patch(f"/Users/{kept.id}", *operations)
    assert (answer.status, answer.body["active"]) == (200, False)
    user = await strict.user(active=True)
    assert (await strict.patch(f"/Users/{user.id}", *operations)).status == 400
    assert (await strict.get(f"/Users/{user.id}")).body["active"] is True


async def test_a_malformed_host_is_the_client_s_mistake(client: Client) -> None:
    """Python can't take apart the URLs that these Host headers make."""
    for host in ("[", "[::1", "\u2100"):
        url = f"http://{host}/{client.name}/scim/Users"
        for token, status in ((client.token, 400), ("", 401)):
            headers = {"authorization": f"Bearer {token}"}
            answer = await client.server.handle(Request("GET", url, headers))
            assert answer.status == status, host


async def test_a_patch_of_more_operations_than_may_be_applied_is_413(client: Client) -> None:
    """Each may walk an attribute's 1,000 values; members don't count, they are edited as rows."""
    user, group = await client.user(), await client.group()
    many = [{"op": "replace", "path": "title", "value": str(each)} for each in range(501)]
    assert (await client.patch(f"/Users/{user.id}", *many)).status == 413
    assert (await client.patch(f"/Users/{user.id}", *many[:500])).status == 200
    value = [{"value": user.id}]
    members = [{"op": "add", "path": "members", "value": value} for _ in range(501)]
    assert (await client.patch(f"/Groups/{group.id}", *members)).status == 204


async def test_an_attribute_can_not_be_patched_beyond_its_most_values(client: Client) -> None:
    """A thousand in one request are taken, and one more in the next is not."""
    user = await client.user()
    value = [{"value": f"{each}@example.com"} for each in range(1000)]
    add = {"op": "add", "path": "emails", "value": value}
    assert (await client.patch(f"/Users/{user.id}", add)).status == 200
    more = {"op": "add", "path": "emails", "value": [{"value": "more@example.com"}]}
    answer = await client.patch(f"/Users/{user.id}", more)
    assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
    assert "emails" in answer.body["detail"]


@pytest.mark.parametrize(
    ("endpoint", "body", "detail"),
    [
        ("/.search", {"count": [1]}, "count must be a whole number"),
        ("/.search", {"startIndex": {}}, "startIndex must be a whole number"),
        ("/.search", {"attributes": 1}, "attributes must be a list of attribute names"),
        ("/.search", {"filter": 5551234}, "filter must be a string"),
        ("/Bulk", {"Operations": [{"path": "/Users"}]}, "Operations.0.method: Field required"),
        ("/Bulk", {"Operations": [{"method": 5551234, "path": "/"}]}, "Operations.0.method: "),
        ("/Bulk", {"failOnErrors": 0, "Operations": []}, "failOnErrors: "),
    ],
)
async def test_a_message_of_another_shape_is_told_where_and_what(
    client: Client, endpoint: str, body: dict[str, Any], detail: str
) -> None:
    answer = await client.post(endpoint, body)
    assert answer.status == 400
    assert detail in answer.body["detail"]
    assert "5551234" not in answer.body["detail"]
