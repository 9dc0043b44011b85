"""A row as a line of JSON, `[key, mark, values]`, and a tally that tells two sets of rows apart.

The tally is the number of rows of each kind and the sum of their digests, so that the order in
which a store gives them doesn't matter, and a row can be taken out of it again.
"""

import hashlib
import json
from collections import Counter
from typing import Any

from scim.backup.ports import Damaged, Row

_MODULUS = 1 << 256


def line(row: Row) -> bytes:
    """Write a row as a line."""
    values = None if row.values is None else dict(row.values)
    return _json([row.key, row.mark, values]) + b"\n"


def parsed(text: bytes) -> Row:
    """Read a row from a line. Raises Damaged."""
    try:
        key, mark, values = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise Damaged("a line of the backup is no row") from None
    if not (isinstance(key, str) and isinstance(mark, str) and _are_values(values)):
        raise Damaged("a line of the backup is no row")
    return Row(key, mark, values)


def kind(key: str) -> str:
    """Tell the kind of a row: what its key begins with."""
    return key.partition(":")[0]


class Tally:
    """How many rows of each kind there are, and what they amount to."""

    def __init__(self, counts: dict[str, int] | None = None, digest: str = "0") -> None:
        self._counts = Counter(counts or {})
        self._sum = int(digest, 16)

    def add(self, row: Row) -> None:
        self._counts[kind(row.key)] += 1
        self._sum = (self._sum + _digest(row)) % _MODULUS

    def take(self, row: Row) -> None:
        self._counts[kind(row.key)] -= 1
        self._sum = (self._sum - _digest(row)) % _MODULUS

    @property
    def counts(self) -> dict[str, int]:
        return {name: count for name, count in sorted(self._counts.items()) if count}

    @property
    def digest(self) -> str:
        return f"{self._sum:064x}"

    @property
    def total(self) -> int:
        return self._counts.total()


def _digest(row: Row) -> int:
    """Digest what a row holds; its mark is another wherever it is written."""
    values = sorted((row.values or {}).items())
    return int.from_bytes(hashlib.sha256(_json([row.key, values])).digest(), "big")


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _are_values(values: object) -> bool:
    return values is None or (
        isinstance(values, dict)
        and all(isinstance(each, str | bool | int | float) for each in values.values())
    )
