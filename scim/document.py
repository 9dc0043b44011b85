"""The way in: any JSON value becomes a resource, or an error that says where (RFC 7643 §2, §3).

What `read` returns has canonical names, checked types, nothing null or empty, nothing that is
read-only. `schemas` and the `$ref` of a reference are not kept either: they follow from the rest
when it is shown. Recursion goes as deep as the schemas do, never as deep as the input. Messages
name attributes and never repeat a value.

Liberties, in every dialect: data of an extension counts without its URN in `schemas`, `schemas`
itself may be absent, and URNs that are not known are ignored (Entra sends an `…ADSCIM/2.0/Group`);
canonicalValues are suggestions.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from scim import kept
from scim.datatypes import UNNAMED, is_plain, kind, read_simple, shown, wrong
from scim.dialect import STRICT, Tolerance
from scim.elements import LABELS, check_primary, collapse
from scim.errors import InvalidSyntax, InvalidValue
from scim.schema import Attribute, Path, Resource, ResourceType, Schema
from scim.values import present

# Elements of an attribute, lists of references to resources excepted: nobody has a thousand
# telephones, and what a request costs must stay bounded.
MOST_ELEMENTS = 1000
_MOST_IGNORED = 50  # names that are reported, so that a log line stays one
_INDEX = re.compile(r"\[\d+\]")


def read(
    document: Any, resource_type: ResourceType, tolerance: Tolerance = STRICT
) -> tuple[Resource, tuple[str, ...]]:
    """Read a resource that was sent, and list the names that no schema has and that were ignored.

    Raises InvalidSyntax (no object, an attribute sent twice, an unknown one where they are
    rejected), InvalidValue (wrong type, a required one missing, two primary elements).
    """
    if not isinstance(document, dict):
        raise InvalidSyntax(
            f"expected a {resource_type.name} as a JSON object, got {kind(document)}"
        )
    strays = kept.Strays()
    if tolerance.unknown == "keep":
        strays = kept.gathered(document, resource_type, tolerant=tolerance.loose)
        document = strays.rest
    reader = Reader(tolerance)
    resource = reader.resource(document, resource_type)
    if absent := missing(resource, resource_type):
        raise InvalidValue(required(absent, resource_type))
    kept.check({}, resource, resource_type)
    resource, over = kept.joined(resource, strays.elements, resource_type)
    for name in (*strays.unfit, *over):
        reader.ignore(name)
    return resource, reader.ignored


def read_value(value: Any, path: Path, tolerance: Tolerance, *, element: bool = False) -> Any:
    """Read the value of one PATCH operation; None when it is no value (RFC 7643 §2.5).

    `element` says that it is one element of the multi-valued attribute, which a value filter
    selects. One element is taken where a list is due. A complex value, other than in a list, keeps
    None for each sub-attribute to be cleared.
    """
    return Reader(tolerance).value(value, path, element=element)


def missing(resource: Resource, resource_type: ResourceType) -> list[str]:
    """List required attributes without a value, in extensions and elements where there are any.

    A complex one that is absent is listed by what is required in it: `name.givenName`, not `name`.
    """
    found: dict[str, None] = {}
    for prefix, holder, attributes in _holders(resource, resource_type):
        found |= dict.fromkeys(_missing(holder, attributes, prefix))
    return list(found)


def required(names: Iterable[str], resource_type: ResourceType) -> str:
    """Say that required attributes are missing, and what to do."""
    listed = ", ".join(names)
    return f"a {resource_type.name} must have a value for {listed}: send one, or map one to it"


def is_computed(attribute: Attribute, sub: Attribute) -> bool:
    """Tell whether a sub-attribute is a URL of ours, which follows from the `value` beside it."""
    return sub.name == "$ref" and attribute.sub("value") is not None and bool(sub.targets)


def check_size(elements: list[Any], attribute: Attribute, place: str) -> None:
    """Refuse more elements than an attribute can have. Raises InvalidValue."""
    if len(elements) > MOST_ELEMENTS and not any(
        is_computed(attribute, sub) for sub in attribute.sub_attributes
    ):
        raise InvalidValue(f"{place} can have at most {MOST_ELEMENTS} values: send fewer")


def last_segment(url: Any) -> Any:
    """Take the id from a reference's URL: some clients send `$ref` alone."""
    return url.rstrip("/").rpartition("/")[2] if isinstance(url, str) else None


