"""Where a line of a mapping leads in a resource: its text read, and a resource read by it.

Written as in the admin center: `name`, `name.sub`, `name[type eq "work"].sub`, `URN:name`. Letter
case of names makes no difference. What RFC 7643 defines is read as it defines it; an attribute of
another extension is simple, so a dot belongs to its name (Microsoft Learn,
customize-application-attributes: custom attributes can't be complex).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from scim.catalog import BUILT_IN_SCHEMAS
from scim.definitions import COMMON, Attribute, Schema

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_CORE = re.compile(r"urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group)", re.IGNORECASE)
_URN = re.compile(r"(?:(urn:[^\[\]\"]*):)?(.*)", re.IGNORECASE | re.DOTALL)
_PATH = re.compile(
    r"(?P<name>[^:.\[\]\"\s]+)"
    r"(?:\[\s*(?P<by>[\w$-]+)\s+(?i:eq)\s+(?:\"(?P<quoted>[^\"]*)\"|(?P<bare>[^\"\]\s]+))\s*\])?"
    r"(?:\.(?P<sub>[\w$-]+))?"
)
_SIMPLE = re.compile(r"[^:\[\]\"\s]+")
_SCHEMAS: Mapping[str, Schema] = MappingProxyType(
    {each.id.lower(): each for each in BUILT_IN_SCHEMAS}
)


class ServiceIncompatible(Exception):
    """An answer that Entra can't read: it has another shape or type than the schema says.

    Entra logs SystemForCrossDomainIdentityManagementServiceIncompatible, and fails the object.
    """

    code = "SystemForCrossDomainIdentityManagementServiceIncompatible"

    def __init__(self, path: str, wanted: str, found: Any) -> None:
        super().__init__(f"{path} must be {wanted}, and is {called(found)}")
        self.path = path


@dataclass(frozen=True)
class Target:
    """`URN:name[by eq "value"].sub`, all but the name optional; the core URN is left out."""

    text: str
    urn: str | None
    name: str
    by: str | None = None
    value: str = ""
    sub: str | None = None

    @classmethod
    @lru_cache(maxsize=1024)  # a mapping has a few dozen, and asks for them at every object
    def parse(cls, text: str) -> "Target":
        """Read a target; ValueError says that it is none."""
        split = _URN.fullmatch(text.strip())
        urn, rest = (split[1], split[2]) if split else (None, text)
        if urn and _CORE.fullmatch(urn):
            urn = None
        if urn and urn.lower() != ENTERPRISE.lower() and _SIMPLE.fullmatch(rest):
            return cls(text, urn, rest)
        found = _PATH.fullmatch(rest)
        if found is None:
            raise ValueError(
                f"{text} is no target: write attribute, attribute.sub, "
                'attribute[type eq "work"].sub or URN:attribute'
            )
        value = found["quoted"] if found["quoted"] is not None else found["bare"] or ""
        return cls(text, urn, found["name"], found["by"], value, found["sub"])._as_defined()

    def _as_defined(self) -> "Target":
        """Give names the letter case of the schema."""
        attribute = self.attribute
        if attribute is None:
            return self
        sub = attribute.sub(self.sub) if self.sub else None
        by = attribute.sub(self.by) if self.by else None
        return Target(
            self.text,
            ENTERPRISE if self.urn else None,
            attribute.name,
            by.name if by else self.by,
            self.value,
            sub.name if sub else self.sub,
        )

    @cached_property
    def attribute(self) -> Attribute | None:
        """The RFC's definition of the top-level attribute; None for any other."""
        if self.urn is not None:
            schema = _SCHEMAS.get(self.urn.lower())
            return schema.attribute(self.name) if schema else None
        found = (_SCHEMAS[each].attribute(self.name) for each in _SCHEMAS if ":core:" in each)
        return next((each for each in found if each), COMMON.attribute(self.name))

    @cached_property
    def leaf(self) -> Attribute | None:
        """The RFC's definition of what is written here; None when there is none."""
        attribute = self.attribute
        return attribute.sub(self.sub) if attribute and self.sub else attribute

    @property
    def plain(self) -> bool:
        """Whether the path has no filter, so that it may be a key of an operation without path."""
        return self.by is None

    @property
    def many(self) -> bool:
        """Whether all the elements of a list are meant."""
        return bool(self.plain and self.sub is None and self.leaf and self.leaf.multi_valued)

    def selects(self, element: Mapping[str, Any]) -> bool:
        """Tell whether an element of the list is the one that the filter names."""
        found = get(element, self.by or "")
        written = str(found) if isinstance(found, bool) else found
        return isinstance(written, str) and written.lower() == self.value.lower()

    def read(self, resource: Mapping[str, Any]) -> Any:
        """Read what a resource shows here, None for nothing; ServiceIncompatible."""
        held: Any = resource
        place = self.text
        if self.urn is not None:
            held = need(get(held, self.urn), dict, self.urn)
        held = get(held or {}, self.name)
        if self.by is not None:
            elements = need(held, list, self.name) or []
            for each in elements:
                need(each, dict, self.name)
            held = next((each for each in elements if each and self.selects(each)), None)
        if self.sub is not None:
            held = get(need(held, dict, place) or {}, self.sub)
        return held


def get(held: Mapping[str, Any], name: str) -> Any:
    """Read a key as written, or else in any letter case."""
    if name in held:
        return held[name]
    return next((held[each] for each in held if each.lower() == name.lower()), None)


def need(value: Any, kind: type, path: str) -> Any:
    """Give the value when it has a type or is null; ServiceIncompatible."""
    if value is not None and type(value) is not kind:
        raise ServiceIncompatible(path, called(kind()), value)
    return value


def called(value: Any) -> str:
    """Say what a JSON value is, without showing it."""
    names = {bool: "a boolean", int: "an integer", float: "a number", str: "a text"}
    others = {dict: "an object", list: "a list", type(None): "null"}
    return (names | others).get(type(value), "something else")
