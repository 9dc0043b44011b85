"""Two server processes over one store, as Azure runs as many as it likes."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.host.serving import ask, serving
from tests.service import PEPPER as SHARED

PEPPER = SHARED.decode()  # one store, one pepper


@pytest.fixture(scope="module")
def both(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """The access to one directory through each of two processes."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    arguments = ("--storage", azurite, "--directory", "shared")
    with (
        serving(one, *arguments, SCIM_PEPPER=PEPPER) as (_, first),
        serving(two, *arguments, SCIM_PEPPER=PEPPER) as (_, second),
    ):
        yield first, second


def patch(access: Any, path: str, operation: Any, **headers: str) -> int:
    return ask(access, "PATCH", path, {"Operations": [operation]}, **headers)[0]


def test_parallel_member_adds_from_both_are_all_kept(both: tuple[Any, Any]) -> None:
    """64 parallel "add one member" PATCHes on one group: all 64 present, no 5xx."""
    users = [
        ask(both[0], "POST", "/Users", {"userName": f"u{number}@example.com"})[1]["id"]
        for number in range(64)
    ]
    group = ask(both[0], "POST", "/Groups", {"displayName": "Everybody"})[1]["id"]

    def add(number: int) -> int:
        value = [{"$ref": None, "value": users[number]}]
        operation = {"op": "Add", "path": "members", "value": value}
        return patch(both[number % 2], f"/Groups/{group}", operation)

    with ThreadPoolExecutor(64) as pool:
        statuses = Counter(pool.map(add, range(64)))
    assert statuses == {204: 64}
    _, read = ask(both[1], "GET", f"/Groups/{group}")
    assert {each["value"] for each in read["members"]} == set(users)


def test_of_sixteen_patches_with_one_version_one_succeeds(both: tuple[Any, Any]) -> None:
    """16 PATCHes with the same If-Match, half at each: exactly one succeeds."""
    _, user = ask(both[0], "POST", "/Users", {"userName": "versioned@example.com"})
    version = {"If-Match": user["meta"]["version"]}

    def change(number: int) -> int:
        operation = {"op": "Replace", "path": "title", "value": f"t{number}"}
        return patch(both[number % 2], f"/Users/{user['id']}", operation, **version)

    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(change, range(16)))
    assert statuses == {200: 1, 412: 15}


def test_racing_creations_at_both_make_one(both: tuple[Any, Any]) -> None:
    """64 racing POSTs of one userName in mixed case: one 201, the rest 409 uniqueness."""
    name = "racer@example.com"

    def create(number: int) -> tuple[int, str | None]:
        spelled = "".join(c.upper() if number >> place & 1 else c for place, c in enumerate(name))
        status, body = ask(both[number % 2], "POST", "/Users", {"userName": spelled})
        return status, body.get("scimType")

    with ThreadPoolExecutor(64) as pool:
        answers = Counter(pool.map(create, range(64)))
    assert answers == {(201, None): 1, (409, "uniqueness"): 63}


def test_a_change_at_one_is_seen_at_the_other(both: tuple[Any, Any]) -> None:
    _, user = ask(both[0], "POST", "/Users", {"userName": "seen@example.com", "title": "a"})
    path = f"/Users/{user['id']}"
    for number in range(6):
        operation = {"op": "Replace", "path": "title", "value": f"t{number}"}
        assert patch(both[number % 2], path, operation) == 200
        assert ask(both[1 - number % 2], "GET", path)[1]["title"] == f"t{number}"
