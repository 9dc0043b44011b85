"""Quarantine: when a job is slowed down, and when it is switched off.

Microsoft Learn, application-provisioning-quarantine-status: at once for credentials that are
refused and for a service that does not conform, else by how many objects are in escrow.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from scim.cli.simulator.failure import CREDENTIALS, Failure

INTERVAL = timedelta(minutes=40)  # between incremental cycles
_SLOWEST = timedelta(days=1)
_WEEKS = timedelta(weeks=4)

_EVALUATED_FROM = 5_000  # failures
_SHARE = 0.4
_MOST = 40_000
_MOST_OF_ALL_KINDS = 60_000

ESCROW = "EncounteredEscrowProportionThreshold"
STOPPED = "EncounteredQuarantineException"


@dataclass(frozen=True)
class Quarantine:
    """Why and since when a job is in quarantine; `cycles` counts those that were run in it."""

    reason: str
    code: str
    detail: str
    since: datetime
    cycles: int = 0

    @property
    def interval(self) -> timedelta:
        """The time to the next cycle: it grows until there is one cycle a day."""
        return min(INTERVAL * (1 << min(self.cycles, 8)), _SLOWEST)

    def is_over(self, now: datetime) -> bool:
        """Tell whether the job is switched off: four weeks without a success."""
        return now - self.since > _WEEKS

    def prolonged(self, found: "Quarantine") -> "Quarantine":
        """The quarantine that goes on, with what the latest cycle found."""
        return Quarantine(found.reason, found.code, found.detail, self.since, self.cycles + 1)


def stopped(failure: Failure, now: datetime) -> Quarantine:
    """The quarantine that a failure brings at once."""
    refused = failure.code == CREDENTIALS
    what = "the credentials are refused" if refused else "the service does not conform to SCIM"
    return Quarantine(STOPPED, failure.code, f"{what}: {failure.detail}", now)


def by_escrow(objects: int, references: int, known: int, now: datetime) -> Quarantine | None:
    """Judge how many objects, and references, are in escrow, of how many objects in scope."""
    most = objects > _MOST or objects + references > _MOST_OF_ALL_KINDS
    if most or (objects >= _EVALUATED_FROM and objects > _SHARE * known):
        detail = f"{objects} of {known} objects and {references} references failed"
        return Quarantine(ESCROW, ESCROW, detail, now)
    return None
