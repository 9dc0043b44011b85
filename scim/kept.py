"""Attributes that no schema has, kept where a directory asks for it (`Rules.unknown`: keep).

They are elements of an extension of the directory's own, one for each resource type, so that
clients discover, read, filter and PATCH them like any others:

    {"costCenter": 7, "urn:example:Badge": {"colour": "red"}}
    {"urn:scim:directory:schemas:kept:2.0:User": {"attributes": [
        {"name": "costCenter", "value": "7"},
        {"name": "urn:example:Badge:colour", "value": "red"}]}}

What is no string is kept as its JSON text. A name that a schema has is never kept here, nor is a
sub-attribute of one: it is ignored, with a warning. So is what can't be kept, for whatever reason:
a stray mapping must not keep anybody from being disabled. Only who writes into the extension itself
is refused. Names differ by more than letter case; the spelling that came first stays.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scim import kept_limits
from scim.definitions import Attribute, ResourceTypeDocument, Schema, SchemaExtension
from scim.elements import collapse
from scim.kept_limits import LONGEST_NAME, MOST_KEPT, is_keepable
from scim.nodes import And, Compare, Filter, Or
from scim.schema import Path, Resource, ResourceType
from scim.values import present

URN = "urn:scim:directory:schemas:kept:2.0:"
# Some clients send one whether or not they are asked to; it would be shown to whoever reads.
_NEVER = frozenset({"password"})

# Immutable and required: elements are told apart by it (`Attribute.key`).
_NAME = Attribute(
    name="name",
    description="The attribute's name as it was sent, after its URN if it has one.",
    required=True,
    mutability="immutable",
)
_VALUE = Attribute(
    name="value",
    description="The attribute's value; JSON text where it was no string.",
    required=True,
    case_exact=True,
)
_ATTRIBUTES = Attribute(
    name="attributes",
    type="complex",
    multi_valued=True,
    description="Attributes that were sent and that no other schema of this directory has.",
    sub_attributes=(_NAME, _VALUE),
)


def with_kept(
    schemas: Sequence[Schema], documents: Sequence[ResourceTypeDocument]
) -> tuple[tuple[Schema, ...], tuple[ResourceTypeDocument, ...]]:
    """Add to each resource type the extension that its kept attributes are in.

    Raises ValueError that begins with the place of a schema that has such a URN already.
    """
    for index, schema in enumerate(schemas):
        if schema.id.lower().startswith(URN):
            raise ValueError(
                f"schemas[{index}].id: {schema.id} is a URN of what this directory keeps: choose"
                " another one"
            )
    added = {each.name.lower(): _schema(each.name) for each in documents}
    return (*schemas, *added.values()), tuple(_extended(each) for each in documents)


def home(resource_type: ResourceType) -> Path | None:
    """Find the multi-valued attribute that holds what a resource type keeps, if it keeps any."""
    extension = resource_type.extension(URN + resource_type.name)
    return Path(extension.attribute("attributes"), None, extension) if extension else None


@dataclass(frozen=True, slots=True)
class Strays:
    """A document without what no schema has; the elements of that, names that can't be kept."""

    rest: dict[Any, Any] = field(default_factory=dict)
    elements: list[Resource] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)


def gathered(document: dict[Any, Any], resource_type: ResourceType, *, tolerant: bool) -> Strays:
    """Take what no schema has out of a POST's or PUT's body; what has no value stays in it."""
    if home(resource_type) is None:
        return Strays(document)
    strays = Strays()
    rest = strays.rest

    def keep(name: str, value: Any) -> bool:
        if len(strays.elements) >= MOST_KEPT or not present(value):
            return False
        if not is_unknown(name, resource_type, tolerant=tolerant):
            return False
        if (made := element(name, value, resource_type)) is not None:
            strays.elements.append(made)
        else:
            strays.unfit.append(name)
        return True

    for key, value in document.items():
        extension = resource_type.extension(str(key))
        name = extension.id if extension else str(key)
        if isinstance(value, dict) and (extension or is_schema(name, resource_type)):
            known = {each: sent for each, sent in value.items() if not keep(f"{name}:{each}", sent)}
            if known or not value:
                rest[key] = known
        elif extension or not keep(name, value):
            rest[key] = value
    return strays


def element(name: str, value: Any, resource_type: ResourceType) -> Resource | None:
    """Make the element of an attribute that has a value; None when it can't be kept."""
    plain, text = _plain(name, resource_type), _text(value)
    return {"name": plain, "value": text} if is_keepable(plain, text) else None


