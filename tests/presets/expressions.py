"""The expressions of Entra's attribute mappings, as far as the presets' mappings use them."""

import re
from collections.abc import Mapping
from typing import Any

_CALL = re.compile(r"(\w+)\((.*)\)")
_ARGUMENT = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|\[(\w+)\]|)\s*(?:,|$)')


def evaluate(source: str, entry: Mapping[str, Any]) -> str:
    """Evaluate an attribute's name or an expression; "" for null. ValueError for what is neither.

    `Switch(SOURCE, DEFAULT, KEY, VALUE, …)` and `Join(SEPARATOR, …)`, the null left out. A name
    alone is an attribute.
    """
    if re.fullmatch(r"\w+", source):
        return str(entry.get(source) or "")
    call = _CALL.fullmatch(source)
    if call is None or call[1] not in ("Switch", "Join"):
        raise ValueError(f"no expression that is known here: {source}")
    first, *rest = _arguments(call[2], entry)
    if call[1] == "Join":
        return first.join(each for each in rest if each)
    default, *pairs = rest
    return dict(zip(pairs[::2], pairs[1::2], strict=True)).get(first, default)


def _arguments(text: str, entry: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(text):
        argument = _ARGUMENT.match(text, at)
        if argument is None or argument.end() == at:
            raise ValueError(f"no argument that is known here: {text[at:]}")
        literal, name = argument[1], argument[2]
        found.append(str(entry.get(name) or "") if name else literal or "")
        at = argument.end()
    return found
