"""Nothing of one directory can be seen or touched from another, nor by whoever has no token."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.data.tables.aio import TableClient

from scim.credentials import issue, revoked
from scim.repository import Meter
from scim.routes import ROUTES
from storage.client import Partition
from storage.open import Storage
from storage.registry import TablesRegistry
from tests.service import (
    ENTERPRISE,
    GROUP,
    HOST,
    PATCH_OP,
    PEPPER,
    USER,
    Answer,
    Client,
    open_directory,
)
from tests.storage.serving import Metered, on_tables

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"]
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@dataclass
class House:
    """Two directories of one service: the intruder's and the victim's, with what is in them."""

    table: TableClient
    registry: TablesRegistry
    metered: Metered
    intruder: Client
    victim: Client
    mine: dict[str, str]
    theirs: dict[str, str]

    @property
    def stranger(self) -> Client:
        """Somebody with a token of the right form at the victim's Tenant URL."""
        return replace(self.victim, token=made_up(self.victim))

    @property
    def burglar(self) -> Client:
        """The intruder's token at the victim's Tenant URL."""
        return replace(self.victim, token=self.intruder.token)

    async def rows(self, client: Client, *, journal: bool = True) -> dict[str, Any]:
        """Everything that is stored of a directory, versions included."""
        partition = Partition(self.table, client.directory.id, Meter())
        rows = [row for row in await partition.range("", "~") if journal or row.key[:2] != "c:"]
        return {row.key: (row.etag, dict(row.values)) for row in rows}


@pytest.fixture
async def house(table: TableClient) -> AsyncIterator[House]:
    async def nothing() -> None:
        return None

    registry, metered = TablesRegistry(table), Metered(on_tables(table))
    storage = Storage(registry, metered, nothing, nothing, nothing)
    one, two = await open_directory(storage), await open_directory(storage)
    two.server = one.server  # one process serves both
    yield House(table, registry, metered, one, two, await furnish(one), await furnish(two))
    await one.server.close()


async def furnish(client: Client) -> dict[str, str]:
    """Put a user with a manager and a group into a directory; their ids by endpoint."""
    boss = (await client.user("boss@example.com")).id
    more = {"externalId": "e1", ENTERPRISE: {"manager": {"value": boss}}}
    user = (await client.user("ada@example.com", **more)).id
    group = (await client.group("Engines", members=[user])).id
    return {"Users": user, "Groups": group, "boss": boss}


def made_up(client: Client) -> str:
    return issue(client.directory.id, pepper=b"another pepper, 32 bytes or more", now=now())[0]


def now() -> datetime:
    return datetime.now(UTC)


def requests(ids: dict[str, str]) -> Iterator[tuple[str, str, Any]]:
    """Make a request for every route, method, type and id, with a body that would do something."""
    for route in ROUTES:
        path = "/" + "/".join(route.pattern)
        path = path.replace("{urn}", USER).replace("{name}", "User")
        for type in ("Users", "Groups") if "{type}" in path else ("Users",):
            for method in METHODS:
                place = path.replace("{type}", type).replace("{id}", ids[type])
                yield method, place, body(method, place, ids)


def body(method: str, path: str, ids: dict[str, str]) -> Any:
    user, group = ids["Users"], ids["Groups"]
    if method not in ("POST", "PUT", "PATCH"):
        return None
    if path == "/Bulk":
        operations = [
            {"method": "DELETE", "path": f"/Users/{user}"},
            {"method": "PATCH", "path": f"/Groups/{group}", "data": body("PATCH", "", ids)},
        ]
        return {"schemas": [BULK], "Operations": operations}
    if path.endswith(".search"):
        return {"filter": f'id eq "{user}" or userName sw "a"'}
    if method == "PATCH":
        members = {"op": "add", "path": "members", "value": [{"value": user}]}
        return {"schemas": [PATCH_OP], "Operations": [members]}
    if path.startswith("/Groups"):
        return {"schemas": [GROUP], "displayName": "Thieves", "members": [{"value": user}]}
    return {"schemas": [USER], "userName": "eve", ENTERPRISE: {"manager": {"value": user}}}


