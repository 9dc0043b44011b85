"""The ways in which Entra, and a strict client, write what they send, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FLAG = "aadOptscim062020"


@dataclass(frozen=True)
class Dialect:
    """How a client writes.

    capital: `Add`, not `add`. text: booleans and numbers of a PATCH are strings. gathered: plain
    paths go into one operation without a path. listed: members to remove are in a list, not in
    the path. exact: nothing that the RFCs don't have.
    """

    name: str
    capital: bool
    text: bool
    gathered: bool
    listed: bool
    exact: bool = False

    def op(self, name: str) -> str:
        return name.capitalize() if self.capital else name


DEFAULT = Dialect("default", capital=True, text=True, gathered=False, listed=True)
FLAGGED = Dialect(FLAG, capital=False, text=False, gathered=True, listed=False)
STRICT = Dialect("strict", capital=False, text=False, gathered=False, listed=False, exact=True)

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {each.name: each for each in (DEFAULT, FLAGGED, STRICT)}
)
