"""Resources that go out (RFC 7643 §3, §7; RFC 7644 §3.9)."""

from typing import Any

import pytest

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.definitions import ResourceTypeDocument, Schema
from scim.show import EVERYTHING, Projection, show

USER, GROUP = Catalog.build((), BUILT_IN_RESOURCE_TYPES).resource_types
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
BASE = "https://host/demo/scim"
ENDPOINTS = {"User": "/Users", "Group": "/Groups"}
META = {
    "resourceType": "User",
    "created": "2026-11-01T00:00:00.000Z",
    "lastModified": "2026-11-02T00:00:00.000Z",
}
ADA: dict[str, Any] = {
    "id": "u1",
    "meta": META,
    "userName": "ada",
    "active": False,
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "emails": [{"type": "work", "value": "a@x", "primary": True}, {"type": "home", "value": "b@x"}],
    ENTERPRISE: {"department": "Engines", "manager": {"value": "m/1"}},
}
TEAM: dict[str, Any] = {"id": "g1", "displayName": "Sales", "members": []}


def shown(
    resource: dict[str, Any] = ADA,
    attributes: str | list[str] | None = None,
    excluded: str | list[str] | None = None,
    *,
    type: Any = USER,
    tolerant: bool = False,
) -> dict[str, Any]:
    projection = Projection.read(attributes, excluded, type, tolerant=tolerant)
    return show(
        resource,
        type,
        base_url=BASE,
        endpoints=ENDPOINTS,
        version="7",
        projection=projection,
    )


def test_everything_is_shown_with_what_follows_from_it() -> None:
    assert shown() == {
        "schemas": [CORE, ENTERPRISE],
        **ADA,
        ENTERPRISE: {
            "department": "Engines",
            "manager": {"value": "m/1", "$ref": f"{BASE}/Users/m%2F1"},
        },
        "meta": {**META, "location": f"{BASE}/Users/u1", "version": 'W/"7"'},
    }
    assert next(iter(shown())) == "schemas"


def test_schemas_names_an_extension_only_where_it_has_data() -> None:
    assert shown({"id": "u1", "userName": "ada"})["schemas"] == [CORE]
    assert shown({"id": "u1", ENTERPRISE: {}})["schemas"] == [CORE]


def test_nothing_is_null_or_empty_but_the_members_of_an_empty_group() -> None:
    team = shown(TEAM, type=GROUP)
    assert team["members"] == []
    assert "externalId" not in team
    assert "members" not in shown(TEAM, excluded="members", type=GROUP)
    assert "members" not in shown(TEAM, attributes="displayName", type=GROUP)


def test_without_a_version_none_is_shown() -> None:
    answer = show(ADA, USER, base_url=BASE, endpoints=ENDPOINTS, version=None)
    assert "version" not in answer["meta"]


def test_a_reference_is_shown_by_the_type_beside_it_or_the_only_one() -> None:
    members = [
        {"value": "u1", "type": "User"},
        {"value": "g1", "type": "Group"},
        {"value": "x1"},
        {"value": "u2", "type": "User", "$ref": "kept"},
    ]
    assert shown({**TEAM, "members": members}, type=GROUP)["members"] == [
        {"value": "u1", "type": "User", "$ref": f"{BASE}/Users/u1"},
        {"value": "g1", "type": "Group", "$ref": f"{BASE}/Groups/g1"},
        {"value": "x1"},
        {"value": "u2", "type": "User", "$ref": "kept"},
    ]
    groups = shown({**ADA, "groups": [{"value": "g1", "type": "direct"}]})["groups"]
    assert groups == [{"value": "g1", "type": "direct", "$ref": f"{BASE}/Groups/g1"}]


def test_what_no_schema_has_is_not_shown() -> None:
    answer = shown({**ADA, "shoeSize": 9, "name": {"givenName": "A", "x": 1}, "urn:x": {"a": 1}})
    assert answer.keys() == {"schemas", *ADA}
    assert answer["name"] == {"givenName": "A"}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("userName", {"userName": "ada"}),
        (" USERNAME , active", {"userName": "ada", "active": False}),
        (["userName", "active"], {"userName": "ada", "active": False}),
        (f"{CORE}:userName", {"userName": "ada"}),
        ("name", {"name": ADA["name"]}),
        ("name.givenname", {"name": {"givenName": "Ada"}}),
        ("emails.value", {"emails": [{"value": "a@x"}, {"value": "b@x"}]}),
        ("emails.primary", {"emails": [{"primary": True}]}),
        ('emails[type eq "work, ] or so"]', {"emails": ADA["emails"]}),
        ('emails[type eq "work"].value', {"emails": [{"value": "a@x"}, {"value": "b@x"}]}),
        (f"{ENTERPRISE}:department", {ENTERPRISE: {"department": "Engines"}}),
        (f"{ENTERPRISE.upper()}:MANAGER.value", {ENTERPRISE: {"manager": {"value": "m/1"}}}),
        (
            f"{ENTERPRISE}:manager.$ref",
            {ENTERPRISE: {"manager": {"$ref": f"{BASE}/Users/m%2F1"}}},
        ),
        (ENTERPRISE, {ENTERPRISE: shown()[ENTERPRISE]}),
        ("meta.location", {"meta": {"location": f"{BASE}/Users/u1"}}),
        ("id", {}),
        ("nobody.knows,groups", {}),
        ("nickName", {}),
        ("nobody[", {}),
    ],
)
def test_attributes_narrows_what_is_shown(attributes: Any, expected: Any) -> None:
    assert shown(attributes=attributes) == {
        "schemas": [CORE, ENTERPRISE],
        "id": "u1",
        **expected,
    }


