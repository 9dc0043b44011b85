"""Names that no directory can have, and tokens that open none: nothing half done, nothing told."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from scim.credentials import issue, revoked
from scim.directory import RESERVED_NAMES, Directory
from scim.http import Request
from scim.registry import Credential, NameTaken, Registry
from scim.server import Server
from storage.memory import MemoryRepository
from storage.memory_rows import Partition
from storage.open import Storage
from tests.service import HOST, PEPPER, Client, open_directory, without_id
from tests.storage.serving import serve

NOW = datetime.now(UTC)
UNSAFE = {
    "upper case": "Contoso",
    "nothing": "",
    "a space": "con toso",
    "a space at its end": "contoso ",
    "a line break at its end": "contoso\n",
    "a tab": "\tcontoso",
    "an accent": "contosö",
    "Cyrillic": "\u0441ontoso",
    "what folds to a letter": "\u212aontoso",
    "a letter of full width": "\uff43ontoso",
    "text from right to left": "\u202econtoso",
    "nothing to be seen": "con\u200btoso",
    "half a surrogate pair": "con\ud800toso",
    "a null": "con\x00toso",
    "64 letters": "c" * 64,
    "a dot": "contoso.com",
    "one dot": ".",
    "two dots": "..",
    "two dots in a path": "../contoso",
    "a slash": "contoso/scim",
    "a backslash": "contoso\\scim",
    "percent": "%2e%2e",
    "a slash in percent": "contoso%2fscim",
    "an underscore": "con_toso",
    "a hyphen first": "-contoso",
    "a hyphen last": "contoso-",
    "a question": "contoso?a=b",
    "a fragment": "contoso#a",
    "a semicolon": "contoso;a",
    "an @": "a@contoso",
    "a colon": "contoso:80",
    "a wildcard": "*",
    "quotes": "'contoso'",
    "markup": "<b>contoso</b>",
    "braces of a route": "{directory}",
}  # fmt: skip


class Asked:
    """A registry that counts what it is asked for."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        self.count += 1
        return getattr(self._registry, name)


def record(name: Any, **more: Any) -> Directory:
    return Directory(id=uuid.uuid4().hex[:20], name=name, **more)


@pytest.mark.parametrize("case", UNSAFE)
def test_an_unsafe_name_is_refused(case: str) -> None:
    with pytest.raises(ValidationError, match="name") as caught:
        record(UNSAFE[case])
    assert [each["loc"] for each in caught.value.errors()] == [("name",)]


@pytest.mark.parametrize("name", [None, 7, True, ["contoso"], {"name": "contoso"}])
def test_a_name_is_text(name: Any) -> None:
    with pytest.raises(ValidationError, match="name"):
        record(name)


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_a_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} is reserved"):
        record(name)


@pytest.mark.parametrize("name", ["a", "7", "a-b", "a--b", "c" * 63, "scim-x", "users", "bulk"])
async def test_any_other_name_is_served(name: str) -> None:
    """Also one that is the name of an endpoint: paths begin with the directory."""
    client = await named(name)
    user = await client.user()
    assert user.body["meta"]["location"] == f"{HOST}/{name}/scim/Users/{user.id}"


@pytest.mark.parametrize(
    "path",
    [
        "/CONTOSO/scim/Users",
        "/%63ontoso/scim/Users",
        "/contoso/%73cim/Users",
        "//contoso//scim//Users",
    ],
)
async def test_a_name_is_read_in_any_case_and_spelling(path: str) -> None:
    client = await named("contoso")
    headers = {"authorization": f"Bearer {client.token}"}
    answer = await client.server.handle(Request("GET", HOST + path, headers))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("prefix", "shown"),
    [
        ("/gateway", "/gateway"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%2f..%2f..%2fb", "/a%2F..%2F..%2Fb"),
        ("/..%2f", "/..%2F"),
        ("/a%3Fb%23c", "/a%3Fb%23c"),
        ("/scim/%41", "/scim/A"),
    ],
)
async def test_a_location_is_below_the_prefix_of_a_gateway(prefix: str, shown: str) -> None:
    """What is no slash there doesn't become one: it would lead elsewhere."""
    client = await named("contoso")
    sent = Request(
        "POST",
        f"{HOST}{prefix}/contoso/scim/Users",
        {"authorization": f"Bearer {client.token}", "content-type": "application/scim+json"},
        b'{"userName": "ada"}',
    )
    answer = await client.server.handle(sent)
    assert answer.headers["Location"].rpartition("/")[0] == f"{HOST}{shown}/contoso/scim/Users"


@pytest.mark.parametrize(
    "path",
    [
        "/contoso%2fscim/Users",
        "/contoso%2f..%2ffabrikam/scim/Users",
        "/contoso/../fabrikam/scim/Users",
        "/contoso%00/scim/Users",
        "/contoso%20/scim/Users",
        "/contoso./scim/Users",
        "/contoso;a=b/scim/Users",
        "/%/scim/Users",
        "/%ff%fe/scim/Users",
        "/scim/Users",
        "//scim/Users",
        "/fabrikam/scim/Users?x=/contoso/scim/Users",
        "/fabrikam/scim/Users#/contoso/scim/Users",
    ],
)
async def test_no_other_spelling_opens_a_directory(path: str) -> None:
    """What isn't the name is no directory: nothing is served, nothing tells which there are."""
    client = await named("contoso")
    headers = {"authorization": f"Bearer {client.token}"}
    answer = await client.server.handle(Request("GET", HOST + path, headers))
    assert answer.status in (401, 404)
    assert b"contoso" not in answer.body.lower()
    assert b"fabrikam" not in answer.body.lower()


