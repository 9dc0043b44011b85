"""Where directories and credentials are recorded: a small table, read through a short memory.

A directory that was changed, or a credential that was revoked, takes effect in every process within
`FRESH` seconds (`scim/deadlines.py`). Partitions and rows:

    directory   id:{id}                       a directory's record
                name:{name}                   whose name this is
    credential  id:{id}                       a credential's record
                of:{directory}:{credential}   the credentials of a directory
    use         {digest}                      what was used, and may be used once
    service     pepper                        the fingerprint of the pepper

A credential is found by its id alone; one whose `of:` row is missing works, and isn't listed.
"""

import re
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from datetime import datetime

from azure.data.tables.aio import TableClient

from scim.deadlines import FRESH
from scim.directory import Directory
from scim.ids import timestamp
from scim.registry import Credential, NameTaken, Unreadable, same_owner, same_place
from scim.repository import Meter
from scim.usage import is_due
from storage.client import MOST, Operation, Partition, Refused, Row
from storage.keys import below, last_part
from storage.odata import compare
from storage.patience import PATIENT, Patience
from storage.purging import drop
from storage.records import Records, key, log_unreadable
from storage.remembering import Known, Memory
from storage.rows import chunks

_NAME = re.compile(r"[a-z0-9-]{1,63}")
# What a process remembers at most, so that it can't be filled. A directory with its catalog takes
# up to some 100 KiB, a credential 1 KiB.
_MOST_DIRECTORIES = 1_000
_MOST_CREDENTIALS = 10_000
_NOBODY = "00000000"  # the id of no directory


