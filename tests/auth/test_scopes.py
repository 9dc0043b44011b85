"""What a credential may do: users, groups, reading, writing (scim/auth/scopes.py)."""

from collections.abc import Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Any

import pytest

from scim.auth.records import SCOPES, Scope
from tests.auth.deployment import Deployment, access_token, holder
from tests.service import PATCH_OP, Answer, Client

USER = {"userName": "ada@example.com"}
GROUP = {"displayName": "Engines"}
RENAME = {"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": "externalId"}]}

# An operation, and what it needs.
NEEDS: Mapping[tuple[str, str], tuple[Scope, ...]] = MappingProxyType(
    {
        ("GET", "/Users"): ("users.read",),
        ("HEAD", "/Users"): ("users.read",),
        ("GET", "/Users/x"): ("users.read",),
        ("POST", "/Users/.search"): ("users.read",),
        ("POST", "/Users"): ("users.write",),
        ("PUT", "/Users/x"): ("users.write",),
        ("PATCH", "/Users/x"): ("users.write",),
        ("DELETE", "/Users/x"): ("users.write",),
        ("GET", "/Groups"): ("groups.read",),
        ("GET", "/groups/x"): ("groups.read",),
        ("POST", "/Groups/.search"): ("groups.read",),
        ("POST", "/Groups"): ("groups.write",),
        ("PUT", "/Groups/x"): ("groups.write",),
        ("PATCH", "/Groups/x"): ("groups.write",),
        ("DELETE", "/Groups/x"): ("groups.write",),
        ("GET", ""): ("groups.read", "users.read"),
        ("GET", "/"): ("groups.read", "users.read"),
        ("POST", "/.search"): ("groups.read", "users.read"),
        ("GET", "/Schemas"): (),
        ("GET", "/Schemas/x"): (),
        ("GET", "/ResourceTypes"): (),
        ("GET", "/ResourceTypes/User"): (),
        ("GET", "/ServiceProviderConfig"): (),
        ("GET", "/Me"): (),
        ("POST", "/Bulk"): (),
        ("BREW", "/Users"): (),
        ("GET", "/nothing"): (),
    }
)


async def scoped(*scopes: Scope) -> tuple[Client, Client]:
    """Serve a directory: a client with these scopes, and one with all."""
    deployment = Deployment()
    directory, server = await deployment.directory(), deployment.server()
    token, _ = await deployment.token(directory, scopes=scopes)
    whole, _ = await deployment.token(directory)
    return holder(server, directory, token), holder(server, directory, whole)


async def send(client: Client, method: str, path: str) -> Answer:
    body: Any = None
    if method not in ("GET", "HEAD", "DELETE"):
        body = RENAME if method == "PATCH" else GROUP if "roups" in path else USER
    return await client.send(method, path, body)


@pytest.mark.parametrize("held", [each for n in range(5) for each in combinations(SCOPES, n)])
async def test_each_operation_needs_its_scopes_and_no_other(held: tuple[Scope, ...]) -> None:
    client, _ = await scoped(*held)
    for (method, path), needed in NEEDS.items():
        answer = await send(client, method, path)
        missing = sorted(set(needed) - set(held))
        assert (answer.status == 403) == bool(missing), (method, path, held, answer.body)
        if missing:
            assert answer.body["status"] == "403"
            assert all(each in answer.detail for each in missing)
            challenge = answer.headers["WWW-Authenticate"]
            scopes = f'scope="{" ".join(missing)}"'
            assert challenge == f'Bearer realm="scim", error="insufficient_scope", {scopes}'


async def test_one_without_its_scope_changes_nothing() -> None:
    reader, writer = await scoped("users.read", "groups.read")
    user, group = await writer.user("ada@example.com"), await writer.group("Engines")
    before = [(await writer.get(path)).body for path in ("/Users", "/Groups")]
    for path in (f"/Users/{user.id}", f"/Groups/{group.id}"):
        for method in ("PUT", "PATCH", "DELETE"):
            assert (await send(reader, method, path)).status == 403
        assert (await send(reader, "POST", path.rpartition("/")[0])).status == 403
    assert [(await writer.get(path)).body for path in ("/Users", "/Groups")] == before


async def test_a_reader_reads() -> None:
    reader, writer = await scoped("users.read", "groups.read")
    user = await writer.user()
    group = await writer.group(members=[user.id])
    assert (await reader.get(f"/Users/{user.id}")).body["groups"][0]["value"] == group.id
    assert (await reader.get(f"/Groups/{group.id}")).body["members"][0]["value"] == user.id
    assert (await reader.get("/")).body["totalResults"] == 2


async def test_each_operation_of_a_bulk_needs_its_own() -> None:
    """The message is answered, and the operation that lacks a scope is 403 in it."""
    client, _ = await scoped("users.write")
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": USER},
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": GROUP},
        {"method": "DELETE", "path": "/Groups/x"},
        {"method": "DELETE", "path": "/Users/bulkId:u"},
    ]
    schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    answer = await client.post("/Bulk", {"schemas": [schema], "Operations": operations})
    assert answer.status == 200
    statuses = [each["status"] for each in answer.body["Operations"]]
    assert statuses == ["201", "403", "403", "204"]
    assert "groups.write" in answer.body["Operations"][1]["response"]["detail"]


async def test_what_is_not_there_is_told_apart_from_what_is_not_allowed() -> None:
    """A path without a route is 404 and a method without one 405, whatever the scopes."""
    client, _ = await scoped()
    assert (await client.get("/nothing")).status == 404
    assert (await client.put("/Users", USER)).status == 405


async def test_an_access_token_has_no_scope_that_its_client_has_lost() -> None:
    """The record counts, not what was true when the token was signed."""
    deployment = Deployment()
    directory, server = await deployment.directory(), deployment.server()
    client = await deployment.client(directory)
    held = holder(server, directory, await access_token(server, client.form))
    assert (await held.post("/Users", USER)).status == 201
    await deployment.registry.change_credential(
        client.id, lambda found: found.model_copy(update={"scopes": ("users.read",)})
    )
    assert (await held.get("/Users")).status == 200
    assert (await send(held, "POST", "/Groups")).status == 403


async def test_a_refusal_for_a_scope_is_in_the_log() -> None:
    deployment = Deployment()
    directory, server = await deployment.directory(), deployment.server()
    token, credential = await deployment.token(directory, scopes=("users.read",))
    client = holder(server, directory, token)
    await client.post("/Users", USER)
    [entry] = [each async for each in deployment.repository(directory).entries()]
    assert (entry.verb, entry.status, entry.credential) == ("refuse", 403, credential.id)
    assert "users.write" in entry.detail
