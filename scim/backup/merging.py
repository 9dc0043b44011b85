"""The rounds of a backup as one: each row as the last round that wrote it left it, by key."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing

from scim.backup.lines import parsed
from scim.backup.manifest import Part
from scim.backup.parts import lines
from scim.backup.ports import Damaged, Row, Shelf


async def rows(
    shelf: Shelf, folder: str, parts: Sequence[Part], after: str = ""
) -> AsyncGenerator[Row]:
    """Yield the rows of some rounds in the order of their keys, without those that are gone.

    Raises Damaged.
    """
    async with AsyncExitStack() as stack:
        streams: list[AsyncIterator[Row]] = []
        for round in sorted({each.round for each in parts if each.kind == "rows"}):
            own = [
                each
                for each in parts
                if each.kind == "rows" and each.round == round
                # Who goes on far behind need not read all that is before once more.
                if not each.last or each.last > after
            ]
            stream = _round(shelf, folder, own)
            streams.append(await stack.enter_async_context(aclosing(stream)))
        async for row in merged(streams):
            if row.values is not None and row.key > after:
                yield row


async def merged(streams: Sequence[AsyncIterator[Row]]) -> AsyncGenerator[Row]:
    """Yield the rows of sorted streams in order, each key once: as the last stream has it."""
    heads = [await anext(each, None) for each in streams]
    while any(head is not None for head in heads):
        key = min(head.key for head in heads if head is not None)
        found: Row | None = None
        for place, head in enumerate(heads):
            if head is not None and head.key == key:
                found = head
                heads[place] = await anext(streams[place], None)
        assert found is not None  # noqa: S101 - one of them has the least key
        yield found


async def _round(shelf: Shelf, folder: str, parts: Sequence[Part]) -> AsyncGenerator[Row]:
    last, ordered = "", len({each.round for each in parts}) == 1
    for part in parts:
        async with aclosing(lines(shelf, folder, part)) as found:
            async for each in found:
                row = parsed(each)
                if ordered and row.key <= last:
                    raise Damaged(f"the backup is damaged: {part.name}: its rows are in no order")
                last = row.key
                yield row
