"""PATCH: operations applied to a resource, all or none of them (RFC 7644 §3.5.2).

Pure: neither the resource nor the operations are changed, and a result that equals the resource
says that there is nothing to write. The message is read in `operations.py`; here are only places
and values that are known to be right.

Where the RFC is silent or its clients are not: `add` through a value filter that nothing matches
makes the element in every dialect, `replace` through one does by `Tolerance.create_unmatched`;
`add` of nothing to a multi-valued attribute adds nothing; an element of which only `type` and
`primary` would be left goes as a whole.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from scim import kept
from scim.dialect import STRICT, Tolerance
from scim.document import check_size, is_computed, missing, read_value, required
from scim.elements import LABELS, check_primary, collapse, merge, subtract, unset_primary
from scim.errors import InvalidValue, Mutability, NoTarget, TooLarge
from scim.filters import Compare, Filter, Target
from scim.match import conjuncts, selects, values_at
from scim.operations import MOST_APPLIED, Operation
from scim.replacement import check_immutable
from scim.schema import Attribute, Path, Resource, ResourceType
from scim.values import equal, present


def apply(
    operations: Sequence[Operation],
    resource: Resource,
    resource_type: ResourceType,
    tolerance: Tolerance = STRICT,
) -> tuple[Resource, tuple[str, ...]]:
    """Apply operations in their order; list the names that no schema has and that had no room.

    Raises NoTarget, Mutability (another `id`, an immutable or required value lost), InvalidValue,
    TooLarge (more than MOST_APPLIED operations on attributes).
    """
    if sum(not each.stray for each in operations) > MOST_APPLIED:
        raise TooLarge(f"one PATCH may set at most {MOST_APPLIED} attributes: send several")
    result = resource
    for operation in operations:
        result = _apply(operation, result, tolerance)
    added = (each.value for each in operations if each.stray and each.op == "add")
    strays = [element["name"] for elements in added for element in elements]
    result, over = kept.fitted(resource, result, strays, resource_type)
    if result == resource:
        return resource, over
    check_immutable(resource, result, resource_type)
    _check_required(resource, result, resource_type)
    kept.check(resource, result, resource_type)
    return result, over


def _check_required(before: Resource, after: Resource, resource_type: ResourceType) -> None:
    """Refuse to lose a required value (RFC 7644 §3.5.2.2), or to make an element without one.

    What was missing before may stay so: a rule that a directory adds must not keep older users from
    being disabled. The RFC's mutability is for what a schema requires; what the directory requires
    beside it is missing as in a POST.
    """
    absent = missing(before, resource_type)
    lost = [name for name in missing(after, resource_type) if name not in absent]
    ours = [str(resource_type.known_path(each)) for each in resource_type.definition.required]
    for name in lost:
        path = resource_type.path(name)
        gone = path is not None and path.sub is None and bool(values_at(before, path))
        if gone and name not in ours:
            raise Mutability(f"{name} is required and can't be removed: send another value for it")
    if lost:
        raise InvalidValue(required(lost, resource_type))


def _apply(operation: Operation, resource: Resource, tolerance: Tolerance) -> Resource:
    path = operation.target.path
    if path.attribute is None:
        return _put(resource, path.extension.id, None) if path.extension else resource
    if str(path) == "id":
        if operation.value != resource.get("id"):
            raise Mutability("id is read-only: leave it out, or remove its mapping")
        return resource
    edit = _Edit(operation, path.attribute, tolerance)
    if path.extension is None:
        return edit.within(resource)
    return _put(resource, path.extension.id, edit.within(resource.get(path.extension.id, {})))


class _Edit:
    """One operation on one attribute."""

    def __init__(self, operation: Operation, attribute: Attribute, tolerance: Tolerance) -> None:
        self._op = operation.op
        self._value = operation.value
        self._target: Target = operation.target
        self._filter = operation.target.filter
        self._sub = operation.target.path.sub
        self._attribute = attribute
        self._creates = tolerance.create_unmatched
        self._tolerates = tolerance.create_unmatched or operation.stray

    def within(self, holder: Resource) -> Resource:
        """Edit the attribute of a resource or of an extension's data."""
        attribute = self._attribute
        before = holder.get(attribute.name)
        if self._filter is None and self._sub is None:
            after = self._whole(before, attribute)
        elif attribute.multi_valued:
            after = self._elements(before or [])
        else:
            # A filter on a single complex value (`manager[value eq "1"]`) is met or not, like one
            # on an element.
            after = next(iter(self._elements([before] if before is not None else [])), None)
        if attribute.multi_valued and after and after is not before:
            after = collapse(unset_primary(before or [], after), attribute)
            check_primary(after, str(self._target.path))
            check_size(after, attribute, str(self._target.path))
        return _put(holder, attribute.name, after)

    def _whole(self, before: Any, attribute: Attribute) -> Any:
        """Work out all of an attribute's, or sub-attribute's, new value."""
        value = self._value
        if self._op == "remove":
            if value is None or before is None:
                return None
            if attribute.multi_valued:
                return subtract(before, value, attribute)
            return None if _says(before, value, attribute) else before
        if attribute.multi_valued:
            return merge(before or [], value or [], attribute) if self._op == "add" else value
        # A complex value names the sub-attributes that it sets, also in a replace (RFC 7644
        # §3.5.2.3).
        return _joined(before or {}, value) if isinstance(value, dict) else value

    def _elements(self, elements: list[Any]) -> list[Any]:
        """Edit the elements that the filter selects, or all of them."""
        selected = [self._filter is None or selects(self._filter, each) for each in elements]
        if not any(selected):
            return self._unmatched(elements)
        edited = [
            self._element(each) if chosen else each
            for each, chosen in zip(elements, selected, strict=True)
        ]
        return [each for each in edited if present(each)]

    def _unmatched(self, elements: list[Any]) -> list[Any]:
        """Make the element that is not there by what the filter says, or say that there is none."""
        nothing = NoTarget(
            f"{self._target.path}: no value meets the filter of the path: add the value first"
        )
        tolerated = self._filter is None or self._tolerates
        if self._op == "remove" or (self._value is None and tolerated):
            if tolerated:
                return elements
            raise nothing
        # The RFC has 400 noTarget for `replace` only (§3.5.2.3), and `add` adds what is not there:
        # Entra fills an address with one `addresses[type eq "work"].…` after another, and so do
        # others.
        if self._op == "replace" and not tolerated:
            raise nothing
        if self._value is None:
            return elements
        said = _said(self._filter, self._attribute) if self._filter else {}
        occupied = bool(elements) and not self._attribute.multi_valued
        if said is None or occupied:
            raise nothing
        made = self._element(said)
        if self._filter and not selects(self._filter, made):
            raise nothing
        return [*elements, made] if present(made) else elements

    def _element(self, element: Any) -> Any:
        """Edit one element, or the one value of a complex attribute; None when it goes."""
        value = self._value
        if self._sub is not None:
            return self._part(element, self._sub)
        if self._op == "remove":
            return None if value is None or _says(element, value, self._attribute) else element
        if not isinstance(value, dict):
            return value
        if self._op == "add" or not self._attribute.multi_valued:
            joined = _joined(element, value)
            for name in value if self._attribute.multi_valued else ():
                self._hold(self._attribute.sub(name), element.get(name), joined.get(name))
            return joined
        # All of the element is replaced (RFC 7644 §3.5.2.3). Clients that mean to set its value
        # alone leave out the type, by which they would not find it again: it stays what the filter
        # says.
        said = _said(self._filter, self._attribute) if self._filter else None
        return _joined(said or {} if self._creates else {}, value)

    def _part(self, element: Resource, sub: Attribute) -> Resource | None:
        before = element.get(sub.name)
        after = self._whole(before, sub)
        if self._attribute.multi_valued:
            self._hold(sub, before, after)
        edited = _put(element, sub.name, after)
        bare = self._attribute.multi_valued and edited.keys() <= LABELS
        return None if bare and not present(after) else edited

    def _hold(self, sub: Attribute | None, before: Any, after: Any) -> None:
        """Refuse to change what is immutable in an element: it comes and goes as a whole."""
        if sub and sub.mutability == "immutable" and present(before) and before != after:
            name = f"{self._attribute.name}.{sub.name}"
            raise Mutability(f"{name} is immutable: remove the element and add another one")


