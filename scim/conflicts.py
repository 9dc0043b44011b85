"""What stands against other rules for a directory: found by reading everything, writing nothing."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from scim.catalog import Catalog
from scim.dialect import STRICT
from scim.document import missing, read_value
from scim.errors import ScimError
from scim.keys import claims, form, keyed
from scim.repository import Key, Repository
from scim.schema import Attribute, Path, Resource, ResourceType, Schema
from scim.values import present

MOST = 100  # conflicts that are listed
_MOST_IDS = 20  # of one conflict
_TOLERANCE = replace(STRICT, unknown="ignore")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Resources that share a value that is to be unique, or one whose value is not of its type.

    `attribute` is the path; `ids` are at most 20 of those concerned; the value is not told.
    """

    type: str
    attribute: str
    ids: tuple[str, ...]
    why: Literal["unique", "type"] = "unique"


class Conflicts(Exception):
    """What exists breaks the new rules: the first hundred conflicts, and how many there are."""

    def __init__(self, conflicts: Sequence[Conflict], total: int) -> None:
        super().__init__(f"{total} conflicts with the new rules")
        self.conflicts = tuple(conflicts[:MOST])
        self.total = total


@dataclass(slots=True)
class Findings:
    """What was found: the resources, by type; conflicts; who lacks what is required from now on.

    `lacking` counts resources by what they lack: `User.name.givenName`.
    """

    resources: Counter[str] = field(default_factory=Counter)
    conflicts: list[Conflict] = field(default_factory=list)
    total: int = 0
    lacking: Counter[str] = field(default_factory=Counter)

    def add(self, conflict: Conflict) -> None:
        self.total += 1
        if len(self.conflicts) < MOST:
            self.conflicts.append(conflict)


async def examine(repository: Repository, before: Catalog, after: Catalog) -> Findings:
    """Hold everything that exists against other rules."""
    findings = Findings()
    for new in after.resource_types:
        old = before.named(new.name)
        changed = list(_changed(old, new))
        holders = _Holders(old, new)
        async for batch in repository.scan(new):
            findings.resources[new.name] += len(batch)
            for stored in batch:
                holders.add(stored.id, stored.resource)
                for each in changed:
                    if not _fits(stored.resource, each):
                        findings.add(Conflict(new.name, str(each), (stored.id,), "type"))
                findings.lacking.update(_lacking(stored.resource, old, new))
        for conflict in holders.conflicts():
            findings.add(conflict)
    return findings


def check_spelling(before: Catalog, after: Catalog) -> None:
    """Refuse a name that differs in letter case alone: what exists is kept under the old one.

    Raises ValueError.
    """
    for old in before.resource_types:
        new = after.named(old.name)
        if new is None:
            continue
        spelt = [(old.name, new.name)]
        for path in old.paths():
            same = new.path(str(path))
            spelt += [(str(path), str(same))] if same is not None else []
        for was, would in spelt:
            if was != would:
                raise ValueError(
                    f"resource type {old.name}: {would} must be spelt {was}, as what exists is"
                )


def signature(path: Path) -> tuple[str, bool, bool]:
    """Tell what decides how a value is kept for searching, and whether it is."""
    attribute, leaf = path.attribute, path.leaf
    secret = any(
        each is not None and (each.returned == "never" or each.mutability == "writeOnly")
        for each in (attribute, leaf)
    )
    return (form(leaf) if leaf else "", attribute is not None and attribute.multi_valued, secret)


def new_paths(old: ResourceType | None, new: ResourceType) -> list[Path]:
    """List the paths that are kept in another way than they were, or were not there."""
    was = {str(path): signature(path) for path in old.paths()} if old is not None else {}
    return [path for path in new.paths() if was.get(str(path)) != signature(path)]


def differ(before: Catalog, after: Catalog) -> bool:
    """Tell whether what exists has to be indexed anew, or what is written meanwhile is."""
    for new in after.resource_types:
        old = before.named(new.name)
        if old is None or keyed(old) != keyed(new) or new_paths(old, new) or new_paths(new, old):
            return True
    return False


class _Holders:
    """Who holds the values that are to be unique from now on; a few bytes for each value."""

    def __init__(self, old: ResourceType | None, new: ResourceType) -> None:
        self._old, self._new = old, new
        self._first: dict[bytes, str] = {}
        self._more: dict[bytes, tuple[str, list[str]]] = {}

    def add(self, id: str, resource: Resource) -> None:
        enforced = claims(resource, self._old) if self._old is not None else frozenset()
        for each in claims(resource, self._new) - enforced:
            digest = _digest(each)
            first = self._first.setdefault(digest, id)
            if first != id:
                _, ids = self._more.setdefault(digest, (each.attribute, [first]))
                ids.append(id)

    def conflicts(self) -> Iterator[Conflict]:
        for attribute, ids in self._more.values():
            yield Conflict(self._new.name, attribute, tuple(ids[:_MOST_IDS]))


def _digest(key: Key) -> bytes:
    text = f"{key.attribute}\0{key.value}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()


def _changed(old: ResourceType | None, new: ResourceType) -> Iterator[Path]:
    """Yield the paths of top-level attributes that are defined in another way than before."""
    places: list[tuple[Schema | None, Sequence[Attribute]]] = [(None, new.attributes)]
    places += [(each, each.attributes) for each in new.extensions]
    for extension, attributes in places:
        for attribute in attributes:
            path = Path(attribute, None, extension)
            was = old.path(str(path)) if old is not None else None
            if was is None or was.leaf != attribute:
                yield path


def _fits(resource: Resource, path: Path) -> bool:
    """Tell whether what is kept at a path could have been sent under its definition."""
    attribute = path.attribute
    home = resource.get(path.extension.id, {}) if path.extension is not None else resource
    value = home.get(attribute.name) if attribute is not None else None
    if attribute is None or not present(value) or attribute.mutability == "readOnly":
        return True
    if attribute.multi_valued != isinstance(value, list):
        return False
    try:
        read_value(value, path, _TOLERANCE)
    except ScimError:
        return False
    return True


def _lacking(resource: Resource, old: ResourceType | None, new: ResourceType) -> Iterator[str]:
    known: Mapping[str, None] = dict.fromkeys(missing(resource, old)) if old is not None else {}
    members = new.members.name if new.members is not None else None  # rows of their own
    for name in missing(resource, new):
        if name not in known and name != members:
            yield f"{new.name}.{name}"
