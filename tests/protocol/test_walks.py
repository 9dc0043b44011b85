"""Walks by index and by cursor, also beside changes (RFC 7644 §3.4.2.4, RFC 9865)."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.service import Client


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

    async def late(self: Any, resource_type: Any) -> list[str]:
        for each in gone[:2]:
            await client.delete(f"/Users/{each}")
        for number in range(8):
            await client.user(f"new{number}")
        ids: list[str] = await counted(self, resource_type)
        monkeypatch.undo()
        return ids

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
