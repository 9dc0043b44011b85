"""Entra's attribute mappings: what an administrator enters for a directory of each preset.

One JSON document per preset, as that product's guide asks; `docs/presets.md` shows the same tables,
and the acceptance tests of the presets play Entra with exactly these.
"""

from pathlib import Path

from scim.cli.simulator.mapping import AttributeMapping, Line, Objects

__all__ = ["AttributeMapping", "Line", "Objects", "mapping"]

_DOCUMENTS = Path(__file__).parent


def mapping(preset: str) -> AttributeMapping:
    """Read the mapping of a preset by its name."""
    return AttributeMapping.model_validate_json((_DOCUMENTS / f"{preset}.json").read_bytes())