class Reader:
    """Reads values by their definitions, and keeps the names that it ignored."""

    def __init__(self, tolerance: Tolerance) -> None:
        self._loose = tolerance.loose
        self._rejects = tolerance.unknown == "reject"
        self._ignored: dict[str, None] = {}

    @property
    def ignored(self) -> tuple[str, ...]:
        return tuple(self._ignored)

    def ignore(self, name: str) -> None:
        """Note a name that no schema has, as it was sent: it may hold anything."""
        if len(self._ignored) < _MOST_IGNORED:
            place = _INDEX.sub("", name).partition("[")[0]  # brackets hold values
            self._ignored[place if is_plain(place) else UNNAMED] = None

    def resource(self, document: dict[Any, Any], resource_type: ResourceType) -> Resource:
        """Read a whole resource, extensions included."""
        found: Resource = {}
        base: dict[Any, Any] = {}
        for key, value in document.items():
            extension = resource_type.extension(str(key))
            if extension is None:
                base[key] = value
            elif extension.id in found:
                raise _twice(extension.id)
            else:
                found[extension.id] = self.extension(value, extension)
        values = self._object(base, resource_type.attribute, "")
        return {name: value for name, value in {**values, **found}.items() if present(value)}

    def extension(self, value: Any, extension: Schema) -> Resource:
        """Read the data of an extension, an object under its URN."""
        if not present(value):
            return {}
        if not isinstance(value, dict):
            raise wrong("an object", value, extension.id)
        read = self._object(value, extension.attribute, f"{extension.id}:")
        return {name: each for name, each in read.items() if each is not None}

    def value(self, value: Any, path: Path, *, element: bool = False) -> Any:
        """Do what `read_value` says."""
        attribute = path.leaf
        if attribute is None:
            return self.extension(value, path.extension) or None if path.extension else None
        place = str(path)
        if attribute.multi_valued and not element:
            return self._many(value if isinstance(value, list) else [value], attribute, place)
        # An object that names no sub-attribute changes none, so {} isn't "no value" here.
        return (
            {}
            if value == {} and attribute.type == "complex"
            else self._one(value, attribute, place)
        )

    def _attribute(self, value: Any, attribute: Attribute, place: str) -> Any:
        """Read all of an attribute in a document; None when there is no value."""
        if not present(value):
            return None
        if attribute.multi_valued:
            if not isinstance(value, list) and not self._loose:
                raise wrong("a list", value, place)
            return self._many(value if isinstance(value, list) else [value], attribute, place)
        return _without_nulls(self._one(value, attribute, place))

    def _many(self, values: list[Any], attribute: Attribute, place: str) -> list[Any] | None:
        check_size(values, attribute, place)
        read = []
        for index, value in enumerate(values):
            if self._loose and attribute.type != "complex" and isinstance(value, dict):
                # Entra sends a custom list of strings as [{"value": "1"}].
                sent = {str(key).lower(): each for key, each in value.items()}.get("value")
            else:
                sent = value
            one = _without_nulls(self._one(sent, attribute, f"{place}[{index}]", listed=True))
            if present(one):
                read.append(one)
        elements = collapse(read, attribute)
        check_primary(elements, place)
        return elements or None

    def _one(self, value: Any, attribute: Attribute, place: str, *, listed: bool = False) -> Any:
        """Read one value; None when there is none, also for a sub-attribute that was cleared."""
        if self._loose and not listed and isinstance(value, list) and len(value) == 1:
            value = value[0]  # Entra's documentation sends a manager as [{"value": …}]
        if not present(value):
            return None
        if attribute.type != "complex":
            return read_simple(value, attribute, place, loose=self._loose)
        if self._loose and attribute.sub("value") and isinstance(value, str | int | float):
            value = {"value": value}  # Entra sends a manager as "…", Postman a member
        if not isinstance(value, dict):
            raise wrong("an object", value, place)
        element = self._object(value, attribute.sub, f"{place}.", attribute)
        # {"type": "work", "value": ""}: the value was cleared, and a label alone is none.
        if (
            listed
            and "value" in element
            and not any(present(each) for name, each in element.items() if name not in LABELS)
        ):
            return None
        return element

    def _object(
        self,
        value: dict[Any, Any],
        find: Callable[[str], Attribute | None],
        prefix: str,
        parent: Attribute | None = None,
    ) -> dict[str, Any]:
        """Read an object: None for attributes without a value, read-only ones left out."""
        seen: set[str] = set()
        found: dict[str, Any] = {}
        reference: Any = None
        for key, each in value.items():
            attribute = find(str(key))
            if attribute is None:
                self._unknown(str(key), prefix)
                continue
            place = prefix + attribute.name
            if attribute.name in seen:
                raise _twice(place)
            seen.add(attribute.name)
            if parent is not None and is_computed(parent, attribute):
                reference = last_segment(each)
            elif attribute.name == "schemas" and not prefix:
                _check_schemas(each)
            elif attribute.mutability != "readOnly":
                found[attribute.name] = self._attribute(each, attribute, place)
        target = parent.sub("value") if parent and reference and "value" not in found else None
        if target is not None:
            found["value"] = self._attribute(reference, target, f"{prefix}$ref")
        return found

    def _unknown(self, name: str, prefix: str) -> None:
        if self._rejects:
            unknown = shown(name, prefix, what="the attribute ")
            raise InvalidSyntax(f"no schema has {unknown}: remove it, or its mapping")
        self.ignore(prefix + name)


def _holders(
    resource: Resource, resource_type: ResourceType
) -> Iterator[tuple[str, Resource, tuple[Attribute, ...]]]:
    """Yield each object that holds attributes: the resource, extensions that are there or due."""
    yield "", resource, resource_type.attributes
    for declared in resource_type.definition.schema_extensions:
        extension = resource_type.extension(declared.schema_)
        if extension is not None and (declared.required or extension.id in resource):
            yield f"{extension.id}:", resource.get(extension.id, {}), extension.attributes


def _missing(holder: Resource, attributes: Iterable[Attribute], prefix: str) -> Iterator[str]:
    for attribute in attributes:
        value = holder.get(attribute.name)
        if attribute.mutability == "readOnly":
            continue
        if value is None or not present(value):
            if attribute.required:
                due = [f".{sub.name}" for sub in attribute.sub_attributes if sub.required]
                yield from (f"{prefix}{attribute.name}{each}" for each in due or [""])
        elif any(sub.required for sub in attribute.sub_attributes):
            for element in value if isinstance(value, list) else [value]:
                yield from _missing(element, attribute.sub_attributes, f"{prefix}{attribute.name}.")


def _without_nulls(value: Any) -> Any:
    """Drop the sub-attributes that were cleared; None when nothing is left."""
    if isinstance(value, dict):
        value = {name: each for name, each in value.items() if each is not None}
    return value if present(value) else None


def _check_schemas(value: Any) -> None:
    if present(value) and not (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    ):
        raise wrong("a list of URNs", value, "schemas")


def _twice(place: str) -> InvalidSyntax:
    return InvalidSyntax(f"{place} is there twice, letter case aside: send it once")
