"""What rules are made of: the files of infra/, ways to look at them, mistakes to plant."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.infra.bicep import Declaration, File, parse

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
STORAGE = "Microsoft.Storage/storageAccounts"
VAULT = "Microsoft.KeyVault/vaults"
SITE = "Microsoft.Web/sites"
PLAN = "Microsoft.Web/serverfarms"
ROLE = "Microsoft.Authorization/roleAssignments"
LOGS = "Microsoft.Insights/diagnosticSettings"
COSMOS = "Microsoft.DocumentDB/databaseAccounts"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"
NETWORK = "Microsoft.Network/virtualNetworks"

# Files.
MAIN = "main.bicep"
APP = "modules/app.bicep"
STORAGE_FILE = "modules/storage.bicep"
VAULT_FILE = "modules/vault.bicep"
MONITORING = "modules/monitoring.bicep"
WORKSPACE_FILE = "modules/workspace.bicep"
NETWORK_FILE = "modules/network.bicep"
ALERTS = "modules/alerts.bicep"
COSMOS_FILE = "modules/cosmos.bicep"

Complaints = Iterator[str]


@dataclass(frozen=True, slots=True)
class Sources:
    """The texts of infra/ by path, Bicep files parsed."""

    texts: Mapping[str, str]

    @property
    def files(self) -> dict[str, File]:
        return {
            name: _parsed(name, text) for name, text in self.texts.items() if name.endswith("bicep")
        }

    def declared(self, kind: str, type: str = "", file: str = "") -> list[Declaration]:
        """List declarations of a kind; existing resources are somebody else's."""
        return [
            each
            for name, parsed in self.files.items()
            for each in parsed.declarations
            if each.kind == kind
            and not each.existing
            and type in ("", each.type)
            and file in ("", name)
        ]

    def resources(self, type: str = "", file: str = "") -> list[Declaration]:
        return self.declared("resource", type, file)

    def one(self, kind: str, file: str, name: str) -> Declaration:
        (found,) = (each for each in self.declared(kind, file=file) if each.name == name)
        return found

    def json(self, name: str) -> Any:
        return json.loads(self.texts[name])

    def planted(self, file: str, old: str, new: str) -> "Sources":
        """Change one file; what is replaced has to be there."""
        assert old in self.texts[file], f"{file} has no {old!r} any more: plant something else"
        return Sources({**self.texts, file: self.texts[file].replace(old, new)})


@cache
def _parsed(name: str, text: str) -> File:
    return parse(name, text)


def sources() -> Sources:
    """Read infra/ as it is."""
    found = [
        each
        for pattern in ("*.bicep", "modules/*", "parameters/*.json", "queries/*.kql", "*.json")
        for each in sorted(INFRA.glob(pattern))
        if each.is_file()
    ]
    return Sources({each.relative_to(INFRA).as_posix(): each.read_text("utf-8") for each in found})


def app_settings(infra: Sources) -> dict[str, Any]:
    (settings,) = (each for each in infra.resources(f"{SITE}/config") if each.name == "settings")
    return dict(settings.at("properties"))


def parameter_files(infra: Sources) -> list[str]:
    return [name for name in infra.texts if name.startswith("parameters/")]


def has(type: str, **wanted: Any) -> Callable[[Sources], Complaints]:
    """Every resource of the type has these values below `properties` (`__` is a dot)."""

    def rule(infra: Sources) -> Complaints:
        found = infra.resources(type)
        if not found:
            yield f"there is no {type}"
        for each in found:
            for key, value in wanted.items():
                path = "properties." + key.replace("__", ".")
                actual = each.at(path)
                same = actual == value and isinstance(actual, bool) == isinstance(value, bool)
                if not same:
                    yield f"{each}: {path} is {actual!r}, not {value!r}"

    return rule


def absent(pattern: str) -> Callable[[Sources], Complaints]:
    """No Bicep file matches the regular expression, comments aside."""

    def rule(infra: Sources) -> Complaints:
        for name, file in infra.files.items():
            for number, line in enumerate(file.text.splitlines(), 1):
                if found := re.search(pattern, re.sub(r"(^|\s)//.*", "", line)):
                    yield f"{name}:{number}: {found[0]}"

    return rule


class Mistake(NamedTuple):
    """In this file, this text becomes that one."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of an item, and mistakes that it has to catch."""

    item: str
    says: str
    check: Callable[[Sources], Iterator[str]]
    mistakes: tuple[Mistake, ...]


def rule(
    item: str,
    says: str,
    check: Callable[[Sources], Iterator[str]],
    *mistakes: tuple[str, str, str],
) -> Rule:
    return Rule(item, says, check, tuple(Mistake(*each) for each in mistakes))
