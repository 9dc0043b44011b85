"""The acts of the simulated job: what changes in the source before each cycle, and what is due.

Each act goes on where the one before ended, so they are run in their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from scim.cli.rehearsal.check import Need
from scim.cli.rehearsal.cycles import Play, Stage
from scim.cli.simulator.generating import ROLES

_PAGE = "Microsoft Learn, how-provisioning-works"


@dataclass(frozen=True)
class Act:
    """One act, as data, and what is done in it; `needs` is what the mapping must have."""

    id: str
    title: str
    proves: str
    source: str
    play: Play = field(repr=False, compare=False)
    needs: tuple[Need, ...] = ()
    mandatory: bool = True


async def _connect(stage: Stage) -> None:
    """Ask for nobody, as the button Test connection does."""
    if (failure := await stage.job.test_connection()) is not None:
        raise stage.failed([failure])


async def _begin(stage: Stage) -> None:
    """Match and create everybody, then send managers and members."""
    await stage.cycle()
    await stage.converged()


async def _again(stage: Stage) -> None:
    """Look at everybody once more: after a cycle without changes, and after a restart."""
    await stage.quiet(await stage.cycle())
    stage.job.restart()
    await stage.quiet(await stage.cycle())


async def _change(stage: Stage) -> None:
    """Change names, contact data, managers and members; add somebody; rename a group."""
    source, users, groups = stage.source, stage.users, stage.groups
    for number, id in enumerate(users):
        held = source.user(id)
        if number % 3 == 0:
            source.update(
                id, displayName=f"{held.get('displayName')} (new)", jobTitle="Head of R&D"
            )
        elif number % 3 == 1:
            source.update(id, mobile=f"+45 2000-{number:04}", city="Århus", surname="O'Neill-Æ")
        elif "displayName" in held:  # letter case alone: has to be stored as sent
            source.update(id, displayName=str(held["displayName"]).swapcase())
    if len(users) > 2:
        source.update(users[-1], manager=users[0])
        source.update(users[-2], manager=None)
    source.add_user(**stage.newcomer())
    for number, id in enumerate(groups):
        members = source.members(id)
        if number % 2 == 0:
            source.update(id, displayName=f"{source.group(id)['displayName']} (new)")
        source.remove_members(id, *members[:2])
        source.add_members(id, *users[: min(8, len(users))])
    await stage.cycle()
    await stage.converged()


async def _disable(stage: Stage) -> None:
    """Block one person's sign-in, unassign another, delete a third: all are disabled."""
    blocked, unassigned, deleted = chosen = stage.three
    for group in stage.source.groups:  # an assigned group keeps its members in scope
        stage.source.remove_members(group, unassigned)
    stage.source.update(blocked, accountEnabled=False)
    stage.source.unassign(unassigned)
    stage.source.delete(deleted)
    await stage.cycle()
    await stage.converged()
    for each in chosen:
        await stage.found(each, active=False)


async def _restore(stage: Stage) -> None:
    """Take all of that back."""
    blocked, unassigned, deleted = stage.three
    stage.source.update(blocked, accountEnabled=True)
    stage.source.assign(unassigned)
    stage.source.restore(deleted)
    await stage.cycle()
    await stage.converged()


async def _on_demand(stage: Stage) -> None:
    """Provision one person, and one group with a few members, at once."""
    user = stage.users[0]
    stage.source.update(user, displayName="Provisioned on demand")
    done = [await stage.job.provision(user)]
    if stage.groups:
        group = stage.groups[0]
        done.append(await stage.job.provision(group, stage.source.members(group)[:5]))
    if failures := [each.failure for each in done if each.failure is not None]:
        raise stage.failed(failures)
    await stage.converged()


async def _assign_roles(stage: Stage) -> None:
    """Hire somebody with a role, give another, several, fewer, none; look twice each time."""
    id = stage.source.add_user(**stage.newcomer("roles"))
    for held in (ROLES[:1], ROLES[1:2], ROLES[1:], ROLES[2:], ()):
        stage.source.assign(id, *held)
        await stage.cycle()
        await stage.converged()
        await stage.unrepeated(id, "roles")
        stage.source.update(id)  # looked at once more, with nothing changed
        await stage.quiet(await stage.cycle())


async def _delete(stage: Stage) -> None:
    """Purge some people, and a group."""
    gone = [*stage.users[-2:], *stage.groups[-1:]]
    ids = [stage.path(each) for each in gone]
    for each in gone:
        stage.source.purge(each)
    await stage.cycle()
    for path in ids:
        if path is not None:
            await stage.gone(path)
    await stage.converged()


async def _quote(stage: Stage) -> None:
    """Give such a name to what is matched by its name, and look for it again."""
    stage.quoted()
    await stage.cycle()
    stage.job.restart()
    await stage.quiet(await stage.cycle())


ACTS: Sequence[Act] = (
    Act(
        "C1",
        "Test connection",
        "The address and the token are right, and a query for nobody is answered with an empty"
        " list.",
        "the button Test connection in Entra's provisioning settings",
        _connect,
    ),
    Act(
        "C2",
        "Initial cycle",
        "Everybody in scope is created with all mapped attributes, managers and members, and shown"
        " again exactly as sent.",
        _PAGE,
        _begin,
    ),
    Act(
        "C3",
        "A second cycle and a restart write nothing",
        "What is shown compares equal to what was sent, so that Entra does not update the same"
        " people for ever.",
        _PAGE,
        _again,
    ),
    Act(
        "C4",
        "Incremental cycle with changes",
        "Changed names, contact data, managers and members arrive, also where only letter case"
        " changed, and nothing else changes.",
        _PAGE,
        _change,
    ),
    Act(
        "C5",
        "Disable",
        "Who is blocked, unassigned or deleted in Entra becomes inactive and can still be found.",
        _PAGE,
        _disable,
        ("active",),
    ),
    Act(
        "C6",
        "Restore",
        "Who comes back is active again, as the same resource, with all attributes.",
        _PAGE,
        _restore,
        ("active",),
    ),
    Act(
        "C7",
        "Provision on demand",
        "A single person or group can be provisioned at once, as administrators do to try it.",
        "Microsoft Learn, provision-on-demand",
        _on_demand,
    ),
    Act(
        "C11",
        "App roles",
        "Roles that are assigned, changed and taken away in Entra arrive as the mapping's"
        " expression says, each once, and are not sent again.",
        "Microsoft Learn, customize-application-attributes, Provisioning a role to a SCIM app",
        _assign_roles,
        ("roles",),
    ),
    Act(
        "C8",
        "Delete",
        "Who is deleted for good in Entra is deleted, or at least inactive.",
        _PAGE,
        _delete,
    ),
    Act(
        "C9",
        "A restart after all of it writes nothing",
        "After changes, the state is still the source's: a restart of the job finds everybody and"
        " updates nobody.",
        _PAGE,
        _again,
    ),
    Act(
        "C10",
        "Names with quotes, backslashes and percent signs",
        "A group is found by a displayName that has these in it. Microsoft's library sends them in"
        " a filter as they are; whether Entra does is not known.",
        "Microsoft's SCIM library, FilterExpression",
        _quote,
        mandatory=False,
    ),
)
