"""Values that a rehearsal sends: recognisable, unlike those of any other run, of the right type.

Addresses are in example.com, so nobody is written to.
"""

import base64
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random
from types import MappingProxyType
from typing import Any

from scim.cli.rehearsal.capabilities import Capabilities, Declared
from scim.cli.simulator.mapping import Line, Objects
from scim.cli.simulator.roles import AppRole, Roles
from scim.cli.simulator.targets import Target
from scim.cli.simulator.values import Value, Values

# What a service may check more than the type of, by the names of attributes in lower case.
_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "preferredlanguage": ("da-DK", "en-GB", "sv-SE"),
        "locale": ("da-DK", "en-GB", "sv-SE"),
        "timezone": ("Europe/Copenhagen", "America/New_York", "Asia/Tokyo"),
        "country": ("DK", "GB", "SE"),
    }
)
_MAILS = frozenset({"email", "mail", "emailaddress"})
_SPACE = uuid.UUID("3a1f3c1e-6d0b-4a43-9a52-0d7d6f0c7a11")


@dataclass
class Samples:
    """Makes values; `run` is in all that name something, and must differ from run to run."""

    run: str
    random: Random
    capabilities: Capabilities
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def name(self) -> str:
        """Make a name with capital and small letters, for things and beginnings of addresses."""
        return f"{self.run}-{next(self._numbers)}-Ada"

    def guid(self) -> str:
        """Make a GUID that nothing else has, in this run or another."""
        return str(uuid.uuid5(_SPACE, f"{self.run}/{next(self._numbers)}"))

    def values(self, objects: Objects, lines: Iterable[Line], but: Values | None = None) -> Values:
        """Make a value for each line, other ones than those in `but`."""
        found: Values = {}
        for line in lines:
            before = (but or {}).get(line.target)
            while (value := self._line(objects, line, before)) == before:
                pass
            found[line.target] = value
        return found

    def value(self, name: str, type: str, canonical: Iterable[str] = (), *, of: str = "") -> Any:
        """Make a value of a type; `of` is the attribute that a sub-attribute belongs to."""
        low, choices = name.lower(), tuple(canonical)
        if type == "boolean":
            return self.random.random() < 0.5
        if type == "integer":
            return self.random.randint(1, 99999)
        if type == "decimal":
            return self.random.randint(1, 9999) + 0.5
        if type == "dateTime":
            return f"20{self.random.randint(10, 30)}-03-0{self.random.randint(1, 9)}T05:06:07Z"
        if type == "binary":
            return base64.b64encode(self.random.randbytes(24)).decode()
        if type == "reference":
            return f"https://example.com/{self.name()}"
        if choices or low in _CHOICES:
            return self.random.choice(choices or _CHOICES[low])
        if low == "username" or low in _MAILS or (of.lower() == "emails" and low == "value"):
            return f"{self.name()}@example.com"
        if low == "externalid":
            return self.guid()
        if of.lower() == "phonenumbers" and low == "value":
            return f"+4533{self.random.randint(100000, 999999)}"
        return f"{name} of {self.name()}"

    def declared(self, attribute: Declared, of: str = "") -> Any:
        """Make a whole value of an attribute as /Schemas declares it."""
        if attribute.type == "complex":
            held = {
                each.name: self.declared(each, attribute.name)
                for each in attribute.subs
                if each.writable and each.name != "$ref"
            }
            if "primary" in held:
                held["primary"] = True
            return [held] if attribute.multi else held
        one = self.value(attribute.name, attribute.type, attribute.canonical, of=of)
        return [one] if attribute.multi else one

    def _line(self, objects: Objects, line: Line, before: Value | None) -> Value:
        path = line.path
        if isinstance(before, bool):
            return not before
        if line.kind == "boolean":
            return True
        if line.many and path.name == "roles" and path.urn is None:
            return Roles("assertive", (AppRole(self.name(), self.name(), self.guid()),))
        if line.many:
            return tuple(str(self._one(objects, line, path)) for _ in range(2))
        value: Value = self._one(objects, line, path)
        return value

    def _one(self, objects: Objects, line: Line, path: Target) -> Any:
        leaf = self.capabilities.leaf(objects.target, path)
        name = path.sub or ("value" if line.many else path.name)
        of = path.name if path.sub or line.many else ""
        return self.value(name, line.kind, leaf.canonical if leaf else (), of=of)
