"""From a mapping's values to what is sent: the body of a POST, the operations of a PATCH.

Microsoft Learn, use-scim-to-provision-users-and-groups (POST),
application-provisioning-config-problem-scim-compatibility (both ways to write a PATCH),
customize-application-attributes (roles, extensions); `tests/idp/entra/` has it recorded.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from scim.cli.simulator.compare import differing
from scim.cli.simulator.dialects import DEFAULT, Dialect
from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.roles import ROLE_TYPE, Roles
from scim.cli.simulator.targets import ENTERPRISE, Target
from scim.cli.simulator.values import Value

Document = dict[str, Any]
Operation = dict[str, Any]

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
FOREIGN = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

# What becomes of a value that is null now. nothing: production. remove, empty, null: Microsoft's
# validators. valued: a Remove that has the old value, as it was seen for e-mail addresses.
Clearing = Literal["nothing", "remove", "empty", "null", "valued"]

# Whose element for work is sent as primary; for all but emails that is not known for sure.
MARKED = frozenset({"emails", "addresses", "phoneNumbers"})

_FIRST: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"User": ("externalId", "userName", "active"), "Group": ("externalId", "displayName")}
)
_INSIDE = (
    "primary", "type", "formatted", "familyName", "givenName", "streetAddress", "locality",
    "region", "postalCode", "country", "display", "displayName", "value",
)  # fmt: skip


# --- POST ---


def body(
    objects: Objects,
    values: Mapping[str, Value],
    dialect: Dialect = DEFAULT,
    *,
    marked: Collection[str] = MARKED,
) -> Document:
    """Write the body of a POST; `values` are those of `evaluate` when creating.

    Keys as in the documentation's samples: what identifies first, then by the alphabet, then
    extensions. `marked` names the lists whose element for work is sent as primary.
    """
    written: Document = {"meta": {"resourceType": objects.target}}
    if objects.source == "User":
        written["roles"] = []
    extensions: Document = {}
    for text, value in values.items():
        path = Target.parse(text)
        into = written if path.urn is None else extensions.setdefault(path.urn, {})
        _put(into, path, _whole(path, value, dialect), marked)
    first = _FIRST[objects.source]
    names = [each for each in first if each in written]
    names += sorted(each for each in written if each not in first)
    added = list(extensions) if dialect.exact else _added(objects)
    return {
        "schemas": [CORE + objects.target, *added],
        **{each: _ordered(written[each]) for each in names},
        **extensions,
    }


def _added(objects: Objects) -> list[str]:
    """URNs beside the base schema's: one whether or not it has data, one unheard of."""
    return [ENTERPRISE if objects.source == "User" else FOREIGN]


def _put(into: Document, path: Target, value: Any, marked: Collection[str]) -> None:
    if path.by is not None:
        elements: list[Document] = into.setdefault(path.name, [])
        element = next((each for each in elements if path.selects(each)), None)
        if element is None:
            element = _new_element(path, marked)
            elements.append(element)
        element[path.sub or "value"] = value
    elif path.sub is not None:
        into.setdefault(path.name, {})[path.sub] = value
    else:
        into[path.name] = value


def _new_element(path: Target, marked: Collection[str]) -> Document:
    by = path.by or ""
    if path.attribute and (sub := path.attribute.sub(by)) and sub.type == "boolean":
        role = {"type": ROLE_TYPE} if path.name == "roles" else {}
        return {by: path.value.lower() == "true", **role}
    primary = {"primary": True} if path.value == "work" and path.name in marked else {}
    return {**primary, by: path.value}


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(each) for each in value]
    if not isinstance(value, dict):
        return value
    known = [each for each in _INSIDE if each in value]
    return {name: value[name] for name in (*known, *(each for each in value if each not in known))}


def _whole(path: Target, value: Value, dialect: Dialect) -> Any:
    """Write a value with its JSON type."""
    if isinstance(value, Roles):
        return value.elements(exact=dialect.exact)
    if isinstance(value, tuple):
        bare = dialect.exact and not (path.leaf and path.leaf.type == "complex")
        return list(value) if bare else [{"value": each} for each in value]
    return value


# --- PATCH ---


def operations(
    before: Mapping[str, Value],
    after: Mapping[str, Value],
    dialect: Dialect = DEFAULT,
    clearing: Clearing = "nothing",
) -> list[Operation]:
    """Write what makes one of the other: `add` where nothing was shown, else `replace`.

    `before` is what `values_of` gives, `after` what `evaluate` does. No operation means that
    nothing is to be sent.
    """
    written: list[Operation] = []
    plain: list[tuple[str, str, Any]] = []
    for target in differing(before, after):
        op = "replace" if target in before else "add"
        path, value = Target.parse(target), after[target]
        if isinstance(value, Roles):
            written.append(_roles(target, value, dialect))
        elif isinstance(value, tuple):
            sent = _whole(path, value, dialect)
            written.append({"op": dialect.op(op), "path": target, "value": sent})
        elif dialect.gathered and path.plain:
            plain.append((op, target, value))
        else:
            sent = str(value) if dialect.text else value
            written.append({"op": dialect.op(op), "path": target, "value": sent})
    for target in before if clearing != "nothing" else ():
        if target not in after:
            cleared = _clear(target, before[target], dialect, clearing)
            if "value" in cleared and clearing != "valued" and _gathers(target, dialect):
                plain.append(("replace", target, cleared["value"]))
            else:
                written.append(cleared)
    return written + _gathered(plain)


