"""Equivalent requests leave equal state, whatever the spelling: drawn from all axes, none is a 500.

Each case draws one value per axis, writes the same change in the spelling that they make, and
looks whether what is shown afterwards is what all of them mean.
"""

import json
import random
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from storage.open import open_storage
from tests.service import ENTERPRISE, GROUP, PATCH_OP, USER, Client, open_directory

CUSTOM = "urn:ietf:params:scim:schemas:extension:acme.com:2.0:User"
RECORD: dict[str, Any] = {
    "schemas": [
        {"id": CUSTOM, "name": "Acme", "attributes": [{"name": "tag"}, {"name": "cost.center"}]}
    ],
    "resourceTypes": [
        {
            "name": "User",
            "endpoint": "/Users",
            "schema": USER,
            "memberOf": "groups",
            "schemaExtensions": [{"schema": ENTERPRISE}, {"schema": CUSTOM}],
        },
        {"name": "Group", "endpoint": "/Groups", "schema": GROUP, "members": "members"},
    ],
}
AXES: Mapping[str, tuple[Any, ...]] = {
    "op": ("Add", "add", "ADD", "Replace", "replace"),
    "boolean": (False, "False", "false"),
    "shape": ("paths", "flattened", "nested", "core URN"),
    "emails": ("element", "other element", "no list"),
    "urn": ("none", "canonical", "upper"),
    "nothing": (None, "", "absent"),
    "manager": (
        "text",
        "object",
        "list",
        "list with $ref",
        "bare",
        "bare list",
        "dot",
        "sub",
        "path-less",
        "path-less nested",
    ),
    "order": ("schemas first", "Operations first", "no schemas"),
    "flag": ("", "?aadOptscim062020", "/", "/?aadOptscim062020"),
    "unknown": ("nothing", "schema", "key", "attribute"),
}
SEEDS = range(120)


def operations(drawn: Mapping[str, Any], manager: str) -> list[dict[str, Any]]:
    """Write the change in the spelling that was drawn."""

    def spell(urn: str, name: str) -> str:
        if drawn["urn"] == "none" and urn == USER:
            return name
        return f"{urn}:{name}".upper() if drawn["urn"] == "upper" else f"{urn}:{name}"

    values = {
        spell(USER, "displayName"): "Ada L.",
        spell(USER, "active"): drawn["boolean"],
        spell(USER, "name.givenName"): "Ada",
        spell(USER, "name.familyName"): "Lovelace",
        spell(ENTERPRISE, "department"): "Looms",
        spell(CUSTOM, "tag"): "7",
        spell(CUSTOM, "cost.center"): "X",
    }
    if drawn["nothing"] != "absent":
        values[spell(USER, "title")] = drawn["nothing"]
        values[spell(ENTERPRISE, "costCenter")] = drawn["nothing"]
    if drawn["unknown"] == "attribute":
        values[spell(ENTERPRISE, "nonsense")] = "x"
    found: list[dict[str, Any]] = [
        {"op": drawn["op"], "path": 'emails[type eq "work"].value', "value": "new@example.test"}
    ]
    if drawn["shape"] == "paths":
        found += [{"op": drawn["op"], "path": path, "value": each} for path, each in values.items()]
    else:
        held = values if drawn["shape"] == "flattened" else _nested(values)
        if drawn["shape"] == "core URN":
            core = {name: each for name, each in held.items() if ":" not in name}
            held = {name: each for name, each in held.items() if ":" in name} | {USER: core}
        found.append({"op": drawn["op"], "value": held})
    return [*found, _manager(drawn, manager)]


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Unfold `name.givenName` and `URN:attribute` into objects, core URNs taken away."""
    held: dict[str, Any] = {}
    for path, each in values.items():
        urn, _, name = path.rpartition(":")
        home = held if urn.lower() in ("", USER.lower()) else held.setdefault(urn, {})
        outer, dot, inner = name.partition(".")
        if dot and outer.lower() == "name":
            home.setdefault(outer, {})[inner] = each
        else:
            home[name] = each
    return held


def _manager(drawn: Mapping[str, Any], id: str) -> dict[str, Any]:
    path = f"{ENTERPRISE}:manager"
    where, value = {
        "text": (path, id),
        "object": (path, {"value": id}),
        "list": (path, [{"value": id}]),
        "list with $ref": (path, [{"$ref": f"http://x.test/Users/{id}", "value": id}]),
        "bare": ("manager", id),
        "bare list": ("manager", [{"$ref": None, "value": id}]),
        "dot": (f"{ENTERPRISE}.manager", id),
        "sub": (f"{path}.value", id),
        "path-less": (None, {path: id}),
        "path-less nested": (None, {ENTERPRISE: {"manager": [{"value": id}]}}),
    }[drawn["manager"]]
    return {"op": drawn["op"], **({"path": where} if where else {}), "value": value}


def message(drawn: Mapping[str, Any], held: list[dict[str, Any]]) -> bytes:
    schemas = [PATCH_OP, *(["urn:x:y"] if drawn["unknown"] == "schema" else [])]
    body: dict[str, Any] = {"schemas": schemas, "Operations": held}
    if drawn["order"] == "Operations first":
        body = {"Operations": held, "schemas": schemas}
    if drawn["order"] == "no schemas":
        body = {"Operations": held}
    if drawn["unknown"] == "key":
        body["unknown"] = {"a": None}
    return json.dumps(body).encode()


def before(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The user as it is before the change."""
    emails: dict[str, list[dict[str, Any]]] = {
        "element": [{"type": "work", "value": "old@example.test"}],
        "other element": [{"type": "home", "value": "home@example.test"}],
        "no list": [],
    }
    return {
        "displayName": "A",
        "title": "Analyst",
        "active": True,
        "emails": emails[drawn["emails"]],
        ENTERPRISE: {"costCenter": "1", "department": "Engines"},
    }


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    """One directory for all: the store is not what is tested here."""
    storage = open_storage("memory")
    await storage.prepare()
    yield await open_directory(storage, **RECORD)
    await storage.close()


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_spelling_of_a_change_leaves_the_same_state(client: Client, seed: int) -> None:
    draw = random.Random(seed)
    drawn = {axis: draw.choice(values) for axis, values in AXES.items()}
    manager = (await client.user()).id
    user = await client.user(**before(drawn))
    path = f"/Users/{user.id}{drawn['flag']}"
    raw = message(drawn, operations(drawn, manager))

    answers = [await client.send("PATCH", path, raw=raw) for _ in range(2)]

    assert [each.status for each in answers] == [200, 200], (drawn, answers[0].body)
    found = answers[0].body
    kept = drawn["nothing"] == "absent"
    emails = {each["type"]: each["value"] for each in found["emails"]}
    assert emails == {
        "work": "new@example.test",
        **({"home": "home@example.test"} if drawn["emails"] == "other element" else {}),
    }, drawn
    assert found["displayName"] == "Ada L.", drawn
    assert found["active"] is False, drawn
    assert found["name"] == {"givenName": "Ada", "familyName": "Lovelace"}, drawn
    assert found.get("title") == ("Analyst" if kept else None), drawn
    shown = dict(found[ENTERPRISE])
    assert shown.pop("manager")["value"] == manager, drawn
    assert shown == {"department": "Looms", **({"costCenter": "1"} if kept else {})}, drawn
    assert found[CUSTOM] == {"tag": "7", "cost.center": "X"}, drawn
    assert answers[1].body == found, "the same change again changed something"


