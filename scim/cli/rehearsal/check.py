"""What a check is: who asks for it, what it proves, what to change; and how it is run.

A check tells what it saw by Failed or Skipped; everything else that a service may do to a request
ends as a result, too.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from scim.cli.rehearsal.evidence import shown
from scim.cli.rehearsal.results import Outcome, Result
from scim.cli.simulator.failure import Failure
from scim.cli.simulator.targets import ServiceIncompatible

if TYPE_CHECKING:
    from scim.cli.rehearsal.context import Context
    from scim.cli.rehearsal.trial import Trial

Play = Callable[["Trial"], Awaitable[None]]
Need = Literal["users", "active", "manager", "roles", "groups", "members", "client"]

MISSING: Mapping[Need, str] = MappingProxyType(
    {
        "users": "the mapping provisions no users",
        "active": "the mapping has no line for active, so Entra deletes where it would disable",
        "manager": "the mapping has no line for manager",
        "roles": "the mapping has no line for app roles",
        "groups": "the mapping provisions no groups",
        "members": "the mapping has no line for members",
        "client": "a Secret Token was given, and no --client-id",
    }
)
_ADVICE_LETTERS = 2000


class Failed(Exception):
    """What was seen and is wrong; `change` says what to do, when the check itself does not."""

    def __init__(self, seen: str, change: str = "") -> None:
        super().__init__(seen)
        self.seen = seen
        self.change = change


class Skipped(Exception):
    """Why a check could not be made, or does not apply."""


@dataclass(frozen=True)
class Check:
    """One check, as data, and the function that plays it.

    `change` says what an administrator has changed when it fails. `needs` is what the mapping must
    have. `entra`: it is about what Entra sends beside the RFCs, which a strict client never does.
    """

    id: str
    title: str
    source: str
    proves: str
    change: str
    play: Play = field(repr=False, compare=False)
    mandatory: bool = True
    needs: tuple[Need, ...] = ("users",)
    entra: bool = False

    async def run(self, context: "Context") -> Result:
        """Run it; whatever the service does is in the result."""
        begun = time.perf_counter()
        trial = context.trial()
        outcome, advice = self._inapplicable(context) or await self._run(trial)
        return Result(
            self,
            outcome,
            shown(advice, context.secret, _ADVICE_LETTERS),
            trial.evidence,
            round(time.perf_counter() - begun, 3),
        )

    def _inapplicable(self, context: "Context") -> tuple[Outcome, str] | None:
        lacking = next((each for each in self.needs if not context.has(each)), None)
        if lacking is not None:
            return "skipped", MISSING[lacking]
        if self.entra and context.dialect.exact:
            return "skipped", "a strict client never sends this"
        return None

    async def _run(self, trial: "Trial") -> tuple[Outcome, str]:
        try:
            await self.play(trial)
        except Skipped as reason:
            return "skipped", str(reason)
        except Failed as failed:
            return "failed", f"{failed.seen}. {failed.change or self.change}"
        except ServiceIncompatible as error:
            return "failed", (
                f"{error}. Entra can't read such an answer: answer with the JSON type that the "
                "schema says, booleans as true and false and manager as an object with value."
            )
        except Failure as failure:
            return "failed", f"{failure}. {self.change}"
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            kind = type(error).__name__
            return "failed", (
                f"The answer has a shape that nothing could be made of ({kind}). {self.change}"
            )
        return "passed", ""


def check(
    id: str,
    title: str,
    *,
    source: str,
    proves: str,
    change: str,
    mandatory: bool = True,
    needs: tuple[Need, ...] = ("users",),
    entra: bool = False,
) -> Callable[[Play], Check]:
    """Make a check of the function that plays it."""

    def made(play: Play) -> Check:
        return Check(id, title, source, proves, change, play, mandatory, needs, entra)

    return made
