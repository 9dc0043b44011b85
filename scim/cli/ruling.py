"""A directory's rules as the options of a command say them: a preset or a file, and changes to it.

The rules are one JSON document (`scim/rules.py`); options are edits of it, so that whatever is
wrong is found where all rules are checked.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from scim.cli.problem import Problem
from scim.own_attributes import with_attribute
from scim.presets import PRESETS, preset
from scim.rule_files import RulesError, read_rules, rules_of
from scim.rules import Rules

DEFAULT_PRESET = "default"

Preset = Annotated[
    str | None, typer.Option("--preset", metavar="PRESET", help=f"One of {', '.join(PRESETS)}.")
]
File = Annotated[
    str | None,
    typer.Option(
        "--file", metavar="FILE", help="Rules of your own, as JSON; - reads them from stdin."
    ),
]
Attributes = Annotated[
    list[str] | None,
    typer.Option(
        "--attribute",
        metavar="[TYPE.]NAME:DATATYPE",
        help="Add an attribute of your own (costCenter:string); repeatable.",
    ),
]
_PATH = "[TYPE.]PATH"
Required = Annotated[
    list[str] | None,
    typer.Option("--require", metavar=_PATH, help="An attribute that must be sent; repeatable."),
]
Unique = Annotated[
    list[str] | None,
    typer.Option("--unique", metavar=_PATH, help="A value may occur once; repeatable."),
]
Indexed = Annotated[
    list[str] | None,
    typer.Option("--index", metavar=_PATH, help="Found without a scan; repeatable."),
]
Delete = Annotated[
    str | None,
    typer.Option("--delete", metavar="POLICY", help="What DELETE does: hard, soft or deactivate."),
]
KeepDays = Annotated[
    int | None,
    typer.Option("--keep-days", metavar="N", help="Days that a softly deleted one is kept."),
]
Unknown = Annotated[
    str | None,
    typer.Option(
        "--unknown", metavar="POLICY", help="Attributes in no schema: ignore, reject or keep."
    ),
]
LogDays = Annotated[
    int | None, typer.Option("--log-days", metavar="N", help="Days that the log is kept.")
]
Dialect = Annotated[
    str | None,
    typer.Option("--dialect", metavar="DIALECT", help="How requests are read: entra, okta or rfc."),
]


@dataclass(frozen=True, slots=True)
class Edits:
    """What is to be changed in rules; None and empty: nothing."""

    attributes: Iterable[str] = ()
    required: Iterable[str] = ()
    unique: Iterable[str] = ()
    indexed: Iterable[str] = ()
    delete: str | None = None
    keep_days: int | None = None
    unknown: str | None = None
    log_days: int | None = None
    dialect: str | None = None


def preset_named(name: str) -> Rules:
    """Find a preset. Raises a usage error that lists them."""
    if name not in PRESETS:
        raise typer.BadParameter(f"there is no preset {name}; there are {', '.join(PRESETS)}")
    return preset(name)


def base(preset: str | None, file: str | None) -> tuple[Rules | None, str | None]:
    """Read the rules that a preset or a file names, and the preset's name; None: neither given."""
    if preset and file:
        raise typer.BadParameter("give --preset or --file, not both: each is a whole set of rules")
    if file:
        return read(file), None
    return (preset_named(preset), preset) if preset else (None, None)


def read(file: str) -> Rules:
    """Read rules from a file. Raises Problem that names each place that is wrong."""
    where = "the rules on stdin" if file == "-" else f"the rules in {file}"
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Problem(f"can't read {where}: {reason}") from error
    try:
        return read_rules(text)
    except RulesError as error:
        raise Problem(f"{where} can't be used:", *error.problems) from error


def edited(rules: Rules, edits: Edits) -> Rules:
    """Make rules with the changes that the options ask for. Raises Problem."""
    for text in edits.attributes:
        try:
            rules = with_attribute(rules, text)
        except RulesError as error:
            raise _refused(error, {}) from error
        except ValueError as error:
            raise typer.BadParameter(f"--attribute {error}") from error
    document = as_document(rules)
    types = document["resourceTypes"]
    asked = dict(_PLACES)
    for key, paths in (
        ("required", edits.required),
        ("unique", edits.unique),
        ("indexed", edits.indexed),
    ):
        for text in paths:
            place, path = _placed(text, rules)
            known = types[place].get(key)
            if known is None and key == "unique":  # none said: what the schemas declare
                known = [str(each) for each in rules.catalog.resource_types[place].unique]
            types[place][key] = list(dict.fromkeys([*(known or ()), path]))
            where = f"resourceTypes[{place}].{key}[{types[place][key].index(path)}]"
            asked[where] = f"{_OPTIONS[key]} {text}"
    if edits.delete is not None or edits.keep_days is not None:
        changed = {"policy": edits.delete, "days": edits.keep_days}
        document["delete"] |= {key: each for key, each in changed.items() if each is not None}
    for key, value in (
        ("unknown", edits.unknown),
        ("logDays", edits.log_days),
        ("dialect", edits.dialect),
    ):
        if value is not None:
            document[key] = value
    try:
        return rules_of(document)
    except RulesError as error:
        raise _refused(error, asked) from error


# Keys of a resource type, and places of the rules -> the options that set them.
_OPTIONS: Mapping[str, str] = {"required": "--require", "unique": "--unique", "indexed": "--index"}
_PLACES: Mapping[str, str] = {
    "delete.policy": "--delete",
    "delete.days": "--keep-days",
    "unknown": "--unknown",
    "logDays": "--log-days",
    "dialect": "--dialect",
}


def _refused(error: RulesError, asked: Mapping[str, str]) -> typer.BadParameter:
    """Tell what is wrong by the options that were typed, where one set the place."""
    said = []
    for each in error.problems:
        place, colon, rest = each.partition(": ")
        said.append(f"{asked[place]}: {rest}" if colon and place in asked else each)
    return typer.BadParameter("\n  ".join(said))


def as_document(rules: Rules) -> dict[str, Any]:
    """Write rules as the JSON document that `--file` takes."""
    return rules.model_dump(
        mode="json", by_alias=True, exclude_none=True, include=set(Rules.model_fields)
    )


def _placed(text: str, rules: Rules) -> tuple[int, str]:
    """Split `[TypeName.]path` into the type's place and the path; the first type by default."""
    first, dot, rest = text.partition(".")
    for place, each in enumerate(rules.catalog.resource_types):
        if dot and each.name.lower() == first.lower():
            return place, rest
    return 0, text
