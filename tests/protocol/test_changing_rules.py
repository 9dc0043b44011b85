"""Other rules for a directory that has resources (`scim/reindexing.py`)."""

from typing import Any

import pytest

from scim.conflicts import Conflict, Conflicts
from scim.deadlines import SETTLED
from scim.presets import preset
from scim.reindexing import UnderWay, abandon
from scim.rules import Rules
from storage.open import Storage
from tests.changing import changing, ruled
from tests.service import ENTERPRISE, Client, uniqueness_error

URN = "urn:example:Extra"
BY_TITLE = ruled({"name": "User", "unique": ["userName"], "indexed": ["externalId", "title"]})
ONE_TITLE = ruled({"name": "User", "unique": ["userName", "title"]})


def extended(*, indexed: bool = False, **badge: Any) -> Rules:
    """Rules with an extension's attribute `badge`."""
    extension = {"id": URN, "name": "Extra", "attributes": [{"name": "badge", **badge}]}
    user = {
        "name": "User",
        "schemaExtensions": [{"schema": URN, "required": False}],
        "indexed": [f"{URN}:badge"] if indexed else [],
    }
    return ruled(user, schemas=[extension])


async def names(client: Client, filter: str, path: str = "/Users") -> list[str]:
    """Search; the names of who is found."""
    answer = await client.get(f"{path}?filter={filter.replace(' ', '+')}")
    assert answer.status == 200, answer.body
    name = "userName" if path == "/Users" else "displayName"
    return sorted(each[name] for each in answer.body["Resources"])


async def test_who_exists_is_found_by_what_is_indexed_from_now_on(storage: Storage) -> None:
    here = await changing(storage, Rules())
    for number in range(5):
        await here.client.user(f"u{number}", title=f"T{number % 2}", displayName="Same")
    seen: list[tuple[int, int]] = []
    outcome = await here.change(BY_TITLE, progress=lambda *each: seen.append(each))
    assert (outcome.resources, outcome.indexed) == (5, 5)
    assert outcome.removed == 5  # by displayName nobody is looked up any more
    assert (seen[-1], here.waits) == ((5, 5), [SETTLED, SETTLED])
    record = await here.record()
    assert (record.rules, record.next, record.previous) == (BY_TITLE, None, None)
    assert await names(here.client, 'title eq "t1"') == ["u1", "u3"]
    assert await names(here.client, 'displayName eq "same"') == [f"u{n}" for n in range(5)]
    assert await here.faults() == []


async def test_a_reindexed_resource_is_the_same_to_its_client(storage: Storage) -> None:
    """Neither its version nor lastModified changes."""
    here = await changing(storage, Rules())
    one = await here.client.user("ada", title="Countess")
    await here.change(BY_TITLE)
    read = await here.client.get(f"/Users/{one.id}")
    assert (read.body, read.headers["ETag"]) == (one.body, one.headers["ETag"])


async def test_what_needs_no_index_changes_at_once(storage: Storage) -> None:
    here = await changing(storage, Rules())
    await here.client.user("ada")
    outcome = await here.change(ruled(dialect="rfc"), changed={"preset": "own"})
    assert (outcome.indexed, here.waits) == (0, [])
    record = await here.record()
    assert (record.dialect, record.preset) == ("rfc", "own")
    await here.change(record.rules, changed={"preset": "other"})
    assert (await here.record()).preset == "other"


async def test_a_uniqueness_that_is_broken_is_refused(storage: Storage) -> None:
    """The conflicts are listed by id, without the value; nothing has changed."""
    here = await changing(storage, Rules())
    ids = [(await here.client.user(title=each)).id for each in ("A", "a", "b", "A")]
    before = await here.record()
    with pytest.raises(Conflicts) as refused:
        await here.change(ONE_TITLE)
    [conflict] = refused.value.conflicts
    assert (conflict.type, conflict.attribute, conflict.why) == ("User", "title", "unique")
    assert set(conflict.ids) == {ids[0], ids[1], ids[3]}
    assert (refused.value.total, here.waits) == (1, [])
    assert (await here.record(), await here.faults()) == (before, [])


