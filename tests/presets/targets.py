"""Where a mapping's line leads in a resource, read and written as a client would, by its text."""

import re
from dataclasses import dataclass
from typing import Any

_TARGET = re.compile(
    r"(?:(?P<urn>urn:.+):)?(?P<name>[^:.\[]+)"
    r"(?:\[type eq \"(?P<type>[^\"]+)\"\])?(?:\.(?P<sub>\w+))?"
)


@dataclass(frozen=True)
class Target:
    """`URN:name[type eq "…"].sub`, all but the name optional."""

    urn: str | None
    name: str
    type: str | None
    sub: str | None

    @classmethod
    def parse(cls, text: str) -> "Target":
        found = _TARGET.fullmatch(text)
        if found is None:
            raise ValueError(f"no target that is known here: {text}")
        return cls(**found.groupdict())

    def read(self, resource: dict[str, Any]) -> Any:
        """Read the value that a resource shows here; None when it shows none."""
        held = resource.get(self.urn, {}) if self.urn else resource
        held = held.get(self.name)
        if self.type is not None:
            held = next((each for each in held or () if each.get("type") == self.type), None)
        return held.get(self.sub) if self.sub and held is not None else held

    def write(self, document: dict[str, Any], value: Any) -> None:
        """Put a value into the document of a POST; the element for work is primary."""
        held = document.setdefault(self.urn, {}) if self.urn else document
        if self.type is not None:
            elements = held.setdefault(self.name, [])
            element = next((each for each in elements if each["type"] == self.type), None)
            if element is None:
                element = {"type": self.type} | ({"primary": True} if self.type == "work" else {})
                elements.append(element)
            element[self.sub] = value
        elif self.sub is not None:
            held.setdefault(self.name, {})[self.sub] = value
        else:
            held[self.name] = value
