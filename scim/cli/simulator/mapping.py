"""Attribute mappings: what an administrator enters in the admin center, as a JSON document.

{"objects": [{"source": "User", "target": "User", "scope": "who is assigned",
              "filters": [[{"attribute": "country", "operator": "EQUALS", "value": "DK"}]],
              "attributes": [{"source": "userPrincipalName", "target": "userName", "match": 1}]
             }]}
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from scim.catalog import Catalog
from scim.cli.problem import Problem
from scim.cli.simulator.expressions import Expression, parse
from scim.cli.simulator.scoping import Clause
from scim.cli.simulator.targets import Target
from scim.definitions import Document
from scim.errors import ScimError
from scim.filters import parse_path

Type = Literal["string", "boolean", "integer", "dateTime", "binary", "reference"]

REFERENCES = frozenset({"manager", "members"})  # attributes that hold other objects' ids


class Line(Document):
    """One line of a mapping: an Entra attribute, a constant or an expression, and its target.

    `target` is written as in the admin center. `match` is the matching precedence. `apply` says
    whether the value is sent on every change or when the resource is created alone. `default` is
    sent then in place of null. `type` and `multi` are what the application's attribute list says
    of the target: its type, and whether it has several values.
    """

    source: str = Field(min_length=1)
    target: str = Field(min_length=1)
    match: int | None = Field(None, ge=1)
    apply: Literal["always", "create"] = "always"
    default: str | None = None
    type: Type | None = None
    multi: bool = False

    @field_validator("source")
    @classmethod
    def _readable(cls, source: str) -> str:
        parse(source)
        return source

    @cached_property
    def expression(self) -> Expression:
        return parse(self.source)

    @cached_property
    def path(self) -> Target:
        """The target, read; ValueError when it is none."""
        return Target.parse(self.target)

    @cached_property
    def reference(self) -> bool:
        """Whether it names other objects, which are sent when these exist."""
        return self.expression.direct in REFERENCES

    @cached_property
    def kind(self) -> Type:
        """The type of a value here: as said, or as RFC 7643 has it."""
        leaf = self.path.leaf
        if self.type or leaf is None or leaf.type in ("complex", "decimal"):
            return self.type or "string"
        return leaf.type  # type: ignore[return-value]  # the two that are none are out

    @cached_property
    def many(self) -> bool:
        """Whether it holds a list of values."""
        return self.multi or self.path.many


class Objects(Document):
    """The mapping of one kind of Entra's objects: users (rooms are users), or groups.

    `target` names the resource type, `scope` says for people who or what is in scope. `filters`
    are scoping filters: all clauses of one of them must hold.
    """

    source: Literal["User", "Group"]
    target: str
    scope: str = ""
    filters: tuple[tuple[Clause, ...], ...] = ()
    attributes: tuple[Line, ...]

    @field_validator("attributes")
    @classmethod
    def _matched(cls, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        _refuse_twins((each.target for each in lines), "two lines have the target")
        precedences = sorted(each.match for each in lines if each.match is not None)
        if precedences != list(range(1, len(precedences) + 1)) or not precedences:
            raise ValueError("matching precedences must be 1, 2, … with 1 on one line")
        return lines

    @cached_property
    def matching(self) -> tuple[Line, ...]:
        """The lines that resources are found by, in the order of their precedence."""
        chosen = (each for each in self.attributes if each.match is not None)
        return tuple(sorted(chosen, key=lambda each: each.match or 0))

    @cached_property
    def valued(self) -> tuple[Line, ...]:
        """The lines whose values are in a POST."""
        return tuple(each for each in self.attributes if not each.reference)

    @cached_property
    def updated(self) -> tuple[Line, ...]:
        """The lines whose values are compared in every cycle."""
        return tuple(each for each in self.valued if each.apply == "always")

    @cached_property
    def references(self) -> tuple[Line, ...]:
        """The lines that are sent apart: manager, members."""
        return tuple(each for each in self.attributes if each.reference)

    def scoped(self, entry: Mapping[str, Any]) -> bool:
        """Tell whether the scoping filters let an object pass."""
        passed = (all(each.admits(entry) for each in group) for group in self.filters)
        return not self.filters or any(passed)


class AttributeMapping(Document):
    """All of an application's mapping; `adds` are attributes that its directory is made with.

    They are written as `--attribute` takes them.
    """

    adds: tuple[str, ...] = ()
    objects: tuple[Objects, ...]

    @field_validator("objects")
    @classmethod
    def _once_each(cls, objects: tuple[Objects, ...]) -> tuple[Objects, ...]:
        _refuse_twins((each.target for each in objects), "two mappings are for the resource type")
        return objects

    def of(self, source: Literal["User", "Group"]) -> Objects | None:
        """Find the mapping of a kind of Entra's objects."""
        return next((each for each in self.objects if each.source == source), None)

    def check(self, catalog: Catalog) -> None:
        """Raise ValueError that names the first line whose target a directory does not know."""
        for each in self.objects:
            type = catalog.named(each.target)
            if type is None:
                raise ValueError(f"no resource type is called {each.target}")
            for line in each.attributes:
                try:
                    path = parse_path(line.target, type).path
                except ScimError as error:
                    raise ValueError(f"{each.target}: {line.target}: {error.detail}") from error
                if path.leaf is None or path.leaf.mutability == "readOnly":
                    raise ValueError(f"{each.target}: {line.target} can't be written")


def read_mapping(text: str | bytes) -> AttributeMapping:
    """Read somebody's own mapping; Problem names the place and what is wrong there."""
    try:
        mapping = AttributeMapping.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(each) for each in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise Problem(f"{place}: {reason}" if place else reason) from error
    for number, objects in enumerate(mapping.objects):
        for index, line in enumerate(objects.attributes):
            try:
                path = line.path
            except ValueError as error:
                raise Problem(f"objects.{number}.attributes.{index}.target: {error}") from error
            if path.urn is None and path.name in ("id", "meta", "schemas"):
                raise Problem(
                    f"objects.{number}.attributes.{index}.target: {path.name} is the server's own"
                )
    return mapping


def _refuse_twins(names: Iterable[str], complaint: str) -> None:
    seen: set[str] = set()
    for each in names:
        if each.lower() in seen:
            raise ValueError(f"{complaint} {each}")
        seen.add(each.lower())
