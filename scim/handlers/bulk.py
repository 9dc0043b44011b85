"""Many operations in one request, with references between them (RFC 7644 §3.7).

Operations run in their order, except that one which refers to a `bulkId` waits for the operation
that makes it. Where operations wait for each other in a circle, the first is created without the
references that are not known yet, and gets them when they are (RFC 7644 §3.7.1); if it can't, it is
deleted again, because an operation that is reported as failed must leave nothing behind.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from scim.body import read_object
from scim.call import Call
from scim.errors import InvalidPath, InvalidSyntax, InvalidValue, ScimError, TooLarge
from scim.handlers.bulk_references import REFERENCE, placed, references, referring, sent
from scim.handlers.deleting import undo
from scim.http import Request, Response
from scim.notes import Notes
from scim.operations import PATCH_SCHEMA

BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

_METHODS = ("POST", "PUT", "PATCH", "DELETE")

# Run one request of the directory through its routes; errors are raised.
Dispatch = Callable[[Call, tuple[str, ...]], Awaitable[Response]]


class BulkOperation(BaseModel):
    """One operation as sent (RFC 7644 §3.7)."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")

    method: str
    path: str
    bulk_id: str | None = Field(default=None, max_length=200)
    version: str | None = None
    data: Any = None


class BulkRequest(BaseModel):
    """A bulk request as sent; `failOnErrors` is how many errors end it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schemas: tuple[str, ...] = ()
    fail_on_errors: int | None = Field(default=None, alias="failOnErrors", ge=1)
    operations: tuple[BulkOperation, ...] = Field(alias="Operations", min_length=1)


@dataclass(slots=True)
class _Work:
    """What has become of the operations: ids by bulkId, results by place, who is incomplete."""

    ids: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    incomplete: dict[int, str] = field(default_factory=dict)
    errors: int = 0


async def bulk(call: Call, dispatch: Dispatch) -> Response:
    """Run the operations of a bulk request and report on each one that was run."""
    request = _read(call)
    work = _Work(ids=_named_by_path(request.operations))
    waiting = dict(enumerate(request.operations))
    known = {
        each.bulk_id
        for each in request.operations
        if each.bulk_id and each.method.upper() != "DELETE"
    }
    # Collected once: in a long circle each one is asked about many times.
    refers = {place: _refers(each) & known for place, each in waiting.items()}
    enough = request.fail_on_errors or len(request.operations) + 1
    while waiting and work.errors < enough:
        ready = [place for place in waiting if not _pending(refers[place], work)]
        # Nobody is ready: a circle. Its first creation goes ahead without what is not known yet.
        circle = [place for place, each in waiting.items() if each.method.upper() == "POST"]
        for place in ready or circle[:1] or list(waiting):
            operation = waiting.pop(place)
            missing = _pending(refers[place], work)
            await _run(call, dispatch, place, operation, known, work)
            if missing and operation.bulk_id in work.ids:
                work.incomplete[place] = work.ids[operation.bulk_id]
            if work.errors >= enough:
                break
    for place, id in work.incomplete.items():
        await _complete(call, dispatch, place, id, request.operations[place], known, work)
    results = [work.results[place] for place in sorted(work.results)]
    return Response(200, {"schemas": [BULK_RESPONSE], "Operations": results})


def _read(call: Call) -> BulkRequest:
    if len(call.request.body) > call.limits.body_bytes:
        raise TooLarge(
            "the bulk request is longer than maxPayloadSize,"
            f" {call.limits.body_bytes} bytes: split it"
        )
    body = read_object(call.request, call.limits.body_bytes)
    operations = _spelt(body).get("Operations")
    if isinstance(operations, list) and len(operations) > call.limits.bulk_operations:
        raise TooLarge(
            "the bulk request has more operations than maxOperations,"
            f" {call.limits.bulk_operations}: split it"
        )
    try:
        request = BulkRequest.model_validate(_spelt(body))
    except ValidationError as error:
        first = error.errors()[0]  # its message names types and limits, never what was sent
        place = ".".join(str(each) for each in first["loc"])
        raise InvalidSyntax(f"the bulk request is wrong at {place}: {first['msg']}") from error
    if request.schemas and BULK_REQUEST not in request.schemas:
        raise InvalidSyntax(f"schemas must hold {BULK_REQUEST}")
    named = [each.bulk_id for each in request.operations if each.bulk_id]
    if len(named) != len(set(named)):
        raise InvalidValue("two operations have the same bulkId: give each one of its own")
    return request


def _spelt(body: dict[str, Any]) -> dict[str, Any]:
    """Spell the names of the message and its operations as the RFC does (RFC 7643 §2.1)."""
    message = _named(body, ("schemas", "failOnErrors", "Operations"))
    operations = message.get("Operations")
    if not isinstance(operations, list):
        return message
    names = ("method", "path", "bulkId", "version", "data")
    listed = [_named(each, names) if isinstance(each, dict) else each for each in operations]
    return {**message, "Operations": listed}


def _named(sent: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    known = {name.lower(): name for name in names}
    return {known.get(name.lower(), name): value for name, value in sent.items()}


async def _run(
    call: Call,
    dispatch: Dispatch,
    place: int,
    operation: BulkOperation,
    known: set[str],
    work: _Work,
) -> None:
    """Run one operation and write down its result."""
    notes = call.notes.within()
    try:
        refers = _refers(operation)
        if refers - known:
            raise InvalidValue(
                "the operation refers to a bulkId that no operation of this request has:"
                " send that operation too, or an id"
            )
        if refers & work.failed:
            raise InvalidValue(
                "an operation whose bulkId this one refers to has failed: send both again"
            )
        if operation.method.upper() != "POST" and _pending(refers, work):
            raise InvalidValue(
                "an operation whose bulkId this one refers to was not run: send both again"
            )
        response = await _send(call, dispatch, operation, work, notes)
    except ScimError as error:
        notes.error = error
        work.errors += 1
        if operation.bulk_id:
            work.failed.add(operation.bulk_id)
        location = _location(call, operation, work)
        document = error.document(notes.request)
        work.results[place] = _report(operation, str(error.status), document, location)
        return
    location = response.headers.get("Location") or _location(call, operation, work)
    if operation.bulk_id and location:
        work.ids[operation.bulk_id] = location.rpartition("/")[2]
    work.results[place] = _report(
        operation, str(response.status), None, location, response.headers.get("ETag")
    )


async def _complete(
    call: Call,
    dispatch: Dispatch,
    place: int,
    id: str,
    operation: BulkOperation,
    known: set[str],
    work: _Work,
) -> None:
    """Give a resource of a circle the references that it was created without (RFC 7644 §3.7.1).

    Its creation stays what is reported. Nothing else is written again: later operations may have
    changed it.
    """
    created = work.results[place]
    path = f"{operation.path.rstrip('/')}/{id}"
    value = {"op": "add", "value": referring(operation.data)}
    message = {"schemas": [PATCH_SCHEMA], "Operations": [value]}
    late = {"method": "PATCH", "path": path, "version": None, "data": message}
    await _run(call, dispatch, place, operation.model_copy(update=late), known, work)
    completed = work.results[place]
    if "response" not in completed:
        work.results[place] = {**created, "version": completed["version"]}
        return
    resource_type = call.catalog.at(operation.path.strip("/"))
    if resource_type is not None:
        await undo(call, resource_type, id)
    work.results[place] = _report(operation, completed["status"], completed["response"])


async def _send(
    call: Call, dispatch: Dispatch, operation: BulkOperation, work: _Work, notes: Notes
) -> Response:
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
        body = json.dumps(sent(operation.data, work.ids), ensure_ascii=False).encode()
    path = placed(operation.path, work.ids)
    if "?" in path or "#" in path:
        raise InvalidPath("path must be an endpoint or a resource, such as /Users or /Users/id")
    request = Request(method, call.base_url + path, headers, body)
    segments = Request(method, "http://bulk" + path).segments
    resource_type = call.catalog.at(segments[0]) if segments else None
    if resource_type is None or len(segments) != (1 if method == "POST" else 2):
        raise InvalidPath("path must be /ENDPOINT for a POST, /ENDPOINT/ID for other methods")
    whole = len(segments) == 1
    pattern = resource_type.endpoint if whole else resource_type.endpoint + "/{id}"
    notes.about(f"{method} {pattern}", resource_type.name, "" if whole else segments[1])
    response = await dispatch(replace(call, request=request, notes=notes), segments)
    notes.answered(response)
    return response


def _location(call: Call, operation: BulkOperation, work: _Work) -> str | None:
    """Say which resource an operation was about, if it failed or deleted too (RFC 7644 §3.7.3)."""
    segments = [each for each in placed(operation.path, work.ids).split("/") if each]
    resource_type = call.catalog.at(segments[0]) if len(segments) == 2 else None
    if resource_type is None or segments[1].startswith(REFERENCE):
        return None
    return call.location(resource_type.endpoint, unquote(segments[1]))


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


def _pending(refers: set[str], work: _Work) -> set[str]:
    """Tell which of some bulkIds are still waited for."""
    return refers - work.ids.keys() - work.failed


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
