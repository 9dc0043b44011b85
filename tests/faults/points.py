"""Points tried, and what was found at them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from scim.errors import ScimError
from scim.repair_rules import RULES
from tests.faults.breaking import Killed
from tests.faults.operations import Operation
from tests.faults.world import Act, Process, World


@dataclass
class Tried:
    """What became of an operation at the points at which its process was killed.

    nothing, all, part: of it was seen afterwards. repairable, healed: the repair found something,
    and there was nothing left to be found after it. repeated: what was missing was done by the same
    request, sent again.
    """

    calls: int = 0
    points: int = 0
    states: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    repairable: int = 0
    healed: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Tried") -> None:
        self.calls += other.calls
        self.points += other.points
        self.states += other.states
        self.seen += other.seen
        self.repairable += other.repairable
        self.healed += other.healed
        self.repeated += other.repeated
        self.rules += other.rules
        self.wrong += other.wrong


@dataclass
class Scene:
    """An operation in a world, and what is seen before it and after."""

    operation: Operation
    world: World
    act: Act
    before: str
    after: str
    reads: Sequence[int]
    calls: int

    @property
    def telling(self) -> list[int]:
        """All calls but reads between two others: between two writes nothing changes."""
        reads = {*self.reads}
        return [
            each for each in range(self.calls) if not reads.issuperset((each - 1, each, each + 1))
        ]

    def said(self, view: str) -> str:
        """Say how much of the operation is seen."""
        return {self.before: "nothing", self.after: "all"}.get(view, "part")


async def scene(operation: Operation, world: World) -> Scene:
    """Arrange an operation, and do it once without any fault."""
    act = await operation.arrange(world)
    world.keep()
    before = await world.view()
    async with world.process() as process:
        status = await act(process)
        transport = process.transport
    assert status == operation.status, (operation.name, status)
    after = await world.view()
    assert not (await judged(world)), operation.name
    return Scene(operation, world, act, before, after, transport.reads, transport.calls)


async def judged(world: World) -> Counter[str]:
    """Count what the repair would have to do, by rule."""
    found = await world.repaired(dry_run=True)
    return found.left + Counter({"skipped": found.skipped} if found.skipped else {})


async def killed_everywhere(on: Scene, *, every: bool = False) -> Tried:
    """Kill the process before and after calls of an operation, and see what is there then.

    Of reads in a row the first and the last one, or `every` one.
    """
    tried, seen = Tried(on.calls), set[tuple[int, ...]]()
    for place in range(on.calls) if every else on.telling:
        for after in (False, True):
            on.world.back()
            where = f"{on.operation.name}, {'after' if after else 'before'} call {place}"
            writes = await _kill(on, place, after=after)
            if writes is None:
                tried.wrong.append(f"{where}: there was no such call")
                continue
            tried.points += 1
            if writes not in seen:
                seen.add(writes)
                await _look(on, tried, where)
    tried.states = len(seen)
    return tried


async def _kill(on: Scene, place: int, *, after: bool) -> tuple[int, ...] | None:
    """Kill a process at a call; which calls wrote something, None if there is no such call."""
    async with on.world.process() as process:
        process.transport.kill(place, after=after)
        try:
            await on.act(process)
        except Killed:
            return tuple(process.transport.writes)
    return None


async def _look(on: Scene, tried: Tried, where: str) -> None:
    view = await on.world.view()
    what = on.said(view)
    tried.seen[what] += 1
    found = await judged(on.world)
    tried.repairable += bool(found)
    tried.rules += found
    if what == "part" and not on.operation.steps:
        tried.wrong.append(f"{where}: a part is seen\n{_difference(on.after, view)}")
    left = on.world.service.rows.snapshot()
    if found:
        await on.world.repaired(dry_run=False)
        again = await judged(on.world)
        tried.healed += not again
        if any(RULES[each].healed for each in again):
            tried.wrong.append(f"{where}: the repair leaves {again}")
        on.world.service.rows.go_back(left)
    wrong = await repeated(on, where)
    tried.wrong += wrong
    tried.repeated += what != "all" and not wrong


async def repeated(on: Scene, where: str) -> list[str]:
    """Do it again, as the client does; what is wrong then."""
    async with on.world.process() as process:
        status = await answer(on.act, process)
    if status not in (on.operation.status, *on.operation.again):
        return [f"{where}: repeated, it answers {status}"]
    return await complete(on, f"{where}: repeated ({status})")


async def complete(on: Scene, where: str) -> list[str]:
    """Say what is wrong with an operation of which all should be there."""
    wrong = []
    if (view := await on.world.view()) != on.after:
        wrong.append(f"{where}, it is not done\n{_difference(on.after, view)}")
    found = await judged(on.world)
    if found.keys() - on.operation.leaves:
        wrong.append(f"{where}, it leaves {found}")
    return wrong


async def answer(act: Act, process: Process) -> int:
    """Give the status of a request, or the one that a command's error has."""
    try:
        return await act(process)
    except ScimError as error:
        return error.status


def _difference(expected: str, view: str) -> str:
    one, two = expected.split("\n"), view.split("\n")
    lines = [f"- {each[:300]}" for each in one if each not in two]
    return "\n".join(lines + [f"+ {each[:300]}" for each in two if each not in one])
