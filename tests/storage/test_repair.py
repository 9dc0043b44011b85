"""Whatever a hand may do to rows is found by its rule, healed, and gone: by a table of damages."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from azure.data.tables.aio import TableClient

from scim.errors import Unavailable
from scim.repair_rules import RULES
from scim.repairing import Repaired, repair
from scim.repository import MemberEdit, Stored
from scim.revival import tombstone
from storage import keys, parts
from storage.repair.looking import PARTS
from tests.storage.damages import (
    DAMAGES,
    ENTERPRISE,
    REPORTED,
    SECRET,
    Place,
    as_member,
    claim_of,
    delete,
    deleted_softly,
    index_of,
    lost_member,
    peopled,
    plan,
    r,
    text,
)
from tests.storage.faulty import Faulty, answered
from tests.storage.inspection import faults
from tests.storage.making import GROUP, USER, change, in_group, looked_up, members, resource, user


@pytest.fixture
async def place(table: TableClient) -> Place:
    return await peopled(table)


async def test_nothing_is_wrong_with_what_requests_wrote(place: Place) -> None:
    """Users, groups, a deletion that is kept, a walk's bookmark, a big tombstone."""
    await deleted_softly(place)
    await place.repository.remember("walk", "{}")
    crowd = resource(GROUP)
    many = members([f"{number:032x}" for number in range(12_000)])
    own = change("delete")
    kept = tombstone(GROUP, Stored(crowd, "v", members=many), own, days=30)
    await place.repository.bury(GROUP, kept)
    assert await place.partition.range(*keys.below(f"d:Group:{crowd['id']}:"))
    before = await place.rows()
    done = await place.run()
    assert (done, await place.rows()) == (Repaired(), before)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damage_is_found_healed_and_gone(place: Place, damage: str) -> None:
    plant, expected = DAMAGES[damage]
    await plant(place)
    before = await place.rows()
    seen = await place.run(dry_run=True)
    assert set(seen.left) == expected
    assert not seen.healed
    assert await place.rows() == before
    done = await place.run()
    # Of two that are one damage, healing one may have mended the other.
    assert set(done.healed) <= expected
    assert done.healed
    assert not done.left
    assert await place.run() == Repaired()
    assert await faults(place.partition) == []
    entries = [each async for each in place.repository.entries() if each.operation == "repair"]
    told = [each for each in entries if not each.detail.startswith("stands for")]
    assert damage == "revival broke off" or len(told) == done.healed.total()
    assert {each.by for each in told} == {"somebody"}
    assert SECRET not in f"{entries}{done}{seen}"


@pytest.mark.parametrize("damage", REPORTED)
async def test_what_a_person_has_to_decide_is_reported_and_left(place: Place, damage: str) -> None:
    plant, expected = REPORTED[damage]
    await plant(place)
    before = await place.rows()
    done = await place.run()
    assert set(done.left) == expected
    assert not done.healed
    assert await place.rows() == before
    shown = [(replace(each, place=""), each.shown) for each, _ in done.findings]
    assert SECRET not in str(shown)


def test_every_rule_is_planted() -> None:
    """Those of the registry are in `test_repair_registry.py`."""
    planted = {each for _, rules in (*DAMAGES.values(), *REPORTED.values()) for each in rules}
    others = {"record", "name", "listing", "credential"}
    assert planted == {each for each in RULES if each.partition("-")[0] not in others}


def test_every_kind_of_row_is_known() -> None:
    """As the document of all keys lists them."""
    listed = re.findall(r"^    ([a-z]):", keys.__doc__ or "", re.MULTILINE)
    assert set(listed) == set(PARTS)


async def test_what_is_damaged_keeps_all_that_may_be_its_own(place: Place) -> None:
    """Claims, index rows and memberships of a resource that nobody can read."""
    await place.write(text(r(place.ada), '{"'))
    mine = [claim_of(place.ada), index_of(place.ada), as_member(place, place.ada)]
    await place.run()
    assert len(await place.partition.get_all(mine)) == 3


async def test_a_membership_that_its_group_does_not_list_is_not_given_back(place: Place) -> None:
    await place.write(delete(as_member(place, place.ada)))
    await place.run()
    assert await in_group(place.repository, place.team.id) == [place.bob.id]
    [entry] = [each async for each in place.repository.entries() if each.operation == "repair"]
    assert (entry.resource, place.ada.id in entry.detail) == (place.team.id, True)


async def test_a_group_that_loses_who_is_gone_has_a_new_version(place: Place) -> None:
    before = await place.repository.get(GROUP, place.team.id)
    await lost_member(place)
    await place.run()
    after = await place.repository.get(GROUP, place.team.id)
    assert before is not None
    assert after is not None
    assert after.version > before.version
    assert await in_group(place.repository, place.team.id) == [place.ada.id]