MEMBER_AXES: Mapping[str, tuple[Any, ...]] = {
    "add": ("list", "null $ref", "text", "texts", "object", "path-less", "replace", "displayName"),
    "remove": ("list", "null $ref", "text", "filter", "upper filter", "unquoted filter", "urn"),
    "op": (str.lower, str.capitalize, str.upper),
}


@pytest.mark.parametrize("seed", range(60))
async def test_every_spelling_of_a_membership_leaves_the_same_members(
    client: Client, seed: int
) -> None:
    draw = random.Random(seed)
    drawn = {axis: draw.choice(values) for axis, values in MEMBER_AXES.items()}
    stays, goes = (await client.user()).id, (await client.user()).id
    group = await client.group(uuid.uuid4().hex)
    for added in ([stays, goes], [goes]):
        kept = [stays, goes] if drawn["add"] == "replace" else added
        for operation in _adds(drawn, kept):
            assert (await client.patch(f"/Groups/{group.id}", operation)).status == 204, drawn
    for _ in range(2):
        answer = await client.patch(f"/Groups/{group.id}", _removes(drawn, goes))
        assert answer.status == 204, (drawn, answer.body)
    shown = (await client.get(f"/Groups/{group.id}")).body["members"]
    assert [each["value"] for each in shown] == [stays], drawn


def _adds(drawn: Mapping[str, Any], ids: list[str]) -> list[dict[str, Any]]:
    op, elements = drawn["op"]("add"), [{"value": each} for each in ids]
    if drawn["add"] == "text":
        return [{"op": op, "path": "members", "value": each} for each in ids]
    if drawn["add"] == "object":
        return [{"op": op, "path": "members", "value": each} for each in elements]
    return [
        {
            "list": {"op": op, "path": "members", "value": elements},
            "null $ref": {
                "op": op,
                "path": "members",
                "value": [{"$ref": None, **each} for each in elements],
            },
            "texts": {"op": op, "path": "members", "value": ids},
            "path-less": {"op": op, "value": {"members": elements}},
            "replace": {"op": drawn["op"]("replace"), "path": "members", "value": elements},
            "displayName": {
                "name": "addMember",
                "op": op,
                "path": "members",
                "value": [{"displayName": "x", **each} for each in elements],
            },
        }[drawn["add"]]
    ]


def _removes(drawn: Mapping[str, Any], id: str) -> dict[str, Any]:
    op = drawn["op"]("remove")
    path, value = {
        "list": ("members", [{"value": id}]),
        "null $ref": ("members", [{"$ref": None, "value": id}]),
        "text": ("members", id),
        "filter": (f'members[value eq "{id}"]', None),
        "upper filter": (f'MEMBERS[VALUE EQ "{id}"]', None),
        "unquoted filter": (f"members[value eq {id}]", None),
        "urn": (f'{GROUP}:members[value eq "{id}"]', None),
    }[drawn["remove"]]
    return {"op": op, "path": path, **({} if value is None else {"value": value})}
