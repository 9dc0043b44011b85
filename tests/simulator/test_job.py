"""What a job sends when, beside whole cycles: matching, anchors, on demand, leaving the scope."""

from typing import Any

import pytest

from scim.cli.simulator.dialects import FLAGGED
from scim.cli.simulator.mapping import AttributeMapping
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.state import expected, observed
from scim.cli.simulator.wire import Received
from scim.cli.simulator.work import Settings
from tests.service import USER
from tests.simulator.serving import Stage, staged

ADA: dict[str, Any] = {
    "userPrincipalName": "ada@example.com",
    "displayName": "Ada",
    "mailNickname": "ada",
}


def mapped(*matching: tuple[str, str], active: bool = True, **more: Any) -> AttributeMapping:
    """A mapping of users by some lines, matched in this order."""
    lines = [
        {"source": source, "target": target, "match": number}
        for number, (source, target) in enumerate(matching, 1)
    ]
    if not any(target == "userName" for _, target in matching):
        lines.append({"source": "userPrincipalName", "target": "userName"})
    if not any(target == "displayName" for _, target in matching):
        lines.append({"source": "displayName", "target": "displayName"})
    if active:
        switch = 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'
        lines.append({"source": switch, "target": "active"})
    users = {"source": "User", "target": "User", "attributes": lines, **more}
    return AttributeMapping.model_validate({"objects": [users]})


def asked(stage: Stage) -> list[str]:
    return [f"{each.method} {each.target}" for each in stage.log]


def shapes(stage: Stage) -> list[str]:
    """The requests without ids and values."""
    short = (each.split("?") for each in asked(stage))
    return [
        "/".join(path.split("/")[:2])
        + ("/id" if path.count("/") > 1 else "")
        + ("?" + rest[0].partition("=")[0] if rest else "")
        for path, *rest in short
    ]


# --- test connection ---


async def test_the_connection_is_tested_with_queries_for_nobody() -> None:
    stage = await staged(SourceDirectory())
    assert await stage.job.test_connection() is None
    users, *_, groups = asked(stage)
    assert users.startswith("GET /Users?filter=userName+eq+%22")
    assert groups.startswith("GET /Groups?excludedAttributes=members&filter=displayName+eq+%22")
    assert len(stage.log) == 4
    assert len(set(asked(stage))) == 4


async def test_a_connection_with_a_wrong_token_fails_its_test() -> None:
    stage = await staged(SourceDirectory())
    stage.client.token += "x"
    failure = await stage.job.test_connection()
    assert failure is not None
    assert failure.code == "SystemForCrossDomainIdentityManagementCredentialValidationFailure"


# --- sequences ---


async def test_an_initial_cycle_matches_creates_and_then_sends_references() -> None:
    source = SourceDirectory()
    boss = source.add_user(**{**ADA, "userPrincipalName": "boss@example.com"})
    ada = source.add_user(**{**ADA, "mailNickname": "a"}, manager=boss)
    source.add_group(ada, boss, displayName="Sales", objectId="g")
    stage = await staged(source, settings=Settings(connections=1, batch=1))
    assert (await stage.cycle()).successful
    assert shapes(stage) == [
        "GET /Users?filter",
        "GET /Groups?excludedAttributes",
        *["GET /Users?filter", "POST /Users"] * 2,
        "GET /Users?attributes",
        "PATCH /Users/id",
        "GET /Groups?excludedAttributes",
        "POST /Groups",
        *["PATCH /Groups/id"] * 2,
    ]
    manager = next(each for each in stage.log if each.target.startswith("/Users?attributes"))
    assert "attributes=id&filter=id+eq+%22" in manager.target
    assert "+and+manager+eq+%22" in manager.target


