"""What rows hold: a resource as JSON in pieces, its version and times, the other kinds' columns.

No property is called `id`, `etag`, `rid` or `ResourceId`: Cosmos DB keeps these names for itself.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from sys import intern
from typing import Any

from scim.errors import TooLarge
from scim.repository import Change, Member, Stored
from scim.room import CHARACTER, RESOURCE
from scim.schema import Resource, ResourceType
from scim.values import parse_datetime
from storage import journal, keys
from storage.client import MOST, Operation, Row
from storage.columns import NO_CHARACTERS, columns

PIECE = 32_000  # UTF-16 units in a property; the service takes 32,768
LARGEST = 480_000  # UTF-16 units of a resource's JSON, so that its row stays below 1 MiB
LONGEST_DISPLAY = 2_500  # characters of a member's display; JSON may make twelve of each

GROUP = ("version", "pending", "Timestamp")  # columns of a group that say whether it was written


def document(resource: Resource) -> str:
    """Write a resource as JSON. Raises TooLarge."""
    text = json.dumps(resource, ensure_ascii=False, separators=(",", ":"))
    if not text.isascii() and NO_CHARACTERS.search(text):
        text = json.dumps(resource, separators=(",", ":"))
    units = len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
    if units > LARGEST:
        raise TooLarge(
            f"the resource holds more than {LARGEST:,} characters: make its values shorter or fewer"
        )
    return text


def mark(group: Row | None) -> str:
    """Read what a group's row says of large edits: the id of one that is pending, or was."""
    return str(group.values.get("pending") or "") if group is not None else ""


def waits(mark: str) -> bool:
    """Tell whether an edit is not done yet."""
    return bool(mark) and not mark.endswith(keys.ENDED)


def check_room(claims: int, refers: int) -> None:
    """Refuse what can't be written at once. Raises TooLarge.

    Claims and guards belong into the resource's own transaction, beside its row, its anchor and the
    change row.
    """
    most = MOST - 3
    if claims + refers > most:
        raise TooLarge(
            f"this writes more than {most} unique values and references to other resources at"
            " once: send fewer"
        )


def check_display(member: Member) -> None:
    """Refuse what no row of a membership holds. Raises TooLarge."""
    if len(member.display or "") > LONGEST_DISPLAY:
        raise TooLarge(
            f"the display of a member is longer than {LONGEST_DISPLAY:,} characters: shorten it,"
            " or leave it out"
        )


def pieces(text: str) -> dict[str, str]:
    """Split a text into properties `j0`, `j1`, … that the service takes, between characters."""
    size = PIECE if text.isascii() else PIECE // 2  # a character is at most two units
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    return {f"j{number}": part for number, part in enumerate(parts)}


def joined(values: Mapping[str, Any]) -> str:
    """Join the pieces of a text."""
    parts: list[str] = []
    while (part := values.get(f"j{len(parts)}")) is not None:
        parts.append(part)
    return "".join(parts)


def resource_values(type: ResourceType, resource: Resource, change: Change) -> dict[str, Any]:
    """Make a resource's row."""
    return {
        **columns_of(type, resource),
        **version_values(change),
        **pieces(document(resource)),
    }


def columns_of(type: ResourceType, resource: Resource) -> dict[str, Any]:
    """Make the columns of a resource that filters are pushed down to."""
    return {"type": type.name, **_created(resource), **columns(resource, type)}


def _created(resource: Resource) -> dict[str, str]:
    try:
        return {"created": parse_datetime(resource["meta"]["created"]).isoformat()}
    except (KeyError, ValueError):
        return {}


def version_values(change: Change) -> dict[str, Any]:
    """Make the columns of a version: a group's row is merged with them without reading its JSON."""
    return {"version": change.id, "modified": change.at}


def stored(row: Row) -> Stored:
    """Read a resource from its row; version and lastModified are what the columns say."""
    text = joined(row.values)
    weight = RESOURCE + CHARACTER * len(text)
    resource = json.loads(text)
    one = dated(resource, row.values["version"], row.values["modified"], row.etag, weight)
    pending = row.values.get("pending")
    return replace(one, pending=str(pending)) if pending else one


def dated(resource: Resource, version: str, modified: str, guard: str, weight: int = 0) -> Stored:
    if "meta" in resource:
        resource["meta"]["lastModified"] = modified
    return Stored(resource, version, guard, weight=weight)


def change_row(type: str, id: str, change: Change) -> Operation:
    """Record a change: what, when, by whom, the names of attributes and never a value.

    Inserted first in its transaction: when it is there already, the transaction was done before,
    and only its answer was lost.
    """
    return Operation(
        "insert", keys.change(change.id), journal.values(journal.of_change(type, id, change))
    )


def member_values(member: Member) -> dict[str, str]:
    """Make the row of a member; its display as JSON, which escapes what the service refuses."""
    check_display(member)
    display = {"display": json.dumps(member.display)} if member.display else {}
    return {"type": member.type, **display}


def members(rows: Iterable[Row]) -> tuple[Member, ...]:
    """Read one group's members, or one resource's groups, in the order of their ids."""
    found = (
        Member(
            keys.last_part(row.key),
            intern(str(row.values["type"])),  # 100,000 members have one among them
            # A column that a row lacks may be read as null.
            json.loads(row.values.get("display") or "null"),
        )
        for row in rows
    )
    return tuple(sorted(found, key=lambda each: each.id))


def chunks(operations: list[Operation], size: int) -> list[list[Operation]]:
    return [operations[start : start + size] for start in range(0, len(operations), size)]


def copied(value: Any) -> Any:
    """Copy JSON; `copy.deepcopy` takes three times as long."""
    if isinstance(value, dict):
        return {name: copied(each) for name, each in value.items()}
    return [copied(each) for each in value] if isinstance(value, list) else value
