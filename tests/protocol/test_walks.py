"""Walks by index and by cursor, also beside changes (RFC 7644 §3.4.2.4, RFC 9865)."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from scim.limits import Limits
from scim.server import Server
from storage.open import Storage
from tests.service import PEPPER, Client, open_directory

# Cosmos DB, which gives rows in no order, by a model of it.
pytestmark = pytest.mark.parametrize("storage", ["memory", "tables", "cosmos"], indirect=True)


async def walk(client: Client, query: str, count: int) -> list[str]:
    """Read everybody by index, page by page."""
    seen: list[str] = []
    while True:
        start = len(seen) + 1
        answer = await client.get(f"/Users?{query}startIndex={start}&count={count}")
        assert answer.body["startIndex"] == start
        assert answer.body["itemsPerPage"] == len(answer.body["Resources"]) <= count
        if not answer.body["Resources"]:
            return seen
        seen += [each["userName"] for each in answer.body["Resources"]]
        if len(seen) >= answer.body["totalResults"]:
            return seen


async def flip(client: Client, query: str, count: int) -> list[str]:
    """Read everybody by cursor."""
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await client.get(f"/Users?{query}count={count}&cursor={quote(cursor)}")
        assert answer.status == 200, answer.body
        assert "startIndex" not in answer.body
        seen += [each["userName"] for each in answer.body["Resources"]]
        cursor = answer.body.get("nextCursor")
    return seen


async def test_a_walk_that_begins_beside_changes_sees_who_stays_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page one is two reads: who comes or goes between them moves no page's end."""
    users = [await client.user(f"x{number}") for number in range(40)]
    gone = sorted(each.id for each in users)[:3]
    repository = client.server._repository(client.directory)
    counted = type(repository).ids

    async def late(self: Any, *type: Any, **between: Any) -> AsyncGenerator[Any, None]:
        monkeypatch.undo()
        for each in gone[:2]:
            await client.delete(f"/Users/{each}")
        for number in range(8):
            await client.user(f"new{number}")
        async for batch in counted(self, *type, **between):
            yield batch

    monkeypatch.setattr(type(repository), "ids", late)
    seen: list[str] = []
    for start in range(1, 49, 4):
        page = await client.get(f"/Users?startIndex={start}&count=4")
        assert page.body["itemsPerPage"] <= 4
        seen += [each["userName"] for each in page.body["Resources"]]
    stay = [each.body["userName"] for each in users if each.id not in gone[:2]]
    assert len(seen) == len(set(seen))
    assert set(stay) <= set(seen)


