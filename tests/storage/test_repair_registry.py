"""The table of directories and credentials: what leads nowhere goes, what is unseen is listed."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from azure.data.tables.aio import TableClient

from scim.directory import Directory
from scim.registry import Credential
from scim.repair_rules import RULES
from scim.repairing import Repaired, repair
from scim.repository import Meter
from storage.client import Operation, Partition
from storage.registry import TablesRegistry
from storage.repair.registry import RegistryRepairs
from tests.storage.damages import SECRET, delete, plan
from tests.storage.test_registry import credential, directory


@dataclass
class Office:
    """A registry with two directories, of which the first has a token."""

    registry: TablesRegistry
    first: Directory
    second: Directory
    token: Credential

    async def run(self, *, dry_run: bool = False) -> Repaired:
        return await repair(RegistryRepairs(*self.registry.partitions), plan(dry_run=dry_run))

    async def rows(self) -> dict[str, str]:
        found = [row for each in self.registry.partitions for row in await each.range("", "~")]
        return {row.key: row.etag for row in found}


@pytest.fixture
async def office(table: TableClient) -> Office:
    registry = TablesRegistry(table)
    first, second = directory("contoso"), directory("fabrikam")
    for each in (first, second):
        await registry.add_directory(each)
    token = credential(first.id)
    await registry.add_credential(token)
    return Office(registry, first, second, token)


def of(office: Office) -> str:
    return f"of:{office.first.id}:{office.token.id}"


Plant = tuple[str, Callable[[Office], list[Operation]]]

HEALED: dict[str, Plant] = {
    "name-orphaned": (
        "directory",
        lambda _: [Operation("put", "name:nobody", {"directory": "abcdefgh"})],
    ),
    "name-missing": ("directory", lambda _: [delete("name:contoso")]),
    "listing-missing": ("credential", lambda office: [delete(of(office))]),
    "listing-orphaned": (
        "credential",
        lambda office: [Operation("put", f"of:{office.first.id}:abcdefgh")],
    ),
    "credential-orphaned": (
        "directory",
        lambda office: [delete(f"id:{office.first.id}"), delete("name:contoso")],
    ),
}
REPORTED: dict[str, Plant] = {
    "record-damaged": (
        "directory",
        lambda office: [Operation("merge", f"id:{office.first.id}", {"j0": '{"' + SECRET})],
    ),
    "name-conflict": (
        "directory",
        lambda office: [Operation("put", "name:contoso", {"directory": office.second.id})],
    ),
    "unknown": ("credential", lambda _: [Operation("put", f"x:{SECRET}")]),
}


async def plant(office: Office, damage: Plant) -> None:
    partition, make = damage
    place = dict(zip(("directory", "credential"), office.registry.partitions, strict=True))
    await place[partition].transact(make(office))


async def test_nothing_is_wrong_with_what_commands_wrote(office: Office) -> None:
    assert await office.run() == Repaired()


@pytest.mark.parametrize("damage", HEALED)
async def test_a_damage_is_found_healed_and_gone(office: Office, damage: str) -> None:
    await plant(office, HEALED[damage])
    before = await office.rows()
    assert (await office.run(dry_run=True)).left == {damage: 1}
    assert await office.rows() == before
    done = await office.run()
    assert (done.healed, dict(done.left)) == ({damage: 1}, {})
    assert await office.run() == Repaired()


@pytest.mark.parametrize("damage", REPORTED)
async def test_what_a_person_has_to_decide_is_left(office: Office, damage: str) -> None:
    await plant(office, REPORTED[damage])
    before = await office.rows()
    done = await office.run()
    assert done.left[damage] == 1
    assert SECRET not in str([each.shown for each, _ in done.findings])
    now = await office.rows()
    assert {key for key in before if now.get(key) != before[key]} <= {"name:contoso"}


def test_every_rule_is_planted() -> None:
    others = {"record", "name", "listing", "credential"}
    mine = {each for each in RULES if each.partition("-")[0] in others}
    assert mine | {"unknown"} == {*HEALED, *REPORTED}


async def test_a_token_that_no_list_showed_is_listed_and_works(office: Office) -> None:
    await plant(office, HEALED["listing-missing"])
    assert await office.registry.credentials(office.first.id) == []
    await office.run()
    assert await office.registry.credentials(office.first.id) == [office.token]


async def test_a_directory_that_cannot_be_read_keeps_its_name_and_its_tokens(
    office: Office, table: TableClient
) -> None:
    await plant(office, REPORTED["record-damaged"])
    before = await office.rows()
    await office.run()
    assert await office.rows() == before


async def test_the_tokens_of_a_directory_that_is_gone_open_nothing(
    office: Office, table: TableClient
) -> None:
    await plant(office, HEALED["credential-orphaned"])
    await office.run()
    assert await TablesRegistry(table).credential(office.token.id) is None
    assert await Partition(table, "credential", Meter()).range("", "~") == []
