"""What the transactions of a resource are made of: claims, index rows, and its deletion."""

from collections.abc import Collection

from scim.keys import moves
from scim.repository import Change, Key, Stored
from scim.schema import ResourceType
from storage import keys, rows
from storage.client import MOST, Operation


def claim(type: ResourceType, key: Key, id: str) -> Operation:
    """Claim a unique value: refused when anybody has it."""
    values = {"owner": id, "attribute": key.attribute}
    return Operation("insert", keys.claim(type.name, key), values)


def unclaim(type: ResourceType, key: Key) -> Operation:
    """Give a unique value up."""
    return Operation("delete", keys.claim(type.name, key), lenient=True)


def index(type: ResourceType, key: Key, id: str) -> Operation:
    """Make a value findable."""
    return Operation("put", keys.index(type.name, key, id))


def unindex(type: ResourceType, key: Key, id: str) -> Operation:
    """Make a value unfindable; a row that is gone already is as good."""
    return Operation("delete", keys.index(type.name, key, id), lenient=True)


def ordered(values: Collection[Key]) -> list[Key]:
    """Put keys into one order, so that the value that is named as taken is always the same."""
    return sorted(values, key=lambda each: (each.attribute, each.value))


def deletion(
    type: ResourceType, stored: Stored, change: Change, mark: str | None = None
) -> tuple[list[Operation], list[Operation]]:
    """Make the transaction that deletes a resource; second: index rows for which it has no room.

    With `mark`, the anchor must be as it was: what begins to refer to a resource merges it.
    """
    id, keyed = stored.id, moves(stored.resource, None, type)
    operations = [
        rows.change_row(type.name, id, change),
        Operation("delete", keys.resource(type.name, id), guard=stored.guard),
        Operation("delete", keys.anchor(id), guard=mark, lenient=mark is None),
        *(unclaim(type, key) for key in ordered(keyed.unclaim)),
    ]
    index_rows = [unindex(type, key, id) for key in ordered(keyed.unindex)]
    if len(operations) + len(index_rows) > MOST:
        return operations, index_rows
    return [*operations, *index_rows], []
