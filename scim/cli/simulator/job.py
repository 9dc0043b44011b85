"""Entra's provisioning job for one application: cycles, quarantine, restart.

Microsoft Learn, how-provisioning-works. An initial cycle matches every object in scope; incremental
cycles, 40 minutes apart, look at what changed in the source and at what failed. Each begins with a
query for nobody.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from scim.cli.simulator import passes
from scim.cli.simulator.dialects import DEFAULT, Dialect
from scim.cli.simulator.failure import Failure
from scim.cli.simulator.mapping import AttributeMapping
from scim.cli.simulator.memory import Memory, Source
from scim.cli.simulator.ondemand import OnDemand, provision_on_demand
from scim.cli.simulator.pacing import Sleep
from scim.cli.simulator.quarantine import INTERVAL, Quarantine, by_escrow, stopped
from scim.cli.simulator.report import CycleReport, Kind
from scim.cli.simulator.service import Service
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.wire import Form, Send
from scim.cli.simulator.work import Settings, Work


def _now() -> datetime:
    return datetime.now(UTC)


class Job:
    """The provisioning job; nothing runs by itself, each cycle is called.

    `form` is the encoding of queries; `patience` is how often a 429 with Retry-After is waited for
    and sent again within a cycle; `accept` sends an Accept, which Entra doesn't.
    """

    def __init__(
        self,
        source: SourceDirectory,
        mapping: AttributeMapping,
        send: Send,
        dialect: Dialect = DEFAULT,
        *,
        settings: Settings = Settings(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = _now,
        sleep: Sleep = asyncio.sleep,
        form: Form = "library",
        patience: int = 0,
        accept: bool = False,
    ) -> None:
        self.source = source
        self.mapping = mapping
        self.dialect = dialect
        self.settings = settings
        self.service = Service(send, sleep=sleep, form=form, accept=accept, patience=patience)
        self.memory = Memory()
        self.quarantine: Quarantine | None = None
        self._clock = clock

    @property
    def interval(self) -> timedelta:
        """The time until the next incremental cycle."""
        return self.quarantine.interval if self.quarantine else INTERVAL

    @property
    def is_off(self) -> bool:
        """Whether the job was switched off, after four weeks in quarantine; restart it."""
        return self.quarantine is not None and self.quarantine.is_over(self._clock())

    async def test_connection(self, probes: int = 3) -> Failure | None:
        """Ask for nobody, as the button does: users so many times, then groups; gives what failed.

        A page of documentation and a capture have it: with random GUIDs, at the matching attribute.
        """
        try:
            for objects in self.mapping.objects:
                for _ in range(probes if objects.source == "User" else 1):
                    await self.service.probe(objects)
        except Failure as failure:
            return failure
        return None

    def restart(self) -> None:
        """Forget anchors, watermark, escrow and quarantine: the next cycle is an initial one."""
        self.memory = self.memory.restarted()
        self.quarantine = None

    async def cycle(self) -> CycleReport:
        """Run the cycle that is due: an initial one, until one has ended, else an incremental."""
        if self.memory.watermark is None:
            return await self.initial_cycle()
        return await self.incremental_cycle()

    async def initial_cycle(self) -> CycleReport:
        """Look at every object of the source."""
        watermark = self.source.watermark
        gone = [each for each in self.memory.anchors if each not in self.source]
        return await self._run(
            "initial", [*self.source.users, *self.source.groups, *gone], watermark
        )

    async def incremental_cycle(self) -> CycleReport:
        """Look at what changed since the last cycle that ended, and at what is due to be retried.

        ValueError before any cycle has ended, and once the job is off.
        """
        if self.memory.watermark is None:
            raise ValueError("no initial cycle has ended yet")
        changes = self.source.changes(self.memory.watermark)
        due = self.memory.escrow.due("object", self._clock())
        ids = [*changes.users, *changes.groups, *due]
        return await self._run("incremental", ids, changes.watermark)

    async def provision(self, id: str, members: Iterable[str] = ()) -> OnDemand:
        """Provision one user or group at once, as "Provision on demand" does; a group with at most
        five of its members. The flag has no effect there.
        """
        kind: Source = "Group" if id in self.source.groups else "User"
        objects = self.mapping.of(kind)
        if objects is None:
            raise ValueError(f"the mapping has no {kind.lower()}s")
        work = self._work("on demand")
        return await provision_on_demand(work, objects, id, tuple(members))

    # --- a cycle ---

    async def _run(self, kind: Kind, ids: Iterable[str], watermark: int) -> CycleReport:
        if self.is_off:
            raise ValueError("the job is off, after four weeks in quarantine: restart it")
        work = self._work(kind)
        requests, writes = self.service.requests, self.service.writes
        begun = time.perf_counter()
        try:
            await self._probe()
            await passes.run(work, ids)
        except Failure as failure:
            if failure.stops:
                self._confine(stopped(failure, work.now))
            work.report.interrupted = failure
        else:
            self.memory.watermark = watermark
            self._judge(work.now)
        work.report.quarantine = self.quarantine
        work.report.took = time.perf_counter() - begun
        work.report.requests = self.service.requests - requests
        work.report.writes = self.service.writes - writes
        return work.report

    async def _probe(self) -> None:
        for objects in self.mapping.objects:
            for _ in range(self.settings.probes):
                await self.service.probe(objects)

    def _work(self, kind: Kind) -> Work:
        now = self._clock()
        return Work(
            self.source,
            self.mapping,
            self.service,
            self.memory,
            self.dialect,
            self.settings,
            CycleReport(kind, now),
            now,
        )

    def _judge(self, now: datetime) -> None:
        """Put the job into quarantine for what is in escrow, or take it out."""
        held = self.memory.escrow.count()
        known = len(self.source.users) + len(self.source.groups)
        found = by_escrow(held["object"], held["reference"], known, now)
        if found is None:
            self.quarantine = None
        else:
            self._confine(found)

    def _confine(self, found: Quarantine) -> None:
        self.quarantine = self.quarantine.prolonged(found) if self.quarantine else found