@pytest.mark.parametrize(
    ("excluded", "gone"),
    [
        ("emails", {"emails"}),
        ("EMAILS,name", {"emails", "name"}),
        ("emails[value eq 1]", {"emails"}),
        (ENTERPRISE, {ENTERPRISE}),
        ("meta", {"meta"}),
        ("id,schemas", set()),
        ("nobody.knows", set()),
        ("", set()),
        (",", set()),
    ],
)
def test_excluded_attributes_are_left_out(excluded: str, gone: set[str]) -> None:
    whole = shown()
    assert shown(excluded=excluded) == {k: v for k, v in whole.items() if k not in gone}


def test_sub_attributes_can_be_excluded() -> None:
    answer = shown(excluded=f"emails.primary,name.givenName,{ENTERPRISE}:manager.$ref")
    assert answer["emails"] == [{"type": "work", "value": "a@x"}, {"type": "home", "value": "b@x"}]
    assert answer["name"] == {"familyName": "Byron"}
    assert answer[ENTERPRISE]["manager"] == {"value": "m/1"}
    assert "name" not in shown(excluded="name.givenName,name.familyName")
    assert ENTERPRISE not in shown(excluded=f"{ENTERPRISE}:department,{ENTERPRISE}:manager")


def test_attributes_wins_over_excluded_attributes() -> None:
    assert shown(attributes="userName,active", excluded="userName") == {
        "schemas": [CORE, ENTERPRISE],
        "id": "u1",
        "userName": "ada",
        "active": False,
    }


def test_an_empty_attributes_parameter_is_none() -> None:
    assert shown(attributes="") == shown(attributes=" , ") == shown(attributes=[]) == shown()


def test_an_extensions_attribute_without_its_urn_is_found_when_tolerant() -> None:
    assert ENTERPRISE in shown(attributes="department", tolerant=True)
    assert ENTERPRISE not in shown(attributes="department")


def test_the_base_schemas_urn_names_all_of_its_attributes() -> None:
    answer = shown(attributes=CORE)
    assert answer.keys() == {"schemas", "id", "userName", "active", "name", "emails"}


def device_type() -> Any:
    schema = Schema.model_validate(
        {
            "id": "urn:example:Device",
            "name": "Device",
            "attributes": [
                {"name": "serial", "returned": "always"},
                {"name": "pin", "returned": "never", "mutability": "writeOnly"},
                {"name": "log", "returned": "request"},
                {"name": "note"},
                {
                    "name": "parts",
                    "type": "complex",
                    "multiValued": True,
                    "subAttributes": [
                        {"name": "value", "returned": "always"},
                        {"name": "colour"},
                        {"name": "secret", "returned": "never"},
                        {"name": "history", "returned": "request"},
                    ],
                },
            ],
        }
    )
    document = ResourceTypeDocument.model_validate(
        {"name": "Device", "endpoint": "/Devices", "schema": "urn:example:Device"}
    )
    return Catalog.build((schema,), (document,)).resource_types[0]


DEVICE = device_type()
BOX = {
    "id": "d1",
    "serial": "S",
    "pin": "1",
    "log": "L",
    "note": "N",
    "parts": [{"value": "V", "colour": "C", "secret": "S", "history": "H"}],
}


@pytest.mark.parametrize(
    ("attributes", "excluded", "expected"),
    [
        (None, None, {"serial": "S", "note": "N", "parts": [{"value": "V", "colour": "C"}]}),
        ("pin", None, {"serial": "S"}),
        ("log", None, {"serial": "S", "log": "L"}),
        ("parts", None, {"serial": "S", "parts": [{"value": "V", "colour": "C"}]}),
        ("parts.secret", None, {"serial": "S", "parts": [{"value": "V"}]}),
        ("parts.history", None, {"serial": "S", "parts": [{"value": "V", "history": "H"}]}),
        (
            "parts,parts.history",
            None,
            {"serial": "S", "parts": [{"value": "V", "colour": "C", "history": "H"}]},
        ),
        (
            None,
            "serial,note,parts.value",
            {"serial": "S", "parts": [{"value": "V", "colour": "C"}]},
        ),
        (None, "parts", {"serial": "S", "note": "N"}),
    ],
)
def test_returned_is_obeyed(attributes: Any, excluded: Any, expected: Any) -> None:
    answer = shown(BOX, attributes, excluded, type=DEVICE)
    assert answer.pop("schemas") == ["urn:example:Device"]
    assert answer.pop("id") == "d1"
    answer.pop("meta", None)
    assert answer == expected


def test_a_projection_tells_whether_members_must_be_read() -> None:
    def wants(attributes: Any, excluded: Any = None) -> bool:
        members = GROUP.members
        assert members is not None
        return Projection.read(attributes, excluded, GROUP).shows(members)

    assert wants(None)
    assert wants("members")
    assert wants("MEMBERS.value")
    assert wants('members[value eq "1"]')
    assert wants(None, "members.display")
    assert not wants("displayName")
    assert not wants(None, "Members")
    assert not wants("unknown")
    log = DEVICE.attribute("log")
    assert log is not None
    assert not EVERYTHING.shows(log)
    assert Projection.read("log", None, DEVICE).shows(log)


def test_the_resource_is_not_changed() -> None:
    before = repr(ADA)
    shown(excluded="emails.value")
    assert repr(ADA) == before
