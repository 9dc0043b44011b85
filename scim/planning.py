"""How a filter is answered without reading everybody (RFC 7644 §3.4.2.2).

`narrow` says where to look for the resources that can match; whoever looks checks each one with
`matches` again, so a plan may find too many and must never find too few.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from scim.elements import LABELS
from scim.errors import InvalidFilter
from scim.filters import And, Compare, Filter, Not, Or, Present, ValuePath
from scim.keys import findable, key
from scim.match import conjuncts
from scim.repository import Key
from scim.schema import Path, ResourceType
from scim.tokens import UNKNOWN

# Types that have so many values that an index of them may narrow something.
_MANY = frozenset({"string", "reference", "integer", "decimal", "dateTime"})


@dataclass(frozen=True, slots=True)
class Lookup:
    """Places to look: ids, keys, groups that have one of some members, members of some groups."""

    ids: frozenset[str] = frozenset()
    keys: frozenset[Key] = frozenset()
    having_member: frozenset[str] = frozenset()
    member_of: frozenset[str] = frozenset()

    def __or__(self, other: "Lookup") -> "Lookup":
        return Lookup(
            self.ids | other.ids,
            self.keys | other.keys,
            self.having_member | other.having_member,
            self.member_of | other.member_of,
        )

    @property
    def cost(self) -> tuple[bool, bool, int]:
        """Ids are cheapest, then keys; memberships can be many."""
        return (
            bool(self.having_member or self.member_of),
            bool(self.keys),
            len(self.ids) + len(self.keys),
        )


def settle(filter: Filter) -> Filter | bool:
    """Decide what asks about attributes that this type does not have: they have no value here.

    What is left of the filter asks about known ones only; True is everybody, False nobody (RFC 7644
    §3.4.2.1).
    """
    match filter:
        case Compare(path, op, value) if path.attribute is UNKNOWN:
            return op == ("eq" if value is None else "ne")
        case Present(path) if path.attribute is UNKNOWN:
            return False
        case ValuePath(path, inner):
            found = False if path.attribute is UNKNOWN else settle(inner)
            return (
                ValuePath(path, found) if not isinstance(found, bool) else found and Present(path)
            )
        case Not(term):
            found = settle(term)
            return not found if isinstance(found, bool) else Not(found)
        case And(left, right) | Or(left, right):
            return _joined(type(filter), (settle(left), settle(right)))
    return filter


def _joined(
    node: type[And] | type[Or], sides: tuple[Filter | bool, Filter | bool]
) -> Filter | bool:
    left, right = sides
    decisive = node is Or  # one that is true decides `or`, one that is false decides `and`
    if isinstance(left, bool):
        return left if left is decisive else right
    if isinstance(right, bool):
        return right if right is decisive else left
    return node(left, right)


def narrow(filter: Filter, resource_type: ResourceType) -> Lookup | None:
    """Find the places where all that matches a filter is found; None: only a scan finds it."""
    if isinstance(filter, And):
        found = [narrow(each, resource_type) for each in conjuncts(filter)]
        return _cheapest(found)
    if isinstance(filter, Or):
        left, right = narrow(filter.left, resource_type), narrow(filter.right, resource_type)
        return None if left is None or right is None else left | right
    if isinstance(filter, Compare) and filter.op == "eq" and filter.value is not None:
        return _lookup(filter.path, filter.value, resource_type)
    if isinstance(filter, ValuePath):
        return _within(filter, resource_type)
    return None


def wanting(filter: Filter, resource_type: ResourceType) -> frozenset[str] | None:
    """Name the paths which, were they indexed, would have a filter narrowed; None: none would."""
    match filter:
        case And():
            options = [wanting(each, resource_type) for each in conjuncts(filter)]
            return min((each for each in options if each is not None), key=len, default=None)
        case Or(left, right):
            one, other = wanting(left, resource_type), wanting(right, resource_type)
            return None if one is None or other is None else one | other
        case ValuePath(path, inner):
            equal = [
                Compare(Path(path.attribute, each.path.attribute, path.extension), "eq", each.value)
                for each in conjuncts(inner)
                if isinstance(each, Compare) and each.op == "eq"
            ]
            options = [wanting(each, resource_type) for each in equal]
            return min((each for each in options if each is not None), key=len, default=None)
        case Compare(path, "eq", value) if value is not None:
            if narrow(filter, resource_type) is not None:
                return frozenset()
            return frozenset({str(path)}) if _worth_an_index(path) else None
    return None


def _worth_an_index(path: Path) -> bool:
    """Tell whether values of a path tell resources apart: a label does not, nor does a flag."""
    leaf, computed = path.leaf, path.attribute is None or path.attribute.mutability == "readOnly"
    return leaf is not None and not computed and leaf.type in _MANY and leaf.name not in LABELS


def _within(filter: ValuePath, resource_type: ResourceType) -> Lookup | None:
    """`emails[type eq "work" and value eq "x"]` is looked up by `emails.value`."""
    found = []
    for term in conjuncts(filter.filter):
        if isinstance(term, Compare) and term.op == "eq" and term.value is not None:
            path = Path(filter.path.attribute, term.path.attribute, filter.path.extension)
            found.append(_lookup(path, term.value, resource_type))
    return _cheapest(found)


def _cheapest(lookups: Iterable[Lookup | None]) -> Lookup | None:
    known = (each for each in lookups if each is not None)
    return min(known, key=lambda each: each.cost, default=None)


def _lookup(path: Path, value: object, resource_type: ResourceType) -> Lookup | None:
    attribute = path.attribute
    if path.sub is None and attribute is not None and attribute.type == "complex":
        path = Path(attribute, attribute.sub("value"), path.extension)
    text = str(path)
    if text == "id":
        return Lookup(ids=frozenset({str(value)}))
    if attribute is not None and path.sub is not None and path.sub.name == "value":
        if attribute is resource_type.members:
            return Lookup(having_member=frozenset({str(value)}))
        if attribute is resource_type.member_of:
            return Lookup(member_of=frozenset({str(value)}))
    if findable(path, resource_type):
        try:
            return Lookup(keys=frozenset({key(path, value)}))
        except (TypeError, ValueError) as error:
            raise InvalidFilter(f"the value compared with {path} is not of its type") from error
    return None
