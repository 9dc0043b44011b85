"""A record that can't be read keeps nobody but its own directory from being served."""

import json
import logging
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from azure.data.tables.aio import TableClient

from scim.directory import Directory
from scim.purging import purge
from scim.registry import NoRecord, Unreadable
from scim.repository import Meter
from scim.server import Server
from storage.client import Operation, Partition
from storage.registry import TablesRegistry
from tests.service import PEPPER, Client
from tests.storage.serving import on_tables, serve
from tests.storage.test_registry import NOW, credential, directory, disabled

PRIVATE = "Very-Private-Value"
BROKEN = [
    pytest.param("{", id="damaged"),
    pytest.param("", id="empty"),
    pytest.param(json.dumps({"fromTheFuture": PRIVATE}), id="another version's"),
]


async def spoil(table: TableClient, kind: str, id: str, text: str) -> None:
    """Write what is no record into a record's row; unless it is broken JSON, as more keys."""
    rows = Partition(table, kind, Meter())
    row = await rows.get(f"id:{id}")
    assert row is not None
    values: dict[str, Any] = {"j0": text}
    if text.endswith("}"):
        values = {"j0": json.dumps({**json.loads(row.values["j0"]), **json.loads(text)})}
    await rows.transact([Operation("put", row.key, values)])


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert PRIVATE not in caplog.text
    assert not any(each.exc_info for each in caplog.records)
    return [each.message for each in caplog.records if each.name == "storage.records"]


@pytest.mark.parametrize("text", BROKEN)
async def test_a_directory_that_cannot_be_read_is_left_out(
    table: TableClient, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One line of the log names its id, and no line what it holds; it is listed apart."""
    registry = TablesRegistry(table)
    made = [directory(name) for name in ("contoso", "fabrikam", "northwind")]
    for each in made:
        await registry.add_directory(each)
    await spoil(table, "directory", made[1].id, text)
    assert [each async for each in registry.directories()] == [made[0], made[2]]
    [line] = lines(caplog)
    assert made[1].id in line
    assert await registry.unreadable() == {"fabrikam": made[1].id}
    fresh = TablesRegistry(table)
    with pytest.raises(Unreadable) as caught:
        await fresh.directory_named("fabrikam")
    assert caught.value.id == made[1].id
    with pytest.raises(Unreadable):
        await fresh.change_directory(made[1].id, disabled)
    with pytest.raises(NoRecord):
        await fresh.change_directory("another00", disabled)
    assert await registry.unreadable() == {"fabrikam": made[1].id}


@pytest.mark.parametrize("kind", ["directory", "credential"])
async def test_its_requests_are_refused_until_it_can_be_read(
    table: TableClient, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """503, for its client is to come back: one read and one line in a minute, no traceback.

    A request with another token than its own learns nothing, and others are served.
    """
    caplog.set_level(logging.INFO)
    writer = TablesRegistry(table)
    client = await serve(on_tables(table), writer)
    other = await serve(on_tables(table), writer, name="fabrikam")
    [kept] = await writer.credentials(client.directory.id)
    await spoil(table, kind, kept.id if kind == "credential" else client.directory.id, '{"a": 1}')
    registry = TablesRegistry(table)
    fresh = reopened(registry, table, client)
    answers = [await fresh.get("/Users") for _ in range(5)]
    assert {each.status for each in answers} == {503}
    assert {each.headers["Retry-After"] for each in answers} == {"60"}
    assert "its operator" in answers[0].detail
    [line] = lines(caplog)
    assert (kept.id if kind == "credential" else client.directory.id) in line
    assert registry.meter.calls == (2 if kind == "directory" else 1)
    assert (await reopened(registry, table, other).get("/Users")).status == 200


def reopened(registry: TablesRegistry, table: TableClient, client: Client) -> Client:
    """The same client of a process that remembers nothing."""
    server = Server(registry=registry, repository=on_tables(table), pepper=PEPPER)
    return replace(client, server=server)


async def test_what_can_be_read_again_is_served_again(table: TableClient) -> None:
    registry = TablesRegistry(table)
    made = directory()
    await registry.add_directory(made)
    rows = Partition(table, "directory", Meter())
    before = await rows.get(f"id:{made.id}")
    assert before is not None
    await spoil(table, "directory", made.id, "{")
    with pytest.raises(Unreadable):
        await registry.directory_named("contoso")
    await rows.transact([Operation("put", before.key, before.values)])
    assert await registry.directory_named("contoso") == made
    assert await registry.unreadable() == {}


async def test_one_token_that_cannot_be_read_hides_no_other(
    table: TableClient, caplog: pytest.LogCaptureFixture
) -> None:
    registry = TablesRegistry(table)
    kept, lost = credential("abcdefgh"), credential("abcdefgh")
    for each in (kept, lost):
        await registry.add_credential(each)
    await spoil(table, "credential", lost.id, "{")
    assert await registry.credentials("abcdefgh") == [kept]
    [line] = lines(caplog)
    assert lost.id in line
    await registry.remove_directory("abcdefgh")
    assert await TablesRegistry(table).credential(lost.id) is None


async def test_a_purge_goes_on_with_the_others(table: TableClient) -> None:
    registry = TablesRegistry(table)
    made = [Directory(id=uuid4().hex[:20], name=f"d{number}") for number in range(3)]
    for each in made:
        await registry.add_directory(each)
    await spoil(table, "directory", made[0].id, "{")
    done = await purge(registry, on_tables(table), now=NOW)
    assert (done.directories, done.failed) == (2, 0)
