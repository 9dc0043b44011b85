"""Shaping: what a directory makes of a schema that its resource types are built on.

A resource type's document adds attributes to its base schema, leaves others out, requires values
and says which are unique. What comes of it has the same URN and is what `/Schemas` serves, so that
a client sees the rules that it is held to. Whatever else a document names must be left in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from scim.definitions import COMMON, Attribute, Document, ResourceTypeDocument, Schema
from scim.named import Names, check_named
from scim.schema import Path, ResourceType

_EXTERNAL_ID = COMMON.attribute("externalId")
D = TypeVar("D", bound=Document)

# (attribute, sub-attribute or "") -> characteristics to be changed there.
_Changes = dict[tuple[str, str], dict[str, Any]]


def shape(
    document: ResourceTypeDocument, base: Schema, extensions: Sequence[Schema], place: str
) -> ResourceType:
    """Make a resource type of its document and its schemas; those that are not shaped stay as is.

    `place` is where the document is (`resourceTypes[0]`). Raises ValueError that begins with it.
    """
    _check_added(document.attributes, base, place)
    whole = ResourceType(document, _with(base, document.attributes), tuple(extensions))
    left = ResourceType(document, _narrowed(whole, base, place), whole.extensions)
    shaped = _characterised(left, Names(place, whole, left))
    _check_told_apart(shaped, place)
    check_named(shaped, Names(place, whole, shaped))
    return shaped


def remade(document: D, **changes: Any) -> D:
    """Copy a document with other values, checked; `model_copy` would keep what was worked out."""
    values = {name: getattr(document, name) for name in type(document).model_fields}
    return type(document).model_validate({**values, **changes})


def _check_added(added: Sequence[Attribute], base: Schema, place: str) -> None:
    seen: set[str] = set()
    taken = {path for each in (*COMMON.attributes, *base.attributes) for path in each.paths}
    for index, attribute in enumerate(added):
        where, name = f"{place}.attributes[{index}]", attribute.name
        if COMMON.attribute(name):
            raise ValueError(f"{where}.name: {name} is part of every resource: choose another name")
        if base.attribute(name):
            raise ValueError(f"{where}.name: {base.id} has {name} already: choose another name")
        if name.lower() in seen:
            raise ValueError(f"{where}.name: {name} is there twice, letter case aside")
        seen.add(name.lower())
        if path := attribute.shared(taken):
            raise ValueError(
                f"{where}.name: {path} would be the path of two attributes, a dot in a name"
                " counted: choose another name"
            )
        taken |= attribute.paths
        check_flat(attribute, where)


def _check_told_apart(shaped: ResourceType, place: str) -> None:
    """Refuse an extension whose URN is an attribute's path, too: `urn:example:Badge:number`."""
    homes = {each.id.lower(): each for each in (shaped.schema, *shaped.extensions)}
    for index, extension in enumerate(shaped.extensions):
        urn = extension.id.lower()
        for id, home in homes.items():
            name = urn.removeprefix(f"{id}:")
            if name != urn and any(name in each.paths for each in home.attributes):
                raise ValueError(
                    f"{place}.schemaExtensions[{index}].schema: {extension.id} is also the path of"
                    f" an attribute of {home.id}: give the extension another URN, or the attribute"
                    " another name"
                )


def check_flat(attribute: Attribute, place: str) -> None:
    """Refuse what "MUST NOT contain sub-attributes that have sub-attributes" (RFC 7643 §2.3.8)."""
    for index, sub in enumerate(attribute.sub_attributes):
        if sub.type == "complex":
            raise ValueError(
                f"{place}.subAttributes[{index}].type: {attribute.name}.{sub.name} is complex, but"
                " a sub-attribute must be simple: it can't hold attributes itself"
            )


def _with(schema: Schema, added: Sequence[Attribute]) -> Schema:
    return remade(schema, attributes=(*schema.attributes, *added)) if added else schema


