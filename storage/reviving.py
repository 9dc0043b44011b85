"""How memberships come back with a revived resource: in the transaction that revives it, or later.

A step that restores memberships takes them out of the tombstone, whose row it guards: so what is
left there is what was never restored, wherever it breaks off and whoever goes on, and nobody is
restored twice. Groups come first. A group's own members are last; each step of them notes in the
tombstone which change the group's version is from then on, so that a version of anybody else shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scim.repository import Change, Gone, Member, Stale
from scim.schema import ResourceType
from scim.tombstones import Tombstone
from storage import keys, rows, tombstones
from storage.client import MOST, Operation, Refused, Row
from storage.committing import TRIES, contended
from storage.memberships import added, guards, joined
from storage.tombstones import Tombstones

_SELECT = ("type", "version", "Timestamp")


@dataclass(frozen=True, slots=True)
class Due:
    """Memberships in the order in which they come back: `groups` before `members`.

    `there` are the ids whose resource is there to come back to.
    """

    groups: tuple[Member, ...]
    members: tuple[Member, ...]
    there: frozenset[str]

    def __len__(self) -> int:
        return len(self.groups) + len(self.members)

    @property
    def alive(self) -> int:
        """How many will come back."""
        return sum(each.id in self.there for each in (*self.groups, *self.members))

    def split(self, room: int) -> tuple["Due", "Due"]:
        """Take as many from the beginning as `room` who come back; second: the rest."""
        taken = 0
        for each in (*self.groups, *self.members):
            room -= each.id in self.there
            if room < 0:
                break
            taken += 1
        of_members = max(0, taken - len(self.groups))
        return (
            Due(self.groups[:taken], self.members[:of_members], self.there),
            Due(self.groups[taken:], self.members[of_members:], self.there),
        )

    def only(self) -> "Due":
        """Leave out whom nothing is left of."""
        return Due(
            tuple(each for each in self.groups if each.id in self.there),
            tuple(each for each in self.members if each.id in self.there),
            self.there,
        )


class Reviving(Tombstones):
    """The part of the repository that restores what tombstones keep."""

    async def lasting(self, type: ResourceType, tombstone: Tombstone) -> Tombstone:
        since = tombstone.revived or tombstone.change
        own = keys.resource(type.name, tombstone.id)
        groups = {each.id: keys.resource(each.type, each.id) for each in tombstone.member_of}
        found = await self._partition.get_all([own, *groups.values()], select=_SELECT)
        if own not in found:
            return tombstone
        written = {id for id, key in groups.items() if _newer(found.get(key), since)}
        return replace(
            tombstone,
            members=tombstone.members if found[own].values["version"] == since else (),
            member_of=tuple(each for each in tombstone.member_of if each.id not in written),
        )

    async def rejoin(self, type: ResourceType, tombstone: Tombstone, change: Change) -> None:
        due, _ = await self._due(type, tombstone, exact=True)
        if due.alive:
            entry = replace(rows.change_row(type.name, tombstone.id, change), verb="put")
            await self._partition.transact([entry])
        await self.bring_back(type, tombstone, change, exact=True)
        await self.used_up(type, tombstone.id)

    async def returning(self, tombstone: Tombstone, sent: Sequence[Member]) -> Due:
        """Find which memberships can be restored; who is `sent` as a member comes as sent."""
        named = {each.id: each for each in sent}
        groups = tuple(tombstone.member_of)
        members = tuple(named.get(each.id, each) for each in tombstone.members)
        types = await self.types_of({each.id for each in (*groups, *members)})
        return Due(groups, members, _there(tombstone, types))

    async def carry_on(
        self, type: ResourceType, tombstone: Tombstone, change: Change, left: Due
    ) -> None:
        """Go on in steps with a revival whose first transaction is done, unless another does."""
        head = await self._partition.get(
            keys.tombstone(type.name, tombstone.id), select=("revived", "left", "Timestamp")
        )
        as_left = {"revived": change.id, "left": len(left)}
        if head is not None and as_left.items() <= dict(head.values).items():
            begun = replace(tombstone, guard=head.etag)
            await self.bring_back(type, begun, change, due=left)

    async def bring_back(
        self,
        type: ResourceType,
        tombstone: Tombstone,
        change: Change,
        *,
        due: Due | None = None,
        exact: bool = False,
    ) -> None:
        """Restore step by step what a tombstone has left, after the change's row is written.

        `due` is that, when it is known. Raises Gone; when `exact`, Stale as `rejoin` does.
        """
        id, found, etags = tombstone.id, tombstone, dict[str, str]()
        own = keys.resource(type.name, id)
        for _ in range(TRIES):
            if due is None:
                due, etags = await self._due(type, found, exact=exact)
            guard, left = found.guard, due
            try:
                while len(left):
                    some, left = left.split((MOST - 3) // 3)
                    step = _step(type, id, some.only(), change, etags if exact else {})
                    revived = change.id if some.members else None
                    head = tombstones.progress(type, id, guard, len(left), revived)
                    written = await self._partition.transact([head, *step])
                    guard = written[head.key]
                    if own in written:
                        etags[own] = written[own]
            except Refused:  # somebody came or went, wrote a group, or goes on with it beside us
                again = await self.tombstone(type, id)
                if again is None or not again.revived:
                    return
                found, due = again, None
            else:
                return
        raise contended()

    async def used_up(self, type: ResourceType, id: str) -> None:
        """Forget a tombstone whose revival has come to its end."""
        found = await self.tombstone(type, id)
        if found is not None and found.revived and not (found.members or found.member_of):
            await self.forget(type, found)

    async def _due(
        self, type: ResourceType, tombstone: Tombstone, *, exact: bool
    ) -> tuple[Due, dict[str, str]]:
        """Look what can come back; second: ETags of the groups. Raises Gone, Stale."""
        own = keys.resource(type.name, tombstone.id)
        groups = {each.id: keys.resource(each.type, each.id) for each in tombstone.member_of}
        anchors = {each.id: keys.anchor(each.id) for each in tombstone.members}
        wanted = {own, *groups.values(), *anchors.values()}
        found = await self._partition.get_all(wanted, select=_SELECT)
        if own not in found:
            raise Gone
        written = any(_newer(found.get(key), tombstone.revived) for key in groups.values())
        others = found[own].values["version"] != tombstone.revived
        if exact and (written or (tombstone.members and others)):
            raise Stale
        types = {
            id: str(found[key].values["type"])
            for id, key in (*anchors.items(), *groups.items())
            if key in found
        }
        due = Due(tombstone.member_of, tombstone.members, _there(tombstone, types))
        return due, {key: found[key].etag for key in (own, *groups.values()) if key in found}


def _there(tombstone: Tombstone, types: Mapping[str, str]) -> frozenset[str]:
    ends = (*tombstone.member_of, *tombstone.members)
    return frozenset(
        each.id for each in ends if each.id != tombstone.id and types.get(each.id) == each.type
    )


def _newer(group: Row | None, since: str) -> bool:
    return group is not None and bool(group.values["version"] > since)


def _step(
    type: ResourceType, id: str, some: Due, change: Change, etags: Mapping[str, str]
) -> list[Operation]:
    """Restore memberships of a resource that is there; groups must have the ETags, if known."""
    own = keys.resource(type.name, id)
    operations = [
        Operation("merge", keys.anchor(id)),
        *joined(type.name, id, some.groups, change),
        *(replace(each, verb="put") for each in added(type.name, id, some.members)),
        *guards([each.id for each in some.members]),
    ]
    if some.members:
        operations.append(Operation("merge", own, rows.version_values(change)))
    guarded = {own, *(keys.resource(each.type, each.id) for each in some.groups)} & etags.keys()
    return [
        replace(each, guard=etags[each.key]) if each.key in guarded else each for each in operations
    ]
