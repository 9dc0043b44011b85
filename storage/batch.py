"""A transaction as it goes over the wire: multipart, written and read here.

The SDK makes a request of each operation and reads each part of the answer with `http.client`,
which takes it twenty times as long as all else about a transaction. What is sent is what it would
send, without what the service takes for granted (`Edm.String`) and does not ask for (parts' dates);
an insert says that it needs no echo. Sending stays the SDK's: its client signs, gets tokens, names
requests and keeps connections.

An answer that isn't whole is one that broke off: a part counts when a further delimiter follows,
a conflict when it says which operation met it. One that is blamed by mistake could pass for an
operation that was done before.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal, cast
from urllib.parse import quote

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.core.utils import case_insensitive_dict
from azure.data.tables.aio import TableClient

from storage.failures import cut_off
from storage.unsorted import is_unsorted

_METHODS: Mapping[str, str] = {
    "insert": "POST",
    "put": "PUT",
    "replace": "PUT",
    "merge": "PATCH",
    "delete": "DELETE",
}
_CONFLICTS = frozenset({404, 409, 412})  # statuses that tell what is there
_LARGEST = 2**31  # beyond what JSON tells from a longer integer
_NO_NUMBERS: Mapping[str, str] = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_encode = json.JSONEncoder(separators=(",", ":")).encode  # in ASCII, as the SDK does
# In UTF-8, a third of the bytes: a transaction has 2 MB on Cosmos DB.
_shortest = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]+)"|([^\s;"]+))', re.I)
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})\b")
_ETAG = re.compile(rb"^etag:(.*)$", re.I | re.M)
_XML = re.compile(r"<(?:\w+:)?(code|message)\b[^>]*>([^<]*)<", re.I)
_INDEX = re.compile(r"(\d{1,3}):")


@dataclass(frozen=True, slots=True)
class Operation:
    """One row's part of a transaction.

    `put` inserts or replaces. `guard` is the ETag that the row must have; a replace, merge or
    delete without one only asks that the row exists, and one that is `lenient` not even that: a row
    that isn't there is passed over.
    """

    verb: Literal["insert", "put", "replace", "merge", "delete"]
    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    guard: str | None = None
    lenient: bool = False


class Failed(HttpResponseError):
    """A transaction did nothing; `index` is the operation at fault, if one alone is."""

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        content: bytes,
        operations: Sequence[Operation] = (),
    ) -> None:
        """Read an answer to one of these operations, or to all of the transaction."""
        told, message = _told(content)
        self.error_code = told or headers.get("x-ms-error-code", "")
        super().__init__(f"{status} {self.error_code}")  # not the message: it may quote a row
        self.status_code = status
        self.response = cast("Any", SimpleNamespace(headers=headers))  # all that is read of it
        found = _INDEX.match(message)
        named = int(found[1]) if found else len(operations)
        alone = 0 if len(operations) == 1 else None
        self.index: int | None = named if named < len(operations) else alone
        creating = self.index is not None and operations[self.index].verb in ("insert", "put")
        if status == 404 and creating:  # no row can be missing; Cosmos DB does not say what is
            self.error_code = "TableNotFound"


async def submit(table: TableClient, partition: str, operations: Sequence[Operation]) -> list[str]:
    """Do all operations or none; the rows' new ETags, "" for who has none.

    Raises Failed, ServiceResponseError for an answer that broke off, and what the SDK raises when
    there is none; TypeError and ValueError for what can't be sent.
    """
    id = str(uuid.uuid4())  # no value can hold a delimiter that nobody knew
    request = HttpRequest(
        "POST",
        f"{_account(table)}/$batch",
        headers={
            "Content-Type": f"multipart/mixed; boundary=batch_{id}",
            "Accept": "application/json",
            "x-ms-version": table.api_version,
            "DataServiceVersion": "3.0",
            "MaxDataServiceVersion": "3.0;NetFx",
        },
        content=write(table, partition, operations, id),
    )
    # There is no public way to have a request of our own sent; the tests pin what becomes of it.
    # Of a stream the SDK decodes nothing.
    answer = await table._client.send_request(request, stream=True)
    content = await answer.read()
    if answer.status_code != 202:
        raise Failed(answer.status_code, answer.headers, content)
    return read(answer.headers.get("Content-Type", ""), content, operations)


def write(table: TableClient, partition: str, operations: Sequence[Operation], id: str) -> bytes:
    """Write a transaction: a batch of one change set. Raises TypeError, ValueError."""
    url = f"{_account(table)}/{quote(table.table_name, safe='')}"
    cosmos = is_unsorted(table.url)
    encode = _shortest if cosmos else _encode
    common = (
        f"\r\nx-ms-version: {table.api_version}\r\nDataServiceVersion: 3.0\r\n"
        "Accept: application/json;odata=minimalmetadata\r\n"
    )
    head = (
        f"--changeset_{id}\r\nContent-Type: application/http\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\n"
    )
    start = f"{url}(PartitionKey='{_quoted(partition)}',RowKey='"
    parts = [
        f"--batch_{id}\r\nContent-Type: multipart/mixed; boundary=changeset_{id}\r\n\r\n",
    ]
    for each in operations:
        method = _METHODS[each.verb]
        place = url if each.verb == "insert" else f"{start}{_quoted(each.key)}')"
        more = _conditions(each)
        if each.verb == "merge" and cosmos:  # which takes no PATCH
            method, more = "POST", f"{more}X-HTTP-Method: MERGE\r\n"
        content = ""
        if each.verb != "delete":
            content = encode(_entity(partition, each))
            length = len(content) if content.isascii() else len(content.encode())
            more += f"Content-Type: application/json\r\nContent-Length: {length}\r\n"
        parts.append(f"{head}{method} {place} HTTP/1.1{common}{more}\r\n{content}\r\n")
    parts.append(f"--changeset_{id}--\r\n\r\n--batch_{id}--\r\n")
    return "".join(parts).encode()


def _account(table: TableClient) -> str:
    return table.url.partition("?")[0]  # what follows lets somebody in, and is for the SDK to send


def _conditions(operation: Operation) -> str:
    if operation.verb == "insert":
        return "Prefer: return-no-content\r\n"
    if operation.verb == "put":
        return ""
    if operation.guard == "":
        raise ValueError("a guard is an ETag")
    return f"If-Match: {operation.guard or '*'}\r\n"


def _quoted(key: str) -> str:
    return quote(key.replace("'", "''"), safe="")


def _entity(partition: str, operation: Operation) -> dict[str, str | bool | int | float]:
    """Make of a row what JSON says of it. Raises TypeError for what no row of ours holds."""
    sent: dict[str, str | bool | int | float] = {}
    for name, value in operation.values.items():
        kind = type(value)
        if kind is str or kind is bool or (kind is int and -_LARGEST <= value < _LARGEST):
            sent[name] = value
        elif kind is float:
            sent[name] = _NO_NUMBERS.get(str(value), value)
            sent[f"{name}@odata.type"] = "Edm.Double"
        elif value is not None:
            raise TypeError(f"the column {name} can't hold what is a {kind.__name__}, or as large")
    sent["PartitionKey"] = partition
    sent["RowKey"] = operation.key
    return sent


def read(kind: str, content: bytes, operations: Sequence[Operation]) -> list[str]:
    """Read the answer to operations: their rows' ETags. Raises as `submit`."""
    etags: list[str] = []
    for head, body in _answers(kind, content.replace(b"\r\n", b"\n")):
        found = _STATUS.match(head)
        if found is None:
            raise cut_off()
        status = int(found[1])
        if not 200 <= status < 300:
            headers = case_insensitive_dict(_fields(head))
            failed = Failed(status, headers, body, operations)
            if status in _CONFLICTS and not failed.error_code:
                raise cut_off()
            raise failed
        etag = _ETAG.search(head)
        etags.append(etag[1].strip().decode("latin-1") if etag else "")
    if len(etags) != len(operations):
        raise cut_off()
    return etags


