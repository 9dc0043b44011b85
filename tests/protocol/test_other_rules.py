"""A directory that gets other rules: what was stored under the old ones harms nobody."""

from typing import Any

import pytest

from scim.presets import preset
from scim.rules import Rules
from storage.open import Storage
from tests.service import ENTERPRISE, Client, open_directory

MANY: dict[str, Any] = {
    "userName": "ada@example.com",
    "externalId": "ada",
    "displayName": "Ada",
    "active": True,
    "title": "Countess",
    "name": {"givenName": "Ada", "familyName": "Lovelace", "honorificPrefix": "Lady"},
    "emails": [{"type": "work", "value": "ada@example.com", "primary": True}],
    "addresses": [
        {"type": "work", "formatted": "1 Engine Row", "locality": "London", "primary": True},
        {"type": "home", "locality": "Ockham"},
    ],
    "roles": [{"value": "analyst"}],
}


async def switch(client: Client, storage: Storage, rules: Rules) -> None:
    await storage.registry.change_directory(client.directory.id, lambda each: each.having(rules))


async def test_attributes_that_the_schema_no_longer_has_are_not_shown(storage: Storage) -> None:
    """Read, listed, filtered, patched, replaced and deleted as if they had never been there."""
    client = await open_directory(storage)
    grace = await client.user()
    extension = {"department": "Engines", "manager": {"value": grace.id}}
    ada = await client.post("/Users", {**MANY, ENTERPRISE: extension})
    group = await client.group(members=[ada.id])
    await switch(client, storage, preset("configcat"))

    def shows(body: dict[str, Any], **expected: Any) -> bool:
        kept = {name: MANY[name] for name in ("externalId", "userName", "displayName", "active")}
        left = {each: body[each] for each in body if each not in ("schemas", "id", "meta")}
        return left == {**kept, **expected} and len(body["schemas"]) == 1

    path = f"/Users/{ada.id}"
    for query in ("", "?attributes=emails,userName,externalId,displayName,active,groups"):
        assert shows((await client.get(path + query)).body)
    for query in ("", '?filter=userName eq "ada@example.com"', "?sortBy=displayName"):
        listed = (await client.get(f"/Users{query}")).body["Resources"]
        assert shows(next(each for each in listed if each["id"] == ada.id))
    for unknown in ("emails.value pr", f'{ENTERPRISE}:department eq "Engines"', "groups pr"):
        assert (await client.get(f"/Users?filter={unknown}")).status == 400
    patched = await client.patch(
        path,
        {"op": "Replace", "path": "displayName", "value": "A."},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "a@example.com"},
        {"op": "Remove", "path": f"{ENTERPRISE}:manager"},
    )
    assert patched.status == 200
    assert shows(patched.body, displayName="A.")
    replaced = await client.put(path, {**MANY, "displayName": "B."})
    assert shows(replaced.body, displayName="B.")
    assert (await client.get(f"/Groups/{group.id}")).body["members"][0]["value"] == ada.id
    assert (await client.delete(f"/Users/{grace.id}")).status == 204
    assert (await client.delete(path)).status == 204
    assert (await client.get(f"/Groups/{group.id}")).body["members"] == []


async def test_sub_attributes_that_the_schema_no_longer_has_are_not_shown(
    storage: Storage,
) -> None:
    client = await open_directory(storage)
    ada = await client.post("/Users", MANY)
    await switch(client, storage, preset("andmoney-advisors"))
    path = f"/Users/{ada.id}"
    read = (await client.get(path)).body
    assert read["name"] == {"givenName": "Ada", "familyName": "Lovelace"}
    assert read["addresses"] == [{"type": "work", "formatted": "1 Engine Row"}, {"type": "home"}]
    answer = await client.patch(
        path,
        {"op": "Replace", "path": 'addresses[type eq "work"].formatted', "value": "2 Engine Row"},
        {"op": "Add", "path": 'addresses[type eq "home"].formatted', "value": "3 Park"},
    )
    assert answer.status == 200
    assert answer.body["addresses"] == [
        {"type": "work", "formatted": "2 Engine Row"},
        {"type": "home", "formatted": "3 Park"},
    ]
    assert "emails" not in answer.body


@pytest.mark.parametrize("between", ["configcat", "andmoney-rooms"])
async def test_what_was_not_shown_is_there_when_the_schema_has_it_again(
    storage: Storage, between: str
) -> None:
    """A preset that was tried by mistake loses nothing that nobody has replaced."""
    client = await open_directory(storage)
    ada = await client.post("/Users", MANY)
    await switch(client, storage, preset(between))
    off = {"op": "Replace", "path": "active", "value": "False"}
    assert (await client.patch(f"/Users/{ada.id}", off)).status == 200
    await switch(client, storage, preset("default"))
    again = (await client.get(f"/Users/{ada.id}")).body
    assert {**again, "meta": None} == {**ada.body, "active": False, "meta": None}
