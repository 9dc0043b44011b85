"""Reading many rows of one range: side by side, or in ranges where they lie close together.

A range of 1,000 rows is one call, and costs the CPU time of 25 point reads. So of 10,000 members in
a directory of 100,000 people, a hundred ranges tell who exists, in place of 10,000 calls.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing

from scim.ranges import through
from scim.side_by_side import side_by_side
from storage import keys
from storage.client import PAGE, Partition, Row

_FEW = 100  # are read one by one in any case
_DENSE = 25  # rows of a page that are wanted: ranges cost less then
_HELD = 800  # rows of a range, about: so few that nearly each one is one page
_AT_ONCE = 8  # ranges


async def pick(
    partition: Partition, prefix: str, ids: Collection[str], *, select: Sequence[str]
) -> Mapping[str, Row]:
    """Read the rows `{prefix}{id}` that exist, by key; the columns include RowKey."""
    wanted = {f"{prefix}{id}" for id in ids}
    if len(wanted) <= _FEW:
        return await partition.get_all(wanted, select=select)
    found, read, last = dict[str, Row](), 0, prefix
    # The first page tells how close together they lie; often it is all that there is.
    async with aclosing(partition.pages(*keys.below(prefix), select=select)) as pages:
        while read < PAGE:
            page = await anext(pages, None)
            if page is None:
                return found
            found |= {row.key: row for row in page if row.key in wanted}
            read, last = read + len(page), page[-1].key if page else last
    left = sorted(each for each in wanted if each > last)
    seen = len(wanted) - len(left)
    if not left or seen * PAGE < _DENSE * read:
        return found | await partition.get_all(left, select=select)
    number = max(1, seen * _HELD // read)  # of those who are left, in a range
    ends = [through(each) for each in [*left[:-1][number - 1 :: number], left[-1]]]

    async def between(place: int) -> list[Row]:
        after = ends[place - 1] if place else last
        rows = await partition.range(after, ends[place], select=select)
        return [row for row in rows if row.key in wanted]

    parts = await side_by_side(between, range(len(ends)), most=_AT_ONCE)
    return found | {row.key: row for part in parts.values() for row in part}
