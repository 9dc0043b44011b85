"""What a directory makes of a schema is what its resources are held to, and what it serves."""

from typing import Any

import pytest

from scim.catalog import BUILT_IN_SCHEMAS, Catalog
from scim.definitions import ResourceTypeDocument, Schema
from scim.document import missing, read
from scim.errors import InvalidSyntax, InvalidValue
from scim.rules import Rules
from scim.schema import ResourceType

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
BADGE = "urn:example:scim:schemas:2.0:Badge"


def catalog(*overlays: dict[str, Any], **rules: Any) -> Catalog:
    return Rules.model_validate({"resourceTypes": list(overlays), **rules}).catalog


def user(**overlay: Any) -> ResourceType:
    return catalog({"name": "User", **overlay}).resource_types[0]


def served(catalog: Catalog, urn: str) -> dict[str, Any]:
    """The attributes of a schema as `/Schemas` serves them, sub-attributes included, by path."""
    document = next(each.document() for each in catalog.schemas if each.id == urn)
    found = {}
    for attribute in document["attributes"]:
        found[attribute["name"]] = attribute
        for sub in attribute.get("subAttributes", []):
            found[f"{attribute['name']}.{sub['name']}"] = sub
    return found


def test_a_schema_that_nobody_shapes_is_served_as_it_is() -> None:
    """The same value, not a copy: shaping costs nothing where there is nothing to do."""
    plain = catalog({"name": "User"}, {"name": "Group"})
    assert all(one is other for one, other in zip(plain.schemas, BUILT_IN_SCHEMAS, strict=True))


def test_an_added_attribute_is_part_of_the_base_schema() -> None:
    shaped = catalog({"name": "Group", "attributes": [{"name": "email"}]})
    group = shaped.resource_types[0]
    assert group.path("EMAIL") is not None
    assert str(group.path(f"{group.schema.id}:email")) == "email"
    assert served(shaped, group.schema.id)["email"]["type"] == "string"
    assert read({"displayName": "g", "email": "g@example.com"}, group)[0]["email"]


def test_only_what_is_named_is_left() -> None:
    """Whole attributes and single sub-attributes; what is part of every resource stays."""
    shaped = user(
        only=["userName", "NAME.givenname", "emails", "emails.value"],
        memberOf=None,
        active=None,
        indexed=[],
        attributes=[{"name": "shoe"}],
    )
    assert [each.name for each in shaped.schema.attributes] == [
        *("userName", "name", "emails", "shoe")
    ]
    assert [str(each) for each in shaped.paths() if str(each).startswith("name.")] == [
        "name.givenName"
    ]
    assert shaped.path("emails.type") is not None, "the whole attribute was named, too"
    assert shaped.path("externalId") is not None
    assert shaped.path("id") is not None
    assert shaped.path("title") is None
    with pytest.raises(InvalidSyntax, match=r"no schema has the attribute name\.familyName"):
        read({"userName": "ada", "name": {"familyName": "L"}}, shaped)


def test_a_required_path_marks_every_attribute_on_the_way() -> None:
    shaped = catalog({"name": "User", "required": ["name.givenName", "emails.value", "title"]})
    attributes = served(shaped, shaped.resource_types[0].schema.id)
    required = {path for path, each in attributes.items() if each["required"]}
    assert required == {*("userName", "name", "name.givenName", "emails", "emails.value", "title")}


def test_a_required_attribute_of_an_extension_makes_the_extension_required() -> None:
    shaped = catalog({"name": "User", "required": [f"{ENTERPRISE.upper()}:department"]})
    [resource_type] = shaped.resource_types
    assert served(shaped, ENTERPRISE)["department"]["required"]
    assert resource_type.document()["schemaExtensions"] == [
        {"schema": ENTERPRISE, "required": True}
    ]
    assert missing({"userName": "ada"}, resource_type) == [f"{ENTERPRISE}:department"]


def test_an_external_id_can_be_required_where_the_schema_does_not_list_it() -> None:
    badge = {"id": BADGE, "name": "Badge", "attributes": [{"name": "number"}]}
    shaped = catalog(
        {
            "name": "Badge",
            "endpoint": "/Badges",
            "schema": BADGE,
            "required": ["externalId"],
            "unique": ["externalId"],
        },
        schemas=[badge],
    )
    served_id = served(shaped, BADGE)["externalId"]
    assert served_id["required"]
    assert served_id["caseExact"]
    assert served_id["uniqueness"] == "server"
    assert missing({"number": "1"}, shaped.resource_types[0]) == ["externalId"]


