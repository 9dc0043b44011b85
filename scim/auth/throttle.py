"""So many a minute: what is counted is counted by this process, for each key and for all together.

A key is what a client calls itself, recorded or not: which of them exist can't be told by when they
are refused.
"""

from collections import Counter
from datetime import datetime

_MOST_KEYS = 10_000  # that are counted one by one in a minute; beyond them only all together
_LONGEST_KEY = 64


class Throttle:
    """Counts in whole minutes: at most `each` of a key, and `all` in total."""

    def __init__(self, *, each: int, all: int) -> None:
        self._each = each
        self._all = all
        self._minute = 0
        self._total = 0
        self._counts: Counter[str] = Counter()

    def wait(self, key: str, now: datetime) -> int:
        """Count one more; how many seconds to wait when it is one too many, 0 when it isn't."""
        key = key[:_LONGEST_KEY]
        minute, second = divmod(int(now.timestamp()), 60)
        if minute != self._minute:
            self._minute, self._total = minute, 0
            self._counts.clear()
        self._total += 1
        if key in self._counts or len(self._counts) < _MOST_KEYS:
            self._counts[key] += 1
        fits = self._total <= self._all and self._counts[key] <= self._each
        return 0 if fits else 60 - second
