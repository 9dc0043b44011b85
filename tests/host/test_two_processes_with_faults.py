"""Two servers, a store that fails all the time, and 64 changes of one group at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.host.proxy import FAULTS, Proxy, by_turns, proxying
from tests.host.serving import ask, serving
from tests.service import PEPPER

EVERY = 5  # one call in so many fails
STAY = 8  # members who are there before and after


@pytest.fixture
def proxy(azurite: str) -> Iterator[Proxy]:
    with proxying(azurite) as running:
        yield running


@pytest.fixture
def both(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """The access to one directory through each of two processes, both behind the proxy."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    arguments = ("--storage", proxy.connection, "--directory", "faulty")
    with (
        serving(one, *arguments, SCIM_PEPPER=PEPPER.decode()) as (_, first),
        serving(two, *arguments, SCIM_PEPPER=PEPPER.decode()) as (_, second),
    ):
        yield first, second


def test_members_are_those_who_were_acknowledged(both: tuple[Any, Any], proxy: Proxy) -> None:
    """32 adds and 32 removes at once: who is acknowledged is in, or out. Who isn't may be either,
    the same from both ends; and when it is sent again, it is as the client wants it.
    """

    def create(number: int) -> str:
        body = {"userName": f"member{number}@example.com"}
        return str(ask(both[number % 2], "POST", "/Users", body)[1]["id"])

    with ThreadPoolExecutor(16) as pool:
        users = list(pool.map(create, range(64 + STAY)))
    add, remove, stay = set(users[:32]), set(users[32:64]), set(users[64:])
    body = {"displayName": "Everybody", "members": [{"value": each} for each in remove | stay]}
    group = ask(both[0], "POST", "/Groups", body)[1]["id"]

    def change(number: int) -> int:
        op = "add" if users[number] in add else "remove"
        operation = {"op": op, "path": "members", "value": [{"value": users[number]}]}
        path = f"/Groups/{group}"
        return ask(both[number % 2], "PATCH", path, {"Operations": [operation]})[0]

    def members() -> set[str]:
        return {each["value"] for each in ask(both[0], "GET", f"/Groups/{group}")[1]["members"]}

    def groups(number: int) -> bool:
        read = ask(both[1], "GET", f"/Users/{users[number]}")[1]
        return [each["value"] for each in read.get("groups", ())] == [group]

    proxy.decide = by_turns(EVERY)
    with ThreadPoolExecutor(64) as pool:
        statuses = dict(zip(users, pool.map(change, range(64)), strict=False))
    proxy.decide = lambda _method: None
    assert set(proxy.met) == set(FAULTS)
    assert set(statuses.values()) == {204, 503}
    acknowledged = {each for each, status in statuses.items() if status == 204}
    found = members()
    assert found >= (add & acknowledged) | stay
    assert not found & remove & acknowledged
    with ThreadPoolExecutor(16) as pool:
        assert [users[number] in found for number in range(len(users))] == list(
            pool.map(groups, range(len(users)))
        )
        again = [number for number in range(64) if users[number] not in acknowledged]
        assert set(pool.map(change, again)) == {204}
    assert members() == add | stay
