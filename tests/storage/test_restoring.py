"""Restoring, completing and erasing by an operator's commands, on both stores."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.data.tables.aio import TableClient

from scim.auth.caller import Caller
from scim.call import Call
from scim.cursor import Sealer
from scim.directory import Directory
from scim.erasing import erase
from scim.errors import NotFound, Uniqueness
from scim.http import Request
from scim.notes import Notes
from scim.repository import Meter, Repository
from scim.restoring import complete, restore
from scim.revival import tombstone
from scim.rules import Deletion, Rules
from storage import memory_rows
from storage.client import Partition
from storage.memory import MemoryRepository
from storage.tables import TablesRepository
from tests.service import ENTERPRISE, PEPPER, Client
from tests.storage.inspection import faults
from tests.storage.making import GROUP, USER, change, group, in_group, resource, user
from tests.storage.serving import serve

SOFT = Deletion(policy="soft")


def call(client: Client, repository: Repository) -> Call:
    """The call of an operator's command."""

    async def admit(_: datetime, __: Notes) -> Caller:
        return Caller(client.directory, "")

    return Call(
        request=Request("DELETE", "http://localhost/"),
        directory=client.directory,
        dialect=client.directory.spoken,
        repository=repository,
        credential="",
        base_url="",
        now=datetime.now(UTC),
        sealer=Sealer.derive(PEPPER),
        notes=Notes(""),
        clock=lambda: datetime.now(UTC),
        admit=admit,
    )


class Operated:
    """What holds in every store; `make` makes repositories of one directory."""

    @pytest.fixture
    async def client(self, make: Callable[[Directory], Repository]) -> Client:
        return await serve(make, deletion=SOFT)

    @pytest.fixture
    def repository(self, client: Client, make: Callable[[Directory], Repository]) -> Repository:
        return make(client.directory)

    async def dump(self, client: Client) -> str:
        """All that is kept of a directory, as text."""
        raise NotImplementedError

    async def test_a_user_is_restored_as_it_was(
        self, client: Client, repository: Repository
    ) -> None:
        """Attributes, id, groups, and references to who is there; a second time is NotFound."""
        boss, gone = await client.user(), await client.user()
        ada = await client.user(
            "ada@example.com",
            title="Countess",
            externalId="e1",
            **{ENTERPRISE: {"manager": {"value": boss.id}, "department": "Engines"}},
        )
        bob = await client.user(**{ENTERPRISE: {"manager": {"value": gone.id}}})
        team = await client.group(members=[ada.id])
        type = client.directory.catalog.resource_types[0]
        before = await client.get(f"/Users/{ada.id}")
        for each in (ada, bob):
            await client.delete(f"/Users/{each.id}")
        kept = await repository.tombstone(type, ada.id)
        other = await repository.tombstone(type, bob.id)
        assert kept is not None
        assert other is not None
        await client.delete(f"/Users/{gone.id}")
        last = change("restore")
        stored = await restore(repository, type, kept, last)
        assert (stored.id, stored.version) == (ada.id, last.id)
        read = await client.get(f"/Users/{ada.id}")
        assert read.body | {"meta": None} == before.body | {"meta": None}
        assert read.body["meta"]["created"] == before.body["meta"]["created"]
        assert read.body["meta"]["lastModified"] == last.at
        assert [each["value"] for each in read.body["groups"]] == [team.id]
        await restore(repository, type, other, change("restore"))
        assert ENTERPRISE not in (await client.get(f"/Users/{bob.id}")).body
        with pytest.raises(NotFound):
            await restore(repository, type, kept, change("restore"))

    async def test_a_taken_value_is_told(self, client: Client, repository: Repository) -> None:
        ada = await client.user("ada@example.com", externalId="e1")
        await client.delete(f"/Users/{ada.id}")
        other = await client.user("ada@example.com", externalId="e2")
        type = client.directory.catalog.resource_types[0]
        kept = await repository.tombstone(type, ada.id)
        assert kept is not None
        with pytest.raises(Uniqueness, match="userName") as error:
            await restore(repository, type, kept, change("restore"))
        assert "ada@example.com" not in str(error.value)
        await client.delete(f"/Users/{other.id}")
        assert (await restore(repository, type, kept, change("restore"))).id == ada.id

    async def test_a_revival_that_broke_off_is_completed(self, repository: Repository) -> None:
        """Memberships come back, the tombstone goes; of who is deleted since, only that."""
        ada = await user(repository)
        team = await group(repository)
        kept = tombstone(USER, ada, change("delete"), days=1)
        there = await repository.get(GROUP, team.id, member_of=True)
        assert there is not None
        member_of = (replace((await group_of(repository, ada.id)), id=team.id),)
        await asyncio.sleep(0.002)  # ids of changes are in the order of milliseconds
        unfinished = replace(kept, revived=change("restore").id, member_of=member_of)
        await repository.bury(USER, unfinished)
        found = await repository.tombstone(USER, ada.id)
        assert found is not None
        assert found.revived
        assert await repository.buried(USER, kept.keys) == []
        await complete(repository, USER, found, change("restore"))
        assert await in_group(repository, team.id) == [ada.id]
        assert await repository.tombstone(USER, ada.id) is None
        await repository.bury(USER, replace(unfinished, revived=change("restore").id))
        whole = await repository.get(USER, ada.id, member_of=True)
        assert whole is not None
        await repository.delete(USER, whole, change("delete"))
        found = await repository.tombstone(USER, ada.id)
        assert found is not None
        with pytest.raises(NotFound):
            await restore(repository, USER, found, change("restore"))
        await complete(repository, USER, found, change("restore"))
        assert await in_group(repository, team.id) == []
        assert await repository.tombstone(USER, ada.id) is None

    async def test_nothing_of_who_is_erased_is_kept(
        self, client: Client, repository: Repository
    ) -> None:
        """Whether they live, are deleted, or both at different times; in nobody's tombstone."""
        type = client.directory.catalog.resource_types[0]
        secret = "Lovelace"
        for deleted in (False, True):
            ada = await client.user(
                f"{secret}@example.com",
                externalId=f"{secret}-1",
                title=secret,
                emails=[{"value": f"{secret}@mail.example.com", "type": "work"}],
                name={"familyName": secret},
            )
            member = [{"value": ada.id, "display": f"Ada {secret}"}]
            team = await client.post("/Groups", {"displayName": "Here", "members": member})
            lost = await client.post("/Groups", {"displayName": "Gone", "members": member})
            report = await client.user(**{ENTERPRISE: {"manager": {"value": ada.id}}})
            await client.delete(f"/Users/{ada.id}")
            revived = await client.user(f"{secret}@example.com", externalId=f"{secret}-1")
            assert revived.id == ada.id
            again = {"op": "add", "path": "members", "value": member}
            await client.patch(f"/Groups/{lost.id}", {"op": "remove", "path": "members"})
            await client.patch(f"/Groups/{lost.id}", again)
            await client.delete(f"/Groups/{lost.id}")
            if deleted:
                await client.delete(f"/Users/{ada.id}")
            assert secret in await self.dump(client)
            assert await erase(call(client, repository), type, ada.id)
            kept = (await self.dump(client)).lower()
            assert secret.lower() not in kept
            assert (await client.get(f"/Users/{ada.id}")).status == 404
            assert ENTERPRISE not in (await client.get(f"/Users/{report.id}")).body
            assert not await erase(call(client, repository), type, ada.id)
            other = await client.user(f"{secret}@example.com", externalId=f"{secret}-1")
            assert other.id != ada.id
            assert await erase(call(client, repository), type, other.id)
            await client.delete(f"/Groups/{team.id}")
            back = await client.group("Gone")
            assert back.id == lost.id
            assert back.body["members"] == []
            await client.delete(f"/Groups/{back.id}")

    async def test_who_is_erased_is_in_no_tombstone_of_a_type_that_is_gone(
        self, client: Client, repository: Repository
    ) -> None:
        """Groups are no longer served; the names of their members, kept with deleted ones, go."""
        ada, bob = await client.user("ada@example.com"), await client.user("bob@example.com")
        members = [
            {"value": ada.id, "display": "Ada Lovelace"},
            {"value": bob.id, "display": "Bob"},
        ]
        team = await client.post("/Groups", {"displayName": "Gone", "members": members})
        await client.delete(f"/Groups/{team.id}")
        assert "Lovelace" in await self.dump(client)
        [user, _] = client.directory.resource_types
        without = client.directory.having(Rules(resource_types=(user,), deletion=SOFT))
        type = without.catalog.resource_types[0]
        operator = call(replace(client, directory=without), repository)
        assert await erase(operator, type, ada.id)
        assert "Lovelace" not in await self.dump(client)
        kept = await repository.tombstone(GROUP, team.id)
        assert kept is not None
        assert [each.id for each in kept.members] == [bob.id]


