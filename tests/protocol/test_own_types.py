"""A resource type or an extension is added by a JSON document, without code (RFC 7643 §6, §7)."""

import json
from pathlib import Path
from typing import Any

import pytest

from scim.catalog import BUILT_IN_RESOURCE_TYPES
from storage.open import Storage
from tests.service import HOST, USER, Client, open_directory

ROOM = "urn:example:params:scim:schemas:Room:1.0"
BOOKING = "urn:example:params:scim:schemas:extension:booking.com:2.0:Room"


@pytest.fixture
async def rooms(storage: Storage) -> Client:
    """A directory with the built-in types and a type of its own, read from one JSON file."""
    text = (Path(__file__).parent / "rooms.json").read_text("utf-8")
    documents: dict[str, Any] = json.loads(text)
    own = documents["resourceTypes"]
    return await open_directory(
        storage,
        schemas=documents["schemas"],
        resource_types=[
            *(
                each.model_dump(by_alias=True, exclude_none=True)
                for each in BUILT_IN_RESOURCE_TYPES
            ),
            *own,
        ],
    )


async def test_the_type_is_discovered(rooms: Client) -> None:
    types = (await rooms.get("/ResourceTypes")).body["Resources"]
    assert [each["name"] for each in types] == ["User", "Group", "Room"]
    shown = (await rooms.get("/ResourceTypes/room")).body
    assert shown["endpoint"] == "/Rooms"
    assert shown["schemaExtensions"] == [{"schema": BOOKING, "required": False}]
    assert "members" not in shown
    schema = (await rooms.get(f"/Schemas/{ROOM}")).body
    assert schema["attributes"][0]["name"] == "displayName"
    ids = [each["id"] for each in (await rooms.get("/Schemas")).body["Resources"]]
    assert {ROOM, BOOKING} < set(ids)


async def test_the_type_has_every_operation(rooms: Client) -> None:
    ada = await rooms.user()
    sent = {
        "schemas": [ROOM, BOOKING],
        "displayName": "Babbage",
        "seats": 12,
        "rate": 1.5,
        "opened": "2026-01-01T00:00:00Z",
        "codes": ["a", "b"],
        "owner": {"value": ada.id},
        "occupants": [{"value": ada.id}],
        BOOKING: {"cost.center": "C1", "flag": True},
    }
    room = await rooms.post("/Rooms", sent)
    assert room.status == 201, room.body
    assert room.body["schemas"] == [ROOM, BOOKING]
    assert room.body["meta"]["location"] == f"{HOST}/{rooms.name}/scim/Rooms/{room.id}"
    user = f"{HOST}/{rooms.name}/scim/Users/{ada.id}"
    assert room.body["owner"] == {"value": ada.id, "$ref": user}
    assert room.body["occupants"] == [{"value": ada.id, "$ref": user, "type": "User"}]
    clash = await rooms.post("/Rooms", {"displayName": "BABBAGE"})
    assert (clash.status, clash.body["scimType"]) == (409, "uniqueness")
    for filter in (
        'displayName eq "babbage"',
        "seats gt 11",
        'rate eq 1.5 and codes eq "B"',
        'opened ge "2026-01-01T02:00:00+02:00"',
        f'{BOOKING}:cost.center eq "c1"',
        f"{BOOKING}:flag eq true",
        f'owner eq "{ada.id}"',
        f'occupants eq "{ada.id}"',
        'externalId eq null and not (displayName sw "x")',
    ):
        answer = await rooms.post("/Rooms/.search", {"filter": filter})
        assert answer.body["totalResults"] == 1, (filter, answer.body)
    answer = await rooms.patch(
        f"/Rooms/{room.id}",
        {"op": "Replace", "path": f"{BOOKING}:cost.center", "value": "C2"},
        {"op": "Add", "path": "codes", "value": ["c"]},
        {"op": "Replace", "path": "seats", "value": "13"},
    )
    assert answer.status == 204
    read = (await rooms.get(f"/Rooms/{room.id}")).body
    assert read[BOOKING] == {"cost.center": "C2", "flag": True}
    assert (read["codes"], read["seats"]) == (["a", "b", "c"], 13)
    put = await rooms.put(f"/Rooms/{room.id}", {"displayName": "Lovelace"})
    assert put.body.keys() == {"schemas", "id", "displayName", "occupants", "meta"}
    assert (await rooms.delete(f"/Rooms/{room.id}")).status == 204
    assert (await rooms.get(f"/Rooms/{room.id}")).status == 404


async def test_immutable_attributes_of_the_type_are_held(rooms: Client) -> None:
    room = await rooms.post("/Rooms", {"displayName": "Babbage", "building": "North"})
    for answer in (
        await rooms.put(f"/Rooms/{room.id}", {"displayName": "Babbage", "building": "South"}),
        await rooms.patch(
            f"/Rooms/{room.id}", {"op": "replace", "path": "building", "value": "South"}
        ),
    ):
        assert (answer.status, answer.body["scimType"]) == (400, "mutability")
    assert (await rooms.get(f"/Rooms/{room.id}")).body["building"] == "North"


async def test_what_is_never_returned_is_never_returned(rooms: Client) -> None:
    room = await rooms.post("/Rooms", {"displayName": "Babbage", "doorCode": "1815", "notes": "n"})
    for query in ("", "?attributes=doorCode", "?attributes=notes"):
        answer = await rooms.get(f"/Rooms/{room.id}{query}")
        assert "doorCode" not in answer.body
        assert ("notes" in answer.body) == (query == "?attributes=notes")


async def test_references_from_the_type_are_kept_true(rooms: Client) -> None:
    ada = await rooms.user()
    room = await rooms.post(
        "/Rooms",
        {"displayName": "B", "owner": {"value": ada.id}, "occupants": [{"value": ada.id}]},
    )
    wrong = await rooms.post("/Rooms", {"displayName": "C", "owner": {"value": room.id}})
    assert (wrong.status, wrong.body["scimType"]) == (400, "invalidValue")
    assert (await rooms.delete(f"/Users/{ada.id}")).status == 204
    read = (await rooms.get(f"/Rooms/{room.id}")).body
    assert "owner" not in read
    assert read["occupants"] == []


async def test_each_reference_is_held_to_its_own_types(rooms: Client) -> None:
    """One id at two paths is checked at both: a person is no team, a team no owner."""
    ada, team = await rooms.user(), await rooms.group()
    for id, wrong in ((ada.id, "team"), (team.id, "owner")):
        both = {"displayName": "B", "owner": {"value": id}, "team": {"value": id}}
        answer = await rooms.post("/Rooms", both)
        assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
        assert answer.body["detail"].startswith(wrong)
    right = {"displayName": "B", "owner": {"value": ada.id}, "team": {"value": team.id}}
    assert (await rooms.post("/Rooms", right)).status == 201


async def test_searches_at_the_root_see_the_type(rooms: Client) -> None:
    await rooms.post("/Rooms", {"displayName": "Babbage"})
    answer = await rooms.post("/.search", {"filter": 'displayName eq "babbage"'})
    assert [each["meta"]["resourceType"] for each in answer.body["Resources"]] == ["Room"]
    assert (await rooms.get("/")).body["totalResults"] == 1
    assert USER not in answer.body["Resources"][0]["schemas"]
