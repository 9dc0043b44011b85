"""A PATCH in one line, for tests."""

import copy
from typing import Any

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.dialect import Dialect, Tolerance
from scim.operations import read_operations
from scim.patch import apply

STRICT = Dialect("strict")
LOOSE = Dialect("loose", Tolerance(loose=True, create_unmatched=True, unknown="ignore"))
USER, GROUP = Catalog.build((), BUILT_IN_RESOURCE_TYPES).resource_types
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
WORK = {"type": "work", "value": "w@x", "primary": True}
HOME = {"type": "home", "value": "h@x"}


def patched(
    resource: dict[str, Any], *operations: Any, dialect: Dialect = STRICT, type: Any = USER
) -> dict[str, Any]:
    """Apply operations to a resource that has an id and a name, and answer with the rest of it."""
    fixed = {"id": "1", **({"userName": "ada"} if type is USER else {})}
    before = {**fixed, **resource}
    kept = copy.deepcopy(before)
    read, _ = read_operations({"Operations": list(operations)}, type, dialect)
    after, _ = apply(read, before, type, dialect.tolerance)
    assert before == kept
    return {name: value for name, value in after.items() if fixed.get(name) != value}


def add(path: str | None, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def replace(path: str | None, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def remove(path: str, *value: Any) -> dict[str, Any]:
    return {"op": "remove", "path": path, **({"value": value[0]} if value else {})}
