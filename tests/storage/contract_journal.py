"""The log's part of the contract, and the deletion of what is old."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from scim import ids
from scim.journal import Entry
from scim.repository import Change, MemberEdit, Repository
from tests.storage.making import (
    GROUP,
    USER,
    change,
    everybody,
    group,
    members,
    resource,
    user,
    users,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def told() -> Change:
    """A change that says all that it can."""
    made = change("update", "displayName", "urn:example:2.0:Extra")
    return replace(
        made,
        credential="k1",
        by="ada",
        operation="PATCH /Groups/{id}",
        request="r1",
        status=204,
        ignored=("costCenter",),
    )


def refusal(at: datetime) -> Entry:
    return Entry(
        id=ids.change_id(at),
        at=ids.timestamp(at),
        verb="refuse",
        operation="POST /Users",
        status=409,
        credential="k1",
        type="User",
        ignored=("a", "b"),
        scim_type="uniqueness",
        detail="it's “taken”\x00\ud800",
        request="r2",
        reason="revoked",
    )


async def log(repository: Repository, **ends: str) -> list[Entry]:
    return [each async for each in repository.entries(**ends)]


class Journals:
    """What holds for every store's log."""

    async def test_a_write_is_an_entry(self, repository: Repository) -> None:
        """Whatever a change says of itself is in the log, with the resource's type and id."""
        made = told()
        team = await group(repository)
        await repository.replace(GROUP, team, {**team.resource, "displayName": "x"}, made)
        [first, second] = sorted(await log(repository), key=lambda each: each.verb)
        assert (first.verb, first.resource, first.type) == ("create", team.id, "Group")
        assert second == Entry(
            made.id,
            made.at,
            "update",
            operation="PATCH /Groups/{id}",
            status=204,
            credential="k1",
            by="ada",
            type="Group",
            resource=team.id,
            attributes=("displayName", "urn:example:2.0:Extra"),
            ignored=("costCenter",),
            request="r1",
        )

    async def test_a_write_of_many_members_is_one_entry(self, repository: Repository) -> None:
        """However many transactions it takes; one that changes nothing is none."""
        many = await users(repository, 80)
        team = await group(repository, many)
        add, drop = MemberEdit(add=members(many)), MemberEdit(remove=tuple(many))
        await repository.edit_members(GROUP, team.id, add, change())
        for edit in (drop, add):
            await repository.edit_members(GROUP, team.id, edit, told())
        whole = await repository.get(GROUP, team.id, members=True, member_of=True)
        assert whole is not None
        await repository.delete(GROUP, whole, change("delete"))
        found = [each.verb for each in await log(repository) if each.resource == team.id]
        assert sorted(found) == ["create", "delete", "update", "update"]

    async def test_other_entries_lie_among_the_writes(self, repository: Repository) -> None:
        """Entries are in the order of their ids; the same one again changes nothing."""
        minutes = [NOW + timedelta(minutes=each) for each in range(3)]
        entries = [replace(refusal(each), detail="x") for each in minutes]
        await repository.record(entries[2], entries[0])
        await repository.record(entries[1])
        await repository.record(entries[1])
        await repository.record()
        written = await user(repository)
        assert [each.id for each in await log(repository)] == sorted(
            [*(each.id for each in entries), written.version]
        )
        assert (await log(repository, before=ids.first_id(minutes[2]))) == entries[:2]
        after = await log(repository, after=ids.first_id(minutes[1]), before=entries[2].id)
        assert after == entries[1:2]

    async def test_an_entry_is_kept_whatever_it_holds(self, repository: Repository) -> None:
        """Characters that the store refuses don't keep an entry out; of many names, the first."""
        names = tuple(f"attribute{number}" for number in range(5000))
        odd = refusal(NOW)
        await repository.record(odd, Entry("0", odd.at, "warn", attributes=names))
        [many, found] = await log(repository)
        assert replace(found, detail="") == replace(odd, detail="")
        assert found.detail.startswith("it's “taken”")
        assert many.attributes == names[: len(many.attributes)]
        assert len(many.attributes) > 500

    async def test_many_entries_at_once(self, repository: Repository) -> None:
        entries = [refusal(NOW + timedelta(seconds=each)) for each in range(130)]
        await repository.record(*entries)
        assert [each.id for each in await log(repository)] == [each.id for each in entries]

    async def test_what_is_old_is_purged(self, repository: Repository) -> None:
        """Entries before an id go, and nothing else; doing it again does nothing."""
        old = [refusal(NOW - timedelta(days=1, seconds=each)) for each in range(120)]
        new = refusal(NOW)
        await repository.record(*old, new)
        ada = await user(repository)
        for expected in (120, 0):
            assert await repository.purge_journal(ids.first_id(NOW)) == expected
        assert [each.id for each in await log(repository)] == [new.id, ada.version]
        assert await repository.get(USER, ada.id, members=True) == ada

    async def test_bookmarks_are_purged_by_their_age(self, repository: Repository) -> None:
        """A text that was remembered before the time is forgotten, one since then isn't."""
        await repository.remember("walk", "here")
        await repository.remember("another walk", "there")
        now = datetime.now(UTC)
        assert await repository.purge_bookmarks(now - timedelta(hours=1)) == 0
        assert await repository.recall("walk") == "here"
        assert await repository.purge_bookmarks(now + timedelta(hours=1)) == 2
        assert await repository.recall("walk") is None

    async def test_everything_is_cleared(self, repository: Repository) -> None:
        """Nothing of the directory is left, and it can be used as a new one."""
        team = await group(repository, await users(repository, 40))
        await repository.remember("walk", "here")
        seen: list[tuple[int, int]] = []
        await repository.clear(lambda done, found: seen.append((done, found)))
        assert seen
        assert seen[-1][0] == seen[-1][1]
        assert seen == sorted(seen)
        assert await repository.get(GROUP, team.id) is None
        assert await everybody(repository, USER) == []
        assert await log(repository) == []
        assert await repository.recall("walk") is None
        assert await repository.types_of([team.id]) == {}
        await repository.clear(lambda _done, _found: None)
        again = resource(GROUP, id=team.id)
        await repository.create(GROUP, again, change("create"))