def test_uniqueness_is_served_as_the_list_says() -> None:
    shaped = catalog(
        {"name": "Group", "unique": ["externalId"]},
        {"name": "User", "unique": ["userName", f"{ENTERPRISE}:employeeNumber"]},
    )
    group, user = shaped.resource_types
    attributes = served(shaped, group.schema.id)
    assert attributes["externalId"]["uniqueness"] == "server"
    assert attributes["displayName"]["uniqueness"] == "none"
    assert served(shaped, user.schema.id)["userName"]["uniqueness"] == "server"
    assert served(shaped, ENTERPRISE)["employeeNumber"]["uniqueness"] == "server"
    assert served(shaped, ENTERPRISE)["department"]["uniqueness"] == "none"


def test_a_shaped_type_is_resolved_to_its_own_definitions() -> None:
    """What is marked is what paths, `members` and `active` lead to."""
    shaped = catalog(
        {
            "name": "Group",
            "attributes": [{"name": "email"}],
            "unique": ["externalId"],
            "adopts": {"externalId": "email"},
        },
        {"name": "User", "required": ["active"]},
    )
    group, user = shaped.resource_types
    assert group.members is group.schema.attribute("members")
    assert [tuple(map(str, each)) for each in group.adopts] == [("externalId", "email")]
    assert user.active is user.schema.attribute("active")
    assert user.active is not None
    assert user.active.required
    assert group.active is None


@pytest.mark.parametrize(
    ("sent", "absent"),
    [
        ({}, "userName, name.familyName, name.givenName, emails.value"),
        ({"name": {}}, "userName, name.familyName, name.givenName, emails.value"),
        ({"name": {"givenName": "Ada"}}, "userName, name.familyName, emails.value"),
        ({"emails": []}, "userName, name.familyName, name.givenName, emails.value"),
        (
            {"userName": "ada", "emails": [{"value": "a"}, {"type": "work"}]},
            "name.familyName, name.givenName, emails.value",
        ),
        (
            {"name": {"givenName": "A", "familyName": ""}, "userName": "a", "emails": [{}]},
            "name.familyName, emails.value",
        ),
    ],
)
def test_what_is_missing_is_named_as_it_is_to_be_sent(sent: dict[str, Any], absent: str) -> None:
    """`name.givenName`, not `name`: nobody can map a value to `name`."""
    shaped = user(required=["emails.value", "name.givenName", "name.familyName"])
    with pytest.raises(InvalidValue, match=f"must have a value for {absent}:"):
        read(sent, shaped)


NESTED = {"name": "in", "type": "complex", "subAttributes": [{"name": "deep"}]}
COMPLEX = {"name": "site", "type": "complex", "subAttributes": [{"name": "code"}]}
PAIR = {"unique": ["externalId"], "attributes": [{"name": "email"}, COMPLEX]}


