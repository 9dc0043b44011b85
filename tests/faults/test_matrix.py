"""Faults at the calls of every operation: what is acknowledged is there; what is not is 503, and
there once the request is sent again.

`python -m tests.faults` tries all of them; here each point meets some in turn.
"""

import pytest

from tests.faults.matrix import every, met
from tests.faults.operations import REQUESTS, Operation
from tests.faults.worlds import Worlds

# No divisors of how many faults there are, so that all have their turn; far apart where it is slow.
_APART, _FAR_APART = 11, 47
_FEW = 10  # users


@pytest.mark.parametrize("operation", REQUESTS, ids=lambda each: each.name)
async def test_whoever_is_acknowledged_is_there(operation: Operation, worlds: Worlds) -> None:
    on = await worlds.scene(operation)
    apart = _FAR_APART if len(on.world.users) > _FEW else _APART
    found = await met(on, every(on)[REQUESTS.index(operation) % apart :: apart])
    assert [wrong for each in found.values() for wrong in each.wrong] == []
    assert all(each.points == each.done + each.refused for each in found.values())
