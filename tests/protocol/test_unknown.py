"""Attributes that no schema has: ignored, refused or kept, as the directory's rules say."""

import json
import logging
from typing import Any
from urllib.parse import quote

import pytest

from storage.open import Storage
from tests.service import ENTERPRISE, Answer, Client, open_directory

KEPT = "urn:scim:directory:schemas:kept:2.0:User"
POLICIES = ("ignore", "reject", "keep")
STRAY = {"op": "Add", "path": "badgeCode", "value": "7"}
STRAY_URN = {"op": "Add", "path": "urn:example:2.0:User:badgeCode", "value": "7"}
DISABLE = {"op": "Replace", "path": "active", "value": "False"}
MALFORMED = ("badge code", "a..b", "badgeCode[", "badgeCode[type eq]", 'x[type eq "a"', "7x")


@pytest.fixture(params=["entra", "rfc"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def opened(storage: Storage, dialect: str, unknown: str) -> Client:
    return await open_directory(storage, dialect=dialect, unknown=unknown)


def meant(operation: dict[str, Any], dialect: str) -> dict[str, Any]:
    """Write an operation as the dialect has it."""
    strict = {**operation, "op": operation["op"].lower()}
    if strict["path"] == "active":
        strict["value"] = False
    return strict if dialect == "rfc" else operation


def kept(answer: Answer) -> dict[str, str]:
    elements = answer.body.get(KEPT, {}).get("attributes", [])
    return {each["name"]: each["value"] for each in elements}


@pytest.mark.parametrize("unknown", ["ignore", "keep"])
@pytest.mark.parametrize(
    "stray",
    [
        STRAY,
        STRAY_URN,
        {**STRAY, "path": f"{ENTERPRISE}:badgeCode"},
        {**STRAY, "path": "name.badgeCode"},
        {**STRAY, "path": 'emails[type eq "work"].badgeCode'},
        {**STRAY, "path": 'desk[type eq "work"].floor'},
        {**STRAY, "op": "Remove"},
        {**STRAY, "op": "Replace", "value": ""},
        {**STRAY, "value": {"deep": [{"er": None}]}},
    ],
    ids=lambda each: f"{each['op']} {each['path']}",
)
async def test_a_stray_mapping_never_blocks_a_deprovisioning(
    storage: Storage, dialect: str, unknown: str, stray: dict[str, Any]
) -> None:
    client = await opened(storage, dialect, unknown)
    user = await client.user()
    operations = [meant(each, dialect) for each in (stray, DISABLE)]
    answer = await client.patch(f"/Users/{user.id}", *operations)
    assert answer.status == 200
    assert answer.body["active"] is False


@pytest.mark.parametrize("stray", [STRAY, STRAY_URN], ids=lambda each: each["path"])
async def test_where_strays_are_refused_nothing_is_done(
    storage: Storage, dialect: str, stray: dict[str, Any]
) -> None:
    client = await opened(storage, dialect, "reject")
    user = await client.user(active=True)
    for operations in ([stray, DISABLE], [DISABLE, stray]):
        sent = [meant(each, dialect) for each in operations]
        answer = await client.patch(f"/Users/{user.id}", *sent)
        assert (answer.status, answer.body["scimType"]) == (400, "invalidPath")
        assert "badgeCode" in answer.body["detail"]
    answer = await client.post("/Users", {"userName": "x", "badgeCode": "7"})
    assert (answer.status, answer.body["scimType"]) == (400, "invalidSyntax")
    answer = await client.put(f"/Users/{user.id}", {"userName": "x", "badgeCode": "7"})
    assert answer.status == 400
    now = await client.get(f"/Users/{user.id}")
    assert now.body == user.body


@pytest.mark.parametrize("unknown", POLICIES)
async def test_a_malformed_path_is_refused_in_each_policy(
    storage: Storage, dialect: str, unknown: str
) -> None:
    client = await opened(storage, dialect, unknown)
    user = await client.user(active=True)
    for path in MALFORMED:
        sent = [meant(each, dialect) for each in (DISABLE, {**STRAY, "path": path})]
        answer = await client.patch(f"/Users/{user.id}", *sent)
        assert answer.status == 400, path
        assert answer.body["scimType"] in ("invalidPath", "invalidFilter")
    assert (await client.get(f"/Users/{user.id}")).body == user.body


@pytest.mark.parametrize("unknown", POLICIES)
async def test_nobody_filters_by_what_no_schema_has(
    storage: Storage, dialect: str, unknown: str
) -> None:
    client = await opened(storage, dialect, unknown)
    filter = quote('badgeCode eq "7"')
    answer = await client.get(f"/Users?filter={filter}")
    assert (answer.status, answer.body["scimType"]) == (400, "invalidFilter")


@pytest.mark.parametrize("unknown", POLICIES)
async def test_the_extension_is_published_where_it_is_used(
    storage: Storage, dialect: str, unknown: str
) -> None:
    client = await opened(storage, dialect, unknown)
    found = await client.get(f"/Schemas/{KEPT}")
    assert found.status == (200 if unknown == "keep" else 404)
    type = await client.get("/ResourceTypes/User")
    extensions = [each["schema"] for each in type.body["schemaExtensions"]]
    assert (KEPT in extensions) is (unknown == "keep")
    if unknown == "keep":
        (attributes,) = found.body["attributes"]
        assert [each["name"] for each in attributes["subAttributes"]] == ["name", "value"]


async def test_what_is_kept_is_read_replaced_and_found(storage: Storage, dialect: str) -> None:
    client = await opened(storage, dialect, "keep")
    user = await client.user(badgeCode=7, **{"urn:example:Badge": {"colour": "red"}})
    assert kept(user) == {"badgeCode": "7", "urn:example:Badge:colour": "red"}
    assert KEPT in user.body["schemas"]
    other = await client.user(badgeCode="8", title="7")
    for name, value, found in (
        ("badgecode", "7", [user.id]),
        ("badgeCode", "8", [other.id]),
        ("badgeCode", "red", []),
    ):
        filter = f'{KEPT}:attributes[name eq "{name}" and value eq "{value}"]'
        answer = await client.get(f"/Users?filter={quote(filter)}")
        assert [each["id"] for each in answer.body["Resources"]] == found
    again = await client.put(f"/Users/{user.id}", user.body)
    assert again.body == user.body
    replaced = {"userName": user.body["userName"], "desk": "1"}
    answer = await client.put(f"/Users/{user.id}", replaced)
    assert kept(answer) == {"desk": "1"}
    answer = await client.get(f"/Users/{user.id}?excludedAttributes={KEPT}")
    assert KEPT not in answer.body


async def test_the_same_patch_twice_writes_once(storage: Storage, dialect: str) -> None:
    client = await opened(storage, dialect, "keep")
    user = await client.user(desk="1")
    operations = [
        {"op": "add", "path": "badgeCode", "value": [{"value": 1, "a": 2}]},
        {"op": "remove", "path": "DESK"},
        {"op": "replace", "value": {"urn:example:2.0:User:badge": "7"}},
    ]
    once = await client.patch(f"/Users/{user.id}", *operations)
    assert kept(once) == {
        "badgeCode": '[{"a":2,"value":1}]',
        "urn:example:2.0:User:badge": "7",
    }
    twice = await client.patch(f"/Users/{user.id}", *operations)
    assert twice.body == once.body
    assert once.body["meta"]["version"] != user.body["meta"]["version"]


async def test_groups_keep_beside_their_members(storage: Storage, dialect: str) -> None:
    client = await opened(storage, dialect, "keep")
    user = await client.user()
    group = await client.group(mail="g@example.com")
    operations = [
        {"op": "add", "path": "members", "value": [{"value": user.id}]},
        {"op": "add", "path": "mail", "value": "h@example.com"},
    ]
    answer = await client.patch(f"/Groups/{group.id}", *operations)
    assert answer.status in (200, 204)
    found = await client.get(f"/Groups/{group.id}")
    assert [each["value"] for each in found.body["members"]] == [user.id]
    (mail,) = found.body[KEPT.replace("User", "Group")]["attributes"]
    assert mail == {"name": "mail", "value": "h@example.com"}


MANY = {f"a{n}": "x" for n in range(100)}
UNKEPT: tuple[dict[str, Any], ...] = (
    {"badgeCode": "x" * 32_001},
    {"c" * 256: "x"},
    {**MANY, "badgeCode": "x"},
    {f"a{n}": "x" * 32_000 for n in range(99)},
    {"urn:example:Badge": {f"b{n}": "x" for n in range(900)}},
)


@pytest.mark.parametrize("strays", UNKEPT, ids=lambda each: f"{len(each)} {next(iter(each))[:20]}")
async def test_what_cannot_be_kept_blocks_nothing(
    storage: Storage, dialect: str, strays: dict[str, Any]
) -> None:
    """It is ignored with a warning, in a POST, a PUT and a PATCH; what can be kept is."""
    client = await opened(storage, dialect, "keep")
    made = await client.user(**strays)
    name = made.body["userName"]
    put = await client.put(f"/Users/{made.id}", {"userName": name, "title": "Dr", **strays})
    assert (put.status, put.body["title"]) == (200, "Dr")
    assert kept(put) == kept(made)
    other = await client.user(active=True)
    place = f"/Users/{other.id}"
    paths = [meant({**STRAY, "path": each, "value": strays[each]}, dialect) for each in strays]
    keys = {"op": "add", "value": strays}
    for operations in ([*paths, meant(DISABLE, dialect)], [meant(DISABLE, dialect), keys]):
        answer = await client.patch(place, *operations)
        assert (answer.status, answer.body["active"]) == (200, False), answer.body
        entries = [each async for each in storage.repository(client.directory).entries()]
        assert all(each.ignored for each in entries if each.resource == made.id)
        assert all(
            each.ignored for each in entries if each.request == answer.headers["x-request-id"]
        )
        assert len(kept(answer)) <= 100
        await client.patch(place, {"op": "replace", "path": "active", "value": True})


async def test_the_limits_of_what_is_kept_are_told_to_who_writes_there(
    storage: Storage, dialect: str
) -> None:
    client = await opened(storage, dialect, "keep")
    user = await client.user(active=True)
    for values in UNKEPT[:4]:
        elements = [{"name": name, "value": value} for name, value in values.items()]
        add = {"op": "add", "path": f"{KEPT}:attributes", "value": elements}
        for answer in (
            await client.patch(f"/Users/{user.id}", meant(DISABLE, dialect), add),
            await client.put(f"/Users/{user.id}", {**user.body, KEPT: {"attributes": elements}}),
        ):
            assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
    assert (await client.get(f"/Users/{user.id}")).body == user.body


async def test_a_resource_holds_all_that_it_may_keep(storage: Storage) -> None:
    """The largest that the rules allow is stored, and can still be changed."""
    client = await opened(storage, "entra", "keep")
    values = {f"a{n}": "x" * 32_000 for n in range(7)}
    answer = await client.user("large@example.com", **values, a8="x" * 32_000)
    assert kept(await client.get(f"/Users/{answer.id}")) == values
    more = {"op": "add", "value": {"title": "x" * 200_000, "active": False}}
    answer = await client.patch(f"/Users/{answer.id}", more)
    assert (answer.status, answer.body["active"]) == (200, False)


SECRETS = (
    'emails[value eq "ada@x"].value',
    'desk[value eq "ada@x"].floor',
    "ada@x",
    "john.doe@example.com",
    "urn:ada@x:badge",
    "urn:example:john.doe@example.com",
    "scim_abcdefghijkl_" + "s3cret" * 8,
    "urn:example:scim_abcdefghijkl_" + "s3cret" * 8,
    "desk.scim_abcdefghijkl_" + "s3cret" * 8,
)
MARKERS = ("ada@x", "john.doe", "scim_abc", "s3cret")


@pytest.mark.parametrize("unknown", POLICIES)
async def test_no_log_and_no_error_holds_what_is_no_more_than_a_name_by_its_place(
    storage: Storage, dialect: str, unknown: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A mapping gone wrong may put values, or a token, where the name of an attribute is due."""
    client = await opened(storage, dialect, unknown)
    logging.getLogger("scim").setLevel(logging.INFO)
    user = await client.user()
    place, name = f"/Users/{user.id}", user.body["userName"]
    answers: list[Answer] = []
    with caplog.at_level(logging.DEBUG):
        for secret in SECRETS:
            inner = {"name": {secret: "1"}, "emails": [{"value": "e", secret: "1"}]}
            for document in (
                {secret: "1"},
                {secret: {secret: "1"}},
                {ENTERPRISE: {secret: 1}},
                inner,
            ):
                answers += [
                    await client.post("/Users", {"userName": f"{len(answers)}", **document}),
                    await client.put(place, {"userName": name, **document}),
                    await client.patch(place, {"op": "add", "value": document}),
                ]
            elements = [{"name": secret, "value": "1"}]
            for path, value in (
                (secret, "1"),
                (secret, {secret: "1"}),
                (f"{ENTERPRISE}:{secret}", "1"),
                (f"name.{secret}", "1"),
                (f'emails[{secret} eq "1"].value', "1"),
                (f"emails[{secret} is wrong].value", "1"),
                (f"desk[{secret} is wrong].value", "1"),
                (f'emails[type eq "work"].{secret}', "1"),
                (f"{KEPT}:attributes", elements),
            ):
                answers += [
                    await client.patch(place, {"op": op, "path": path, "value": value})
                    for op in ("add", "replace", "remove")
                ]
            for filter in (
                f'{secret} eq "1"',
                f"{secret} pr",
                f"not {secret}",
                f"emails[{secret} a]",
            ):
                answers.append(await client.get(f"/Users?filter={quote(filter)}"))
                answers.append(await client.get(f"/Users?filter={quote(filter)}&sortBy={secret}"))
    errors = [each.body["detail"] for each in answers if each.status >= 400]
    entries = [each async for each in storage.repository(client.directory).entries()]
    lines = [each.getMessage() for each in caplog.records if each.name.startswith("scim")]
    assert len(errors) > 100
    assert len(lines) >= len(answers)
    assert all(each.status < 500 for each in answers)
    for text in (*errors, *map(str, entries), *lines):
        assert not any(marker in text for marker in MARKERS), text


async def test_a_warning_names_what_is_ignored_not_what_is_kept(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    client = await opened(storage, "entra", "keep")
    logging.getLogger("scim").setLevel(logging.INFO)
    with caplog.at_level(logging.INFO, "scim"):
        await client.user(badgeCode="7", name={"givenName": "Ada", "rank": "1"})
    (line,) = [json.loads(each.message) for each in caplog.records if each.name == "scim.request"]
    assert line["ignored"] == "name.rank"
