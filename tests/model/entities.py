"""An entity between JSON and a row, and the limits of its size.

Limits: learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _text
from typing import Any

from tests.model.faults import Fault
from tests.model.odata import Time
from tests.model.rows import Row

KEYS = ("PartitionKey", "RowKey")
_SYSTEM = frozenset({*KEYS, "Timestamp"})
_ODATA = "@odata.type"

_MOST_PROPERTIES = 252  # of the client's own
_LONGEST_NAME = 255
_LONGEST_KEY = 1024  # bytes of UTF-16
_LARGEST_PROPERTY = 64 * 1024  # bytes, of UTF-16 for text
_LARGEST_ENTITY = 1024 * 1024
_FORBIDDEN_IN_KEYS = re.compile("[/\\\\#?\x00-\x1f\x7f-\x9f]")
_LONGEST_INT32 = 2**31
# What JSON alone tells; the others carry their type.
_UNTYPED = frozenset({"Edm.String", "Edm.Boolean", "Edm.Int32", "Edm.Double"})
_KINDS: Sequence[tuple[str, type]] = (("Edm.Boolean", bool), ("Edm.Int32", int))
_SIZES: Mapping[str, int] = {
    "Edm.Boolean": 1,
    "Edm.Int32": 4,
    "Edm.Int64": 8,
    "Edm.Double": 8,
    "Edm.DateTime": 8,
    "Edm.Guid": 16,
}


def parse(content: bytes) -> dict[str, Any]:
    """Read an entity as it was sent. Raises Fault."""
    try:
        found = json.loads(content or b"{}")
    except ValueError as error:
        raise Fault(400, "InvalidInput", "The request body is no JSON.") from error
    if not isinstance(found, dict):
        raise Fault(400, "InvalidInput", "The request body is no entity.")
    return found


def own_properties(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Take what is kept of an entity that was sent: properties with values, types that JSON lacks.

    Raises Fault when one is larger than the service takes.
    """
    kept: dict[str, Any] = {}
    for name, value in sent.items():
        if name in _SYSTEM or value is None or name.startswith("odata."):
            continue
        plain = name.removesuffix(_ODATA)
        if plain in _SYSTEM or sent.get(plain) is None:
            continue
        if plain == name:
            _check_property(name, value, sent.get(name + _ODATA))
        if plain == name or value not in _UNTYPED:
            kept[name] = value
    return kept


def check_key(partition: str, key: str) -> None:
    """Refuse what can't be a key. Raises Fault."""
    for each in (partition, key):
        if _FORBIDDEN_IN_KEYS.search(each):
            raise Fault(400, "OutOfRangeInput", "One of the request inputs is out of range.")
        if _units(each) > _LONGEST_KEY:
            raise Fault(
                400, "PropertyValueTooLarge", "The property value is larger than permitted."
            )


def body_of(partition: str, key: str, properties: Mapping[str, Any]) -> str:
    """Write the members of an entity's JSON. Raises Fault when the entity is too large.

    How the service counts: learn.microsoft.com/archive/blogs/avkashchauhan/
    how-the-size-of-an-entity-is-caclulated-in-windows-azure-table-storage.
    """
    own = {name: value for name, value in properties.items() if not name.endswith(_ODATA)}
    if len(own) > _MOST_PROPERTIES:
        raise Fault(400, "TooManyProperties", "The entity contains more properties than allowed.")
    size = 4 + _units(partition + key)
    for name, value in own.items():
        size += 8 + _units(name) + _size(value, _kind(value, properties.get(name + _ODATA)))
    if size > _LARGEST_ENTITY:
        raise Fault(
            400, "EntityTooLarge", "The entity is larger than the maximum allowed size (1MB)."
        )
    try:
        text = json.dumps(properties, ensure_ascii=False, separators=(",", ":"))
        text.encode()
    except UnicodeEncodeError as error:
        raise Fault(400, "InvalidInput", "The request body holds half a character.") from error
    return text[1:-1]


def properties_of(row: Row) -> dict[str, Any]:
    """Read a row's own properties, with their types where JSON lacks them."""
    found: dict[str, Any] = json.loads(f"{{{row.body or ''}}}")
    return found


def comparable(row: Row, *, timed: bool = True) -> dict[str, Any]:
    """Make of a row what filters compare, unless they can't tell its time."""
    found = properties_of(row) if row.body else {}
    time = {"Timestamp": Time(timestamp(row.ticks))} if timed else {}
    return {**found, "PartitionKey": row.partition, "RowKey": row.key, **time}


def written(row: Row, select: frozenset[str]) -> str:
    """Write an entity's JSON, of the properties that are asked for: all, when none is named."""
    members = [f'"odata.etag":{_text(etag_of(row.ticks))}']
    if not select or "PartitionKey" in select:
        members.append(f'"PartitionKey":{_text(row.partition)}')
    if not select or "RowKey" in select:
        members.append(f'"RowKey":{_text(row.key)}')
    if not select or "Timestamp" in select:
        members.append(f'"Timestamp":"{timestamp(row.ticks)}"')
    if row.body and not select:
        members.append(row.body)
    elif row.body and not select <= _SYSTEM:
        chosen = {
            name: value
            for name, value in properties_of(row).items()
            if name.removesuffix(_ODATA) in select
        }
        if chosen:
            members.append(json.dumps(chosen, ensure_ascii=False, separators=(",", ":"))[1:-1])
    return f"{{{','.join(members)}}}"


def needs_body(select: frozenset[str]) -> bool:
    return not select or not select <= _SYSTEM


def etag_of(ticks: int) -> str:
    return "W/\"datetime'" + timestamp(ticks).replace(":", "%3A") + "'\""


def timestamp(ticks: int) -> str:
    """Write a time that is given in units of 100 ns since 1970."""
    seconds, rest = divmod(ticks, 10**7)
    return f"{_second(seconds)}.{rest:07}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _check_property(name: str, value: Any, named: Any) -> None:
    if len(name) > _LONGEST_NAME:
        raise Fault(400, "PropertyNameTooLong", "The property name exceeds the maximum length.")
    kind = _kind(value, named)
    if kind in ("Edm.String", "Edm.Binary") and _size(value, kind) - 4 > _LARGEST_PROPERTY:
        raise Fault(
            400,
            "PropertyValueTooLarge",
            "The property value exceeds the maximum allowed size (64KB).",
        )
    if kind == "Edm.Int32" and not -_LONGEST_INT32 <= value < _LONGEST_INT32:
        raise Fault(400, "InvalidInput", "An error occurred while processing this request.")


def _kind(value: Any, named: Any) -> str:
    if named is not None:
        return str(named)
    return next((kind for kind, type in _KINDS if isinstance(value, type)), _by_default(value))


def _by_default(value: Any) -> str:
    return "Edm.Double" if isinstance(value, float) else "Edm.String"


def _size(value: Any, kind: str) -> int:
    """Count the bytes of a value."""
    if kind in _SIZES:
        return _SIZES[kind]
    text = str(value)
    return 4 + (len(text) * 3 // 4 if kind == "Edm.Binary" else _units(text))


def _units(text: str) -> int:
    return 2 * len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass"))
