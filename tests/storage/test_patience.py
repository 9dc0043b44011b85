"""How long a call that was not served is waited for, and how often it is made again."""

import pytest
from azure.core.exceptions import (
    AzureError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)

from storage.patience import Patience
from tests.storage.faulty import answered

PATIENT = Patience(refused=6, broken=3, first=0.2, most=1)


def pauses(error: AzureError) -> list[float]:
    """Give the pauses before each further try."""
    found: list[float] = []
    while (pause := PATIENT.pause(error, len(found) + 1)) is not None:
        found.append(pause)
    return found


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_pauses_grow_and_are_bounded(status: int) -> None:
    found = pauses(answered(status))
    for pause, most in zip(found, (0.2, 0.4, 0.8, 1, 1), strict=True):
        assert most / 2 <= pause <= most


def test_no_two_wait_for_the_same_time() -> None:
    """Those who were refused together don't come back together."""
    found = [PATIENT.pause(answered(503), 3) or 0 for _ in range(200)]
    assert len(set(found)) == 200
    assert max(found) - min(found) > 0.3


def test_what_the_store_asks_for_is_waited_for() -> None:
    """And somewhat more, for all who were told the same."""
    assert all(7 < each <= 8 for each in pauses(answered(429, Retry_After="7")))
    in_thousandths = answered(429, **{"x-ms-retry-after-ms": "6007"})  # as Cosmos DB says it
    assert all(7 < each <= 8 for each in pauses(in_thousandths))


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (ServiceRequestError("no connection"), 3),
        (ServiceResponseError("the answer was lost"), 3),
        (ServiceRequestTimeoutError("no connection in time"), 1),
        (ServiceResponseTimeoutError("no answer in time"), 1),
        (answered(200), 3),  # an answer that can't be read
        (answered(400), 1),
        (answered(403), 1),
        (answered(409), 1),
        (answered(412), 1),
        (ResourceNotFoundError("nothing there"), 1),
    ],
)
def test_tries_depend_on_what_happened(error: AzureError, tries: int) -> None:
    """Who waited for a timeout has waited long enough; an answer is an answer."""
    assert len(pauses(error)) == tries - 1
