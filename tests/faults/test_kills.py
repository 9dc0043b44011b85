"""The process ends before and after every call to the store, whatever it was doing.

Then no write is half visible that one transaction holds; what outgrows one is completed by the same
request, sent again; and the rules of the repair find nothing wrong, or heal it.
"""

import pytest

from tests.faults.operations import COMMANDS, REQUESTS, Operation
from tests.faults.points import killed_everywhere
from tests.faults.worlds import Worlds


@pytest.mark.parametrize("operation", [*REQUESTS, *COMMANDS], ids=lambda each: each.name)
async def test_nothing_is_lost_or_half_done(operation: Operation, worlds: Worlds) -> None:
    tried = await killed_everywhere(await worlds.scene(operation))
    assert tried.wrong == []
    assert tried.points >= 2
    assert tried.seen["nothing"] + tried.seen["all"] >= 2
