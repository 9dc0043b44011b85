"""The storage accounts of a service: the one with the registry, and those that directories are
placed on.

A directory's record says which one its rows are in. One that is being moved takes no writes for a
while (`scim/moving.py`), whoever asks: requests, commands and timers.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ResourceExistsError
from azure.data.tables.aio import TableClient, TableServiceClient

from scim.directory import Directory
from scim.errors import Unavailable
from scim.repository import Meter
from storage.client import Operation, Partition
from storage.failures import translated

_BOOKMARKS = "w:"
_RETRY = 30  # seconds: a freeze lasts longer, and whoever comes back early is told so again


class FrozenPartition(Partition):
    """A partition that is read alone; a walk's bookmarks are written, and lost with it."""

    async def transact(self, operations: Sequence[Operation]) -> dict[str, str]:
        if all(each.key.startswith(_BOOKMARKS) for each in operations):
            return await super().transact(operations)
        raise Unavailable(
            "this directory is being moved to another storage account and takes no writes for some"
            " minutes: send it again",
            retry_after=_RETRY,
        )


@dataclass(frozen=True, slots=True)
class Account:
    """An account that is open."""

    service: TableServiceClient
    credential: AsyncTokenCredential | None
    resources: TableClient

    async def close(self) -> None:
        await self.service.close()
        if self.credential is not None:
            await self.credential.close()


class Accounts:
    """Where each directory's rows are; None names the account with the registry."""

    def __init__(self, main: Account, others: Mapping[str, Account]) -> None:
        self._by_name: dict[str | None, Account] = {None: main}
        for name, each in others.items():
            self._by_name[name] = each
        # Who moves from an account to itself would remove what was moved.
        urls = [each.resources.url for each in self._by_name.values()]
        if len({*urls}) < len(urls):
            raise ValueError("SCIM_STORAGE_ACCOUNTS can't be used: it names one account twice")

    @property
    def names(self) -> Collection[str]:
        return [each for each in self._by_name if each is not None]

    def partition(self, directory: Directory) -> Partition:
        """Open a directory's partition. Raises Unavailable when its account is not configured."""
        account = self._by_name.get(directory.storage)
        if account is None:
            raise Unavailable(
                f"the rows of this directory are in the storage account {directory.storage}, which"
                " the service does not know: its operator has to name it in SCIM_STORAGE_ACCOUNTS",
                retry_after=60,
            )
        frozen = directory.moving is not None and directory.moving.phase == "frozen"
        kind = FrozenPartition if frozen else Partition
        return kind(account.resources, directory.id, Meter())

    def unguarded(self, directory: Directory) -> Partition:
        """Open a partition for who moves the directory."""
        return self.partition(directory.model_copy(update={"moving": None}))

    async def prepare(self) -> None:
        """Make the tables of every account. Raises Unavailable, which names the account."""
        for name, each in self._by_name.items():
            try:
                await create(each.resources)
            except Unavailable as error:
                if name is None:
                    raise
                detail = f"the storage account {name} of SCIM_STORAGE_ACCOUNTS: {error.detail}"
                raise Unavailable(detail, retry_after=_RETRY) from error

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self._by_name.values()))


async def create(table: TableClient) -> None:
    """Make a table, unless it is there."""
    with translated(), suppress(ResourceExistsError):
        await table.create_table()


def open_account(where: str, table: str, options: Mapping[str, Any]) -> Account:
    """Open an account by connection string or URL; no I/O yet."""
    if not where.startswith("https://"):
        service = TableServiceClient.from_connection_string(where, **options)
        return Account(service, None, service.get_table_client(table))
    # 200 ms of import that only a deployment with an identity needs.
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

    credential = DefaultAzureCredential()
    service = TableServiceClient(where, credential=credential, **options)
    return Account(service, credential, service.get_table_client(table))
