"""The dialect of Microsoft Entra ID's provisioning service: what it sends, and what it means by it.

Each rewrite is a small pure function over one oddity, its comment showing the request as sent and
as meant. They run in the order of the table at the end; what a rewrite does not recognise passes
unchanged, so that the core answers for it. Most of what is odd about Entra needs none, because it
has one meaning only, whoever sends it, and the core lets it pass by its `Tolerance`: booleans as
strings, a manager as text or in a list, `name.givenName` as a key, values to be removed named in a
remove, empty text that clears, value filters that match nothing.

Recorded exchanges in `tests/idp/entra/` prove both.
"""

import json
from collections.abc import Callable
from typing import Any

from scim.dialect import Dialect, Tolerance
from scim.schema import Attribute, Path, ResourceType

_Object = dict[str, Any]


# --- PATCH ---


def op_in_lower_case(operation: _Object, _: ResourceType) -> list[_Object]:
    # as sent:  {"op": "Replace", …}
    # as meant: {"op": "replace", …}
    op = operation.get("op")
    return [{**operation, "op": op.lower()} if isinstance(op, str) else operation]


def colon_after_urn(operation: _Object, resource_type: ResourceType) -> list[_Object]:
    # as sent:  {"path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager", …}
    # as meant: {"path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", …}
    # Microsoft's inbound collection, and Entra before 2018; a key of a path-less value likewise.
    path, value = operation.get("path"), operation.get("value")
    if isinstance(path, str) and path:
        return [{**operation, "path": _with_colon(path, resource_type)}]
    if isinstance(value, dict):
        keys = {_with_colon(key, resource_type): each for key, each in value.items()}
        return [{**operation, "value": keys}] if len(keys) == len(value) else [operation]
    return [operation]


def core_without_urn(operation: _Object, resource_type: ResourceType) -> list[_Object]:
    # as sent:  {"value": {"urn:ietf:params:scim:schemas:core:2.0:User": {"title": "Dr"}}, …}, or
    #           {"path": "urn:ietf:params:scim:schemas:core:2.0:User", "value": {"title": "Dr"}, …}
    # as meant: {"value": {"title": "Dr"}, …}
    # An extension is written so, and the core's own URN looks like one.
    path, value = operation.get("path"), operation.get("value")
    if not isinstance(value, dict) or operation.get("op") not in ("add", "replace"):
        return [operation]
    if isinstance(path, str) and path.strip().lower() == resource_type.schema.id.lower():
        return [{**operation, "path": None}]
    return [operation if path else {**operation, "value": _core_opened(value, resource_type)}]


def values_of_operation(operation: _Object, resource_type: ResourceType) -> list[_Object]:
    # as sent:  {"path": "roles", "value": [{"value": "{\"value\":\"Admin\"}"}], …}
    # as meant: {"path": "roles", "value": [{"value": "Admin"}], …}; see the values below
    path, value = operation.get("path"), operation.get("value")
    if not path and isinstance(value, dict):
        return [{**operation, "value": values_of_document(value, resource_type)}]
    attribute = _attribute_at(path, resource_type)
    if attribute is None or "value" not in operation:
        return [operation]
    return [{**operation, "value": _as_meant(value, attribute)}]


def _core_opened(document: _Object, resource_type: ResourceType) -> _Object:
    """Take what an object holds under the core's URN into it; what is there already stays."""
    urn = resource_type.schema.id.lower()
    inner = [each for key, each in document.items() if key.lower() == urn]
    if not inner or not all(isinstance(each, dict) for each in inner):
        return document
    opened = {key: each for key, each in document.items() if key.lower() != urn}
    for each in inner:
        for key, value in each.items():
            opened.setdefault(_spelt(opened, key), value)
    return opened


def _with_colon(path: str, resource_type: ResourceType) -> str:
    lowered = path.lower()
    for schema in (resource_type.schema, *resource_type.extensions):
        if lowered.startswith(schema.id.lower() + "."):
            return f"{schema.id}:{path[len(schema.id) + 1 :]}"
    return path


def _attribute_at(text: Any, resource_type: ResourceType) -> Attribute | None:
    """Find what a PATCH path points at, a value filter left out; None for an unknown place."""
    if not isinstance(text, str):
        return None
    if "[" in text and "]" in text:
        text = text[: text.index("[")] + text[text.rindex("]") + 1 :]
    path = resource_type.path(text.strip(), tolerant=True)
    return path.leaf if path else None


# --- Bodies of POST and PUT ---


def core_opened(document: _Object, resource_type: ResourceType) -> _Object:
    # as sent:  {"urn:ietf:params:scim:schemas:core:2.0:User": {"userName": "ada"},
    #            "urn:ietf:params:scim:schemas:core:2.0:User:title": "Dr"}
    # as meant: {"userName": "ada", "title": "Dr"}
    prefix = resource_type.schema.id.lower() + ":"
    short = {
        key[len(prefix) :] if key.lower().startswith(prefix) else key: value
        for key, value in document.items()
    }
    return _core_opened(short if len(short) == len(document) else document, resource_type)


