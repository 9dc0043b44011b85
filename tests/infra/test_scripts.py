"""What holds for every script, and for the mappings that Entra is given."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.mappings import FOLDER, document, text
from scim.cli.mappings import AttributeMapping, mapping
from scim.presets import PRESETS

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(each.relative_to(ROOT).as_posix() for each in ROOT.glob("infra/**/*.sh"))
# The others are sourced.
PROGRAMS = [each for each in SCRIPTS if (ROOT / each).read_text("utf-8").startswith("#!")]
DOCS = (ROOT / "docs/deploying.md").read_text("utf-8")


@pytest.mark.parametrize("script", PROGRAMS)
def test_a_script_is_strict_can_be_run_and_explains_itself(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK)
    assert "\nset -euo pipefail\n" in path.read_text("utf-8")
    if script != "infra/entra/connect.sh":  # whose help is Python's, and needs az: see its tests
        done = subprocess.run([path, "--help"], capture_output=True, text=True, check=True)
        assert f"Usage: {script}" in done.stdout
        options = set(re.findall(r"--[a-z-]+", done.stdout))
        assert options
        assert not {each for each in options if f"`{each}" not in DOCS} - {"--help"}
    assert script in DOCS


@pytest.mark.parametrize("preset", PRESETS)
def test_what_entra_is_given_is_the_presets_mapping(preset: str) -> None:
    """Made anew by: python -m infra.mappings."""
    assert (FOLDER / f"{preset}.json").read_text("utf-8") == text(preset)


def test_there_is_no_mapping_without_a_preset() -> None:
    assert {each.stem for each in FOLDER.glob("*.json")} == set(PRESETS)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_mapping_read_back_from_graphs_shapes_is_what_the_simulator_plays(preset: str) -> None:
    made = document(mapping(preset))
    for objects, graph in zip(mapping(preset).objects, made["objectMappings"], strict=True):
        lines: Any = graph["attributeMappings"]
        assert graph["sourceObjectName"] == objects.source
        for line, each in zip(objects.attributes, lines, strict=True):
            source = each["source"]
            read = source["name"] if source["type"] == "Attribute" else source["expression"]
            assert read == line.source
            assert each["targetAttributeName"] == line.target
            assert each["matchingPriority"] == (line.match or 0)
            assert (each["flowType"] == "Always") == (line.apply == "always")


def test_scoping_filters_are_given_to_entra() -> None:
    clause = {"attribute": "country", "operator": "EQUALS", "value": "DK"}
    users = {
        "source": "User",
        "target": "User",
        "filters": [[clause]],
        "attributes": [{"source": "userPrincipalName", "target": "userName", "match": 1}],
    }
    (made,) = document(AttributeMapping.model_validate({"objects": [users]}, strict=False))[
        "objectMappings"
    ]
    (group,) = made["scope"]["groups"]
    assert group["clauses"] == [
        {
            "operatorName": "EQUALS",
            "sourceOperandName": "country",
            "targetOperand": {"values": ["DK"]},
        }
    ]
