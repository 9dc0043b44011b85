"""Reading by key where the store keeps no order: Cosmos DB for Table.

It filters by ranges of keys as Table Storage does, and gives what it finds in an order of its own
(learn.microsoft.com/azure/cosmos-db/table/faq); `$orderby` it does not know. So a range that
outgrows a page is halved at the middle key of those that came, until a part fits a page, which is
sorted and handed on. Then the next part has its turn.

Each half holds half of what was read to find the middle, or more, in whichever order rows come. So
a whole range costs at most three times the rows that are in it, and four times the calls of an
ordered one; of rows that come in no order of their keys, the nearest page costs one call for each
halving. Held is what two pages hold, however long the range is.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Protocol, TypeVar

from scim.ranges import through

_FEWEST = 100  # rows that are read at a time, however few are asked for: halving goes by them
_LARGEST = 4_000_000  # characters that are held; a row has up to 480,000


class Keyed(Protocol):
    """A row."""

    @property
    def key(self) -> str: ...

    @property
    def values(self) -> Any: ...


T = TypeVar("T", bound=Keyed)
# Pages of the rows between two keys, each with whether another may follow; and how large they are.
Read = Callable[[str, str, int], AsyncGenerator[tuple[list[T], bool], None]]


def is_unsorted(url: str) -> bool:
    """Tell from an account's URL whether it is Cosmos DB, by the names that the SDK goes by."""
    host = url.partition("://")[2].partition("/")[0]
    return ".table.cosmos." in host or ".table.cosmosdb." in host


async def in_order(
    read: Read[T], after: str, before: str, size: int
) -> AsyncGenerator[tuple[list[T], bool], None]:
    """Read the same rows by key, at most `size` in a page."""
    most = max(size, _FEWEST)
    ends = [before]  # of the parts that are left, the nearest one last
    while ends:
        rows, more = await _held(read(after, ends[-1], most), most)
        rows.sort(key=lambda each: each.key)
        if more:
            ends.append(through(rows[(len(rows) - 1) // 2].key))
            continue
        after = ends.pop()
        for start in range(0, len(rows), size):
            yield rows[start : start + size], True


async def _held(
    pages: AsyncGenerator[tuple[list[T], bool], None], most: int
) -> tuple[list[T], bool]:
    """Read on until there is no more, or as much as may be held; tell which."""
    held: list[T] = []
    characters, more = 0, False
    async with aclosing(pages):
        async for page, more in pages:  # noqa: B007 - the last one counts
            held += page
            characters += sum(
                len(value) for row in page for value in row.values.values() if type(value) is str
            )
            if len(held) > 1 and (len(held) >= most or characters >= _LARGEST):
                break
    return held, more
