"""The service as Entra's client asks it: each request it makes, and what it takes an answer for.

It looks at no more of an answer than Entra does: the status, whether the body can be read with the
types of the schema, and what it asked for. Failure for one object, Stopped for the whole job.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from scim.cli.simulator import compose
from scim.cli.simulator.compare import check
from scim.cli.simulator.failure import (
    MULTIPLE_ENTRIES,
    SERVICE_INCOMPATIBLE,
    Failure,
    Stopped,
    refused,
    refused_filter,
    unanswered,
)
from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.pacing import Sleep
from scim.cli.simulator.targets import ServiceIncompatible
from scim.cli.simulator.wire import (
    Form,
    NoAnswer,
    Received,
    Send,
    Sent,
    encode_filter,
    encode_terms,
    query,
    request,
)

Resource = Mapping[str, Any]

_LONGEST_WAIT = 300.0  # seconds of a Retry-After that are waited for


class Service:
    """A SCIM service below its Tenant URL.

    `form` is the encoding of queries. After a 429 with Retry-After it waits and tries again
    `patience` times: whether Entra does is not certain, so by default not at all. `requests` and
    `writes` count what was sent.
    """

    def __init__(
        self,
        send: Send,
        *,
        sleep: Sleep,
        form: Form = "library",
        accept: bool = False,
        patience: int = 0,
    ) -> None:
        self._send = send
        self._sleep = sleep
        self._form: Form = form
        self._accept = accept
        self._patience = patience
        self.requests = 0
        self.writes = 0

    # --- queries ---

    async def probe(self, objects: Objects) -> None:
        """Ask for who can't be there; anything but an empty list stops the job."""
        target = objects.matching[0].target
        try:
            found = await self.find_all(objects, target, str(uuid.uuid4()))
        except Failure as failure:
            if failure.transient or isinstance(failure, Stopped):
                raise
            raise Stopped(failure.code, failure.detail, failure.sent, failure.received) from failure
        if found:
            raise Stopped(MULTIPLE_ENTRIES, f"{target} eq a random GUID finds somebody")

    async def find(self, objects: Objects, target: str, value: str) -> Resource | None:
        """Ask for the one resource that has a value at a target."""
        found = await self.find_all(objects, target, value)
        if len(found) > 1:
            detail = f"{len(found)} resources have the same {target}"
            raise Failure("DuplicateTargetEntries", detail)
        return found[0] if found else None

    async def find_all(self, objects: Objects, target: str, value: str) -> list[Resource]:
        hidden = {"excludedAttributes": "members"} if objects.source == "Group" else {}
        asked = query(**hidden, filter=encode_filter(target, value, self._form))
        sent = request("GET", endpoint(objects), asked, accept=self._accept)
        found, received = await self._list(sent)
        for each in found:
            self._check(objects, each, sent, received, hidden=bool(hidden))
        return found

    async def refers(self, objects: Objects, id: str, path: str, other: str) -> bool:
        """Ask whether one resource refers to another: a manager, a member."""
        terms = encode_terms((("id", id), (path, other)), self._form)
        asked = query(attributes="id", filter=terms)
        sent = request("GET", endpoint(objects), asked, accept=self._accept)
        found, received = await self._list(sent)
        if len(found) > 1:
            raise Failure(MULTIPLE_ENTRIES, "several resources have the same id", sent, received)
        return bool(found)

    async def page(self, objects: Objects, start: int, count: int) -> Resource:
        """Read a page of everybody, as account discovery does; gives the ListResponse."""
        asked = query(startIndex=start, count=count)
        sent = request("GET", endpoint(objects), asked, accept=self._accept)
        received = await self._exchange(sent)
        if received.status != 200:
            raise refused(sent, received, "200 with a ListResponse")
        body = self._list_response(sent, received)
        for each in body["Resources"]:
            self._check(objects, each, sent, received, hidden=False)
        return body

    # --- one resource ---

    async def read(self, objects: Objects, id: str) -> Resource:
        """Read a resource by the id that is remembered; InvalidAnchor when it is gone."""
        hidden = {"excludedAttributes": "members"} if objects.source == "Group" else {}
        path = f"{endpoint(objects)}/{id}"
        sent = request("GET", path, query(**hidden), accept=self._accept)
        received = await self._exchange(sent)
        if received.status == 404:
            raise Failure("InvalidAnchor", f"{path} is not there any more", sent, received)
        if received.status != 200:
            raise refused(sent, received, "200")
        return self._resource(objects, sent, received, hidden=bool(hidden))

    async def create(self, objects: Objects, document: Resource) -> Resource:
        """POST a resource; gives what was answered, with its id."""
        sent = request("POST", endpoint(objects), body=document, accept=self._accept)
        received = await self._exchange(sent)
        if received.status not in (200, 201):
            raise refused(sent, received, "201")
        return self._resource(objects, sent, received, hidden=False)

    async def patch(self, objects: Objects, id: str, operations: Sequence[Any]) -> None:
        body = compose.patch(operations)
        path = f"{endpoint(objects)}/{id}"
        sent = request("PATCH", path, body=body, accept=self._accept)
        received = await self._exchange(sent)
        if received.status not in (200, 204):
            raise refused(sent, received, "200 or 204")
        if received.status == 200 and received.body.strip():
            self._resource(objects, sent, received, hidden=False)

    async def delete(self, objects: Objects, id: str) -> None:
        """DELETE a resource; one that is not there any more is deleted."""
        path = f"{endpoint(objects)}/{id}"
        sent = request("DELETE", path, accept=self._accept)
        received = await self._exchange(sent)
        if received.status not in (200, 204, 404):
            raise refused(sent, received, "204")

    # --- answers ---

    async def _exchange(self, sent: Sent) -> Received:
        """Send a request, and again when the answer says after how many seconds it may be."""
        patience = self._patience
        while True:
            self.requests += 1
            self.writes += sent.writes
            try:
                received = await self._send(sent)
            except NoAnswer as error:
                raise unanswered(sent, error) from error
            wait = received.headers.get("retry-after", "")
            if received.status != 429 or not patience or not wait.isdigit():
                return received
            patience -= 1
            await self._sleep(min(float(wait), _LONGEST_WAIT))

    async def _list(self, sent: Sent) -> tuple[list[Resource], Received]:
        received = await self._exchange(sent)
        if received.status != 200:
            raise refused_filter(sent, received)
        found: list[Resource] = self._list_response(sent, received)["Resources"]
        return found, received

    def _list_response(self, sent: Sent, received: Received) -> dict[str, Any]:
        body = self._object(sent, received)
        resources = body.get("Resources", [] if body.get("totalResults") == 0 else None)
        if type(body.get("totalResults")) is not int or not isinstance(resources, list):
            raise Failure(
                SERVICE_INCOMPATIBLE,
                "the answer is no ListResponse with totalResults and Resources",
                sent,
                received,
            )
        return {**body, "Resources": resources}

    def _object(self, sent: Sent, received: Received) -> dict[str, Any]:
        try:
            body = received.json
        except ValueError as error:
            detail = f"the answer is no JSON: {error}"
            raise Failure(SERVICE_INCOMPATIBLE, detail, sent, received) from error
        if not isinstance(body, dict):
            raise Failure(SERVICE_INCOMPATIBLE, "the answer is no JSON object", sent, received)
        return body

    def _resource(
        self, objects: Objects, sent: Sent, received: Received, *, hidden: bool
    ) -> Resource:
        body = self._object(sent, received)
        self._check(objects, body, sent, received, hidden=hidden)
        return body

    def _check(
        self, objects: Objects, resource: Any, sent: Sent, received: Received, *, hidden: bool
    ) -> None:
        try:
            held = check(resource, objects.target)
        except ServiceIncompatible as error:
            raise Failure(error.code, str(error), sent, received) from error
        if hidden and "members" in held:
            detail = "members are shown though excludedAttributes=members asks to leave them out"
            raise Failure(MULTIPLE_ENTRIES, detail, sent, received)


def endpoint(objects: Objects) -> str:
    return f"/{objects.target}s"