def patch(operations: Sequence[Operation], *, operations_first: bool = False) -> Document:
    """Write the body of a PATCH; the documentation has its keys in either order."""
    parts = {"schemas": [PATCH_OP], "Operations": list(operations)}
    return dict(reversed(parts.items())) if operations_first else parts


def _roles(target: str, roles: Roles, dialect: Dialect) -> Operation:
    if roles.kind == "assertive":  # in small letters in both dialects
        op, value = "replace", roles.elements(exact=dialect.exact)
    elif dialect.text:
        op, value = dialect.op("add"), list[dict[str, Any]](roles.texts())
    else:
        op, value = dialect.op("add"), roles.elements(exact=dialect.exact)
    return {"op": op, "path": target, "value": value}


def _gathers(target: str, dialect: Dialect) -> bool:
    return dialect.gathered and Target.parse(target).plain


def _gathered(plain: Sequence[tuple[str, str, Any]]) -> list[Operation]:
    """Put plain paths into an operation each for what is added and what is replaced.

    What is added alone keeps its path, and so does `active`.
    """
    written: list[Operation] = []
    for op in ("add", "replace"):
        held = {target: value for each, target, value in plain if each == op}
        alone = next(iter(held), None) if len(held) == 1 else None
        if alone is not None and (op == "add" or (alone == "active" and len(plain) == 1)):
            written.append({"op": op, "path": alone, "value": held[alone]})
        elif held:
            written.append({"op": op, "value": held})
    return written


def _clear(target: str, before: Value, dialect: Dialect, clearing: Clearing) -> Operation:
    if clearing in ("empty", "null"):
        nothing = "" if clearing == "empty" else None
        return {"op": dialect.op("replace"), "path": target, "value": nothing}
    removed = {"op": dialect.op("remove"), "path": target}
    if clearing == "valued" and isinstance(before, str):
        return {**removed, "value": before}
    return removed


# --- references ---


def reference(
    target: str, before: str | None, after: str | None, dialect: Dialect = DEFAULT
) -> list[Operation]:
    """Write what sets, changes or takes away a manager, by the ids of resources.

    Taken away: with the flag by a filter on what has only one value, as it was seen.
    """
    if before == after:
        return []
    if after is not None:
        op = dialect.op("add" if before is None else "replace")
        return [{"op": op, "path": target, "value": {"value": after} if dialect.exact else after}]
    filtered = dialect.gathered and not dialect.exact
    path = f'{target}[value eq "{before}"]' if filtered else target
    return [{"op": dialect.op("remove"), "path": path}]


def additions(
    ids: Sequence[str], dialect: Dialect = DEFAULT, *, most: int = 20
) -> list[list[Operation]]:
    """Write the operations of each PATCH that adds members, at most so many in one."""
    return [
        [{"op": dialect.op("add"), "path": "members", "value": _members(batch, dialect)}]
        for batch in _batches(ids, most)
    ]


def removals(
    ids: Sequence[str], dialect: Dialect = DEFAULT, *, most: int = 20
) -> list[list[Operation]]:
    """Write the operations of each PATCH that removes members."""
    op = dialect.op("remove")
    if dialect.listed:
        return [
            [{"op": op, "path": "members", "value": _members(batch, dialect)}]
            for batch in _batches(ids, most)
        ]
    return [
        [{"op": op, "path": f'members[value eq "{each}"]'} for each in batch]
        for batch in _batches(ids, most)
    ]


def _members(ids: Sequence[str], dialect: Dialect) -> list[dict[str, str | None]]:
    null = {"$ref": None} if dialect.capital else {}
    return [{**null, "value": each} for each in ids]


def _batches(ids: Sequence[str], most: int) -> list[Sequence[str]]:
    return [ids[start : start + most] for start in range(0, len(ids), most)]


def manager_forms(id: str, url: str) -> dict[str, Operation]:
    """List every way in which a manager was seen to be written, and taken away."""
    path = f"{ENTERPRISE}:manager"
    return {
        "a": {"op": "Add", "path": "manager", "value": [{"$ref": url, "value": id}]},
        "b": {"op": "Add", "path": path, "value": id},
        "c": {"op": "Replace", "path": path, "value": id},
        "d": {"op": "add", "path": path, "value": {"value": id}},
        "e": {"op": "replace", "path": path, "value": ""},
        "f": {"op": "replace", "path": path, "value": {"value": ""}},
        "g": {"op": "remove", "path": path},
        "h": {"op": "remove", "path": f'{path}[value eq "{id}"]'},
        "i": {"op": "add", "value": {path: id}},
        "j": {"op": "replace", "path": f"{ENTERPRISE}.manager", "value": id},
    }
