"""Every promise of the repository's port (`scim/repository.py`), passed by each store.

A test's docstring is the sentence that it proves. Whoever writes a store subclasses the class and
gives it a fixture `repository`: an empty directory.
"""

import copy

import pytest

from scim.errors import TooLarge
from scim.repository import Gone, MemberEdit, Missing, Repository, Stale, Taken
from storage.rows import LARGEST
from tests.storage.contract_indexing import Indexing
from tests.storage.contract_journal import Journals
from tests.storage.contract_many import Many
from tests.storage.contract_races import Races
from tests.storage.contract_tombstones import Tombs
from tests.storage.making import (
    GROUP,
    HOSTILE,
    URN,
    USER,
    change,
    creation,
    group,
    in_group,
    listed,
    looked_up,
    members,
    resource,
    user,
    users,
)

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class RepositoryContract(Indexing, Many, Races, Journals, Tombs):
    """What holds for every store, whatever it keeps the resources in."""

    async def test_a_resource_is_read_as_it_was_written(self, repository: Repository) -> None:
        """What was created is read back, with its version; what was never created isn't there."""
        written = resource(USER, userName="Ada", emails=[{"value": "a@x.org"}], active=False)
        sent = copy.deepcopy(written)
        first = creation(written)
        made = await repository.create(USER, written, first)
        written["userName"] = "changed later by the caller"
        found = await repository.get(USER, made.id)
        assert found is not None
        assert (found.resource, found.version, made.version) == (sent, first.id, first.id)
        assert (found.members, found.member_of) == (None, None)
        assert await repository.get(GROUP, made.id) is None
        assert await repository.get(USER, "nobody") is None

    async def test_ids_of_clients_are_only_ids(self, repository: Repository) -> None:
        """An id that can't be one belongs to nobody, whatever it holds."""
        ada = await user(repository)
        team = await group(repository, [ada.id])
        for id in HOSTILE:
            assert await repository.get(USER, id, members=True, member_of=True) is None, id
            with pytest.raises(Missing):
                await repository.edit_members(
                    GROUP, team.id, MemberEdit(add=members([id])), change()
                )
            with pytest.raises(Missing):
                await repository.create(USER, resource(USER), change("create"), refers=[id])
            with pytest.raises(Gone):
                await repository.edit_members(
                    GROUP, id, MemberEdit(add=members([ada.id])), change()
                )
        assert await repository.types_of([*HOSTILE, ada.id]) == {ada.id: "User"}
        assert len(await repository.contains(GROUP, team.id, [*HOSTILE, ada.id])) == 1
        assert await repository.contains(GROUP, "a'b", [ada.id]) == ()
        nothing = await repository.related(USER, HOSTILE, "member_of")
        assert nothing == dict.fromkeys(HOSTILE, ())
        removal = MemberEdit(remove=HOSTILE)
        assert await repository.edit_members(GROUP, team.id, removal, change()) == team.version

    async def test_values_are_found_as_they_compare(self, repository: Repository) -> None:
        """A unique or indexed value finds who holds it, in any letter case, ordered by id."""
        emails = [{"value": "Both@x.org"}]
        one = await user(repository, userName="Straße", emails=emails)
        two = await user(repository, userName="Other", emails=emails)
        by_name = await repository.find(USER, looked_up(USER, "userName", "STRASSE"))
        assert by_name == []  # simple folding: ß is no ss
        for name in ("straße", "STRAßE"):
            found = await repository.find(USER, looked_up(USER, "userName", name))
            assert [each.id for each in found] == [one.id]
        found = await repository.find(USER, looked_up(USER, "emails.value", "both@X.org"))
        assert [each.id for each in found] == sorted([one.id, two.id])
        moved = {**one.resource, "emails": [{"value": "new@x.org"}]}
        await repository.replace(USER, one, moved, change())
        found = await repository.find(USER, looked_up(USER, "emails.value", "both@x.org"))
        assert [each.id for each in found] == [two.id]
        await repository.delete(USER, two, change("delete"))
        assert await repository.find(USER, looked_up(USER, "emails.value", "both@x.org")) == []

    async def test_who_holds_a_value_is_told_without_reading_them(
        self, repository: Repository
    ) -> None:
        """Claimed or indexed, in any form that compares as equal; nobody who has gone."""
        mail = [{"value": "Work@x.org"}]
        some = [await user(repository, userName=f"u{n}", emails=mail) for n in range(3)]
        key = looked_up(USER, "emails.value", "work@X.org")
        assert await repository.holders(USER, key) == sorted(each.id for each in some)
        assert await repository.holders(USER, looked_up(USER, "userName", "U1")) == [some[1].id]
        await repository.delete(USER, some[1], change("delete"))
        assert await repository.holders(USER, key) == sorted([some[0].id, some[2].id])
        assert await repository.holders(USER, looked_up(USER, "userName", "u1")) == []
        assert await repository.holders(GROUP, key) == []

    async def test_memberships_are_read_both_ways(self, repository: Repository) -> None:
        """Members know their groups and groups their members, ordered by id and complete."""
        one, two = await users(repository, 2)
        inner = await group(repository, [one])
        outer = await group(repository, [one, two, inner.id])
        found = await repository.get(GROUP, outer.id, members=True, member_of=True)
        assert found is not None
        assert [(each.id, each.type) for each in found.members or ()] == sorted(
            [(one, "User"), (two, "User"), (inner.id, "Group")]
        )
        assert found.member_of == ()
        groups = await repository.related(USER, [one, two], "member_of", contiguous=True)
        assert groups == await repository.related(USER, [one, two], "member_of")
        assert [each.id for each in groups[one]] == sorted([inner.id, outer.id])
        assert [(each.id, each.type) for each in groups[two]] == [(outer.id, "Group")]
        some = await repository.contains(GROUP, outer.id, [two, "nobody", one, one])
        assert [each.id for each in some] == [one, two]
        assert await repository.types_of([one, inner.id, "nobody"]) == {
            one: "User",
            inner.id: "Group",
        }

    async def test_a_taken_value_changes_nothing(self, repository: Repository) -> None:
        """Taken names the attribute; the value is free again when its owner changes it or goes."""
        ada = await user(repository, userName="ada")
        bob = await user(repository, userName="bob")
        again = resource(USER, userName="ADA")
        with pytest.raises(Taken) as taken:
            await repository.create(USER, again, change("create"))
        assert taken.value.attribute == "userName"
        assert await repository.get(USER, again["id"]) is None
        with pytest.raises(Taken):
            await repository.replace(USER, bob, {**bob.resource, "userName": "Ada"}, change())
        assert await repository.get(USER, bob.id, members=True) == bob
        renamed = await repository.replace(
            USER, ada, {**ada.resource, "userName": "Lovelace"}, change()
        )
        freed = await repository.replace(USER, bob, {**bob.resource, "userName": "Ada"}, change())
        await repository.delete(USER, renamed, change("delete"))
        await repository.replace(USER, freed, {**bob.resource, "userName": "lovelace"}, change())

    async def test_a_write_needs_what_was_read(self, repository: Repository) -> None:
        """Who writes an older version is Stale, who writes what is gone is Gone."""
        ada = await user(repository)
        second = change()
        newer = await repository.replace(USER, ada, {**ada.resource, "title": "x"}, second)
        assert newer.version == second.id
        for write in (
            repository.replace(USER, ada, {**ada.resource, "title": "y"}, change()),
            repository.delete(USER, ada, change("delete")),
        ):
            with pytest.raises(Stale):
                await write
        found = await repository.get(USER, ada.id)
        assert found is not None
        assert (found.resource["title"], found.version) == ("x", newer.version)
        await repository.delete(USER, newer, change("delete"))
        assert await repository.get(USER, ada.id) is None
        for write in (
            repository.replace(USER, newer, ada.resource, change()),
            repository.delete(USER, newer, change("delete")),
        ):
            with pytest.raises(Gone):
                await write

    async def test_whom_a_write_refers_to_exists(self, repository: Repository) -> None:
        """Missing says which ids refer to nobody; nothing is written."""
        ada = await user(repository)
        document = resource(USER)
        with pytest.raises(Missing) as missing:
            await repository.create(USER, document, change("create"), refers=[ada.id, "nobody"])
        assert missing.value.ids == ("nobody",)
        with pytest.raises(Missing):
            await repository.replace(USER, ada, document, change(), refers=["nobody"])
        team = resource(GROUP)
        them = members([ada.id, "nobody", "none"])
        with pytest.raises(Missing) as missing:
            await repository.create(GROUP, team, change("create"), members=them)
        assert set(missing.value.ids) == {"nobody", "none"}
        assert await listed(repository, USER) == [ada.id]
        assert await listed(repository, GROUP) == []
        oneself = {**ada.resource, MANAGER: {"manager": {"value": ada.id}}}
        boss = await repository.replace(USER, ada, oneself, change(), refers=[ada.id])
        await repository.delete(USER, boss, change("delete"))

    async def test_members_are_edited_by_their_difference(self, repository: Repository) -> None:
        """Only what differs is written: an edit that changes nothing leaves the version alone."""
        one, two, three = await users(repository, 3)
        team = await group(repository, [one])
        for edit, expected in (
            (MemberEdit(add=members([two, two])), [one, two]),
            (MemberEdit(add=members([three]), remove=(one, "nobody")), [two, three]),
            (MemberEdit(add=members([one, two]), replace=True), [one, two]),
            (MemberEdit(add=members([three]), remove=(three, one)), [two, three]),
            (MemberEdit(add=members([two]), remove=(two,)), [two, three]),
            (MemberEdit(replace=True), []),
        ):
            again = change()
            before = await in_group(repository, team.id)
            version = await repository.edit_members(GROUP, team.id, edit, again)
            assert await in_group(repository, team.id) == expected
            assert version.startswith(again.id) == (before != expected)
            assert await repository.edit_members(GROUP, team.id, edit, change()) == version
            found = await repository.get(GROUP, team.id)
            assert found is not None
            assert found.version == version
        add = MemberEdit(add=members([one, "nobody"]))
        with pytest.raises(Missing):
            await repository.edit_members(GROUP, team.id, add, change())
        assert await in_group(repository, team.id) == []

    async def test_an_edit_can_hold_a_version(self, repository: Repository) -> None:
        """With a version an edit is Stale unless the group has it; lastModified goes with it."""
        [one] = await users(repository, 1)
        team = await group(repository)
        add, second = MemberEdit(add=members([one])), change()
        with pytest.raises(Stale):
            await repository.edit_members(GROUP, team.id, add, change(), version="older")
        await repository.edit_members(GROUP, team.id, add, second, version=team.version)
        found = await repository.get(GROUP, team.id)
        assert found is not None
        assert found.resource["meta"]["lastModified"] == second.at
        with pytest.raises(Stale):
            await repository.delete(GROUP, team, change("delete"))
        with pytest.raises(Stale):
            await repository.replace(GROUP, team, team.resource, change())

    async def test_a_replacement_edits_members_with_it(self, repository: Repository) -> None:
        """Attributes and members change in one write, or neither does."""
        one, two = await users(repository, 2)
        team = await group(repository, [one])
        edit = MemberEdit(add=members([two]), remove=(one,))
        renamed = {**team.resource, "displayName": "Renamed"}
        wrong = MemberEdit(add=members([two, "nobody"]))
        with pytest.raises(Missing):
            await repository.replace(GROUP, team, renamed, change(), edit=wrong)
        assert await in_group(repository, team.id) == [one]
        newer = await repository.replace(GROUP, team, renamed, change(), edit=edit)
        assert await in_group(repository, team.id) == [two]
        with pytest.raises(Stale):
            await repository.replace(GROUP, team, renamed, change(), edit=edit)
        whole = await repository.get(GROUP, team.id)
        assert whole is not None
        assert (whole.resource["displayName"], whole.version) == ("Renamed", newer.version)

    async def test_a_deletion_takes_memberships_along(self, repository: Repository) -> None:
        """Memberships go both ways, and groups that lost a member have a new version."""
        [ada] = await users(repository, 1)
        inner = await group(repository, [ada])
        outer = await group(repository, [ada, inner.id])
        add = MemberEdit(add=members([outer.id, inner.id]))
        await repository.edit_members(GROUP, inner.id, add, change())  # a circle, and itself
        whole = await repository.get(GROUP, inner.id, members=True, member_of=True)
        assert whole is not None
        last = change("delete")
        await repository.delete(GROUP, whole, last)
        found = await repository.get(GROUP, outer.id, members=True, member_of=True)
        assert found is not None
        assert [each.id for each in found.members or ()] == [ada]
        assert (found.member_of, found.version) == ((), last.id)
        there = await repository.get(USER, ada)  # read without its memberships
        assert there is not None
        await repository.delete(USER, there, change("delete"))
        assert await in_group(repository, outer.id) == []

    async def test_a_text_is_remembered(self, repository: Repository) -> None:
        """The last text under a name is read back, whatever name and text hold."""
        for name in ("walk", *HOSTILE):
            assert await repository.recall(name) is None
            await repository.remember(name, "first")
            await repository.remember(name, f"{name!r} ä€😀" * 1000)
            assert await repository.recall(name) == f"{name!r} ä€😀" * 1000

    # aiohttp warns of bodies over 1 MiB, which the SDK sends as bytes.
    @pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
    async def test_any_text_is_kept(self, repository: Repository) -> None:
        """Resources are kept to the last character, up to the store's limit; then TooLarge."""
        odd = "\x00\x1f\x7f\ud800\ufffe\uffff'\"\\ \u2028ä😀"
        one = await user(repository, userName=odd, title=odd, emails=[{"value": odd}])
        assert await repository.get(USER, one.id, members=True) == one
        assert len(await repository.find(USER, looked_up(USER, "emails.value", odd))) == 1
        for text, units in (("x", 1), ("ä", 1), ("日", 1), ("😀", 2), ('"', 2)):
            fits = await user(repository, title=text * ((LARGEST - 500) // units))
            assert await repository.get(USER, fits.id, members=True) == fits
            longer = {**fits.resource, "title": text * (LARGEST // units)}
            with pytest.raises(TooLarge):
                await repository.replace(USER, fits, longer, change())
        assert URN not in fits.resource
