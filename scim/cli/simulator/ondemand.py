"""Provision on demand: one user or group at once, with the four steps that its page shows.

Microsoft Learn, provision-on-demand. The flag in the Tenant URL has no effect here
(application-provisioning-config-problem-scim-compatibility).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from scim.cli.simulator.dialects import DEFAULT
from scim.cli.simulator.failure import Failure
from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.matching import match
from scim.cli.simulator.provisioning import create, update
from scim.cli.simulator.references import send_managers, send_members
from scim.cli.simulator.report import Event
from scim.cli.simulator.values import references
from scim.cli.simulator.work import Scope, Work

MOST_MEMBERS = 5


@dataclass(frozen=True)
class OnDemand:
    """What the page shows: import, scope, match, action.

    `imported` are the attributes of the source. `matched` is the id of the resource that was found,
    or that the job remembers, None for none; `by` are the targets that resources are looked for by.
    `events` are what was done: with the object, then with its references. `failure` is what stopped
    it, of any step.
    """

    object: str
    imported: Mapping[str, Any]
    scope: Scope
    by: Sequence[str] = ()
    matched: str | None = None
    events: Sequence[Event] = field(default_factory=tuple)
    failure: Failure | None = None

    @property
    def successful(self) -> bool:
        return self.failure is None


async def provision_on_demand(
    work: Work, objects: Objects, id: str, members: Sequence[str] = ()
) -> OnDemand:
    """Probe, match and provision one object, and send its references; KeyError, ValueError."""
    if len(members) > MOST_MEMBERS:
        raise ValueError(f"on demand takes at most {MOST_MEMBERS} members of a group")
    if work.dialect.gathered:
        work = replace(work, dialect=DEFAULT)
    done = OnDemand(
        object=id,
        imported=work.source.entry(id),
        scope=work.scope(objects, id),
        by=tuple(each.target for each in objects.matching),
    )
    try:
        for each in work.mapping.objects:
            await work.service.probe(each)
        matched = await _find(work, objects, id)
    except Failure as failure:
        return replace(done, failure=failure)
    await work.attempt(id, "object", lambda: _provision(work, objects, id, matched))
    if not work.report.failures:
        await _refer(work, objects, id, members)
    failed = next((each.failure for each in work.report.failures), None)
    return replace(done, matched=matched, events=tuple(work.report.events), failure=failed)


async def _find(work: Work, objects: Objects, id: str) -> str | None:
    """Say which resource an object is: what the job remembers, or what is found."""
    if id not in work.memory.anchors:
        await match(work, objects, id)
    anchor = work.memory.anchors.get(id)
    return anchor.id if anchor else None


async def _provision(work: Work, objects: Objects, id: str, matched: str | None) -> Event:
    if matched is not None:
        return await update(work, objects, id)
    if work.scope(objects, id) != "in":
        return Event(id, "skip", why="out of scope, and no resource was found")
    return await create(work, objects, id)


async def _refer(work: Work, objects: Objects, id: str, members: Sequence[str]) -> None:
    """Send references to objects that are found; what is not there is not created."""
    if objects.source == "User":
        named = [
            each for ids in references(objects, work.source.entry(id)).values() for each in ids
        ]
        others: Objects | None = objects
    else:
        named, others = list(members), work.mapping.of("User")
    for each in named:
        if others is not None and each in work.source.users and each not in work.memory.anchors:
            await work.attempt(id, "reference", partial(_found, work, others, each))
    if objects.source == "User":
        await send_managers(work, objects, [id])
    elif members:
        await send_members(work, objects, [id], only=frozenset(members))


async def _found(work: Work, objects: Objects, id: str) -> None:
    await match(work, objects, id)
