"""The source: who is in scope, and what the change feed says."""

from collections.abc import Callable

import pytest

from scim.cli.simulator.generating import generate
from scim.cli.simulator.roles import AppRole
from scim.cli.simulator.source import SourceDirectory

ADMIN, USER = AppRole("Admin", "Admin"), AppRole("User", "User")


@pytest.fixture
def directory() -> SourceDirectory:
    return SourceDirectory()


def test_a_user_is_read_with_what_the_job_computes(directory: SourceDirectory) -> None:
    id = directory.add_user(displayName="Ada", mail=None)
    directory.assign(id, ADMIN)
    assert directory.user(id) == directory.entry(id) == {
        "objectId": id, "displayName": "Ada", "accountEnabled": True, "IsSoftDeleted": "False",
        "appRoleAssignments": [ADMIN],
    }  # fmt: skip


def test_who_is_out_of_scope_is_soft_deleted_for_the_job(directory: SourceDirectory) -> None:
    """Unassigned, in the recycle bin, not enabled: the mapping sees one attribute."""
    id = directory.add_user()
    assert directory.user(id)["IsSoftDeleted"] == "False"
    directory.unassign(id)
    assert directory.is_soft_deleted(id)
    directory.assign(id)
    directory.update(id, accountEnabled=False)
    assert directory.is_soft_deleted(id)
    directory.update(id, accountEnabled=True)
    directory.delete(id)
    assert directory.user(id)["IsSoftDeleted"] == "True"
    assert directory.is_deleted(id)
    directory.restore(id)
    assert directory.is_in_scope(id)


def test_a_group_brings_its_direct_members_into_scope_and_no_others(
    directory: SourceDirectory,
) -> None:
    ada, bob = directory.add_user(assigned=False), directory.add_user(assigned=False)
    inner = directory.add_group(bob, assigned=False)
    outer = directory.add_group(ada, inner)
    assert directory.is_assigned(ada)
    assert not directory.is_assigned(bob)
    assert not directory.is_assigned(inner)
    assert directory.is_in_scope(outer)
    assert directory.members(outer) == (ada, inner)
    directory.remove_members(outer, ada)
    assert not directory.is_assigned(ada)


def test_everybody_can_be_in_scope() -> None:
    directory = SourceDirectory(everybody=True)
    assert directory.is_in_scope(directory.add_user(assigned=False))
    assert directory.is_in_scope(directory.add_group(assigned=False))


def test_roles_come_by_own_assignments_and_those_of_groups(directory: SourceDirectory) -> None:
    ada = directory.add_user()
    group = directory.add_group(ada)
    directory.assign(ada, ADMIN)
    directory.assign(group, USER, ADMIN)
    assert directory.roles(ada) == [ADMIN, USER]
    directory.update(ada, appRoleAssignments=["Owner"])
    assert directory.user(ada)["appRoleAssignments"] == ["Owner"]
    with pytest.raises(ValueError, match="appRoleAssignments"):
        directory.update(ada, appRoleAssignments=[{"id": "1"}])


def test_who_is_in_the_recycle_bin_is_no_member_until_restored(directory: SourceDirectory) -> None:
    ada = directory.add_user()
    group = directory.add_group(ada)
    directory.delete(ada)
    assert directory.members(group) == ()
    assert directory.group(group)["members"] == []
    directory.restore(ada)
    assert directory.members(group) == (ada,)


def test_the_feed_has_each_change_once_and_in_order(directory: SourceDirectory) -> None:
    ada, bob = directory.add_user(), directory.add_user()
    sales = directory.add_group(ada)
    users, groups, mark = directory.changes()
    assert (users, groups) == ((bob, ada), (sales,))  # ada became a member last
    assert directory.changes(mark) == ((), (), mark)
    directory.update(ada, displayName="A")
    directory.update(bob, displayName="B")
    directory.update(ada, displayName="A.")
    assert directory.changes(mark).users == (bob, ada)
    assert directory.changes(mark).groups == ()


