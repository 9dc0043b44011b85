"""What the code can be told to do is found in the docs: settings, routes, commands, options."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from scim.auth.reasons import REASONS
from scim.cli.explaining import WAYS
from scim.cli.main import app
from scim.cli.rehearsal.run import ALL
from scim.routes import ROUTES
from scim.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
OPERATING = (ROOT / "docs/operating.md").read_text("utf-8")
AUTHENTICATION = (ROOT / "docs/authentication.md").read_text("utf-8")
REHEARSAL = (ROOT / "docs/rehearsal.md").read_text("utf-8")


def commands(group: Any = None, *names: str) -> Iterator[tuple[str, Any]]:
    """List the commands of `python -m scim`, with the names of their groups."""
    found: Any = group or typer.main.get_command(app)
    for name, each in found.commands.items():
        if hasattr(each, "commands"):
            yield from commands(each, *names, name)
        else:
            yield " ".join((*names, name)), each


COMMANDS = dict(commands())


def test_every_setting_is_documented() -> None:
    names = {str(field.alias) for field in Settings.model_fields.values()}
    assert names == set(re.findall(r"`(SCIM_[A-Z_]+)` \|", README))


def test_every_route_is_documented() -> None:
    for route in ROUTES:
        path = "/" + "/".join(route.pattern)
        assert f"`{path.replace('{type}', 'Users')}`" in README, path


def test_every_target_is_documented() -> None:
    targets = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert targets
    for target in targets[1].split():
        assert f"`make {target}`" in README, target


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert f"`{command}" in OPERATING
    assert command.split(maxsplit=1)[0] in README


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented_and_explained(command: str) -> None:
    """In the guide, and in the command's own help."""
    for each in COMMANDS[command].params:
        assert each.help, each.name
        for option in each.opts if each.param_type_name == "option" else ():
            found = re.search(rf"`[^`\n]*{re.escape(option)}(?![a-z-])", OPERATING)
            assert found or option == "--help", option


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_prints_json(command: str) -> None:
    assert "--json" in [name for each in COMMANDS[command].params for name in each.opts]


def test_only_what_exists_is_documented() -> None:
    """No option that was renamed or dropped is left in the guide."""
    known = {name for each in COMMANDS.values() for one in each.params for name in one.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", OPERATING))
    assert named <= known | {"--help"}


def test_every_check_of_a_rehearsal_is_documented() -> None:
    """As a table in their order; what it should be is in the failure."""
    rows = ["| | check | proves | |", "|---|---|---|---|"]
    for each in ALL.values():
        proves = each.proves.replace("|", "\\|")
        level = "mandatory" if each.mandatory else "optional"
        rows.append(f"| {each.id} | {each.title} | {proves} | {level} |")
    table = re.search(r"<!-- checks -->\n(.*)\n<!-- /checks -->", REHEARSAL, re.DOTALL)
    assert table
    assert table[1].splitlines() == rows


def test_every_reason_of_a_refusal_is_documented() -> None:
    """As a table in their order."""
    rows = ["| code | what it means, and what to do |", "|---|---|"]
    rows += [f"| `{code}` | {sentence} |" for code, sentence in REASONS.items()]
    table = re.search(r"<!-- reasons -->\n(.*)\n<!-- /reasons -->", AUTHENTICATION, re.DOTALL)
    assert table
    assert table[1].splitlines() == rows


def test_the_guide_to_authentication_names_only_what_exists() -> None:
    known = {name for each in COMMANDS.values() for one in each.params for name in one.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", AUTHENTICATION)) <= known
    for way in WAYS:
        assert f"`{way}`" in AUTHENTICATION


def test_links_between_the_docs_lead_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
