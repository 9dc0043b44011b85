"""A repair looks twice, heals what still stands, and tells what it could not."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scim.repair_rules import RULES
from scim.repairing import MOST_TOLD, Finding, Plan, Progress, Repaired, Sight, repair
from scim.repository import Change

PLACES = ("r:User:ada", "r:User:bob")


class Rows:
    """What is seen at each place, look by look; the last of them stays. `healing` counts tries."""

    def __init__(
        self, sights: Mapping[str, Sequence[Sequence[Sight]]], *, refuses: int = 0
    ) -> None:
        self._sights = {place: list(each) for place, each in sights.items()}
        self._refuses = refuses
        self.healed: list[Change] = []

    async def suspects(self, progress: Progress) -> AsyncGenerator[Sequence[str]]:
        progress(len(self._sights), len(self._sights))
        yield list(self._sights)

    async def look(self, suspect: str) -> Sequence[Sight]:
        seen = self._sights[suspect]
        return seen.pop(0) if len(seen) > 1 else seen[0]

    async def heal(self, sight: Sight, change: Change) -> bool:
        self._refuses -= 1
        if self._refuses >= 0:
            return False
        self.healed.append(change)
        place = sight.finding.place
        left = [each for each in self._sights[place][0] if each.finding != sight.finding]
        self._sights[place] = [left]
        return True


def lost(place: str = PLACES[0], *seen: str, rule: str = "anchor-missing") -> Sight:
    return Sight(Finding(rule, place, "User", place[-3:]), seen)


def plan(**options: Any) -> Plan:
    return Plan(**{"now": lambda: datetime.now(UTC), "settle": 0, "by": "somebody", **options})


async def test_what_is_found_is_healed_and_told() -> None:
    rows = Rows({PLACES[0]: [[lost(), lost(rule="claim-missing")]], PLACES[1]: [[]]})
    done = await repair(rows, plan())
    assert done.healed == {"anchor-missing": 1, "claim-missing": 1}
    [first, second] = rows.healed
    assert first.id < second.id
    assert (first.by, first.operation) == ("somebody", "repair")
    assert first.detail == "a resource lacks its anchor: the anchor was written"


async def test_it_waits_once_and_not_for_nothing() -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    await repair(Rows({each: [[]] for each in PLACES}), plan(settle=9, wait=wait))
    assert waited == []
    await repair(Rows({each: [[lost(each)]] for each in PLACES}), plan(settle=9, wait=wait))
    assert waited == [9]


async def test_what_is_gone_when_it_looks_again_was_nothing() -> None:
    assert await repair(Rows({PLACES[0]: [[lost()], []]}), plan()) == Repaired()


async def test_what_was_written_since_is_left_for_another_time() -> None:
    rows = Rows({PLACES[0]: [[lost(PLACES[0], "v1")], [lost(PLACES[0], "v2")]]})
    assert await repair(rows, plan()) == Repaired()


async def test_what_moves_is_looked_at_again() -> None:
    done = await repair(Rows({PLACES[0]: [[lost()]]}, refuses=5), plan())
    assert (done.healed, dict(done.left)) == ({"anchor-missing": 1}, {})


async def test_what_keeps_moving_is_left_and_told() -> None:
    done = await repair(Rows({PLACES[0]: [[lost()]]}, refuses=1000), plan())
    assert (dict(done.healed), done.left) == ({}, {"anchor-missing": 1})


async def test_what_a_person_decides_is_told_once() -> None:
    done = await repair(Rows({PLACES[0]: [[lost(rule="same-id")]]}), plan())
    assert done.left == {"same-id": 1}
    assert done.findings == [(lost(rule="same-id").finding, False)]


async def test_all_are_counted_and_the_first_are_told() -> None:
    many = [f"r:User:{number}" for number in range(MOST_TOLD + 50)]
    done = await repair(Rows({each: [[lost(each)]] for each in many}), plan(dry_run=True))
    assert done.left.total() == len(many)
    assert len(done.findings) == MOST_TOLD


def test_rules_are_sentences_without_an_end() -> None:
    for name, rule in RULES.items():
        assert name == rule.name
        assert rule.wrong[0].islower()
        assert not rule.wrong.endswith(".")
        assert not rule.healed.endswith(".")