def _said(filter: Filter, attribute: Attribute) -> Resource | None:
    """Collect what `eq` joined by `and` says of an element; None when a filter says more."""
    said: Resource = {}
    for term in conjuncts(filter):
        if not isinstance(term, Compare) or term.op != "eq" or term.value is None or term.path.sub:
            return None
        sub = term.path.attribute
        if sub is None or sub.mutability == "readOnly" or is_computed(attribute, sub):
            return None
        value = float(term.value) if isinstance(term.value, Decimal) else term.value
        said[sub.name] = read_value(value, Path(sub), Tolerance(loose=True))
    return said if attribute.type == "complex" else {}


def _says(stored: Any, value: Any, attribute: Attribute) -> bool:
    """Tell whether a stored value is the one that a removal names, by what it names of it."""
    if not isinstance(stored, dict) or not isinstance(value, dict):
        return equal(stored, value, attribute)
    subs = ((attribute.sub(name), name) for name in value)
    return all(sub is not None and equal(stored.get(name), value[name], sub) for sub, name in subs)


def _joined(old: Resource, new: Resource) -> Resource:
    joined = {**old, **new}
    return {name: value for name, value in joined.items() if value is not None}


def _put(holder: Resource, name: str, value: Any) -> Resource:
    """Copy an object with a value set, or without it when there is none."""
    if present(value):
        return {**holder, name: value}
    return {key: each for key, each in holder.items() if key != name}
