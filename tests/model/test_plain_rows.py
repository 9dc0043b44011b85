"""Rows of a page that are taken before the SDK reads them are the rows that it would have read."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.data.tables import EdmType, EntityProperty, TableEntity
from azure.data.tables.aio import TableClient

from scim.errors import Unavailable
from scim.repository import Meter
from storage.client import Partition, Row
from storage.patience import Patience
from tests.model.behaviour import Behaviour

HASTY = Patience(refused=2, first=0.001, most=0.002)
PLAIN: dict[str, Any] = {
    "text": "æ 𝄞 \\ \" ' \u2028",
    "empty": "",
    "looks": '{"x@odata.type": "Edm.Int64", "odata.etag": 1}',
    "yes": True,
    "small": -7,
    "half": 0.5,
    "whole": 3.0,
}
OTHER: dict[str, Any] = {
    "large": EntityProperty(2**40, EdmType.INT64),
    "bytes": b"\x00\xff",
    "when": datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC),
    "guid": uuid.UUID(int=7),
}


async def read(table: TableClient, *select: str) -> list[Row]:
    """Read what the partition has, page by page."""
    return await Partition(table, "p", Meter()).range("", "~", select=select or None)


async def read_by_sdk(table: TableClient, *select: str) -> list[Row]:
    found = table.query_entities("PartitionKey eq 'p'", select=list(select) or None)
    return [
        Row(each["RowKey"], str(each.metadata.get("etag") or ""), dict(each))
        async for each in found
    ]


async def given(table: TableClient, *rows: dict[str, Any]) -> None:
    for number, row in enumerate(rows):
        await table.create_entity({"PartitionKey": "p", "RowKey": f"{number}", **row})


@pytest.mark.parametrize("select", [(), ("RowKey",), ("RowKey", "Timestamp"), ("text", "RowKey")])
async def test_plain_rows_are_as_the_sdk_reads_them(
    table: TableClient, select: tuple[str, ...]
) -> None:
    await given(table, PLAIN, {}, {"text": "two"})
    found = await read(table, *select)
    assert [Row(each.key, each.etag, dict(each.values)) for each in found] == await read_by_sdk(
        table, *select
    )
    assert not any(isinstance(each.values, TableEntity) for each in found)
    types = [type(each) for row in found for each in row.values.values()]
    assert set(types) <= {str, bool, int, float}


@pytest.mark.parametrize("name", OTHER)
async def test_a_type_that_json_lacks_is_read_by_the_sdk(table: TableClient, name: str) -> None:
    """The whole page then, rows without such a value too."""
    await given(table, PLAIN, {name: OTHER[name]})
    found = await read(table)
    assert [(each.key, each.etag, each.values) for each in found] == [
        (each.key, each.etag, each.values) for each in await read_by_sdk(table)
    ]
    assert all(isinstance(each.values, TableEntity) for each in found)
    assert isinstance(found[1].values[name], type(OTHER[name]))


async def test_an_etag_guards_a_write_whichever_columns_were_selected(table: TableClient) -> None:
    await given(table, PLAIN)
    whole = (await read(table))[0].etag
    assert whole
    assert (await read(table, "RowKey", "Timestamp"))[0].etag == whole


async def test_short_and_empty_pages_hold_what_is_there(
    own_table: TableClient, behaviour: Behaviour
) -> None:
    await given(own_table, *({"n": number} for number in range(9)))
    behaviour.short_pages = True
    assert [each.values["n"] for each in await read(own_table)] == [*range(9)]


async def test_a_page_that_was_refused_is_read_with_the_next_try(
    own_table: TableClient, behaviour: Behaviour
) -> None:
    await given(own_table, {"n": 1}, {"n": 2})
    behaviour.throttle(1)
    assert len(await Partition(own_table, "p", Meter(), HASTY).range("", "~")) == 2


async def test_a_page_that_stays_refused_is_an_error(
    own_table: TableClient, behaviour: Behaviour
) -> None:
    await given(own_table, {"n": 1})
    behaviour.throttle(50)
    with pytest.raises(Unavailable):
        await Partition(own_table, "p", Meter(), HASTY).range("", "~")