def joined(
    resource: Resource, strays: Sequence[Resource], resource_type: ResourceType
) -> tuple[Resource, tuple[str, ...]]:
    """Add elements to those that the extension was sent with; second: names that had no room."""
    place = home(resource_type)
    both = collapse([*_listed(resource, place), *strays], _ATTRIBUTES)
    after = _holding(both, resource, place) if strays else resource
    return fitted(resource, after, [each["name"] for each in strays], resource_type)


def fitted(
    before: Resource, after: Resource, strays: Sequence[str], resource_type: ResourceType
) -> tuple[Resource, tuple[str, ...]]:
    """Leave strays as they were before where there is no room for them; second: their names."""
    place = home(resource_type)
    some, over = kept_limits.fitted(_listed(before, place), _listed(after, place), strays)
    return (_holding(some, after, place) if over else after), over


def named(name: str, resource_type: ResourceType, value: Any = None) -> Filter:
    """Make the filter that selects the element of a name, and those below it if there are any.

    With a value, only the element of this name and value.
    """
    plain = _plain(name, resource_type)
    exact = Compare(Path(_NAME), "eq", plain)
    if present(value):
        return And(exact, Compare(Path(_VALUE), "eq", _text(value)))
    below = [Compare(Path(_NAME), "sw", plain + mark) for mark in ".:"]
    return Or(exact, Or(*below))


def is_unknown(name: str, resource_type: ResourceType, *, tolerant: bool) -> bool:
    """Tell whether no schema has an attribute of this name, nor one that it would be a part of.

    A password is none that is kept: nothing here authenticates people.
    """
    if f"{name}:".lower().startswith(f"{URN}{resource_type.name}:".lower()):
        return False
    if _plain(name, resource_type).lower() in _NEVER:
        return False
    if len(name) > LONGEST_NAME:
        return True
    parent = name.rpartition(".")[0]
    paths = (resource_type.path(each, tolerant=tolerant) for each in (name, parent) if each)
    return not any(path.attribute for path in paths if path)


def changed(before: Resource, after: Resource, resource_type: ResourceType) -> list[str]:
    """Name what is kept in one of two resources and not, or not so, in the other."""
    place = home(resource_type)
    urn = place.extension.id if place and place.extension else ""
    old, new = (
        {each.get("name", ""): each.get("value") for each in held.get(_ATTRIBUTES.name, ())}
        for held in (before.get(urn, {}), after.get(urn, {}))
    )
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


def is_schema(name: str, resource_type: ResourceType) -> bool:
    """Tell whether a name with an object as its value can only be the URN of an extension.

    `urn:…:2.0:User` and `urn:example:Badge` can; `urn:…:2.0:User:manager` is an attribute, which
    some clients send so.
    """
    lowered = name.lower()
    return lowered.startswith("urn:") and f":{resource_type.name.lower()}:" not in lowered


def without_brackets(path: str) -> str:
    """Name what a path names, whatever its value filter: `foo[type eq "x"].bar` is `foo.bar`."""
    before, _, behind = path.partition("[")
    return before.strip() + behind.rpartition("]")[2].strip()


def check(before: Resource, after: Resource, resource_type: ResourceType) -> None:
    """Refuse to make more of it than a resource can keep. Raises InvalidValue."""
    place = home(resource_type)
    if _listed(before, place) != _listed(after, place):
        kept_limits.check(_listed(after, place), str(place))


def _holding(elements: list[Resource], resource: Resource, place: Path | None) -> Resource:
    urn = place.extension.id if place and place.extension else ""
    rest = {name: each for name, each in resource.items() if name != urn}
    return {**rest, urn: {_ATTRIBUTES.name: elements}} if elements else rest


def _listed(resource: Resource, place: Path | None) -> list[Resource]:
    urn = place.extension.id if place and place.extension else ""
    found: list[Resource] = resource.get(urn, {}).get(_ATTRIBUTES.name, [])
    return found


def _schema(name: str) -> Schema:
    return Schema(
        id=URN + name,
        name=f"Kept{name}",
        description=f"Attributes of a {name} that were sent and that no other schema has.",
        attributes=(_ATTRIBUTES,),
    )


def _extended(document: ResourceTypeDocument) -> ResourceTypeDocument:
    extension = SchemaExtension(schema_=URN + document.name)
    declared = document.schema_extensions
    if any(each.schema_.lower() == extension.schema_.lower() for each in declared):
        return document  # a copy of what such a directory serves
    return document.model_copy(update={"schema_extensions": (*declared, extension)})


def _plain(name: str, resource_type: ResourceType) -> str:
    """Leave out the URN of the base schema, which may stand before its attributes or not."""
    prefix = f"{resource_type.schema.id}:"
    return name[len(prefix) :] if name.lower().startswith(prefix.lower()) else name


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    # One text for each value: an object's keys have no order.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
