"""Attributes that no schema has, kept where a directory asks for it (`Rules.unknown`: keep).

They are elements of an extension of the directory's own, one for each resource type, so that
clients discover, read, filter and PATCH them like any others:

    {"costCenter": 7, "urn:example:Badge": {"colour": "red"}}
    {"urn:scim:directory:schemas:kept:2.0:User": {"attributes": [
        {"name": "costCenter", "value": "7"},
        {"name": "urn:example:Badge:colour", "value": "red"}]}}

What is no string is kept as its JSON text. A name that a schema has is never kept here, nor is a
sub-attribute of one: it is ignored, with a warning. Names differ by more than letter case; the
spelling that came first stays.
"""

import json
from collections.abc import Sequence
from typing import Any

from scim.datatypes import shown
from scim.definitions import Attribute, ResourceTypeDocument, Schema, SchemaExtension
from scim.errors import InvalidValue
from scim.nodes import And, Compare, Filter, Or
from scim.schema import Path, Resource, ResourceType
from scim.tokens import well_formed
from scim.values import present

URN = "urn:scim:directory:schemas:kept:2.0:"
MOST_KEPT = 100  # of a resource
LONGEST_NAME = 255  # characters
LONGEST_VALUE = 32_000  # characters

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


def gathered(document: dict[Any, Any], resource_type: ResourceType, *, tolerant: bool) -> Any:
    """Move what no schema has in a POST's or PUT's body into the extension that keeps it.

    What has no value stays, to be ignored. Raises InvalidValue for what can't be kept.
    """
    place = home(resource_type)
    if place is None:
        return document
    rest: dict[Any, Any] = {}
    found: list[Resource] = []

    def keep(name: str, value: Any) -> bool:
        if not present(value) or not is_unknown(name, resource_type, tolerant=tolerant):
            return False
        found.extend(elements(name, value, resource_type))
        _check_count(len(found), place)
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
    return _joined(rest, found, place) if found else rest


def elements(name: str, value: Any, resource_type: ResourceType) -> list[Resource]:
    """Make the element of an attribute; none when it has no value. Raises InvalidValue."""
    if not present(value):
        return []
    element = {"name": _plain(name, resource_type), "value": _text(value)}
    _check(**element)
    return [element]


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
    """Tell whether no schema has an attribute of this name, nor one that it would be a part of."""
    if f"{name}:".lower().startswith(f"{URN}{resource_type.name}:".lower()):
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


def check(resource: Resource, resource_type: ResourceType) -> None:
    """Refuse more, or longer, than a resource can keep. Raises InvalidValue."""
    place = home(resource_type)
    if place is None or place.extension is None:
        return
    listed = resource.get(place.extension.id, {}).get(_ATTRIBUTES.name, ())
    _check_count(len(listed), place)
    for each in listed:
        _check(each.get("name", ""), each.get("value", ""))


def _check(name: str, value: str) -> None:
    if len(name) > LONGEST_NAME or not well_formed(name):
        raise InvalidValue(
            f"{shown(name) or 'an empty name'} can't be kept: the name of an attribute is at most"
            f" {LONGEST_NAME} letters, digits, $, - and _, after a URN and a colon if it has one:"
            " rename it, or remove its mapping"
        )
    if len(value) > LONGEST_VALUE:
        raise InvalidValue(
            f"{shown(name)} can't be kept: no schema has it, and its value is longer than"
            f" {LONGEST_VALUE} characters: shorten it, or remove its mapping"
        )


def _check_count(count: int, place: Path) -> None:
    if count > MOST_KEPT:
        raise InvalidValue(
            f"{place} can hold at most {MOST_KEPT} attributes that no other schema has: remove"
            " their mappings"
        )


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


def _joined(document: dict[Any, Any], found: list[Resource], place: Path) -> dict[Any, Any]:
    """Add elements behind those that the extension was sent with."""
    urn = str(place.extension.id if place.extension else "")
    key = _spelt(document, urn)
    sent = document.get(key)
    if present(sent) and not isinstance(sent, dict):
        return document  # it is refused for what it is
    held = sent or {}
    name = _spelt(held, _ATTRIBUTES.name)
    listed = held.get(name)
    before = listed if isinstance(listed, list) else [listed]
    both = [*(before if present(listed) else []), *found]
    return {**document, key: {**held, name: both}}


def _spelt(document: dict[Any, Any], name: str) -> Any:
    """Find how a document spells a name."""
    return next((key for key in document if str(key).lower() == name.lower()), name)
