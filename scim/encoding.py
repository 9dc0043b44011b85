"""Writing an answer's JSON, of a long list piece by piece.

An answer is sent whole; what it is made of need not be there whole beside it. Of 100,000 members
the elements alone would be four times as large as the answer.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

_SLICE = 1000  # elements that are made, or resources that are written, at a time


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """A list whose elements are made of `items` each time that they are asked for."""

    items: Sequence[Any]
    make: Callable[[Any], Any]

    def __iter__(self) -> Iterator[Any]:
        return map(self.make, self.items)

    def each(self, change: Callable[[Any], Any]) -> "Many":
        """Change every element, as it is made."""
        return Many(self.items, lambda item: change(self.make(item)))


def held(resource: dict[str, Any]) -> dict[str, Any]:
    """Make the lists of a resource, for who does more with it than write it."""
    return {name: list(each) if isinstance(each, Many) else each for name, each in resource.items()}


def encode(document: Any) -> bytes:
    """Write JSON, without spaces, in UTF-8."""
    if not _long(document):
        return _text(document).encode()
    written = BytesIO()  # gives what it has without another copy
    for piece in _pieces(document):
        written.write(piece.encode())
    return written.getvalue()


def _pieces(value: Any) -> Iterator[str]:
    if not _long(value):
        yield _text(value)
    elif isinstance(value, Many):
        for start in range(0, len(value.items), _SLICE):
            some = [value.make(each) for each in value.items[start : start + _SLICE]]
            yield f"{',' if start else '['}{_text(some)[1:-1]}"
        yield "]" if value.items else "[]"
    elif isinstance(value, dict):
        for place, (name, each) in enumerate(value.items()):
            yield f"{',' if place else '{'}{_text(name)}:"
            yield from _pieces(each)
        yield "}"
    else:
        for place, each in enumerate(value):
            yield "," if place else "["
            yield from _pieces(each)
        yield "]"


def _long(value: Any) -> bool:
    """Tell whether there is a long list in an answer: one in a resource, or of resources."""
    if isinstance(value, dict):
        return any(isinstance(each, Many | list) and _long(each) for each in value.values())
    if isinstance(value, list):
        return len(value) > _SLICE // 10 or any(
            isinstance(each, dict) and any(isinstance(inner, Many) for inner in each.values())
            for each in value
        )
    return isinstance(value, Many)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
