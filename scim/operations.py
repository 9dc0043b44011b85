"""The PATCH message, read into operations that each set one place (RFC 7644 §3.5.2).

Everything that can be refused without the resource is refused here, before the store is asked: the
shape of the message, paths, types of values, read-only targets. What `read_operations` returns is
canonical: every operation has a target, `value` is checked, and None means "no value": cleared by
add and replace, all of it by remove.

Names of the message's own attributes are read in any letter case (RFC 7643 §2.1), values of `op`
are not: a dialect puts them in lower case. A message without `schemas` is accepted in every
dialect.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from scim import kept
from scim.datatypes import kind, shown
from scim.dialect import Dialect, Tolerance
from scim.document import Reader, is_computed, last_segment
from scim.errors import InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget, TooLarge
from scim.filters import Target, UnknownAttribute, parse_path
from scim.kept_limits import MOST_KEPT
from scim.limits import MOST_PATCHED
from scim.schema import Path, ResourceType, Schema
from scim.values import present

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
# Each may walk an attribute's 1,000 values. Memberships don't count: they are edited as rows.
MOST_APPLIED = 500
MOST_EDITED = 2 * MOST_KEPT  # of those without a schema: all that are there, all that can be
# Identity providers send fewer than a hundred: each name, known or not, is read as a path.
MOST_NAMES = 1000
# Each comparison of a path's filter may look at an attribute's 1,000 values; the first one of each
# path is an operation's. Counted as words, before they are read: text in quotes may hold some.
MOST_JOINED = 500
_JOINS = re.compile(r"\b(?:and|or)\b", re.IGNORECASE)

_OPS = ("add", "remove", "replace")
_KEYS = ("op", "path", "value")


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to do at one place, its value as `document.read_value` returns it."""

    op: Literal["add", "remove", "replace"]
    target: Target
    value: Any = None
    stray: bool = False  # it edits what is kept without a schema, which is no reason to refuse


def read_operations(
    body: Any, resource_type: ResourceType, dialect: Dialect, most: int = MOST_PATCHED
) -> tuple[tuple[Operation, ...], tuple[str, ...]]:
    """Read a PATCH message, and list the names that no schema has and that were ignored.

    A value without a path becomes an operation per attribute, so that, where it is tolerated,
    "name.givenName" and "URN:attribute" are paths there too, as Entra sends them. Raises
    InvalidSyntax, InvalidPath, InvalidFilter, InvalidValue, Mutability, NoTarget, and TooLarge
    above `most` operations, 1,000 names in values, 500 joined comparisons in paths.
    """
    reading = _Reading(resource_type, dialect.tolerance)
    found: list[Operation] = []
    for index, sent in enumerate(_message(body, most, loose=dialect.tolerance.loose)):
        meant = [_raw(sent, f"Operations[{index}]")]
        for rewrite in dialect.patch_rewrites:
            meant = [each for one in meant for each in rewrite(one, resource_type)]
        for each in meant:
            found += reading.operation(each, f"Operations[{index}]")
    return tuple(found), reading.ignored


def _message(body: Any, most: int, *, loose: bool) -> list[Any]:
    """Check the message around the operations."""
    if not isinstance(body, dict):
        raise InvalidSyntax(f"expected a PatchOp message as a JSON object, got {kind(body)}")
    message = {str(name).lower(): value for name, value in body.items()}
    schemas = message.get("schemas")
    urns = (
        [each.lower() for each in schemas if isinstance(each, str)]
        if isinstance(schemas, list)
        else []
    )
    if schemas is not None and not loose and PATCH_SCHEMA.lower() not in urns:
        raise InvalidSyntax(f"schemas must be a list that holds {PATCH_SCHEMA}")
    operations = message.get("operations")
    if not isinstance(operations, list):
        raise InvalidSyntax(f"Operations must be a list, got {kind(operations)}")
    if not operations and not loose:
        raise InvalidSyntax("Operations is empty: send at least one operation")
    if len(operations) > most:
        raise TooLarge(f"one PATCH may hold at most {most} operations: send several")
    return operations


