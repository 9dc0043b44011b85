"""Whether a directory has converged: what should be there, and what is, in the same words.

A state says for every object, by its objectId, the values at the targets that are sent; references
are objectIds. A resource that is no object's is in what is observed, by its id.
"""

from collections.abc import Collection, Mapping
from typing import Any

from scim.cli.simulator.compare import reference_of, same, values_of
from scim.cli.simulator.discovery import discover
from scim.cli.simulator.job import Job
from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.service import Resource
from scim.cli.simulator.values import Context, evaluate, references
from scim.cli.simulator.work import disabling, scope

State = dict[str, dict[str, Any]]


def expected(job: Job) -> State:
    """Say what the directory shows once everything was sent, for what the job has created.

    Somebody out of scope is there with what is sent to disable them. A value that became null is
    let alone, so nothing is expected of it.
    """
    found: State = {}
    there = _there(job)
    for objects in job.mapping.objects:
        listed = job.source.users if objects.source == "User" else job.source.groups
        for id in listed:
            if id in there:
                found[id] = _expected(job, objects, id, there)
    return found


async def observed(job: Job) -> State:
    """Read everybody, page by page, and show what `expected` speaks of."""
    due = expected(job)
    # Who was provisioned before a restart, and is out of scope since.
    alone = {id for owner, id in job.memory.left.items() if owner not in job.memory.anchors}
    found: State = {}
    for objects in job.mapping.objects:
        async for each in discover(job.service, objects):
            owner = job.memory.owner(each["id"])
            if owner in due:
                found[owner] = shown_as_expected(job, objects, each, due[owner], alone)
            elif owner is not None or not (each["id"] in alone or _deactivated(job, each)):
                found[f"resource {each['id']}"] = {}
    return found


def differences(expected: State, observed: State) -> list[str]:
    """List, in words, where two states differ."""
    found: list[str] = []
    for id in {**expected, **observed}:
        if id not in observed:
            found.append(f"{id} is not there")
        elif id not in expected:
            found.append(f"{id} is there and should not be")
        else:
            due, shown = expected[id], observed[id]
            found += [
                f"{id}: {target} {_difference(due.get(target), shown.get(target))}"
                for target in {**due, **shown}
                if due.get(target) != shown.get(target)
            ]
    return found


def _difference(due: Any, shown: Any) -> str:
    if not isinstance(due, frozenset) or not isinstance(shown, frozenset):
        return f"is {shown!r} instead of {due!r}"
    return f"lacks {sorted(due - shown)[:5]}, and has {sorted(shown - due)[:5]} too many"


def _there(job: Job) -> Collection[str]:
    """Who should be there: who is in scope, and who was created and may stay, disabled."""
    found: set[str] = set()
    for objects in job.mapping.objects:
        stays = objects.source == "User" and disabling(objects)
        for id in job.source.users if objects.source == "User" else job.source.groups:
            standing = scope(job.source, objects, id)
            kept = standing == "disabled" or stays or job.settings.skips_out_of_scope
            if standing == "in" or (id in job.memory.anchors and kept):
                found.add(id)
    return found


def _expected(job: Job, objects: Objects, id: str, there: Collection[str]) -> dict[str, Any]:
    standing = scope(job.source, objects, id)
    if standing == "out" and job.settings.skips_out_of_scope:
        return {}
    entry = job.source.entry(id)
    values = evaluate(objects, entry, Context(soft_deleted=True if standing == "out" else None))
    if standing == "out":
        lines = disabling(objects)
        return {each.target: values[each.target] for each in lines if each.target in values}
    found: dict[str, Any] = dict(values)
    for target, ids in references(objects, entry).items():
        if target == "members":
            found[target] = frozenset(each for each in ids if each in there)
        elif not ids or ids[0] in there:
            found[target] = ids[0] if ids else None
    return found


def shown_as_expected(
    job: Job, objects: Objects, resource: Resource, due: Mapping[str, Any], alone: Collection[str]
) -> dict[str, Any]:
    """Read the values that are expected; one that needs no change is shown as it is expected."""
    lines = [each for each in objects.updated if each.target in due]
    shown = values_of(resource, lines)
    found: dict[str, Any] = {
        target: due[target] if same(value, due[target]) else value
        for target, value in shown.items()
    }
    for line in objects.references:
        if line.target not in due:
            continue
        if line.target == "members":
            ids = {each["value"] for each in resource.get("members", ())} - set(alone)
            found["members"] = frozenset(job.memory.owner(each) or each for each in ids)
        else:
            value = reference_of(resource, line)
            found[line.target] = (job.memory.owner(value) or value) if value else None
    return found


def _deactivated(job: Job, resource: Resource) -> bool:
    """Whether a resource was deleted and its directory's rules keep it, inactive."""
    return resource["id"] in job.memory.deleted and resource.get("active") is False