async def test_an_incremental_cycle_reads_by_id_and_sends_differences() -> None:
    source = SourceDirectory()
    ada = source.add_user(**ADA)
    stage = await staged(source)
    await stage.cycle()
    stage.log.clear()
    source.update(ada, displayName="Ada L.")
    report = await stage.cycle()
    assert shapes(stage)[2:] == ["GET /Users/id", "PATCH /Users/id"]
    (operation,) = stage.log.last.body["Operations"]
    assert operation == {"op": "Replace", "path": "displayName", "value": "Ada L."}
    (event,) = report.events
    assert (event.action, event.before, event.after) == (
        "update", {"displayName": "Ada"}, {"displayName": "Ada L."}
    )  # fmt: skip


async def test_a_purge_reads_and_deletes() -> None:
    source = SourceDirectory()
    ada = source.add_user(**ADA)
    stage = await staged(source)
    await stage.cycle()
    source.delete(ada)
    assert dict((await stage.cycle()).actions) == {"disable": 1}
    stage.log.clear()
    source.purge(ada)
    assert dict((await stage.cycle()).actions) == {"delete": 1}
    assert shapes(stage)[2:] == ["GET /Users/id", "DELETE /Users/id"]
    assert expected(stage.job) == await observed(stage.job) == {}


async def test_who_was_unassigned_first_is_not_deleted_by_a_purge() -> None:
    source = SourceDirectory()
    ada = source.add_user(**ADA)
    stage = await staged(source)
    await stage.cycle()
    source.unassign(ada)
    await stage.cycle()
    source.delete(ada)
    source.purge(ada)
    stage.log.clear()
    assert dict((await stage.cycle()).actions) == {"skip": 1}
    assert not stage.log.writes
    assert await stage.differences() == []


async def test_without_active_who_leaves_the_scope_is_deleted() -> None:
    source = SourceDirectory()
    ada = source.add_user(**ADA)
    mapping = mapped(("userPrincipalName", "userName"), active=False)
    stage = await staged(source, mapped=mapping)
    await stage.cycle()
    source.unassign(ada)
    assert dict((await stage.cycle()).actions) == {"delete": 1}
    source.assign(ada)
    assert dict((await stage.cycle()).actions) == {"create": 1}


async def test_skipping_out_of_scope_deletions_lets_them_alone() -> None:
    source = SourceDirectory()
    ada, bob = source.add_user(**ADA), source.add_group(displayName="Sales")
    stage = await staged(source, settings=Settings(skips_out_of_scope=True))
    await stage.cycle()
    source.unassign(ada)
    source.unassign(bob)
    report = await stage.cycle()
    assert report.writes == 0
    assert dict(report.actions) == {"skip": 2}
    assert await stage.differences() == []


async def test_a_scoping_filter_disables_who_does_not_pass_any_more() -> None:
    source = SourceDirectory()
    ada = source.add_user(**ADA, country="DK")
    source.add_user(userPrincipalName="bob@example.com", country="SE")
    clause = {"attribute": "country", "operator": "EQUALS", "value": "DK"}
    mapping = mapped(("userPrincipalName", "userName"), filters=[[clause]])
    stage = await staged(source, mapped=mapping)
    assert dict((await stage.cycle()).actions) == {"create": 1, "skip": 1}
    source.update(ada, country="NO", displayName="not sent")
    assert dict((await stage.cycle()).actions) == {"disable": 1}
    (operation,) = stage.log.last.body["Operations"]
    assert operation["path"] == "active"
    assert await stage.differences() == []


async def test_who_is_disabled_in_the_source_is_not_created() -> None:
    source = SourceDirectory()
    source.add_user(**ADA, accountEnabled=False)
    stage = await staged(source)
    assert dict((await stage.cycle()).actions) == {"skip": 1}
    assert [each.method for each in stage.log] == ["GET"] * 3  # for nobody, and for who it is


# --- matching ---


