"""Worlds that many tests begin in."""

import pytest

from tests.faults.worlds import Worlds


@pytest.fixture(scope="package")
def worlds() -> Worlds:
    return Worlds()
