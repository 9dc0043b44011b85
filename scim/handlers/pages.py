"""Which page is asked for, what a page is, and what further pages remember."""

import hashlib
from dataclasses import dataclass

from scim.repository import Stored
from scim.schema import ResourceType


@dataclass(frozen=True, slots=True)
class Window:
    """The page that is asked for: `size` resources from `start`, or from a cursor.

    `start` counts from 1; an empty cursor begins a walk, None asks for index paging.
    """

    start: int
    size: int
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page; `contiguous`: no other resource of the type has an id between those on it."""

    found: tuple[tuple[ResourceType, Stored], ...]
    total: int
    next_cursor: str | None = None
    contiguous: bool = False


def bookmark(*parts: object) -> str:
    """Name a bookmark of what it belongs to; nothing of that can be read in the name."""
    return hashlib.sha256("#".join(map(str, parts)).encode()).hexdigest()[:40]
