"""Walks: everybody of a type, or everybody who matches a filter that no index serves, by ids.

When a walk begins, everybody who matches is counted once; what later pages need is remembered: in
the cursor itself, or, because a `startIndex` can carry nothing, in a bookmark in the store, which
any worker finds. Pages are cut at ids, not at offsets: who is deleted or created beside the walk
shifts nobody.
"""

import json
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from scim import ids as identifiers
from scim.call import Call
from scim.handlers.finding import Source, identities, one_by_one, stream, weight
from scim.handlers.pages import Page, Window, bookmark
from scim.ranges import BATCH, through
from scim.repository import Stored
from scim.side_by_side import side_by_side

_MOST_MARKS = 200_000
# Pages whose marks lie in one bookmark: a page reads one of some 20 KB, however long the list is.
_PAGES = 512
# Beyond the end of a list, a count holds for so long.
_SETTLED = timedelta(minutes=1)


@dataclass(slots=True)
class _Marks:
    """Who is before each page's first one, of `size`; of very long lists, before some pages'."""

    stride: int
    total: int = 0
    ids: list[str] = field(default_factory=lambda: [""])

    def add(self, ids: Iterable[str]) -> None:
        for id in ids:
            self.total += 1
            if self.total % self.stride == 0:
                self.ids.append(id)
                if len(self.ids) > _MOST_MARKS:
                    self.ids, self.stride = self.ids[::2], 2 * self.stride


