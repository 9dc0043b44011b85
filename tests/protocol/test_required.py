"""What a directory requires is missed on POST, PUT and PATCH alike (RFC 7643 §7)."""

from typing import Any

import pytest

from scim.presets import preset
from scim.rules import Rules
from storage.open import Storage
from tests.service import ENTERPRISE, Answer, Client, open_directory

PERSON = {
    "userName": "ada@example.com",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"type": "work", "value": "ada@example.com", "primary": True}],
    "active": True,
}


async def opened(storage: Storage, rules: Rules) -> Client:
    kept = {name: getattr(rules, name) for name in Rules.model_fields}
    return await open_directory(storage, **kept)


@pytest.fixture
async def people(storage: Storage) -> Client:
    """A directory in which nobody is without an e-mail address and both names."""
    return await opened(storage, preset("bitabiz"))


def names_missing(answer: Answer, *names: str) -> bool:
    """Tell whether an answer is 400 invalidValue that names just these attributes."""
    listed = f"a User must have a value for {', '.join(names)}:"
    return (answer.status, answer.body["scimType"]) == (400, "invalidValue") and answer.body[
        "detail"
    ].startswith(listed)


async def test_a_post_is_told_all_that_it_lacks(people: Client) -> None:
    everything = ("userName", "name.familyName", "name.givenName", "emails.value")
    assert names_missing(await people.post("/Users", {"active": True}), *everything)
    for gone, missed in (
        ({"userName": ""}, ["userName"]),
        ({"name": {"givenName": "Ada"}}, ["name.familyName"]),
        ({"name": {"givenName": None, "familyName": ""}}, ["name.familyName", "name.givenName"]),
        ({"emails": [{"type": "work", "value": ""}]}, ["emails.value"]),
        ({"emails": []}, ["emails.value"]),
    ):
        assert names_missing(await people.post("/Users", {**PERSON, **gone}), *missed), gone
    assert (await people.get("/Users")).body["totalResults"] == 0
    assert (await people.post("/Users", PERSON)).status == 201


async def test_a_put_is_told_all_that_it_lacks(people: Client) -> None:
    ada = await people.post("/Users", PERSON)
    lacking = {"userName": "ada@example.com", "name": {"familyName": "Lovelace"}}
    answer = await people.put(f"/Users/{ada.id}", lacking)
    assert names_missing(answer, "name.givenName", "emails.value")
    assert (await people.get(f"/Users/{ada.id}")).body == ada.body


OPERATIONS: list[tuple[list[dict[str, Any]], list[str]]] = [
    ([{"op": "remove", "path": "userName"}], ["userName"]),
    ([{"op": "Replace", "path": "userName", "value": ""}], ["userName"]),
    ([{"op": "remove", "path": "name.givenName"}], ["name.givenName"]),
    ([{"op": "remove", "path": "name"}], ["name.familyName", "name.givenName"]),
    ([{"op": "Replace", "path": "name.familyName", "value": ""}], ["name.familyName"]),
    ([{"op": "Replace", "value": {"name.familyName": ""}}], ["name.familyName"]),
    ([{"op": "Replace", "path": 'emails[type eq "work"].value', "value": ""}], ["emails.value"]),
    ([{"op": "remove", "path": 'emails[type eq "work"]'}], ["emails.value"]),
    ([{"op": "remove", "path": "emails"}], ["emails.value"]),
    (
        [{"op": "Add", "path": 'emails[type eq "home"].display', "value": "At home"}],
        ["emails.value"],
    ),
    (
        [{"op": "remove", "path": "emails"}, {"op": "remove", "path": "userName"}],
        ["userName", "emails.value"],
    ),
]


@pytest.mark.parametrize(("operations", "missed"), OPERATIONS)
async def test_a_patch_that_takes_away_what_is_required_changes_nothing(
    people: Client, operations: list[dict[str, Any]], missed: list[str]
) -> None:
    ada = await people.post("/Users", PERSON)
    switched_off = {"op": "Replace", "path": "active", "value": "False"}
    answer = await people.patch(f"/Users/{ada.id}", switched_off, *operations)
    assert names_missing(answer, *missed), answer.body
    assert (await people.get(f"/Users/{ada.id}")).body == ada.body


async def test_a_patch_may_exchange_what_is_required(people: Client) -> None:
    ada = await people.post("/Users", PERSON)
    answer = await people.patch(
        f"/Users/{ada.id}",
        {"op": "Remove", "path": 'emails[type eq "work"]'},
        {"op": "Add", "path": 'emails[type eq "home"].value', "value": "ada@example.org"},
    )
    assert answer.status == 200, answer.body
    assert answer.body["emails"] == [{"type": "home", "value": "ada@example.org"}]


async def test_who_lacked_it_before_the_rule_can_still_be_changed_and_disabled(
    storage: Storage,
) -> None:
    """A deprovisioning is never refused for what a later rule asks of somebody."""
    client = await opened(storage, preset("default"))
    grace = await client.user(active=True, name={"familyName": "Hopper"})
    await storage.registry.change_directory(
        client.directory.id, lambda each: each.having(preset("bitabiz"))
    )
    off = {"op": "Replace", "path": "active", "value": "False"}
    answer = await client.patch(f"/Users/{grace.id}", off)
    assert (answer.status, answer.body.get("active")) == (200, False)
    some = {"op": "Add", "path": "name.givenName", "value": "Grace"}
    assert (await client.patch(f"/Users/{grace.id}", some)).status == 200
    assert (
        await client.patch(f"/Users/{grace.id}", {"op": "remove", "path": "title"})
    ).status < 300
    gone = await client.patch(f"/Users/{grace.id}", {"op": "remove", "path": "name.givenName"})
    assert names_missing(gone, "name.givenName"), "it is held to what it has by now"


async def test_what_a_schema_requires_is_lost_as_the_rfc_says(client: Client) -> None:
    """RFC 7644 §3.5.2.2: "If an attribute is removed or becomes unassigned and is defined as a
    required attribute [...], the server SHALL return [...] a "scimType" error code of
    "mutability"."""
    ada = await client.user()
    answer = await client.patch(f"/Users/{ada.id}", {"op": "remove", "path": "userName"})
    assert (answer.status, answer.body["scimType"]) == (400, "mutability")


async def test_an_extension_can_be_required(storage: Storage) -> None:
    number = f"{ENTERPRISE}:employeeNumber"
    client = await open_directory(
        storage, resource_types=[{"name": "User", "required": [number]}, {"name": "Group"}]
    )
    assert names_missing(await client.post("/Users", {"userName": "a@example.com"}), number)
    sent = {"userName": "a@example.com", ENTERPRISE: {"employeeNumber": "7"}}
    ada = await client.post("/Users", sent)
    assert ada.status == 201
    for path in (number, ENTERPRISE):
        gone = await client.patch(f"/Users/{ada.id}", {"op": "remove", "path": path})
        assert names_missing(gone, number)
    [declared] = (await client.get("/ResourceTypes/User")).body["schemaExtensions"]
    assert declared["required"]
    attributes = (await client.get(f"/Schemas/{ENTERPRISE}")).body["attributes"]
    assert [each["name"] for each in attributes if each["required"]] == ["employeeNumber"]
