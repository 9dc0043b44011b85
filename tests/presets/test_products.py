"""What is special about each product, in the same server as all the others."""

import uuid
from typing import Any
from urllib.parse import quote

import pytest

from scim.cli.mappings import AttributeMapping, Line, mapping
from scim.cli.simulator.dialects import DEFAULT, FLAGGED, STRICT, Dialect
from tests.presets.exchange import everything, person
from tests.presets.player import Player
from tests.presets.serving import DIRECTORIES, Access, Deployment

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CUSTOM = "urn:ietf:params:scim:schemas:extension:custom:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
both = pytest.mark.parametrize("dialect", [DEFAULT, FLAGGED], ids=lambda each: each.name)


def tag() -> str:
    return uuid.uuid4().hex[:8]


async def schemas(access: Access) -> dict[str, Any]:
    """The schemas of a directory's resources, by URN, each with its attributes by name."""
    _, found = await access.ask("GET", "/Schemas")
    return {
        schema["id"]: {each["name"]: each for each in schema["attributes"]}
        for schema in found["Resources"]
        if schema["name"] not in ("ServiceProviderConfig", "ResourceType", "Schema")
    }


async def created(access: Access, path: str, document: Any) -> Any:
    status, body = await access.ask("POST", path, document)
    assert status == 201, body
    return body


async def patched(access: Access, path: str, *operations: Any) -> tuple[int, Any]:
    return await access.ask("PATCH", path, {"schemas": [PATCH_OP], "Operations": operations})


async def matched(access: Access, endpoint: str, path: str, value: str) -> list[Any]:
    query = quote(f'{path} eq "{value}"')
    status, found = await access.ask("GET", f"{endpoint}?filter={query}")
    assert status == 200, found
    resources: list[Any] = found["Resources"]
    return resources


# --- bytebase ---


@both
async def test_bytebase_keeps_two_groups_of_one_name_apart(
    deployment: Deployment, dialect: Dialect
) -> None:
    access, mark = deployment.accesses["bytebase"], tag()
    player = Player(access.send, mapping("bytebase"), dialect)
    source = player.source
    ada, bob = (person(source, name, mark) for name in ("ada", "bob"))
    one = source.add_group(ada, displayName=f"Twins {mark}", mail=f"one.{mark}@example.com")
    two = source.add_group(bob, displayName=f"Twins {mark}", mail=f"two.{mark}@example.com")

    assert len(await player.cycle()) == 6
    player.restart()
    assert await player.cycle() == []  # each was found by its own externalId

    assert len(await matched(access, "/Groups", "displayName", f"Twins {mark}")) == 2
    for group, member in ((one, ada), (two, bob)):
        (found,) = await matched(access, "/Groups", "externalId", group)
        assert found["email"] == source.group(group)["mail"]
        assert found["members"][0]["value"] == player.anchor(member)


async def test_bytebase_refuses_a_second_group_of_one_external_id(deployment: Deployment) -> None:
    access = deployment.accesses["bytebase"]
    group = {"externalId": str(uuid.uuid4()), "displayName": "Once"}
    await created(access, "/Groups", group)
    status, body = await access.ask("POST", "/Groups", {**group, "displayName": "Twice"})
    assert (status, body["scimType"]) == (409, "uniqueness")


async def test_bytebase_shows_the_email_of_groups_in_its_schemas(deployment: Deployment) -> None:
    served = await schemas(deployment.accesses["bytebase"])
    email = served[GROUP]["email"]
    assert (email["type"], email["multiValued"], email["mutability"]) == (
        "string",
        False,
        "readWrite",
    )
    assert served[GROUP]["externalId"]["uniqueness"] == "server"
    assert served[GROUP]["displayName"]["uniqueness"] == "none"


# --- configcat ---


async def test_configcat_knows_its_attributes_and_no_other(deployment: Deployment) -> None:
    served = await schemas(deployment.accesses["configcat"])
    assert {urn: set(attributes) for urn, attributes in served.items()} == {
        USER: {"externalId", "userName", "displayName", "active"},
        GROUP: {"externalId", "displayName", "members"},
    }


async def test_configcat_ignores_what_else_is_sent_and_says_so_in_its_log(
    deployment: Deployment,
) -> None:
    """A stray mapping never blocks the disabling in the same PATCH."""
    access, mark = deployment.accesses["configcat"], tag()
    user = await created(
        access,
        "/Users",
        {
            "schemas": [USER, ENTERPRISE],
            "userName": f"{mark}@example.com",
            "active": True,
            "title": "Analyst",
            "emails": [{"type": "work", "value": "a@example.com"}],
            ENTERPRISE: {"department": "Engines"},
        },
    )
    path = f"/Users/{user['id']}"
    status, after = await patched(
        access,
        path,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "b@example.com"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Looms"},
        {"op": "Replace", "path": "active", "value": "False"},
    )
    assert status == 200
    assert after["active"] is False
    assert set(after) == {"schemas", "id", "meta", "userName", "active"}
    assert (await access.ask("GET", path))[1] == after
    create, update = [
        each for each in await deployment.journal("configcat") if each.resource == user["id"]
    ]
    assert {"title", "emails"} <= set(create.ignored)
    assert "emails" in update.ignored
    assert f"{ENTERPRISE}:department" in update.ignored
    assert update.attributes == ("active",)