def _raw(sent: Any, place: str) -> dict[str, Any]:
    """Bring the keys of one operation into the RFC's letter case, and leave others to a dialect."""
    if not isinstance(sent, dict):
        raise InvalidSyntax(f"expected an object, got {kind(sent)} at {place}")
    lowered = {str(key).lower(): value for key, value in sent.items()}
    return {**sent, **{key: lowered[key] for key in _KEYS if key in lowered}}


class _Reading:
    """Reads the operations of one message."""

    def __init__(self, resource_type: ResourceType, tolerance: Tolerance) -> None:
        self._resource_type = resource_type
        self._tolerance = tolerance
        self._reader = Reader(tolerance)
        self._edits = 0  # of what is kept
        self._names = 0  # in objects of attributes
        self._joined = 0  # comparisons in filters

    @property
    def ignored(self) -> tuple[str, ...]:
        return self._reader.ignored

    def operation(self, raw: Mapping[str, Any], place: str) -> Iterator[Operation]:
        """Read one operation as meant."""
        op, path = raw.get("op"), raw.get("path")
        if op not in _OPS:
            case = "" if self._tolerance.loose else ", in lower case"
            raise InvalidSyntax(f'{place}.op must be "add", "remove" or "replace"{case}')
        if path is not None and not isinstance(path, str):
            raise InvalidSyntax(f"expected a string, got {kind(path)} at {place}.path")
        if path or (path is not None and not self._tolerance.loose):
            yield from self._at(op, path, raw, place)
        elif op == "remove":
            raise NoTarget(f"{place} removes and has no path: name the attribute to remove")
        else:
            yield from self._pathless(op, raw, place)

    def _pathless(self, op: str, raw: Mapping[str, Any], place: str) -> Iterator[Operation]:
        """Read a value that is an object of attributes (RFC 7644 §3.5.2.1, §3.5.2.3)."""
        value = raw.get("value")
        if not isinstance(value, dict):
            raise InvalidValue(
                "expected an object of attributes, because there is no path,"
                f" got {kind(value)} at {place}.value"
            )
        self._count_names(value)
        if len({str(name).lower() for name in value}) < len(value):
            raise InvalidSyntax(f"{place}.value names an attribute twice, in different letter case")
        for name, each in value.items():
            # A client that sends a resource back sends these too; both follow from the rest.
            if str(name).lower() not in ("schemas", "meta"):
                self._check_key(str(name), place)
                yield from self._at(op, str(name), {"value": each}, place)

    def _at(self, op: str, text: str, raw: Mapping[str, Any], place: str) -> Iterator[Operation]:
        """Read an operation with a path."""
        self._joined += len(_JOINS.findall(text)) if "[" in text else 0
        if self._joined > MOST_JOINED:
            raise TooLarge(
                f"the filters in the paths of one PATCH may join at most {MOST_JOINED} comparisons"
                " by and, or: send several"
            )
        try:
            target = parse_path(text, self._resource_type, tolerant=self._tolerance.loose)
        except UnknownAttribute as error:
            if self._tolerance.unknown == "reject":
                raise InvalidPath(error.detail) from error
            yield from self._unknown(op, text, raw)
            return
        if op != "remove" and "value" not in raw:
            raise InvalidValue(f"{place} has no value: send the one to {op}")
        if target.path.attribute is None:
            yield from self._extension(op, target, raw, place)
            return
        if target.path.attribute.name == "schemas":
            return  # follows from the data that there is
        self._check_mutability(op, target.path)
        if op == "remove":
            yield from self._removal(target, raw.get("value"))
        else:
            target, value = self._settled(target, raw["value"])
            element = target.filter is not None and target.path.sub is None
            read = self._reader.value(value, target.path, element=element)
            yield Operation(cast(Literal["add", "replace"], op), target, read)

    def _check_key(self, key: str, place: str, extension: Schema | None = None) -> None:
        """Refuse a path where a name is due: RFC 7644 §3.5.2 has paths in `path` only."""
        types = self._resource_type
        plain = extension.attribute(key) if extension else types.attribute(key)
        if self._tolerance.loose or plain or (not extension and types.extension(key)):
            return
        if "[" in key or types.path(f"{extension.id}:{key}" if extension else key):
            name = shown(key.partition("[")[0])  # brackets hold values
            raise InvalidSyntax(
                f"{place}.value has a path as a key: send {name} in an operation with a path, or"
                " in objects, one in the other"
            )

    def _unknown(self, op: str, text: str, raw: Mapping[str, Any]) -> Iterator[Operation]:
        """Read an operation on what no schema has: on what is kept of it, or on nothing."""
        types, loose = self._resource_type, self._tolerance.loose
        home = kept.home(types) if self._tolerance.unknown == "keep" else None
        name = kept.without_brackets(text)
        if home is None or not kept.is_unknown(name, types, tolerant=loose):
            self._reader.ignore(text)
            return
        value = raw.get("value")
        if op == "remove" and value == []:
            return  # a list that names nothing removes nothing
        pairs = {name: value}
        if op != "remove" and isinstance(value, dict) and value and kept.is_schema(name, types):
            pairs = {f"{name}:{each}": sent for each, sent in value.items()}
        for each, sent in pairs.items():
            edit = self._edit(op, each, sent, home) if "value" in raw or op == "remove" else None
            # An object of many costs nothing to send, and each walks what is kept.
            if edit is None or self._edits >= MOST_EDITED:
                self._reader.ignore(each)
            else:
                self._edits += 1
                yield edit

    def _edit(self, op: str, name: str, value: Any, home: Path) -> Operation | None:
        """Make the operation on what is kept under a name; None when there can't be one."""
        types = self._resource_type
        if not kept.is_unknown(name, types, tolerant=self._tolerance.loose):
            return None
        if op == "remove" or not present(value):
            target = Target(home, kept.named(name, types, value if op == "remove" else None))
            return Operation("remove", target, stray=True)
        element = kept.element(name, value, types)
        return Operation("add", Target(home), [element], stray=True) if element else None

    def _extension(
        self, op: str, target: Target, raw: Mapping[str, Any], place: str
    ) -> Iterator[Operation]:
        """Read an operation on a whole extension: on each of its attributes, or all removed."""
        urn, value = str(target.path), raw.get("value")
        if op == "remove" or (not present(value) and value != {}):
            yield Operation("remove", target)
        elif not isinstance(value, dict):
            raise InvalidValue(f"expected an object, got {kind(value)} at {urn}")
        else:
            self._count_names(value)
            for name, each in value.items():
                self._check_key(str(name), place, target.path.extension)
                yield from self._at(op, f"{urn}:{name}", {"value": each}, place)

    def _count_names(self, names: Collection[Any]) -> None:
        self._names += len(names)
        if self._names > MOST_NAMES:
            raise TooLarge(
                f"the values of one PATCH may name at most {MOST_NAMES} attributes: send several"
            )

    def _removal(self, target: Target, value: Any) -> Iterator[Operation]:
        """Read a removal; with a list of values it removes those only, in every dialect.

        RFC 7644 §3.5.2.2 knows no value here, but Entra and others remove members so, and to remove
        all of them would be the worst way to misunderstand it. For the same reason a list that
        names nothing removes nothing.
        """
        leaf = target.path.leaf
        element = target.filter is not None and target.path.sub is None
        if value is None or leaf is None:
            yield Operation("remove", target)
        elif leaf.multi_valued and not element:
            listed = self._reader.value(value, target.path)
            if listed:
                yield Operation("remove", target, listed)
        elif not self._tolerance.loose:
            yield Operation("remove", target)
        else:
            # Entra: remove `title`, or `emails[type eq "work"].value`, if it has this value.
            read = self._reader.value(value, target.path, element=element)
            if isinstance(read, dict):
                read = {name: each for name, each in read.items() if each is not None} or None
            yield Operation("remove", target, read)

    def _check_mutability(self, op: str, path: Path) -> None:
        """Refuse a read-only target, except `id`: `apply` can tell whether it is its own."""
        parts = [each for each in (path.attribute, path.sub) if each is not None]
        if all(each.mutability != "readOnly" for each in parts):
            return
        if str(path) != "id" or op == "remove":
            raise Mutability(f"{path} is read-only: leave it out, or remove its mapping")

    def _settled(self, target: Target, value: Any) -> tuple[Target, Any]:
        """Turn a reference's URL into the id that it ends in: the URL itself is computed."""
        attribute, sub = target.path.attribute, target.path.sub
        if attribute is None or sub is None or not is_computed(attribute, sub):
            return target, value
        return replace(target, path=replace(target.path, sub=attribute.sub("value"))), last_segment(
            value
        )