def _narrowed(whole: ResourceType, base: Schema, place: str) -> Schema:
    """Leave in the base schema what `only` names, and what the document adds."""
    only = whole.definition.only
    if only is None:
        return whole.schema
    names = Names(place, whole, whole)
    wanted: dict[str, set[str]] = {}
    for key, path in names.each("only", only):
        if path.extension is not None or path.attribute is None:
            raise names.wrong(
                key, f"{path} is no part of the base schema: leave extensions to schemaExtensions"
            )
        every = {each.name for each in path.attribute.sub_attributes}
        chosen = {path.sub.name} if path.sub else every
        wanted[path.attribute.name] = wanted.get(path.attribute.name, set()) | chosen
    kept = []
    for attribute in whole.schema.attributes:
        if not base.attribute(attribute.name):
            kept.append(attribute)
        elif attribute.name in wanted:
            subs = [
                each for each in attribute.sub_attributes if each.name in wanted[attribute.name]
            ]
            same = len(subs) == len(attribute.sub_attributes)
            kept.append(attribute if same else remade(attribute, sub_attributes=tuple(subs)))
    return remade(whole.schema, attributes=tuple(kept))


def _characterised(left: ResourceType, names: Names) -> ResourceType:
    """Mark what the document requires, and what it says is unique."""
    document = left.definition
    required = [path for _, path in names.each("required", document.required)]
    unique = [path for _, path in names.each("unique", document.unique or ())]
    base = left.schema
    if _EXTERNAL_ID and any(path.attribute is _EXTERNAL_ID for path in (*required, *unique)):
        base = _with(base, (_EXTERNAL_ID,))
    schemas = []
    for schema, within in ((base, None), *((each, each) for each in left.extensions)):
        changes = _required([each for each in required if each.extension is within])
        if document.unique is not None:
            paths = {str(each) for each in unique}
            for path in _paths(schema, within):
                _set(changes, path, _uniqueness(path, unique=str(path) in paths))
        schemas.append(_changed(schema, changes))
    due = {each.extension.id for each in required if each.extension}
    extensions = tuple(
        remade(each, required=True)
        if each.schema_.lower() in {urn.lower() for urn in due}
        else each
        for each in document.schema_extensions
    )
    if due:
        document = remade(document, schema_extensions=extensions)
    return ResourceType(document, schemas[0], tuple(schemas[1:]))


def _required(paths: Sequence[Path]) -> _Changes:
    """Require values at paths, and so every attribute on the way to them."""
    changes: _Changes = {}
    for path in paths:
        _set(changes, Path(path.attribute), {"required": True})
        _set(changes, path, {"required": True})
    return changes


def _uniqueness(path: Path, *, unique: bool) -> dict[str, Any]:
    declared = path.leaf.uniqueness if path.leaf else "none"
    if unique == (declared != "none"):
        return {}
    return {"uniqueness": "server" if unique else "none"}


def _paths(schema: Schema, extension: Schema | None) -> Iterator[Path]:
    for attribute in schema.attributes:
        yield Path(attribute, None, extension)
        for sub in attribute.sub_attributes:
            yield Path(attribute, sub, extension)


def _set(changes: _Changes, path: Path, values: Mapping[str, Any]) -> None:
    if path.attribute is not None and values:
        name = (path.attribute.name, path.sub.name if path.sub else "")
        changes[name] = {**changes.get(name, {}), **values}


def _changed(schema: Schema, changes: _Changes) -> Schema:
    if not changes:
        return schema
    attributes = []
    for each in schema.attributes:
        subs = [
            remade(sub, **changes[each.name, sub.name]) if (each.name, sub.name) in changes else sub
            for sub in each.sub_attributes
        ]
        own = changes.get((each.name, ""), {})
        attributes.append(remade(each, **own, sub_attributes=tuple(subs)))
    return remade(schema, attributes=tuple(attributes))
