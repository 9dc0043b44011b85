"""The source: a directory of Entra with one application, as its provisioning job sees it.

Users and groups have Entra's attribute names. Who is in scope is said by assignments: of a user,
or of a group for its direct members; groups in an assigned group are not expanded (Microsoft
Learn, known-issues). Whatever changes for the job is in the change feed.
"""

import uuid
from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from scim.cli.simulator.roles import AppRole, read_roles

Entry = Mapping[str, Any]  # an object of Entra: attributes by their names there


class Changes(NamedTuple):
    """What changed since a watermark, the oldest first; a purged object is in it, too."""

    users: tuple[str, ...]
    groups: tuple[str, ...]
    watermark: int


class SourceDirectory:
    """Users, groups, assignments, the recycle bin; `everybody` syncs all, assigned or not.

    Objects are known by their objectId. KeyError for one that is not there.
    """

    def __init__(self, *, everybody: bool = False) -> None:
        self.everybody = everybody
        self.watermark = 0
        self._users: dict[str, dict[str, Any]] = {}
        self._groups: dict[str, dict[str, Any]] = {}
        self._members: dict[str, dict[str, None]] = {}  # of a group, in their order
        self._member_of: dict[str, dict[str, None]] = {}
        self._assigned: dict[str, tuple[AppRole, ...]] = {}
        self._deleted: set[str] = set()
        self._reports: dict[str, dict[str, None]] = {}  # of a manager
        # When each last changed, the latest last.
        self._changed: dict[str, dict[str, int]] = {"users": {}, "groups": {}}

    # --- reading ---

    @property
    def users(self) -> list[str]:
        """All users, those in the recycle bin too, in the order in which they were made."""
        return list(self._users)

    @property
    def groups(self) -> list[str]:
        return list(self._groups)

    def user(self, id: str) -> Entry:
        """What a mapping reads: attributes, with IsSoftDeleted and appRoleAssignments."""
        held = self._users[id]
        deleted = str(self.is_soft_deleted(id))
        return {"appRoleAssignments": self.roles(id), **held, "IsSoftDeleted": deleted}

    def group(self, id: str) -> Entry:
        return {**self._groups[id], "members": list(self.members(id))}

    def entry(self, id: str) -> Entry:
        return self.user(id) if id in self._users else self.group(id)

    def members(self, group: str) -> tuple[str, ...]:
        """The direct members, without those in the recycle bin."""
        return tuple(each for each in self._members[group] if each not in self._deleted)

    def roles(self, id: str) -> list[AppRole]:
        """The app roles of a user, by own assignments and those of groups."""
        held = dict.fromkeys(self._assigned.get(id, ()))
        for group in self._member_of.get(id, ()):
            held.update(dict.fromkeys(self._assigned.get(group, ())))
        return list(held)

    def is_assigned(self, id: str) -> bool:
        """Tell whether somebody is assigned, or is a direct member of a group that is."""
        if self.everybody or id in self._assigned:
            return True
        is_user = id in self._users
        return is_user and any(each in self._assigned for each in self._member_of.get(id, ()))

    def is_soft_deleted(self, user: str) -> bool:
        """Say what [IsSoftDeleted] is for the job, as far as scoping filters don't matter.

        True for who is unassigned, in the recycle bin, or not accountEnabled.
        """
        enabled = self._users[user].get("accountEnabled", True)
        return not self.is_assigned(user) or user in self._deleted or not enabled

    def is_in_scope(self, id: str) -> bool:
        """Tell whether an object would be created: a user who is active, an assigned group."""
        if id in self._groups:
            return self.is_assigned(id)
        return not self.is_soft_deleted(id)

    def is_deleted(self, user: str) -> bool:
        """Tell whether somebody is in the recycle bin."""
        return user in self._deleted

    def __contains__(self, id: object) -> bool:
        return id in self._users or id in self._groups

    def changes(self, since: int = 0) -> Changes:
        """Tell who changed after a watermark; 0 is the beginning."""
        found: dict[str, tuple[str, ...]] = {}
        for kind, marks in self._changed.items():
            latest: list[str] = []
            for id in reversed(marks):
                if marks[id] <= since:
                    break
                latest.append(id)
            found[kind] = tuple(reversed(latest))
        return Changes(found["users"], found["groups"], self.watermark)

    # --- objects ---

    def add_user(self, *, assigned: bool = True, **attributes: Any) -> str:
        """Make a user, by default one who is assigned; gives the objectId."""
        id = str(attributes.setdefault("objectId", str(uuid.uuid4())))
        attributes.setdefault("accountEnabled", True)
        if id in self:
            raise ValueError(f"another object has the objectId {id}")
        read_roles(attributes.get("appRoleAssignments") or ())
        self._users[id] = {}
        if assigned:
            self._assigned[id] = ()
        self.update(id, **attributes)
        return id

    def add_group(self, *members: str, assigned: bool = True, **attributes: Any) -> str:
        """Make a group with some members; gives the objectId."""
        id = str(attributes.setdefault("objectId", str(uuid.uuid4())))
        if id in self:
            raise ValueError(f"another object has the objectId {id}")
        for each in members:
            self._need(each)
        self._groups[id] = {}
        self._members[id] = {}
        if assigned:
            self._assigned[id] = ()
        self.update(id, **attributes)
        self.add_members(id, *members)
        return id

    def update(self, id: str, **attributes: Any) -> None:
        """Set attributes of a user or group; None takes one away."""
        held = self._users[id] if id in self._users else self._groups[id]
        if "appRoleAssignments" in attributes:
            read_roles(attributes["appRoleAssignments"] or ())
        if "manager" in attributes:
            self._reports.get(str(held.get("manager")), {}).pop(id, None)
            if attributes["manager"] is not None:
                self._reports.setdefault(attributes["manager"], {})[id] = None
        for name, value in attributes.items():
            if value is None:
                held.pop(name, None)
            else:
                held[name] = value
        self._mark(id)

    def delete(self, user: str) -> None:
        """Put a user into the recycle bin."""
        self._need(user, self._users)
        self._deleted.add(user)
        self._mark(user, *self._member_of.get(user, ()))

    def restore(self, user: str) -> None:
        """Take a user out of the recycle bin; assignments and memberships come back."""
        self._need(user, self._users)
        self._deleted.discard(user)
        self._mark(user, *self._member_of.get(user, ()))

    def purge(self, id: str) -> None:
        """Delete a user, or a group, for good: out of all groups and from under who they led."""
        self._need(id)
        self._mark(id)
        for group in [*self._member_of.get(id, ())]:
            self.remove_members(group, id)
        if id in self._groups:
            self.remove_members(id, *self._members.pop(id))
        else:
            self.update(id, manager=None)
            for report in [*self._reports.pop(id, ())]:
                self.update(report, manager=None)
        self._deleted.discard(id)
        self._assigned.pop(id, None)
        self._users.pop(id, None)
        self._groups.pop(id, None)
        self._member_of.pop(id, None)

    # --- memberships and assignments ---

    def add_members(self, group: str, *members: str) -> None:
        """Put users or groups into a group."""
        for each in members:
            self._need(each)
        for each in members:
            self._members[group][each] = None
            self._member_of.setdefault(each, {})[group] = None
        self._mark_members(group, members)

    def remove_members(self, group: str, *members: str) -> None:
        for each in members:
            self._members.get(group, {}).pop(each, None)
            self._member_of.get(each, {}).pop(group, None)
        self._mark_members(group, members)

    def assign(self, id: str, *roles: AppRole) -> None:
        """Assign a user or a group to the application, with these roles in place of others."""
        self._need(id)
        self._assigned[id] = roles
        self._mark(id, *self._members.get(id, ()))

    def unassign(self, id: str) -> None:
        self._need(id)
        self._assigned.pop(id, None)
        self._mark(id, *self._members.get(id, ()))

    # --- the feed ---

    def _need(self, id: str, among: Container[str] | None = None) -> None:
        if id not in (self if among is None else among):
            raise KeyError(id)

    def _mark_members(self, group: str, members: tuple[str, ...]) -> None:
        """A membership is the group's; it is the member's, too, where it decides on the scope."""
        self._mark(group, *(members if group in self._assigned else ()))

    def _mark(self, *ids: str) -> None:
        for id in ids:
            kind = "users" if id in self._users else "groups"
            marks = self._changed[kind]
            self.watermark += 1
            marks.pop(id, None)
            marks[id] = self.watermark
