"""What a cycle did: one event per object that something was done or tried with, and counts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from scim.cli.simulator.failure import Failure
from scim.cli.simulator.quarantine import Quarantine
from scim.cli.simulator.values import Value

Action = Literal["create", "update", "disable", "restore", "delete", "skip", "none"]
Kind = Literal["initial", "incremental", "on demand"]

# Kept apart: a server that fails everything would fill the memory with failures.
MOST_EVENTS = 100_000


@dataclass(frozen=True)
class Event:
    """What was done with one object of the source; `resource` is the id of its resource.

    `before` and `after` are the values that were sent differently, by target. `why` says why an
    object was skipped. `reference` is a manager or members.
    """

    object: str
    action: Action
    resource: str | None = None
    before: Mapping[str, Value] = field(default_factory=dict)
    after: Mapping[str, Value] = field(default_factory=dict)
    why: str = ""
    reference: bool = False
    failure: Failure | None = None


@dataclass
class CycleReport:
    """All of one cycle; `requests` and `writes` count what was sent, `took` is in seconds."""

    kind: Kind
    started: datetime
    events: list[Event] = field(default_factory=list)
    actions: Counter[Action] = field(default_factory=Counter)
    requests: int = 0
    writes: int = 0
    quarantine: Quarantine | None = None
    interrupted: Failure | None = None
    took: float = 0.0

    @property
    def failures(self) -> list[Event]:
        return [each for each in self.events if each.failure is not None]

    @property
    def codes(self) -> Counter[str]:
        """Count the failures by their codes."""
        return Counter(each.failure.code for each in self.events if each.failure is not None)

    @property
    def successful(self) -> bool:
        """Whether it ran to its end and nothing failed."""
        return not self.failures and self.quarantine is None and self.interrupted is None

    def add(self, event: Event) -> None:
        if event.failure is None and not event.reference:
            self.actions[event.action] += 1
        if len(self.events) < MOST_EVENTS:
            self.events.append(event)

    def of(self, id: str) -> Iterable[Event]:
        """The events of one object."""
        return [each for each in self.events if each.object == id]
