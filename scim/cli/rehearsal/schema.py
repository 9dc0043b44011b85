"""What /Schemas has to say (Logic App, test 15), and how."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from scim.cli.rehearsal import answers, round_trip
from scim.cli.rehearsal.check import Failed, check
from scim.cli.rehearsal.direct import SOURCE
from scim.cli.rehearsal.trial import Trial

_SHOWN = 10  # places that are named

# What each attribute has to say of itself, and which words there are (RFC 7643 §7).
_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "type": frozenset(
            {
                "string",
                "boolean",
                "decimal",
                "integer",
                "dateTime",
                "reference",
                "complex",
                "binary",
            }
        ),
        "mutability": frozenset({"readOnly", "readWrite", "immutable", "writeOnly"}),
        "returned": frozenset({"always", "never", "default", "request"}),
        "uniqueness": frozenset({"none", "server", "global"}),
    }
)
_FLAGS = ("multiValued", "required", "caseExact")
# §7 gives these a meaning for some types alone.
_NOT_OF = MappingProxyType({"caseExact": frozenset({"boolean", "integer", "decimal", "complex"})})


@check(
    "T15",
    "Each mapped attribute is in /Schemas",
    source=f"{SOURCE} 15, Schema_Discoverability",
    needs=(),
    proves="Every target of the mapping can be chosen from what /Schemas lists.",
    change=(
        "List the attribute in /Schemas, in the schema of its URN; for a path such as "
        'emails[type eq "work"].value, list work in the canonicalValues of type. Or take the line '
        "out of the mapping."
    ),
)
async def discoverable(trial: Trial) -> None:
    answers.listing(await trial.ask("GET", "/Schemas", 200))
    has = trial.context.capabilities
    missing: list[str] = []
    for objects in (trial.context.users, trial.context.groups):
        if objects is None:
            continue
        if not has.of(objects.target):
            raise Failed(f"/Schemas has no schema of {objects.target}")
        missing += [
            f"{objects.target}: {each.target}"
            for each in objects.attributes
            if not has.finds(objects.target, each.path)
        ]
    if missing:
        raise Failed(f"/Schemas does not have {', '.join(missing)}")


@check(
    "E-14",
    "How /Schemas is written",
    source="Microsoft Learn, use-scim-to-provision-users-and-groups, schema discovery",
    needs=(),
    proves="/Schemas is a ListResponse without nulls, and each attribute says all of itself.",
    change=(
        "Answer /Schemas with a ListResponse; leave out what is null; give each attribute type, "
        "multiValued, required, caseExact, mutability, returned and uniqueness as RFC 7643 §7 "
        "writes them (readWrite)."
    ),
)
async def written(trial: Trial) -> None:
    found = answers.listing(await trial.ask("GET", "/Schemas", 200))
    if not found:
        raise Failed("/Schemas is empty")
    types = [each.target for each in (trial.context.users, trial.context.groups) if each]
    urns = {each.id for type in types for _, each in trial.context.capabilities.of(type)}
    wrong: list[str] = []
    for schema in found:
        id = schema.get("id")
        wrong += _nulls(schema, str(id))
        if str(id) in urns:
            wrong += _characteristics(schema.get("attributes"), f"{id}:")
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise Failed(f"{'; '.join(wrong[:_SHOWN])}{more}")


@check(
    "F-89",
    "Nothing in /Schemas that can't be read back",
    source="captures of the SCIM Validator's results",
    mandatory=False,
    needs=(),
    proves="No attribute is declared that answers never show.",
    change=(
        "Leave password and the like out of /Schemas: Microsoft's tools expect to read back what "
        "they write."
    ),
)
async def readable(trial: Trial) -> None:
    await trial.ask("GET", "/Schemas", 200)
    hidden = [
        f"{type}: {each.name}"
        for type in ("User", "Group")
        for _, schema in trial.context.capabilities.of(type)
        for each in schema.attributes
        if each.mutability == "writeOnly" or each.returned == "never"
    ]
    if hidden:
        raise Failed(f"/Schemas has what is never shown: {', '.join(hidden)}")


def _nulls(value: Any, place: str) -> Iterator[str]:
    if value is None:
        yield f"{place} is null"
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _nulls(each, f"{place}.{name}")
    elif isinstance(value, list):
        for each in value:
            name = each.get("name", "[]") if isinstance(each, dict) else "[]"
            yield from _nulls(each, f"{place}.{name}")


def _characteristics(attributes: Any, place: str) -> Iterator[str]:
    for each in _objects(attributes):
        where = f"{place}{each.get('name')}"
        for word, allowed in _WORDS.items():
            if not isinstance(each.get(word), str) or each[word] not in allowed:
                yield f"{where}: {word} is {_told(each, word)}"
        for flag in _FLAGS:
            if str(each.get("type")) in _NOT_OF.get(flag, ()):
                continue
            if not isinstance(each.get(flag), bool):
                yield f"{where}: {flag} is {_told(each, flag)}"
        yield from _characteristics(each.get("subAttributes"), f"{where}.")


def _told(attribute: Mapping[str, Any], name: str) -> str:
    return f"{attribute[name]!r:.40}" if name in attribute else "missing"


def _objects(value: Any) -> Iterable[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


CHECKS = (discoverable, written, readable, *round_trip.CHECKS)
