"""What the store in memory keeps: plain dictionaries, one set for each directory."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from scim.journal import Entry
from scim.repository import Key, Member
from scim.schema import Resource
from scim.tombstones import Tombstone


@dataclass(slots=True)
class Row:
    """A resource, with the values that it has claimed and that it is found by."""

    type: str
    resource: Resource
    version: str
    claims: frozenset[Key] = frozenset()
    indexes: frozenset[Key] = frozenset()


@dataclass(slots=True)
class Partition:
    """Everything of one directory; `marks` count how often something began to refer to an id."""

    rows: dict[str, Row] = field(default_factory=dict)
    claims: dict[tuple[str, Key], str] = field(default_factory=dict)
    indexed: dict[tuple[str, Key], set[str]] = field(default_factory=dict)
    members: dict[str, dict[str, Member]] = field(default_factory=dict)
    journal: dict[str, Entry] = field(default_factory=dict)
    texts: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    marks: Counter[str] = field(default_factory=Counter)
    tombstones: dict[tuple[str, str], Tombstone] = field(default_factory=dict)

    def index(self, id: str, row: Row, keys: frozenset[Key]) -> None:
        """Have a row found by these keys, and by no others any more."""
        for key in row.indexes - keys:
            self.indexed[row.type, key].remove(id)
            if not self.indexed[row.type, key]:  # the value of who is erased must not stay
                del self.indexed[row.type, key]
        for key in keys - row.indexes:
            self.indexed.setdefault((row.type, key), set()).add(id)
        row.indexes = keys
