"""What is sent to directories and groups of several sizes (`bench/flat.py`), and what may grow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bench.model import Place, Sent, patch
from tests.model.loading import user, user_id
from tests.service import ENTERPRISE

PAGE = 10
SPARE = 500  # users beside a group's members, who are added to it


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table: `make` says what to send next, `note` sees what came back.

    `grows` are the columns that are larger the more there are; docs/benchmarks.md says why.
    """

    name: str
    make: Callable[[Place], Sent]
    note: Callable[[Place, Any], None] = lambda _place, _answer: None
    grows: frozenset[str] = frozenset()


def _get(name: str, path: Callable[[Place], str], **more: Any) -> Operation:
    return Operation(name, lambda place: ("GET", path(place), None), **more)


def _match(name: str, filter: str) -> list[Operation]:
    """Search for somebody who is there, and for nobody."""

    def asked(digits: str) -> str:
        return f"/Users?filter={quote(filter.format(digits))}"

    return [
        _get(f"match {name}, hit", lambda place: asked(f"{place.size // 2:07}")),
        _get(f"match {name}, miss", lambda _place: asked("9999999")),
    ]


def _title(place: Place) -> Sent:
    value = f"Title {next(place.numbers)}"
    return patch(f"/Users/{user_id(3)}", op="Replace", path="title", value=value)


def _page(start: Callable[[Place], int]) -> Callable[[Place], str]:
    return lambda place: f"/Users?count={PAGE}&startIndex={start(place)}"


def _by_cursor(place: Place) -> Sent:
    cursor = f"&cursor={quote(place.cursor)}"
    return "GET", f"/Users?count={PAGE}{cursor}", None


# The first page counts everybody; the others read a bookmark that tells where up to 512 pages
# begin: of fewer pages it is shorter.
_EVERYBODY = frozenset({"rounds", "calls", "rows", "examined", "written", "sent", "received", "ms"})
_BOOKMARK = frozenset({"received"})

USERS: Sequence[Operation] = [
    _get("GET user by id", lambda place: f"/Users/{user_id(place.size // 2)}"),
    *_match("userName", 'userName eq "user{}@example.com"'),
    *_match("externalId", 'externalId eq "external{}"'),
    *_match("displayName", 'displayName eq "User Number {}"'),
    *_match("work e-mail", 'emails[type eq "work"].value eq "user{}@example.com"'),
    *_match("employeeNumber", f'{ENTERPRISE}:employeeNumber eq "{{}}"'),
    Operation(
        "POST user",
        lambda place: ("POST", "/Users", user(next(place.numbers))),
        lambda place, made: place.created.append(made["id"]),
    ),
    Operation("PATCH user, one attribute", _title),
    Operation("DELETE user", lambda place: ("DELETE", f"/Users/{place.created.pop()}", None)),
    _get("list users, first page", _page(lambda _place: 1), grows=_EVERYBODY),
    _get(
        "list users, page in the middle",
        _page(lambda place: place.size // 2 + 1),
        grows=_BOOKMARK,
    ),
    _get("list users, last page", _page(lambda place: place.size - PAGE + 1), grows=_BOOKMARK),
    Operation("list users, page by cursor", _by_cursor),
]


def of_group(size: int) -> Sequence[Operation]:
    """What is done to a group of a size: who is added is removed again."""

    def path(place: Place) -> str:
        return f"/Groups/{place.groups[size]}"

    def edit(place: Place, op: str, id: str) -> Sent:
        return patch(path(place), op=op, path="members", value=[{"value": id}])

    def add(place: Place) -> Sent:
        added = place.added.setdefault(size, [])
        added.append(user_id(size + len(added)))
        return edit(place, "Add", added[-1])

    def asked(place: Place, number: int) -> str:
        filter = f'id eq "{place.groups[size]}" and members eq "{user_id(number)}"'
        return f"/Groups?excludedAttributes=members&filter={quote(filter)}"

    return [
        Operation("add one member", add),
        Operation(
            "remove one member", lambda place: edit(place, "Remove", place.added[size].pop())
        ),
        _get("is X a member, yes", lambda place: asked(place, size // 2)),
        _get("is X a member, no", lambda place: asked(place, size + SPARE - 1)),
        _get(
            "GET group without members", lambda place: f"{path(place)}?excludedAttributes=members"
        ),
    ]
