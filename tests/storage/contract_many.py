"""The part of the contract about many: nothing is cut or half done because one write is large."""

import pytest

from scim.errors import TooLarge
from scim.filters import parse_filter
from scim.ids import resource_id
from scim.repository import Member, MemberEdit, Missing, Repository
from scim.unfinished import Work
from storage.rows import LONGEST_DISPLAY
from tests.storage.making import (
    GROUP,
    HOSTILE,
    URN,
    USER,
    change,
    everybody,
    group,
    in_group,
    listed,
    looked_up,
    members,
    resource,
    user,
    users,
)


async def nothing_is_left(repository: Repository, id: str) -> None:
    """Of a deletion that is done, nothing is left to do."""
    assert all(each.done for each in await repository.unfinished())
    for type in (USER, GROUP):
        assert not await repository.finish(Work(type.name, id), change("delete"))


class Many:
    """What holds when a resource outgrows a transaction."""

    async def test_a_scan_yields_everybody_in_order(self, repository: Repository) -> None:
        """A scan yields each resource of a type once, in the order of ids, between two ids."""
        own = await users(repository, 25)
        await group(repository)
        assert await listed(repository, USER) == own
        assert await listed(repository, USER, after=own[3], before=own[20]) == own[4:20]
        assert [each.id for each in await everybody(repository, USER)] == own
        assert [each.id for each in await everybody(repository, USER, size=10)] == own
        between = await everybody(repository, USER, after=own[3], before=own[20], size=5)
        assert [each.id for each in between] == own[4:20]
        assert await everybody(repository, USER, after=own[-1]) == []

    async def test_a_filter_is_a_hint(self, repository: Repository) -> None:
        """A filtered scan yields at least who matches."""
        ada = await user(repository, userName="ada", title="A 'quoted' title")
        for text in ("title eq \"a 'QUOTED' title\"", 'userName sw "AD"', f'id eq "{ada.id}"'):
            found = await everybody(repository, USER, filter=parse_filter(text, USER))
            assert ada.id in [each.id for each in found]

    async def test_many_indexed_values_are_all_found(self, repository: Repository) -> None:
        """Each of 200 e-mail addresses finds the user, from creation to deletion."""
        emails = [{"value": f"{number}@x.org"} for number in range(200)]

        async def found(place: int) -> list[str]:
            key = looked_up(USER, "emails.value", emails[place]["value"])
            return [each.id for each in await repository.find(USER, key)]

        ada = await user(repository, emails=emails[:120])
        assert await found(0) == await found(119) == [ada.id]
        moved = {**ada.resource, "emails": emails[80:]}
        newer = await repository.replace(USER, ada, moved, change())
        assert await found(79) == []
        assert await found(80) == await found(199) == [ada.id]
        last = await repository.replace(USER, newer, {**moved, "title": "x"}, change())
        await repository.delete(USER, last, change("delete"))
        assert await found(80) == await found(199) == []

    async def test_a_large_group_is_whole(self, repository: Repository) -> None:
        """A group of 250 is created, replaced, edited and deleted with all of its members."""
        ids = await users(repository, 250)
        team = await group(repository, ids)
        assert [each.id for each in team.members or ()] == ids
        assert await in_group(repository, team.id) == ids
        swap = MemberEdit(add=members(ids[:125]), replace=True)
        newer = await repository.replace(
            GROUP, team, {**team.resource, "displayName": "Half"}, change(), edit=swap
        )
        assert await in_group(repository, team.id) == ids[:125]
        last = change()
        other = MemberEdit(add=members(ids[100:]), replace=True)
        edited = await repository.edit_members(GROUP, team.id, other, last)
        assert edited.startswith(last.id)
        assert await in_group(repository, team.id) == ids[100:]
        every = MemberEdit(add=members(ids), remove=tuple(ids[200:]))
        await repository.edit_members(GROUP, team.id, every, change())
        assert await in_group(repository, team.id) == ids
        whole = await repository.get(GROUP, team.id, members=True, member_of=True)
        assert whole is not None
        assert whole.version != newer.version
        await repository.delete(GROUP, whole, change("delete"))
        left = await repository.related(USER, ids, "member_of", contiguous=True)
        assert not any(left.values())
        await nothing_is_left(repository, team.id)

    async def test_a_user_of_many_groups_leaves_them_all(self, repository: Repository) -> None:
        """A user in 150 groups is deleted, and every group has a new version."""
        [ada] = await users(repository, 1)
        teams = [await group(repository, [ada]) for _ in range(150)]
        whole = await repository.get(USER, ada, member_of=True)
        assert whole is not None
        assert len(whole.member_of or ()) == 150
        last = change("delete")
        await repository.delete(USER, whole, last)
        for each in teams:
            found = await repository.get(GROUP, each.id, members=True)
            assert found is not None
            assert (found.members, found.version) == ((), last.id)
        await nothing_is_left(repository, ada)

    async def test_who_exists_among_many_is_told(self, repository: Repository) -> None:
        """Of 240 ids the half that exists, with types; of these the half who are members."""
        ids = await users(repository, 120)
        team = await group(repository, ids[::2])
        strangers = [resource_id() for _ in range(120)]
        assert await repository.types_of([*ids, *strangers]) == dict.fromkeys(ids, "User")
        found = await repository.contains(GROUP, team.id, [*ids, *strangers])
        assert found == tuple(Member(each, "User") for each in ids[::2])
        assert await repository.contains(GROUP, strangers[0], ids) == ()

    async def test_after_settling_a_group_has_whom_it_was_given(
        self, repository: Repository
    ) -> None:
        """Nothing is pending in a group of 60, nor in one that is not there."""
        ids = await users(repository, 60)
        team = await group(repository)
        await repository.edit_members(GROUP, team.id, MemberEdit(add=members(ids)), change())
        settled = await repository.settle(GROUP, team.id, change())
        assert await repository.editing() or not settled
        assert len(await repository.contains(GROUP, team.id, ids)) == 60
        for nobody in ("nobody", *HOSTILE):
            assert not await repository.settle(GROUP, nobody, change())

    async def test_many_references_hold(self, repository: Repository) -> None:
        """A write may refer to 60 resources at once, all of which must exist."""
        ids = await users(repository, 60)
        friends = [{"value": each} for each in ids]
        document = resource(USER, **{URN: {"friends": friends}})
        with pytest.raises(Missing):
            await repository.create(
                USER, document, change("create"), refers=[*ids[:59], ids[59][:-1]]
            )
        one = await repository.create(USER, document, change("create"), refers=ids)
        key = looked_up(USER, f"{URN}:friends.value", ids[59])
        assert [each.id for each in await repository.find(USER, key)] == [one.id]
        bare = {name: value for name, value in one.resource.items() if name != URN}
        gone = await repository.replace(USER, one, bare, change())
        assert await repository.find(USER, key) == []
        await repository.replace(USER, gone, document, change(), refers=ids)
        assert [each.id for each in await repository.find(USER, key)] == [one.id]

    async def test_what_no_transaction_holds_is_refused(self, repository: Repository) -> None:
        """More unique values and references than one transaction holds are TooLarge."""
        badges = [f"badge {number}" for number in range(99)]
        with pytest.raises(TooLarge):
            await user(repository, **{URN: {"badges": badges}})
        one = await user(repository, **{URN: {"badges": badges[:40]}})
        all_others = {**one.resource, URN: {"badges": badges[40:]}}
        with pytest.raises(TooLarge):
            await repository.replace(USER, one, all_others, change())
        some = await repository.replace(
            USER, one, {**one.resource, URN: {"badges": badges[30:80]}}, change()
        )
        await repository.delete(USER, some, change("delete"))
        await user(repository, **{URN: {"badges": badges[:90]}})

    async def test_displays_of_members_are_kept(self, repository: Repository) -> None:
        """A member's display is kept to the last character; TooLarge when it is longer than a row
        holds.
        """
        [ada] = await users(repository, 1)
        team = await group(repository)
        for text in ("Ada", "\x00\ud800\ufffe'ä😀", "😀" * LONGEST_DISPLAY):
            swap = MemberEdit(replace=True)
            await repository.edit_members(GROUP, team.id, swap, change())
            add = MemberEdit(add=(Member(ada, "", text),))
            await repository.edit_members(GROUP, team.id, add, change())
            found = await repository.get(GROUP, team.id, members=True)
            assert found is not None
            assert found.members == (Member(ada, "User", text),)
        other = await group(repository)
        add = MemberEdit(add=(Member(ada, "", "x" * (LONGEST_DISPLAY + 1)),))
        with pytest.raises(TooLarge):
            await repository.edit_members(GROUP, other.id, add, change())
        assert await in_group(repository, other.id) == []
