"""Lists in an order that no row is kept in: sorted ones, of several types, found by a lookup.

Page one finds all that match. What outgrows it is remembered as the order of their ids, never a
value, in bookmarks of some thousands each; a later page reads its part of the order and the
resources there. So a list costs O(n) in all, and who is there throughout is on it exactly once,
whatever comes, goes or is renamed beside it.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from scim import ids as identifiers
from scim.call import Call
from scim.errors import ExpiredCursor, TooMany
from scim.handlers.finding import Source, everything, weight
from scim.handlers.pages import Page, Window, bookmark
from scim.handlers.views import matching, views
from scim.match import sort_key
from scim.repository import Stored
from scim.room import PLACE
from scim.side_by_side import side_by_side

MOST = 200_000  # resources that are put in order
_HELD = 1000  # resources that are held as they were found, so that they needn't be read again
_PART = 5000  # ids in a bookmark, below the 1 MiB of a row
_LONGEST_KEY = 100  # characters of a text that are compared: a value may have a million
_LAST = (1,)  # what `sort_key` says of a resource without a value

# Where a resource is: the place of its source among the sources, and its id.
Place = tuple[int, str]


@dataclass(slots=True)
class _Found:
    """All who match, in order once `order` was called."""

    places: list[Place] = field(default_factory=list)
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    held: dict[Place, Stored] = field(default_factory=dict)

    def order(self, *, descending: bool) -> None:
        # Stable in both directions: equal keys stay in the order of types and ids.
        placed = sorted(range(len(self.places)), key=self.keys.__getitem__, reverse=descending)
        self.places = [self.places[each] for each in placed]
        self.keys = []


@dataclass(frozen=True, slots=True)
class Order:
    """One page of a list that is put in order."""

    call: Call
    sources: Sequence[Source]
    window: Window
    purpose: str

    async def page(self) -> Page:
        """Find a page. Raises TooMany, InvalidCursor, ExpiredCursor."""
        call, window = self.call, self.window
        if window.cursor:
            lifetime = call.limits.cursor_lifetime
            position = call.sealer.open(window.cursor, self.purpose, call.now, lifetime)
            return await self._further(position["w"], position["n"], position["o"])
        if window.cursor is None and window.start > 1 and (kept := await self._recall()):
            return await self._further(kept["order"], kept["total"], window.start - 1)
        found = await self._find()
        total, offset = len(found.places), 0 if window.cursor is not None else window.start - 1
        order = ""
        if total > window.size > 0:
            order = await self._remember(found.places)
        chosen = found.places[offset : offset + window.size]
        return await self._page(chosen, found.held, order, total, offset)

    async def _further(self, order: str, total: int, offset: int) -> Page:
        chosen = await self._part(order, offset, min(offset + self.window.size, total))
        return await self._page(chosen, {}, order, total, offset)

    async def _page(
        self, chosen: list[Place], held: dict[Place, Stored], order: str, total: int, offset: int
    ) -> Page:
        following, cursor = offset + len(chosen), None
        if self.window.cursor is not None and chosen and following < total:
            position = {"w": order, "n": total, "o": following}
            cursor = self.call.sealer.seal(position, self.purpose, self.call.now)
        read = {**held, **await self._read([each for each in chosen if each not in held])}
        found = [(self.sources[each[0]].type, read[each]) for each in chosen if each in read]
        return Page(tuple(found), total, cursor)

    async def _read(self, places: Sequence[Place]) -> dict[Place, Stored]:
        """Read resources again; those are left out that are gone, or no longer match."""

        async def one(place: Place) -> Stored | None:
            return await self.call.repository.get(self.sources[place[0]].type, place[1])

        read = await side_by_side(one, places)
        there: dict[Place, Stored] = {}
        for number, source in enumerate(self.sources):
            mine = [each for place, each in read.items() if each and place[0] == number]
            known = await matching(self.call, source.type, mine, source.filter)
            there |= {(number, each.id): each for each in known}
        return there

    async def _find(self) -> _Found:
        found = _Found()
        for number, source in enumerate(self.sources):
            async with aclosing(everything(self.call, source)) as batches:
                async for batch in batches:
                    places = [(number, each.id) for each in batch]
                    await self.call.load.hold(PLACE * len(places))
                    found.places += places
                    found.keys += await self._keys(source, batch)
                    room = max(0, _HELD - len(found.held))
                    await self.call.load.hold(weight(batch[:room]))
                    found.held |= dict(zip(places[:room], batch[:room], strict=True))
                    if len(found.places) > MOST:
                        raise TooMany(
                            f"more than {MOST:,} resources match, too many to put in order: ask"
                            " for one type at a time without sortBy, or add a filter"
                        )
        found.order(descending=any(each.sort and each.descending for each in self.sources))
        return found

    async def _keys(self, source: Source, batch: list[Stored]) -> list[tuple[Any, ...]]:
        path = source.sort
        if path is None:
            return [_LAST] * len(batch)
        seen = await views(self.call, source.type, batch, (path,))
        return [_ranked(sort_key(view, path)) for view in seen]

    async def _remember(self, places: Sequence[Place]) -> str:
        """Keep an order, and that it is the latest one; an equal one is kept once."""
        digest = hashlib.sha256()
        texts = [" ".join(f"{number}:{id}" for number, id in part) for part in _parts(places)]
        for each in texts:
            digest.update(f"{each}\n".encode())
        order = digest.hexdigest()[:32]
        latest = {
            "order": order,
            "total": len(places),
            "born": identifiers.timestamp(self.call.now),
        }
        written = {bookmark(self.purpose, order, n): text for n, text in enumerate(texts)}
        written[self._latest] = json.dumps(latest, separators=(",", ":"))
        await side_by_side(
            lambda name: self.call.repository.remember(name, written[name]), list(written)
        )
        return order

    async def _recall(self) -> dict[str, Any] | None:
        """Read what is known of the latest order, which a page by index is of."""
        text = await self.call.repository.recall(self._latest)
        if text is None:
            return None
        kept: dict[str, Any] = json.loads(text)
        age = self.call.now - datetime.fromisoformat(kept["born"])
        return kept if age <= self.call.limits.cursor_lifetime else None

    async def _part(self, order: str, first: int, last: int) -> list[Place]:
        """Read a part of an order. Raises ExpiredCursor when it is no longer remembered."""
        numbers = range(first // _PART, -(-last // _PART)) if first < last else range(0)
        names = [bookmark(self.purpose, order, number) for number in numbers]
        texts = await side_by_side(self.call.repository.recall, names)
        places: list[Place] = []
        for text in texts.values():
            if text is None:
                raise ExpiredCursor("the list is no longer remembered: start again with page one")
            for each in text.split(" "):
                number, _, id = each.partition(":")
                places.append((int(number), id))
        skipped = numbers.start * _PART
        return places[first - skipped : last - skipped]

    @property
    def _latest(self) -> str:
        return bookmark(self.purpose, self.call.credential)


def _parts(places: Sequence[Place]) -> Iterator[Sequence[Place]]:
    return (places[start : start + _PART] for start in range(0, len(places), _PART))


def _ranked(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Put a kind of value before another: types may define an attribute of one name differently."""
    if key == _LAST:
        return key
    kinds = (bool, int | Decimal, datetime, str)
    rank = next(place for place, kind in enumerate(kinds) if isinstance(key[1], kind))
    value = key[1][:_LONGEST_KEY] if isinstance(key[1], str) else key[1]
    return (key[0], rank, value)
