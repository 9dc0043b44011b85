"""A transaction as the SDK would be asked for it: what `storage/batch.py` is compared with."""

from collections.abc import Mapping, Sequence
from typing import Any

from azure.core import MatchConditions
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from storage.batch import Operation

_NAMES: Mapping[str, str] = {
    "insert": "create",
    "put": "upsert",
    "replace": "update",
    "merge": "update",
    "delete": "delete",
}


async def submit_by_sdk(
    table: TableClient, partition: str, operations: Sequence[Operation]
) -> list[str]:
    """Do what `storage.batch.submit` does, as far as all goes well."""
    results = await table.submit_transaction([_submitted(partition, each) for each in operations])
    return [each.get("etag", "") for each in results]


def _submitted(partition: str, operation: Operation) -> Any:
    entity = {**operation.values, "PartitionKey": partition, "RowKey": operation.key}
    options: dict[str, Any] = {}
    if operation.verb in ("put", "replace", "merge"):
        options["mode"] = UpdateMode.MERGE if operation.verb == "merge" else UpdateMode.REPLACE
    if operation.guard is not None:
        options |= {"etag": operation.guard, "match_condition": MatchConditions.IfNotModified}
    return _NAMES[operation.verb], entity, options