@pytest.mark.parametrize(
    ("overlay", "complaint"),
    [
        (
            {"attributes": [{"name": "USERNAME"}]},
            "attributes[0].name: urn:ietf:params:scim:schemas",
        ),
        ({"attributes": [{"name": "Id"}]}, "attributes[0].name: Id is part of every resource"),
        ({"attributes": [{"name": "a"}, {"name": "meta"}]}, "attributes[1].name: meta is part of"),
        ({"attributes": [{"name": "schemas"}]}, "attributes[0].name: schemas is part of every"),
        ({"attributes": [{"name": "externalid"}]}, "attributes[0].name: externalid is part of"),
        ({"attributes": [{"name": "a"}, {"name": "A"}]}, "attributes[1].name: A is there twice"),
        (
            {"attributes": [COMPLEX, {"name": "Site.Code"}]},
            "attributes[1].name: site.code would be the path of two attributes",
        ),
        (
            {"attributes": [{"name": "site.code"}, COMPLEX]},
            "attributes[1].name: site.code would be the path of two attributes",
        ),
        (
            {"attributes": [{"name": "out", "type": "complex", "subAttributes": [NESTED]}]},
            "attributes[0].subAttributes[0].type: out.in is complex, but a sub-attribute must be",
        ),
        ({"only": ["userName", "colour"]}, "only[1]: a User has no attribute called colour"),
        ({"only": ["name.colour"]}, "only[0]: a User has no attribute called name.colour"),
        ({"only": [f"{ENTERPRISE}:department"]}, "only[0]: urn:ietf:params:scim:schemas:extension"),
        ({"only": ["active"]}, "memberOf: groups is left out: name it in only, or leave it out"),
        ({"only": ["active"], "memberOf": None}, "indexed[1]: displayName is left out"),
        ({"only": ["groups"], "indexed": []}, "active: active is left out"),
        (
            {"only": ["active", "groups"], "unique": ["userName"], "indexed": []},
            "unique[0]: userName is left out",
        ),
        (
            {"only": ["active", "groups", "name.givenName"], "required": ["name.familyName"]},
            "required[0]: name.familyName is left out",
        ),
        (
            {
                "only": ["active", "groups", "externalId"],
                "indexed": [],
                "unique": ["externalId"],
                "adopts": {"externalId": "title"},
            },
            "adopts.externalId: title is left out",
        ),
        ({"required": ["colour"]}, "required[0]: a User has no attribute called colour"),
        ({"required": [ENTERPRISE]}, "required[0]: a User has no attribute called urn:"),
        ({"required": ["id"]}, "required[0]: id is read-only, so nobody can send it"),
        ({"required": ["schemas"]}, "required[0]: schemas is read-only"),
        ({"required": ["groups.value"]}, "required[0]: groups.value is read-only"),
        ({"unique": ["name"]}, "unique[0]: name is complex and has no one value: name a sub-"),
        (
            {"indexed": ["emails"]},
            "indexed[0]: emails is complex and has no one value: name emails.",
        ),
        ({"indexed": ["groups.value"]}, "indexed[0]: groups.value is computed"),
        ({"indexed": ["meta.created"]}, "indexed[0]: meta.created is computed"),
        ({"active": "enabled"}, "active: a User has no attribute called enabled"),
        ({"active": "title"}, "active: title must be a boolean, single-valued and readWrite"),
        ({"active": "emails.primary"}, "active: emails.primary must be an attribute of the base"),
        ({"members": "groups.value"}, "members: groups.value must be an attribute of the base"),
        ({"adopts": {"externalId": "title"}}, "adopts.externalId: externalId must be unique, or"),
        ({**PAIR, "adopts": {"colour": "email"}}, "adopts.colour: a User has no attribute called"),
        ({**PAIR, "adopts": {"externalId": "tint"}}, "adopts.externalId: a User has no attribute"),
        ({**PAIR, "adopts": {"externalId": "site"}}, "adopts.externalId: site must be a string"),
        (
            {**PAIR, "adopts": {"externalId": "emails.value"}},
            "adopts.externalId: emails.value must",
        ),
        (
            {**PAIR, "adopts": {"externalId": "externalId"}},
            "adopts.externalId: externalId can't be",
        ),
    ],
    ids=lambda each: each[:60] if isinstance(each, str) else "",
)
def test_a_document_that_cannot_be_meant_is_refused_with_its_place(
    overlay: dict[str, Any], complaint: str
) -> None:
    document = {"schema": BUILT_IN_SCHEMAS[0].id, "name": "User", "endpoint": "/Users"}
    with_built_in = Rules.model_validate({"resourceTypes": [{"name": "User"}]}).resource_types[0]
    whole = {**with_built_in.model_dump(by_alias=True, exclude_none=True), **document, **overlay}
    with pytest.raises(ValueError, match=r"^resourceTypes\[0\]") as caught:
        Catalog.build((), [ResourceTypeDocument.model_validate(whole)])
    assert str(caught.value).startswith(f"resourceTypes[0].{complaint}")


def test_members_cannot_be_required() -> None:
    """They are rows of their own, and Entra makes a group before it sends who is in it."""
    with pytest.raises(ValueError, match=r"required\[0\]: members\.value can't be required"):
        catalog({"name": "Group", "required": ["members.value"]})


def test_two_types_cannot_make_different_things_of_one_schema() -> None:
    """A schema is served once, by its URN."""
    guest = {"name": "Guest", "endpoint": "/Guests", "schema": BUILT_IN_SCHEMAS[0].id}
    both = catalog({"name": "User"}, guest)
    assert [each.name for each in both.resource_types] == ["User", "Guest"]
    same = {"unique": ["userName", "externalId"]}
    assert len(catalog({"name": "User", **same}, {**guest, **same}).schemas) == 2
    with pytest.raises(ValueError, match=r"resourceTypes\[1\]: User and Guest make different"):
        catalog({"name": "User"}, {**guest, "required": ["title"]})
    with pytest.raises(ValueError, match=rf"User and Guest make different .* {ENTERPRISE}"):
        catalog(
            {"name": "User"},
            {
                **guest,
                "schema": BADGE,
                "schemaExtensions": [{"schema": ENTERPRISE}],
                "required": [f"{ENTERPRISE}:department"],
            },
            schemas=[Schema(id=BADGE, name="Badge", attributes=())],
        )
