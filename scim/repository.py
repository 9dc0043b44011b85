"""The port to the store: what a directory's resources need, and nothing of how it is kept.

A `Repository` serves one directory, given when it is made: no call names a directory, so none can
name a wrong one. Implementations: `storage/memory.py` (the reference) and `storage/tables.py` (the
product). Every promise made here is stated in `tests/storage/contract.py`, which both pass.

Resources cross this port without their membership attributes (`ResourceType.members`,
`.member_of`): memberships are rows of their own and travel as `Member`s.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from scim.bookmarks import Bookmarks
from scim.filters import Filter
from scim.indexing import Indexing
from scim.journal import Journal
from scim.room import Load
from scim.schema import Resource, ResourceType
from scim.tombstones import Tombstone, Tombstones
from scim.unfinished import Unfinished


@dataclass(frozen=True, slots=True)
class Member:
    """One end of a membership: a member of a group or, the other way, a group that holds one."""

    id: str
    type: str
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A resource as the store keeps it.

    A write of it needs this value, so an unguarded write can't be expressed. `version` is the text
    inside the entity tag (RFC 7644 §3.14), `guard` what the store itself compares. `members` and
    `member_of` are filled when they were asked for, ordered by id. `weight` is how many bytes the
    resource takes in memory and in an answer, about; 0 when nobody has measured it.
    `pending` says that an edit of its members may not be done yet: it is, before the next one is.
    """

    resource: Resource
    version: str
    guard: str = ""
    members: tuple[Member, ...] | None = None
    member_of: tuple[Member, ...] | None = None
    weight: int = field(default=0, compare=False)
    pending: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        return str(self.resource["id"])


