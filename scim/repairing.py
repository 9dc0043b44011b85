"""Finding and healing what is wrong with a store's rows, beside its traffic.

No request leaves any of it behind that another one relies on; hands, restored parts and bugs may.
What looks wrong may be what a request is about to complete, so whatever is found is looked at
again when no request that ran then can run any more, and is left alone if it was written since.
Each is then healed in one transaction that compares what was seen, and that says so in the log.
It can break off anywhere and be done again, by two at once too.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from scim import ids
from scim.deadlines import SETTLED
from scim.repair_rules import RULES, UNKNOWN, Rule
from scim.repository import Change

MOST_TOLD = 1000  # findings that are kept to be shown; all of them are counted
_STANDING = 10_000  # findings that wait to be looked at again
_AT_ONCE = 4  # places that are looked at or healed side by side
_TRIES = 12

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at a row's key `place`, by a rule's name; `id` and `other` are resources' ids.

    It holds no value: keys hold hashes and ids, `attributes` are names.
    """

    rule: str
    place: str
    type: str = ""
    id: str = ""
    other: str = ""
    attributes: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Name the place without what a hand may have written into its key."""
        if self.rule != UNKNOWN:
            return self.place
        return f"sha256 {hashlib.sha256(self.place.encode('utf-8', 'replace')).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Sight:
    """A finding as it was seen; `seen` are marks of the rows that must stay as they are for it."""

    finding: Finding
    seen: tuple[str, ...] = ()


S = TypeVar("S", bound=Sight)


class Repairs(Protocol[S]):
    """What a store needs so that its rows can be repaired.

    A suspect is the key of a row. All of it is read in ranges, and no more is held at a time than
    a few pages and marks of fixed size.
    """

    def suspects(self, progress: Progress) -> AsyncGenerator[Sequence[str]]:
        """Read everything; yield the keys at which something may be wrong, some at a time."""
        ...

    async def look(self, suspect: str) -> Sequence[S]:
        """Read what is at a key and what belongs to it, and say what is wrong with it now."""
        ...

    async def heal(self, sight: S, change: Change) -> bool:
        """Heal what was seen and log it, in one go; False when it is not as it was seen."""
        ...


@dataclass(slots=True)
class Repaired:
    """What was done, in numbers by rule; `left` is what needs a person, `skipped` what depends on
    rules that are being changed, `findings` the first of all and whether each is healed.
    """

    healed: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    findings: list[tuple[Finding, bool]] = field(default_factory=list)

    def add(self, finding: Finding, *, healed: bool) -> None:
        (self.healed if healed else self.left)[finding.rule] += 1
        if len(self.findings) < MOST_TOLD:
            self.findings.append((finding, healed))


async def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Plan:
    """How a repair is done: who does it, whether anything is changed.

    `wait` sleeps `settle` seconds. `stands` is asked before each healing: it tells whether the
    rules are still those that the repair was begun with, and none are on their way in or out; it
    raises what ends the repair, when the directory is somebody else's to write meanwhile.
    """

    now: Callable[[], datetime]
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    by: str = ""
    dry_run: bool = False
    settle: float = SETTLED
    stands: Callable[[], Awaitable[bool]] = _always
    progress: Progress = lambda _done, _found: None


async def repair(repairs: Repairs[S], plan: Plan) -> Repaired:
    """Find what is wrong and heal what can be healed; in a dry run, all of it is left."""
    work = _Work(repairs, plan)
    async with aclosing(repairs.suspects(plan.progress)) as suspects:
        async for some in suspects:
            await work.consider(some)
    await work.settle()
    return work.done


class _Work(Generic[S]):
    """One repair: what it has found and not yet looked at again."""

    def __init__(self, repairs: Repairs[S], plan: Plan) -> None:
        self._repairs = repairs
        self._plan = plan
        self._standing: dict[Finding, tuple[str, ...]] = {}
        self._ids = ids.Succession()
        self.done = Repaired()

    async def consider(self, suspects: Sequence[str]) -> None:
        """Look at suspects for the first time."""
        for start in range(0, len(suspects), _AT_ONCE):
            looks = map(self._repairs.look, suspects[start : start + _AT_ONCE])
            for sights in await asyncio.gather(*looks):
                self._standing |= {each.finding: each.seen for each in sights}
            if len(self._standing) >= _STANDING:
                await self.settle()

    async def settle(self) -> None:
        """Look again at what was found when requests of that time are over, and heal it."""
        if not self._standing:
            return
        if self._plan.settle:
            await self._plan.wait(self._plan.settle)
        places = list(dict.fromkeys(each.place for each in self._standing))
        for start in range(0, len(places), _AT_ONCE):
            await asyncio.gather(*map(self._place, places[start : start + _AT_ONCE]))
        self._standing.clear()

    async def _place(self, place: str) -> None:
        """Do what is to be done at one place, one finding after the other."""
        handled: set[Finding] = set()
        for _ in range(_TRIES):
            sight = await self._next(place, handled)
            if sight is None:
                return
            finding, rule = sight.finding, RULES[sight.finding.rule]
            stands = await self._plan.stands()
            if rule.ruled and not stands:
                self.done.skipped += 1
            elif self._plan.dry_run or not rule.healed:
                self.done.add(finding, healed=False)
            elif await self._repairs.heal(sight, self._change(finding, rule)):
                self.done.add(finding, healed=True)
            else:
                continue  # something moved
            handled.add(finding)
        if (sight := await self._next(place, handled)) is not None:
            self.done.add(sight.finding, healed=False)

    async def _next(self, place: str, handled: set[Finding]) -> S | None:
        """Look for what still stands at a place as it was seen first."""
        for each in await self._repairs.look(place):
            stands = self._standing.get(each.finding) == each.seen
            if stands and each.finding not in handled:
                return each
        return None

    def _change(self, finding: Finding, rule: Rule) -> Change:
        now = self._plan.now()
        other = f" ({finding.other})" if finding.other else ""
        return Change(
            id=self._ids.next(now),
            at=ids.timestamp(now),
            verb="update",
            attributes=finding.attributes,
            by=self._plan.by,
            operation="repair",
            detail=f"{rule.wrong}{other}: {rule.healed}",
        )
