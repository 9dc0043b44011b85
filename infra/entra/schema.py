"""A job's synchronization schema, as the preset wants it.

Entra makes a job's schema from the application's template. Only what the preset says is changed in
it, the attribute mappings and attributes that are missing, and the whole is written back:
learn.microsoft.com/graph/api/synchronization-synchronizationschema-update replaces everything.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from words import Problem

Document = dict[str, Any]


def applied(
    schema: Mapping[str, Any], preset: Mapping[str, Any], parse: Callable[[str], Document]
) -> Document:
    """Make the schema that a preset wants.

    `parse` lets Entra read an expression: names of functions' parameters are nowhere documented.
    """
    made: Document = copy.deepcopy(dict(schema))
    rule = outbound(made)
    wanted = {each["sourceObjectName"]: each for each in preset["objectMappings"]}
    target = _directory(made, rule["targetDirectoryName"])
    for mapping in rule["objectMappings"]:
        asked = wanted.pop(mapping["sourceObjectName"], None)
        mapping["enabled"] = asked is not None
        if asked is None:
            continue
        mapping["scope"] = asked["scope"]
        mapping["attributeMappings"] = [
            {**line, "source": _source(line["source"], parse)}
            for line in asked["attributeMappings"]
        ]
        known = _object(target, mapping["targetObjectName"])["attributes"]
        names = {each["name"].lower() for each in known}
        known += [
            each
            for each in preset["attributes"][mapping["sourceObjectName"]]
            if each["name"].lower() not in names
        ]
    if wanted:
        raise Problem(f"the application's template has no mapping of {', '.join(wanted)}")
    return made


def outbound(schema: Mapping[str, Any]) -> Any:
    """Find the rule from Entra to the application: the one that maps users."""
    for rule in schema["synchronizationRules"]:
        if any(each["sourceObjectName"] == "User" for each in rule["objectMappings"]):
            return rule
    raise Problem("the job's schema has no rule that maps users")


def _source(source: Document, parse: Callable[[str], Document]) -> Document:
    return parse(source["expression"]) if source["type"] == "Function" else source


def _directory(schema: Document, name: str) -> Document:
    return _named(schema["directories"], name, "directory")


def _object(directory: Document, name: str) -> Document:
    return _named(directory["objects"], name, "object")


def _named(found: list[Document], name: str, what: str) -> Document:
    for each in found:
        if each["name"] == name:
            return each
    raise Problem(f"the job's schema has no {what} {name}")
