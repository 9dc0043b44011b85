"""The part of the contract about tombstones: what is kept of the deleted, and how it comes back."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from scim.repository import Gone, Member, MemberEdit, Missing, Repository, Stale, Stored, Taken
from scim.revival import sought, tombstone
from scim.schema import ResourceType
from scim.shaping import remade
from scim.tombstones import Tombstone, with_lost
from tests.storage.contract_races import together, whole
from tests.storage.making import (
    GROUP,
    URN,
    USER,
    change,
    group,
    in_group,
    looked_up,
    members,
    resource,
    user,
    users,
)


async def bury(repository: Repository, type: ResourceType, id: str) -> Tombstone:
    """Delete a resource as the policy `soft` does; the tombstone as it is read then."""
    before = await whole(repository, type, id)
    kept = await delete(repository, type, before)
    found = await repository.tombstone(type, id)
    assert found is not None
    assert replace(found, guard="") == replace(kept, guard="")
    return found


async def delete(repository: Repository, type: ResourceType, before: Stored) -> Tombstone:
    last, older = change("delete"), await repository.tombstone(type, before.id)
    mark = await repository.mark(before.id)
    kept = tombstone(type, before, last, days=30, older=older)
    await repository.delete(type, before, last, mark=mark, keep=kept)
    return kept


async def revive(
    repository: Repository,
    type: ResourceType,
    buried: Tombstone,
    within: Sequence[str] = (),
) -> Stored:
    again = {**buried.resource, "title": "again"}
    return await repository.create(
        type, again, change("restore"), members=members(within), revives=buried
    )


async def broken_off(
    repository: Repository, stored: Stored, left: Sequence[str], groups: Sequence[str]
) -> Tombstone:
    """Leave a living group as a revival does that broke off: these are yet to come back."""
    await asyncio.sleep(0.002)  # ids of changes are in the order of milliseconds
    revival = change("restore")
    await asyncio.sleep(0.002)
    there = await repository.get(GROUP, stored.id)
    assert there is not None
    await repository.replace(GROUP, there, {**there.resource, "nickName": revival.id}, revival)
    kept = replace(
        tombstone(GROUP, stored, change("delete"), days=1),
        members=tuple(Member(each, "User") for each in left),
        member_of=tuple(Member(each, "Group") for each in sorted(groups)),
        revived=revival.id,
    )
    await repository.bury(GROUP, kept)
    found = await repository.tombstone(GROUP, stored.id)
    assert found is not None
    assert found == replace(kept, guard=found.guard)
    return found


async def groups_of(repository: Repository, id: str) -> list[str]:
    found = await whole(repository, USER, id)
    return [each.id for each in found.member_of or ()]


async def everything_kept(repository: Repository, type: ResourceType) -> list[Tombstone]:
    return [each async for each in repository.tombstones(type)]


class Tombs:
    """What holds of resources that are deleted, kept, and revived."""

    async def test_a_tombstone_is_kept_and_found(self, repository: Repository) -> None:
        """It is found by what the resource held, and by nothing else; the resource is gone."""
        ada = await user(repository, userName="Ada", externalId="e1", title="Countess")
        team = await group(repository, [ada.id])
        kept = await bury(repository, USER, ada.id)
        assert (kept.resource, kept.version) == (ada.resource, ada.version)
        assert [each.id for each in kept.member_of] == [team.id]
        assert datetime.fromisoformat(kept.due) - datetime.fromisoformat(kept.deleted) == timedelta(
            days=30
        )
        assert await repository.get(USER, ada.id) is None
        assert await repository.types_of([ada.id]) == {}
        assert await repository.find(USER, looked_up(USER, "userName", "ada")) == []
        assert await in_group(repository, team.id) == []
        for key, found in (
            (looked_up(USER, "userName", "ADA"), [kept]),
            (looked_up(USER, "externalId", "e1"), [kept]),
            (looked_up(USER, "externalId", "E1"), []),
            (looked_up(USER, "userName", "bob"), []),
        ):
            assert await repository.buried(USER, [key]) == found, key
            assert await repository.buried(GROUP, [key]) == []
        assert await repository.buried(USER, []) == []
        assert await everything_kept(repository, USER) == [kept]
        assert await everything_kept(repository, GROUP) == []
        assert await repository.tombstone(GROUP, ada.id) is None
        assert await repository.tombstone(USER, "a'b") is None

    async def test_the_types_of_tombstones_are_known(self, repository: Repository) -> None:
        """Whatever their number, also those that no rules name; living resources are not meant."""
        assert await repository.buried_types() == []
        ada, _ = await user(repository), await group(repository, [])
        assert await repository.buried_types() == []
        kept = await bury(repository, USER, ada.id)
        assert await repository.buried_types() == ["User"]
        more: list[tuple[ResourceType, Tombstone]] = []
        for name in ("User1", "Use", "UserZ", "Z"):
            definition = remade(USER.definition, name=name, endpoint=f"/{name}")
            type = ResourceType(definition, USER.schema)
            other = replace(kept, type=name, keys=frozenset(), guard="")
            await repository.bury(type, other)
            more.append((type, other))
        names = ["Use", "User", "User1", "UserZ", "Z"]
        assert await repository.buried_types() == names
        types = await with_lost(repository, [USER, GROUP])
        assert [each.name for each in types] == ["User", "Group", "Use", "User1", "UserZ", "Z"]
        assert types[:2] == [USER, GROUP]
        for (_, other), type in zip(more, (types[3], types[2], types[4], types[5]), strict=True):
            assert type.name == other.type
            [found] = await everything_kept(repository, type)
            assert replace(found, guard="") == other
            await repository.forget(type, found)
            assert await everything_kept(repository, type) == []
        assert await repository.buried_types() == ["User"]
        await repository.forget(USER, kept)
        assert await repository.buried_types() == []

    async def test_what_is_forgotten_is_gone(self, repository: Repository) -> None:
        """A forgotten tombstone is found no more; one that was written since stays."""
        ada = await user(repository)
        key = looked_up(USER, "userName", ada.resource["userName"])
        first = await bury(repository, USER, ada.id)
        again = await revive(repository, USER, first)
        second = await bury(repository, USER, again.id)
        await repository.forget(USER, first)
        assert await repository.buried(USER, [key]) == [second]
        await repository.forget(USER, second)
        assert await repository.buried(USER, [key]) == []
        assert await repository.tombstone(USER, ada.id) is None
        await repository.forget(USER, second)
        with pytest.raises(Stale):
            await revive(repository, USER, second)
        assert await repository.get(USER, ada.id) is None

    async def test_a_revived_resource_has_its_memberships(self, repository: Repository) -> None:
        """Both ways, where the other end is there; groups that it comes back to are new versions.

        It can be deleted and revived again.
        """
        one, two, gone = await users(repository, 3)
        inner = await group(repository, [one, gone])
        await repository.edit_members(
            GROUP, inner.id, MemberEdit(add=members([inner.id])), change()
        )
        outer, lost = [await group(repository, [inner.id, two]) for _ in range(2)]
        for _ in range(2):
            kept = await bury(repository, GROUP, inner.id)
            for type, id in ((USER, gone), (GROUP, lost.id)):
                if await repository.get(type, id) is not None:
                    await bury(repository, type, id)
            back = await revive(repository, GROUP, kept, [two])
            found = await whole(repository, GROUP, inner.id)
            assert [each.id for each in found.members or ()] == sorted([one, two])
            assert back.members == found.members
            assert [(each.id, each.type) for each in found.member_of or ()] == [(outer.id, "Group")]
            assert (found.version, found.resource["title"]) == (back.version, "again")
            there = await repository.get(GROUP, outer.id)
            assert there is not None
            assert there.version == back.version
            assert await repository.tombstone(GROUP, inner.id) is None

    async def test_a_refused_revival_changes_nothing(self, repository: Repository) -> None:
        """Taken and Missing leave the tombstone as it was."""
        ada = await user(repository, userName="ada")
        team = await group(repository, [ada.id])
        kept = await bury(repository, USER, ada.id)
        other = await user(repository, userName="ADA")
        with pytest.raises(Taken):
            await revive(repository, USER, kept)
        await repository.delete(USER, other, change("delete"))
        with pytest.raises(Missing):
            await repository.create(
                USER, kept.resource, change("restore"), refers=["nobody"], revives=kept
            )
        assert await in_group(repository, team.id) == []
        assert await repository.tombstone(USER, ada.id) == kept
        await revive(repository, USER, kept)
        assert await in_group(repository, team.id) == [ada.id]

    async def test_one_of_many_revivals_wins(self, repository: Repository) -> None:
        """Of 8 who revive the same at once, one does; the others are Stale."""
        team = await group(repository)
        for _ in range(3):
            ada = await user(repository)
            await repository.edit_members(GROUP, team.id, MemberEdit(members([ada.id])), change())
            kept = await bury(repository, USER, ada.id)
            results = await together(*(revive(repository, USER, kept) for _ in range(8)))
            assert sorted(results) == ["Stale"] * 7 + ["done"]
            assert ada.id in await in_group(repository, team.id)

    async def test_a_deletion_that_fails_keeps_nothing(self, repository: Repository) -> None:
        """Who is not deleted has no tombstone that anybody would find."""
        ada = await user(repository)
        newer = await repository.replace(USER, ada, {**ada.resource, "title": "x"}, change())
        last = change("delete")
        with pytest.raises(Stale):
            await repository.delete(
                USER, ada, last, keep=tombstone(USER, ada, last, days=1, older=None)
            )
        assert await repository.buried(USER, sought(ada.resource, USER)) == []
        found = await repository.get(USER, ada.id)
        assert found is not None
        assert found.version == newer.version

    async def test_a_tombstone_of_the_living_is_none(self, repository: Repository) -> None:
        """It is not found by its keys, and nobody is revived from it."""
        ada = await user(repository)
        leftover = tombstone(USER, ada, change("delete"), days=1)
        await repository.bury(USER, leftover)
        assert await repository.buried(USER, leftover.keys) == []
        found = await repository.tombstone(USER, ada.id)
        assert found is not None
        with pytest.raises(Stale):
            await revive(repository, USER, found)
        with pytest.raises(Stale):
            await repository.bury(USER, replace(leftover, change=change().id))
        await bury(repository, USER, ada.id)

    async def test_a_tombstone_can_be_written_anew(self, repository: Repository) -> None:
        """With its guard, and all of it is what was written."""
        one, two = await users(repository, 2)
        team = await group(repository, [one, two])
        kept = await bury(repository, GROUP, team.id)
        smaller = replace(kept, members=kept.members[:1], change=change().id)
        await repository.bury(GROUP, smaller)
        found = await repository.tombstone(GROUP, team.id)
        assert found is not None
        assert found == replace(smaller, guard=found.guard)
        with pytest.raises(Stale):
            await repository.bury(GROUP, replace(kept, change=change().id))
        await revive(repository, GROUP, found)
        assert await in_group(repository, team.id) == [one]

    async def test_memberships_are_completed(self, repository: Repository) -> None:
        """What a revival that broke off has left undone is done, once; whatever is there stays."""
        ids = await users(repository, 4)
        inner = await group(repository, ids[2:])
        outers = [await group(repository, [inner.id] if number else []) for number in range(2)]
        late = await broken_off(repository, inner, ids[:3], [each.id for each in outers])
        assert await repository.lasting(GROUP, late) == late
        last = change("restore")
        await repository.rejoin(GROUP, late, last)
        found = await whole(repository, GROUP, inner.id)
        assert [each.id for each in found.members or ()] == ids
        assert {each.id for each in found.member_of or ()} == {each.id for each in outers}
        assert found.version == last.id
        assert await repository.tombstone(GROUP, inner.id) is None
        assert not await repository.reviving()
        late = await broken_off(repository, found, ids, [])
        found = await whole(repository, GROUP, inner.id)
        await repository.delete(GROUP, found, change("delete"))
        assert await repository.lasting(GROUP, late) == late
        with pytest.raises(Gone):
            await repository.rejoin(GROUP, late, change("restore"))
        await repository.forget(GROUP, late)
        assert not await repository.reviving()

    async def test_what_was_written_since_is_not_completed(self, repository: Repository) -> None:
        """Not a membership of a group that anybody wrote, nor a member of the group itself then."""
        ids = await users(repository, 2)
        inner = await group(repository)
        one, two = [(await group(repository)).id for _ in range(2)]
        late = await broken_off(repository, inner, ids, [one, two])
        await repository.edit_members(GROUP, one, MemberEdit(members(ids)), change())
        with pytest.raises(Stale):
            await repository.rejoin(GROUP, late, change("restore"))
        lasting = await repository.lasting(GROUP, late)
        assert [each.id for each in lasting.member_of] == [two]
        assert lasting == replace(late, member_of=lasting.member_of)
        there = await repository.get(GROUP, inner.id)
        assert there is not None
        await repository.replace(GROUP, there, {**there.resource, "title": "x"}, change())
        lasting = await repository.lasting(GROUP, late)
        assert (lasting.members, [each.id for each in lasting.member_of]) == ((), [two])
        await repository.bury(GROUP, replace(lasting, change=change().id))
        assert await repository.reviving()
        kept = await repository.tombstone(GROUP, inner.id)
        assert kept is not None
        await repository.rejoin(GROUP, kept, change("restore"))
        found = await whole(repository, GROUP, inner.id)
        assert found.members == ()
        assert [each.id for each in found.member_of or ()] == [two]

    async def test_who_is_yet_to_come_back_can_be_removed(self, repository: Repository) -> None:
        """The group is a new version, though nobody was there to remove; an addition is none."""
        [ada] = await users(repository, 1)
        for edit, written in (
            (MemberEdit(remove=(ada,)), True),
            (MemberEdit(replace=True), True),
            (MemberEdit(add=members([ada])), False),
        ):
            team = await group(repository, [ada] if edit.add else [])
            assert await repository.edit_members(GROUP, team.id, edit, change()) == team.version
            late = await broken_off(repository, team, [ada], [])
            version = late.revived
            last = change()
            assert (await repository.edit_members(GROUP, team.id, edit, last) == last.id) is written
            assert bool((await repository.lasting(GROUP, late)).members) is not written, version
            await repository.forget(GROUP, late)
            there = await repository.get(GROUP, team.id)
            assert there is not None
            found = [each async for each in repository.entries(there.version[:-1])]
            assert found[0].id == there.version

    async def test_many_memberships_come_back(self, repository: Repository) -> None:
        """A user of 150 groups, and a group of 150, with values for more than a transaction."""
        badges = {URN: {"badges": [f"badge {number}" for number in range(90)]}}
        emails = [{"value": f"{number}@x.org"} for number in range(60)]
        ada = await user(repository, emails=emails, **badges)
        teams = sorted([(await group(repository, [ada.id])).id for _ in range(150)])
        kept = await bury(repository, USER, ada.id)
        assert not any([await in_group(repository, each) for each in teams[:3]])
        assert [each.id for each in kept.member_of] == teams
        await revive(repository, USER, kept)
        assert await groups_of(repository, ada.id) == teams
        assert await repository.tombstone(USER, ada.id) is None
        assert await repository.buried(USER, kept.keys) == []
        ids = await users(repository, 150)
        team = await group(repository, ids, title="x" * 400_000)
        buried = await bury(repository, GROUP, team.id)
        back = await revive(repository, GROUP, buried)
        assert [each.id for each in back.members or ()] == ids
        assert await in_group(repository, team.id) == ids
        assert await everything_kept(repository, GROUP) == []
        await bury(repository, GROUP, team.id)
        await bury(repository, USER, ada.id)

    async def test_a_tombstone_of_100_000_members_fits(self, repository: Repository) -> None:
        """It is read as it was written, listed, and forgotten whole."""
        team = resource(GROUP)
        them = tuple(Member(f"{number:036}", "User", "Ada") for number in range(100_000))
        one = Stored(team, "1", members=them)
        large = tombstone(GROUP, one, change("delete"), days=1)
        await repository.bury(GROUP, large)
        found = await repository.tombstone(GROUP, team["id"])
        assert found is not None
        assert replace(found, guard="") == large
        assert await everything_kept(repository, GROUP) == [found]
        assert await repository.buried(GROUP, large.keys) == [found]
        await repository.bury(GROUP, replace(found, members=them[:60_000], change=change().id))
        smaller = await repository.tombstone(GROUP, team["id"])
        assert smaller is not None
        assert smaller.members == them[:60_000]
        await repository.forget(GROUP, smaller)
        assert await everything_kept(repository, GROUP) == []

    async def test_a_revival_beside_deletions(self, repository: Repository) -> None:
        """Who comes back while a group of theirs goes is in no group that is gone."""
        for number in range(6):
            ada = await user(repository)
            team = await group(repository, [ada.id])
            kept = await bury(repository, USER, ada.id)
            there = await whole(repository, GROUP, team.id)
            writes = [
                revive(repository, USER, kept),
                repository.delete(GROUP, there, change("delete")),
            ]
            results = await together(*(writes if number % 2 else reversed(writes)))
            assert set(results) <= {"done", "Stale"}
            if await repository.get(USER, ada.id) is None:
                await revive(repository, USER, kept)
            alive = await repository.get(GROUP, team.id) is not None
            assert await groups_of(repository, ada.id) == ([team.id] if alive else [])

    async def test_two_deletions_at_once_keep_all(self, repository: Repository) -> None:
        """Of two who delete a large group at once, whoever is last leaves all members kept."""
        ids = await users(repository, 120)
        for _ in range(2):
            team = await group(repository, ids)
            before = await whole(repository, GROUP, team.id)
            results = await together(*(delete(repository, GROUP, before) for _ in range(2)))
            assert "done" in results
            assert await repository.get(GROUP, team.id) is None
            kept = await repository.tombstone(GROUP, team.id)
            assert kept is not None
            assert [each.id for each in kept.members] == ids
