"""How a PATCH is spelt: by Entra, by Entra with `?aadOptscim062020`, by a strict client."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
FOREIGN = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

# (target, the value as text, what was shown before)
Change = tuple[str, str, Any]


@dataclass(frozen=True)
class Spelling:
    """`capital` ops; booleans as `text`; plain paths `gathered` into one operation without a path.

    `listed`: members to remove are in a list, else in the path. `exact`: nothing that the RFC
    doesn't have, and a group's PATCH may be answered with the group.
    """

    name: str
    capital: bool
    text: bool
    gathered: bool
    listed: bool
    exact: bool

    def op(self, name: str) -> str:
        return name.capitalize() if self.capital else name

    def real(self, target: str, value: str) -> Any:
        """Give a value its JSON type, as in a POST: a Switch makes text of a boolean."""
        return {"True": True, "False": False}.get(value, value) if target == "active" else value

    def operations(self, changes: Sequence[Change]) -> list[dict[str, Any]]:
        """Write an update: `add` where nothing was shown, else `replace`."""
        plain: list[tuple[str, str, Any]] = []
        written: list[dict[str, Any]] = []
        for target, value, before in changes:
            op = self.op("replace" if before is not None else "add")
            sent = value if self.text else self.real(target, value)
            if self.gathered and "[" not in target:
                plain.append((op, target, sent))
            else:
                written.append({"op": op, "path": target, "value": sent})
        for op in ("add", "replace"):
            held = {target: sent for each, target, sent in plain if each == op}
            if len(held) == 1 and op == "add":
                ((target, sent),) = held.items()
                written.append({"op": op, "path": target, "value": sent})
            elif held:
                written.append({"op": op, "value": held})
        return written

    def reference(self, target: str, id: str, before: Any) -> dict[str, Any]:
        op = self.op("replace" if before is not None else "add")
        return {"op": op, "path": target, "value": {"value": id} if self.exact else id}

    def addition(self, ids: Sequence[str]) -> dict[str, Any]:
        null = {"$ref": None} if self.capital else {}
        values = [{**null, "value": each} for each in ids]
        return {"op": self.op("add"), "path": "members", "value": values}

    def removals(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        if self.listed:
            values = [{"value": each} for each in ids]
            return [{"op": self.op("remove"), "path": "members", "value": values}]
        return [{"op": self.op("remove"), "path": f'members[value eq "{each}"]'} for each in ids]

    def schemas(self, source: str) -> list[str]:
        """URNs in a POST beside the base schema's: one that may have no data, one unheard of."""
        return [] if self.exact else [ENTERPRISE if source == "User" else FOREIGN]

    def patched(self, *, group: bool) -> Collection[int]:
        """The statuses that a PATCH may be answered with."""
        return {204} if group and not self.exact else {200, 204}


DEFAULT = Spelling("default", capital=True, text=True, gathered=False, listed=True, exact=False)
FLAG = Spelling("flag", capital=False, text=False, gathered=True, listed=False, exact=False)
STRICT = Spelling("strict", capital=False, text=False, gathered=False, listed=False, exact=True)
SPELLINGS: Mapping[str, Spelling] = MappingProxyType(
    {each.name: each for each in (DEFAULT, FLAG, STRICT)}
)
