"""Every fault at every call of an operation: what the client is told, and what is there then."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.faults.breaking import FAULTS
from tests.faults.points import Scene, answer, complete, repeated


@dataclass
class Met:
    """What became of a fault at the points at which it was met, by the answer.

    `seen` says of what was answered 503 how much of it was there.
    """

    points: int = 0
    done: int = 0
    refused: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Met") -> None:
        self.points += other.points
        self.done += other.done
        self.refused += other.refused
        self.seen += other.seen
        self.wrong += other.wrong


@dataclass(frozen=True, slots=True)
class Point:
    """A fault at a call, and whether all later calls meet it, too."""

    place: int
    fault: str
    lasting: bool


def every(on: Scene) -> list[Point]:
    """All faults at all calls, of reads in a row the first and the last."""
    return [
        Point(place, name, lasting)
        for place in on.telling
        for name in FAULTS
        for lasting in (False, True)
    ]


async def met(on: Scene, points: Iterable[Point]) -> dict[tuple[str, bool], Met]:
    """Let an operation meet faults; by their name, and whether they last."""
    found: dict[tuple[str, bool], Met] = {}
    looked: dict[tuple[object, ...], str] = {}
    for each in points:
        one = found.setdefault((each.fault, each.lasting), Met())
        await _meet(on, each, one, looked)
    return found


async def _meet(on: Scene, point: Point, met: Met, looked: dict[tuple[object, ...], str]) -> None:
    fault = FAULTS[point.fault]
    kind = f"{point.fault}{', lasting' if point.lasting else ''}"
    where = f"{on.operation.name}, call {point.place}, {kind}"
    on.world.back()
    async with on.world.process() as process:
        process.transport.fail(point.place, fault, lasting=point.lasting)
        status = await answer(on.act, process)
        process.transport.heal()
        if not process.transport.reached:
            met.wrong.append(f"{where}: there was no such call")
            return
        met.points += 1
        met.done += status == on.operation.status
        met.refused += status == 503
        if status not in (on.operation.status, 503):
            met.wrong.append(f"{where}: it answers {status}")
        # What was written, and what may yet be, is all that can differ.
        state = (status, tuple(process.transport.writes), fault.late and point.place)
        if state in looked:
            if status == 503:
                met.seen[looked[state]] += 1
            return
        looked[state] = await _look(on, met, where, status)
        if fault.late and status == 503:
            left = on.world.service.rows.snapshot()
            met.wrong += await repeated(on, where)
            await process.transport.catch_up()
            met.wrong += await complete(on, f"{where}: done at last")
            on.world.service.rows.go_back(left)
            await process.transport.catch_up()
    if status == 503:
        met.wrong += await repeated(on, where)


async def _look(on: Scene, met: Met, where: str, status: int) -> str:
    seen = on.said(await on.world.view())
    if status == 503:
        met.seen[seen] += 1
        if seen == "part" and not on.operation.steps:
            met.wrong.append(f"{where}: a part is seen")
    else:
        await on.world.finish()
        met.wrong += await complete(on, f"{where}: acknowledged")
    return seen
