"""Nothing is looked at before the token, and the token decides the directory."""

import json

import pytest

from scim.http import Request
from scim.routes import ROUTES
from storage.open import Storage
from tests.service import HOST, Client, open_directory, without_id

PATHS = sorted(
    "/" + "/".join(route.pattern).replace("{type}", "Users").replace("{id}", "x")
    for route in ROUTES
)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"]


@pytest.mark.parametrize("path", [*PATHS, "/nothing/at/all", "/Users/x/y"])
async def test_every_route_without_a_token_is_the_same_401(client: Client, path: str) -> None:
    """A missing token → 401 with WWW-Authenticate, before anything else is looked at."""
    bodies = set()
    for method in METHODS:
        url = f"{HOST}/{client.name}/scim{path}"
        answer = await client.server.handle(Request(method, url, {}, b"\xff not json"))
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"] == "application/scim+json"
        bodies.add(without_id(answer))
    assert len(bodies) == 1


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic c2NpbTpzY2lt",
        "Bearer scim_",
        "Bearer nonsense",
        "Bearer " + "a" * 10_000,
        "Bearer \u00e9\u00e8",
        "Bearer scim_abcdefghijkl_" + "A" * 49,
        "bearer\ttoken",
        "Bearer @Microsoft.KeyVault(SecretUri=https://vault.example.com)",
    ],
)
async def test_a_malformed_token_is_refused(client: Client, header: str) -> None:
    answer = await client.get("/Users", headers={"authorization": header})
    assert answer.status == 401
    assert answer.body["status"] == "401"


async def test_a_token_of_another_directory_is_refused(storage: Storage) -> None:
    """A token of another directory is a 401, whatever the URL says."""
    mine, other = await open_directory(storage), await open_directory(storage)
    user = await other.user()
    mine.name = other.name
    stranger = Client(other.server, "never-made", mine.token, mine.directory)
    for path in ("/Users", f"/Users/{user.id}", "/Users/none", "/nothing"):
        seen, unseen = await mine.get(path), await stranger.get(path)
        assert (seen.status, seen.detail) == (401, unseen.detail)
        assert unseen.status == 401


async def test_a_token_with_one_character_changed_is_refused(client: Client) -> None:
    for place in range(5, len(client.token), 7):
        swapped = "A" if client.token[place] != "A" else "B"
        token = client.token[:place] + swapped + client.token[place + 1 :]
        answer = await client.get("/Users", headers={"authorization": f"Bearer {token}"})
        assert answer.status == 401


async def test_the_scheme_is_read_in_any_case(client: Client) -> None:
    """RFC 9110 §11.1: "a case-insensitive token" names the scheme."""
    answer = await client.get("/Users", headers={"authorization": f"bearer {client.token}"})
    assert answer.status == 200


async def test_a_switched_off_directory_serves_nobody(storage: Storage) -> None:
    client = await open_directory(storage, enabled=False)
    answer = await client.get("/Users")
    assert answer.status == 403
    assert "switched off" in answer.body["detail"]


async def test_a_path_outside_of_every_directory_is_a_scim_error(client: Client) -> None:
    headers = {"authorization": f"Bearer {client.token}"}
    for path in ("", "/", "/nothing", "/scim", "/favicon.ico"):
        stranger = await client.server.handle(Request("GET", HOST + path, {}))
        known = await client.server.handle(Request("GET", HOST + path, headers))
        assert (stranger.status, known.status) == (401, 404)


async def test_directories_do_not_see_each_other(storage: Storage) -> None:
    one, two = await open_directory(storage), await open_directory(storage)
    user = await one.user("same@example.com")
    assert (await two.get(f"/Users/{user.id}")).status == 404
    assert (await two.get("/Users")).body["totalResults"] == 0
    assert (await two.delete(f"/Users/{user.id}")).status == 404
    await two.user("same@example.com")
    answer = await two.post("/Groups", {"displayName": "Thieves", "members": [{"value": user.id}]})
    assert answer.status == 400
    assert (await one.get(f"/Users/{user.id}")).status == 200


async def test_a_tenant_url_may_lie_below_any_prefix(client: Client) -> None:
    """Any base path, any number of segments, one called scim among them."""
    headers = {"authorization": f"Bearer {client.token}"}
    for prefix in ("/api", "/x/scim", "/scim/scim", f"/{client.name}"):
        base = f"{HOST}{prefix}/{client.name}/scim"
        answer = await client.server.handle(Request("GET", f"{base}/Schemas", headers))
        assert answer.status == 200
        [first, *_] = json.loads(answer.body)["Resources"]
        assert first["meta"]["location"].startswith(f"{base}/Schemas/")
