"""What a rehearsal found: one result per check, with the exchanges that show it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from scim.cli.simulator.exchanges import Exchange

Outcome = Literal["passed", "failed", "skipped"]


class Described(Protocol):
    """What is known of a check before it is run.

    `proves` says in one sentence what it means when it passes, `source` who asks for it: a test of
    Microsoft's validators, a page, an RFC. Only a mandatory one decides on the exit status.
    """

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def proves(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def mandatory(self) -> bool: ...


@dataclass(frozen=True)
class Result:
    """What came of one check.

    `advice` says, in an administrator's words, what is wrong and what to change, or why the check
    was skipped; empty when it passed. `evidence` are the exchanges that show it, the telling one
    last.
    """

    check: Described
    outcome: Outcome
    advice: str = ""
    evidence: Sequence[Exchange] = field(default_factory=tuple)
    seconds: float = 0.0

    @property
    def barring(self) -> bool:
        """Whether it keeps the rehearsal from being passed."""
        return self.outcome == "failed" and self.check.mandatory
