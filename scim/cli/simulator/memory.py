"""What a job remembers from cycle to cycle: which resource each object is, and what it has sent.

A restart forgets it, so that every object is matched anew.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from scim.cli.simulator.escrow import Escrow

Source = Literal["User", "Group"]


class Anchor(NamedTuple):
    """The id of the resource that an object is, and what kind of object that is."""

    id: str
    source: Source


class Memory:
    """What is known, by objectId.

    links: the ids that were sent for references to one, such as a manager, by target. members: the
    ids of those who were sent, by group. unsure: references that failed, so that they may be there
    or not: an object and the target, or a group and the member. unasked: who may be a member
    already, of groups that were found, and was not asked for yet. waiting: who refers to an object
    that is not a resource yet; referrers: those among them whose object has become one. departed:
    who left the scope before they were deleted, which takes no DELETE. left: resources that are let
    alone now. deleted: those that were deleted.
    """

    def __init__(self) -> None:
        self.watermark: int | None = None
        self.anchors: dict[str, Anchor] = {}
        self.links: dict[str, dict[str, str]] = {}
        self.members: dict[str, dict[str, str]] = {}
        self.unsure: set[tuple[str, str]] = set()
        self.unasked: dict[str, set[str]] = {}
        self.waiting: dict[str, set[str]] = {}
        self.departed: set[str] = set()
        self.left: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.escrow = Escrow()
        self.referrers: set[str] = set()
        self._owners: dict[str, str] = {}

    def anchor(self, id: str, resource: str, source: Source) -> None:
        """Remember which resource an object is."""
        self.anchors[id] = Anchor(resource, source)
        self._owners[resource] = id
        self.left.pop(id, None)
        self.referrers |= self.waiting.pop(id, set())

    def owner(self, resource: str) -> str | None:
        """Tell which object a resource is."""
        return self._owners.get(resource)

    def forget(self, id: str, *, deleted: bool) -> None:
        """Forget an object that was purged; `deleted` says whether its resource was, too."""
        anchor = self.anchors.pop(id, None)
        self.members.pop(id, None)
        self.unasked.pop(id, None)
        self.departed.discard(id)
        self.waiting.pop(id, None)
        self.escrow.settle(id, "object")
        self.escrow.settle(id, "reference")
        self.links.pop(id, None)
        self.referrers.discard(id)
        if anchor is not None:
            self._owners.pop(anchor.id, None)
            if deleted:
                self.deleted.add(anchor.id)
            else:
                self.left[id] = anchor.id

    def wait(self, referrer: str, missing: Iterable[str]) -> None:
        """Remember who is to be looked at again when an object becomes a resource."""
        for each in missing:
            self.waiting.setdefault(each, set()).add(referrer)

    def restarted(self) -> "Memory":
        """What is left by a restart: which resources there are, but not whose they are."""
        memory = Memory()
        memory.left = self.left | {id: anchor.id for id, anchor in self.anchors.items()}
        memory.deleted = self.deleted
        return memory
