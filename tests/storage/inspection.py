"""Looking at the rows themselves: what must never be there, whoever raced and whatever failed."""

from collections.abc import Callable, Mapping

from scim.keys import claims, indexes
from storage import keys, rows
from storage.client import Partition, Row
from tests.storage.making import GROUP, USER

TYPES = {each.name: each for each in (USER, GROUP)}


async def faults(partition: Partition) -> list[str]:
    """Say what is wrong with a directory's rows: nothing, one hopes."""
    found = {row.key: row for row in await partition.range("", "~")}
    # What is left of a deletion is removed by whoever finds the note of it.
    leaving = {keys.last_part(key) for key in found if key.startswith(keys.DELETIONS)}
    wrong: list[str] = []
    for key, row in found.items():
        kind, *parts = key.split(":")
        if kind in "mn" and leaving & {*parts}:
            continue
        expected = _EXPECTED[kind](parts, row) if kind in _EXPECTED else []
        wrong += [f"{key} without {each}" for each in expected if each not in found]
        if kind == "u":
            wrong += _unowned(key, row, found)
    return wrong


def _resource(parts: list[str], row: Row) -> list[str]:
    type, id = TYPES[parts[0]], parts[1]
    resource = rows.stored(row).resource
    return [
        keys.anchor(id),
        keys.entry(row.values["version"]),
        *(keys.claim(type.name, each) for each in claims(resource, type)),
        *(keys.index(type.name, each, id) for each in indexes(resource, type)),
    ]


def _member(parts: list[str], row: Row) -> list[str]:
    type, group, member = parts
    other = row.values["type"]
    return [
        keys.group(other, member, group),
        keys.resource(type, group),
        keys.resource(other, member),
        keys.anchor(group),
        keys.anchor(member),
    ]


def _tombstone(parts: list[str], row: Row) -> list[str]:
    """All of a tombstone is there; its further rows belong to it."""
    type, id = parts[:2]
    if len(parts) > 2:
        return [keys.tombstone(type, id)]
    further = range(row.values["parts"])
    return [keys.tombstone_part(type, id, row.values["change"], each) for each in further]


def _group(parts: list[str], row: Row) -> list[str]:
    _, member, group = parts
    return [keys.member(row.values["type"], group, member)]


_EXPECTED: Mapping[str, Callable[[list[str], Row], list[str]]] = {
    "r": _resource,
    "a": lambda parts, row: [keys.resource(row.values["type"], parts[0])],
    "u": lambda parts, row: [keys.resource(parts[0], row.values["owner"])],
    "i": lambda parts, row: [keys.resource(parts[0], parts[2])],
    "m": _member,
    "n": _group,
    "d": _tombstone,
    "o": lambda parts, _: [keys.tombstone(parts[0], parts[1])],
    "k": lambda parts, _: [keys.tombstone(parts[0], parts[2])],
}


def _unowned(key: str, row: Row, found: Mapping[str, Row]) -> list[str]:
    """A claim whose owner doesn't hold the value keeps everybody else from it."""
    type = TYPES[key.split(":")[1]]
    owner = found.get(keys.resource(type.name, row.values["owner"]))
    held = claims(rows.stored(owner).resource, type) if owner else frozenset()
    return [] if key in {keys.claim(type.name, each) for each in held} else [f"{key} is stale"]
