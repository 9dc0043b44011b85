"""References to a `bulkId`, in the path and the data of a bulk operation (RFC 7644 §3.7.2)."""

from collections.abc import Iterator, Mapping
from typing import Any

REFERENCE = "bulkId:"
_UNKNOWN = object()  # stands for a reference to what has no id yet


def references(value: Any) -> Iterator[str]:
    """Yield every bulkId that a value refers to, in a path too; depth is bounded by the body's."""
    if isinstance(value, str):
        for part in value.split("/") if value.startswith("/") else [value]:
            if part.startswith(REFERENCE):
                yield part.removeprefix(REFERENCE)
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from references(each)


def placed(path: str, ids: Mapping[str, str]) -> str:
    """Put ids in the place of the references in a path; what has no id yet stays."""
    segments = path.lstrip("/").split("/")
    return "".join(f"/{ids.get(_name(each) or '', each)}" for each in segments)


def _name(text: str) -> str | None:
    return text.removeprefix(REFERENCE) if text.startswith(REFERENCE) else None


def sent(data: Any, ids: Mapping[str, str]) -> Any:
    """Resolve an operation's data; its top level stays whatever is left out of it."""
    if not isinstance(data, dict):
        return _resolved(data, ids)
    inner = {name: _resolved(each, ids) for name, each in data.items()}
    return {name: each for name, each in inner.items() if each is not _UNKNOWN}


def _resolved(value: Any, ids: Mapping[str, str]) -> Any:
    """Put ids in the place of references; what refers to an id not known yet is left out whole.

    So `{"type": "Group", "value": "bulkId:b"}` leaves nothing behind while b is unknown.
    """
    if isinstance(value, str) and value.startswith(REFERENCE):
        return ids.get(value.removeprefix(REFERENCE), _UNKNOWN)
    if isinstance(value, list):
        return [each for each in (_resolved(each, ids) for each in value) if each is not _UNKNOWN]
    if isinstance(value, dict):
        inner = {name: _resolved(each, ids) for name, each in value.items()}
        return _UNKNOWN if _UNKNOWN in inner.values() else inner
    return value


def referring(value: Any) -> Any:
    """Keep what refers to a bulkId: of a list those elements, of an object those attributes."""
    if isinstance(value, list):
        return [each for each in value if any(references(each))]
    if not isinstance(value, dict):
        return value
    if any(isinstance(each, str) and each.startswith(REFERENCE) for each in value.values()):
        return value
    return {name: referring(each) for name, each in value.items() if any(references(each))}
