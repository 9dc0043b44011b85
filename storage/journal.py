"""A directory's log in Table Storage: rows `c:{id}`, changes and other entries in one order.

An entry is written by a transaction that may be done twice, so it is put, not inserted. Only change
rows are inserted: they tell a write whether it was done (`storage/tables.py`).
"""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from scim.journal import Entry
from scim.repository import Change
from storage import keys
from storage.client import MOST, Operation, Partition, Row
from storage.columns import NO_CHARACTERS

_LONGEST = 16_000  # characters of a property: JSON is ASCII, the service takes 32,768 units


class Journal:
    """The part of the repository that keeps the log."""

    _partition: Partition

    async def record(self, *entries: Entry) -> None:
        for start in range(0, len(entries), MOST):
            puts = [
                Operation("put", keys.change(each.id), values(each))
                for each in entries[start : start + MOST]
            ]
            await self._partition.transact(puts)

    async def entries(self, after: str = "", before: str = "") -> AsyncGenerator[Entry]:
        first, last = keys.below(keys.change(""))
        pages = self._partition.pages(
            keys.change(after) if after else first, keys.change(before) if before else last
        )
        async for page in pages:
            for row in page:
                yield _entry(row)


def of_change(type: str, id: str, change: Change) -> Entry:
    """Make the entry of a write."""
    return Entry(
        id=change.id,
        at=change.at,
        verb=change.verb,
        operation=change.operation,
        status=change.status,
        credential=change.credential,
        by=change.by,
        type=type,
        resource=id,
        attributes=change.attributes,
        ignored=change.ignored,
        detail=change.detail,
        request=change.request,
    )


def values(entry: Entry) -> dict[str, Any]:
    """Make an entry's columns; what is empty has none."""
    columns = {
        "verb": entry.verb,
        "at": entry.at,
        "operation": entry.operation,
        "status": entry.status,
        "credential": entry.credential,
        "by": entry.by,
        "type": entry.type,
        "resource": entry.resource,
        "attributes": _listed(entry.attributes),
        "ignored": _listed(entry.ignored),
        "scimType": entry.scim_type,
        "detail": NO_CHARACTERS.sub("\ufffd", entry.detail),
        "request": entry.request,
        "reason": entry.reason,
    }
    return {name: value for name, value in columns.items() if value}


def _listed(names: Sequence[str]) -> str:
    """Write names as JSON; of too many, as many as there is room for."""
    room, kept = _LONGEST, []
    for name in names:
        room -= len(json.dumps(name)) + 2
        if room < 0:
            break
        kept.append(name)
    return json.dumps(kept) if kept else ""


def _entry(row: Row) -> Entry:
    found: Mapping[str, Any] = row.values
    return Entry(
        id=keys.last_part(row.key),
        at=found["at"],
        verb=found["verb"],
        operation=found.get("operation", ""),
        status=found.get("status", 0),
        credential=found.get("credential", ""),
        by=found.get("by", ""),
        type=found.get("type", ""),
        resource=found.get("resource", ""),
        attributes=tuple(json.loads(found.get("attributes") or "[]")),
        ignored=tuple(json.loads(found.get("ignored") or "[]")),
        scim_type=found.get("scimType", ""),
        detail=found.get("detail", ""),
        request=found.get("request", ""),
        reason=found.get("reason", ""),
    )
