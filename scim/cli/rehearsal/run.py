"""A rehearsal from its first request to the last DELETE: checks, cycles, cleaning up."""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from types import MappingProxyType

from scim.cli.rehearsal.acts import ACTS, Act
from scim.cli.rehearsal.check import Check
from scim.cli.rehearsal.checks import CHECKS
from scim.cli.rehearsal.cleanup import Left, Made
from scim.cli.rehearsal.context import Context
from scim.cli.rehearsal.cycles import Stage, played
from scim.cli.rehearsal.evidence import Secret
from scim.cli.rehearsal.report import Rehearsal
from scim.cli.rehearsal.results import Described, Result
from scim.cli.simulator.dialects import DEFAULT, Dialect
from scim.cli.simulator.mapping import AttributeMapping
from scim.cli.simulator.oauth import Client
from scim.cli.simulator.wire import Received, Send, Sent

Tell = Callable[[int, int], None]


def _nobody(_done: int, _total: int) -> None:
    return None


# Everything that can be asked for with --only, in the order in which it is run.
_LISTED: Sequence[Described] = (*CHECKS, *ACTS)
ALL: Mapping[str, Described] = MappingProxyType({each.id: each for each in _LISTED})


@dataclass(frozen=True)
class Plan:
    """What is to be rehearsed; `only` are ids of ALL, none for all of them.

    `mapped` names the mapping in the report. `seed` decides on the values, not on the names, in
    which is what no other run has.
    """

    tenant_url: str
    mapping: AttributeMapping
    mapped: str
    dialect: Dialect = DEFAULT
    users: int = 20
    groups: int = 5
    seed: int = 1
    only: Collection[str] = ()

    @property
    def checks(self) -> Sequence[Check]:
        return [each for each in CHECKS if not self.only or each.id in self.only]

    @property
    def acts(self) -> Sequence[Act]:
        """The acts that were asked for, and those before them, which they go on from."""
        wanted = [place for place, each in enumerate(ACTS) if each.id in self.only]
        return ACTS if not self.only else ACTS[: max(wanted, default=-1) + 1]


@dataclass
class Run:
    """One rehearsal that runs; `results` grows, and `clean` has to be called whatever happens."""

    plan: Plan
    send: Send
    secret: Secret = ""
    client: Client | None = None
    results: list[Result] = field(default_factory=list)
    requests: int = 0
    removed: int = 0
    left: Sequence[Left] = ()

    def __post_init__(self) -> None:
        self.started = datetime.now(UTC)
        self._begun = time.perf_counter()
        self._made = Made(self._counted)
        self._context = Context(
            send=self._made,
            mapping=self.plan.mapping,
            run=f"r{secrets.token_hex(4)}",
            random=Random(self.plan.seed),  # noqa: S311 - values made up, no secrets
            dialect=self.plan.dialect,
            secret=self.secret,
            client=self.client,
        )

    async def play(self, tell: Tell = _nobody) -> None:
        """Run every check and every act of the plan; `tell` is told how many of how many."""
        plan = self.plan
        total = len(plan.checks) + len(plan.acts)
        tell(0, total)
        await self._context.discover()
        for check in plan.checks:
            self.results.append(await check.run(self._context))
            tell(len(self.results), total)
        if plan.acts:
            stage = Stage(self._context, plan.users, plan.groups, plan.seed)
            async for result in played(stage, plan.acts):
                self.results.append(result)
                tell(len(self.results), total)

    async def clean(self, tell: Tell | None = None) -> None:
        """Delete what was made; `left` says what could not be."""
        before = len(self._made.made)
        try:
            self.left = await self._made.clean(tell)
        except asyncio.CancelledError:
            self.left = self._made.remaining
            raise
        finally:
            self.removed = before - len(self._made.made)

    def report(self, *, interrupted: bool = False) -> Rehearsal:
        """Say what was found so far."""
        plan = self.plan
        return Rehearsal(
            tenant_url=plan.tenant_url,
            dialect=plan.dialect.name,
            mapping=plan.mapped,
            users=plan.users,
            groups=plan.groups,
            seed=plan.seed,
            started=self.started,
            seconds=time.perf_counter() - self._begun,
            requests=self.requests,
            results=tuple(self.results),
            removed=self.removed,
            left=tuple(self.left),
            interrupted=interrupted,
        )

    async def _counted(self, sent: Sent) -> Received:
        self.requests += 1
        return await self.send(sent)
