"""Two ordered streams of rows side by side: what is in one of them, or another one in the other."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from scim.backup.lines import kind
from scim.backup.ports import BackupError, Row

BOOKMARKS = "w"  # a walk's, which doesn't outlive its server


def kept(page: Sequence[Row], last: str) -> list[Row]:
    """Leave out bookmarks. Raises BackupError where there is no order."""
    kept = [each for each in page if kind(each.key) != BOOKMARKS]
    for each in kept:
        if each.key <= last:
            raise BackupError(
                "the store gives its rows in no order, which only Cosmos DB may, and by its own"
                " name (ACCOUNT.table.cosmos.azure.com): use that, or Table Storage"
            )
        last = each.key
    return kept


async def each_row(pages: AsyncGenerator[Sequence[Row]]) -> AsyncGenerator[Row]:
    """Yield the rows of pages, without bookmarks. Raises BackupError where there is no order."""
    last = ""
    async with aclosing(pages):
        async for page in pages:
            for row in kept(page, last):
                last = row.key
                yield row


async def pairs(
    known: AsyncIterator[Row], there: AsyncIterator[Row]
) -> AsyncGenerator[tuple[Row | None, Row | None]]:
    """Yield what is in one of two ordered streams, or in both, key by key."""
    old, new = await anext(known, None), await anext(there, None)
    while old is not None or new is not None:
        before = new is None or (old is not None and old.key <= new.key)
        after = old is None or (new is not None and new.key <= old.key)
        yield old if before else None, new if after else None
        old = await anext(known, None) if before else old
        new = await anext(there, None) if after else new


def key_of(old: Row | None, new: Row | None) -> str:
    """Read the key that a pair has."""
    return old.key if old is not None else new.key if new is not None else ""