async def test_configcat_shows_no_groups_of_a_user(deployment: Deployment) -> None:
    access, mark = deployment.accesses["configcat"], tag()
    user = await created(access, "/Users", {"userName": f"{mark}@example.com"})
    members = [{"value": user["id"]}]
    await created(access, "/Groups", {"displayName": mark, "members": members})
    assert "groups" not in (await access.ask("GET", f"/Users/{user['id']}"))[1]


# --- scalekit ---


async def test_scalekit_serves_the_attribute_that_its_operator_named(
    deployment: Deployment,
) -> None:
    access = deployment.accesses["scalekit"]
    served = await schemas(access)
    assert list(served[CUSTOM]) == ["costCenter"]
    assert served[CUSTOM]["costCenter"]["type"] == "string"
    assert {"department", "employeeNumber"} <= set(served[ENTERPRISE])
    _, types = await access.ask("GET", "/ResourceTypes/User")
    assert CUSTOM in [each["schema"] for each in types["schemaExtensions"]]


@both
@pytest.mark.parametrize(
    "target",
    [f"{CUSTOM}:costCenter", f"{ENTERPRISE}:employeeNumber", f"{ENTERPRISE}:department"],
    ids=lambda each: each.rpartition(":")[2],
)
async def test_scalekit_matches_by_an_extension_s_attribute(
    deployment: Deployment, dialect: Dialect, target: str
) -> None:
    """The mapping's precedence moved to it: found again by it alone, then changed by its path."""
    access, mark = deployment.accesses["scalekit"], tag()
    mapped = matching_by(target)
    player = Player(access.send, mapped, dialect)
    held = everything("ada", mark) | {"department": f"R&D: {mark}"}
    ada = person(player.source, "ada", mark, **held)
    assert await player.cycle() == ["POST /Users"]
    player.restart()
    assert await player.cycle() == []
    before = player.anchor(ada)
    for name in ("extensionAttribute1", "employeeId", "department"):
        player.source.update(ada, **{name: f"new {held[name]}"})
    assert await player.cycle() == [f"PATCH /Users/{before}"]
    player.restart()
    assert await player.cycle() == []
    assert player.anchor(ada) == before


def matching_by(target: str) -> AttributeMapping:
    """Scalekit's mapping of users, matched by one attribute alone."""
    (users, *_) = mapping("scalekit").objects
    lines: list[Line] = [
        each.model_copy(update={"match": 1 if each.target == target else None})
        for each in users.attributes
    ]
    return AttributeMapping(objects=(users.model_copy(update={"attributes": tuple(lines)}),))


# --- bitabiz ---

COMPLETE = {
    "userName": "ada@example.com",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"type": "work", "value": "ada@example.com"}],
}
MISSING = [
    ("userName", "userName"),
    ("name", "name.givenName, name.familyName"),
    ("emails", "emails"),
]


@pytest.mark.parametrize(("left_out", "named"), MISSING, ids=[each for each, _ in MISSING])
async def test_bitabiz_names_what_is_missing_on_create_and_on_replace(
    deployment: Deployment, left_out: str, named: str
) -> None:
    access = deployment.accesses["bitabiz"]
    document = {**COMPLETE, "userName": f"{tag()}@example.com"}
    user = await created(access, "/Users", document)
    lacking = {name: value for name, value in document.items() if name != left_out}
    for method, path in (("POST", "/Users"), ("PUT", f"/Users/{user['id']}")):
        status, body = await access.ask(method, path, lacking)
        assert (status, body["scimType"]) == (400, "invalidValue"), method
        for each in named.split(", "):
            assert each in body["detail"], method
    assert (await access.ask("GET", f"/Users/{user['id']}"))[1] == user


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        ({"op": "Remove", "path": "userName"}, "userName"),
        ({"op": "Remove", "path": "name.givenName"}, "name.givenName"),
        ({"op": "Replace", "path": "name.familyName", "value": ""}, "name.familyName"),
        ({"op": "Remove", "path": "name"}, "name.givenName"),
        ({"op": "Remove", "path": "emails"}, "emails"),
        ({"op": "Remove", "path": 'emails[type eq "work"]'}, "emails"),
        ({"op": "Replace", "path": 'emails[type eq "work"].value', "value": ""}, "emails"),
        ({"op": "replace", "value": {"name": {"givenName": None}}}, "name.givenName"),
    ],
    ids=str,
)
async def test_bitabiz_names_what_a_patch_would_take_away(
    deployment: Deployment, operation: Any, named: str
) -> None:
    """Also beside a change that is fine: all or nothing."""
    access = deployment.accesses["bitabiz"]
    user = await created(access, "/Users", {**COMPLETE, "userName": f"{tag()}@example.com"})
    path = f"/Users/{user['id']}"
    fine = {"op": "Replace", "path": "title", "value": "Analyst"}
    status, body = await patched(access, path, fine, operation)
    assert (status, body.get("scimType")) == (400, "invalidValue"), body
    assert named in body["detail"]
    assert (await access.ask("GET", path))[1] == user


