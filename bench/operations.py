"""What is measured: each operation as its requests, in the order in which they are sent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from bench.directory import Population, encoded, members_body, patch_body, user
from bench.serving import Request

USERS = 1_200
SPARE = 1_000  # users from this place on are in no group until they are added to one

_WORK = 'emails[type eq "work"].value'

Yardstick = Literal["point read", "transaction"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table. `make` makes the next request, `note` sees each response's document.

    `share` is the part of the usual number of requests that are sent of a slow one.
    """

    name: str
    yardstick: Yardstick
    make: Callable[[], Request]
    note: Callable[[Any], None] = lambda _: None
    share: float = 1


def basic(people: Population) -> list[Operation]:
    """Everything that does not depend on the size of a group."""
    alone, changed, same, replaced, member = people.users[-5:]
    for _ in range(5):
        people.group([member])

    def post() -> Request:
        return Request("POST", "/Users", encoded(user(people.number())))

    def delete() -> Request:
        return Request("DELETE", f"/Users/{people.created.pop()}")

    def put() -> Request:
        body = user(len(people.users) - 2, title=f"Title {people.number()}")
        return Request("PUT", f"/Users/{replaced}", encoded(body))

    def patch() -> Request:
        return _patch_title(changed, f"Title {people.number()}")

    def patch_same() -> Request:
        return _patch_title(same, "Engineer")

    return [
        _get("GET ServiceProviderConfig (no storage)", "/ServiceProviderConfig"),
        _get("GET user, without groups", f"/Users/{alone}?excludedAttributes=groups"),
        _get("GET user, in no group", f"/Users/{alone}"),
        _get("GET user, in 5 groups", f"/Users/{member}"),
        _match("match userName, hit", 'userName eq "user7@bench.example"'),
        _match("match userName, miss", 'userName eq "nobody"'),
        _match("match externalId, hit", 'externalId eq "user7"'),
        _match("match externalId, miss", 'externalId eq "nobody"'),
        _match("match work e-mail, hit", f'{_WORK} eq "user7@bench.example"'),
        _match("match work e-mail, miss", f'{_WORK} eq "nobody"'),
        Operation("POST user", "transaction", post, lambda made: people.created.append(made["id"])),
        Operation("DELETE user", "transaction", delete),
        Operation("PUT user, one value differs", "transaction", put),
        Operation("PATCH user, one attribute", "transaction", patch),
        Operation("PATCH user, nothing differs", "point read", patch_same),
        _get("list users, first page of 100", "/Users?count=100", share=0.2),
        _get("list users, page in the middle", "/Users?count=100&startIndex=501", share=0.2),
    ]


def of_group(people: Population, group: str, size: int) -> list[Operation]:
    """What is done to a group of a size: those added are removed again, one by one."""
    label = f"group of {size:,}"
    spare = iter(people.users[SPARE:])
    inside: list[str] = []

    def add() -> Request:
        inside.append(next(spare))
        return Request("PATCH", f"/Groups/{group}", members_body("Add", inside[-1:]))

    def remove() -> Request:
        return Request("PATCH", f"/Groups/{group}", members_body("Remove", [inside.pop()]))

    asked = quote(f'id eq "{group}" and members eq "{people.users[SPARE]}"')
    return [
        Operation(f"{label}: add one member", "transaction", add),
        _get(f"{label}: is X a member", f"/Groups?filter={asked}&excludedAttributes=members"),
        Operation(f"{label}: remove one member", "transaction", remove),
        _get(f"{label}: GET without members", f"/Groups/{group}?excludedAttributes=members"),
    ]


def side_by_side(people: Population) -> list[tuple[str, Callable[[int], Request]]]:
    """What is sent on many connections at once; each request is about another user."""

    def get(number: int) -> Request:
        return Request("GET", f"/Users/{people.users[number % SPARE]}")

    def match(number: int) -> Request:
        text = quote(f'userName eq "user{number % SPARE}@bench.example"')
        return Request("GET", f"/Users?filter={text}")

    def patch(number: int) -> Request:
        return _patch_title(people.users[number % SPARE], f"Title {people.number()}")

    return [
        ("GET user", get),
        ("match userName, hit", match),
        ("PATCH user, one attribute", patch),
    ]


def _get(name: str, path: str, *, share: float = 1) -> Operation:
    return Operation(name, "point read", lambda: Request("GET", path), share=share)


def _match(name: str, filter: str) -> Operation:
    return _get(name, f"/Users?filter={quote(filter)}")


def _patch_title(id: str, title: str) -> Request:
    body = patch_body({"op": "Replace", "path": "title", "value": title})
    return Request("PATCH", f"/Users/{id}", body)
