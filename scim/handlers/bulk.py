"""Many operations in one request, with references between them (RFC 7644 §3.7).

Operations run in their order, except that one which refers to a `bulkId` waits for the operation
that makes it. Where operations wait for each other in a circle, the first is created without the
references that are not known yet, and gets them when they are (RFC 7644 §3.7.1); if it can't, it is
deleted again, because an operation that is reported as failed must leave nothing behind.

Each operation is let in as a request of its own would be: by the token and the rules as they are
when it begins. Those that would begin too late are 503, one by one.
"""

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from scim.call import Call
from scim.deadlines import BULK
from scim.errors import InvalidPath, InvalidSyntax, InvalidValue, ScimError, Unavailable
from scim.handlers.bulk_message import BulkOperation, read
from scim.handlers.bulk_references import REFERENCE, placed, references, referring, sent
from scim.handlers.deleting import undo
from scim.http import Request, Response
from scim.operations import PATCH_SCHEMA

BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

_METHODS = ("POST", "PUT", "PATCH", "DELETE")

# Run one request of the directory through its routes; errors are raised.
Dispatch = Callable[[Call, tuple[str, ...]], Awaitable[Response]]


async def bulk(call: Call, dispatch: Dispatch) -> Response:
    """Run the operations of a bulk request and report on each one that was run."""
    request = read(call)
    operations = request.operations
    waiting = dict(enumerate(operations))
    known = {
        each.bulk_id for each in operations if each.bulk_id and each.method.upper() != "DELETE"
    }
    work = _Work(call, dispatch, call.now, frozenset(known), _named_by_path(operations))
    # Collected once: in a long circle each one is asked about many times.
    refers = {place: _refers(each) & known for place, each in waiting.items()}
    enough = request.fail_on_errors or len(operations) + 1
    while waiting and work.errors < enough:
        ready = [place for place in waiting if not work.pending(refers[place])]
        # Nobody is ready: a circle. Its first creation goes ahead without what is not known yet.
        circle = [place for place, each in waiting.items() if each.method.upper() == "POST"]
        for place in ready or circle[:1] or list(waiting):
            operation = waiting.pop(place)
            missing = work.pending(refers[place])
            await work.run(place, operation)
            if missing and operation.bulk_id in work.ids:
                work.incomplete[place] = work.ids[operation.bulk_id]
            if work.errors >= enough:
                break
    for place, id in work.incomplete.items():
        await work.complete(place, id, operations[place])
    results = [work.results[place] for place in sorted(work.results)]
    return Response(200, {"schemas": [BULK_RESPONSE], "Operations": results})


