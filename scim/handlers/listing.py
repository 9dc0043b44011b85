"""Pages of a list, by index (RFC 7644 §3.4.2.4) and by cursor (RFC 9865).

No page costs a scan from the start.

A *walk* reads everybody, page by page. When it begins, everybody who matches is counted once; what
later pages need is remembered: in the cursor itself, or, because a `startIndex` can carry nothing,
in a bookmark in the store, which any worker finds. Pages are cut at ids, not at offsets: who is
deleted or created beside the walk shifts nobody.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from scim import ids as identifiers
from scim.call import Call
from scim.handlers.finding import BATCH, Source, everything, stream
from scim.handlers.views import views
from scim.match import sort_key
from scim.planning import narrow
from scim.repository import Stored
from scim.schema import ResourceType

_MOST_MARKS = 10_000
_LAST = (1,)  # what `sort_key` says of a resource without a value


@dataclass(frozen=True, slots=True)
class Window:
    """The page that is asked for: `size` resources from `start`, or from a cursor.

    `start` counts from 1; an empty cursor begins a walk, None asks for index paging.
    """

    start: int
    size: int
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page; `contiguous`: no other resource of the type has an id between those on it."""

    found: tuple[tuple[ResourceType, Stored], ...]
    total: int
    next_cursor: str | None = None
    contiguous: bool = False


async def first_to_last(call: Call, sources: Sequence[Source], window: Window) -> Page:
    """Find a page of everything that the sources offer."""
    purpose = "|".join([call.directory.id, *(str(each) for each in sources)])
    if len(sources) == 1 and sources[0].sort is None:
        [source] = sources
        lookup = narrow(source.filter, source.type) if source.filter is not None else None
        if lookup is None:
            walk = _Walk(call, source, window, purpose)
            return await (walk.by_index() if window.cursor is None else walk.by_cursor())
    return await _sliced(call, sources, window, purpose)


async def _sliced(call: Call, sources: Sequence[Source], window: Window, purpose: str) -> Page:
    """Find everything, order it, cut the page out: lookups, sorted lists, several types at once."""
    found: list[tuple[Any, ResourceType, Stored]] = []
    for source in sources:
        matched = await everything(call, source)
        if source.sort is None:
            found += [(_LAST, source.type, stored) for stored in matched]
            continue
        path = source.sort
        seen = await views(call, source.type, matched, (path,))
        found += [
            (_ranked(sort_key(view, path)), source.type, stored)
            for view, stored in zip(seen, matched, strict=True)
        ]
    if any(source.sort for source in sources):
        # Stable in both directions, so pages of equal keys don't overlap.
        found.sort(key=lambda each: each[0], reverse=sources[0].descending)
    offset = window.start - 1
    if window.cursor:
        offset = int(_open(call, window.cursor, purpose)["o"])
    page = found[offset : offset + window.size]
    following = offset + len(page)
    cursor = None
    if window.cursor is not None and page and following < len(found):
        cursor = call.sealer.seal({"o": following}, purpose, call.now)
    return Page(tuple((type, stored) for _, type, stored in page), len(found), cursor)


def _oldest(rows: list[Stored], size: int) -> list[Stored]:
    """Leave out who is too much on a page: who was written after the walk had counted.

    Such a creation had begun before the walk did, so `born` does not tell.
    """
    if len(rows) <= size:
        return rows
    oldest = sorted(rows, key=lambda each: str(each.resource["meta"]["created"]))[:size]
    return sorted(oldest, key=lambda each: each.id)


