"""The sources of a mapping's lines, as text."""

from collections.abc import Mapping
from typing import Any

from scim.cli.simulator.expressions import parse


def evaluate(source: str, entry: Mapping[str, Any]) -> str:
    """Evaluate a name or an expression; "" for null. ValueError for what is neither."""
    return str(parse(source).evaluate(entry) or "")