@dataclass(frozen=True, slots=True)
class Key:
    """A value that is claimed or indexed: canonical path and comparable text (`scim/keys.py`)."""

    attribute: str
    value: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a write says about itself: its change row, the new version and lastModified.

    `id` is time-ordered (`scim/ids.py`) and becomes the version; `at` is RFC 3339 UTC; `attributes`
    are the names of the top-level attributes that changed (an extension's as its URN), never
    values. The rest is for the directory's log (`scim/journal.py`): `status` is the answer's when
    all goes well, `by` the operator when a command writes, `detail` what the verb doesn't say.
    """

    id: str
    at: str
    verb: Literal["create", "update", "delete", "restore"]
    attributes: tuple[str, ...] = ()
    credential: str = ""
    by: str = ""
    operation: str = ""
    request: str = ""
    status: int = 0
    ignored: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class MemberEdit:
    """What is to become of a group's members: `replace` says that they become exactly `add`."""

    add: tuple[Member, ...] = ()
    remove: tuple[str, ...] = ()
    replace: bool = False


class Gone(Exception):
    """The resource does not exist (any more)."""


class Stale(Exception):
    """The resource was written since it was read: read again, decide again."""


class Taken(Exception):
    """A unique value belongs to another resource; `attribute` is the path of it."""

    def __init__(self, attribute: str) -> None:
        super().__init__(attribute)
        self.attribute = attribute


class Missing(Exception):
    """Resources that a write refers to do not exist; `ids` says which."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(f"{len(ids)} missing")
        self.ids = tuple(ids)


@dataclass(slots=True)
class Meter:
    """What a request cost: calls to the store, rounds of them side by side, rows that came back.

    `load` is told what it holds of them.
    """

    calls: int = 0
    rounds: int = 0
    rows: int = 0
    load: Load = field(default_factory=Load, repr=False)
    in_flight: int = field(default=0, repr=False)


class Repository(Bookmarks, Indexing, Journal, Tombstones, Unfinished, Protocol):
    """One directory's resources, tombstones and log.

    Every method may raise `scim.errors.Unavailable`.
    """

    @property
    def meter(self) -> Meter: ...

    async def get(
        self, type: ResourceType, id: str, *, members: bool = False, member_of: bool = False
    ) -> Stored | None:
        """Read one resource, with its memberships when asked for. One round trip."""
        ...

    async def find(
        self,
        type: ResourceType,
        key: Key,
        *,
        members: bool = False,
        member_of: bool = False,
    ) -> list[Stored]:
        """Read the resources that hold a unique or indexed value, ordered by id.

        Two round trips, one when none does. Memberships that are asked for are read side by side
        with few resources, and left out of many. May return a resource that no longer holds the
        value: callers check again.
        """
        ...

    async def holders(self, type: ResourceType, key: Key) -> list[str]:
        """List the ids of the resources that `find` would read, in order. One round trip."""
        ...

    def scan(
        self,
        type: ResourceType,
        *,
        filter: Filter | None = None,
        after: str = "",
        before: str = "",
        size: int = 1000,
    ) -> AsyncGenerator[Sequence[Stored], None]:
        """Yield batches of resources in the order of their ids, `after` < id < `before`.

        `size` rows are asked for at a time; less may come though more follow. `filter` is a hint:
        at least all resources that match are yielded, perhaps others, so callers check again.
        """
        ...

    def ids(
        self, type: ResourceType, *, after: str = "", before: str = ""
    ) -> AsyncGenerator[Sequence[str], None]:
        """Yield batches of ids of resources, in order, `after` < id < `before`; reads keys only."""
        ...

    async def related(
        self,
        type: ResourceType,
        ids: Sequence[str],
        way: Literal["members", "member_of"],
        *,
        contiguous: bool = False,
    ) -> Mapping[str, tuple[Member, ...]]:
        """Read the members of, or the groups that contain, each of `ids`: all, ordered by id.

        `contiguous` says that no other resource of the type lies between them, so one range read
        serves all.
        """
        ...

    async def contains(
        self, type: ResourceType, group: str, members: Collection[str]
    ) -> tuple[Member, ...]:
        """Tell which of `members` are members of `group`, by point reads side by side."""
        ...

    async def types_of(self, ids: Collection[str]) -> Mapping[str, str]:
        """Tell the resource type of each id that exists, by point reads side by side."""
        ...

    async def create(
        self,
        type: ResourceType,
        resource: Resource,
        change: Change,
        *,
        members: Sequence[Member] = (),
        refers: Collection[str] = (),
        revives: Tombstone | None = None,
    ) -> Stored:
        """Insert a resource with its members. One round trip while it fits one transaction.

        `refers` are the ids of resources that must exist when it is written. Raises Taken, Missing.
        A member's type need not be known (`""`): it is looked up. With `revives`, its tombstone,
        memberships come back both ways where the other end exists, and the tombstone is used up;
        raises Stale when it is not what was read.
        """
        ...

    async def replace(
        self,
        type: ResourceType,
        before: Stored,
        resource: Resource,
        change: Change,
        *,
        edit: MemberEdit | None = None,
        refers: Collection[str] = (),
    ) -> Stored:
        """Write a resource that was read as `before`, and edit its members with it.

        Raises Stale, Gone, Taken, Missing.
        """
        ...

    async def edit_members(
        self,
        type: ResourceType,
        id: str,
        edit: MemberEdit,
        change: Change,
        *,
        version: str | None = None,
    ) -> str:
        """Edit a group's members and return its version, a new one if anything differed.

        Lost updates are impossible however many run at once: nothing but the difference is written.
        With `version` the group must still have it. Raises Gone, Stale, Missing.
        """
        ...

    async def mark(self, id: str) -> str | None:
        """Read a mark of a resource, which changes when anything begins to refer to it."""
        ...

    async def delete(
        self,
        type: ResourceType,
        before: Stored,
        change: Change,
        *,
        mark: str | None = None,
        watched: Sequence[tuple[ResourceType, Key]] = (),
        keep: Tombstone | None = None,
        edited: bool = True,
    ) -> list[list[Stored]]:
        """Delete a resource, its claims, and its memberships as read in `before`, both ways.

        Nothing can refer to it from then on; many memberships go afterwards, within seconds or by
        `finish`. With a `mark` that was read before the memberships and references were, nothing
        has begun to since; without one, it is returned who came to hold each of the `watched` keys,
        to be mended. `keep` replaces the tombstone whose guard it has; it has the groups that the
        resource is in when what is pending is done, unless nothing is `edited`, which was found
        beside `before`. Raises Stale, Gone.
        """
        ...

    async def clear(self, progress: Callable[[int, int], None]) -> None:
        """Delete everything of the directory; what broke off goes on when it is called again.

        `progress` is told how many rows are deleted, and how many were found so far.
        """
        ...