async def test_matching_stops_at_the_first_attribute_that_gives_a_result() -> None:
    source = SourceDirectory()
    source.add_user(**ADA, objectId="o-1", mail="ada@example.com")
    lines = (
        ("objectId", "externalId"),
        ("userPrincipalName", "userName"),
        ("mail", 'emails[type eq "work"].value'),
    )
    stage = await staged(source, mapped=mapped(*lines))
    await stage.client.user("Ada@Example.com")
    report = await stage.cycle()
    assert [each.split("=")[1].split("+")[0] for each in asked(stage)[1:3]] == [
        "externalId", "userName"
    ]  # fmt: skip
    assert shapes(stage)[3:] == ["GET /Users/id", "PATCH /Users/id"]
    assert dict(report.actions) == {"update": 1}
    assert await stage.differences() == []


async def test_an_attribute_that_is_null_is_not_matched_by() -> None:
    source = SourceDirectory()
    source.add_user(**ADA)
    mapping = mapped(("employeeId", "externalId"), ("userPrincipalName", "userName"))
    stage = await staged(source, mapped=mapping)
    await stage.cycle()
    assert not [each for each in asked(stage)[1:] if "externalId" in each]


async def test_several_matches_are_a_failure_and_nothing_is_written() -> None:
    source = SourceDirectory()
    source.add_user(**ADA)
    stage = await staged(source, mapped=mapped(("displayName", "displayName")))
    for _ in range(2):
        await stage.client.user(displayName="Ada")
    report = await stage.cycle()
    assert dict(report.codes) == {"DuplicateTargetEntries": 1}
    assert report.writes == 0


async def test_two_objects_that_match_one_resource_are_a_failure() -> None:
    source = SourceDirectory()
    source.add_user(**ADA, mail="shared@example.com")
    source.add_user(userPrincipalName="other@example.com", mail="shared@example.com")
    mapping = mapped(("mail", 'emails[type eq "work"].value'), ("userPrincipalName", "userName"))
    stage = await staged(source, mapped=mapping, settings=Settings(connections=1))
    assert dict((await stage.cycle()).codes) == {"DuplicateSourceEntries": 1}


async def test_who_has_no_value_to_match_by_is_a_failure() -> None:
    source = SourceDirectory()
    source.add_user(displayName="Nobody")
    stage = await staged(source)
    assert dict((await stage.cycle()).codes) == {"MandatoryFieldsMissing": 1}


# --- anchors and restart ---


async def test_a_lost_anchor_is_a_failure_until_the_restart() -> None:
    source = SourceDirectory()
    ada = source.add_user(**ADA)
    stage = await staged(source)
    await stage.cycle()
    await stage.client.delete(f"/Users/{stage.job.memory.anchors[ada].id}")
    source.update(ada, displayName="Ada L.")
    assert dict((await stage.cycle()).codes) == {"InvalidAnchor": 1}
    stage.clock.pass_by(hours=7)
    assert dict((await stage.cycle()).codes) == {"InvalidAnchor": 1}
    stage.job.restart()
    assert dict((await stage.cycle()).actions) == {"create": 1}
    assert await stage.differences() == []


async def test_a_rename_is_not_a_new_match() -> None:
    source = SourceDirectory()
    ada = source.add_user(**ADA)
    stage = await staged(source)
    await stage.cycle()
    source.update(ada, userPrincipalName="ada.l@example.com")
    assert dict((await stage.cycle()).actions) == {"update": 1}
    assert await stage.differences() == []


async def test_members_of_a_group_that_was_found_are_asked_for_and_not_added_again() -> None:
    source = SourceDirectory()
    people = [source.add_user(userPrincipalName=f"{n}@example.com") for n in range(3)]
    group = source.add_group(*people[:2], displayName="Sales")
    stage = await staged(source)
    await stage.cycle()
    stage.job.restart()
    source.add_members(group, people[2])
    stage.log.clear()
    assert (await stage.cycle()).writes == 1
    assert len(stage.log.last.body["Operations"][0]["value"]) == 1
    assert sum("+and+members+eq+" in each for each in asked(stage)) == 3


