"""What is done to large groups (`bench/large_groups.py`), each to a group of its own."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.model import DIRECTORY, TABLE, Sent, Timed, load_users, patch
from scim.limits import LARGEST_BODY
from tests.model.loading import Loader, user_id
from tests.model.rows import Rows

_LOADING = 4_096  # MiB of the file that are in memory while it is written
_IN_GROUPS = 1_000  # groups of one user
# Entra's documentation names no number of members in a PATCH; captures show one, and several.
_FEW, _MANY = 20, 1_000
_FITTING = LARGEST_BODY // 52  # members in a body: an id, and what JSON needs around it
_FULL = ("large", "swapped", "shrunk", "emptied", "deleted")
_EMPTY = ("added", "put", "built", "slowly")

Make = Callable[[], Iterator[Sent]]


@dataclass(frozen=True, slots=True)
class Case:
    """What is sent; when all is done, the group has `then` members, -1 where nobody counts."""

    key: str
    name: str
    members: int
    sent: Make
    group: str = ""
    then: int = -1


def cases(ids: Mapping[str, str], size: int) -> list[Case]:
    """Say what is measured, in order; nothing is made before it is sent."""
    few, most = min(10_000, size), min(_FITTING, size)

    def on(group: str, then: int, key: str, name: str, members: int, sent: Make) -> Case:
        return Case(key, name, members, sent, ids[group], then)

    def edit(group: str, op: str, numbers: range) -> Make:
        return lambda: iter([_edit(ids[group], op, numbers)])

    def built(group: str, each: int) -> Make:
        starts = range(0, size, each)
        return lambda: (
            _edit(ids[group], "Add", range(start, min(start + each, size))) for start in starts
        )

    def put(group: str, numbers: range) -> Make:
        return lambda: iter([("PUT", f"/Groups/{ids[group]}", _document(group, numbers))])

    def plain(method: str, path: str) -> Make:
        return lambda: iter([(method, path, None)])

    def change(group: str, **operation: str) -> Make:
        return lambda: iter([patch(f"/Groups/{ids[group]}", **operation)])

    def post() -> Iterator[Sent]:
        yield "POST", "/Groups", _document("Posted", range(few))

    added, one = range(few), range(size, size + 1)
    rename = change("large", op="Replace", path="displayName", value="Renamed")
    everybody = change("emptied", op="Remove", path="members")
    others = put("swapped", range(size, size + most))
    person = f"/Users/{user_id(_lonely(size))}"
    return [
        Case("post", "POST with members", few, post),
        on("added", few, "add", "PATCH adds", few, edit("added", "Add", added)),
        on("added", few, "again", "the same PATCH again", few, edit("added", "Add", added)),
        on("added", 0, "remove", "PATCH removes", few, edit("added", "Remove", added)),
        on("put", few, "put", "PUT to an empty group", few, put("put", added)),
        on("large", size + 1, "one", "PATCH adds one", size, edit("large", "Add", one)),
        on("large", size + 1, "rename", "rename", size, rename),
        Case("read", "GET with members", size, plain("GET", f"/Groups/{ids['large']}")),
        on("swapped", most, "swap", f"PUT of {most:,} others", size, others),
        on(
            "shrunk",
            10,
            "shrink",
            "PATCH replaces by 10",
            size,
            edit("shrunk", "Replace", range(10)),
        ),
        on("emptied", 0, "empty", "PATCH removes all", size, everybody),
        Case("delete", "DELETE of a group", size, plain("DELETE", f"/Groups/{ids['deleted']}")),
        Case("user", "DELETE of a user in groups", _IN_GROUPS, plain("DELETE", person)),
        on("built", size, "build", f"built by PATCHes of {_MANY:,}", size, built("built", _MANY)),
        on("slowly", size, "slowly", f"built by PATCHes of {_FEW:,}", size, built("slowly", _FEW)),
    ]


def _edit(group: str, op: str, numbers: range) -> Sent:
    return patch(f"/Groups/{group}", op=op, path="members", value=_members(numbers))


def _members(numbers: range) -> list[dict[str, str]]:
    return [{"value": user_id(each)} for each in numbers]


def _document(name: str, numbers: range) -> dict[str, object]:
    return {"displayName": name.title(), "members": _members(numbers)}


def _lonely(size: int) -> int:
    """Give the number of somebody who is in small groups alone."""
    return 2 * size + 1


async def load(file: Path, size: int) -> None:
    """Write the rows of twice as many users as are members, and of groups, into a file."""
    service = Timed(rows=Rows(file, cache=_LOADING))
    await load_users(service, range(_lonely(size) + 1))
    loader = Loader(service, TABLE, DIRECTORY)
    groups = {name: await loader.group(name.title(), range(size)) for name in _FULL}
    groups |= {name: await loader.group(name.title(), range(0)) for name in _EMPTY}
    for number in range(_IN_GROUPS):
        await loader.group(f"Small {number:04}", range(_lonely(size), _lonely(size) + 1))
    service.rows.close()
    file.with_suffix(".json").write_text(json.dumps(groups))
