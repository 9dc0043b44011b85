"""Escrow: objects that failed, and when each is tried again.

Microsoft Learn, application-provisioning-quarantine-status (6, 12 and 24 hours after the first
failure, then daily until day 28) and howto-analyze-provisioning-logs (40 minutes, which is the next
cycle, for what passes by itself). An object that changes in the source is tried at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from scim.cli.simulator.failure import Failure

# reference: a manager or members; it is counted apart.
Part = Literal["object", "reference"]

_GAPS = (6, 12, 24)  # hours after the first failure
_DAYS = 28


@dataclass(frozen=True)
class Held:
    """What is in escrow of one object; `failures` is how often it failed."""

    part: Part
    code: str
    first: datetime
    due: datetime
    failures: int = 1


class Escrow:
    """What failed and was not successful since, by objectId."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, Part], Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, id: str) -> bool:
        return any((id, part) in self._held for part in ("object", "reference"))

    def __iter__(self) -> Iterator[tuple[str, Held]]:
        for (id, _), held in self._held.items():
            yield id, held

    def add(self, id: str, part: Part, failure: Failure, now: datetime) -> None:
        """Take note of a failure, and decide when it is tried again."""
        known = self._held.get((id, part))
        first, failures = (known.first, known.failures + 1) if known else (now, 1)
        held = Held(part, failure.code, first, now, failures)
        if not failure.transient:
            held = replace(held, due=_next(first, now))
        self._held[id, part] = held

    def settle(self, id: str, part: Part) -> None:
        """Take note that an object was successful, or is gone."""
        self._held.pop((id, part), None)

    def due(self, part: Part, now: datetime) -> list[str]:
        """Tell what is tried again now; what failed for 28 days is dropped."""
        expired = [
            key for key, each in self._held.items() if now - each.first > timedelta(days=_DAYS)
        ]
        for key in expired:
            del self._held[key]
        return [id for (id, of), each in self._held.items() if of == part and each.due <= now]

    def count(self) -> Mapping[Part, int]:
        """Count the objects, and the references, that are held."""
        found: dict[Part, int] = {"object": 0, "reference": 0}
        for _, part in self._held:
            found[part] += 1
        return found

    def clear(self) -> None:
        self._held.clear()


def _next(first: datetime, now: datetime) -> datetime:
    for hours in _GAPS:
        if first + timedelta(hours=hours) > now:
            return first + timedelta(hours=hours)
    days = (now - first) // timedelta(days=1) + 1
    return first + timedelta(days=days)
