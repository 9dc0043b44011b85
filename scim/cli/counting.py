"""What `directory show` counts: resources, what is kept of deleted ones, what happened lately."""

from datetime import datetime, timedelta
from typing import Any

from scim import ids
from scim.cli.reading import restorable
from scim.directory import Directory
from scim.filters import parse_filter
from scim.repository import Repository
from scim.schema import ResourceType

_DAY = timedelta(hours=24)


async def counts(directory: Directory, repository: Repository) -> dict[str, dict[str, Any]]:
    """Count each type's resources; those whose `active` is false apart, where a type has it."""
    return {each.name: await _count(each, repository) for each in directory.catalog.resource_types}


async def _count(type: ResourceType, repository: Repository) -> dict[str, Any]:
    deleted = len(await restorable(repository, type))
    there = {id async for batch in repository.ids(type) for id in batch}
    counted: dict[str, Any] = {"total": len(there), "active": None, "disabled": None}
    if type.active is not None:
        name, disabled = type.active.name, 0
        # Of the resources themselves, those alone are read that may be disabled.
        off = parse_filter(f"{name} eq false", type)
        async for batch in repository.scan(type, filter=off):
            # Who came in between is in neither number.
            disabled += sum(each.resource.get(name) is False and each.id in there for each in batch)
        counted |= {"active": len(there) - disabled, "disabled": disabled}
    return {**counted, "deleted": deleted}


async def activity(repository: Repository, now: datetime) -> dict[str, int]:
    """Count the writes and the refused requests of the last 24 hours."""
    writes = refused = 0
    async for entry in repository.entries(after=ids.first_id(now - _DAY)):
        writes += entry.verb in ("create", "update", "delete", "restore")
        refused += entry.verb == "refuse"
    return {"writes": writes, "refused": refused}


def in_words(counted: dict[str, Any]) -> str:
    """Say what was counted of a type."""
    parts = [str(counted["total"])]
    if counted["active"] is not None:
        parts.append(f"{counted['active']} active, {counted['disabled']} disabled")
    if counted["deleted"]:
        parts.append(f"{counted['deleted']} deleted that can be restored")
    return "; ".join(parts)
