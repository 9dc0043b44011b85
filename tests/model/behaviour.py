"""What the service may do as well as what it does at best; every switch can be turned at any time.

- `pages`: a page ends before it is full, or is empty though more follow: "It is possible for a
  query to return no results but to still return a continuation header"
  (learn.microsoft.com/rest/api/storageservices/query-timeout-and-pagination)
- `examined`: rows that a query looks at before it gives a token, as after five seconds (same page)
- `cosmos`: it is Cosmos DB for Table. Results are in no order, keys have at most 255 bytes,
  transactions 2 MB, and some names are reserved (learn.microsoft.com/azure/cosmos-db/table/faq);
  no row passes a comparison of `Timestamp` (github.com/Azure/azure-sdk-for-net/issues/32468). A
  transaction that it throttles is 429 in one part of the answer
  (github.com/yevhen/Streamstone/issues/41). As recorded in its tests of the SDK
  (github.com/Azure/azure-sdk-for-python, `sdk/tables/azure-data-tables/tests/recordings`) are its
  tokens, its errors, a missing table, a PATCH in a transaction, the ends of an answer's lines
- `refusals`: statuses that the next requests are answered with, instead of being done
- `latency`: seconds that each answer takes
"""

import itertools
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

_SHORT = (3, 0, 1, 0, 0, 7, 2)  # rows of the pages of one who ends them early, over and over


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer to a request that was not done, or was, and nobody will know."""

    status: int = 503
    code: str = "ServerBusy"
    retry_after: int | None = None
    done: bool = False


@dataclass(slots=True)
class Behaviour:
    """How a service behaves from now on."""

    short_pages: bool = False
    examined: int | None = None
    cosmos: bool = False
    latency: float = 0
    refusals: deque[Refusal] = field(default_factory=deque)
    _sizes: Iterable[int] = field(default_factory=lambda: itertools.cycle(_SHORT), repr=False)

    def throttle(self, times: int, *, status: int = 503, retry_after: int | None = None) -> None:
        """Refuse the next requests."""
        refusal = Refusal(status, retry_after=retry_after)
        self.refusals.extend([refusal] * times)

    def lose(self, times: int, *, status: int = 500) -> None:
        """Do what the next requests ask, and answer that it failed."""
        refusal = Refusal(status, "InternalError", done=True)
        self.refusals.extend([refusal] * times)

    def page_size(self, wanted: int) -> int:
        """Say how many rows the next page has at most."""
        return min(wanted, next(iter(self._sizes))) if self.short_pages else wanted
