"""The service as tests see it: a server over a store, a directory, a client with its token."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scim.credentials import issue
from scim.directory import Directory
from scim.http import Request, Response
from scim.limits import Limits
from scim.server import Server
from storage.open import Storage

PEPPER = b"a pepper for tests, 32 bytes or more"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
HOST = "https://scim.example.com"
UNHURRIED = Limits(requests_per_second=0)  # tests send more in a second than clients do


@dataclass(frozen=True)
class Answer:
    """A response, with its body parsed as a client would."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def detail(self) -> str:
        """The detail of an error without the id of the request, with which each ends."""
        detail, _, id = self.body["detail"].rpartition(" (request ")
        assert id == f"{self.headers['x-request-id']})"
        return str(detail)


@dataclass
class Client:
    """Whoever holds a token of a directory."""

    server: Server
    name: str
    token: str
    directory: Directory
    headers: dict[str, str] = field(default_factory=dict)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request; `path` is below the Tenant URL, `raw` is sent as it is."""
        sent = {"authorization": f"Bearer {self.token}", **self.headers, **(headers or {})}
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        if content:
            sent.setdefault("content-type", "application/scim+json; charset=utf-8")
        url = f"{HOST}/{self.name}/scim{path}"
        response = await self.server.handle(Request(method, url, sent, content))
        parsed = json.loads(response.body) if response.body else None
        return Answer(response.status, response.headers, parsed)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.send("GET", path, **more)

    async def post(self, path: str, body: Any, **more: Any) -> Answer:
        return await self.send("POST", path, body, **more)

    async def put(self, path: str, body: Any, **more: Any) -> Answer:
        return await self.send("PUT", path, body, **more)

    async def patch(self, path: str, *operations: Any, **more: Any) -> Answer:
        """Send a PATCH of some operations."""
        body = {"schemas": [PATCH_OP], "Operations": list(operations)}
        return await self.send("PATCH", path, body, **more)

    async def delete(self, path: str, **more: Any) -> Answer:
        return await self.send("DELETE", path, **more)

    async def user(self, name: str | None = None, /, **attributes: Any) -> Answer:
        """Create a user, by default one of a name of its own."""
        name = name or f"{uuid.uuid4().hex[:12]}@example.com"
        answer = await self.post("/Users", {"schemas": [USER], "userName": name, **attributes})
        assert answer.status == 201, answer.body
        return answer

    async def group(
        self, name: str | None = None, /, *, members: Any = (), **attributes: Any
    ) -> Answer:
        """Create a group with some members, given by their ids."""
        document = {
            "schemas": [GROUP],
            "displayName": name or uuid.uuid4().hex[:12],
            "members": [{"value": each} for each in members],
            **attributes,
        }
        answer = await self.post("/Groups", document)
        assert answer.status == 201, answer.body
        return answer


async def open_directory(storage: Storage, **record: Any) -> Client:
    """Make a directory in a store and a client for it; `record` sets the directory's rules."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    ruled = {"limits": UNHURRIED, **record}
    directory = Directory(id=uuid.uuid4().hex[:20], name=name, **ruled)
    await storage.registry.add_directory(directory)
    token, credential = issue(directory.id, pepper=PEPPER, now=datetime.now(UTC))
    await storage.registry.add_credential(credential)
    server = Server(registry=storage.registry, repository=storage.repository, pepper=PEPPER)
    return Client(server, name, token, directory)


def without_id(response: Response) -> bytes:
    """A response's body as it would be if requests had no ids."""
    return response.body.replace(response.headers["x-request-id"].encode(), b"")


def uniqueness_error(answer: Answer) -> bool:
    """Tell whether an answer is the RFC's 409."""
    return answer.status == 409 and answer.body["scimType"] == "uniqueness"
