"""Memory: what the requests of this process hold between them, whatever they ask for.

An answer is sent whole, so all that it shows is held at once. A request tells what it holds as it
reads, page by page, in bytes that are estimated generously. A little is each request's own; more
comes out of what all share. Who needs more than a part of that, or finds it used up, goes on alone:
one request at a time, while others wait with what they have, and the directories take turns. The
one that goes on waits for no room, so that all come to their end. Who waits too long is 503 with
Retry-After; what there is no room for at all is refused. No directory has all that is shared.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from scim.errors import TooMany, Unavailable
from scim.limits import LARGEST_BODY

_MB = 1_000_000
OWN = _MB // 2  # that each request holds without asking
SHARED = 48 * _MB  # that all requests hold between them beyond that
PART = 24 * _MB  # of it, for one of them
EACH = 32 * _MB  # of it, for those of one directory: the rest is always left to others
MOST = 160 * _MB  # for one request in all
BODIES = 32 * _MB  # of requests that are here, those that wait for their turn included
ALL_BODIES = 64 * _MB  # when one comes that is small, or that nobody will parse
PATIENCE = 20.0  # seconds that a request waits for room at most

# What things weigh, in bytes, as they are held and as they are written into an answer.
MEMBER = 350
BODY = 4  # for each byte of a request; while it is parsed it is four times that, of one at a time
EDIT = 400  # for each member that a request names, while it is written
CHARACTER = 6  # of a resource's JSON
RESOURCE = 4_000  # beside its characters
LIKELY = 8_000  # one that nobody has read yet
PLACE = 350  # in a list that is put in order: an id, and the value to sort by


@dataclass(slots=True)
class Room:
    """What there is for all requests: bytes; `patience` is in seconds."""

    shared: int = SHARED
    part: int = PART
    each: int = EACH
    most: int = MOST
    bodies: int = BODIES
    all_bodies: int = ALL_BODIES
    patience: float = PATIENCE
    used: int = 0
    _used: dict[str, int] = field(default_factory=dict)  # of it, by directory
    _bodies: int = 0
    _loads: int = 0
    _alone: "Load | None" = None
    _last: str = ""  # whose request went on alone last
    _waiting: "list[_Waiting]" = field(default_factory=list)

    @contextmanager
    def body(self, size: int) -> Iterator[None]:
        """Count a body, which is here before anybody is asked. Raises Unavailable.

        One that is alone is never refused, however large: who sent it is told what is wrong.
        """
        limit = self.bodies if OWN < size <= LARGEST_BODY else self.all_bodies
        if self._bodies and self._bodies + size > limit:
            raise Unavailable(
                "too many large requests are here at once: send it again, or fewer at a time",
                retry_after=5,
            )
        self._bodies += size
        try:
            yield
        finally:
            self._bodies -= size

    @contextmanager
    def load(self, directory: str) -> Iterator["Load"]:
        """Give a request what it says with how much it holds; in the end all of that is free.

        What of it still runs then holds no more: nobody would give that back.
        """
        self._loads += 1
        load = Load(self, directory, self._loads)
        try:
            yield load
        finally:
            for each in self._waiting:
                if each.load is load:
                    each.turn.cancel()
            load.free(load.held)
            load.room = None

    async def take(self, load: "Load", more: int) -> None:
        """Let a request hold more, when there is room. Raises TooMany, Unavailable."""
        if load.held + more > self.most:
            raise TooMany(
                "this is more than the service holds at once: ask for fewer resources with count,"
                " leave out what is large with excludedAttributes, or send less in one request"
            )
        if self._admit(load, more):
            return
        loop = asyncio.get_running_loop()
        place, since = _Waiting(load, more, loop.create_future()), loop.time()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(self.patience):
                await place.turn
        except TimeoutError as error:
            raise Unavailable(
                "other large requests use the memory that the service has for them: send it again,"
                " or ask for less at once",
                retry_after=5,
            ) from error
        finally:
            load.waited += loop.time() - since
            self._waiting.remove(place)

    def give_back(self, load: "Load") -> None:
        """Take back what a request holds no longer, and let others go on."""
        beyond = max(load.held - OWN, 0)
        if beyond <= load.charged:
            self._charge(load, beyond - load.charged)
            if self._alone is load:
                self._alone = None
        # In the order in which the requests came, but who went on alone last comes last.
        for each in sorted(self._waiting, key=self._order):
            if not each.turn.done() and self._admit(each.load, each.more):
                each.turn.set_result(None)

    def _order(self, waiting: "_Waiting") -> tuple[bool, int]:
        return waiting.load.directory == self._last, waiting.load.number

    def fits(self, load: "Load", more: int) -> bool:
        """Tell whether a request may hold more out of what all share."""
        missing = self._missing(load, more)
        return (
            load.charged + missing <= self.part
            and self._used.get(load.directory, 0) + missing <= self.each
            and self.used + missing <= self.shared
        )

    def lend(self, load: "Load", more: int) -> bool:
        """Let a request hold more if all share so much now."""
        if not self.fits(load, more):
            return False
        self._charge(load, self._missing(load, more))
        load.held += more
        return True

    def _missing(self, load: "Load", more: int) -> int:
        return max(load.held + more - OWN - load.charged, 0)

    def _charge(self, load: "Load", more: int) -> None:
        self.used += more
        load.charged += more
        self._used[load.directory] = self._used.get(load.directory, 0) + more
        if not self._used[load.directory]:
            del self._used[load.directory]

    def _admit(self, load: "Load", more: int) -> bool:
        """Let a request hold more if there is room now."""
        if self.lend(load, more):
            return True
        if self._alone not in (None, load):
            return False
        self._alone, self._last = load, load.directory
        load.held += more
        return True


@dataclass(slots=True, eq=False)
class Load:
    """What one request holds: bytes; without a room, as much as it likes."""

    room: Room | None = None
    directory: str = ""
    number: int = 0  # of the request
    held: int = 0
    charged: int = 0  # of it, out of what all share
    waited: float = 0.0  # seconds, for other requests

    async def hold(self, more: int) -> None:
        """Say that it holds more, before it does or right after. Raises TooMany, Unavailable."""
        if self.room is not None:
            await self.room.take(self, more)

    def fits(self, more: int) -> bool:
        """Tell whether it may hold more without waiting for others, or going on alone."""
        return self.room is None or self.room.fits(self, more)

    def spare(self, more: int) -> bool:
        """Hold more if there is room to share, and tell whether there was: for what can wait."""
        return self.room is None or self.room.lend(self, more)

    def free(self, less: int) -> None:
        """Say that it holds less."""
        if self.room is not None:
            self.held -= less
            self.room.give_back(self)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Free in the end what was held within: by one step after another."""
        before = self.held
        try:
            yield
        finally:
            self.free(self.held - before)


@dataclass(slots=True, eq=False)
class _Waiting:
    load: Load
    more: int
    turn: asyncio.Future[None]
