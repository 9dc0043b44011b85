"""Filters, projections, order, and `.search` (RFC 7644 §3.4.2, §3.4.3)."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.service import ENTERPRISE, Client

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


async def found(client: Client, filter: str, endpoint: str = "/Users") -> list[str]:
    """List the titles (or names) of what a filter finds, the same way by GET and by POST."""
    answer = await client.get(f"{endpoint}?filter={quote(filter)}")
    assert answer.status == 200, answer.body
    posted = await client.post(f"{endpoint}/.search", {"schemas": [SEARCH], "filter": filter})
    assert posted.body == answer.body
    assert answer.body["totalResults"] == len(answer.body["Resources"])
    return sorted(
        each.get("title", each.get("displayName", "")) for each in answer.body["Resources"]
    )


@pytest.fixture
async def people(client: Client) -> dict[str, str]:
    ada = await client.user(
        "ada@example.com",
        title="Ada",
        externalId="E1",
        active=True,
        name={"familyName": "Byron"},
        emails=[
            {"type": "work", "value": "ada@example.com"},
            {"type": "home", "value": "a@example.org"},
        ],
    )
    bob = await client.user(
        'bob"\\x@example.com',
        title="Bob",
        externalId="e1",
        active=False,
        emails=[{"type": "home", "value": "ada@example.com"}],
        **{ENTERPRISE: {"employeeNumber": "1001", "manager": {"value": ada.id}}},
    )
    group = await client.group("Engines", members=[ada.id])
    return {"ada": ada.id, "bob": bob.id, "group": group.id}


async def test_filters_find_whom_they_name(client: Client, people: dict[str, str]) -> None:
    cases = [
        ('userName eq "ADA@example.com"', ["Ada"]),
        ('USERNAME Eq "ada@example.com"', ["Ada"]),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada@example.com"', ["Ada"]),
        ('userName eq "bob\\"\\\\x@example.com"', ["Bob"]),
        ('externalId eq "E1"', ["Ada"]),
        ('externalId eq "e1"', ["Bob"]),
        ("externalId eq E1", ["Ada"]),
        (f'id eq "{people["ada"]}"', ["Ada"]),
        ('emails[type eq "work"].value eq "ada@example.com"', ["Ada"]),
        ('emails[type eq "work" and value eq "ada@example.com"]', ["Ada"]),
        ('emails.value eq "ada@example.com"', ["Ada", "Bob"]),
        ('emails eq "a@example.org"', ["Ada"]),
        ('emails co "example.org"', ["Ada"]),
        ("active eq true", ["Ada"]),
        ('active eq "True"', ["Ada"]),
        ("active ne true", ["Bob"]),
        ('name.familyName sw "by"', ["Ada"]),
        ("name.familyName pr", ["Ada"]),
        ("not (name.familyName pr)", ["Bob"]),
        ('title eq "Ada" or title eq "Bob" and active eq true', ["Ada"]),
        ('(title eq "Ada" or title eq "Bob") and active eq false', ["Bob"]),
        ('userName eq "ada@example.com" or title eq "Bob"', ["Ada", "Bob"]),
        ('title eq "Bob" or userName eq "ada@example.com"', ["Ada", "Bob"]),
        ('userName eq "ada@example.com" or externalId eq "e1"', ["Ada", "Bob"]),
        (f'{ENTERPRISE}:employeeNumber eq "1001"', ["Bob"]),
        (f'{ENTERPRISE}:manager eq "{people["ada"]}"', ["Bob"]),
        (f'{ENTERPRISE}:manager.value eq "{people["ada"]}"', ["Bob"]),
        ('meta.created gt "2020-01-01T00:00:00Z"', ["Ada", "Bob"]),
        ('meta.lastModified lt "2020-01-01T00:00:00.0000000Z"', []),
        ('meta.resourceType eq "User"', ["Ada", "Bob"]),
        (f'meta.location ew "{people["bob"]}"', ["Bob"]),
        (f'schemas eq "{ENTERPRISE}"', ["Bob"]),
        (f'groups.value eq "{people["group"]}"', ["Ada"]),
        (f'groups eq "{people["group"]}" and active eq false', []),
        ("groups pr", ["Ada"]),
        ('groups.type eq "direct"', ["Ada"]),
        ('title gt "ada"', ["Bob"]),
        ("title eq null", []),
        ("nickName eq null", ["Ada", "Bob"]),
        ('userName eq "nobody@example.com"', []),
    ]
    for filter, expected in cases:
        assert await found(client, filter) == expected, filter


async def test_filters_find_groups_by_members(client: Client, people: dict[str, str]) -> None:
    ada, bob, group = people["ada"], people["bob"], people["group"]
    outer = await client.group("Outer", members=[group, bob])
    cases = [
        (f'id eq "{group}" and members eq "{ada}"', ["Engines"]),
        (f'id eq "{group}" and members eq "{bob}"', []),
        (f'members.value eq "{bob}" and id eq "{outer.id}"', ["Outer"]),
        (f'members[value eq "{ada}"]', ["Engines"]),
        (f'members[value eq "{group}" and type eq "Group"]', ["Outer"]),
        (f'members[value eq "{group}" and type eq "User"]', []),
        (f'members eq "{group}"', ["Outer"]),
        (f'not (members eq "{ada}")', ["Outer"]),
        (f'members ne "{ada}"', ["Outer"]),
        ('members.type eq "Group"', ["Outer"]),
        (f'members co "{ada[:13]}"', ["Engines"]),
        ("members pr", ["Engines", "Outer"]),
        ('displayName eq "ENGINES"', ["Engines"]),
    ]
    for filter, expected in cases:
        assert await found(client, filter, "/Groups") == expected, filter


async def test_a_match_query_shows_a_full_resource(client: Client, people: dict[str, str]) -> None:
    answer = await client.get('/Users?filter=userName+eq+"ada%40example.com"')
    assert answer.body["Resources"] == [(await client.get(f"/Users/{people['ada']}")).body]
    assert (answer.body["startIndex"], answer.body["itemsPerPage"]) == (1, 1)


async def test_nobody_found_is_an_empty_list(client: Client) -> None:
    for path in (
        '/Users?filter=userName+eq+"7f5c3a10-0000-4000-8000-000000000000"',
        '/Groups?excludedAttributes=members&filter=displayName+eq+"none"',
        "/Users",
        "/Users?startIndex=50&count=5",
    ):
        answer = await client.get(path)
        assert answer.status == 200
        assert answer.body["totalResults"] == 0
        assert answer.body["Resources"] == []


@pytest.mark.parametrize(
    "filter",
    [
        'nobodyKnows eq "x"',
        'emails.nobodyKnows eq "x"',
        "userName",
        "userName eq",
        'userName eq "x" and',
        '(userName eq "x"',
        'emails[type eq "work"',
        "active gt true",
        'meta.created gt "yesterday"',
        'userName xx "y"',
        "",
        "(" * 500 + 'userName eq "x"' + ")" * 500,
        " or ".join(['userName eq "x"'] * 3000),
        "\x00",
    ],
)
async def test_a_bad_filter_is_400_on_an_empty_store_too(client: Client, filter: str) -> None:
    for answer in (
        await client.get(f"/Users?filter={quote(filter)}"),
        await client.post("/Users/.search", {"filter": filter}),
    ):
        assert (answer.status, answer.body["scimType"]) == (400, "invalidFilter")


async def test_projections(client: Client, people: dict[str, str]) -> None:
    """RFC 7644 §3.9, with names in any case and what validators send."""
    path = f"/Users/{people['ada']}"
    always = {"schemas", "id"}
    for query, expected in (
        ("attributes=userName", {"userName"}),
        ("attributes=USERNAME,title", {"userName", "title"}),
        ("attributes=name.familyName", {"name"}),
        ('attributes=emails[type%20eq%20"work"]', {"emails"}),
        ("attributes=nobodyKnows", set()),
        ("attributes=meta.version", {"meta"}),
        ("excludedAttributes=id,emails,meta,groups,name,externalId,active", {"userName", "title"}),
    ):
        answer = await client.get(f"{path}?{query}")
        assert answer.body.keys() == always | expected, query


async def test_lists_are_sorted_by_any_attribute(client: Client) -> None:
    """RFC 7644 §3.4.2.3: missing values come last ascending; letter case as caseExact says."""
    for name, title in (("c", "b"), ("B", "a"), ("a", None)):
        await client.user(name, **({"title": title} if title else {}))

    async def names(query: str) -> str:
        answer = await client.get(f"/Users?{query}")
        return "".join(each["userName"] for each in answer.body["Resources"])

    assert await names("sortBy=userName") == "aBc"
    assert await names("sortBy=userName&sortOrder=descending") == "cBa"
    assert await names("sortBy=title") == "Bca"
    assert await names("SORTBY=USERNAME&count=2&startindex=2") == "Bc"
    # Created within one millisecond, perhaps; so any order of these is right.
    assert sorted(await names("sortBy=meta.created")) == ["B", "a", "c"]
    assert (await client.get("/Users?sortBy=nobodyKnows")).status == 400
    assert (await client.get("/Users?sortBy=userName&sortOrder=sideways")).status == 400


async def test_search_over_all_types(client: Client) -> None:
    """RFC 7644 §3.4.3: a search at the root is over all resource types."""
    ada = await client.user("ada", displayName="Same")
    group = await client.group("Same")
    body: dict[str, Any] = {"schemas": [SEARCH], "filter": 'displayName eq "same"'}
    answer = await client.post("/.search", body)
    assert {each["id"] for each in answer.body["Resources"]} == {ada.id, group.id}
    answer = await client.post("/.search", {"filter": 'userName eq "ada"'})
    assert [each["id"] for each in answer.body["Resources"]] == [ada.id]
    answer = await client.post("/.search", {"filter": 'nobodyKnows eq "x"'})
    assert answer.status == 400
    pages = [
        await client.post("/.search", {"startIndex": start, "count": 1, "sortBy": "displayName"})
        for start in (1, 2)
    ]
    assert {page.body["Resources"][0]["id"] for page in pages} == {ada.id, group.id}
    assert (await client.get("/")).body["totalResults"] == 2


async def test_an_attribute_that_a_type_lacks_has_no_value_there(client: Client) -> None:
    """RFC 7644 §3.4.2.1: the filter is asked of every type."""
    ada = await client.user("ada", displayName="X")
    group = await client.group("G", members=[ada.id])
    both, nobody = {ada.id, group.id}, set[str]()
    for filter, expected in (
        ('meta.resourceType eq "Group" or userName pr', both),
        ('userName eq "ada" or members.value pr', both),
        ("not (userName pr)", {group.id}),
        ('userName ne "ada"', {group.id}),
        ("userName eq null", {group.id}),
        ('userName pr and displayName eq "g"', nobody),
        ('members[value pr] or emails[not (type eq "work")]', {group.id}),
        ('not (members[value pr]) and not (userName eq "eve")', {ada.id}),
    ):
        answer = await client.post("/.search", {"filter": filter})
        assert answer.status == 200, filter
        assert {each["id"] for each in answer.body["Resources"]} == expected, filter
        assert answer.body["totalResults"] == len(expected)
    for filter in ('nobodyKnows eq "x" or userName pr', "userName pr and emails[nothing pr]"):
        answer = await client.post("/.search", {"filter": filter})
        assert (answer.status, answer.body["scimType"]) == (400, "invalidFilter"), filter


async def test_resources_without_the_sorted_attribute_come_last(client: Client) -> None:
    """RFC 7644 §3.4.2.3: last in ascending, first in descending order, of other types too."""
    group = await client.group("A")
    users = [(await client.user(name)).id for name in ("b", "c")]
    answer = await client.get("/?sortBy=userName")
    assert [each["id"] for each in answer.body["Resources"]] == [*users, group.id]
    answer = await client.get("/?sortBy=userName&sortOrder=descending")
    assert [each["id"] for each in answer.body["Resources"]] == [group.id, *reversed(users)]


async def test_of_long_values_the_beginning_is_sorted_by(client: Client) -> None:
    """A hundred characters, so that a list of many is held; those that are alike are by id."""
    long = "x" * 99
    titles = [f"{long}b", *(f"{long}a{each}" for each in ("z" * 5000, "y", "z"))]
    ids = [(await client.user(f"u{place}", title=each)).id for place, each in enumerate(titles)]
    answer = await client.get("/Users?sortBy=title")
    assert [each["id"] for each in answer.body["Resources"]] == [*sorted(ids[1:]), ids[0]]


async def test_a_search_request_is_checked(client: Client) -> None:
    bodies: tuple[Any, ...] = (
        {"schemas": ["urn:example:other"], "filter": "userName pr"},
        {"filter": 7},
        {"filter": ["userName pr"]},
        {"count": "ten"},
        {"attributes": {"a": 1}},
        [],
        "filter",
    )
    for body in bodies:
        answer = await client.post("/Users/.search", body)
        assert answer.status == 400, body
    assert (await client.post("/Users/.search", {"FILTER": "userName pr"})).status == 200
