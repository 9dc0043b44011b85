"""Tombstones: what is kept of resources that were deleted under the policy `soft`, and their port.

For SCIM such a resource is gone: no read, list, membership or reference shows it. An operator's
command restores it, and a POST that means the same one revives it (`scim/revival.py`), with its id
and its memberships.
"""

from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from scim.schema import Resource, ResourceType

if TYPE_CHECKING:  # the port to the store includes this one
    from scim.repository import Change, Key, Member


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A deleted resource, and until when it is kept.

    `resource` is as it was stored last, in `version`; `deleted` and `due` are RFC 3339 UTC. It is
    found by `keys`. `change` is the id of the change that wrote it. `revived` says that the
    resource lives again and that memberships are still to follow. `guard` is what the store
    compares. One of a deletion that broke off before it was written whole has no version, and no
    more than an id in `resource`.
    """

    resource: Resource
    type: str
    version: str
    deleted: str
    due: str
    members: tuple["Member", ...] = ()
    member_of: tuple["Member", ...] = ()
    credential: str = ""
    keys: frozenset["Key"] = frozenset()
    change: str = ""
    revived: bool = False
    guard: str = ""

    @property
    def id(self) -> str:
        return str(self.resource["id"])

    @property
    def restorable(self) -> bool:
        """Whether the resource could come back from it; it may live, though."""
        return bool(self.version) and not self.revived


class Tombstones(Protocol):
    """One directory's tombstones; part of its `Repository`, which writes and revives them."""

    async def buried(self, type: ResourceType, keys: Collection["Key"]) -> list[Tombstone]:
        """Read the tombstones that are found by one of the keys; the last deleted first.

        One round trip when there is none. Those whose resource lives are left out: a deletion or a
        revival broke off, or is under way.
        """
        ...

    async def tombstone(self, type: ResourceType, id: str) -> Tombstone | None:
        """Read a resource's tombstone, whether or not the resource lives."""
        ...

    def tombstones(self, type: ResourceType) -> AsyncGenerator[Tombstone]:
        """Read all tombstones of a type, whatever state they are in, in the order of ids."""
        ...

    async def bury(self, type: ResourceType, tombstone: Tombstone) -> None:
        """Write a tombstone in place of the one that was read. Raises Stale.

        `change` must be new. Of what was found by the old one's keys, nothing is given up: take
        them over.
        """
        ...

    async def rejoin(self, type: ResourceType, tombstone: Tombstone, change: "Change") -> None:
        """Restore the memberships of a tombstone to its living resource, both ways.

        Those whose other end is gone are left out. Raises Gone.
        """
        ...

    async def forget(self, type: ResourceType, tombstone: Tombstone) -> None:
        """Remove a tombstone as it was read; nothing happens to one that was written since."""
        ...
