"""Other rules for a directory that has resources, beside its traffic.

Workers know a record for up to a minute, and requests go on with it (`scim/deadlines.py`), so its
steps are such that those of two records that follow each other do no harm to one another (as in Rae
et al., "Online, Asynchronous Schema Change in F1", VLDB 2013):

1. `next` is recorded. Whoever writes claims and indexes for both rules, and looks up by nothing
   that the new rules have not. Once everybody does, what exists is claimed and indexed, too.
2. The new rules are the rules, and the old ones `previous`. Once nobody knows others, what only the
   old ones needed is swept.

A claim counts only as long as its owner holds the value, so a stale one keeps nobody from anything.
Rules that are given up become `previous` as well. It can break off anywhere: the record says what
is left to do, and the same command does it.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from scim.conflicts import Conflict, Conflicts, check_spelling, differ, examine, new_paths
from scim.deadlines import SETTLED
from scim.directory import Directory
from scim.errors import Unavailable
from scim.keys import claims, indexes
from scim.match import values_at
from scim.registry import NoRecord, Registry
from scim.repository import Gone, Repository, Stale, Stored, Taken
from scim.revival import sought
from scim.rules import Rules
from scim.schema import Path, ResourceType
from scim.side_by_side import side_by_side

BOOKMARK = "reindexing"
_BATCH = 100  # resources that are indexed between two bookmarks
_TRIES = 20

Wait = Callable[[float], Awaitable[None]]
Progress = Callable[[int, int], None]


class UnderWay(Exception):
    """Other rules are being introduced; complete or abandon them first."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done: resources that were looked at, those that were indexed, rows that were swept.

    `lacking` counts the resources that lack what is required from now on, by attribute
    (`User.name.givenName`); they stay as they are until somebody writes that attribute.
    """

    resources: int = 0
    indexed: int = 0
    removed: int = 0
    lacking: Mapping[str, int] = field(default_factory=dict)


async def change_rules(
    registry: Registry,
    repository: Repository,
    directory: Directory,
    rules: Rules,
    *,
    wait: Wait,
    progress: Progress = lambda done, total: None,  # noqa: ARG005 - nobody looks
    changed: Mapping[str, Any] | None = None,
) -> Outcome:
    """Give a directory other rules; `changed` is what else of its record changes with them.

    `wait` sleeps; `progress` is told how many resources are done, and how many there are. Raises
    Conflicts, and then everything is as before; UnderWay, ValueError, NoRecord. What broke off is
    completed by the same call.
    """
    work = _Work(registry, repository, directory, wait, progress)
    record = await work.record()
    check_spelling(record.rules.catalog, rules.catalog)
    if record.next is not None and record.next != rules:
        raise UnderWay
    removed = 0
    if record.previous is not None:
        removed = await work.sweep(record)
        record = await work.record()
    more = dict(changed or {})
    if record.next is None and record.rules == rules:
        await work.write(lambda now: _unless_moved(now, record).having(rules, **more))
        return Outcome(removed=removed)
    findings = await examine(repository, record.rules.catalog, rules.catalog)
    if findings.conflicts:
        if record.next is not None:
            await work.abandon(rules)
        raise Conflicts(findings.conflicts, findings.total)
    total, lacking = findings.resources.total(), dict(findings.lacking)
    if record.next is None and not differ(record.rules.catalog, rules.catalog):
        await work.write(lambda now: _unless_moved(now, record).having(rules, **more))
        return Outcome(total, 0, removed, lacking)
    if record.next is None:
        await repository.remember(BOOKMARK, "")
        record = await work.write(
            lambda now: _unless_moved(now, record).having(record.rules, next=rules)
        )
    await wait(SETTLED)
    try:
        indexed = await work.index(record, rules, total)
    except Conflicts:
        await work.abandon(rules)
        raise
    record = await work.write(lambda now: _switched(now, rules, more))
    if record.previous is not None:
        removed += await work.sweep(record)
    return Outcome(total, indexed, removed, lacking)


async def abandon(
    registry: Registry,
    repository: Repository,
    directory: Directory,
    *,
    wait: Wait,
    progress: Progress = lambda done, total: None,  # noqa: ARG005 - nobody looks
) -> Outcome:
    """Give up rules that are being introduced; what was made for them is swept."""
    work = _Work(registry, repository, directory, wait, progress)
    return Outcome(removed=await work.abandon((await work.record()).next))


@dataclass(frozen=True, slots=True)
class _Work:
    """The change of one directory's rules."""

    registry: Registry
    repository: Repository
    directory: Directory
    wait: Wait
    progress: Progress

    async def record(self) -> Directory:
        """Read the record as it is now."""
        found = await self.registry.directory_named(self.directory.name)
        if found is None or found.id != self.directory.id:
            raise NoRecord
        return found

    async def write(self, change: Callable[[Directory], Directory]) -> Directory:
        def unless_it_moves(now: Directory) -> Directory:
            if now.moving is not None:  # our repository is where it was
                raise UnderWay
            return change(now)

        return await self.registry.change_directory(self.directory.id, unless_it_moves)

    async def index(self, record: Directory, rules: Rules, total: int) -> int:
        """Claim and index what exists; goes on where it broke off. Raises Conflicts, UnderWay."""
        types = rules.catalog.resource_types
        mark = json.loads(await self.repository.recall(BOOKMARK) or "{}")
        done, indexed = mark.get("done", 0), 0
        names = [each.name for each in types]
        begun = names.index(mark["type"]) if mark.get("type") in names else 0
        for place, type in enumerate(types[begun:]):
            job = _Job(self.repository, record.rules.catalog.named(type.name), type)
            after = mark.get("after", "") if place == 0 else ""
            async for batch in self.repository.scan(type, after=after):
                for start in range(0, len(batch), _BATCH):
                    some = batch[start : start + _BATCH]
                    await self._go_on(rules)
                    indexed += await job.index(some)
                    done += len(some)
                    self.progress(min(done, total), total)
                    where = {"type": type.name, "after": some[-1].id, "done": done}
                    await self.repository.remember(BOOKMARK, json.dumps(where))
            await job.bury()
        self.progress(total, total)
        return indexed

    async def _go_on(self, rules: Rules) -> None:
        """Stop when somebody abandoned the rules meanwhile. Raises UnderWay."""
        now = await self.record()
        if rules not in (now.next, now.rules):
            raise UnderWay

    async def abandon(self, rules: Rules | None) -> int:
        """Give rules up that were to come, and sweep."""

        def given_up(now: Directory) -> Directory:
            if rules is None or now.next != rules:
                return now
            return now.having(now.rules, next=None, previous=now.next)

        return await self.sweep(await self.write(given_up))

    async def sweep(self, record: Directory) -> int:
        """Remove what only rules of before need, and forget these; how many rows that were."""
        if record.previous is None:
            return 0
        await self.wait(SETTLED)
        removed = 0
        for type in record.rules.catalog.resource_types:
            async for some in self.repository.leftovers(type):
                # What nobody needs may be what others have begun to introduce since.
                if _ruling(await self.record()) != _ruling(record):
                    return removed
                removed += await self.repository.unindex(type, some)
        await self.write(
            lambda now: (
                now.having(now.rules, previous=None) if _ruling(now) == _ruling(record) else now
            )
        )
        return removed


