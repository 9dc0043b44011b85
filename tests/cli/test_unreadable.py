"""A directory whose record can't be read is said to be there, and hides no other."""

import asyncio
from typing import Any

import pytest
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableServiceClient

from storage.open import REGISTRY_TABLE
from tests.cli.conftest import Run
from tests.cli.requests import Tenant


async def written(azurite: str, id: str, row: dict[str, Any]) -> dict[str, Any]:
    """Write a directory's row; what it held."""
    async with TableServiceClient.from_connection_string(azurite) as service:
        table = service.get_table_client(REGISTRY_TABLE)
        before = dict(await table.get_entity("directory", f"id:{id}"))
        keys = {"PartitionKey": "directory", "RowKey": f"id:{id}"}
        await table.upsert_entity({**row, **keys}, mode=UpdateMode.REPLACE)
        return before


@pytest.mark.parametrize("text", ["{", '{"fromTheFuture": "Very-Private-Value"}'])
def test_a_record_that_cannot_be_read_is_said(
    run: Run, tenant: Tenant, azurite: str, text: str
) -> None:
    other = f"{tenant.name}-b"
    run("directory", "add", other)
    id = run("directory", "show", tenant.name, "--json").json["id"]
    before = asyncio.run(written(azurite, id, {"j0": text}))
    try:
        listed = run("directory", "list", "--json")
        rows = {each["name"]: each for each in listed.json}
        assert rows[tenant.name].keys() == rows[other].keys()
        assert (rows[tenant.name]["state"], rows[tenant.name]["id"]) == ("unreadable", id)
        assert rows[other]["state"] == "enabled"
        assert list(rows) == sorted(rows)
        shown = run("directory", "list")
        line = next(each for each in shown.out.splitlines() if each.startswith(f"{tenant.name} "))
        assert line.split()[1] == "unreadable"
        for command in ("show", "disable"):
            said = run("directory", command, tenant.name, status=1).err
            assert f"the record of the directory {tenant.name} ({id}) can't be read" in said
            assert "Very-Private-Value" not in said
        assert "there is no directory" in run("directory", "show", "nobody-has-this", status=1).err
    finally:
        asyncio.run(written(azurite, id, before))
    assert run("directory", "show", tenant.name, "--json").json["id"] == id
