"""Bookmarks: what later pages of a list need, kept by the store, so that any worker finds it."""

from datetime import datetime
from typing import Protocol


class Bookmarks(Protocol):
    """The part of a directory's store that remembers texts by name."""

    async def remember(self, name: str, value: str) -> None:
        """Keep a text under a name (a walk's bookmarks); the last one wins."""
        ...

    async def recall(self, name: str) -> str | None:
        """Read what was remembered under a name."""
        ...

    async def purge_bookmarks(self, before: datetime) -> int:
        """Forget the texts that were remembered before a time; how many they were."""
        ...
