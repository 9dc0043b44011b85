"""A directory's log: what was written, what was refused, what its operator did; never a value.

Entries are in the order of time. A write's entry is its change row, written in its transaction.
"""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from scim.datatypes import is_plain

Verb = Literal["create", "update", "delete", "restore", "refuse", "warn", "operate"]

_MOST_NAMES = 10
_LONGEST_DETAIL = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log.

    `id` is time-ordered (`scim/ids.py`), `at` RFC 3339 UTC. `operation` is a method and a route
    (`PATCH /Users/{id}`), or an operator's command (`token revoke`), then `by` is the operator.
    `type` and `resource` name the resource, `attributes` those that changed, `ignored` those that
    were sent and that no schema has. `detail` is the error's, or what a verb doesn't say, without a
    value in it. `reason` is the code of why nobody was let in (`scim/auth/reasons.py`).
    """

    id: str
    at: str
    verb: Verb
    operation: str = ""
    status: int = 0
    credential: str = ""
    by: str = ""
    type: str = ""
    resource: str = ""
    attributes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    scim_type: str = ""
    detail: str = ""
    request: str = ""
    reason: str = ""


class Journal(Protocol):
    """The part of the port to the store that keeps the log; `scim.repository.Repository` has it."""

    async def record(self, *entries: Entry) -> None:
        """Add entries that are no writes; the same one again changes nothing."""
        ...

    def entries(self, after: str = "", before: str = "") -> AsyncGenerator[Entry]:
        """Yield entries in the order of their ids, `after` < id < `before`; empty: no end.

        A time's first id is `scim.ids.first_id`.
        """
        ...

    async def purge_journal(self, before: str) -> int:
        """Delete the entries before an id; how many they were."""
        ...


def plain(names: Iterable[str], others: str = "") -> tuple[str, ...]:
    """Keep of names that a client made up what is no more than a name: few, and short ones.

    `others`, if any, stands for all of the others.
    """
    known = [each if is_plain(each) else others for each in names]
    return tuple(dict.fromkeys(each for each in known if each))[:_MOST_NAMES]


def printable(text: str) -> str:
    """Make a text that a terminal can be shown: no control characters, and not too long."""
    kept = text[:_LONGEST_DETAIL]
    if not kept.isprintable():
        kept = "".join(each if each.isprintable() else "\ufffd" for each in kept)
    return kept if len(text) <= _LONGEST_DETAIL else f"{kept}…"
