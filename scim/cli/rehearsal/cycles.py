"""The simulated job on the endpoint: whole cycles over people who are made up, one act at a time.

An act ends as a result like a check's, with the exchanges that show what went wrong.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from scim.cli.rehearsal.advice import advice
from scim.cli.rehearsal.check import MISSING, Failed, Skipped
from scim.cli.rehearsal.context import Context
from scim.cli.rehearsal.evidence import exchange
from scim.cli.rehearsal.results import Outcome, Result
from scim.cli.simulator.exchanges import Exchange
from scim.cli.simulator.failure import Failure, unanswered
from scim.cli.simulator.generating import generate
from scim.cli.simulator.job import Job
from scim.cli.simulator.mapping import AttributeMapping
from scim.cli.simulator.pacing import side_by_side
from scim.cli.simulator.report import CycleReport
from scim.cli.simulator.service import endpoint
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.state import State, differences, expected, shown_as_expected
from scim.cli.simulator.targets import ServiceIncompatible
from scim.cli.simulator.wire import Form, NoAnswer, Received, Sent, request

if TYPE_CHECKING:
    from scim.cli.rehearsal.acts import Act

Play = Callable[["Stage"], Awaitable[None]]

_SHOWN = 5  # failures, differences or writes that are named
_TAME: Mapping[int, str] = MappingProxyType(str.maketrans({'"': "'", "\\": "/", "%": "#"}))
_CAST = 4  # people without whom nobody can be disabled and others stay


class Stage:
    """A job over made-up people, and what it sent; `evidence` is of the act that is on."""

    def __init__(self, context: Context, users: int, groups: int, seed: int) -> None:
        self.context = context
        self.source = generate(users, groups, seed, tag=f"-{context.run}")
        _tame(self.source, context.mapping)
        # Entra leaves quotes in a filter's value as they are, which no strict service can read.
        form: Form = "generic" if context.dialect.exact else "library"
        self.job = Job(self.source, context.mapping, self._send, context.dialect, form=form)
        self.evidence: list[Exchange] = []
        self.over = ""  # why no further act can be played
        self._cast = self.source.users[1:_CAST]
        self._writes: list[Exchange] = []

    # --- the cast ---

    @property
    def users(self) -> list[str]:
        """Those who are resources now, in the order in which they were made."""
        return [each for each in self.source.users if each in self.job.memory.anchors]

    @property
    def groups(self) -> list[str]:
        return [each for each in self.source.groups if each in self.job.memory.anchors]

    @property
    def three(self) -> list[str]:
        """Three people who are disabled and restored; Skipped when there are too few."""
        known = [each for each in self._cast if each in self.users]
        if len(known) < _CAST - 1:
            raise Skipped(f"it takes {_CAST} people in scope: give --users {_CAST} or more")
        return known

    def newcomer(self, name: str = "newcomer") -> dict[str, Any]:
        """Make the attributes of somebody who is hired while the job runs."""
        name = f"{name}-{self.context.run}"
        like = dict(self.source.user(self.source.users[0])) if self.source.users else {}
        for each in ("IsSoftDeleted", "appRoleAssignments", "objectId", "manager"):
            like.pop(each, None)
        return like | {
            "objectId": self.context.samples.guid(),
            "userPrincipalName": f"{name}@example.com",
            "mail": f"{name}@example.com",
            "mailNickname": name,
            "employeeId": name,
            "displayName": "New Comer",
        }

    def quoted(self) -> None:
        """Give quotes, a backslash and a percent sign to what is matched by a name."""
        for objects in self.context.mapping.objects:
            name = objects.matching[0].expression.direct
            known = self.users if objects.source == "User" else self.groups
            if name in ("displayName", "mailNickname", "employeeId") and known:
                text = f'R&D "north" \\ 50% {self.context.run}'
                self.source.update(known[0], **{name: text})

    def path(self, id: str) -> str | None:
        """The path of somebody's resource; None for who is none."""
        anchor = self.job.memory.anchors.get(id)
        objects = self.context.mapping.of(anchor.source) if anchor else None
        return f"{endpoint(objects)}/{anchor.id}" if anchor and objects else None

    # --- what is done and looked at ---

    async def cycle(self) -> CycleReport:
        """Run the cycle that is due; Failed for what went wrong in it."""
        self._writes.clear()
        report = await self.job.cycle()
        if self.job.memory.watermark is None:
            self.over = "the initial cycle did not end"
        found = [each.failure for each in report.failures if each.failure is not None]
        if report.interrupted is not None:
            found.insert(0, report.interrupted)
        if found:
            raise self.failed(found)
        return report

    async def quiet(self, report: CycleReport) -> None:
        """Failed when a cycle had something to write."""
        if not report.writes:
            return
        targets = Counter(
            target for each in report.events for target in {**each.before, **each.after}
        )
        self.evidence += self._writes[:_SHOWN]
        again = ", ".join(each for each, _ in targets.most_common(_SHOWN)) or "something"
        raise Failed(
            f"Nothing had changed, and {report.writes} writes were sent. What differs from what"
            f" was sent before: {again}",
            "Show these attributes exactly as they were sent: Entra compares them in every cycle,"
            " letter for letter and type for type, and writes what differs again and again.",
        )

    async def converged(self) -> None:
        """Read each resource and compare; Failed for the first that differ from the source.

        A member who was deleted may be there still: nothing says that a service must end that.
        """
        due = expected(self.job)
        found: State = {}
        seen: dict[str, Exchange] = {}

        async def look(id: str) -> None:
            anchor = self.job.memory.anchors.get(id)
            objects = self.context.mapping.of(anchor.source) if anchor else None
            path = self.path(id)
            if objects is None or path is None:
                return
            received, seen[id] = await self.ask(path)
            if received.status == 200:
                found[id] = shown_as_expected(
                    self.job, objects, received.json, due[id], self.job.memory.deleted
                )

        await side_by_side(due, look, self.job.settings.connections)
        wrong = differences(due, found)
        if not wrong:
            return
        named = [each for each in seen if any(one.startswith(each) for one in wrong[:_SHOWN])]
        self.evidence += [seen[each] for each in named]
        raise Failed(
            f"{len(wrong)} values are not what the source has: {'; '.join(wrong[:_SHOWN])}",
            "Keep and show what a POST or PATCH sends at these paths, for this one resource alone,"
            " and answer it with an error when you can not.",
        )

    async def found(self, id: str, *, active: bool) -> None:
        """Failed when somebody can't be read, or is not active or inactive as is due."""
        path = self.path(id)
        received, seen = await self.ask(path or "")
        shown = received.json if received.status == 200 else None
        if not isinstance(shown, dict) or shown.get("active") is not active:
            self.evidence.append(seen)
            raise Failed(
                f"Who was disabled is answered with {received.status}, not shown with active"
                f" {str(active).lower()}",
                "Keep who is disabled, show them to GET and to filters, with active as a boolean.",
            )

    async def unrepeated(self, id: str, name: str) -> None:
        """Failed when somebody shows a value of a list twice."""
        received, seen = await self.ask(self.path(id) or "")
        values = [each.get("value") for each in received.json.get(name) or ()]
        if len(set(values)) < len(values):
            self.evidence.append(seen)
            raise Failed(
                f"Of {len(values)} elements of {name} some have the same value",
                "Add no element that is there already: Entra adds the same roles again.",
            )

    async def gone(self, path: str) -> None:
        """Failed when what was deleted is there, and not inactive at least."""
        received, seen = await self.ask(path)
        shown = received.json if received.status == 200 else None
        if received.status == 404 or (isinstance(shown, dict) and shown.get("active") is False):
            return
        self.evidence.append(seen)
        raise Failed(
            f"What was deleted is answered with {received.status}",
            "Delete what a DELETE names, and answer 404 to it from then on.",
        )

    async def ask(self, path: str) -> tuple[Received, Exchange]:
        """GET a resource; Failure when no answer comes."""
        sent = request("GET", path)
        try:
            received = await self.context.ask(sent)
        except NoAnswer as error:
            self.evidence.append(exchange(sent, error, secret=self.context.secret))
            change = advice(unanswered(sent, error).code)
            raise Failed(f"GET {path} got no answer: {error}", change) from error
        return received, exchange(sent, received, secret=self.context.secret)

    def failed(self, failures: Sequence[Failure]) -> Failed:
        """Say what failed, by kinds, and keep an exchange of each kind."""
        kinds = Counter(each.code for each in failures)
        first = {each.code: each for each in reversed(failures)}
        self.evidence += list(self._shown(first[code] for code, _ in kinds.most_common(_SHOWN)))
        said = "; ".join(
            f"{first[code].detail} ({code}{f', {count} times' if count > 1 else ''})"
            for code, count in kinds.most_common(_SHOWN)
        )
        return Failed(said, " ".join(dict.fromkeys(advice(code) for code in kinds)))

    def _shown(self, failures: Iterable[Failure]) -> Iterable[Exchange]:
        for each in failures:
            if each.sent is not None and each.received is not None:
                yield exchange(each.sent, each.received, secret=self.context.secret)

    async def _send(self, sent: Sent) -> Received:
        received = await self.context.ask(sent)
        if sent.writes and len(self._writes) < _SHOWN:
            self._writes.append(exchange(sent, received, secret=self.context.secret))
        return received


