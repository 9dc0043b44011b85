"""What the passes of one cycle share: the source, the service, what is remembered, the report."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from scim.cli.simulator.compose import Clearing
from scim.cli.simulator.dialects import Dialect
from scim.cli.simulator.escrow import Part
from scim.cli.simulator.failure import SERVICE_INCOMPATIBLE, Failure
from scim.cli.simulator.functions import CannotEvaluate
from scim.cli.simulator.mapping import AttributeMapping, Line, Objects
from scim.cli.simulator.memory import Memory
from scim.cli.simulator.report import CycleReport, Event
from scim.cli.simulator.service import Resource, Service
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.targets import ServiceIncompatible
from scim.cli.simulator.values import Context

# in: provisioned with all that is mapped. disabled: the same, but not created. out: not looked for,
# and disabled, or deleted, where it was provisioned.
Scope = Literal["in", "disabled", "out"]


@dataclass(frozen=True)
class Settings:
    """What is not known of Entra, or may be chosen.

    connections: requests at once. batch: members in one PATCH. checks_members: whether the members
    of a group that was found are asked for before they are added. skips_out_of_scope: the job's
    setting SkipOutOfScopeDeletions. probes: requests for nobody, of each kind, before each cycle.
    """

    connections: int = 16
    batch: int = 20
    checks_members: bool = True
    clearing: Clearing = "nothing"
    skips_out_of_scope: bool = False
    probes: int = 1


@dataclass
class Work:
    """One cycle; `shown` is what was read in it, for the references that are sent later."""

    source: SourceDirectory
    mapping: AttributeMapping
    service: Service
    memory: Memory
    dialect: Dialect
    settings: Settings
    report: CycleReport
    now: datetime
    shown: dict[str, Resource] = field(default_factory=dict)

    async def attempt(self, id: str, part: Part, do: Callable[[], Awaitable[Event | None]]) -> None:
        """Do one thing with one object; a failure goes into the report and into escrow.

        Raises Stopped, which stops the cycle. CannotEvaluate is no code of Entra's: which one it
        has for an expression that gives nothing usable is not known.
        """
        try:
            event = await do()
        except Failure as failure:
            self.failed(id, part, failure)
            if failure.stops:
                raise
            return
        except CannotEvaluate as error:
            self.failed(id, part, Failure("CannotEvaluate", str(error)))
            return
        except ServiceIncompatible as error:
            self.failed(id, part, Failure(SERVICE_INCOMPATIBLE, str(error)))
            return
        self.memory.escrow.settle(id, part)
        if event is not None:
            self.report.add(event)

    def failed(self, id: str, part: Part, failure: Failure) -> None:
        self.memory.escrow.add(id, part, failure, self.now)
        anchor = self.memory.anchors.get(id)
        action: Literal["update", "create"] = "update" if anchor else "create"
        resource = anchor.id if anchor else None
        self.report.add(Event(id, action, resource, reference=part == "reference", failure=failure))

    def scope(self, objects: Objects, id: str) -> Scope:
        return scope(self.source, objects, id)

    def context(self, scope: Scope, *, creating: bool = False) -> Context:
        return Context(creating, True if scope == "out" else None, self.now)


def scope(source: SourceDirectory, objects: Objects, id: str) -> Scope:
    """Tell whether an object is provisioned: by its assignment, the recycle bin, the filters."""
    if not source.is_assigned(id) or not objects.scoped(source.entry(id)):
        return "out"
    if objects.source == "Group":
        return "in"
    if source.is_deleted(id):
        return "out"
    return "disabled" if source.is_soft_deleted(id) else "in"


def disabling(objects: Objects) -> Sequence[Line]:
    """The lines that are sent when somebody leaves the scope; without one there is a DELETE."""
    return [
        each
        for each in objects.updated
        if "issoftdeleted" in each.source.lower() or is_active(each)
    ]


def is_active(line: Line) -> bool:
    return line.path.name == "active" and line.path.urn is None
