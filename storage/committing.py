"""A transaction that is begun by a change row, and what it means when one is refused.

A transaction whose answer was lost is sent again; the change row is then there already, which tells
that the first was done.
"""

from scim.errors import Unavailable
from scim.repository import Change, Gone, Missing, Stale
from scim.schema import ResourceType
from storage import keys, rows
from storage.client import MOST, Operation, Refused
from storage.indexing import Indexing

TRIES = 6
_NO_ETAG = "W/\"datetime'1601-01-01T00%3A00%3A00Z'\""  # of no row: whoever holds it is Stale


class Committing(Indexing):
    """The part of the repository that gets a transaction done, or says why it can't be."""

    async def _commit(
        self, type: ResourceType, id: str, change: Change, operations: list[Operation]
    ) -> str:
        """Do a transaction, begun by a change row, and return the resource's new ETag.

        Raises Taken, Missing, Stale, Gone. A claim that a crash left behind is no obstacle.
        """
        own = keys.resource(type.name, id)
        for _ in range(TRIES):
            try:
                return (await self._partition.transact(operations)).get(own, "")
            except Refused as refused:
                if refused.operation is operations[0]:
                    return await self._etag(own, change)
                place = operations.index(refused.operation)
                operations[place] = await self._instead(type, id, refused)
        raise contended()

    async def _etag(self, own: str, change: Change) -> str:
        """Read the ETag of a resource's row as a change left it."""
        found = await self._partition.get(own, select=("version", "Timestamp"))
        unchanged = found is not None and found.values["version"] == change.id
        return found.etag if found is not None and unchanged else _NO_ETAG

    async def _instead(self, type: ResourceType, id: str, refused: Refused) -> Operation:
        """Say why an operation was refused, or what to do instead."""
        operation = refused.operation
        if operation.key == keys.resource(type.name, id):
            raise Gone if refused.reason == "missing" else Stale
        if operation.key.startswith("a:") and operation.verb == "delete":
            raise Stale  # something began to refer to the resource
        if operation.key.startswith("a:"):
            raise Missing([keys.last_part(operation.key)])
        if operation.key.startswith("u:"):
            return await self.claim_again(type, id, operation)
        raise Stale

    async def _drop(
        self, type: ResourceType, id: str, index_rows: list[Operation], etag: str
    ) -> str:
        """Drop index rows and return the resource's ETag after it.

        They stay when somebody wrote the resource since, and may need them.
        """
        own = keys.resource(type.name, id)
        for step in rows.chunks(index_rows, MOST - 1):
            try:
                etags = await self._partition.transact([Operation("merge", own, {}, etag), *step])
            except Refused:
                break
            etag = etags[own]
        return etag

    async def _in_steps(self, operations: list[Operation]) -> None:
        for step in rows.chunks(operations, MOST):
            await self._partition.transact(step)


def contended() -> Unavailable:
    return Unavailable("the store keeps changing under this request: send it again", retry_after=1)
