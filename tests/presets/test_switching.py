"""Directories that are changed while Entra goes on, beside the server that it talks to."""

from pathlib import Path

import pytest

from scim.cli.mappings import mapping
from tests.presets.exchange import person
from tests.presets.player import Player, Tenant
from tests.presets.serving import Deployment, Process, run
from tests.presets.spelling import DEFAULT, FLAG, Spelling
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


@pytest.mark.parametrize("spelling", [DEFAULT, FLAG], ids=lambda each: each.name)
async def test_bytebase_groups_stay_the_same_when_they_are_matched_by_object_id(
    process: Process, spelling: Spelling
) -> None:
    """The switch from mail to objectId: no second group, the same ids, nobody leaves a group."""
    directory, access = await process.directory("bytebase-mail")
    before, tenant = Player(access.send, mapping("bytebase-mail"), spelling), Tenant()
    ada, bob = (person(tenant, name, "x") for name in ("ada", "bob"))
    sales = tenant.group(ada, bob, displayName="Sales", mail="Sales@example.com")
    staff = tenant.group(bob, displayName="Staff", mail="staff@example.com")
    empty = tenant.group(displayName="Empty", mail="empty@example.com")
    await before.cycle(tenant)
    groups = {each["objectId"]: await before.show(each) for each in (sales, staff, empty)}
    assert groups[sales["objectId"]]["externalId"] == "Sales@example.com"

    await process.give(directory, "bytebase")
    # A changed mapping restarts the job: everybody is matched anew.
    after = Player(access.send, mapping("bytebase"), spelling)
    sales["mail"] = "sales@example.com"  # the letter case of an address means nothing
    assert sorted(await after.cycle(tenant)) == ["POST /Groups"] * 3

    for id, group in groups.items():
        now = await after.show(tenant.groups[id])
        assert now["id"] == group["id"]
        assert now["externalId"] == id
        assert now["email"] == tenant.groups[id]["mail"]
        assert now["displayName"] == group["displayName"]
        assert {each["value"] for each in now["members"]} == {
            each["value"] for each in group["members"]
        }
        assert now["meta"]["created"] == group["meta"]["created"]
    _, listed = await access.ask("GET", "/Groups?count=100")
    assert listed["totalResults"] == 3
    assert await after.cycle(tenant) == []
    after.restart()
    assert await after.cycle(tenant) == []  # each is found by its objectId now
    # It goes on as for any group.
    sales["members"].remove(bob["objectId"])
    id = groups[sales["objectId"]]["id"]
    assert await after.cycle(tenant) == [f"PATCH /Groups/{id}"]
    (member,) = (await after.show(sales))["members"]
    assert member["value"] == after.anchors[ada["objectId"]]


async def test_bitabiz_provisioning_is_switched_off_and_on(
    process: Process, operator: Operator
) -> None:
    """Off: 403 that says so, and nothing changes. On: the job goes on where it was."""
    directory, access = await process.directory("bitabiz")
    player, tenant = Player(access.send, mapping("bitabiz"), DEFAULT), Tenant()
    ada = person(tenant, "ada", "x")
    await player.cycle(tenant)
    shown = await player.show(ada)

    operator.directory("disable", directory.name)
    process.clock.a_minute_later()
    ada["surname"] = "Lovelace"
    with pytest.raises(AssertionError, match=r"403 instead of 200.*switched off"):
        await player.cycle(tenant)
    status, _ = await access.ask("DELETE", f"/Users/{shown['id']}")
    assert status == 403

    operator.directory("enable", directory.name)
    process.clock.a_minute_later()
    assert await player.show(ada) == shown
    assert await player.cycle(tenant) == [f"PATCH /Users/{shown['id']}"]
    assert (await player.show(ada))["name"]["familyName"] == "Lovelace"
