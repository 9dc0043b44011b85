"""Entra's attribute mappings: complete, known to their presets, and documented as they are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scim.cli.mappings import AttributeMapping, Objects, mapping
from scim.own_attributes import with_attribute
from scim.presets import PRESETS, preset
from scim.rules import Rules
from tests.presets.serving import DIRECTORIES

HEADING = "| Entra attribute or expression | SCIM attribute | matching | apply |"
PAGE = (Path(__file__).parents[2] / "docs/presets.md").read_text("utf-8")


def rules_of(name: str) -> Rules:
    """A preset with the attributes that its mapping is made for."""
    rules = preset(name)
    for each in mapping(name).adds:
        rules = with_attribute(rules, each)
    return rules


def test_every_preset_has_a_mapping_and_is_played() -> None:
    assert set(DIRECTORIES.values()) == set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_knows_every_target_of_its_mapping(name: str) -> None:
    mapping(name).check(rules_of(name).catalog)


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_matched_on_is_found_without_a_scan(name: str) -> None:
    catalog = rules_of(name).catalog
    for objects in mapping(name).objects:
        type = catalog.named(objects.target)
        assert type is not None
        paths = {str(path) for path in (*type.unique, *type.indexed)}
        assert {line.target for line in objects.matching} <= paths


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("nickNames", "User has no attribute called nickNames"),
        ("name.first", "name.first"),
        ('emails[kind eq "work"].value', "kind"),
        ("groups", "can't be written"),
        ('emails[type eq "work"', "never closed"),
    ],
)
def test_a_target_that_the_directory_does_not_know_is_refused(target: str, problem: str) -> None:
    lines: list[dict[str, Any]] = [
        {"source": "userPrincipalName", "target": "userName", "match": 1},
        {"source": "mail", "target": target},
    ]
    users = {"source": "User", "target": "User", "scope": "all", "attributes": lines}
    made = AttributeMapping.model_validate_json(json.dumps({"objects": [users]}))
    with pytest.raises(ValueError, match=problem):
        made.check(preset("default").catalog)


def test_a_target_that_one_preset_knows_is_refused_by_another() -> None:
    mapping("bytebase").check(preset("bytebase").catalog)
    with pytest.raises(ValueError, match="Group has no attribute called email"):
        mapping("bytebase").check(preset("default").catalog)
    with pytest.raises(ValueError, match="no resource type is called Group"):
        mapping("configcat").check(preset("andmoney-rooms").catalog)


@pytest.mark.parametrize(
    ("matches", "problem"),
    [([None, None], "precedences"), ([2, None], "precedences"), ([1, 1], "precedences")],
)
def test_matching_precedences_count_from_one(matches: list[int | None], problem: str) -> None:
    names = ("userName", "externalId")
    lines = [
        {"source": "a", "target": name, "match": each}
        for name, each in zip(names, matches, strict=True)
    ]
    with pytest.raises(ValueError, match=problem):
        Objects.model_validate_json(
            json.dumps({"source": "User", "target": "User", "scope": "", "attributes": lines})
        )


# --- the page ---


def section(name: str) -> str:
    found = re.search(rf"^## `{name}`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"no section about {name}"
    return found[1]


def table(objects: Objects) -> str:
    """Write a mapping as the page has it."""
    rows = [
        "| Entra attribute or expression | SCIM attribute | matching | apply |",
        "|---" * 4 + "|",
    ]
    rows += [
        f"| `{line.source}` | `{line.target}` | {line.match or ''} | {line.apply} |"
        for line in objects.attributes
    ]
    return "\n".join(rows)


@pytest.mark.parametrize("name", PRESETS)
def test_a_mapping_is_documented_exactly(name: str) -> None:
    text = section(name)
    objects = mapping(name).objects
    for each in objects:
        assert f"Entra ID {each.source}s; in scope: {each.scope}.\n\n{table(each)}\n\n" in text
    assert text.count(HEADING) == len(objects)


@pytest.mark.parametrize("name", PRESETS)
def test_the_command_that_makes_a_directory_is_documented(name: str) -> None:
    added = "".join(f" --attribute {each}" for each in mapping(name).adds)
    assert re.search(rf"^python -m scim directory add [a-z]+ --preset {name}{added}$", PAGE, re.M)