@both
async def test_bitabiz_keeps_who_is_deleted_and_finds_them_again(
    deployment: Deployment, dialect: Dialect
) -> None:
    """DELETE is 204; the person stays, disabled, is matched later, and is enabled by a PATCH."""
    access, mark = deployment.accesses["bitabiz"], tag()
    player = Player(access.send, mapping("bitabiz"), dialect)
    ada = person(player.source, "ada", mark)
    await player.cycle()
    id = player.anchor(ada)

    player.source.purge(ada)
    assert await player.cycle() == [f"DELETE /Users/{id}"]
    (found,) = await matched(access, "/Users", "userName", f"ada+{mark}@example.com")
    assert (found["id"], found["active"]) == (id, False)
    assert (await access.ask("DELETE", f"/Users/{id}"))[0] == 204  # again, with nothing to do
    assert (await access.ask("GET", f"/Users/{id}"))[1] == found

    person(player.source, "ada", mark, objectId=ada)
    assert await player.cycle() == [f"PATCH /Users/{id}"]
    assert (await player.show(ada))["active"] is True


# --- &Money ---


async def test_a_room_has_no_name_and_an_advisor_has(deployment: Deployment) -> None:
    rooms = await schemas(deployment.accesses["rooms"])
    advisors = await schemas(deployment.accesses["advisors"])
    common = {"externalId", "userName", "displayName", "active", "addresses"}
    assert {urn: set(held) for urn, held in rooms.items()} == {USER: common}
    assert {urn: set(held) for urn, held in advisors.items()} == {USER: common | {"name"}}
    names = {each["name"] for each in advisors[USER]["name"]["subAttributes"]}
    assert names == {"givenName", "familyName"}


@pytest.mark.parametrize("name", ["advisors", "rooms"])
async def test_neither_of_andmoney_s_directories_has_groups(
    deployment: Deployment, name: str
) -> None:
    access = deployment.accesses[name]
    assert (await access.ask("GET", "/Groups"))[0] == 404
    assert (await access.ask("POST", "/Groups", {"displayName": "Sales"}))[0] == 404


@pytest.mark.parametrize("name", DIRECTORIES)
async def test_a_token_opens_its_own_directory_alone(deployment: Deployment, name: str) -> None:
    """The advisors' token on /rooms is 401, as every other one's anywhere else."""
    access = deployment.accesses[name]
    assert (await access.ask("GET", "/Users"))[0] == 200
    for other, theirs in deployment.accesses.items():
        if other != name:
            sent = {"Authorization": f"Bearer {access.token}"}
            status, body = await theirs.ask("GET", "/Users", headers=sent)
            assert status == 401, other
            assert other not in body["detail"]


# --- rfc ---


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "Replace", "path": "displayName", "value": "Ada"}, "invalidSyntax"),
        ({"op": "replace", "path": "active", "value": "False"}, "invalidValue"),
        ({"op": "add", "path": f"{ENTERPRISE}:manager", "value": "1"}, "invalidValue"),
        ({"op": "add", "path": "costCentre", "value": "1"}, "invalidPath"),
        (
            {"op": "replace", "path": 'phoneNumbers[type eq "fax"].value', "value": "1"},
            "noTarget",
        ),
    ],
    ids=str,
)
async def test_rfc_tolerates_nothing(
    deployment: Deployment, operation: Any, scim_type: str
) -> None:
    """Everything that Entra sends and the RFC doesn't have is refused, and changes nothing."""
    access = deployment.accesses["rfc"]
    user = await created(access, "/Users", {"schemas": [USER], "userName": f"{tag()}@example.com"})
    path = f"/Users/{user['id']}"
    status, body = await patched(access, path, operation)
    assert status == 400, body
    assert body["scimType"] == scim_type, body
    assert (await access.ask("GET", path))[1] == user


async def test_rfc_refuses_what_no_schema_has(deployment: Deployment) -> None:
    access = deployment.accesses["rfc"]
    document = {"schemas": [USER], "userName": f"{tag()}@example.com"}
    for name in ("costCentre", "name.givenName"):
        status, body = await access.ask("POST", "/Users", {**document, name: "1"})
        assert status == 400, name
        assert name in body["detail"]
        refused = (await deployment.journal("rfc"))[-1]
        assert (refused.verb, refused.status, refused.operation) == ("refuse", 400, "POST /Users")


async def test_rfc_is_not_for_entra(deployment: Deployment) -> None:
    """An administrator who chooses it for Entra sees why in the provisioning log."""
    access, mark = deployment.accesses["rfc"], tag()
    strict = Player(access.send, mapping("rfc"), STRICT)
    ada = person(strict.source, "ada", mark)
    await strict.cycle()
    strict.source.update(ada, displayName="New")
    entra = Player(access.send, mapping("rfc"), DEFAULT, strict.source)
    with pytest.raises(AssertionError, match=r"PATCH .* 400 .*must be"):
        await entra.cycle()
