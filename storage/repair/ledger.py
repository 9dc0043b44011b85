"""Telling whether two long lists hold the same, in memory that doesn't grow with them.

Each entry that one list has adds its hash to one of many sums, each that the other has takes it
away: where both hold the same, nothing is left. Only what lies under a sum that is not zero is read
a second time, and held (as in the anti-entropy of DeCandia et al., "Dynamo", SOSP 2007).
"""

import hashlib
from array import array
from collections.abc import Collection, Iterable, Iterator

_BITS = 16
_SUMS = 1 << _BITS
_WORD = 1 << 64
HELD = 50_000  # entries of one side that are held at a time, about


class Ledger:
    """The sums of all entries: `owe` those of one list, `have` those of the other.

    The second argument is what is suspect when the other list lacks the entry.
    """

    def __init__(self) -> None:
        self._sums = array("Q", bytes(8 * _SUMS))
        self._counts = array("L", [0]) * _SUMS

    def owe(self, entry: str, suspect: str) -> None:  # noqa: ARG002 - as `Excerpt` has it
        self._add(entry, 1)

    def have(self, entry: str, suspect: str) -> None:  # noqa: ARG002
        self._add(entry, -1)

    def unequal(self, most: int = HELD) -> Iterator[frozenset[int]]:
        """Yield the sums that are not zero, as many together as have about `most` entries."""
        some: set[int] = set()
        held = 0
        for place, total in enumerate(self._sums):
            if total:
                some.add(place)
                held += self._counts[place]
                if held >= most:
                    yield frozenset(some)
                    some, held = set(), 0
        if some:
            yield frozenset(some)

    def _add(self, entry: str, sign: int) -> None:
        place, number, _ = _hashed(entry)
        self._sums[place] = (self._sums[place] + sign * number) % _WORD
        self._counts[place] += 1


class Excerpt(Ledger):
    """The entries under some sums themselves; what both lists have is let go of."""

    def __init__(self, places: Collection[int]) -> None:
        self._places = places
        self._owed: dict[bytes, str] = {}
        self._had: dict[bytes, str] = {}

    def owe(self, entry: str, suspect: str) -> None:
        self._match(entry, suspect, self._owed, self._had)

    def have(self, entry: str, suspect: str) -> None:
        self._match(entry, suspect, self._had, self._owed)

    def suspects(self) -> Iterable[str]:
        """Give what is suspect: stale things first, so that they are gone when others are made."""
        return dict.fromkeys((*self._had.values(), *self._owed.values()))

    def _match(
        self, entry: str, suspect: str, mine: dict[bytes, str], theirs: dict[bytes, str]
    ) -> None:
        place, _, digest = _hashed(entry)
        if place in self._places and theirs.pop(digest, None) is None:
            mine[digest] = suspect


def _hashed(entry: str) -> tuple[int, int, bytes]:
    """Give the sum that an entry belongs to, what it adds there, and all of its hash."""
    digest = hashlib.blake2b(entry.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    number = int.from_bytes(digest[:8], "big")
    return int.from_bytes(digest[8:10], "big"), number, digest
