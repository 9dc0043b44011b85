"""Answers, judged: the status that is due, JSON, a ListResponse; Failed says what came instead."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from scim.cli.rehearsal.check import Failed
from scim.cli.rehearsal.cleanup import usable_id
from scim.cli.simulator.targets import called
from scim.cli.simulator.wire import NoAnswer, Received, Sent, Silence

_TOKEN = "Enter the Secret Token anew, and see that it is valid for as long as a rehearsal takes"  # noqa: S105 - a sentence
_ADDRESS = "See that the Tenant URL is the address that /Users and /Groups are appended to"

# What to change when a request is answered with another status than is due.
_STATUSES: Mapping[int, str] = MappingProxyType(
    {
        401: f"{_TOKEN}. A 401 puts Entra's job into quarantine at once.",
        403: "Give the token the right to read and write people and groups.",
        404: f"{_ADDRESS}, and that the service has what was asked for.",
        405: "Let the service take GET, POST, PATCH and DELETE on /Users and /Groups.",
        406: "Let the service answer requests without an Accept header: Entra sends none.",
        411: "Let the service take a body in whatever way HTTP/1.1 allows to send it.",
        413: "Let the service take larger bodies.",
        415: (
            "Let the service take the Content-Type application/scim+json; charset=utf-8, which is "
            "what Entra sends."
        ),
        429: (
            "Let the service take at least 25 requests in a second from one tenant: Microsoft's "
            "tests fail at a 429, and many of them put Entra's job into quarantine."
        ),
        501: "Implement this request: Entra sends it.",
    }
)
_SILENCES: Mapping[Silence, str] = MappingProxyType(
    {
        "timeout": (
            "Answer within 60 seconds, better within 10: Entra takes a later answer for none and "
            "sends the same again."
        ),
        "refused": "See that the Tenant URL's host and port are right and can be reached.",
        "tls": (
            "Serve TLS 1.2 with a certificate of a public authority for the Tenant URL's host."
        ),
        "dropped": "Look in the log of the service and of what is before it for a crash.",
        "malformed": "Serve HTTP/1.1, with answers of a size that a client can hold.",
        "denied": (
            "Enter the client's id and secret anew, and see that the secret is valid; R-07 tries "
            "the token endpoint."
        ),
    }
)
_LETTERS = 300  # of an error's detail that are shown


def silent(sent: Sent, error: NoAnswer) -> Failed:
    """Say what it means that a request got no answer."""
    return Failed(
        f"{sent.method} {sent.path} got no answer ({error.kind}: {error})", _SILENCES[error.kind]
    )


def expect(sent: Sent, received: Received, *due: int) -> None:
    """Raise Failed for another status than is due."""
    status = received.status
    if status in due:
        return
    wanted = " or ".join(str(each) for each in due)
    seen = f"{sent.method} {sent.path} was answered with {status} where {wanted} is due"
    if detail := _detail(received):
        seen = f"{seen}: {detail}"
    raise Failed(seen, _advice(received))


def _advice(received: Received) -> str:
    status = received.status
    if 300 <= status < 400:
        where = received.headers.get("location", "")[:_LETTERS]
        to = f" here it redirects to {where}" if where else ""
        return f"Enter the address that is meant as Tenant URL: Entra follows no redirects;{to}."
    if status in (404, 405) and "text/html" in received.headers.get("content-type", "").lower():
        return f"{_ADDRESS}: a web page was answered."
    if status >= 500 and status not in _STATUSES:
        return "Look in the service's log for the error behind this answer, and repair it there."
    # For a 400 and all others the check's own advice says what was asked for and has to be taken.
    return _STATUSES.get(status, "") if status != 404 else ""


def document(received: Received) -> dict[str, Any]:
    """Give the JSON object of an answer."""
    try:
        body = received.json
    except ValueError as error:
        text = received.body[:200].lstrip().lower()
        if text.startswith(b"<"):
            raise Failed(
                "The answer is a web page, no JSON",
                f"{_ADDRESS}, and that no sign-in page or proxy answers in its place.",
            ) from error
        raise Failed(
            f"The answer is no valid JSON ({type(error).__name__})",
            "Answer with JSON in UTF-8, and with nothing before or after it: Entra logs "
            "SystemForCrossDomainIdentityManagementServiceIncompatible.",
        ) from error
    if not isinstance(body, dict):
        found = "empty" if body is None else called(body)
        raise Failed(
            f"The answer's body is {found} where a JSON object is due",
            "Answer with the resource, or with a ListResponse for a search.",
        )
    return body


def listing(received: Received) -> list[dict[str, Any]]:
    """Give the resources of a ListResponse."""
    body = document(received)
    total, found = body.get("totalResults"), body.get("Resources")
    if type(total) is not int:
        raise Failed(
            "The answer to a search has no totalResults that is a number",
            "Answer each search with a ListResponse: schemas, totalResults, Resources, startIndex "
            "and itemsPerPage, also where nobody or only one was found.",
        )
    if found is None and total == 0:
        return []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Failed(
            "The answer to a search has no Resources that are a list of objects",
            "Answer each search with a ListResponse whose Resources are the complete resources.",
        )
    return found


def identity(resource: Mapping[str, Any]) -> str:
    """Give the id of a resource."""
    id = usable_id(resource)
    if id is None:
        raise Failed(
            "The resource has no id that is a text",
            "Give each resource an id that never changes, and show it in every answer.",
        )
    return id


def _detail(received: Received) -> str:
    try:
        body = received.json
    except ValueError:
        return ""
    detail = body.get("detail") if isinstance(body, dict) else None
    return detail[:_LETTERS] if isinstance(detail, str) else ""