@dataclass(frozen=True, slots=True)
class Walk:
    """One page of a walk."""

    call: Call
    source: Source
    window: Window
    purpose: str

    async def by_cursor(self) -> Page:
        """The cursor carries the last id, how many were seen, the total, when the walk began."""
        call, size = self.call, self.window.size
        if self.window.cursor:
            lifetime = call.limits.cursor_lifetime
            position = call.sealer.open(self.window.cursor, self.purpose, call.now, lifetime)
            page = await self._take(position["a"], size, position["b"])
        else:
            rows, marks = await self._begin(size)
            page = rows[:size]
            position = {"n": marks.total, "b": identifiers.timestamp(call.now)}
        seen = position.get("s", 0) + len(page)
        cursor = None
        # Told from the numbers: to look for one more would cost a call for each page of 1,000. Who
        # was deleted meanwhile may make the last page an empty one (RFC 9865 §2.1).
        if page and len(page) == size and seen < position["n"]:
            following = {"a": page[-1].id, "s": seen, "n": position["n"], "b": position["b"]}
            cursor = call.sealer.seal(following, self.purpose, call.now)
        return self._page(page, position["n"], cursor)

    async def by_index(self) -> Page:
        """Page one counts and leaves a bookmark; the others begin where it says."""
        start, size = self.window.start, self.window.size
        if start == 1:
            rows, begun = await self._begin(size)
            if begun.total > size > 0:
                await self._remember(begun)
            return self._page(rows[:size], begun.total)
        kept = await self._recall(self._part)
        if kept is None and self._part:
            # Beyond the end there is no bookmark: the first one says where that is.
            first = await self._recall(0)
            kept = first if first and start > first["total"] else None
        if kept and start > kept["total"] and self._age(kept) > _SETTLED:
            kept = None  # by now there may be so many: who begins in the middle learns of them
        if kept is None:
            parts = await self._remember(await self._count(_Marks(max(size, 1))))
            kept = parts[min(self._part, len(parts) - 1)]
        total, stride, marks = kept["total"], kept["stride"], kept["marks"]
        if start > total or size == 0:
            return self._page([], total)
        place, skip = divmod(start - 1, stride)
        place -= kept["first"]
        if skip == 0 and size == stride:
            # Such a page ends where the next begins, though some of it be deleted meanwhile.
            until = marks[place + 1] if place + 1 < len(marks) else None
            rows = await self._take(marks[place], None, kept["born"], until)
            return self._page(_oldest(rows, size), total)
        rows = await self._take(marks[place], skip + size, kept["born"])
        return self._page(rows[skip:], total)

    def _page(self, rows: list[Stored], total: int, cursor: str | None = None) -> Page:
        found = tuple((self.source.type, each) for each in rows)
        return Page(found, total, cursor, contiguous=self.source.filter is None)

    async def _begin(self, size: int) -> tuple[list[Stored], _Marks]:
        """Read the first rows, one more than a page, and count all; one round trip if one page."""
        marks = _Marks(max(size, 1))
        if self.source.filter is None:
            rows = await self._take("", size + 1, None) if size else []
            # Who came or went between the two reads must not move the end of the page.
            marks.add(each.id for each in rows[:size])
            if not size or len(rows) > size:
                await self._count(marks, after=rows[size - 1].id if rows else "")
            return rows, marks
        rows = []
        async with aclosing(stream(self.call, self.source)) as batches:
            async for batch in batches:
                marks.add(each.id for each in batch)
                kept = batch[: size + 1 - len(rows)]
                await self.call.load.hold(weight(kept))
                rows += kept
        return rows, marks

    async def _count(self, marks: _Marks, after: str = "") -> _Marks:
        async with aclosing(identities(self.call, self.source, after)) as batches:
            async for batch in batches:
                marks.add(batch)
        return marks

    async def _take(
        self, after: str, size: int | None, born: str | None, until: str | None = None
    ) -> list[Stored]:
        """Read at most `size` rows after an id, up to `until`, created before the walk began."""
        rows: list[Stored] = []
        before = through(until) if until is not None else ""
        if self.source.filter is None:
            likely = self.window.size + 1 if size is None else size
            found = one_by_one(self.call, self.source, after, before, min(likely, BATCH))
        else:
            found = stream(self.call, self.source, after, before)
        async with aclosing(found) as batches:
            async for batch in batches:
                known = [each for each in batch if born is None or _created(each) <= born]
                await self.call.load.hold(weight(known))
                rows += known
                if size is not None and len(rows) >= size:
                    return rows[:size]
        return rows

    @property
    def _part(self) -> int:
        """Which of the walk's bookmarks has this page."""
        return (self.window.start - 1) // (_PAGES * max(self.window.size, 1))

    def _name(self, part: int) -> str:
        # Whoever else walks has another token, mostly, and must not move this one's marks.
        return bookmark(self.purpose, self.window.size, self.call.credential, part)

    async def _remember(self, marks: _Marks) -> list[dict[str, Any]]:
        """Keep the marks, so many in a bookmark; each has all that a page of it needs."""
        length = _PAGES * max(self.window.size, 1)
        ends = marks.ids[: max(1, -(-marks.total // marks.stride))]
        parts = [
            {
                "total": marks.total,
                "born": identifiers.timestamp(self.call.now),
                "stride": marks.stride,
                "first": begin // marks.stride,
                # One more than its pages begin at: where the last one ends.
                "marks": ends[begin // marks.stride : -(-(begin + length) // marks.stride) + 1],
            }
            for begin in range(0, max(marks.total, 1), length)
        ]

        async def write(part: int) -> None:
            text = json.dumps(parts[part], separators=(",", ":"))
            await self.call.repository.remember(self._name(part), text)

        await side_by_side(write, range(len(parts)))
        return parts

    async def _recall(self, part: int) -> dict[str, Any] | None:
        text = await self.call.repository.recall(self._name(part))
        kept: dict[str, Any] = json.loads(text) if text else {}
        if not kept:
            return None
        return kept if self._age(kept) <= self.call.limits.cursor_lifetime else None

    def _age(self, kept: dict[str, Any]) -> timedelta:
        return self.call.now - datetime.fromisoformat(kept["born"])


def _oldest(rows: list[Stored], size: int) -> list[Stored]:
    """Leave out who is too much on a page: who was written after the walk had counted.

    Such a creation had begun before the walk did, so `born` does not tell.
    """
    if len(rows) <= size:
        return rows
    return sorted(sorted(rows, key=_created)[:size], key=lambda each: each.id)


def _created(stored: Stored) -> str:
    return str(stored.resource["meta"]["created"])
