"""A repair on a service that ends pages early, orders nothing, and loses answers."""

from datetime import UTC, datetime

import pytest
from azure.data.tables.aio import TableClient

from scim.repairing import Repaired, repair
from tests.model.behaviour import Behaviour
from tests.storage.damages import DAMAGES, Place, peopled, plan
from tests.storage.inspection import faults

SOME = ("claim of another", "index row lost", "reverse lost", "reverse alone", "column changed")
MORE = ("keys without a tombstone", "anchor of nobody", "forward alone")


@pytest.fixture
async def place(own_table: TableClient) -> Place:
    return await peopled(own_table)


@pytest.mark.parametrize(
    "behaviour", [Behaviour(short_pages=True), Behaviour(examined=3), Behaviour(cosmos=True)]
)
async def test_all_is_found_whatever_pages_are_like(place: Place) -> None:
    for each in (*SOME, *MORE):
        await DAMAGES[each][0](place)
    done = await place.run()
    assert set(done.healed) >= set().union(*(DAMAGES[each][1] for each in MORE))
    assert not done.left
    assert await place.run() == Repaired()
    assert await faults(place.partition) == []


async def test_a_healing_whose_answer_was_lost_is_one(place: Place, behaviour: Behaviour) -> None:
    """It is sent again, and the entry of the log, which is first in it, tells that it was done."""

    def now() -> datetime:
        behaviour.lose(1)  # a change is dated just before it is written
        return datetime.now(UTC)

    for each in ("claim of nobody", "forward alone"):
        await DAMAGES[each][0](place)
    done = await repair(place.repairs(), plan(now=now))
    assert done.healed == {"claim-stale": 1, "reverse-missing": 1}
    assert await place.run() == Repaired()
    told = [each async for each in place.repository.entries() if each.operation == "repair"]
    assert len(told) == 2
