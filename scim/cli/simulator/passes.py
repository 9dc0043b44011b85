"""The passes of one cycle, in their order: purges, users, managers, groups, members.

References come after what they refer to. Purged objects go first, so that somebody new who has the
names of somebody purged is not taken for them.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.pacing import side_by_side
from scim.cli.simulator.provisioning import provision, purge
from scim.cli.simulator.references import send_managers, send_members
from scim.cli.simulator.work import Work


async def run(work: Work, ids: Iterable[str]) -> None:
    """Bring these objects to what the source says; Stopped ends it.

    Whose references failed, or can be sent only now, is looked at, too.
    """
    chosen = list(dict.fromkeys(ids))
    again = work.memory.escrow.due("reference", work.now)
    users, groups = set(work.source.users), set(work.source.groups)
    await _purge(work, [each for each in chosen if each not in users and each not in groups])
    for source, present in (("User", users), ("Group", groups)):
        objects = work.mapping.of("User" if source == "User" else "Group")
        if objects is None:
            continue
        of_kind = [each for each in chosen if each in present]
        await _provision(work, objects, of_kind)
        referrers = [each for each in (*again, *work.memory.referrers) if each in present]
        send = send_managers if source == "User" else send_members
        await send(work, objects, [*of_kind, *referrers])


async def _provision(work: Work, objects: Objects, ids: Sequence[str]) -> None:
    async def do(id: str) -> None:
        await work.attempt(id, "object", partial(provision, work, objects, id))

    await side_by_side(ids, do, work.settings.connections)


async def _purge(work: Work, ids: Sequence[str]) -> None:
    async def do(id: str) -> None:
        anchor = work.memory.anchors.get(id)
        objects = work.mapping.of(anchor.source) if anchor else None
        if objects is None:
            work.memory.forget(id, deleted=False)
        else:
            await work.attempt(id, "object", partial(purge, work, objects, id))

    await side_by_side(ids, do, work.settings.connections)
