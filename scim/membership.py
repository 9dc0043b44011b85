"""Memberships: between the attribute that is shown and the rows that are kept (RFC 7643 §4.2).

A group of 100,000 must cost what a group of ten costs, so a PATCH that names members is folded into
a `MemberEdit` without reading the group's members. Only operations that can't be said that way make
a handler read them all.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scim.dialect import Tolerance
from scim.document import read_value
from scim.encoding import Many, held
from scim.errors import InvalidValue
from scim.filters import And, Compare, Filter, Not, Or, Present, ValuePath
from scim.operations import Operation
from scim.repository import Member, MemberEdit
from scim.schema import Attribute, Path, Resource, ResourceType
from scim.values import present

# The URL of a resource by its type and id; None when it has none.
Locate = Callable[[str, str], str | None]


def detach(resource: Resource, resource_type: ResourceType) -> tuple[Resource, tuple[Member, ...]]:
    """Take the members out of a resource that `read` let in. Raises InvalidValue."""
    attribute = resource_type.members
    if attribute is None or attribute.name not in resource:
        return resource, ()
    rest = {name: value for name, value in resource.items() if name != attribute.name}
    return rest, _members(resource[attribute.name], attribute)


def attach(
    resource: Resource,
    resource_type: ResourceType,
    members: Sequence[Member] | None,
    member_of: Sequence[Member] | None,
    locate: Locate | None = None,
) -> Resource:
    """Put memberships into a resource, an empty list of members included; None leaves them out.

    `locate(type, id)` gives the URL for `$ref`.
    """
    return held(attach_many(resource, resource_type, members, member_of, locate))


def attach_many(
    resource: Resource,
    resource_type: ResourceType,
    members: Sequence[Member] | None,
    member_of: Sequence[Member] | None,
    locate: Locate | None = None,
) -> Resource:
    """Do the same for an answer: lists whose elements are made as they are written."""
    joined = dict(resource)
    if resource_type.members is not None and members is not None:
        own = Many(members, lambda each: _element(each, each.type, locate))
        joined[resource_type.members.name] = own if members else []
    if resource_type.member_of is not None and member_of:
        joined[resource_type.member_of.name] = Many(
            member_of, lambda each: _element(each, "direct", locate)
        )
    return joined


@dataclass(frozen=True, slots=True)
class Split:
    """A PATCH taken apart: what it does to members and what to everything else.

    `edit` is None when no operation names members. `whole` says that an operation can't be folded,
    so that the members must be read and the PATCH applied to all of it. `expected` are the ids that
    a removal by filter named.
    """

    rest: tuple[Operation, ...]
    edit: MemberEdit | None = None
    whole: bool = False
    expected: tuple[str, ...] = ()


def split(
    operations: Sequence[Operation], resource_type: ResourceType, tolerance: Tolerance
) -> Split:
    """Fold the operations on members, in their order, into one edit (RFC 7644 §3.5.2)."""
    attribute = resource_type.members
    mine = [each for each in operations if attribute and each.target.path.attribute is attribute]
    if not mine:
        return Split(tuple(operations))
    rest = tuple(each for each in operations if each.target.path.attribute is not attribute)
    add: dict[str, Member] = {}
    remove: dict[str, None] = {}
    expected: list[str] = []
    replace = False
    for operation in mine:
        target = operation.target
        if target.filter is not None or target.path.sub is not None:
            ids = _equal_values(target.filter) if target.path.sub is None else None
            if operation.op != "remove" or ids is None:
                return Split(tuple(operations), whole=True)
            expected += [each for each in ids if each not in add]
            removed: Iterable[str] = ids
        elif operation.op == "remove" and present(operation.value):
            removed = [each.id for each in _read(operation.value, target.path, tolerance)]
        else:
            # A bare remove, and a replace, begin with nobody.
            if operation.op != "add":
                replace, add, remove = True, {}, {}
            for each in _read(operation.value, target.path, tolerance):
                if operation.op != "remove":
                    add.setdefault(each.id, each)
                    remove.pop(each.id, None)
            continue
        for id in removed:
            add.pop(id, None)
            remove[id] = None  # in any case: who is added here may be a member already
    edit = MemberEdit(tuple(add.values()), () if replace else tuple(remove), replace)
    return Split(rest, edit, expected=tuple(expected))


def named(operations: Sequence[Operation], resource_type: ResourceType) -> int:
    """Count the members that operations name in their values."""
    attribute = resource_type.members
    values = [each.value for each in operations if each.target.path.attribute is attribute]
    return sum(len(each) for each in values if isinstance(each, list)) if attribute else 0


def difference(before: Sequence[Member], after: Sequence[Member]) -> MemberEdit | None:
    """Say what makes one list of members of another; None when nothing does."""
    old = {each.id for each in before}
    new = {each.id for each in after}
    add = tuple(each for each in after if each.id not in old)
    remove = tuple(each.id for each in before if each.id not in new)
    return MemberEdit(add, remove) if add or remove else None


def named_members(filter: Filter, attribute: Attribute) -> frozenset[str] | None:
    """Collect the ids that a filter compares members with; None when it asks more than who is one.

    `members eq "…"` and `not (members.value eq "…")` need only those ids looked up, whatever the
    group's size.
    """
    if isinstance(filter, Not):
        return named_members(filter.term, attribute)
    if isinstance(filter, And | Or):
        left, right = (
            named_members(filter.left, attribute),
            named_members(filter.right, attribute),
        )
        return None if left is None or right is None else left | right
    if filter.path.attribute is not attribute:
        return frozenset()
    if isinstance(filter, ValuePath):
        ids = _equal_values(filter.filter)
        return None if ids is None else frozenset(ids)
    if isinstance(filter, Present) or filter.op not in ("eq", "ne"):
        return None
    by_value = filter.path.sub is None or filter.path.sub.name == "value"
    return frozenset({filter.value}) if by_value and isinstance(filter.value, str) else None


def _equal_values(filter: Filter | None) -> list[str] | None:
    """List the ids of `value eq "a" or value eq "b"`; None when the filter says anything else."""
    if isinstance(filter, Or):
        left, right = _equal_values(filter.left), _equal_values(filter.right)
        return None if left is None or right is None else [*left, *right]
    if (
        isinstance(filter, Compare)
        and filter.op == "eq"
        and filter.path.attribute is not None
        and filter.path.attribute.name == "value"
        and isinstance(filter.value, str)
    ):
        return [filter.value]
    return None


def _read(value: Any, path: Path, tolerance: Tolerance) -> tuple[Member, ...]:
    if not present(value) or path.attribute is None:
        return ()
    return _members(read_value(value, path, tolerance) or [], path.attribute)


def _members(elements: list[Resource], attribute: Attribute) -> tuple[Member, ...]:
    found: dict[str, Member] = {}
    for place, element in enumerate(elements):
        id = element.get("value")
        if not id:
            raise InvalidValue(
                f"{attribute.name}[{place}].value is missing: it must be the id of a resource of"
                " this directory"
            )
        found.setdefault(id, Member(id, element.get("type", ""), element.get("display")))
    return tuple(found.values())


def _element(member: Member, type: str, locate: Locate | None) -> Resource:
    element: Resource = {"value": member.id}
    if locate is not None and (url := locate(member.type, member.id)):
        element["$ref"] = url
    element["type"] = type
    if member.display:
        element["display"] = member.display
    return element