async def test_a_creation_that_outlasts_the_count_pushes_nobody_off_a_page(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its resource is older than the walk, and in the store only after it."""
    users = [await client.user(f"x{number}") for number in range(12)]
    clock = client.server._clock
    first = await client.get("/Users?startIndex=1&count=4")
    seen = [each["userName"] for each in first.body["Resources"]]
    before = datetime.fromisoformat(users[-1].body["meta"]["created"]) + timedelta(milliseconds=1)
    monkeypatch.setattr(client.server, "_clock", lambda: before)
    for number in range(12):
        await client.user(f"late{number}")
    monkeypatch.setattr(client.server, "_clock", clock)
    for start in (5, 9):
        page = await client.get(f"/Users?startIndex={start}&count=4")
        assert page.body["itemsPerPage"] == 4
        seen += [each["userName"] for each in page.body["Resources"]]
    assert {each.body["userName"] for each in users} == {each for each in seen if each[0] == "x"}


@pytest.mark.parametrize("query", ["", "sortBy=userName&", "filter=userName+co+%22x%22&"])
async def test_walks_see_everybody_once(client: Client, query: str) -> None:
    everybody = {f"x{number}" for number in range(11)}
    for name in everybody:
        await client.user(name)
    for count in (1, 5, 11, 100):
        for seen in (await walk(client, query, count), await flip(client, query, count)):
            assert sorted(seen) == sorted(everybody)


async def test_a_walk_beside_changes_sees_who_stays_once(client: Client) -> None:
    users = [await client.user(f"x{number}") for number in range(12)]
    order = [each["id"] for each in (await client.get("/Users")).body["Resources"]]
    names = {each.id: each.body["userName"] for each in users}
    first = await client.get("/Users?startIndex=1&count=4")
    begun = await client.get("/Users?cursor=&count=4")
    await client.delete(f"/Users/{order[1]}")
    await client.delete(f"/Users/{order[6]}")
    for number in range(6):
        await client.user(f"new{number}")
    seen = [each["userName"] for each in first.body["Resources"]]
    for start in (5, 9):
        page = await client.get(f"/Users?startIndex={start}&count=4")
        assert page.body["totalResults"] == 12
        seen += [each["userName"] for each in page.body["Resources"]]
    expected = sorted(names[each] for each in order if each != order[6])
    # Who was created in the millisecond in which the walk began may be seen.
    assert sorted(each for each in seen if each.startswith("x")) == expected
    seen = [each["userName"] for each in begun.body["Resources"]]
    cursor = begun.body["nextCursor"]
    while cursor:
        page = await client.get(f"/Users?count=4&cursor={cursor}")
        seen += [each["userName"] for each in page.body["Resources"]]
        cursor = page.body.get("nextCursor")
    assert sorted(each for each in seen if each.startswith("x")) == expected


@pytest.mark.parametrize(
    ("query", "start", "shown", "total"),
    [
        ("startIndex=0", 1, 3, 3),
        ("startIndex=-7&count=2", 1, 2, 3),
        ("count=0", 1, 0, 3),
        ("count=-1", 1, 0, 3),
        ("count=10000", 1, 3, 3),
        ("count=99999999999999999999999", 1, 3, 3),
        ("startIndex=2", 2, 2, 3),
        ("startIndex=4", 4, 0, 3),
        ("startIndex=&count=", 1, 3, 3),
    ],
)
async def test_numbers_out_of_range_are_read_as_the_nearest(
    client: Client, query: str, start: int, shown: int, total: int
) -> None:
    for _ in range(3):
        await client.user()
    body = (await client.get(f"/Users?{query}")).body
    assert (body["startIndex"], len(body["Resources"]), body["totalResults"]) == (
        start,
        shown,
        total,
    )


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("count=ten", "invalidValue"),
        ("startIndex=1.5", "invalidValue"),
        ("startIndex=%D9%A1", "invalidValue"),
        ("cursor=&count=ten", "invalidCount"),
        ("cursor=nonsense", "invalidCursor"),
        ("cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "invalidCursor"),
        ("cursor=%00%ff", "invalidCursor"),
        ("cursor=" + "A" * 5000, "invalidCursor"),
        ("cursor=&startIndex=2", "invalidValue"),
    ],
)
async def test_page_parameters_of_nonsense_are_400(client: Client, query: str, kind: str) -> None:
    answer = await client.get(f"/Users?{query}")
    assert (answer.status, answer.body["scimType"]) == (400, kind)


async def test_a_cursor_opens_only_its_own_query(client: Client, strict: Client) -> None:
    for each in (client, strict):
        for _ in range(3):
            await each.user()
    cursor = (await client.get("/Users?cursor=&count=2")).body["nextCursor"]
    assert (await client.get(f"/Users?cursor={cursor}&count=2")).status == 200
    for other, path in (
        (client, "/Users?filter=userName+pr&"),
        (client, "/Users?sortBy=title&"),
        (client, "/Groups?"),
        (strict, "/Users?"),
    ):
        answer = await other.get(f"{path}cursor={cursor}")
        assert (answer.status, answer.body["scimType"]) == (400, "invalidCursor")
    for place in range(0, len(cursor), 9):
        forged = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert (await client.get(f"/Users?cursor={forged}")).status == 400


async def everybody_by_index(clients: Sequence[Client], query: str, count: int) -> list[list[str]]:
    """Walk by index, each page from another server; the names on each page."""
    pages: list[list[str]] = []
    start = total = 1
    while start <= total:
        client = clients[len(pages) % len(clients)]
        answer = await client.get(f"/Users?{query}startIndex={start}&count={count}")
        assert answer.status == 200, answer.body
        pages.append([each["userName"] for each in answer.body["Resources"]])
        total, start = answer.body["totalResults"], start + count
        await asyncio.sleep(0)
    return pages


async def everybody_by_cursor(clients: Sequence[Client], query: str, count: int) -> list[list[str]]:
    """Walk by cursor, each page from another server; the names on each page."""
    pages: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        client = clients[len(pages) % len(clients)]
        answer = await client.get(f"/Users?{query}count={count}&cursor={quote(cursor)}")
        assert answer.status == 200, answer.body
        pages.append([each["userName"] for each in answer.body["Resources"]])
        cursor = answer.body.get("nextCursor")
        await asyncio.sleep(0)
    return pages


def two_servers(storage: Storage, client: Client) -> tuple[Client, Client]:
    """Give the same client of two workers that share nothing but the store."""

    def another() -> Client:
        server = Server(registry=storage.registry, repository=storage.repository, pepper=PEPPER)
        return replace(client, server=server)

    return another(), another()


WALKS = {"index": everybody_by_index, "cursor": everybody_by_cursor}
LISTS = {
    "everybody": "",
    "a filter that no index serves": "filter=userName+co+%22x%22&",
    "a lookup": "filter=displayName+eq+%22all%22&",
    "sorted": "sortBy=userName&sortOrder=descending&",
}


@pytest.mark.parametrize("paging", WALKS)
@pytest.mark.parametrize("listed", LISTS)
async def test_beside_fifty_writers_who_stays_is_seen_exactly_once(
    storage: Storage, paging: str, listed: str
) -> None:
    """While pages come from two workers in turn, 50 come and 50 go, and some are renamed."""
    client = await open_directory(storage)
    people = [await client.user(f"x{number:02}", displayName="all") for number in range(90)]
    ids = [each.id for each in people]
    random.Random(5).shuffle(ids)
    go, renamed = ids[:50], ids[50:60]
    query = LISTS[listed]

    async def churn(number: int) -> None:
        await asyncio.sleep(random.uniform(0, 0.05))
        await client.user(f"newx{number}", displayName="all")
        assert (await client.delete(f"/Users/{go[number]}")).status == 204

    async def rename(id: str) -> None:
        await client.patch(f"/Users/{id}", {"op": "replace", "path": "title", "value": f"was {id}"})

    walking = asyncio.create_task(WALKS[paging](two_servers(storage, client), query, 7))
    writing = [churn(number) for number in range(50)]
    await asyncio.gather(walking, *writing, *(rename(each) for each in renamed))
    seen = Counter(name for page in await walking for name in page)
    stayed = {each.body["userName"] for each in people if each.id not in go}
    assert {name: seen[name] for name in stayed} == dict.fromkeys(stayed, 1)
    assert max(seen.values()) == 1
    assert all(len(page) <= 7 for page in await walking)


@pytest.mark.parametrize("paging", WALKS)
@pytest.mark.parametrize("listed", LISTS)
async def test_a_page_begins_where_the_last_one_ended_in_whichever_worker(
    storage: Storage, paging: str, listed: str
) -> None:
    client = await open_directory(storage)
    names = [f"x{number}" for number in range(23)]
    for name in names:
        await client.user(name, displayName="all")
    pages = await WALKS[paging](two_servers(storage, client), LISTS[listed], 5)
    assert [len(each) for each in pages] == [5, 5, 5, 5, 3]
    assert sorted(name for page in pages for name in page) == sorted(names)


@pytest.mark.parametrize("listed", LISTS)
async def test_a_page_far_beyond_the_end_is_empty(client: Client, listed: str) -> None:
    for number in range(3):
        await client.user(f"x{number}", displayName="all")
    for start in (4, 5, 1000, 10**9, 10**30):
        body = (await client.get(f"/Users?{LISTS[listed]}startIndex={start}&count=2")).body
        assert (body["Resources"], body["totalResults"], body["itemsPerPage"]) == ([], 3, 0)


@pytest.mark.parametrize("listed", LISTS)
async def test_a_cursor_that_is_stale_says_so(storage: Storage, listed: str) -> None:
    client = await open_directory(storage, limits=Limits(cursor_seconds=60))
    for number in range(3):
        await client.user(f"x{number}", displayName="all")
    cursor = (await client.get(f"/Users?{LISTS[listed]}cursor=&count=2")).body["nextCursor"]
    client.server = Server(
        registry=storage.registry,
        repository=storage.repository,
        pepper=PEPPER,
        clock=lambda: datetime.now(UTC) + timedelta(seconds=61),
    )
    answer = await client.get(f"/Users?{LISTS[listed]}cursor={cursor}&count=2")
    assert (answer.status, answer.body["scimType"]) == (400, "expiredCursor")


@pytest.mark.parametrize("listed", ["a lookup", "sorted"])
async def test_an_order_that_is_no_longer_remembered_is_a_cursor_that_expired(
    storage: Storage, listed: str
) -> None:
    """By index the list is put in order again."""
    client = await open_directory(storage)
    for number in range(3):
        await client.user(f"x{number}", displayName="all")
    cursor = (await client.get(f"/Users?{LISTS[listed]}cursor=&count=2")).body["nextCursor"]
    await client.get(f"/Users?{LISTS[listed]}count=2")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert await storage.repository(client.directory).purge_bookmarks(tomorrow) > 0
    answer = await client.get(f"/Users?{LISTS[listed]}cursor={cursor}&count=2")
    assert (answer.status, answer.body["scimType"]) == (400, "expiredCursor")
    page = await client.get(f"/Users?{LISTS[listed]}startIndex=3&count=2")
    assert (page.body["totalResults"], len(page.body["Resources"])) == (3, 1)


@pytest.mark.parametrize("listed", LISTS)
async def test_walks_by_cursor_are_independent(client: Client, listed: str) -> None:
    """Two of one token over one query, the second of which begins after others came and went."""
    people = [await client.user(f"x{number}", displayName="all") for number in range(9)]
    query = LISTS[listed]
    first = await client.get(f"/Users?{query}cursor=&count=4")
    seen = [each["userName"] for each in first.body["Resources"]]
    gone = next(each for each in people if each.body["userName"] not in seen)
    await client.delete(f"/Users/{gone.id}")
    await client.user("0x", displayName="all")
    await client.get(f"/Users?{query}cursor=&count=4")
    cursor = first.body["nextCursor"]
    rest = await client.get(f"/Users?{query}cursor={cursor}&count=100")
    assert rest.body["totalResults"] == 9
    seen += [each["userName"] for each in rest.body["Resources"]]
    assert len(seen) == len(set(seen))
    assert {each.body["userName"] for each in people} - {gone.body["userName"]} <= set(seen)