async def test_references_follow_when_who_they_name_comes_into_scope() -> None:
    source = SourceDirectory()
    boss = source.add_user(userPrincipalName="boss@example.com", assigned=False)
    ada = source.add_user(**ADA, manager=boss)
    source.add_group(ada, boss, displayName="Sales", assigned=False)
    source.assign(source.groups[0])
    source.unassign(source.groups[0])
    group = source.add_group(ada, displayName="Support")
    stage = await staged(source)
    await stage.cycle()
    source.assign(boss)
    source.add_members(group, boss)
    assert (await stage.cycle()).successful
    assert await stage.differences() == []
    shown = await observed(stage.job)
    assert boss in shown[group]["members"]
    assert boss in shown[ada].values()


# --- on demand ---


async def test_on_demand_provisions_one_user_without_the_flag() -> None:
    source = SourceDirectory()
    boss = source.add_user(userPrincipalName="boss@example.com")
    ada = source.add_user(**ADA, manager=boss)
    stage = await staged(source, dialect=FLAGGED)
    done = await stage.job.provision(boss)
    assert (done.matched, [each.action for each in done.events]) == (None, ["create"])
    done = await stage.job.provision(ada)
    assert [each.action for each in done.events] == ["create", "update"]
    assert stage.log.last.body["Operations"][0]["op"] == "Add"
    source.update(ada, displayName="Ada L.", accountEnabled=False)
    done = await stage.job.provision(ada)
    assert done.matched == stage.job.memory.anchors[ada].id
    assert done.successful
    assert done.events[0].action == "disable"
    assert done.events[0].before == {"displayName": "Ada", "active": True}
    paths = {each["path"]: each["value"] for each in stage.log.last.body["Operations"]}
    assert paths == {"displayName": "Ada L.", "active": "False"}
    await stage.cycle()
    assert await stage.differences() == []


async def test_on_demand_finds_who_was_there_before() -> None:
    source = SourceDirectory()
    boss, ada = source.add_user(userPrincipalName="boss@example.com"), source.add_user(**ADA)
    source.update(ada, manager=boss)
    stage = await staged(source)
    ids = [(await stage.client.user(each)).id for each in ("ada@example.com", "BOSS@example.com")]
    done = await stage.job.provision(ada)
    assert done.matched == ids[0]
    assert [each.action for each in done.events] == ["update", "update"]
    assert done.events[1].after == {done.by[0]: ids[1]} or ids[1] in done.events[1].after.values()


async def test_on_demand_sends_at_most_five_members() -> None:
    source = SourceDirectory()
    people = [source.add_user(userPrincipalName=f"{n}@example.com") for n in range(7)]
    group = source.add_group(*people, displayName="Sales")
    stage = await staged(source)
    with pytest.raises(ValueError, match="at most 5"):
        await stage.job.provision(group, people[:6])
    for each in people:
        await stage.job.provision(each)
    done = await stage.job.provision(group, people[:5])
    assert done.successful
    assert len(done.events[1].after["members"]) == 5  # type: ignore[arg-type]
    await stage.cycle()
    assert await stage.differences() == []


async def test_on_demand_skips_who_is_not_in_scope() -> None:
    source = SourceDirectory()
    ada = source.add_user(**ADA, assigned=False)
    stage = await staged(source)
    done = await stage.job.provision(ada)
    assert (done.scope, done.events[0].action) == ("out", "skip")
    assert not stage.log.writes


async def test_on_demand_says_what_was_refused() -> None:
    source = SourceDirectory()
    ada = source.add_user(**ADA)
    mapping = mapped(("mailNickname", "externalId"))
    stage = await staged(source, mapped=mapping)
    await stage.client.post("/Users", {"schemas": [USER], "userName": ADA["userPrincipalName"]})
    done = await stage.job.provision(ada)
    assert done.failure is not None
    assert done.failure.code == "EntryConflict"
    assert isinstance(done.failure.received, Received)
    assert done.failure.received.status == 409
