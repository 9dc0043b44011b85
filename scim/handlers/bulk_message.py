"""The message of a bulk request, read in any letter case and within limits (RFC 7644 §3.7)."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from scim.body import read_object
from scim.call import Call
from scim.errors import InvalidSyntax, InvalidValue, TooLarge

BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


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


def read(call: Call) -> BulkRequest:
    """Read a bulk request. Raises TooLarge, InvalidSyntax, InvalidValue."""
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