@dataclass(slots=True)
class _Work:
    """What has become of the operations, each of which has its place in the request.

    `call` is the bulk request itself, as it was let in last; `known` are the bulkIds that may be
    referred to, `ids` those that are known by now. `met` are the ids of what a POST was answered
    with and had not made: it was there before, or is another operation's.
    """

    call: Call
    dispatch: Dispatch
    began: datetime
    known: frozenset[str]
    ids: dict[str, str]
    failed: set[str] = field(default_factory=set)
    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    incomplete: dict[int, str] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)
    errors: int = 0

    def pending(self, refers: set[str]) -> set[str]:
        """Tell which of some bulkIds are still waited for."""
        return refers - self.ids.keys() - self.failed

    async def run(self, place: int, operation: BulkOperation) -> None:
        """Run one operation and write down its result."""
        now = self.call.clock()
        notes = self.call.notes.within(now)
        try:
            if now - self.began >= BULK:
                raise Unavailable(
                    f"the bulk request has used up its {BULK.seconds} seconds, and this operation"
                    " was not begun: send it again",
                    retry_after=1,
                )
            again = await self.call.again(now, notes)
            self.call = replace(again, notes=self.call.notes)
            self._check(operation)
            with self.call.load.passing():
                response = await self._send(again, operation)
        except ScimError as error:
            notes.error = error
            self.errors += 1
            if operation.bulk_id:
                self.failed.add(operation.bulk_id)
            document = error.document(notes.request)
            location = self._location(operation)
            self.results[place] = _report(operation, str(error.status), document, location)
            return
        location = response.headers.get("Location") or self._location(operation)
        id = location.rpartition("/")[2] if location else ""
        if operation.bulk_id and id:
            self.ids[operation.bulk_id] = id
        if operation.method.upper() == "POST" and not notes.created:
            self.met.add(id)
        self.results[place] = _report(
            operation, str(response.status), None, location, response.headers.get("ETag")
        )

    async def complete(self, place: int, id: str, operation: BulkOperation) -> None:
        """Give a resource of a circle the references that it was created without (§3.7.1).

        Its creation stays what is reported. Nothing else is written again: later operations may
        have changed it. What can't be completed is undone, unless it was there before the
        operation, or is what another one was answered with.
        """
        created = self.results[place]
        path = f"{operation.path.rstrip('/')}/{id}"
        value = {"op": "add", "value": referring(operation.data)}
        message = {"schemas": [PATCH_SCHEMA], "Operations": [value]}
        late = {"method": "PATCH", "path": path, "version": None, "data": message}
        await self.run(place, operation.model_copy(update=late))
        completed = self.results[place]
        if "response" not in completed:
            self.results[place] = {**created, "version": completed["version"]}
            return
        resource_type = self.call.catalog.at(operation.path.strip("/"))
        if resource_type is not None and id not in self.met:
            await undo(self.call, resource_type, id)
        self.results[place] = _report(operation, completed["status"], completed["response"])

    def _check(self, operation: BulkOperation) -> None:
        """Refuse an operation whose references can't become known. Raises InvalidValue."""
        refers = _refers(operation)
        if refers - self.known:
            raise InvalidValue(
                "the operation refers to a bulkId that no operation of this request has:"
                " send that operation too, or an id"
            )
        if refers & self.failed:
            raise InvalidValue(
                "an operation whose bulkId this one refers to has failed: send both again"
            )
        if operation.method.upper() != "POST" and self.pending(refers):
            raise InvalidValue(
                "an operation whose bulkId this one refers to was not run: send both again"
            )

    async def _send(self, call: Call, operation: BulkOperation) -> Response:
        method = operation.method.upper()
        if method not in _METHODS:
            raise InvalidSyntax("method must be POST, PUT, PATCH or DELETE")
        if method == "POST" and not operation.bulk_id:
            raise InvalidSyntax("a POST in a bulk request needs a bulkId")
        headers = {"content-type": "application/scim+json"}
        if operation.version:
            headers["if-match"] = operation.version
        body = b""
        if method != "DELETE":
            body = json.dumps(sent(operation.data, self.ids), ensure_ascii=False).encode()
        path = placed(operation.path, self.ids)
        if "?" in path or "#" in path:
            raise InvalidPath("path must be an endpoint or a resource, such as /Users or /Users/id")
        request = Request(method, call.base_url + path, headers, body)
        segments = Request(method, "http://bulk" + path).segments
        resource_type = call.catalog.at(segments[0]) if segments else None
        if resource_type is None or len(segments) != (1 if method == "POST" else 2):
            raise InvalidPath("path must be /ENDPOINT for a POST, /ENDPOINT/ID for other methods")
        whole = len(segments) == 1
        pattern = resource_type.endpoint if whole else resource_type.endpoint + "/{id}"
        call.notes.about(f"{method} {pattern}", resource_type.name, "" if whole else segments[1])
        response = await self.dispatch(replace(call, request=request), segments)
        call.notes.answered(response)
        return response

    def _location(self, operation: BulkOperation) -> str | None:
        """Say which resource an operation was about, failed or deleted too (RFC 7644 §3.7.3)."""
        segments = [each for each in placed(operation.path, self.ids).split("/") if each]
        resource_type = self.call.catalog.at(segments[0]) if len(segments) == 2 else None
        if resource_type is None or segments[1].startswith(REFERENCE):
            return None
        return self.call.location(resource_type.endpoint, unquote(segments[1]))


def _named_by_path(operations: Iterable[BulkOperation]) -> dict[str, str]:
    """Collect the ids that are known beforehand: of resources that a PUT or PATCH names."""
    found = {}
    for each in operations:
        id = each.path.rstrip("/").rpartition("/")[2]
        if each.bulk_id and each.method.upper() in ("PUT", "PATCH") and REFERENCE not in id:
            found[each.bulk_id] = id
    return found


def _refers(operation: BulkOperation) -> set[str]:
    """Collect the bulkIds that an operation refers to."""
    return set(references([operation.data, operation.path]))


def _report(
    operation: BulkOperation,
    status: str,
    error: dict[str, Any] | None,
    location: str | None = None,
    version: str | None = None,
) -> dict[str, Any]:
    report = {
        "location": location,
        "method": operation.method.upper(),
        "bulkId": operation.bulk_id,
        "version": version,
        "status": status,
        "response": error,
    }
    return {name: each for name, each in report.items() if each is not None}
