"""Rules that come with the service, by name: what published products need, as JSON documents.

A directory is made of one and keeps its own copy, so another version of the service changes none.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from scim.rule_files import read_rules
from scim.rules import Rules

PRESETS: Mapping[str, Rules] = MappingProxyType(
    {
        each.stem: read_rules(each.read_text("utf-8"))
        for each in sorted(Path(__file__).parent.glob("*.json"))
    }
)


def preset(name: str) -> Rules:
    """Find a preset. Raises ValueError that lists those that there are."""
    if name not in PRESETS:
        raise ValueError(f"no preset is called {name}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
