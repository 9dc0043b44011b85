"""Claims and index rows beside a directory's traffic: made when its rules change, swept after it.

A resource's row is merged in the same transaction, with its ETag: so nothing is made of a value
that somebody replaces meanwhile. That changes no version, and who lost the race reads again.
"""

import hashlib
from collections.abc import AsyncGenerator, Collection, Sequence

from scim.errors import Unavailable
from scim.indexing import Leftover
from scim.keys import needed
from scim.repository import Gone, Key, Stale, Stored, Taken
from scim.schema import ResourceType
from scim.side_by_side import side_by_side
from storage import keys, parts, rows
from storage.client import MOST, Operation, Refused, Row
from storage.columns import columns
from storage.reading import Reader

_TRIES = 6


class Indexing(Reader):
    """The half of the port that rules are changed with."""

    async def index(
        self,
        type: ResourceType,
        stored: Stored,
        claims: Collection[Key],
        indexes: Collection[Key],
    ) -> None:
        id, own = stored.id, keys.resource(type.name, stored.id)
        steps = rows.chunks([parts.index(type, key, id) for key in parts.ordered(indexes)], MOST)
        room = MOST - 1 - len(claims)
        last = steps.pop() if steps and len(steps[-1]) <= room else []
        rows.check_room(len(claims), 0)
        for step in steps:  # one too many is harmless, because what it leads to is checked again
            await self._partition.transact(step)
        operations = [
            Operation("merge", own, columns(stored.resource, type), stored.guard),
            *(parts.claim(type, key, id) for key in parts.ordered(claims)),
            *last,
        ]
        for _ in range(_TRIES):
            try:
                await self._partition.transact(operations)
            except Refused as refused:
                if refused.operation.key == own:
                    raise (Gone if refused.reason == "missing" else Stale) from refused
                place = operations.index(refused.operation)
                operations[place] = await self.claim_again(type, id, refused.operation)
            else:
                return
        raise Unavailable("a unique value keeps changing hands: try again", retry_after=1)

    async def claim_again(self, type: ResourceType, id: str, refused: Operation) -> Operation:
        """Say how a claim that was refused can be had. Raises Taken.

        One whose owner doesn't hold the value is no obstacle: a crash left it behind, or a worker
        that didn't know yet that it is unique.
        """
        found = await self._partition.get(refused.key)
        if found is None:  # given up meanwhile: whoever inserts first has it
            return Operation("insert", refused.key, refused.values)
        if found.values["owner"] != id and await self._is_held(type, found):
            raise Taken(refused.values["attribute"])
        return Operation("replace", refused.key, refused.values, found.etag)

    async def _is_held(self, type: ResourceType, claim: Row) -> bool:
        owner = await self.get(type, claim.values["owner"])
        if owner is None:
            return False
        held, _ = needed(owner.resource, type)
        return any(keys.claim(type.name, each) == claim.key for each in held)

    async def leftovers(self, type: ResourceType) -> AsyncGenerator[Sequence[Leftover], None]:
        # What is expected is kept as few bytes each; what is suspected is looked at again.
        expected: set[bytes] = set()
        async for batch in self.scan(type):
            for stored in batch:
                expected.update(_digest(each) for each in _places(type, stored))
        for place in (f"u:{type.name}:", f"i:{type.name}:"):
            async for page in self._partition.pages(
                *keys.below(place), select=("RowKey", "owner", "Timestamp")
            ):
                suspects = [
                    Leftover(
                        str(each.values.get("owner") or keys.last_part(each.key)),
                        each.key,
                        each.etag,
                    )
                    for each in page
                    if _digest(each.key) not in expected
                ]
                if suspects:
                    yield await self._confirmed(type, suspects)

    async def _confirmed(
        self, type: ResourceType, suspects: Sequence[Leftover]
    ) -> Sequence[Leftover]:
        """Look again, after the rows were read: who came to need one has written it since."""
        read = await side_by_side(lambda each: self.get(type, each), [one.id for one in suspects])
        places = {id: _places(type, one) for id, one in read.items() if one is not None}
        return [each for each in suspects if each.place not in places.get(each.id, frozenset())]

    async def unindex(self, type: ResourceType, leftovers: Collection[Leftover]) -> int:  # noqa: ARG002 - a place tells its type
        done = 0
        for step in rows.chunks(
            [Operation("delete", each.place, guard=each.guard, lenient=True) for each in leftovers],
            MOST,
        ):
            while step:
                try:
                    await self._partition.transact(step)
                except Refused as refused:  # somebody needs it
                    step.remove(refused.operation)
                else:
                    done += len(step)
                    break
        return done


def _places(type: ResourceType, stored: Stored) -> frozenset[str]:
    claimed, indexed = needed(stored.resource, type)
    return frozenset(
        {keys.claim(type.name, each) for each in claimed}
        | {keys.index(type.name, each, stored.id) for each in indexed}
    )


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=12).digest()