async def test_conflicts_are_counted_beyond_those_listed(storage: Storage) -> None:
    here = await changing(storage, extended())
    for number in range(103):
        await here.client.user(f"u{number}", **{URN: {"badge": "x"}})
    with pytest.raises(Conflicts) as refused:
        await here.change(extended(type="integer"))
    assert (len(refused.value.conflicts), refused.value.total) == (100, 103)
    assert {(each.attribute, each.why) for each in refused.value.conflicts} == {
        (f"{URN}:badge", "type")
    }


async def test_what_is_required_from_now_on_is_reported(storage: Storage) -> None:
    """Who lacks it can still be disabled."""
    here = await changing(storage, preset("default"))
    one = await here.client.user("ada", name={"givenName": "Ada"})
    outcome = await here.change(preset("bitabiz"), changed={"preset": "bitabiz"})
    assert outcome.lacking["User.name.familyName"] == 1
    assert "User.name.givenName" not in outcome.lacking
    off = {"op": "replace", "path": "active", "value": False}
    assert (await here.client.patch(f"/Users/{one.id}", off)).status == 200
    assert (await here.client.delete(f"/Users/{one.id}")).status == 204
    assert (await here.client.get(f"/Users/{one.id}")).body["active"] is False
    assert await here.faults() == []


async def test_groups_may_share_a_name_once_it_is_not_unique(storage: Storage) -> None:
    """From default to bytebase: found by displayName both, matched on externalId."""
    here = await changing(storage, preset("default"))
    one = await here.client.group("Sales", externalId="1")
    await here.change(preset("bytebase"))
    two = await here.client.group("Sales", externalId="2")
    assert await names(here.client, 'displayName eq "sales"', "/Groups") == ["Sales", "Sales"]
    third = await here.client.post("/Groups", {"displayName": "Other", "externalId": "2"})
    assert uniqueness_error(third)
    assert (await here.client.delete(f"/Groups/{one.id}")).status == 204
    assert await names(here.client, 'displayName eq "sales"', "/Groups") == ["Sales"]
    await here.client.group("Sales", externalId="3")
    with pytest.raises(Conflicts):
        await here.change(preset("default"))
    assert await here.faults() == []
    assert (await here.client.get(f"/Groups/{two.id}")).status == 200


async def test_groups_of_mail_addresses_are_adopted(storage: Storage) -> None:
    """From bytebase-mail to bytebase: objectId takes the mail address's place, in one group."""
    here = await changing(storage, preset("bytebase-mail"))
    one = await here.client.group("Sales", externalId="Sales@example.com")
    await here.change(preset("bytebase"))
    body = {"displayName": "Sales", "externalId": "object-1", "email": "sales@example.com"}
    again = await here.client.post("/Groups", body)
    assert (again.status, again.id) == (201, one.id)
    assert await names(here.client, 'externalId eq "object-1"', "/Groups") == ["Sales"]
    assert await here.faults() == []


async def test_what_is_hidden_comes_back(storage: Storage) -> None:
    """From default to configcat and back: nothing is lost, all is found again."""
    here = await changing(storage, preset("default"))
    boss = await here.client.user("boss")
    emails = [{"value": "ada@example.com", "type": "work"}]
    extension = {"employeeNumber": "7", "manager": {"value": boss.id}}
    ada = await here.client.user("ada", title="T", emails=emails, **{ENTERPRISE: extension})
    await here.client.group("Sales", members=[ada.id])
    await here.change(preset("configcat"))
    hidden = (await here.client.get(f"/Users/{ada.id}")).body
    assert not {"emails", "title", "groups", ENTERPRISE} & hidden.keys()
    # Written under rules that know nothing of it.
    shown = {"op": "replace", "path": "displayName", "value": "Ada"}
    assert (await here.client.patch(f"/Users/{ada.id}", shown)).status == 200
    assert await here.faults() == []
    await here.change(preset("default"))
    read = (await here.client.get(f"/Users/{ada.id}")).body
    assert {**read, "meta": 0} == {**ada.body, "displayName": "Ada", "groups": read["groups"],
                                   "meta": 0}  # fmt: skip
    for filter in (
        'emails.value eq "ada@example.com"',
        'title eq "T"',
        f'{ENTERPRISE}:employeeNumber eq "7"',
        f'{ENTERPRISE}:manager.value eq "{boss.id}"',
    ):
        assert await names(here.client, filter) == ["ada"], filter
    assert await here.faults() == []


