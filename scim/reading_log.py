"""Reading a directory's log: which entries are wanted, and waiting for new ones.

Ids are in the order of time, so since and until are a range of ids and cost nothing. All else is
looked at entry by entry.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from scim import ids
from scim.journal import Entry, Journal

# An entry's id is made when its request begins, and its row is written later, by another machine
# with another clock: it may turn up among earlier ones.
LATE = timedelta(minutes=2)
PAUSE = 2.0  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted; what is empty wants all.

    `status` is one (`409`) or a class of them (`4xx`). `operation` is a part of it in any letter
    case: `PATCH`, `/Groups`. The others are whole ids. `since` is inside, `until` outside.
    """

    status: str = ""
    operation: str = ""
    resource: str = ""
    credential: str = ""
    request: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, entry: Entry) -> bool:
        """Tell whether an entry is wanted, by all but its time."""
        exact = (
            (self.resource, entry.resource),
            (self.credential, entry.credential),
            (self.request, entry.request),
        )
        return (
            (not self.status or _has_status(entry, self.status))
            and self.operation.lower() in entry.operation.lower()
            and all(wanted in ("", found) for wanted, found in exact)
        )

    @property
    def range(self) -> tuple[str, str]:
        """The ids between which it lies, empty where there is no end."""
        return (
            ids.first_id(self.since) if self.since else "",
            ids.first_id(self.until) if self.until else "",
        )


async def read(journal: Journal, wanted: Wanted) -> AsyncGenerator[Entry]:
    """Yield the entries that are wanted, in the order of time."""
    after, before = wanted.range
    async for entry in journal.entries(after, before):
        if wanted.fits(entry):
            yield entry


async def follow(
    journal: Journal,
    wanted: Wanted,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
) -> AsyncGenerator[Entry]:
    """Yield the entries that are wanted as they turn up, each once, until `until` is past.

    What was there comes first. What turns up more than two minutes after its request began is
    missed.
    """
    after, before = wanted.range
    seen: set[str] = set()
    while True:
        now = clock()
        async for entry in journal.entries(after, before):
            if entry.id not in seen:
                seen.add(entry.id)
                if wanted.fits(entry):
                    yield entry
        if wanted.until is not None and now >= wanted.until + LATE:
            return
        after = max(after, ids.first_id(now - LATE))
        seen = {id for id in seen if id > after}
        await sleep(PAUSE)


def _has_status(entry: Entry, wanted: str) -> bool:
    digits = f"{entry.status:03}"
    return len(wanted) == len(digits) and all(
        each in ("x", digit) for each, digit in zip(wanted.lower(), digits, strict=True)
    )