@dataclass(frozen=True, slots=True)
class _Job:
    """Indexing what exists of one type, from its old definition, if there was one, to a new one."""

    repository: Repository
    old: ResourceType | None
    new: ResourceType

    async def index(self, batch: Sequence[Stored]) -> int:
        """Index resources side by side; how many had to be. Raises Conflicts."""
        paths = new_paths(self.old, self.new)
        known = {each.id: each for each in batch}
        done = await side_by_side(lambda each: self._one(known[each], paths), known)
        return sum(done.values())

    async def _one(self, stored: Stored, paths: Sequence[Path]) -> bool:
        found: Stored | None = stored
        for _ in range(_TRIES):
            if found is None:
                return False
            resource = found.resource
            claimed, indexed = claims(resource, self.new), indexes(resource, self.new)
            if self.old is not None:
                claimed -= claims(resource, self.old)
                indexed -= indexes(resource, self.old)
            if not claimed and not indexed and not any(values_at(resource, each) for each in paths):
                return False
            try:
                await self.repository.index(self.new, found, claimed, indexed)
            except (Stale, Gone):
                found = await self.repository.get(self.new, found.id)
            except Taken as taken:
                await self._refuse(found, taken)
            else:
                return True
        raise Unavailable("a resource is being written all the time: try again", retry_after=5)

    async def bury(self) -> None:
        """Make deleted resources findable by what is unique from now on."""
        async for each in self.repository.tombstones(self.new):
            keys = sought(each.resource, self.new)
            if not each.restorable or keys <= each.keys:
                continue
            if await self.repository.get(self.new, each.id) is None:
                # A new one in place of what was read; whoever was faster knows what is coming.
                again = replace(each, keys=each.keys | keys, change=f"{each.change}-keyed")
                with suppress(Stale):
                    await self.repository.bury(self.new, again)

    async def _refuse(self, stored: Stored, taken: Taken) -> NoReturn:
        ids = {stored.id}
        for each in claims(stored.resource, self.new):
            if each.attribute == taken.attribute:
                ids |= {other.id for other in await self.repository.find(self.new, each)}
        raise Conflicts([Conflict(self.new.name, taken.attribute, tuple(sorted(ids)))], 1)


def _unless_moved(now: Directory, record: Directory) -> Directory:
    """Refuse to go on from rules that are not the directory's any more. Raises UnderWay."""
    if _ruling(now) != _ruling(record):
        raise UnderWay
    return now


def _ruling(record: Directory) -> tuple[Rules | None, ...]:
    return record.rules, record.next, record.previous


def _switched(now: Directory, rules: Rules, more: Mapping[str, Any]) -> Directory:
    if now.next == rules:
        return now.having(rules, next=None, previous=now.rules, **more)
    if now.next is None and now.rules == rules:  # whoever does the same was faster
        return now
    raise UnderWay
