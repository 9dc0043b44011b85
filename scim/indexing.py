"""What a store needs so that a directory's rules can change: keys made and swept beside traffic."""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from scim.schema import ResourceType

if TYPE_CHECKING:  # the port to the store includes this one
    from scim.repository import Key, Stored


@dataclass(frozen=True, slots=True)
class Leftover:
    """A claim or an index row of the resource `id` that nobody needs; `guard` is as it was read."""

    id: str
    place: str
    guard: str


class Indexing(Protocol):
    """The part of the repository that `scim/reindexing.py` works with."""

    async def index(
        self,
        type: ResourceType,
        stored: "Stored",
        claims: Collection["Key"],
        indexes: Collection["Key"],
    ) -> None:
        """Claim values that a resource holds, and make it findable by others, as of this type.

        Clients see nothing of it: version and lastModified stay. What is there already stays.
        Raises Taken; Stale when the resource was written since, Gone.
        """
        ...

    def leftovers(self, type: ResourceType) -> AsyncGenerator[Sequence[Leftover]]:
        """Find the claims and index rows that no resource of a type needs, some at a time."""
        ...

    async def unindex(self, type: ResourceType, leftovers: Collection[Leftover]) -> int:
        """Remove leftovers, except those that were written since; how many were removed."""
        ...