async def test_a_taken_name_changes_nothing_of_who_has_it(storage: Storage) -> None:
    """Of two who want one name at once, one gets it, whole; the other leaves no trace."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    wanted = [record(name, description=each) for each in ("one", "two")]
    outcomes = await asyncio.gather(
        *(storage.registry.add_directory(each) for each in wanted), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["NameTaken", "NoneType"]
    won, lost = sorted(wanted, key=lambda each: outcomes[wanted.index(each)] is not None)
    with pytest.raises(NameTaken):
        await storage.registry.add_directory(record(name, description="three"))
    assert await storage.registry.directory_named(name) == won
    assert await storage.registry.directory(lost.id) is None
    assert [each async for each in storage.registry.directories() if each.name == name] == [won]


async def test_a_wrong_checksum_costs_no_read(client: Client, storage: Storage) -> None:
    """A typo, or a guess, is turned away before the registry is asked anything."""
    asked = Asked(storage.registry)
    server = Server(registry=asked, repository=storage.repository, pepper=PEPPER)
    other = Client(server, client.name, client.token, client.directory)
    for token in (
        client.token[:-1] + ("A" if client.token[-1] != "A" else "B"),
        client.token[:-6] + "000000",
        client.token[:30] + ("A" if client.token[30] != "A" else "B") + client.token[31:],
        client.token[:-1],
        client.token + "A",
        client.token.upper(),
        client.token.replace("scim_", "scim-"),
    ):
        answer = await other.get("/Users", headers={"authorization": f"Bearer {token}"})
        assert answer.status == 401
    assert asked.count == 0
    assert (await other.get("/Users")).status == 200
    assert asked.count > 0
    await server.close()


@pytest.mark.parametrize("lifetime", [timedelta(days=-1), timedelta(0)])
async def test_an_expired_token_opens_nothing(storage: Storage, lifetime: timedelta) -> None:
    client = await open_directory(storage)
    await refuses_as_a_stranger(client, *await issued(storage, client, lifetime=lifetime))


async def test_a_token_expires_at_its_time(storage: Storage) -> None:
    """Not a second later, also in a server that has just served it."""
    client = await open_directory(storage)
    token, _ = await issued(storage, client, lifetime=timedelta(hours=1))
    now = NOW
    server = Server(
        registry=storage.registry,
        repository=storage.repository,
        pepper=PEPPER,
        clock=lambda: now,
    )
    late = Client(server, client.name, token, client.directory)
    now = NOW + timedelta(minutes=59, seconds=59)
    assert (await late.get("/Users")).status == 200
    now = NOW + timedelta(hours=1)
    assert (await late.get("/Users")).status == 401
    await server.close()


async def test_a_revoked_token_opens_nothing(storage: Storage) -> None:
    """Where it was revoked at once; elsewhere within a minute (`test_remembering.py`)."""
    client = await open_directory(storage)
    token, credential = await issued(storage, client)
    holder = Client(client.server, client.name, token, client.directory)
    assert (await holder.get("/Users")).status == 200
    await storage.registry.change_credential(
        credential.id, lambda found: revoked(found, "ada", NOW)
    )
    await refuses_as_a_stranger(client, token, credential)
    assert (await client.get("/Users")).status == 200


async def test_a_token_of_a_directory_that_is_gone_opens_nothing(storage: Storage) -> None:
    client, gone = await open_directory(storage), await open_directory(storage)
    token, credential = await issued(storage, gone)
    await storage.registry.remove_directory(gone.directory.id)
    gone.server = client.server
    await refuses_as_a_stranger(gone, token, credential)


async def test_a_record_of_another_pepper_opens_nothing(storage: Storage) -> None:
    client = await open_directory(storage)
    token, credential = issue(client.directory.id, pepper=b"another" * 8, now=NOW)
    await storage.registry.add_credential(credential)
    await refuses_as_a_stranger(client, token, credential)


async def refuses_as_a_stranger(client: Client, token: str, credential: Credential) -> None:
    """Check that a dead token is answered at every path as one that never was."""
    user = await client.user() if (await client.get("/Users")).status == 200 else None
    never, _ = issue(client.directory.id, pepper=PEPPER, now=NOW)
    paths = ["/Users", f"/Users/{user.id if user else 'none'}", "/Users/none", "/Schemas", "/x"]
    for path in paths:
        bodies = []
        for each in (token, never):
            headers = {"authorization": f"Bearer {each}"}
            url = f"{HOST}/{client.name}/scim{path}"
            response = await client.server.handle(Request("GET", url, headers))
            assert response.status == 401
            bodies.append((without_id(response), response.headers.keys()))
        assert bodies[0] == bodies[1]
        assert credential.id.encode() not in bodies[0][0]


async def issued(storage: Storage, client: Client, **more: Any) -> tuple[str, Credential]:
    token, credential = issue(client.directory.id, pepper=PEPPER, now=NOW, **more)
    await storage.registry.add_credential(credential)
    return token, credential


async def named(name: str) -> Client:
    """Serve a directory of a name, in a memory of its own."""
    return await serve(lambda _: MemoryRepository(Partition()), name=name)
