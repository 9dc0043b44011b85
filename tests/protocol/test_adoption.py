"""A new group that means one which exists under another value (`adopts`), as when a directory
switches from mail addresses to Entra's object ids: no second group, ever.
"""

import asyncio
from typing import Any

import pytest

from scim.rules import Rules
from storage.open import Storage
from tests.service import Answer, Client, open_directory, uniqueness_error

MAIL = "Engines@example.com"
RULES = Rules.model_validate(
    {
        "resourceTypes": [
            {"name": "User"},
            {
                "name": "Group",
                "attributes": [{"name": "email"}],
                "unique": ["externalId"],
                "indexed": ["displayName"],
                "adopts": {"externalId": "email"},
            },
        ]
    }
)


@pytest.fixture
async def switched(storage: Storage) -> Client:
    return await open_directory(storage, resource_types=RULES.resource_types)


async def sent(client: Client, **more: Any) -> Answer:
    body = {"displayName": "Engines", "externalId": "object-1", "email": MAIL.lower(), **more}
    return await client.post("/Groups", body)


async def test_a_group_is_adopted(switched: Client) -> None:
    """201 with the id that is there; attributes are what is sent, members stay and join."""
    ada, bob = [(await switched.user()).id for _ in range(2)]
    old = await switched.group("Motors", members=[ada], externalId=MAIL)
    other = await switched.group("Engines", externalId="other@example.com")
    answer = await sent(switched, members=[{"value": bob}])
    assert (answer.status, answer.id) == (201, old.id)
    assert answer.headers["Location"] == old.headers["Location"]
    assert (answer.body["externalId"], answer.body["displayName"]) == ("object-1", "Engines")
    assert answer.body["email"] == MAIL.lower()
    assert {each["value"] for each in answer.body["members"]} == {ada, bob}
    assert answer.body["meta"]["created"] == old.body["meta"]["created"]
    assert answer.headers["ETag"] != old.headers["ETag"]
    assert uniqueness_error(await sent(switched))
    assert (await switched.get("/Groups")).body["totalResults"] == 2
    found = await switched.get('/Groups?filter=externalId+eq+"object-1"')
    assert [each["id"] for each in found.body["Resources"]] == [old.id]
    found = await switched.get(f'/Groups?filter=externalId+eq+"{MAIL}"')
    assert found.body["totalResults"] == 0
    assert (await switched.get(f"/Groups/{other.id}")).headers["ETag"] == other.headers["ETag"]


async def test_the_log_tells_an_adoption(storage: Storage, switched: Client) -> None:
    """From what is created, and from what is updated in the ordinary way."""
    old = await switched.group("Motors", externalId=MAIL)
    answer = await sent(switched)
    await switched.patch(
        f"/Groups/{old.id}", {"op": "replace", "path": "displayName", "value": "x"}
    )
    repository = storage.repository(switched.directory)
    adopted = [each async for each in repository.entries() if each.detail]
    [entry] = adopted
    assert entry.request == answer.headers["x-request-id"]
    assert (entry.verb, entry.operation, entry.status) == ("update", "POST /Groups", 201)
    assert (entry.resource, entry.credential) == (old.id, switched.token.split("_")[1])
    assert entry.attributes == ("displayName", "email", "externalId")
    assert entry.detail.startswith("adopted: ")


@pytest.mark.parametrize("email", [MAIL, MAIL.upper(), None, ""])
async def test_a_group_with_the_same_address_of_its_own_is_adopted(
    switched: Client, email: str | None
) -> None:
    old = await switched.group("Motors", externalId=MAIL, email=email)
    assert (await sent(switched)).id == old.id


async def test_a_group_with_another_address_of_its_own_is_another_one(switched: Client) -> None:
    """Whatever its externalId looks like: it has told its address since, and is left alone."""
    old = await switched.group("Motors", externalId=MAIL, email="motors@example.com")
    answer = await sent(switched)
    assert answer.status == 201
    assert answer.id != old.id
    assert (await switched.get(f"/Groups/{old.id}")).body == old.body


async def test_a_group_that_exists_already_is_a_conflict(switched: Client) -> None:
    """One of the sent externalId: nothing is adopted, nothing is changed."""
    old = await switched.group("Motors", externalId=MAIL)
    await switched.group("Objects", externalId="object-1")
    assert uniqueness_error(await sent(switched))
    assert (await switched.get(f"/Groups/{old.id}")).body == old.body
    assert uniqueness_error(await sent(switched, externalId=MAIL))
    assert (await switched.get(f"/Groups/{old.id}")).body == old.body


async def test_a_group_without_a_value_of_its_own_is_new(switched: Client) -> None:
    old = await switched.group("Motors", externalId=MAIL)
    answer = await switched.post("/Groups", {"displayName": "Engines", "email": MAIL})
    assert answer.status == 201
    assert answer.id != old.id


async def test_racing_posts_adopt_once(switched: Client) -> None:
    for number in range(3):
        mail = f"{number}@example.com"
        old = await switched.group(externalId=mail)
        answers = await asyncio.gather(
            *(
                sent(switched, externalId=f"object-{number}", email=mail, displayName=mail)
                for _ in range(8)
            )
        )
        assert sorted(each.status for each in answers) == [201] + [409] * 7
        assert {each.id for each in answers if each.status == 201} == {old.id}
    assert (await switched.get("/Groups")).body["totalResults"] == 3


async def test_a_wrong_member_adopts_nothing(switched: Client) -> None:
    old = await switched.group("Motors", externalId=MAIL)
    assert (await sent(switched, members=[{"value": "nobody"}])).status == 400
    assert (await sent(switched, members=[{"value": old.id}])).status == 400
    assert (await switched.get(f"/Groups/{old.id}")).body == old.body
