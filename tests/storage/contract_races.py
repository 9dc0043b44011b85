"""The part of the contract about writers at the same time: nothing lost, nothing twice, nothing
that points to nobody.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from scim.repository import (
    Gone,
    MemberEdit,
    Missing,
    Repository,
    Stale,
    Stored,
    Taken,
)
from tests.storage.making import (
    GROUP,
    USER,
    change,
    group,
    in_group,
    listed,
    looked_up,
    members,
    resource,
    user,
    users,
)


async def outcome(write: Awaitable[Any]) -> str:
    """Tell how a write ended."""
    try:
        await write
    except (Gone, Missing, Stale, Taken) as error:
        return type(error).__name__
    return "done"


async def together(*writes: Awaitable[Any]) -> list[str]:
    return list(await asyncio.gather(*(outcome(each) for each in writes)))


def add_member(repository: Repository, team: str, member: str) -> Awaitable[str]:
    return repository.edit_members(GROUP, team, MemberEdit(add=members([member])), change())


async def whole(repository: Repository, type: Any, id: str) -> Stored:
    found = await repository.get(type, id, members=type is GROUP, member_of=True)
    assert found is not None
    return found


class Races:
    """What holds however many write at once."""

    async def test_parallel_edits_lose_nobody(self, repository: Repository) -> None:
        """64 edits of one group at once are all kept, and each one gives a version of its own."""
        ids = await users(repository, 64)
        team = await group(repository, ids[:16])
        edits = [MemberEdit(remove=(each,)) for each in ids[:16]]
        edits += [MemberEdit(add=members([each])) for each in ids[16:]]
        versions = await asyncio.gather(
            *(repository.edit_members(GROUP, team.id, each, change()) for each in edits)
        )
        assert len(set(versions)) == 64
        assert await in_group(repository, team.id) == ids[16:]
        found = await repository.get(GROUP, team.id)
        assert found is not None
        assert found.version in versions

    async def test_the_same_edit_at_once_is_one(self, repository: Repository) -> None:
        """Many who add the same members at once succeed, and the members are there once."""
        ids = await users(repository, 5)
        team = await group(repository)
        edit = MemberEdit(add=members(ids))
        results = await together(
            *(repository.edit_members(GROUP, team.id, edit, change()) for _ in range(16))
        )
        assert set(results) == {"done"}
        assert await in_group(repository, team.id) == ids

    async def test_one_of_many_replacements_wins(self, repository: Repository) -> None:
        """Of 16 writes of one version one is done, and the others are Stale."""
        ada = await user(repository)
        results = await together(
            *(
                repository.replace(USER, ada, {**ada.resource, "userName": f"u{number}"}, change())
                for number in range(16)
            )
        )
        assert sorted(results) == ["Stale"] * 15 + ["done"]
        held = [
            len(await repository.find(USER, looked_up(USER, "userName", f"u{number}")))
            for number in range(16)
        ]
        assert sum(held) == 1

    async def test_a_unique_value_has_one_owner(self, repository: Repository) -> None:
        """Of 64 who claim a value at once, in any letter case, one gets it."""
        name = "racers"
        spellings = [
            "".join(c.upper() if number >> place & 1 else c for place, c in enumerate(name))
            for number in range(64)
        ]
        results = await together(
            *(
                repository.create(USER, resource(USER, userName=each), change("create"))
                for each in spellings
            )
        )
        assert sorted(results) == ["Taken"] * 63 + ["done"]
        assert len(await listed(repository, USER)) == 1

    async def test_who_is_deleted_is_in_no_group(self, repository: Repository) -> None:
        """Adding a member who is being deleted, in whatever order, leaves no membership."""
        teams = [(await group(repository)).id for _ in range(4)]
        for number in range(12):
            ada = await whole(repository, USER, (await user(repository)).id)
            deletion = repository.delete(USER, ada, change("delete"))
            additions = [add_member(repository, each, ada.id) for each in teams]
            order = [deletion, *additions] if number % 2 else [*additions, deletion]
            results = await together(*order)
            assert set(results) <= {"done", "Missing"}
            assert await repository.get(USER, ada.id) is None
            for each in teams:
                assert await in_group(repository, each) == []
            left = await repository.related(USER, [ada.id], "member_of")
            assert left[ada.id] == ()

    async def test_a_group_that_goes_takes_its_members_along(self, repository: Repository) -> None:
        """Editing a group that is being deleted, in whatever order, leaves no membership."""
        ids = await users(repository, 8)
        for number in range(8):
            team = await whole(repository, GROUP, (await group(repository, ids[:2])).id)
            deletion = outcome(repository.delete(GROUP, team, change("delete")))
            additions = together(*(add_member(repository, team.id, each) for each in ids[2:]))
            order = (deletion, additions) if number % 2 else (additions, deletion)
            await asyncio.gather(*order)
            if await repository.get(GROUP, team.id) is not None:  # an edit was faster
                found = await whole(repository, GROUP, team.id)
                await repository.delete(GROUP, found, change("delete"))
            left = await repository.related(USER, ids, "member_of", contiguous=True)
            assert not any(left.values())

    async def test_of_two_deletions_one_is_done(self, repository: Repository) -> None:
        """Of two who delete the same resource at once, one is told that it is gone."""
        ids = await users(repository, 60)
        for type, within in ((USER, []), (GROUP, ids[:5]), (GROUP, ids)):
            made = await (user(repository) if type is USER else group(repository, within))
            found = await whole(repository, type, made.id)
            results = await together(
                *(repository.delete(type, found, change("delete")) for _ in range(2))
            )
            assert "done" in results
            assert set(results) <= {"done", "Gone", "Stale"}
            assert results.count("done") == 1
            assert await repository.get(type, made.id) is None
        left = await repository.related(USER, ids, "member_of", contiguous=True)
        assert not any(left.values())

    async def test_a_replacement_beside_a_deletion(self, repository: Repository) -> None:
        """A write of what is being deleted leaves neither a resource nor a value that is taken."""
        for number in range(8):
            emails = [{"value": f"{each}@x.org"} for each in range(30)]
            ada = await user(repository, emails=emails)
            renamed = {**ada.resource, "userName": f"renamed{number}", "emails": emails[:3]}
            writes = [
                repository.replace(USER, ada, renamed, change()),
                repository.delete(USER, ada, change("delete")),
            ]
            results = await together(*(writes if number % 2 else reversed(writes)))
            assert results.count("done") == 1
            found = await repository.get(USER, ada.id)
            if found is not None:
                await repository.delete(USER, found, change("delete"))
            await user(repository, userName=f"renamed{number}")
            await user(repository, userName=ada.resource["userName"])

    async def test_a_mark_holds_off_a_deletion(self, repository: Repository) -> None:
        """A deletion that holds a mark is Stale when anything has begun to refer since."""
        team = await group(repository)
        for number in range(4):
            boss = await whole(repository, USER, (await user(repository)).id)
            mark = await repository.mark(boss.id)
            assert mark is not None
            assert await repository.mark(boss.id) == mark
            if number == 0:
                await add_member(repository, team.id, boss.id)
            elif number == 1:
                await repository.create(USER, resource(USER), change("create"), refers=[boss.id])
            elif number == 2:
                ada = await user(repository)
                await repository.replace(
                    USER, ada, {**ada.resource, "title": "x"}, change(), refers=[boss.id]
                )
            results = await together(repository.delete(USER, boss, change("delete"), mark=mark))
            assert results == (["Stale"] if number < 3 else ["done"])
            assert (await repository.get(USER, boss.id) is None) == (number == 3)
        assert await repository.mark("nobody") is None

    async def test_a_reference_beside_a_deletion(self, repository: Repository) -> None:
        """Who refers to somebody who is being deleted is told, or was faster."""
        for number in range(6):
            boss = await whole(repository, USER, (await user(repository)).id)
            document = resource(USER)
            writes = [
                repository.create(USER, document, change("create"), refers=[boss.id]),
                repository.delete(USER, boss, change("delete")),
            ]
            results = await together(*(writes if number % 2 else reversed(writes)))
            assert set(results) <= {"done", "Missing"}
            assert await repository.get(USER, boss.id) is None
