"""What several checks do with a person or a group, and what they look at afterwards."""

from collections.abc import Collection, Mapping
from typing import Any

from scim.cli.rehearsal.check import Failed, Skipped
from scim.cli.rehearsal.trial import Subject, Trial, matching
from scim.cli.simulator.compare import reference_of, values_of
from scim.cli.simulator.dialects import Dialect
from scim.cli.simulator.mapping import Line
from scim.cli.simulator.targets import get, need


async def replaced(
    trial: Trial, subject: Subject, dialect: Dialect, *, whole: bool = False
) -> None:
    """Replace all that can change, as a dialect writes it."""
    objects = subject.objects
    values = trial.samples.values(objects, trial.changeable(objects), subject.values)
    if not values:
        raise Skipped("the mapping has nothing that can be replaced")
    await trial.change(subject, values, dialect, whole=whole)


async def added(trial: Trial, dialect: Dialect, *, whole: bool = False) -> None:
    """Add all that somebody made with the least does not have."""
    subject = await trial.make(trial.users, least=True)
    # A service may have needed all of it, which is replaced then.
    lines = trial.changeable(trial.users)
    lines = [each for each in lines if each.target not in subject.values] or lines
    values = trial.samples.values(trial.users, lines, subject.values)
    if not values:
        raise Skipped("the mapping has nothing that can be added")
    await trial.change(subject, values, dialect, whole=whole)


async def renamed(trial: Trial, subject: Subject) -> None:
    """Change what a resource is matched by."""
    line, before = matching(subject.objects), subject.name
    new = trial.samples.values(subject.objects, [line], subject.values)
    if line.path.plain and line.path.urn is None and line.path.sub is None:
        operation: dict[str, Any] = {"op": "replace", "value": new}
    else:
        operation = {"op": "replace", "path": line.target, "value": new[line.target]}
    await trial.patch(subject, operation)
    subject.values |= new
    await trial.shows(subject, new)
    await trial.found(subject)
    if await trial.find(subject.objects, line.target, before):
        raise Failed(f"The search by the former {line.target} still finds somebody")


async def managed(trial: Trial, subject: Subject, operation: Any, due: str | None) -> None:
    """Change the manager and see who it is then."""
    line = next(each for each in trial.users.references if each.expression.direct == "manager")
    await trial.patch(subject, {**operation, "path": line.target})
    shown = reference_of(await trial.read(subject), line)
    if shown != due:
        raise Failed(f"{line.target} is {'not there' if shown is None else 'another one'}")


def absent(line: Line, resource: Any) -> None:
    """Raise Failed when something is shown at a line's target."""
    if line.target in values_of(resource, [line]):
        raise Failed(f"{line.target} is still there")


def case_folded(line: Line) -> None:
    """Skipped for what is compared letter by letter: externalId (RFC 7643 §3.1)."""
    if line.path.leaf is not None and line.path.leaf.case_exact:
        raise Skipped(f"the letter case of {line.target} counts")


async def peopled(trial: Trial) -> tuple[set[str], Subject]:
    """Make a group, with a member when the mapping has members and people."""
    if not (trial.context.has("members") and trial.context.has("users")):
        return set(), await trial.group()
    person = await trial.person()
    return {person.id}, await trial.group(members=[person])


def hidden(group: Mapping[str, Any]) -> None:
    """Raise Failed when members are shown."""
    if get(group, "members") is not None:
        raise Failed("The group shows members though excludedAttributes=members leaves them out")


def consists(group: Mapping[str, Any], due: Collection[str]) -> None:
    """Raise Failed unless a group has exactly these members."""
    members = need(get(group, "members"), list, "members") or []
    shown = {str((need(each, dict, "members") or {}).get("value")) for each in members}
    lost, more = len(set(due) - shown), len(shown - set(due))
    if lost or more:
        raise Failed(f"Of {len(due)} members that are due, {lost} are missing; {more} others show")
