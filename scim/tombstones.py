"""Tombstones: what is kept of resources that were deleted under the policy `soft`, and their port.

For SCIM such a resource is gone: no read, list, membership or reference shows it. An operator's
command restores it, and a POST that means the same one revives it (`scim/revival.py`), with its id
and its memberships.
"""

from collections.abc import AsyncGenerator, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from scim.schema import Resource, ResourceType, ResourceTypeDocument, Schema

if TYPE_CHECKING:  # the port to the store includes this one
    from scim.repository import Change, Key, Member


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A deleted resource, and until when it is kept.

    `resource` is as it was stored last, in `version`; `deleted` and `due` are RFC 3339 UTC. It is
    found by `keys`. `change` is the id of the change that wrote it. `revived` is the id of the one
    that made the resource live again: the memberships here are those that are still to follow.
    `guard` is what the store compares. One of a deletion that broke off before it was written whole
    has no version, and no more than an id in `resource`.
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
    revived: str = ""
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

    async def buried_types(self) -> list[str]:
        """Name the types that there are tombstones of, those that the rules no longer have too."""
        ...

    async def bury(self, type: ResourceType, tombstone: Tombstone) -> None:
        """Write a tombstone in place of the one that was read. Raises Stale.

        `change` must be new. Of what was found by the old one's keys, nothing is given up: take
        them over.
        """
        ...

    async def reviving(self) -> bool:
        """Tell whether any revival has memberships left to bring back."""
        ...

    async def lasting(self, type: ResourceType, tombstone: Tombstone) -> Tombstone:
        """Leave out the memberships of groups that were written since its resource was.

        That was the revival, or the deletion, that broke off: who wrote a group afterwards may have
        meant that the resource is not in it. A group of its own that was written since has none.
        """
        ...

    async def rejoin(self, type: ResourceType, tombstone: Tombstone, change: "Change") -> None:
        """Bring back the memberships that a revival has left, both ways; then forget it.

        Each is taken out of the tombstone as it comes back. Those whose other end is gone are left
        out. Raises Gone; Stale when one of the groups was written since the revival.
        """
        ...

    async def forget(self, type: ResourceType, tombstone: Tombstone) -> None:
        """Remove a tombstone as it was read; nothing happens to one that was written since."""
        ...


async def with_lost(kept: Tombstones, known: Iterable[ResourceType]) -> list[ResourceType]:
    """Add to the types of the rules those that only tombstones are left of.

    What is kept of people ends on its day, and is found when somebody is erased, also after a type
    was taken out of the rules. Nothing but such a type's name is known.
    """
    types = {each.name: each for each in known}
    lost = [name for name in await kept.buried_types() if name not in types]
    return [*types.values(), *map(_lost, lost)]


def _lost(name: str) -> ResourceType:
    schema = Schema(id=f"urn:scim:directory:schemas:lost:2.0:{name}", name=name, attributes=())
    document = {"name": name, "endpoint": f"/{name}", "schema": schema.id}
    return ResourceType(ResourceTypeDocument.model_validate(document), schema)
