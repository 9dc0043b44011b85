"""What is loaded at once is what the repository would have written."""

import json
from dataclasses import replace

from azure.data.tables.aio import TableClient

from scim.journal import Entry
from scim.repository import Change
from tests.model.loading import GROUP, USER, Loader, user, user_id
from tests.model.rows import Range
from tests.model.service import Service
from tests.model.transport import ModelTransport
from tests.storage.serving import on_tables, serve


def rows(service: Service, table: str, partition: str) -> dict[str, str | None]:
    return {each.key: each.body for each in service.rows.read(table, Range(partition))}


def again(entry: Entry) -> Change:
    """Make the change of which an entry tells."""
    assert entry.verb == "create"
    return Change(
        id=entry.id,
        at=entry.at,
        verb=entry.verb,
        attributes=entry.attributes,
        credential=entry.credential,
        operation=entry.operation,
        request=entry.request,
        status=entry.status,
    )


async def test_loaded_rows_are_those_of_a_post(
    transport: ModelTransport, own_table: TableClient
) -> None:
    """Row for row, of users and of a group: those of a POST, but for what is random in one."""
    client = await serve(on_tables(own_table))
    posted = [(await client.post("/Users", user(number))).id for number in (3, 14, 159)]
    group = (await client.post("/Groups", {"displayName": "Engines"})).id
    log = [each async for each in on_tables(own_table)(client.directory).entries()]
    changes = {each.resource: again(each) for each in log}

    loader = Loader(transport.service, "rows", "loaded")
    for number, id in zip((3, 14, 159), posted, strict=True):
        await loader.one(USER, id, user(number), changes[id])
    await loader.one(GROUP, group, {"displayName": "Engines"}, changes[group])
    made = rows(transport.service, "rows", "loaded")
    assert made == rows(transport.service, "rows", client.directory.id)
    assert len(made) == 3 * 8 + 4


async def test_many_users_are_loaded_as_one_is(transport: ModelTransport) -> None:
    """The rows that are made by a pattern are those that the repository makes of each."""
    service = transport.service
    service.rows.create_table("rows")
    numbers = (0, 7, 1_234_567)
    await Loader(service, "rows", "many", "credential").users(numbers)
    many = rows(service, "rows", "many")
    by_user = {
        json.loads(f"{{{body}}}")["resource"]: key.removeprefix("c:")
        for key, body in many.items()
        if key.startswith("c:")
    }
    single = Loader(service, "rows", "one", "credential")
    for number in numbers:
        change = replace(single.change(USER), id=by_user[user_id(number)])
        await single.one(USER, user_id(number), user(number), change)
    assert many == rows(service, "rows", "one")
    assert len(many) == 3 * 8


async def test_loaded_members_are_those_of_a_patch(
    transport: ModelTransport, own_table: TableClient
) -> None:
    """A group that is loaded has the membership rows of one whose members were added."""
    client = await serve(on_tables(own_table))
    service, directory = transport.service, client.directory.id
    loader = Loader(service, "rows", directory)
    await loader.users(range(5))
    loaded = await loader.group("Loaded", range(5))
    added = (await client.group(members=[user_id(number) for number in range(5)])).id
    found = rows(service, "rows", directory)

    def memberships(group: str) -> dict[str, str | None]:
        return {
            key.replace(group, "group"): body
            for key, body in found.items()
            if key[:2] in ("m:", "n:") and group in key
        }

    assert memberships(loaded) == memberships(added)
    assert len(memberships(loaded)) == 10
    read = await client.get(f"/Groups/{loaded}")
    assert {each["value"] for each in read.body["members"]} == {
        user_id(number) for number in range(5)
    }
    listed = await client.get("/Users?startIndex=1&count=2")
    assert (listed.body["totalResults"], len(listed.body["Resources"])) == (5, 2)
