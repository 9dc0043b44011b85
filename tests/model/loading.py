"""Many users and groups at once, as the rows that the repository writes when they are posted.

The repository itself makes them: its transactions are written down as rows, without HTTP. That
nothing in them differs from what a POST leaves is shown by `test_loading.py`. Users differ in their
numbers alone, which are of one length, so that a request costs as many bytes whoever it is about.
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from scim import ids
from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.keys import needed
from scim.repository import Change, Key, Member, Meter
from scim.schema import ResourceType
from storage import keys
from storage.client import Operation, Partition
from storage.memberships import added
from storage.tables import TablesRepository
from tests.model import entities
from tests.model.rows import Row
from tests.model.service import Service

USER, GROUP = Catalog.build((), BUILT_IN_RESOURCE_TYPES).resource_types
_USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE = 20_000  # rows that are put at a time
_SAMPLE = 9_876_543  # digits that occur nowhere else in a user
_SAMPLE_DIGITS = str(_SAMPLE)


def user_id(number: int) -> str:
    """Give the id that the user of a number has: they lie as scattered as random ones."""
    digest = hashlib.blake2b(f"user {number}".encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))


_SAMPLE_ID = user_id(_SAMPLE)


def user(number: int, **more: Any) -> dict[str, Any]:
    """Make what a client posts for the user of a number."""
    digits = f"{number:07}"
    name = f"user{digits}@example.com"
    return {
        "schemas": [_USER_URN, _ENTERPRISE],
        "externalId": f"external{digits}",
        "userName": name,
        "active": True,
        "displayName": f"User Number {digits}",
        "title": "Engineer",
        "preferredLanguage": "en-US",
        "name": {"givenName": "User", "familyName": f"Number {digits}"},
        "emails": [{"type": "work", "value": name, "primary": True}],
        "phoneNumbers": [
            {"type": "work", "value": "+1 425 555 0100"},
            {"type": "mobile", "value": "+1 425 555 0101"},
        ],
        _ENTERPRISE: {"employeeNumber": digits, "department": "Research"},
        **more,
    }


class Loader:
    """Writes rows of one directory into a table of a service."""

    def __init__(self, service: Service, table: str, directory: str, credential: str = "") -> None:
        self._service = service
        self._table = table
        self._directory = directory
        self._credential = credential
        self._recorder = _Recorder(directory)
        self._repository = TablesRepository(self._recorder)
        self._succession = ids.Succession()
        self._waiting: list[Row] = []

    async def users(self, numbers: Iterable[int]) -> None:
        """Load the users of some numbers, all created in one millisecond."""
        change = self.change(USER)
        await self._repository.create(
            USER, _document(USER, user_id(_SAMPLE), user(_SAMPLE), change), change
        )
        pattern = _Pattern(self._taken(), change)
        with self._service.rows.transaction():  # one: each would write much of a file anew
            for number in numbers:
                change_id = self._succession.next(BEGUN)
                for key, body in pattern.rows(number, change_id):
                    self._put(key, body)
            self._write()

    async def group(self, name: str, numbers: Iterable[int]) -> str:
        """Load a group with members, who are there already, and return its id."""
        id = str(uuid.uuid4())
        await self.one(GROUP, id, {"displayName": name}, self.change(GROUP))
        with self._service.rows.transaction():
            for number in numbers:
                self._put_all(added(GROUP.name, id, [Member(user_id(number), USER.name)]))
            self._write()
        return id

    async def one(
        self, type: ResourceType, id: str, posted: dict[str, Any], change: Change
    ) -> None:
        """Load a resource as it was posted."""
        await self._repository.create(type, _document(type, id, posted, change), change)
        self._put_all(self._taken())
        self._write()

    def change(self, type: ResourceType) -> Change:
        """Make the change that a POST makes, at the time at which all begins."""
        names = sorted(name for name in user(0) if name != "schemas")
        return Change(
            id=self._succession.next(BEGUN),
            at=ids.timestamp(BEGUN),
            verb="create",
            attributes=tuple(names) if type is USER else ("displayName",),
            credential=self._credential,
            operation=f"POST /{type.name}s",
            request="0" * 32,
            status=201,
        )

    def _taken(self) -> list[Operation]:
        taken, self._recorder.written = self._recorder.written, []
        return taken

    def _put_all(self, operations: Iterable[Operation]) -> None:
        for each in operations:
            self._put(each.key, entities.body_of(self._directory, each.key, each.values))

    def _put(self, key: str, body: str) -> None:
        self._waiting.append(Row(self._directory, key, self._service.next_ticks(), body))
        if len(self._waiting) >= _AT_ONCE:
            self._write()

    def _write(self) -> None:
        self._service.rows.put_all(self._table, self._waiting)
        self._waiting.clear()


class _Pattern:
    """The rows of one user, of which those of another are made: it is ten times as fast."""

    def __init__(self, operations: Iterable[Operation], change: Change) -> None:
        sample = _document(USER, user_id(_SAMPLE), user(_SAMPLE), change)
        claimed, indexed = needed(sample, USER)
        self._change = change.id
        self._hashed = {keys.claim(USER.name, each): each for each in claimed}
        self._hashed |= {keys.index(USER.name, each, sample["id"]): each for each in indexed}
        self._rows = [
            (each.key, entities.body_of("", each.key, each.values)) for each in operations
        ]

    def rows(self, number: int, change: str) -> Iterator[tuple[str, str]]:
        """Give keys and bodies of the rows of a user, of a number, that a change made."""
        digits, id = f"{number:07}", user_id(number)
        for key, body in self._rows:
            value = self._hashed.get(key)
            if value is None:
                place = key.replace(_SAMPLE_ID, id).replace(self._change, change)
            else:
                own = Key(value.attribute, value.value.replace(_SAMPLE_DIGITS, digits))
                place = (
                    keys.claim(USER.name, own)
                    if key.startswith("u:")
                    else keys.index(USER.name, own, id)
                )
            own_body = body.replace(_SAMPLE_ID, id).replace(self._change, change)
            yield place, own_body.replace(_SAMPLE_DIGITS, digits)


class _Recorder(Partition):
    """An empty partition that keeps what is written to it, in place of writing it."""

    def __init__(self, key: str) -> None:
        super().__init__(_NOBODY, key, Meter())
        self.written: list[Operation] = []

    async def transact(self, operations: Sequence[Operation]) -> dict[str, str]:
        assert all(each.verb in ("insert", "put") for each in operations), "nothing is there"
        self.written += operations
        return {}


# No client: nothing is read, but its address tells which service it is.
_NOBODY: Any = SimpleNamespace(url="https://model.table.core.windows.net")


def _document(
    type: ResourceType, id: str, posted: dict[str, Any], change: Change
) -> dict[str, Any]:
    meta = {"resourceType": type.name, "created": change.at, "lastModified": change.at}
    kept = {name: value for name, value in posted.items() if name != "schemas"}
    return {"id": id, **kept, "meta": meta}