class TablesRegistry:
    """Directories and credentials in Table Storage; `meter` counts every call."""

    def __init__(
        self,
        table: TableClient,
        clock: Callable[[], float] = time.monotonic,
        patience: Patience = PATIENT,
    ) -> None:
        self.meter = Meter()
        self._service = Partition(table, "service", self.meter, patience)
        self._uses = Partition(table, "use", self.meter, patience)
        self._names = Memory(self._find, clock=clock, most=_MOST_DIRECTORIES, absence=FRESH)
        self._directories = Records(
            Partition(table, "directory", self.meter, patience),
            Directory,
            clock=clock,
            most=_MOST_DIRECTORIES,
        )
        self._credentials = Records(
            Partition(table, "credential", self.meter, patience),
            Credential,
            clock=clock,
            most=_MOST_CREDENTIALS,
            beside=("last_used",),  # `touch` is a merge: it leaves the record alone
            sparse=True,
        )

    @property
    def partitions(self) -> tuple[Partition, Partition]:
        """The rows of directories and of credentials, for who looks after them."""
        return self._directories.partition, self._credentials.partition

    async def directory(self, id: str) -> Directory | None:
        return await self._directories.recall(id)

    async def credential(self, id: str) -> Credential | None:
        return await self._credentials.recall(id)

    async def addressed(self, name: str) -> Directory | None:
        found = await self._names.recall(name) if _NAME.fullmatch(name) else None
        return await self._directories.recall(found.value) if found else None

    async def directory_named(self, name: str) -> Directory | None:
        row = await self._directories.partition.get(_name(name)) if _NAME.fullmatch(name) else None
        return await self._directories.read(str(row.values["directory"])) if row else None

    async def _find(self, name: str, _: Known[str] | None) -> Known[str] | None:
        """Find whose a name is, and read the record, of which there may be none.

        Strangers cause this: it costs as much, and as seldom, for a name that nobody has.
        """
        row = await self._directories.partition.get(_name(name))
        id = str(row.values["directory"]) if row else _NOBODY
        with suppress(Unreadable):  # who then asks for it is told
            await self._directories.read(id)
        return Known(row.etag, id) if row else None

    async def directories(self) -> AsyncGenerator[Directory]:
        for _, row in await self._rows():
            try:
                directory = self._directories.parsed(row)
            except Unreadable as unreadable:
                log_unreadable(unreadable)
            else:
                yield directory

    async def unreadable(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for name, row in await self._rows():
            try:
                self._directories.parsed(row)
            except Unreadable as unreadable:
                found[name] = unreadable.id
        return found

    async def _rows(self) -> list[tuple[str, Row]]:
        """Read the whole partition, in few calls; its name rows are in order."""
        rows = {row.key: row for row in await self._directories.partition.range("", "~")}
        names = [each for each in rows if each.startswith(_name(""))]
        found = ((each, rows.get(key(rows[each].values["directory"]))) for each in names)
        return [(last_part(name), row) for name, row in found if row is not None]

    async def credentials(self, directory: str) -> list[Credential]:
        ids = [last_part(each) for each in await self._listed(directory)]
        found = await self._credentials.read_all(ids)
        return sorted(found, key=lambda each: (each.created, each.id))

    async def add_directory(self, directory: Directory) -> None:
        """Record a new directory and claim its name in one transaction."""
        name = Operation("insert", _name(directory.name), {"directory": directory.id})
        record = self._directories.insertion(directory.id, directory)
        try:
            await self._directories.partition.transact([name, record])
        except Refused as refused:
            # Ours, when the transaction was done before and only its answer was lost.
            found = await self._directories.partition.get(name.key)
            if found is None or found.values["directory"] != directory.id:
                raise NameTaken from refused
        self._directories.forget(directory.id)
        self._names.forget(directory.name)

    async def add_credential(self, credential: Credential) -> None:
        # Its id is random: a row that is there is this one, written before an answer was lost.
        with suppress(Refused):
            await self._credentials.partition.transact(
                [
                    self._credentials.insertion(credential.id, credential),
                    Operation("put", _of(credential.directory, credential.id)),
                ]
            )
        self._credentials.forget(credential.id)

    async def change_directory(
        self, id: str, change: Callable[[Directory], Directory]
    ) -> Directory:
        return await self._directories.change(id, lambda found: same_place(found, change(found)))

    async def change_credential(
        self, id: str, change: Callable[[Credential], Credential]
    ) -> Credential:
        return await self._credentials.change(id, lambda found: same_owner(found, change(found)))

    async def remove_directory(self, id: str) -> None:
        """Forget its credentials, then its record and name in one transaction.

        Whatever fails on the way, doing it again does the rest.
        """
        listed = await self._listed(id)
        removals = [
            Operation("delete", each, lenient=True)
            for row in listed
            for each in (key(last_part(row)), row)
        ]
        for some in chunks(removals, MOST):
            await self._credentials.partition.transact(some)
        for row in listed:
            self._credentials.forget(last_part(row))
        directory = await self._directories.read(id)
        if directory is not None:
            record = Operation("delete", key(id))
            name = Operation("delete", _name(directory.name), lenient=True)
            # Not lenient: once the record is gone, the name may be another directory's.
            with suppress(Refused):
                await self._directories.partition.transact([record, name])
            self._directories.forget(id)
            self._names.forget(directory.name)

    async def touch(self, credential: str, at: str) -> None:
        def used(found: Credential) -> Mapping[str, str] | None:
            return {"last_used": at} if is_due(found, at) else None

        await self._credentials.merge(credential, used)

    async def first_use(self, digest: str, until: datetime) -> bool:
        mine = uuid.uuid4().hex
        values = {"until": timestamp(until), "by": mine}
        try:
            await self._uses.transact([Operation("insert", digest, values)])
        except Refused:
            # Ours, when the row was written before and only the answer was lost.
            found = await self._uses.get(digest)
            return found is not None and found.values["by"] == mine
        return True

    async def forget_uses(self, before: datetime) -> int:
        return await drop(self._uses, "", "~", where=compare("until", "lt", timestamp(before)))

    async def fingerprint(self, value: str, *, renew: bool = False) -> str:
        # Whoever is first says which pepper it is: an insertion, so that of two that race one is.
        with suppress(Refused):
            row = Operation("put" if renew else "insert", "pepper", {"fingerprint": value})
            await self._service.transact([row])
            return value
        found = await self._service.get("pepper")
        return str(found.values["fingerprint"]) if found else value

    async def _listed(self, directory: str) -> list[str]:
        rows = await self._credentials.partition.range(*below(_of(directory, "")))
        return [row.key for row in rows]


def _name(name: str) -> str:
    return f"name:{name}"


def _of(directory: str, credential: str) -> str:
    return f"of:{directory}:{credential}"