async def test_a_reference_to_nobody_is_removed_by_a_write(place: Place) -> None:
    await lost_member(place)
    done = await place.run()
    ada = await place.repository.get(USER, place.ada.id)
    assert ada is not None
    assert ENTERPRISE not in ada.resource
    assert ada.version > place.ada.version
    assert done.healed["reference-dangling"] == 1


async def test_versions_that_the_log_no_longer_keeps_lack_nothing(place: Place) -> None:
    """The log is purged from its beginning: who was written before that has no entry."""
    later = await user(place.repository)
    assert await place.repository.purge_journal(later.version)
    assert await place.run() == Repaired()


async def test_what_depends_on_rules_that_change_is_left_alone(place: Place) -> None:
    async def moving() -> bool:
        return False

    await place.write(delete(index_of(place.ada)), delete(keys.anchor(place.bob.id)))
    done = await place.run(stands=moving)
    assert (dict(done.healed), dict(done.left), done.skipped) == ({"anchor-missing": 1}, {}, 1)


async def test_types_that_the_rules_no_longer_have_keep_their_rows(place: Place) -> None:
    repairs = place.repairs()
    repairs.types = {"Group": GROUP}
    repairs.names = {"Group"}
    before = await place.rows()
    assert await repair(repairs, plan()) == Repaired()
    assert await place.rows() == before


async def test_what_comes_true_while_it_waits_is_no_harm(place: Place) -> None:
    """An index row that looked stale; then a request gave its resource the value."""
    key = looked_up(USER, "externalId", "soon")
    await place.write(parts.index(USER, key, place.bob.id))

    async def meanwhile(_: float) -> None:
        document = {**place.bob.resource, "externalId": "soon"}
        await place.repository.replace(USER, place.bob, document, change())

    assert await place.run(settle=1, wait=meanwhile) == Repaired()
    assert [each.id for each in await place.repository.find(USER, key)] == [place.bob.id]


async def test_a_row_that_was_put_again_meanwhile_is_left_for_another_time(place: Place) -> None:
    """As a request puts index rows before the resource that they are of."""
    early = parts.index(USER, looked_up(USER, "externalId", "early"), "soon-there")
    await place.write(early)

    async def meanwhile(_: float) -> None:
        await place.write(early)

    assert await place.run(settle=1, wait=meanwhile) == Repaired()
    assert (await place.run()).healed == {"index-stale": 1}


async def test_two_at_once_heal_each_damage_once(place: Place) -> None:
    for each in ("anchor lost", "reverse alone", "claim of nobody", "column changed"):
        await DAMAGES[each][0](place)
    done = await asyncio.gather(*(place.run() for _ in range(2)))
    healed = done[0].healed + done[1].healed
    assert set(healed.values()) == {1}
    assert not any(each.left for each in done)
    told = [each async for each in place.repository.entries() if each.operation == "repair"]
    assert len(told) == healed.total() == 4


class Ending(Faulty):
    """A client whose process ends at a write; one that ends at a read leaves the same."""

    def __init__(self, table: TableClient, write: int, *, after: bool) -> None:
        super().__init__(table)
        self._left, self._done, self.ended = write, after, False

    async def _call(self, kind: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if kind == "transact" and not self.ended:
            self._left -= 1
            self.ended = self._left < 0
            if self.ended and self._done:
                await call()
        if self.ended:
            raise answered(501)
        return await call()


@pytest.mark.parametrize("account", ["model"], indirect=True)  # where it ends is ours to try out
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_it_can_end_anywhere_and_be_done_again(place: Place, after: bool) -> None:
    """At each of its own writes, done or not: what is left is healed by the next one."""
    writes = 0
    while True:
        ada = await user(place.repository, externalId=f"ada{writes}", active=True)
        edit = MemberEdit(members([ada.id]))
        await place.repository.edit_members(GROUP, place.team.id, edit, change())
        now = replace(place, ada=ada)
        for each in ("claim of another", "reverse lost", "reverse alone", "column changed"):
            await DAMAGES[each][0](now)
        lost = await user(place.repository, externalId="lost")
        await place.write(delete(r(lost)))
        ending = Ending(place.table, writes, after=after)
        with suppress(Unavailable):
            await repair(now.repairs(ending), plan())
        await now.run()
        assert await now.run() == Repaired(), writes
        assert await faults(place.partition) == [], writes
        if not ending.ended:
            break
        writes += 1
    assert writes >= 7
