"""Whole cycles against the server in memory, for every mapping that is shipped."""

import pytest

from scim.cli.simulator.dialects import DEFAULT, FLAGGED, STRICT, Dialect
from scim.cli.simulator.generating import generate
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.state import expected, observed
from scim.cli.simulator.work import Settings
from tests.simulator.making import ROLES, with_lines
from tests.simulator.serving import PAIRS, change, open_preset, staged


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


@pytest.mark.parametrize(
    ("name", "dialect"), PAIRS, ids=[f"{name}-{dialect.name}" for name, dialect in PAIRS]
)
async def test_every_directory_follows_its_source(name: str, dialect: Dialect) -> None:
    source = generate(24, 6, seed=12, members=(4, 10))
    stage = await staged(source, name, dialect)
    await stage.cycle()
    change(source)
    report = await stage.cycle()
    assert report.successful, [str(each.failure) for each in report.failures]
    assert await stage.differences() == []
    assert expected(stage.job) == await observed(stage.job)
    assert (await stage.job.initial_cycle()).writes == 0


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


CUSTOM = "urn:ietf:params:scim:schemas:extension:custom:2.0:User"


@pytest.mark.parametrize("roles", ROLES)
@pytest.mark.parametrize("dialect", [DEFAULT, FLAGGED], ids=lambda each: each.name)
async def test_roles_and_custom_attributes_come_to_rest(dialect: Dialect, roles: str) -> None:
    """Through cycles, with roles that come and go."""
    lines = [{"source": "extensionAttribute1", "target": f"{CUSTOM}:costCenter"}, *ROLES[roles]]
    client = await open_preset("default", "costCenter:string")
    source = generate(16, 0, seed=6)
    stage = await staged(source, dialect=dialect, mapped=with_lines(*lines), client=client)
    assert (await stage.cycle()).successful
    assert (await stage.job.initial_cycle()).writes == 0
    roled = [each for each in source.users if source.roles(each)]
    assert len(roled) > 3
    source.assign(roled[0], *source.roles(roled[1])[:1])
    source.assign(source.users[0], *source.roles(roled[2]))
    report = await stage.cycle()
    assert report.successful, report.codes
    assert (await stage.job.initial_cycle()).writes == 0
    assert await stage.differences() == []


async def test_a_change_of_case_alone_is_sent_and_comes_to_rest() -> None:
    source = SourceDirectory()
    ada = source.add_user(userPrincipalName="ada@example.com", displayName="ada")
    group = source.add_group(ada, displayName="sales")
    stage = await staged(source)
    await stage.cycle()
    source.update(ada, displayName="Ada", userPrincipalName="Ada@Example.com")
    source.update(group, displayName="Sales")
    assert dict((await stage.cycle()).actions) == {"update": 2}
    assert (await stage.job.initial_cycle()).writes == 0
    assert await stage.differences() == []


async def test_a_server_that_loses_a_value_is_found_by_the_comparison() -> None:
    """Neither an attribute nor a member that is not there goes unseen, nor somebody too many."""
    source = generate(4, 1, seed=8, members=(2, 2))
    stage = await staged(source)
    await stage.cycle()
    ids = {id: stage.job.memory.anchors[id].id for id in source.users}
    first, (group,) = source.users[0], source.groups
    member = source.members(group)[0]
    await stage.client.patch(
        f"/Users/{ids[first]}", {"op": "replace", "path": "displayName", "value": "another"}
    )
    await stage.client.patch(
        f"/Groups/{stage.job.memory.anchors[group].id}",
        {"op": "remove", "path": f'members[value eq "{ids[member]}"]'},
    )
    await stage.client.user("surplus@example.com")
    found = sorted(each.partition(":")[2] or each for each in await stage.differences())
    assert len(found) == 3
    assert any("displayName is 'another'" in each for each in found)
    assert any(each.endswith("should not be") for each in found)
    assert any("members lacks" in each for each in found)


@pytest.mark.parametrize("batch", [1, 7, 1000])
async def test_members_are_sent_in_parallel_and_none_is_lost(batch: int) -> None:
    source = generate(45, 0, seed=1)
    group = source.add_group(*source.users, displayName="All")
    stage = await staged(source, settings=Settings(connections=32, batch=batch))
    assert (await stage.cycle()).successful
    assert await stage.differences() == []
    source.remove_members(group, *source.users[:40])
    assert (await stage.cycle()).writes == -(-40 // batch)
    assert await stage.differences() == []
