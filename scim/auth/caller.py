"""Who a request is from, once that is known."""

from dataclasses import dataclass

from scim.auth.records import SCOPES, Scope
from scim.directory import Directory

EVERY_SCOPE: frozenset[Scope] = frozenset(SCOPES)


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of a directory: the credential's id for the logs, and what it may do."""

    directory: Directory
    credential: str
    scopes: frozenset[Scope] = EVERY_SCOPE