def shown(answer: Answer) -> tuple[int, dict[str, str], str]:
    """Give what a client sees of an answer, apart from the request's own id."""
    headers = dict(answer.headers)
    request = headers.pop("x-request-id")
    return answer.status, headers, json.dumps(answer.body).replace(request, "")


def alike(answer: Answer, *ids: str) -> tuple[int, dict[str, str], str]:
    """Give the same, apart from ids, versions and times of its own."""
    status, headers, text = shown(answer)
    for each in ids:
        text = text.replace(each, "")
    text = re.sub(r'"(created|lastModified|version|id|location|nextCursor)": "[^"]*"', "", text)
    kept = {name: each for name, each in headers.items() if name not in ("ETag", "Location")}
    return status, kept, text


async def test_another_directory_answers_as_it_answers_a_stranger(house: House) -> None:
    """Every route and method of B, with A's token and ids of A, of B and of nobody: the same
    status, headers and body as with a made-up token, and as at a name that nobody has. Nothing is
    changed in B, and nothing of it is asked.
    """
    theirs, mine = await house.rows(house.victim), await house.rows(house.intruder, journal=False)
    nowhere = replace(house.burglar, name=f"test-{uuid4().hex[:12]}")
    nobody = dict.fromkeys(house.mine, str(uuid4()))
    seen = set()
    for ids in (house.mine, house.theirs, nobody):
        for method, path, sent in requests(ids):
            answers = [
                await each.send(method, path, sent)
                for each in (house.burglar, house.stranger, nowhere)
            ]
            assert shown(answers[0]) == shown(answers[1]) == shown(answers[2]), (method, path)
            assert answers[0].status == 401, (method, path)
            seen.add((method, path))
    assert len(seen) > 8 * len(ROUTES)
    assert await house.rows(house.victim) == theirs
    assert await house.rows(house.intruder, journal=False) == mine


async def test_an_id_of_another_directory_is_an_id_of_nobody(house: House) -> None:
    """In paths, bodies and filters of A, ids of B are answered as those that nobody has."""
    theirs, client = await house.rows(house.victim), house.intruder
    nobody = {each: str(uuid4()) for each in house.theirs}
    ids = (*house.theirs.values(), *nobody.values())
    statuses = set()
    for known, unknown in zip(requests(house.theirs), requests(nobody), strict=True):
        one, two = [await client.send(*each) for each in (known, unknown)]
        assert alike(one, *ids) == alike(two, *ids), known[:2]
        statuses.add(one.status)
    assert {200, 400, 404, 405} <= statuses
    assert 201 not in statuses  # what refers to nobody is not made
    for filter in (
        'id eq "{Users}"',
        'groups.value eq "{Groups}"',
        f'{ENTERPRISE}:manager.value eq "{{boss}}"',
        'members.value eq "{Users}"',
        'id eq "{Groups}" and members eq "{Users}"',
    ):
        path = "/Groups" if "members" in filter else "/Users"
        answer = await client.send(
            "POST", f"{path}/.search", {"filter": filter.format(**house.theirs)}
        )
        assert (answer.status, answer.body["totalResults"]) == (200, 0)
    assert await house.rows(house.victim) == theirs


async def test_a_value_that_is_unique_elsewhere_is_free_here(house: House) -> None:
    """A taken userName or externalId of B is no 409 in A; A finds its own by them."""
    await house.victim.user("only@example.com", externalId="only")
    answer = await house.intruder.post(
        "/Users", {"schemas": [USER], "userName": "only@example.com", "externalId": "only"}
    )
    assert answer.status == 201
    found = await house.intruder.get('/Users?filter=externalId%20eq%20"only"')
    assert [each["id"] for each in found.body["Resources"]] == [answer.id]