@pytest.mark.parametrize("indexed", [True, False])
async def test_letter_case_may_come_to_count(storage: Storage, *, indexed: bool) -> None:
    """And may cease to: by an index or by a scan, who compares equal is found and nobody else."""

    here = await changing(storage, extended(indexed=indexed, caseExact=False))
    await here.client.user("small", **{URN: {"badge": "x-1"}})
    await here.client.user("tall", **{URN: {"badge": "X-1"}})
    filter = f'{URN}:badge eq "X-1"'
    assert await names(here.client, filter) == ["small", "tall"]
    await here.change(extended(indexed=indexed, caseExact=True))
    assert await names(here.client, filter) == ["tall"]
    assert await here.faults() == []
    await here.change(extended(indexed=indexed, caseExact=False))
    assert await names(here.client, filter) == ["small", "tall"]
    assert await here.faults() == []


async def test_a_name_can_not_change_its_spelling(storage: Storage) -> None:
    here = await changing(storage, extended())
    with pytest.raises(ValueError, match=f"{URN}:Badge must be spelt {URN}:badge"):
        await here.change(extended(name="Badge"))


async def test_of_two_operators_one_is_refused(storage: Storage) -> None:
    """The second one's rules are others; with the same rules both do the same."""
    here = await changing(storage, Rules())
    await here.client.user("ada", title="T")
    refused: list[bool] = []

    async def meanwhile(seconds: float) -> None:
        here.look()
        if refused:
            return
        with pytest.raises(UnderWay):
            await here.change(ONE_TITLE)
        refused.append(True)
        await here.change(BY_TITLE)

    await here.change(BY_TITLE, wait=meanwhile)
    assert (refused, (await here.record()).rules) == ([True], BY_TITLE)
    assert await here.faults() == []


async def test_rules_that_were_to_come_can_be_abandoned(storage: Storage) -> None:
    """The operator who goes on meanwhile is told; nothing is left of them."""
    here = await changing(storage, Rules())
    await here.client.user("ada", title="T")
    before = await here.record()

    async def meanwhile(seconds: float) -> None:
        here.look()
        await here.client.user(title="written for both")
        await abandon(here.registry, here.repository, before, wait=here.settle)

    with pytest.raises(UnderWay):
        await here.change(BY_TITLE, wait=meanwhile)
    assert (await here.record(), await here.faults()) == (before, [])
    await here.change(ONE_TITLE)
    assert (await here.record()).rules == ONE_TITLE
    assert await here.faults() == []


async def test_a_conflict_that_arises_meanwhile_is_refused(storage: Storage) -> None:
    """A worker that doesn't know yet lets in what breaks the new rules: they are given up."""
    here = await changing(storage, Rules(), workers=2)
    knows, does_not = here.workers
    one = await knows.user("one", title="T")
    two = await does_not.user("two", title="U")
    before = await here.record()

    async def late(seconds: float) -> None:
        if not here.waits:
            retitle = {"op": "replace", "path": "title", "value": "t"}
            assert (await does_not.patch(f"/Users/{two.id}", retitle)).status == 200
        await here.settle(seconds)

    with pytest.raises(Conflicts) as refused:
        await here.change(ONE_TITLE, wait=late)
    assert refused.value.conflicts == (
        Conflict("User", "title", tuple(sorted([one.id, two.id]))),
    )  # fmt: skip
    assert (await here.record(), await here.faults()) == (before, [])


@pytest.mark.parametrize("name", ["default", "bytebase", "configcat", "scalekit"])
async def test_a_store_keeps_what_is_to_come(storage: Storage, name: str) -> None:
    """Rules are told to be the same after they were written and read again."""
    rules = preset(name)
    here = await changing(storage, Rules())
    before = await here.record()
    await storage.registry.add_directory(before)
    await storage.registry.change_directory(
        before.id, lambda now: now.having(now.rules, next=rules, previous=BY_TITLE)
    )
    record = await storage.registry.directory_named(before.name)
    assert record is not None
    assert (record.next, record.previous, record.rules) == (rules, BY_TITLE, before.rules)
