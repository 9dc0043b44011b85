"""The ends of pages, and what a walk remembers (RFC 7644 §3.4.2.4, RFC 9865)."""

import dataclasses
from datetime import UTC, datetime, timedelta

from scim.catalog import BUILT_IN_RESOURCE_TYPES
from scim.credentials import issue
from scim.limits import Limits
from scim.server import Server
from storage.open import Storage, open_storage
from tests.service import PEPPER, Client, open_directory

RANK = "urn:example:params:scim:schemas:Rank:1.0"


async def test_the_last_page_has_no_next_cursor(client: Client) -> None:
    for _ in range(4):
        await client.user()
    first = await client.get("/Users?cursor=&count=2")
    last = await client.get(f"/Users?cursor={first.body['nextCursor']}&count=2")
    assert len(last.body["Resources"]) == 2
    assert "nextCursor" not in last.body
    assert "nextCursor" not in (await client.get("/Users?cursor=&count=4")).body


async def test_a_page_is_never_longer_than_the_limit(storage: Storage) -> None:
    client = await open_directory(storage, limits=Limits(default_page=1, max_page=2))
    for _ in range(3):
        await client.user()
    for query, expected in (("", 1), ("?count=50", 2), ("?cursor=&count=50", 2)):
        answer = await client.get(f"/Users{query}")
        assert (answer.body["totalResults"], len(answer.body["Resources"])) == (3, expected), query


async def test_walks_of_two_tokens_do_not_move_each_other(storage: Storage) -> None:
    ours = await open_directory(storage)
    token, credential = issue(ours.directory.id, pepper=PEPPER, now=datetime.now(UTC))
    await storage.registry.add_credential(credential)
    theirs = dataclasses.replace(ours, token=token)
    for _ in range(4):
        await ours.user()
    assert (await ours.get("/Users?startIndex=1&count=2")).body["totalResults"] == 4
    await ours.user()
    assert (await theirs.get("/Users?startIndex=1&count=2")).body["totalResults"] == 5
    assert (await ours.get("/Users?startIndex=3&count=2")).body["totalResults"] == 4


async def test_a_walk_that_outlived_its_bookmark_counts_again(storage: Storage) -> None:
    client = await open_directory(storage, limits=Limits(cursor_seconds=60))
    for _ in range(4):
        await client.user()
    await client.get("/Users?startIndex=1&count=2")
    await client.user()
    client.server = Server(
        registry=storage.registry,
        repository=storage.repository,
        pepper=PEPPER,
        clock=lambda: datetime.now(UTC) + timedelta(seconds=61),
    )
    assert (await client.get("/Users?startIndex=3&count=2")).body["totalResults"] == 5


async def test_who_asks_beyond_the_end_learns_of_a_list_that_grew(storage: Storage) -> None:
    """Within a minute nobody counts again; after it, once."""
    client = await open_directory(storage)
    for _ in range(2):
        await client.user()
    await client.get("/Users?startIndex=1&count=1")
    await client.user()
    assert (await client.get("/Users?startIndex=3&count=1")).body["totalResults"] == 2
    client.server = Server(
        registry=storage.registry,
        repository=storage.repository,
        pepper=PEPPER,
        clock=lambda: datetime.now(UTC) + timedelta(seconds=61),
    )
    page = (await client.get("/Users?startIndex=3&count=1")).body
    assert (page["totalResults"], len(page["Resources"])) == (3, 1)


async def test_a_walk_of_more_pages_than_a_bookmark_holds() -> None:
    """Page 512 ends a bookmark, page 513 begins the next; beyond the end nobody counts again."""
    client = await open_directory(open_storage("memory"))
    for n in range(519):
        await client.user(userName=f"person{n}@example.com")
    seen = []
    for start in range(1, 520):
        page = (await client.get(f"/Users?startIndex={start}&count=1")).body
        assert page["totalResults"] == 519
        seen += [each["id"] for each in page["Resources"]]
    assert len(seen) == len(set(seen)) == 519
    await client.user()
    for start in (520, 5_000, 10**12):
        page = (await client.get(f"/Users?startIndex={start}&count=1")).body
        assert (page["totalResults"], page.get("Resources", [])) == (519, []), start


async def test_types_that_define_an_attribute_differently_are_sorted_together(
    storage: Storage,
) -> None:
    """`title` is text to a user and a number to a rank."""
    client = await open_directory(
        storage,
        schemas=[
            {
                "id": RANK,
                "name": "Rank",
                "attributes": [{"name": "title", "type": "integer"}],
            }
        ],
        resource_types=[
            *BUILT_IN_RESOURCE_TYPES,
            {"name": "Rank", "endpoint": "/Ranks", "schema": RANK},
        ],
    )
    await client.user(title="b")
    await client.user(title="a")
    await client.user()
    for rank in (2, 1):
        assert (await client.post("/Ranks", {"schemas": [RANK], "title": rank})).status == 201
    answer = await client.get("/?sortBy=title")
    assert answer.status == 200, answer.body
    assert [each.get("title") for each in answer.body["Resources"]] == [1, 2, "a", "b", None]