def _ranked(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Put a kind of value before another: types may define an attribute of one name differently."""
    if key == _LAST:
        return key
    kinds = (bool, int | Decimal, datetime, str)
    rank = next(place for place, kind in enumerate(kinds) if isinstance(key[1], kind))
    return (key[0], rank, *key[1:])


def _open(call: Call, cursor: str, purpose: str) -> dict[str, Any]:
    return call.sealer.open(cursor, purpose, call.now, call.limits.cursor_lifetime)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One page of a walk over everybody, or everybody who matches a filter that no index serves."""

    call: Call
    source: Source
    window: Window
    purpose: str

    async def by_cursor(self) -> Page:
        """The cursor carries the last id seen, the total, and when the walk began."""
        call, size = self.call, self.window.size
        if self.window.cursor:
            position = _open(call, self.window.cursor, self.purpose)
            rows = await self._take(position["a"], size + 1, position["b"])
        else:
            rows, ids = await self._begin(size)
            position = {"n": len(ids), "b": identifiers.timestamp(call.now)}
        page, more = rows[:size], len(rows) > size
        cursor = None
        if page and more:
            following = {"a": page[-1].id, "n": position["n"], "b": position["b"]}
            cursor = call.sealer.seal(following, self.purpose, call.now)
        return self._page(page, position["n"], cursor)

    async def by_index(self) -> Page:
        """Page one counts and leaves a bookmark; the others begin where it says."""
        start, size = self.window.start, self.window.size
        if start == 1:
            rows, ids = await self._begin(size)
            if len(ids) > size > 0:
                await self._remember(ids)
            return self._page(rows[:size], len(ids))
        bookmark = await self._recall()
        if bookmark is None:
            bookmark = await self._remember([each async for each in self._ids()])
        total, stride = bookmark["total"], bookmark["stride"]
        place, skip = divmod(start - 1, stride)
        if start > total or size == 0:
            return self._page([], total)
        marks = bookmark["marks"]
        if skip == 0 and size == stride:
            # Such a page ends where the next begins, though some of it be deleted meanwhile.
            until = marks[place + 1] if place + 1 < len(marks) else None
            rows = await self._take(marks[place], None, bookmark["born"], until)
            return self._page(_oldest(rows, size), total)
        rows = await self._take(marks[place], skip + size, bookmark["born"])
        return self._page(rows[skip:], total)

    def _page(self, rows: list[Stored], total: int, cursor: str | None = None) -> Page:
        found = tuple((self.source.type, each) for each in rows)
        return Page(found, total, cursor, contiguous=self.source.filter is None)

    async def _begin(self, size: int) -> tuple[list[Stored], list[str]]:
        """Read the first rows, one more than a page, and all ids; one round trip if one page."""
        if self.source.filter is None:
            rows = await self._take("", size + 1, None) if size else []
            shown = [each.id for each in rows[:size]]
            if 0 < len(rows) <= size:
                return rows, shown
            ids = await self.call.repository.ids(self.source.type)
            # Who came or went between the two reads must not move the end of the page.
            return rows, shown + [each for each in ids if not shown or each > shown[-1]]
        rows, ids = [], []
        async for stored in stream(self.call, self.source, ""):
            ids.append(stored.id)
            if len(rows) <= size:
                rows.append(stored)
        return rows, ids

    async def _ids(self) -> AsyncIterator[str]:
        if self.source.filter is None:
            for id in await self.call.repository.ids(self.source.type):
                yield id
            return
        async for stored in stream(self.call, self.source, ""):
            yield stored.id

    async def _take(
        self, after: str, size: int | None, born: str | None, until: str | None = None
    ) -> list[Stored]:
        """Read at most `size` rows after an id, up to `until`, created before the walk began."""
        rows: list[Stored] = []
        likely = self.window.size + 1 if size is None else size
        asked = min(likely, BATCH) if self.source.filter is None else BATCH
        async with aclosing(stream(self.call, self.source, after, asked)) as found:
            async for stored in found:
                if len(rows) == size or (until is not None and stored.id > until):
                    break
                if born is None or stored.resource["meta"]["created"] <= born:
                    rows.append(stored)
                if len(rows) == size or stored.id == until:
                    break
        return rows

    @property
    def _name(self) -> str:
        # Whoever else walks has another token, mostly, and must not move this one's marks.
        text = f"{self.purpose}#{self.window.size}#{self.call.credential}"
        return hashlib.sha256(text.encode()).hexdigest()[:40]

    async def _remember(self, ids: list[str]) -> dict[str, Any]:
        """Keep the id before each page's first one; of very long lists, before some pages'."""
        size = max(self.window.size, 1)
        stride = size * max(1, -(-len(ids) // (size * _MOST_MARKS)))
        bookmark = {
            "total": len(ids),
            "born": identifiers.timestamp(self.call.now),
            "stride": stride,
            "marks": ["", *(ids[place - 1] for place in range(stride, len(ids), stride))],
        }
        await self.call.repository.remember(self._name, json.dumps(bookmark, separators=(",", ":")))
        return bookmark

    async def _recall(self) -> dict[str, Any] | None:
        text = await self.call.repository.recall(self._name)
        bookmark: dict[str, Any] = json.loads(text) if text else {}
        if not bookmark:
            return None
        age = self.call.now - datetime.fromisoformat(bookmark["born"])
        return bookmark if age <= self.call.limits.cursor_lifetime else None
