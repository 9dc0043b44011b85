"""The directory that is measured: users as Entra provisions them, and groups of three sizes.

Users are loaded with `/Bulk`, members with PATCHes of 990. Azurite takes longer for each row the
more rows there are, so that 10,000 users are out of its reach in a benchmark: there, the large
group's membership rows are written without users behind them, through the product's storage seam.
No operation that is measured on that group reads a user who is in it already.
"""

import itertools
import json
import uuid
from collections.abc import Iterable
from typing import Any

from azure.data.tables.aio import TableServiceClient

from bench.serving import DIRECTORY, Connection, Request
from scim.repository import Meter
from storage import keys
from storage.client import MOST, Operation, Partition
from storage.open import RESOURCES_TABLE, open_storage
from storage.rows import chunks

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

_BULK_OPERATIONS = 100  # are done within the time of a request on a busy machine, too
_MEMBERS_AT_ONCE = 990


def user(number: int, **more: Any) -> dict[str, Any]:
    """Make a user with what Entra's default mapping sends."""
    name = f"user{number}@bench.example"
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": f"user{number}",
        "userName": name,
        "active": True,
        "displayName": f"User Number {number}",
        "title": "Engineer",
        "preferredLanguage": "en-US",
        "name": {"givenName": "User", "familyName": f"Number {number}"},
        "emails": [{"type": "work", "value": name, "primary": True}],
        "addresses": [
            {
                "type": "work",
                "streetAddress": "1 Main Street",
                "locality": "Redmond",
                "region": "WA",
                "postalCode": "98052",
                "country": "US",
            }
        ],
        "phoneNumbers": [
            {"type": "work", "value": "+1 425 555 0100"},
            {"type": "mobile", "value": "+1 425 555 0101"},
        ],
        ENTERPRISE: {"employeeNumber": f"{number}", "department": "Research"},
        **more,
    }


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def patch_body(*operations: Any) -> bytes:
    return encoded({"schemas": [PATCH_OP], "Operations": operations})


def members_body(op: str, ids: Iterable[str]) -> bytes:
    """Make Entra's PATCH that adds or removes members."""
    value = [{"value": each} for each in ids]
    return patch_body({"op": op, "path": "members", "value": value})


class Population:
    """Who is in the directory: ids of users in the order of their numbers, and of groups."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers = itertools.count()
        self.users: list[str] = []
        self.created: list[str] = []  # by measured POSTs, for measured DELETEs

    def number(self) -> int:
        """Give a number that no user has and nothing was set to."""
        return next(self._numbers)

    def add_users(self, count: int) -> None:
        for first in range(0, count, _BULK_OPERATIONS):
            operations = [
                {"method": "POST", "path": "/Users", "bulkId": str(place), "data": user(number)}
                for place, number in enumerate(
                    itertools.islice(self._numbers, min(_BULK_OPERATIONS, count - first))
                )
            ]
            sent = self.send(
                "POST", "/Bulk", encoded({"schemas": [BULK], "Operations": operations})
            )
            done = sorted(sent["Operations"], key=lambda each: int(each["bulkId"]))
            self.users += [each["location"].rpartition("/")[2] for each in done]

    def group(self, members: Iterable[str] = ()) -> str:
        """Create a group and give its id."""
        document = {"schemas": [GROUP], "displayName": f"Group {uuid.uuid4()}"}
        id = str(self.send("POST", "/Groups", encoded(document))["id"])
        ids = list(members)
        for first in range(0, len(ids), _MEMBERS_AT_ONCE):
            some = ids[first : first + _MEMBERS_AT_ONCE]
            self.send("PATCH", f"/Groups/{id}", members_body("Add", some))
        return id

    def send(self, method: str, path: str, body: bytes) -> Any:
        answer = self._connection.send(Request(method, path, body))
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.text[:500]!r}")
        return answer.document if answer.text else None


async def write_memberships(connection_string: str, group: str, count: int) -> None:
    """Write a group's membership rows, both ways, of members who exist only there."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    rows = [
        row
        for id in ids
        for row in (
            Operation("insert", keys.member("Group", group, id), {"type": "User"}),
            Operation("insert", keys.group("User", id, group), {"type": "Group"}),
        )
    ]
    key = await partition_key(connection_string)
    async with TableServiceClient.from_connection_string(connection_string) as service:
        partition = Partition(service.get_table_client(RESOURCES_TABLE), key, Meter())
        for some in chunks(rows, MOST):
            await partition.transact(some)


async def partition_key(connection_string: str) -> str:
    """Find the partition that the measured directory is in."""
    storage = open_storage(connection_string)
    try:
        directory = await storage.registry.directory_named(DIRECTORY)
    finally:
        await storage.close()
    assert directory is not None
    return directory.id
