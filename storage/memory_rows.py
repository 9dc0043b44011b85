"""What the store in memory keeps: plain dictionaries, one set for each directory."""

from collections import Counter
from dataclasses import dataclass, field

from scim.repository import Change, Key, Member
from scim.schema import Resource


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
    members: dict[str, dict[str, Member]] = field(default_factory=dict)
    changes: list[tuple[Change, str, str]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    marks: Counter[str] = field(default_factory=Counter)
