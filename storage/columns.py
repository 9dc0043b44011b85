"""The columns beside a resource's JSON that filters are pushed down to, and what they hold.

Only attributes with at most one simple value have one. It holds what `comparable` compares, cut
and made harmless, so that it answers "may this resource match?" and never "does it?": whatever
`matches` accepts, a comparison with the column accepts too. Its name tells the form of what it
holds, so that the columns of two definitions of an attribute are never taken for each other: while
a directory's rules change, both are written.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from scim.keys import form
from scim.schema import Attribute, Path, Resource, ResourceType
from scim.values import comparable

LONGEST = 64  # characters of a text that are compared in the store
# Beyond it, a type's attributes have no columns: an entity has at most 252, of two definitions.
_MOST = 100
_TYPES = ("string", "reference", "boolean", "dateTime")
_LETTERS: Mapping[str, str] = {"text": "f", "exact": "e", "boolean": "b", "dateTime": "d"}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]{1,60}")
_CONTROLS = re.compile("[\x00-\x1f]")
# Half of a surrogate pair and what else is no character of any text.
NO_CHARACTERS = re.compile("[\x7f\ud800-\udfff\ufffe\uffff]")


def column(path: Path, type: ResourceType) -> str | None:
    """Name the column of an attribute; None when it has none."""
    attribute = path.attribute
    if attribute is None or path.sub is not None or not _has_column(attribute):
        return None
    if len(type.attributes) + sum(len(each.attributes) for each in type.extensions) > _MOST:
        return None
    if path.extension is None and _PLAIN_NAME.fullmatch(attribute.name):
        return f"{_LETTERS[form(attribute)]}_{attribute.name}"
    digest = hashlib.sha256(f"{form(attribute)} {path}".encode()).digest()
    return "x_" + base64.b32encode(digest).decode().lower()[:20]


def compared(path: Path, type: ResourceType) -> str | None:
    """Name the column that a filter may ask for: one that whoever writes a resource writes.

    Workers that have the rules which are coming write no others.
    """
    name = column(path, type)
    if name is None or type.coming is None:
        return name
    same = type.coming.path(str(path))
    return name if same is not None and column(same, type.coming) == name else None


def columns(resource: Resource, type: ResourceType) -> dict[str, str | bool]:
    """Make the columns of a resource, those that are coming included."""
    found = columns(resource, type.coming) if type.coming else {}
    for path, value in _values(resource, type):
        name = column(path, type)
        if name is None or path.attribute is None:
            continue
        try:
            found[name] = comparison(value, path.attribute)
        except (TypeError, ValueError):
            continue  # kept under another definition of the attribute: `matches` passes it over too
    return found


def comparison(value: object, attribute: Attribute) -> str | bool:
    """Make of a value what the column holds. TypeError or ValueError when it isn't one."""
    found = comparable(value, attribute)
    if isinstance(found, bool):
        return found
    if isinstance(found, datetime):
        return found.isoformat(timespec="microseconds")
    if isinstance(found, str):
        # What the service may refuse keeps its order beside printable ASCII, the only text that
        # is compared with: controls are less than all of it, the others greater.
        return NO_CHARACTERS.sub("\ufffd", _CONTROLS.sub("\t", found[:LONGEST]))
    raise TypeError(f"{attribute.name} has no column")


def _has_column(attribute: Attribute) -> bool:
    secret = attribute.returned == "never" or attribute.mutability == "writeOnly"
    return attribute.type in _TYPES and not attribute.multi_valued and not secret


def _values(resource: Resource, type: ResourceType) -> Iterator[tuple[Path, object]]:
    for name, value in resource.items():
        attribute = type.attribute(name)
        extension = None if attribute else type.extension(name)
        if attribute is not None and name != "id":
            yield Path(attribute), value
        elif extension is not None and isinstance(value, dict):
            for inner, each in value.items():
                found = extension.attribute(inner)
                if found is not None:
                    yield Path(found, None, extension), each
