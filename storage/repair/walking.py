"""Reading all of a partition in the order of its keys, for what may be wrong in it.

What must be there in pairs (a resource and its anchor, claims and index rows; both sides of a
membership; a tombstone and what leads to it) is compared by ledgers, so it is read once, and what
differs a second time. What many rows need (a group, a member, a manager) is looked for in ranges
beside them, or by point reads. Nothing is decided here: each suspect is looked at on its own.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from scim.directory import Directory
from scim.repairing import Progress
from scim.repository import Stored
from scim.side_by_side import side_by_side
from scim.tombstones import Tombstone
from storage import keys
from storage.beginnings import is_begun
from storage.client import Partition, Row
from storage.repair.ledger import Excerpt, Ledger
from storage.repair.looking import PARTS, known, read
from storage.repair.memberships import Memberships, shows
from storage.repair.resources import Resources, is_out_of_date, owner_of, places, references
from storage.repair.tombstones import Tombstones, found_by, is_entry

Suspects = AsyncGenerator[Sequence[str]]
Tell = Callable[[Ledger], Suspects]

_AT_ONCE = 8  # tombstones that are read: each may hold what 100,000 members were
_SIZE = 1000  # suspects that are given at a time, rows that are asked for
_FEW = 16  # keys that are read one by one; more are looked for in the range that they span
_REMEMBERED = 100_000  # ids that are known to be there
_END = "~"  # after every key of ours
_ENTRY = ("RowKey", "verb", "at", "attributes", "ignored")


class Walking(Resources, Memberships, Tombstones):
    """The walk through a partition."""

    def __init__(
        self, partition: Partition, directory: Directory, now: Callable[[], datetime]
    ) -> None:
        super().__init__(partition, directory, now)
        self._there: set[str] = set()
        self._rows = 0
        self._progress: Progress = lambda _done, _found: None

    async def suspects(self, progress: Progress) -> Suspects:
        self._progress = progress
        await self.since()
        reads: list[Suspects] = [self._strangers()]
        reads += [self._compared(each) for each in (self._resources, self._pairs, self._kept)]
        for each in [*reads, self._entries()]:
            async for some in each:
                if some:
                    yield list(dict.fromkeys(some))

    async def _strangers(self) -> Suspects:
        """Read what lies between the kinds of rows that are known: nothing, one hopes."""
        after = ""
        for kind in [*sorted(PARTS), _END]:
            async for page in self._pages(after, kind if kind == _END else f"{kind}:", ("RowKey",)):
                yield [each.key for each in page]
            _, after = keys.below(f"{kind}:")

    async def _compared(self, tell: Tell) -> Suspects:
        """Have a ledger told of everything, then of what it found unequal again."""
        ledger = Ledger()
        async for some in tell(ledger):
            yield some
        for unequal in ledger.unequal():
            excerpt = Excerpt(unequal)
            async for _ in tell(excerpt):
                pass
            found = list(excerpt.suspects())
            for start in range(0, len(found), _SIZE):
                yield found[start : start + _SIZE]

    async def _resources(self, ledger: Ledger) -> Suspects:
        first = not isinstance(ledger, Excerpt)
        async for page in self._kind("a", ("RowKey", "type")):
            for row in page:
                name = str(row.values.get("type", ""))
                self.names.add(name)
                ledger.have(f"{row.key} {name}", row.key)
            yield self._odd(page)
        async for page in self._kind("u", ("RowKey", "owner")):
            for row in self._ruled(page):
                ledger.have(f"{row.key} {owner_of(row)}", row.key)
            yield self._odd(page)
        async for page in self._kind("i", ("RowKey",)):
            for row in self._ruled(page):
                ledger.have(f"{row.key} {keys.last_part(row.key)}", row.key)
            yield self._odd(page)
        async for page in self._kind("r", None):
            suspects, readable = self._odd(page), list[tuple[str, Stored]]()
            for row in filter(_known, page):
                _, name, id = row.key.split(":")
                self.names.add(name)
                ledger.owe(f"{keys.anchor(id)} {name}", row.key)
                stored, type = read(row), self.types.get(name)
                if stored is None:
                    suspects.append(row.key)
                    continue
                readable.append((row.key, stored))
                for each in places(type, stored) if type is not None else ():
                    ledger.owe(f"{each} {id}", row.key)
                if first and type is not None and is_out_of_date(type, stored, row):
                    suspects.append(row.key)
                if first and (stored.pending or is_begun(row)):
                    suspects.append(row.key)
            yield suspects + (await self._lacking_others(readable) if first else [])

    async def _pairs(self, ledger: Ledger) -> Suspects:
        """Read memberships from both ends, each with the resource that its end is in order of."""
        first = not isinstance(ledger, Excerpt)
        async for page in self._kind("m", ("RowKey", "type", "display")):
            suspects, groups = self._odd(page), dict[str, list[str]]()
            for row in filter(_known, page):
                _, name, group, member = row.key.split(":")
                type = row.values.get("type", "")
                ledger.owe(f"{name} {group} {type} {member}", row.key)
                groups.setdefault(keys.resource(name, group), []).append(row.key)
                suspects += [] if shows(row) else [row.key]
            yield suspects + (await self._of_nobody(groups) if first else [])
        async for page in self._kind("n", ("RowKey", "type")):
            suspects, members = self._odd(page), dict[str, list[str]]()
            for row in filter(_known, page):
                _, type, member, group = row.key.split(":")
                name = row.values.get("type", "")
                ledger.have(f"{name} {group} {type} {member}", row.key)
                # Where both sides are there, the group's is looked at.
                both = [row.key, f"m:{name}:{group}:{member}"]
                members.setdefault(keys.resource(type, member), []).extend(filter(known, both))
            yield suspects + (await self._of_nobody(members) if first else [])

    async def _kept(self, ledger: Ledger) -> Suspects:
        async for page in self._kind("k", ("RowKey",)):
            for row in page:
                ledger.have(row.key, row.key)
            yield self._odd(page)
        async for page in self._kind("o", ("RowKey",)):
            for row in page:
                ledger.have(row.key, row.key)
            yield self._odd(page)
        async for page in self._kind("s", ("RowKey",)):
            yield self._odd(page)
        async for page in self._kind("p", ("RowKey",)):
            notes = {":".join(row.key.split(":")[:4]) for row in filter(_known, page)}
            yield [*self._odd(page), *sorted(notes)]
        async for page in self._kind("d", ("RowKey", "change", "parts", "revived")):
            suspects, heads = self._odd(page), list[Row]()
            for row in filter(_known, page):
                _, name, id, *part = row.key.split(":")
                if part:
                    ledger.have(row.key, keys.tombstone(name, id))
                else:
                    heads.append(row)
            for start in range(0, len(heads), _AT_ONCE):
                some = {each.key: each for each in heads[start : start + _AT_ONCE]}
                read = await side_by_side(lambda key: self.kept(*key.split(":")[1:]), some)
                for place, kept in read.items():
                    suspects += self._owing(ledger, some[place], kept)
            yield suspects

    def _owing(self, ledger: Ledger, head: Row, kept: Tombstone | None) -> list[str]:
        """Tell a ledger what belongs to a tombstone; gives its key if it is suspect anyway."""
        _, name, id = head.key.split(":")
        revived, change = head.values.get("revived"), str(head.values.get("change"))
        for number in range(int(head.values.get("parts", 0))):
            ledger.owe(keys.tombstone_part(name, id, change, number), head.key)
        if revived:
            ledger.owe(keys.revival(name, id), head.key)
        if kept is None or not kept.version:
            return [head.key]
        for key in found_by(name, kept):
            ledger.owe(key, head.key)
        return [head.key] if revived else []

    async def _entries(self) -> Suspects:
        async for page in self._kind("c", _ENTRY):
            odd = [each.key for each in page if not is_entry(each)]
            yield self._odd(page) + odd

    async def _of_nobody(self, needed: Mapping[str, Sequence[str]]) -> list[str]:
        """Give the rows that need a resource, by its key, which isn't there."""
        absent = needed.keys() - await self._present(needed)
        return [row for key in absent for row in needed[key]]

    async def _present(self, wanted: Collection[str]) -> set[str]:
        """Tell which rows are there. In all, the ranges of a walk in order read each row once."""
        if len(wanted) <= _FEW:
            return set(await self.partition.get_all(wanted, select=("RowKey",)))
        found: set[str] = set()
        for prefix in {each.rpartition(":")[0] for each in wanted}:
            mine = sorted(each for each in wanted if each.rpartition(":")[0] == prefix)
            # Both ends of a range are excluded.
            async for page in self._pages(mine[0][:-1], f"{mine[-1]}!", ("RowKey",)):
                found.update(each.key for each in page)
        return found & set(wanted)

    async def _lacking_others(self, resources: Sequence[tuple[str, Stored]]) -> list[str]:
        """Give resources whose version the log lacks, or who refer to nobody."""
        since, broken, wanted = await self.since(), list[str](), dict[str, list[str]]()
        for place, stored in resources:
            if stored.version >= since:
                wanted.setdefault(keys.entry(stored.version), []).append(place)
            type = self.types.get(place.split(":")[1])
            for _, id in references(type, stored) if type is not None else ():
                if not keys.usable(id):
                    broken.append(place)
                elif id not in self._there:
                    wanted.setdefault(keys.anchor(id), []).append(place)
        found = await self.partition.get_all(wanted, select=("RowKey", "verb", "resource"))
        for key, row in found.items():
            if key.startswith("a:"):
                self._remember(keys.last_part(key))
            elif row.values.get("verb") == "delete":
                broken += wanted[key]
        return broken + [place for key in wanted.keys() - found.keys() for place in wanted[key]]

    def _remember(self, id: str) -> None:
        if len(self._there) >= _REMEMBERED:
            self._there.clear()
        self._there.add(id)

    def _ruled(self, page: Iterable[Row]) -> list[Row]:
        """Leave out what belongs to types that the rules don't have: nobody can tell what it is."""
        return [each for each in page if each.key.split(":")[1] in self.types]

    def _odd(self, page: Sequence[Row]) -> list[str]:
        return [each.key for each in page if not known(each.key)]

    def _kind(self, kind: str, select: Sequence[str] | None) -> AsyncGenerator[list[Row]]:
        return self._pages(*keys.below(f"{kind}:"), select)

    async def _pages(
        self, after: str, before: str, select: Sequence[str] | None
    ) -> AsyncGenerator[list[Row]]:
        async for page in self.partition.pages(after, before, select=select):
            self._rows += len(page)
            self._progress(self._rows, self._rows)
            yield page


def _known(row: Row) -> bool:
    return known(row.key)
