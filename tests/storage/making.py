"""What the storage tests write: resource types, resources, changes."""

import itertools
import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from scim import ids
from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.definitions import Schema
from scim.keys import key
from scim.repository import Change, Key, Member, Repository, Stored
from scim.schema import Resource, ResourceType

URN = "urn:example:Extra"
# What the built-in schemas lack: many unique values, and many references, in one resource.
EXTRA = Schema.model_validate(
    {
        "id": URN,
        "name": "Extra",
        "attributes": [
            {"name": "badges", "multiValued": True, "uniqueness": "server"},
            {
                "name": "friends",
                "type": "complex",
                "multiValued": True,
                "subAttributes": [
                    {"name": "value"},
                    {"name": "$ref", "type": "reference", "referenceTypes": ["User"]},
                ],
            },
        ],
    }
)
# Ids that a client may put into a URL, and that no key can hold.
HOSTILE = (
    *("", "'", "a'b", "a/b", "a\\b", "a#b?c", "a:b", "\x00", "\x7f", "a\nb", "é", "\ud800", "a b"),
    *("~", "..", "x" * 300, "%2F", "' or RowKey ne '"),
)


def _types() -> tuple[ResourceType, ResourceType]:
    user, group = BUILT_IN_RESOURCE_TYPES
    extensions = [*user.schema_extensions, {"schema": URN}]
    wider = user.model_validate({**user.model_dump(), "schema_extensions": extensions})
    first, second = Catalog.build((EXTRA,), (wider, group)).resource_types
    return first, second


USER, GROUP = _types()


def change(
    verb: Literal["create", "update", "delete", "restore"] = "update", *names: str
) -> Change:
    return _at(datetime.now(UTC), verb, *names)


def _at(
    now: datetime, verb: Literal["create", "update", "delete", "restore"], *names: str
) -> Change:
    return Change(ids.change_id(now), ids.timestamp(now), verb, names)


def resource(type: ResourceType, **attributes: Any) -> Resource:
    """A resource of a type, with an id and a unique name of its own unless it is given one."""
    now = ids.timestamp(datetime.now(UTC))
    name = "userName" if type is USER else "displayName"
    meta = {"resourceType": type.name, "created": now, "lastModified": now}
    return {"id": ids.resource_id(), name: uuid.uuid4().hex, "meta": meta, **attributes}


def creation(document: Resource) -> Change:
    """The change that creates a resource, at the time that it says."""
    return _at(datetime.fromisoformat(document["meta"]["created"]), "create")


def looked_up(type: ResourceType, path: str, value: object) -> Key:
    return key(type.known_path(path), value)


def members(ids: Iterable[str]) -> tuple[Member, ...]:
    """Members as a client names them: by id alone."""
    return tuple(Member(each, "") for each in ids)


async def user(repository: Repository, **attributes: Any) -> Stored:
    document = resource(USER, **attributes)
    return await repository.create(USER, document, creation(document))


async def users(repository: Repository, count: int) -> list[str]:
    """Create many users; their ids in order."""
    return sorted([(await user(repository)).id for _ in range(count)])


async def group(repository: Repository, within: Collection[str] = (), **attributes: Any) -> Stored:
    document = resource(GROUP, **attributes)
    return await repository.create(GROUP, document, creation(document), members=members(within))


async def in_group(repository: Repository, id: str) -> list[str]:
    """Read the ids of a group's members."""
    found = await repository.get(GROUP, id, members=True)
    assert found is not None
    return [each.id for each in found.members or ()]


async def listed(repository: Repository, type: ResourceType, **between: str) -> list[str]:
    """List the ids of a type's resources, in the order in which they come."""
    return [id async for batch in repository.ids(type, **between) for id in batch]


async def everybody(repository: Repository, type: ResourceType, **options: Any) -> list[Stored]:
    batches: list[Sequence[Stored]] = [each async for each in repository.scan(type, **options)]
    return list(itertools.chain.from_iterable(batches))