async def test_a_cursor_of_another_directory_is_no_cursor(house: House) -> None:
    path = "/Users?count=1&cursor="
    theirs = (await house.victim.get(path)).body["nextCursor"]
    forged = theirs[:-4] + ("AAAA" if theirs[-4:] != "AAAA" else "BBBB")
    answers = [await house.intruder.get(path + each) for each in (theirs, forged)]
    assert [each.status for each in answers] == [400, 400]
    assert shown(answers[0]) == shown(answers[1])


async def test_names_are_not_told_apart_by_what_they_cost(house: House) -> None:
    """Directories that exist and that don't cost the same calls: time tells no more than noise."""
    costs = []
    await house.intruder.get("/Users")
    for token in (house.intruder.token, made_up(house.victim), "nonsense"):
        for name in (house.victim.name, "nobodys", "UPPER", "scim"):
            client = replace(house.victim, name=name, token=token)
            await client.get("/Users")  # what is remembered of a token isn't the name's
            house.metered.meter = Meter()
            before = house.registry.meter.calls
            await client.get(f"/Users/{house.theirs['Users']}")
            spent = house.registry.meter.calls - before
            costs.append((token, spent, house.metered.meter.calls))
    assert len(set(costs)) == 3
    assert {spent for _, spent, _ in costs} == {0}


async def test_every_token_that_is_not_live_is_refused_alike(house: House) -> None:
    """Revoked, expired, of a removed directory, never made, of a wrong form: one answer."""
    client, registry = house.intruder, house.registry
    id, moment = client.directory.id, now()
    ended, record = issue(id, pepper=PEPPER, now=moment)
    await registry.add_credential(revoked(record, "ann", moment))
    late, record = issue(id, pepper=PEPPER, now=moment, lifetime=timedelta(seconds=-1))
    await registry.add_credential(record)
    orphan, record = issue("nobodys0", pepper=PEPPER, now=moment)
    await registry.add_credential(record)
    broken, record = issue(id, pepper=PEPPER, now=moment)
    await registry.add_credential(record.model_copy(update={"expires": "soon"}))
    tokens = [ended, late, orphan, broken, made_up(client), "nonsense", client.token[:-1], ""]
    answers = [await replace(client, token=each).get("/Users") for each in tokens]
    assert {each.status for each in answers} == {401}
    assert len({shown(each)[2] for each in answers}) == 1


async def test_a_wrong_checksum_is_turned_away_before_the_store(house: House) -> None:
    """A typo, or a guess without the checksum, asks the store nothing."""
    token = made_up(house.victim)
    before = house.registry.meter.calls
    for place in range(len(token)):
        changed = "A" if token[place] != "A" else "B"
        wrong = token[:place] + changed + token[place + 1 :]
        assert (await replace(house.victim, token=wrong).get("/Users")).status == 401
    assert house.registry.meter.calls == before
    assert (await replace(house.victim, token=token).get("/Users")).status == 401
    assert house.registry.meter.calls == before + 1


async def test_no_path_leads_out_of_a_directory(house: House) -> None:
    """Dots, encoded slashes and the other's name inside of a path are parts of A's own paths."""
    theirs, user = await house.rows(house.victim), house.theirs["Users"]
    name, base = house.victim.name, f"{HOST}/{house.intruder.name}/scim"
    for path in (
        f"/../../{name}/scim/Users/{user}",
        f"/%2e%2e/%2e%2e/{name}/scim/Users/{user}",
        f"/..%2f..%2f{name}%2fscim%2fUsers%2f{user}",
        f"/{name}/scim/Users/{user}",
        f"/Users/..%2f..%2f{house.victim.directory.id}%2f{user}",
        f"/Users/{user}%00",
        f"/Users?filter=userName%20eq%20%22x%22%20or%20PartitionKey%20eq%20%22{name}%22",
    ):
        for method in ("GET", "DELETE"):
            client = replace(house.intruder)
            answer = await client.send(method, path)
            assert answer.status in (400, 401, 404, 405), (base, path)
            assert user not in json.dumps(answer.body)
    assert await house.rows(house.victim) == theirs
