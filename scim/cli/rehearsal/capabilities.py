"""What a service says of itself: /Schemas and /ResourceTypes, read however they are written.

A definition that is no such thing is left out here; the checks of `schema.py` look for these.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from scim.cli.simulator.targets import Target
from scim.cli.simulator.wire import NoAnswer, Received, Send, request

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
COMMON = frozenset({"id", "externalid", "meta", "schemas"})  # RFC 7643 §3.1: of no schema

_NAME = re.compile(r"[A-Za-z$][\w$-]{0,99}", re.ASCII)
_URN = re.compile(r"urn:[\w.:;/+=@,*!()~-]{1,300}", re.ASCII | re.IGNORECASE)

# An attribute as one thing to look for: URN or "", name, `by`, its value, sub-attribute; in lower
# case.
Key = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Declared:
    """One attribute as /Schemas has it, with the RFC's defaults for what it leaves out."""

    name: str
    type: str
    multi: bool
    required: bool
    mutability: str
    returned: str
    canonical: tuple[str, ...]
    refers: tuple[str, ...]
    subs: tuple["Declared", ...] = field(repr=False, default=())

    @property
    def writable(self) -> bool:
        return self.mutability == "readWrite" and self.returned not in ("never", "request")

    def sub(self, name: str) -> "Declared | None":
        return next((each for each in self.subs if each.name.lower() == name.lower()), None)


@dataclass(frozen=True)
class Schema:
    """One schema of /Schemas; `raw` is as it came."""

    id: str
    attributes: tuple[Declared, ...]
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Capabilities:
    """What was found; `types` gives the URNs of a resource type, its base schema first."""

    schemas: Mapping[str, Schema] = field(default_factory=dict)  # by URN in lower case
    types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, type: str) -> list[tuple[str, Schema]]:
        """List the schemas of a resource type, each with the URN that its attributes have."""
        urns = self.types.get(type) or (
            CORE + type,
            *(each.id for each in self.schemas.values() if _extends(each.id, type)),
        )
        found = ((urn, self.schemas.get(urn.lower())) for urn in urns)
        return [("" if urn == urns[0] else urn, each) for urn, each in found if each]

    def finds(self, type: str, target: Target) -> bool:
        """Tell whether a mapping's target can be chosen from what /Schemas lists."""
        if target.urn is None and target.name.lower() in COMMON:
            return True
        return key(target) in self._flat[type]

    def leaf(self, type: str, target: Target) -> Declared | None:
        """Give the definition of what is written at a target."""
        for urn, schema in self.of(type):
            if urn.lower() == (target.urn or "").lower():
                found = (each for each in schema.attributes if _called(each, target.name))
                top = next(found, None)
                if top is not None:
                    return top.sub(target.sub) if target.sub else top
        return None

    def required(self, type: str, target: Target) -> bool:
        """Tell whether a resource can't be without a value at a target."""
        top = self.leaf(type, Target(target.text, target.urn, target.name))
        leaf = self.leaf(type, target)
        return bool((leaf and leaf.required) or (target.plain and top and top.required))

    @cached_property
    def _flat(self) -> "_Flat":
        return _Flat(self)


class _Flat(dict[str, frozenset[Key]]):
    """The keys of everything that a resource type has, by its name."""

    def __init__(self, capabilities: Capabilities) -> None:
        super().__init__()
        self._capabilities = capabilities

    def __missing__(self, type: str) -> frozenset[Key]:
        listed = self._capabilities.of(type)
        found = (flatten(urn, each) for urn, schema in listed for each in schema.attributes)
        self[type] = frozenset(key for keys in found for key in keys)
        return self[type]


def key(target: Target) -> Key:
    parts = (target.urn, target.name, target.by, target.value, target.sub)
    urn, name, by, value, sub = ((each or "").lower() for each in parts)
    return urn, name, by, value, sub


def flatten(urn: str, attribute: Declared) -> Iterator[Key]:
    """List the paths that Microsoft's tools make of an attribute.

    Of an attribute with several values: each canonical value of `type` with each other
    sub-attribute; and by `primary`, as the mapping of roles has it.
    """
    urn, name = urn.lower(), attribute.name.lower()
    yield urn, name, "", "", ""
    names = [each.name.lower() for each in attribute.subs]
    for sub in names:
        yield urn, name, "", "", sub
    if attribute.multi:
        type = attribute.sub("type")
        selectors = [("type", each.lower()) for each in type.canonical] if type else []
        selectors += [("primary", "true")] if "primary" in names else []
        for by, value in selectors:
            for sub in names:
                yield urn, name, by, value, sub


async def discover(send: Send) -> Capabilities:
    """Ask a service what it has; what it does not say, or not readably, is left out."""
    schemas = [_schema(each) for each in await _listed(send, "/Schemas")]
    types = [_type(each) for each in await _listed(send, "/ResourceTypes")]
    return Capabilities(
        {each.id.lower(): each for each in schemas if each}, dict(each for each in types if each)
    )


def resources(received: Received) -> list[Mapping[str, Any]]:
    """Read the objects of a ListResponse; none when it is no such thing."""
    try:
        body = received.json
    except ValueError:
        return []
    found = body.get("Resources") if isinstance(body, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


async def _listed(send: Send, path: str) -> list[Mapping[str, Any]]:
    try:
        received = await send(request("GET", path))
    except NoAnswer:
        return []
    return resources(received) if received.status == 200 else []


def _schema(raw: Mapping[str, Any]) -> Schema | None:
    id = raw.get("id")
    if not isinstance(id, str) or not _URN.fullmatch(id):
        return None
    return Schema(id, tuple(_declared(raw.get("attributes"))), raw)


def _declared(raw: Any) -> Iterator[Declared]:
    for each in raw if isinstance(raw, list) else ():
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(name, str) or not (_NAME.fullmatch(name) or name == "$ref"):
            continue
        yield Declared(
            name=name,
            type=_word(each, "type", "string"),
            multi=each.get("multiValued") is True,
            required=each.get("required") is True,
            mutability=_word(each, "mutability", "readWrite"),
            returned=_word(each, "returned", "default"),
            canonical=tuple(_texts(each.get("canonicalValues"))),
            refers=tuple(_texts(each.get("referenceTypes"))),
            subs=tuple(_declared(each.get("subAttributes"))),
        )


def _type(raw: Mapping[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    name, schema = raw.get("name"), raw.get("schema")
    if not isinstance(name, str) or not isinstance(schema, str) or not _URN.fullmatch(schema):
        return None
    listed = raw.get("schemaExtensions")
    held = listed if isinstance(listed, list) else []
    extensions = _texts(each.get("schema") for each in held if isinstance(each, dict))
    return name, (schema, *(each for each in extensions if _URN.fullmatch(each)))


def _texts(values: Iterable[Any] | None) -> Iterator[str]:
    """Yield what can be sent again: printable texts without quotes."""
    for each in values if isinstance(values, Iterable) and not isinstance(values, str) else ():
        if isinstance(each, str) and each.isprintable() and not {'"', "\\"} & set(each):
            yield each


def _word(raw: Mapping[str, Any], name: str, default: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else default


def _called(attribute: Declared, name: str) -> bool:
    return attribute.name.lower() == name.lower()


def _extends(urn: str, type: str) -> bool:
    return not urn.lower().startswith(CORE) and urn.lower().endswith(f":{type.lower()}")
