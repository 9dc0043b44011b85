"""What the code can be told to do is found in the docs: settings, routes, commands, options."""

import argparse
import re
from pathlib import Path

from scim.cli import serve
from scim.routes import ROUTES
from scim.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_every_setting_is_documented() -> None:
    names = {str(field.alias) for field in Settings.model_fields.values()}
    assert names == set(re.findall(r"`(SCIM_[A-Z_]+)` \|", README))


def test_every_route_is_documented() -> None:
    for route in ROUTES:
        path = "/" + "/".join(route.pattern)
        assert f"`{path.replace('{type}', 'Users')}`" in README, path


def test_every_command_is_documented() -> None:
    targets = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert targets
    for target in targets[1].split():
        assert f"`make {target}`" in README, target


def test_every_option_of_serve_is_documented() -> None:
    parser = argparse.ArgumentParser()
    serve.describe(parser.add_subparsers())
    commands = next(each for each in parser._actions if each.choices)
    assert isinstance(commands.choices, dict)
    options = [name for each in commands.choices["serve"]._actions for name in each.option_strings]
    for option in options:
        assert option in ("-h", "--help") or option in README, option


def test_links_between_the_docs_lead_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