def _tame(source: SourceDirectory, mapping: AttributeMapping) -> None:
    """Take quotes, backslashes and % out of what is matched by: they have an act of their own.

    How Entra writes them in a filter is known from Microsoft's library alone.
    """
    for objects in mapping.objects:
        names = [each.expression.direct for each in objects.matching]
        for id in source.users if objects.source == "User" else source.groups:
            held = source.entry(id)
            for name in names:
                value = held.get(name or "")
                if name and isinstance(value, str) and value.translate(_TAME) != value:
                    source.update(id, **{name: value.translate(_TAME)})


async def played(stage: Stage, acts: Iterable["Act"]) -> AsyncIterator[Result]:
    """Play the acts in their order; whatever the service does is in the results."""
    for act in acts:
        stage.evidence = []
        begun = time.perf_counter()
        outcome, said = await _result(stage, act)
        seconds = round(time.perf_counter() - begun, 3)
        yield Result(act, outcome, said, tuple(stage.evidence), seconds)


async def _result(stage: Stage, act: "Act") -> tuple[Outcome, str]:
    lacking = next((each for each in act.needs if not stage.context.has(each)), None)
    if lacking is not None:
        return "skipped", MISSING[lacking]
    if stage.over:
        return "skipped", stage.over
    try:
        await act.play(stage)
    except Skipped as reason:
        return "skipped", str(reason)
    except Failed as failed:
        return "failed", f"{failed.seen}. {failed.change}"
    except ServiceIncompatible as error:
        return "failed", f"{error}. {advice(error.code)}"
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        return "failed", (
            f"An answer has a shape that nothing could be made of ({type(error).__name__})."
            f" {advice(ServiceIncompatible.code)}"
        )
    return "passed", ""
