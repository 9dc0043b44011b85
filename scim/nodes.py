"""The tree of a filter or a PATCH path (RFC 7644 §3.4.2.2, §3.10).

A parsed tree is right by construction: its attributes exist, its operators fit their types, its
values are of their types, so whoever walks it checks nothing. It is at most DEEPEST levels high, so
whoever walks it may recurse. Every node prints back: `parse_filter(str(tree), …) == tree`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scim.errors import InvalidPath
from scim.schema import Path
from scim.tokens import Value, written

DEEPEST = 40  # levels


@dataclass(frozen=True, slots=True)
class Compare:
    """`path op value`: `op` in lower case, `value` of the attribute's type.

    None stands beside `eq` and `ne` only. The path never ends at a complex attribute, except beside
    None: `manager eq "…"` is read as `manager.value eq "…"`.
    """

    path: Path
    op: str
    value: Value

    def __str__(self) -> str:
        return f"{self.path} {self.op} {written(self.value)}"


@dataclass(frozen=True, slots=True)
class Present:
    """`path pr`."""

    path: Path

    def __str__(self) -> str:
        return f"{self.path} pr"


@dataclass(frozen=True, slots=True)
class And:
    left: "Filter"
    right: "Filter"

    def __str__(self) -> str:
        return f"{_grouped(self.left)} and {_grouped(self.right)}"


@dataclass(frozen=True, slots=True)
class Or:
    left: "Filter"
    right: "Filter"

    def __str__(self) -> str:
        return f"{_grouped(self.left)} or {_grouped(self.right)}"


@dataclass(frozen=True, slots=True)
class Not:
    term: "Filter"

    def __str__(self) -> str:
        return f"not ({self.term})"


@dataclass(frozen=True, slots=True)
class ValuePath:
    """`path[filter]`: one and the same value of the attribute meets the filter.

    The filter's paths are relative to that value: the sub-attribute is their `attribute`. `value`
    of a simple multi-valued attribute is the value itself: `tags[value sw "x"]`.
    """

    path: Path
    filter: "Filter"

    def __str__(self) -> str:
        return f"{self.path}[{self.filter}]"


Filter = Compare | Present | And | Or | Not | ValuePath


def _grouped(term: Filter) -> str:
    return f"({term})" if isinstance(term, And | Or) else str(term)


class UnknownAttribute(InvalidPath):
    """A well-formed PATCH path that no schema knows."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a PATCH is aimed at: `attr`, `attr.sub`, `attr[filter]`, `attr[filter].sub`."""

    path: Path
    filter: Filter | None = None

    def __str__(self) -> str:
        if self.filter is None:
            return str(self.path)
        sub = f".{self.path.sub.name}" if self.path.sub else ""
        return f"{Path(self.path.attribute, None, self.path.extension)}[{self.filter}]{sub}"


def too_deep(tree: Filter) -> bool:
    """Tell whether a tree is more than DEEPEST levels high; itself without recursion."""
    level: list[Filter] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in children(node)]
        if not level:
            return False
    return True


def children(node: Filter) -> tuple[Filter, ...]:
    """List the filters that a node is made of."""
    match node:
        case And(left, right) | Or(left, right):
            return (left, right)
        case Not(inner) | ValuePath(_, inner):
            return (inner,)
    return ()


def chain(node: type[And] | type[Or], terms: Sequence[Filter]) -> Filter:
    """Join terms into a balanced tree: 200 of them are 8 levels, where a list-like tree has 200."""
    if len(terms) == 1:
        return terms[0]
    middle = (len(terms) + 1) // 2
    return node(chain(node, terms[:middle]), chain(node, terms[middle:]))
