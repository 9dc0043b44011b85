"""Whole cycles against the server in memory, for every mapping that is shipped."""

import pytest

from scim.cli.simulator.dialects import DEFAULT, FLAGGED, STRICT, Dialect
from scim.cli.simulator.generating import generate
from scim.cli.simulator.state import expected, observed
from tests.simulator.serving import PAIRS, staged


@pytest.mark.parametrize(
    ("name", "dialect"), PAIRS, ids=[f"{name}-{dialect.name}" for name, dialect in PAIRS]
)
async def test_a_second_cycle_and_a_restart_send_no_writes(name: str, dialect: Dialect) -> None:
    """Nasty values, case-only differences, phone numbers, managers, roles, custom attributes."""
    source = generate(24, 6, seed=11, members=(1, 8))
    stage = await staged(source, name, dialect)
    first = await stage.cycle()
    assert first.successful, first.codes
    assert first.actions["create"] == len(source.users) + len(source.groups) * (
        stage.job.mapping.of("Group") is not None
    )
    assert expected(stage.job) == await observed(stage.job)
    assert (await stage.job.initial_cycle()).writes == 0
    assert (await stage.cycle()).requests == len(stage.job.mapping.objects)
    stage.job.restart()
    stage.log.clear()
    again = await stage.cycle()
    assert again.successful, again.codes
    assert not stage.log.writes
    assert again.kind == "initial"
    assert expected(stage.job) == await observed(stage.job)


@pytest.mark.parametrize("dialect", [DEFAULT, FLAGGED, STRICT], ids=lambda each: each.name)
async def test_a_mix_of_changes_converges(dialect: Dialect) -> None:
    source = generate(30, 5, seed=3, members=(4, 10))
    stage = await staged(source, dialect=dialect)
    assert (await stage.cycle()).successful
    users, groups = source.users, source.groups
    source.add_user(userPrincipalName="new@example.com", displayName="New", manager=users[1])
    source.update(users[2], displayName="Renamed", mobile="+45 1", city="Århus", jobTitle="X")
    source.update(users[3], accountEnabled=False)
    source.unassign(users[4])
    source.delete(users[5])
    source.update(users[6], manager=users[7])
    source.update(users[8], manager=None)
    source.purge(users[9])
    source.update(groups[0], displayName='R&D "renamed" + 50%')
    source.add_members(groups[1], *users[10:20])
    source.remove_members(groups[2], *source.members(groups[2])[:2])
    source.purge(groups[3])
    source.unassign(groups[4])
    report = await stage.cycle()
    assert report.kind == "incremental"
    assert report.successful, [str(each.failure) for each in report.failures]
    assert report.actions["create"] == 1
    assert report.actions["disable"] == 3
    assert report.actions["delete"] == 3
    assert await stage.differences() == []
    assert expected(stage.job) == await observed(stage.job)

    source.update(users[3], accountEnabled=True, displayName="Back")
    source.assign(users[4])
    source.restore(users[5])
    source.assign(groups[4])
    report = await stage.cycle()
    assert report.successful, [str(each.failure) for each in report.failures]
    assert report.actions["restore"] == 3
    assert report.actions["create"] == 1
    assert await stage.differences() == []
    assert (await stage.cycle()).writes == 0
