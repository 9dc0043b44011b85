"""App roles of Entra: what one is, and how the three expressions write a person's roles in SCIM.

Microsoft Learn, customize-application-attributes, "Provisioning a role to a SCIM app".
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

ROLE_TYPE = "WindowsAzureActiveDirectoryRole"


@dataclass(frozen=True)
class AppRole:
    """One role of the application; `value` is what it is called in tokens, and may be missing."""

    display_name: str
    value: str = ""
    id: str = ""

    @property
    def name(self) -> str:
        """What a mapping makes of it where a text is due."""
        return self.value or self.display_name

    def as_text(self) -> str:
        """Write it as the JSON in a string that a PATCH without the flag has."""
        written = {"id": self.id, "value": self.name, "displayName": self.display_name}
        return json.dumps(written, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Roles:
    """Somebody's roles and what they are meant as.

    assigned: the attribute itself. single, complex: they are added to what is there. assertive:
    they replace it. shown: what a resource has.
    """

    kind: Literal["assigned", "single", "complex", "assertive", "shown"]
    held: tuple[AppRole, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.held)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(each.name for each in self.held)

    def satisfied_by(self, shown: "frozenset[str]") -> bool:
        """Tell whether nothing has to be sent to somebody who has these roles."""
        return self.names == shown if self.kind == "assertive" else self.names <= shown

    def elements(self, *, exact: bool = False) -> list[dict[str, Any]]:
        """Write them as in a POST; `exact` uses only sub-attributes that RFC 7643 has."""
        if self.kind == "single":
            written = {"primary": True, "type": ROLE_TYPE}
            return [{**written, "value": each.name} for each in self.held]
        shown = "display" if exact or self.kind == "assertive" else "displayName"
        return [
            {"primary": False, "type": ROLE_TYPE, shown: each.display_name, "value": each.name}
            for each in self.held
        ]

    def texts(self) -> list[dict[str, str]]:
        """Write them as in a PATCH without the flag."""
        return [{"value": each.as_text()} for each in self.held]


def read_roles(assignments: Iterable[Any]) -> Roles:
    """Read the attribute `appRoleAssignments`: AppRole, or objects `{id, value, displayName}`.

    A text alone is the value and the displayName. Raises ValueError for anything else.
    """
    held: list[AppRole] = []
    for each in assignments:
        if isinstance(each, AppRole):
            held.append(each)
        elif isinstance(each, str):
            held.append(AppRole(each, each))
        elif isinstance(each, dict) and (each.get("displayName") or each.get("value")):
            value = str(each.get("value") or "")
            held.append(
                AppRole(str(each.get("displayName") or value), value, str(each.get("id", "")))
            )
        else:
            raise ValueError(
                "each of appRoleAssignments must be an object with a value or a displayName"
            )
    return Roles("assigned", tuple(held))
