"""A resource type, resolved: which attribute does this name mean? (RFC 7643 §6, RFC 7644 §3.10)

A `ResourceType` joins a base schema with its extensions. Names and URNs are compared without regard
to case (RFC 7643 §2.1); canonical spelling is what the documents say (`scim/definitions.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from scim.definitions import (
    COMMON,
    Attribute,
    Document,
    ResourceTypeDocument,
    Schema,
    SchemaExtension,
)

__all__ = (
    "COMMON",
    "Attribute",
    "Document",
    "Path",
    "Resource",
    "ResourceType",
    "ResourceTypeDocument",
    "Schema",
    "SchemaExtension",
)

# A resource as stored and as worked on: canonical names, checked types, nothing null.
Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Path:
    """The place of an attribute in a resource, resolved against the schemas (RFC 7644 §3.10).

    `extension` is the schema extension it lies in, None for the base schema and the common
    attributes. An extension as a whole has no `attribute`. It prints as the canonical path:
    `URN:attribute.sub`.
    """

    attribute: Attribute | None
    sub: Attribute | None = None
    extension: Schema | None = None

    @property
    def leaf(self) -> Attribute | None:
        """The definition that the value at the path must meet; None for an extension as a whole."""
        return self.sub or self.attribute

    def __str__(self) -> str:
        names = ".".join(each.name for each in (self.attribute, self.sub) if each)
        return ":".join(each for each in (self.extension and self.extension.id, names) if each)


@dataclass(frozen=True, eq=False)
class ResourceType:
    """A base schema with its extensions, resolved and ready to answer (RFC 7643 §6).

    While the directory's rules change, `coming` is the type as it is to be: what is written is kept
    findable for both (`scim/reindexing.py`).
    """

    definition: ResourceTypeDocument
    schema: Schema
    extensions: tuple[Schema, ...] = ()
    coming: "ResourceType | None" = None

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def endpoint(self) -> str:
        return self.definition.endpoint

    @cached_property
    def _extensions(self) -> Mapping[str, Schema]:
        return MappingProxyType({each.id.lower(): each for each in self.extensions})

    @cached_property
    def _prefixes(self) -> tuple[tuple[str, Schema | None], ...]:
        """The URNs that a path may begin with, the longest first; None is the base schema."""
        urns = [(self.schema.id.lower(), None), *self._extensions.items()]
        return tuple(sorted(urns, key=lambda each: -len(each[0])))

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """Base and common attributes; a schema's own definition of `externalId` wins."""
        common = (each for each in COMMON.attributes if not self.schema.attribute(each.name))
        return (*common, *self.schema.attributes)

    @cached_property
    def _attributes(self) -> Mapping[str, Attribute]:
        return MappingProxyType({each.name.lower(): each for each in self.attributes})

    @cached_property
    def members(self) -> Attribute | None:
        """The attribute whose values are kept as membership rows, if there is one."""
        return self.attribute(self.definition.members) if self.definition.members else None

    @cached_property
    def member_of(self) -> Attribute | None:
        """The read-only attribute computed from the memberships of a resource, if there is one."""
        return self.attribute(self.definition.member_of) if self.definition.member_of else None

    @cached_property
    def active(self) -> Attribute | None:
        """The boolean that says whether a resource is in use, if there is one."""
        return self.attribute(self.definition.active) if self.definition.active else None

    @cached_property
    def adopts(self) -> tuple[tuple[Path, Path], ...]:
        """Pairs: where a resource that exists may hold what a new one has at the second path."""
        pairs = self.definition.adopts.items()
        return tuple((self.known_path(each), self.known_path(other)) for each, other in pairs)

    @cached_property
    def unique(self) -> tuple[Path, ...]:
        """Paths whose values may occur once: as the directory says, else the schemas."""
        if self.definition.unique is None:
            named = [path for path in self.paths() if path.leaf and path.leaf.uniqueness != "none"]
        else:
            named = [self.known_path(each) for each in self.definition.unique]
        paths = {str(path): path for path in named}
        # Rows have the id as their key, so it needs no claim.
        return tuple(path for text, path in paths.items() if text != "id")

    @cached_property
    def references(self) -> tuple[Path, ...]:
        """Paths of the `value` of complex attributes that refer to resources, not memberships."""
        return tuple(
            path
            for path in self.paths()
            if path.attribute is not self.members
            and path.attribute is not self.member_of
            and path.sub is not None
            and path.sub.name.lower() == "value"
            and _refers(path.attribute)
        )

    @cached_property
    def indexed(self) -> tuple[Path, ...]:
        """Paths that an index row answers: as the directory says, and every reference."""
        named = (self.known_path(each) for each in self.definition.indexed)
        unique = {str(path) for path in self.unique}
        paths = {str(path): path for path in (*named, *self.references)}
        return tuple(path for text, path in paths.items() if text not in unique)

    @cached_property
    def kept(self) -> Mapping[str, tuple[Path, ...]]:
        """The unique and the indexed paths, by how they print."""
        paths = (*self.unique, *self.indexed)
        return {str(each): tuple(p for p in paths if str(p) == str(each)) for each in paths}

    @cached_property
    def immutable(self) -> tuple[Path, ...]:
        """Paths of immutable values, except in elements, which come and go as a whole."""
        return tuple(
            path
            for path in self.paths()
            if path.leaf is not None
            and path.leaf.mutability == "immutable"
            and not (path.sub and path.attribute and path.attribute.multi_valued)
        )

    def attribute(self, name: str) -> Attribute | None:
        """Find a base or common attribute by name, in any letter case."""
        return self._attributes.get(name.lower())

    def extension(self, urn: str) -> Schema | None:
        """Find an extension by URN, in any letter case."""
        return self._extensions.get(urn.lower())

    def paths(self) -> Iterator[Path]:
        """Yield the path of every attribute and sub-attribute, extensions included."""
        places: list[tuple[Schema | None, tuple[Attribute, ...]]] = [(None, self.attributes)]
        places += [(each, each.attributes) for each in self.extensions]
        for extension, attributes in places:
            for attribute in attributes:
                yield Path(attribute, None, extension)
                for sub in attribute.sub_attributes:
                    yield Path(attribute, sub, extension)

    @cached_property
    def _named(self) -> Mapping[tuple[str, str], Path]:
        """Every path by its extension and its name in lower case: one look-up for any text.

        Names may hold dots (`cost.center`): of two readings, that with the longer attribute wins.
        """
        found: dict[tuple[str, str], Path] = {}
        for each in sorted(self.paths(), key=_by_longest):
            names = [part.name.lower() for part in (each.attribute, each.sub) if part]
            found.setdefault((each.extension.id if each.extension else "", ".".join(names)), each)
        return MappingProxyType(found)

    def path(self, text: str, *, tolerant: bool = False) -> Path | None:
        """Resolve `attr`, `attr.sub`, `URN:attr.sub` or an extension's URN; None for other names.

        A URN is matched as the longest known prefix, because URNs hold dots and colons
        (`…:2.0:User`). `tolerant` also finds an extension's attribute without its URN (Entra asks
        for `manager eq "…"`).
        """
        lowered = text.lower()
        for urn, extension in self._prefixes:
            if lowered == urn:
                return Path(None, None, extension) if extension else None
            if lowered.startswith(urn + ":"):
                home = extension.id if extension else ""
                return self._named.get((home, lowered[len(urn) + 1 :]))
        homes = ["", *(each.id for each in self.extensions if tolerant)]
        return next((each for home in homes if (each := self._named.get((home, lowered)))), None)

    def known_path(self, text: str) -> Path:
        """Resolve a path that a directory's rules name; ValueError says which one is unknown."""
        path = self.path(text)
        if path is None or path.attribute is None:
            raise ValueError(f"resource type {self.name}: no attribute is called {text}")
        return path

    def document(self) -> dict[str, Any]:
        """Render the resource type as served, without `meta` (RFC 7643 §6)."""
        return self.definition.document()


def _refers(attribute: Attribute | None) -> bool:
    """Whether the attribute's `$ref` may point to a resource of the directory (RFC 7643 §2.4)."""
    target = attribute.sub("$ref") if attribute else None
    return target is not None and bool(target.targets)


def _by_longest(path: Path) -> int:
    return -len(path.attribute.name) if path.attribute else 0
