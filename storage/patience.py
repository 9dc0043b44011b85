"""How often a call that the store did not serve is made again, and what it waits for before.

The SDK's own tries are off. It tries the second time at once and waits for fixed times before
further ones, so that all who were refused together come back together; it waits as long as a
Retry-After says, be it longer than the request has; and it sends no POST again, which each
transaction is, after a 429, a 502 or a broken connection.
"""

import math
import random
from dataclasses import dataclass

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)

_NOT_SERVED = frozenset({408, 429, 500, 502, 503, 504})
_LATEST = 120  # seconds that we ever ask a client to wait for


@dataclass(frozen=True, slots=True)
class Patience:
    """`refused`: tries of a call that the store answers it can't serve; `broken`: of one whose
    connection broke. All times are seconds: pauses grow from `first` to `most`, and `longest` is
    what a call takes with all its tries.
    """

    refused: int = 6
    broken: int = 3
    first: float = 0.2
    most: float = 4
    longest: float = 20  # of a request's 60

    def pause(self, error: AzureError, tried: int) -> float | None:
        """Say how long to wait before a call is made again that failed so many times, or not to.

        A random part of it is what keeps those who were refused together from coming back
        together.
        """
        if tried >= self._tries(error):
            return None
        grown = min(self.most, self.first * 2 ** (tried - 1))
        return (asked(error) or 0) + random.uniform(grown / 2, grown)  # noqa: S311 - not a secret

    def _tries(self, error: AzureError) -> int:
        """Say how often a call that failed in this way is made at most."""
        if isinstance(error, ServiceRequestTimeoutError | ServiceResponseTimeoutError):
            return 1  # it has waited long enough
        if isinstance(error, ServiceRequestError | ServiceResponseError | IncompleteReadError):
            return self.broken
        status = error.status_code if isinstance(error, HttpResponseError) else None
        if status is not None and status < 400:  # an answer that broke off can't be read
            return self.broken
        return self.refused if status in _NOT_SERVED else 1


PATIENT = Patience()


def asked(error: AzureError) -> int | None:
    """Read for how many seconds the store asks to be left alone, if it says so.

    Cosmos DB says it in milliseconds.
    """
    headers = getattr(getattr(error, "response", None), "headers", {})
    for name, unit in (("Retry-After", 1), ("x-ms-retry-after-ms", 1000)):
        header = str(headers.get(name, ""))
        if header.isascii() and header.isdigit():
            return min(max(math.ceil(int(header) / unit), 1), _LATEST)
    return None