async def group_of(repository: Repository, id: str) -> Any:
    """Make a group with a member, take the membership as its member knows it, and delete both."""
    made = await group(repository, [id])
    found = await repository.get(USER, id, member_of=True)
    assert found is not None
    whole = await repository.get(GROUP, made.id, members=True, member_of=True)
    assert whole is not None
    await repository.delete(GROUP, whole, change("delete"))
    return (found.member_of or ())[0]


class TestInMemory(Operated):
    @pytest.fixture
    def partition(self) -> memory_rows.Partition:
        return memory_rows.Partition()

    @pytest.fixture
    def make(self, partition: memory_rows.Partition) -> Callable[[Directory], Repository]:
        self.kept = partition
        return lambda _: MemoryRepository(partition)

    async def dump(self, client: Client) -> str:
        return repr(self.kept)


class TestInTables(Operated):
    @pytest.fixture
    async def make(self, table: TableClient) -> AsyncIterator[Callable[[Directory], Repository]]:
        made = []

        def make(directory: Directory) -> Repository:
            self.kept = Partition(table, directory.id, Meter())
            made.append(self.kept)
            return TablesRepository(self.kept)

        yield make
        assert await faults(made[-1]) == []

    async def dump(self, client: Client) -> str:
        rows = await self.kept.range("", "~")
        assert rows
        return "\n".join(f"{each.key} {dict(each.values)}" for each in rows)

    async def test_rows_of_a_deletion_that_broke_off_are_erased(
        self, client: Client, repository: TablesRepository
    ) -> None:
        """Further rows of a tombstone that was never written whole: they are no tombstone."""
        document = resource(USER, title="Lovelace" * 50_000)
        ada = await repository.create(USER, document, change("create"))
        both = [tombstone(USER, ada, change("delete"), days=1) for _ in range(2)]
        for each in both:
            await repository.bury_parts(USER, each)
        kept = both[0]
        broken = [each async for each in repository.tombstones(USER)]
        assert {(each.id, each.due) for each in broken} == {(ada.id, each.due) for each in both}
        assert not any(each.restorable for each in broken)
        assert await repository.buried(USER, kept.keys) == []
        with pytest.raises(NotFound):
            await restore(repository, USER, broken[0], change("restore"))
        assert await erase(call(client, repository), USER, ada.id)
        assert "Lovelace" not in await self.dump(client)
