"""Write infra/entra/mappings/ anew from scim/cli/mappings: `python -m infra.mappings`.

Each file holds what of a job's schema a preset wants, in the shapes of Microsoft Graph:
resources/synchronization-objectmapping and -attributedefinition. Functions' parameters are left to
Entra, which reads each expression itself when a directory is connected (entra/schema.py).
"""

import json
from pathlib import Path
from typing import Any

from scim.cli.mappings import AttributeMapping, Line, Objects, mapping
from scim.presets import PRESETS

FOLDER = Path(__file__).parent / "entra/mappings"
_FLOWS = {"always": "Always", "create": "ObjectAddOnly"}


def document(wanted: AttributeMapping) -> dict[str, Any]:
    """Write a mapping in Graph's shapes."""
    return {
        "objectMappings": [_mapping(each) for each in wanted.objects],
        "attributes": {
            each.source: [_attribute(line) for line in each.attributes] for each in wanted.objects
        },
    }


def _mapping(objects: Objects) -> dict[str, Any]:
    return {
        "sourceObjectName": objects.source,
        "scope": _scope(objects),
        "attributeMappings": [_line(each) for each in objects.attributes],
    }


def _scope(objects: Objects) -> dict[str, Any] | None:
    """Write scoping filters (resources/synchronization-filter): one of the groups must hold."""
    if not objects.filters:
        return None
    groups = [
        {
            "name": f"filter {number}",
            "clauses": [
                {
                    "operatorName": each.operator,
                    "sourceOperandName": each.attribute,
                    "targetOperand": {"values": [each.value]},
                }
                for each in clauses
            ],
        }
        for number, clauses in enumerate(objects.filters, 1)
    ]
    return {"categoryFilterGroups": [], "groups": groups, "inputFilterGroups": []}


def _line(line: Line) -> dict[str, Any]:
    direct = line.expression.direct
    if direct is not None:
        source = {"expression": f"[{direct}]", "name": direct, "type": "Attribute"}
    else:
        source = {
            "expression": line.source,
            "name": line.source.partition("(")[0],
            "type": "Function",
        }
    return {
        "targetAttributeName": line.target,
        "source": {**source, "parameters": []},
        "matchingPriority": line.match or 0,
        "flowType": _FLOWS[line.apply],
        "flowBehavior": "FlowWhenChanged",
        "defaultValue": line.default,
        "exportMissingReferences": False,
    }


def _attribute(line: Line) -> dict[str, Any]:
    """Define a target attribute, for where the application's template has none of this name."""
    return {
        "name": line.target,
        "type": "DateTime" if line.kind == "dateTime" else line.kind.capitalize(),
        "multivalued": line.many,
        "anchor": False,
        "caseExact": False,
        "defaultValue": None,
        "flowNullValues": False,
        "mutability": "ReadWrite",
        "required": False,
        "metadata": [],
        "referencedObjects": [],
    }


def text(preset: str) -> str:
    """Write the file of a preset."""
    return json.dumps(document(mapping(preset)), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for each in PRESETS:
        (FOLDER / f"{each}.json").write_text(text(each), "utf-8")