def _answers(kind: str, content: bytes, *, nested: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Yield head and content of each answer; a change set that failed may have one beside it."""
    found = _BOUNDARY.search(kind)
    if found is None or not kind.lower().startswith("multipart/mixed"):
        raise cut_off()
    delimiter = b"\n--" + (found[1] or found[2]).encode("latin-1", "replace")
    for piece in (b"\n" + content).split(delimiter)[1:-1]:
        padding, _, part = piece.partition(b"\n")
        if padding.strip():  # a delimiter that begins like this one, or one after the end
            raise cut_off()
        head, _, body = part.partition(b"\n\n")
        kind = _fields(b"\n" + head).get("content-type", "")
        if kind.lower().startswith("application/http"):
            head, _, body = body.lstrip(b"\n").partition(b"\n\n")
            yield head, body
        elif nested:
            raise cut_off()
        else:
            yield from _answers(kind, body, nested=True)


def _fields(head: bytes) -> dict[str, str]:
    """Read the header lines below the first one; their names in lower case."""
    lines = (each.partition(":") for each in head.decode("latin-1").split("\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def _told(content: bytes) -> tuple[str, str]:
    """Read an error's code and message: of JSON, else of XML; "" where there is none."""
    try:
        error = json.loads(content)["odata.error"]
        return str(error["code"]), str(error["message"]["value"])
    except (ValueError, LookupError, TypeError, RecursionError):
        texts = _XML.findall(content.decode("utf-8", "replace"))
        found = {name.lower(): text for name, text in texts}
        return found.get("code", ""), found.get("message", "")
