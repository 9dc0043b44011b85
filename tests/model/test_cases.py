"""What the model has in common with Azurite, and where it follows the documentation instead.

`cases/` has requests and what comes of them. All but those with a `source` are sent to both: what
Azurite answers is what the model must answer. A step is a transaction, a read of a row, a query, or
a look at whether a row's ETag has changed since it was marked. What a source does not say, and the
model has to decide, a case names as `assumed`: nobody has tried it on the service.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableEntity, TableTransactionError
from azure.data.tables.aio import TableClient, TableServiceClient

from storage.client import PATIENCE
from tests.model.behaviour import Behaviour
from tests.model.service import Service
from tests.model.transport import CONNECTION, ModelTransport

Case = Mapping[str, Any]

CASES: list[Case] = [
    each
    for path in sorted((Path(__file__).parent / "cases").glob("*.json"))
    for each in json.loads(path.read_text("utf-8"))
]


def cases(*, documented: bool) -> list[Any]:
    return [
        pytest.param(each, id=each["case"]) for each in CASES if ("source" in each) is documented
    ]


@dataclass
class Played:
    """A case that is being played on a table."""

    table: TableClient
    marks: dict[str, str] = field(default_factory=dict)

    async def given(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            await self.table.submit_transaction([("create", {"PartitionKey": "p", **row})])

    async def step(self, step: Case) -> None:
        """Do a step and compare what came of it with what is expected."""
        if "mark" in step:
            self.marks[step["mark"]] = await self._etag(step["mark"])
        elif "etag" in step:
            same = await self._etag(step["etag"]) == self.marks[step["etag"]]
            assert same is (step["is"] == "same")
        elif "fails" in step:
            with pytest.raises(HttpResponseError) as raised:
                await self._do(step)
            assert _failure(raised.value) == step["fails"]
        else:
            await self._do(step)

    async def _do(self, step: Case) -> None:
        if "transact" in step:
            await self._transact(step)
        elif "get" in step:
            found = await self.table.get_entity("p", step["get"], select=step.get("select"))
            assert dict(found) == step["row"]
        else:
            await self._query(step)

    async def _transact(self, step: Case) -> None:
        operations = [
            self._operation(each, number, step.get("properties", 0))
            for number in range(step.get("times", 1))
            for each in step["transact"]
        ]
        answers = await self.table.submit_transaction(operations)
        if "etags" in step:
            etags = [each.get("etag") for each in answers]
            wanted = [await self._etag(each) if each else None for each in step["etags"]]
            named = [etag if key else None for etag, key in zip(etags, step["etags"], strict=True)]
            assert named == wanted

    def _operation(self, written: list[Any], number: int, properties: int) -> Any:
        verb, values, *more = written
        options = dict(more[0]) if more else {}
        if "guard" in options:
            options["etag"] = self.marks[options.pop("guard")]
            options["match_condition"] = MatchConditions.IfNotModified
        entity = TableEntity({"PartitionKey": "p"})
        for name, value in values.items():
            made = value["repeat"] * value["times"] if isinstance(value, dict) else value
            if "{}" in name:
                entity |= {name.format(place): made for place in range(properties)}
            else:
                entity[name] = made.format(f"{number:03}") if name == "RowKey" else made
        return verb, entity, options

    async def _query(self, step: Case) -> None:
        found = self.table.query_entities(
            step["query"], results_per_page=step.get("top"), select=step.get("select")
        )
        pages = [[each async for each in page] async for page in found.by_page()]
        if "keys" in step:
            assert [[each["RowKey"] for each in page] for page in pages] == step["keys"]
        else:
            assert [dict(each) for page in pages for each in page] == step["rows"]
            assert all(each.metadata["etag"] for page in pages for each in page)

    async def _etag(self, key: str) -> str:
        return str((await self.table.get_entity("p", key)).metadata["etag"])


def _failure(error: HttpResponseError) -> list[Any]:
    code = getattr(error, "error_code", None)
    index = [error.index] if isinstance(error, TableTransactionError) else []
    return [error.status_code, getattr(code, "value", code), *index]


async def play(table: TableClient, case: Case) -> None:
    played = Played(table)
    await played.given(case.get("given", []))
    for step in case["steps"]:
        await played.step(step)


@pytest.mark.parametrize("case", cases(documented=False))
async def test_azurite_and_the_model_agree(
    account: TableServiceClient, table: TableClient, case: Case
) -> None:
    absent = account.get_table_client(case["table"]) if "table" in case else None
    await play(absent or table, case)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("case", cases(documented=True))
async def test_the_model_follows_the_documentation(case: Case) -> None:
    service = Service(Behaviour(**case.get("behaviour", {})))
    transport = ModelTransport(service)
    async with TableServiceClient.from_connection_string(
        CONNECTION, transport=transport, **PATIENCE
    ) as account:
        await play(await account.create_table("rows"), case)
