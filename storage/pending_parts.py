"""The parts of a large edit of members: what one transaction has room for, as the text of a row."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress

from scim.errors import Unavailable
from scim.repository import Member
from storage import keys, rows
from storage.client import MOST, Operation, Partition, Row
from storage.memberships import Difference

# Memberships of a part, whose transaction has its own row and the note of the edit besides.
_ADDED, _REMOVED = (MOST - 2) // 3, (MOST - 2) // 2
_PART = 200_000  # characters of a part: a row has 1 MiB, of two bytes for each
_BODY = 500_000  # characters of parts in a transaction


def read(part: Row) -> Difference:
    """Read a part. Raises Unavailable for one that a hand has damaged."""
    try:
        written = json.loads(rows.joined(part.values))
        add, remove = (tuple(Member(*each) for each in written[name]) for name in ("add", "remove"))
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(
            "a large edit of the members can't be read: an operator has to repair the directory",
            retry_after=60,
        ) from error
    return add, remove


async def foreseen(partition: Partition, id: str) -> dict[Member, bool]:
    """Tell which groups pending edits add a resource to (True), and remove it from (False).

    What a damaged part says nobody knows.
    """
    notes, said = set[str](), dict[str, bool]()
    async for page in partition.pages(*keys.below(keys.EDITS), any_order=True):
        for row in page:
            _, type, group, edit, *number = row.key.split(":")
            note = keys.pending(type, group, edit)
            if not number:
                notes.add(note)
            elif id in rows.joined(row.values):
                with suppress(Unavailable):
                    for joins, some in zip((True, False), read(row), strict=True):
                        said |= {note: joins} if any(each.id == id for each in some) else {}
    groups = {note: note.split(":") for note in said.keys() & notes}
    return {Member(group, type): said[note] for note, (_, type, group, _) in groups.items()}


def cut(left: Difference) -> Iterator[str]:
    """Write a difference as the parts that it is done in. Raises TooLarge."""
    add, remove = left
    some: list[Member] = []
    size = 0
    for each in add:
        rows.check_display(each)
        own = 12 * len(each.display or "")  # at most, as JSON
        if len(some) == _ADDED or (some and size + own > _PART):
            yield _text(some, ())
            some, size = [], 0
        some.append(each)
        size += own
    if some:
        yield _text(some, ())
    for start in range(0, len(remove), _REMOVED):
        yield _text((), remove[start : start + _REMOVED])


def _text(add: Sequence[Member], remove: Sequence[Member]) -> str:
    written = {
        "add": [[each.id, each.type, each.display] for each in add],
        "remove": [[each.id, each.type] for each in remove],
    }
    return json.dumps(written, separators=(",", ":"))


def packed(parts: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Put as many parts together as one transaction takes."""
    some: list[Operation] = []
    size = 0
    for each in parts:
        own = sum(map(len, each.values.values()))
        if some and (len(some) == MOST or size + own > _BODY):
            yield some
            some, size = [], 0
        some.append(each)
        size += own
    if some:
        yield some