def test_whatever_changes_somebody_s_scope_is_in_the_feed(directory: SourceDirectory) -> None:
    ada, bob = directory.add_user(assigned=False), directory.add_user(assigned=False)
    sales = directory.add_group(ada, assigned=False)
    steps: list[tuple[Callable[[], None], set[str], set[str]]] = [
        (lambda: directory.assign(sales), {ada}, {sales}),
        (lambda: directory.add_members(sales, bob), {bob}, {sales}),
        (lambda: directory.remove_members(sales, bob), {bob}, {sales}),
        (lambda: directory.delete(ada), {ada}, {sales}),
        (lambda: directory.restore(ada), {ada}, {sales}),
        (lambda: directory.unassign(sales), {ada}, {sales}),
        (lambda: directory.add_members(sales, bob), set(), {sales}),
        (lambda: directory.assign(bob), {bob}, set()),
        (lambda: directory.unassign(bob), {bob}, set()),
    ]
    for number, (step, users, groups) in enumerate(steps):
        mark = directory.watermark
        step()
        changes = directory.changes(mark)
        assert set(changes.users) == users, number
        assert set(changes.groups) == groups, number


def test_who_is_purged_leaves_groups_and_reports_and_is_in_the_feed(
    directory: SourceDirectory,
) -> None:
    boss, ada = directory.add_user(), directory.add_user()
    directory.update(ada, manager=boss)
    sales = directory.add_group(boss, ada)
    mark = directory.watermark
    directory.purge(boss)
    changes = directory.changes(mark)
    assert set(changes.users) == {boss, ada}
    assert changes.groups == (sales,)
    assert boss not in directory
    assert "manager" not in directory.user(ada)
    assert directory.members(sales) == (ada,)
    mark = directory.watermark
    directory.purge(sales)
    assert directory.changes(mark)[:2] == ((ada,), (sales,))
    assert directory.groups == []
    assert directory.users == [ada]


def test_a_manager_who_was_changed_is_no_longer_missed(directory: SourceDirectory) -> None:
    one, other, ada = (directory.add_user() for _ in range(3))
    directory.update(ada, manager=one)
    directory.update(ada, manager=other)
    directory.purge(one)
    assert directory.user(ada)["manager"] == other


def test_an_attribute_is_taken_away_by_null(directory: SourceDirectory) -> None:
    id = directory.add_user(jobTitle="Dr")
    directory.update(id, jobTitle=None)
    assert "jobTitle" not in directory.user(id)


def test_who_is_not_there_is_an_error(directory: SourceDirectory) -> None:
    group = directory.add_group()
    mark = directory.watermark
    refused: list[Callable[[], object]] = [
        lambda: directory.update("x", a="1"),
        lambda: directory.delete(group),
        lambda: directory.restore("x"),
        lambda: directory.purge("x"),
        lambda: directory.assign("x"),
        lambda: directory.unassign("x"),
        lambda: directory.add_members(group, group, "x"),
        lambda: str(directory.add_group("x")),
    ]
    for wrong in refused:
        with pytest.raises(KeyError):
            wrong()
    assert directory.changes(mark) == ((), (), mark)
    assert directory.groups == [group]
    with pytest.raises(ValueError, match="appRoleAssignments"):
        directory.add_user(appRoleAssignments=[7])
    assert directory.users == []
    with pytest.raises(ValueError, match="another object"):
        directory.add_user(objectId=group)


# --- made up ---


def test_a_seed_makes_the_same_directory_again() -> None:
    one, other = generate(50, 5, 7), generate(50, 5, 7)
    assert [one.entry(each) for each in one.users] == [other.entry(each) for each in other.users]
    assert [one.entry(each) for each in one.groups] == [other.entry(each) for each in other.groups]
    assert generate(50, 5, 8).users != one.users


@pytest.mark.parametrize("nasty", [True, False])
def test_names_are_unique_in_any_letter_case(nasty: bool) -> None:
    made = generate(300, 40, 1, nasty=nasty, tag="-t")
    for name in ("userPrincipalName", "mailNickname", "mail", "objectId"):
        assert len({made.user(each)[name].lower() for each in made.users}) == 300
    assert len({made.group(each)["displayName"].lower() for each in made.groups}) == 40


def test_what_is_nasty_is() -> None:
    made = generate(300, 20, 1)
    users = "".join(str(v) for each in made.users for v in made.user(each).values())
    groups = "".join(made.group(each)["displayName"] for each in made.groups)
    for character in "\"\\+'&":
        assert character in users
        assert character in groups
    for text in (users, groups):
        assert not text.isascii()


def test_managers_form_trees_and_groups_have_their_size() -> None:
    made = generate(200, 10, 3, members=(20, 30))
    for id in made.users:
        above = [id]
        while manager := made.user(above[-1]).get("manager"):
            assert manager not in above
            above.append(manager)
    assert all(20 <= len(made.members(each)) <= 30 for each in made.groups)
    assert any(made.roles(each) for each in made.users)
