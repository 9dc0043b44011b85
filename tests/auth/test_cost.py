"""What a signed token costs over a secret one; the store's side is in `test_flat_cost.py`."""

import pytest

from bench.tokens import LIMIT, measured
from tests.pace import slowness


async def test_a_signed_token_costs_little_more_than_a_secret_one() -> None:
    """CPU time, measured side by side: at most 0.3 ms a request.

    Once in three times: what shares the processor with us slows some of them down.
    """
    for _ in range(3):
        found = await measured()
        least, limit = found["secret token"], LIMIT * slowness()
        if all(each - least <= limit for each in found.values()):
            return
    pytest.fail(f"more than {limit:.0f} µs: {found}")