def keys_in_their_place(document: _Object, resource_type: ResourceType) -> _Object:
    # as sent:  {"name.givenName": "Ada", "department": "Engines", "URN:employeeNumber": "1"}
    # as meant: {"name": {"givenName": "Ada"},
    #            "URN": {"department": "Engines", "employeeNumber": "1"}}
    # Microsoft's second example has `department` and `manager` so, though null.
    kept: _Object = {}
    astray: list[tuple[Path, Any]] = []
    for key, value in document.items():
        path = _stray(_with_colon(key, resource_type), resource_type)
        if path is None:
            kept[key] = value
        else:
            astray.append((path, value))
    for path, value in astray:
        _put(kept, path, value)
    return kept


def values_of_document(document: _Object, resource_type: ResourceType) -> _Object:
    # as sent:  {"roles": [{"displayName": "Admin", "value": "Admin"}]}
    # as meant: {"roles": [{"display": "Admin", "value": "Admin"}]}; see the values below
    def meant(key: str, value: Any) -> Any:
        extension = resource_type.extension(key)
        if extension and isinstance(value, dict):
            inner = ((name, each, extension.attribute(name)) for name, each in value.items())
            return {name: _as_meant(each, found) if found else each for name, each, found in inner}
        attribute = _attribute_at(key, resource_type)
        return _as_meant(value, attribute) if attribute else value

    return {key: meant(key, value) for key, value in document.items()}


def _stray(key: str, resource_type: ResourceType) -> Path | None:
    """Resolve a key that no top-level attribute has; None unless one place can be meant."""
    path = resource_type.path(key, tolerant=True)
    if path is None or path.attribute is None or not (path.sub or path.extension):
        return None
    homes = [each for each in resource_type.extensions if each.attribute(key)]
    return path if len(homes) <= 1 else None


def _put(document: _Object, path: Path, value: Any) -> None:
    """Set a value at its path unless something is there; copies the objects that it enters."""
    names = [each.name for each in (path.attribute, path.sub) if each]
    *outer, last = [path.extension.id, *names] if path.extension else names
    for name in outer:
        key = _spelt(document, name)
        inner = document.get(key)
        if inner is not None and not isinstance(inner, dict):
            return
        document[key] = dict(inner or {})
        document = document[key]
    document.setdefault(_spelt(document, last), value)


def _spelt(document: _Object, name: str) -> str:
    """Find how a document spells a name."""
    return next((key for key in document if key.lower() == name.lower()), name)


# --- Values: each takes one value and the definition of its attribute ---


def _role_as_json(value: Any, attribute: Attribute) -> Any:
    # as sent:  {"value": "{\"id\":\"06b0\",\"value\":\"Admin\",\"displayName\":\"Administrator\"}"}
    # as meant: {"value": "Admin", "display": "Administrator"}
    if attribute.name != "roles" or not isinstance(value, dict):
        return value
    text = value.get("value")
    if not isinstance(text, str) or not text.startswith("{"):
        return value
    try:
        role = json.loads(text)
    except (ValueError, RecursionError):
        return value
    if not isinstance(role, dict) or not isinstance(role.get("value"), str):
        return value
    display = role.get("displayName") or role.get("display")
    return {**value, "value": role["value"], **({"display": display} if display else {})}


def _display_name(value: Any, attribute: Attribute) -> Any:
    # as sent:  {"displayName": "Ada", "value": "1"}, in members and roles
    # as meant: {"display": "Ada", "value": "1"}
    if not isinstance(value, dict) or "displayName" not in value or "display" in value:
        return value
    if attribute.sub("displayName") or not attribute.sub("display"):
        return value
    return {("display" if name == "displayName" else name): each for name, each in value.items()}


_VALUES: tuple[Callable[[Any, Attribute], Any], ...] = (_role_as_json, _display_name)


def _as_meant(value: Any, attribute: Attribute) -> Any:
    """Rewrite the value of an attribute, or each of its values."""
    if attribute.multi_valued and isinstance(value, list):
        return [_one_as_meant(each, attribute) for each in value]
    return _one_as_meant(value, attribute)


def _one_as_meant(value: Any, attribute: Attribute) -> Any:
    for rewrite in _VALUES:
        value = rewrite(value, attribute)
    return value


ENTRA = Dialect(
    "entra",
    tolerance=Tolerance(loose=True, create_unmatched=True, unknown="ignore"),
    patch_rewrites=(op_in_lower_case, colon_after_urn, core_without_urn, values_of_operation),
    document_rewrites=(core_opened, keys_in_their_place, values_of_document),
    answers_member_patch=False,
)
