"""Directories that are changed while Entra goes on, beside the server that it talks to."""

from pathlib import Path

import pytest

from scim.cli.mappings import mapping
from scim.cli.simulator.dialects import DEFAULT, FLAGGED, Dialect
from tests.presets.exchange import person
from tests.presets.player import Player
from tests.presets.serving import Deployment, Process, run
from tests.service import PEPPER


class Operator:
    """Runs commands on the deployment's store, from a folder of their own."""

    def __init__(self, folder: Path, deployment: Deployment) -> None:
        self._folder = folder
        self._connection = deployment.connection

    def directory(self, *arguments: str) -> None:
        store = ("--storage", self._connection)
        run(self._folder, "directory", *arguments, *store, SCIM_PEPPER=PEPPER.decode())


@pytest.fixture
def operator(deployment: Deployment, tmp_path: Path) -> Operator:
    return Operator(tmp_path, deployment)


@pytest.mark.parametrize("dialect", [DEFAULT, FLAGGED], ids=lambda each: each.name)
async def test_bytebase_groups_stay_the_same_when_they_are_matched_by_object_id(
    process: Process, dialect: Dialect
) -> None:
    """The switch from mail to objectId: no second group, the same ids, nobody leaves a group."""
    directory, access = await process.directory("bytebase-mail")
    before = Player(access.send, mapping("bytebase-mail"), dialect)
    source = before.source
    ada, bob = (person(source, name, "x") for name in ("ada", "bob"))
    sales = source.add_group(ada, bob, displayName="Sales", mail="Sales@example.com")
    staff = source.add_group(bob, displayName="Staff", mail="staff@example.com")
    empty = source.add_group(displayName="Empty", mail="empty@example.com")
    await before.cycle()
    groups = {each: await before.show(each) for each in (sales, staff, empty)}
    assert groups[sales]["externalId"] == "Sales@example.com"

    await process.give(directory, "bytebase")
    # A changed mapping restarts the job: everybody is matched anew.
    after = Player(access.send, mapping("bytebase"), dialect, source)
    source.update(sales, mail="sales@example.com")  # an address means the same in any letter case
    written = [each[:12] for each in await after.cycle()]
    # Who was in a group is added to what the job takes for a new one, which changes nothing.
    assert sorted(written) == ["PATCH /Groups"[:12]] * 2 + ["POST /Groups"] * 3

    for id, group in groups.items():
        now = await after.show(id)
        assert now["id"] == group["id"]
        assert now["externalId"] == id
        assert now["email"] == source.group(id)["mail"]
        assert now["displayName"] == group["displayName"]
        assert {each["value"] for each in now["members"]} == {
            each["value"] for each in group["members"]
        }
        assert now["meta"]["created"] == group["meta"]["created"]
    _, listed = await access.ask("GET", "/Groups?count=100")
    assert listed["totalResults"] == 3
    assert await after.cycle() == []
    after.restart()
    assert await after.cycle() == []  # each is found by its objectId now
    # It goes on as for any group.
    source.remove_members(sales, bob)
    assert await after.cycle() == [f"PATCH /Groups/{groups[sales]['id']}"]
    (member,) = (await after.show(sales))["members"]
    assert member["value"] == after.anchor(ada)


async def test_bitabiz_provisioning_is_switched_off_and_on(
    process: Process, operator: Operator
) -> None:
    """Off: 403 that says so, and nothing changes. On: the job goes on where it was."""
    directory, access = await process.directory("bitabiz")
    player = Player(access.send, mapping("bitabiz"), DEFAULT)
    ada = person(player.source, "ada", "x")
    await player.cycle()
    shown = await player.show(ada)

    operator.directory("disable", directory.name)
    process.clock.a_minute_later()
    player.source.update(ada, surname="Lovelace")
    with pytest.raises(AssertionError, match=r"403 where 200.*switched off"):
        await player.cycle()
    status, _ = await access.ask("DELETE", f"/Users/{shown['id']}")
    assert status == 403

    operator.directory("enable", directory.name)
    process.clock.a_minute_later()
    assert await player.show(ada) == shown
    assert await player.cycle() == [f"PATCH /Users/{shown['id']}"]
    assert (await player.show(ada))["name"]["familyName"] == "Lovelace"
