"""What a write has left to do, and its port: whoever finds it may end it, beside others too.

The first transaction of a write that outgrows one notes that there is more to do, the last one
takes the note away. The hourly purge ends what broke off (`scim/purging.py`), and the same request
sent again does so sooner.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the port to the store includes this one
    from scim.repository import Change
    from scim.schema import ResourceType


@dataclass(frozen=True, slots=True)
class Work:
    """A deletion that has memberships left to remove, or a large `edit` of a group's members.

    `type` and `id` are the resource's; `since` is the id of the change that began it. Of an edit
    that is `done`, then since that time, or was never begun, only rows are left, which nobody sees.
    """

    type: str
    id: str
    since: str = ""
    edit: str = ""
    done: bool = False


class Unfinished(Protocol):
    """One directory's unfinished work; part of its `Repository`, which begins it."""

    async def unfinished(self) -> list[Work]:
        """List what is left to do, or is being done just now. One round trip when nothing is."""
        ...

    async def finish(self, work: Work, change: "Change") -> bool:
        """Do what is left, and write the change's entry; False when there is nothing.

        Can break off anywhere, and be done by many at once.
        """
        ...

    async def editing(self) -> bool:
        """Tell whether large edits of members are pending, or were lately. One round trip."""
        ...

    async def settle(self, type: "ResourceType", id: str, change: "Change") -> bool:
        """Complete a large edit of a group's members that is pending.

        False when there was none: its members, if read before, are who they are.
        """
        ...
