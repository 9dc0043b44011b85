"""A service in memory with a clock of its own, one directory, and credentials of every kind."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from scim.auth.records import Trust
from scim.credentials import issue, register, revoked
from scim.directory import Directory
from scim.http import Request, Response
from scim.registry import Credential
from scim.server import Server
from storage.memory import MemoryRepository
from storage.memory_rows import Partition
from storage.registry_memory import MemoryRegistry
from tests.auth.identity import FEDERATED, Identity
from tests.service import HOST, PEPPER, Client

FORM = "application/x-www-form-urlencoded"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_URL = f"{HOST}/oauth2/token"


@dataclass
class Clock:
    """The time, until it is moved on."""

    now: datetime = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@dataclass(frozen=True)
class Registered:
    """A client of the token endpoint with its first secret, if it has secrets."""

    record: Credential
    secret: str = ""
    secret_record: Credential | None = None

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def form(self) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": self.id,
            "client_secret": self.secret,
        }


@dataclass
class Deployment:
    """What several servers share: the registry, the rows, the clock, the identity provider."""

    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    clock: Clock = field(default_factory=Clock)
    identity: Identity = field(default_factory=Identity)
    partitions: dict[str, Partition] = field(default_factory=dict)

    def repository(self, directory: Directory) -> MemoryRepository:
        return MemoryRepository(self.partitions.setdefault(directory.id, Partition()))

    def server(self, **settings: Any) -> Server:
        """Start one more process; `settings` replace what it has by default."""
        with_defaults = {"pepper": PEPPER, "keys": self.identity.held, **settings}
        return Server(
            registry=self.registry,
            repository=self.repository,
            clock=self.clock,
            **with_defaults,
        )

    async def directory(self, name: str = "contoso", **record: Any) -> Directory:
        made = Directory(id=f"directory{len(self.partitions)}{name}", name=name, **record)
        self.repository(made)
        await self.registry.add_directory(made)
        return made

    async def token(self, of: Directory, **more: Any) -> tuple[str, Credential]:
        token, record = issue(of.id, **{"pepper": PEPPER, "now": self.clock.now, **more})
        await self.registry.add_credential(record)
        return token, record

    async def client(self, of: Directory, **more: Any) -> Registered:
        """Register a client that has a secret."""
        record = register(of.id, now=self.clock.now, **more)
        await self.registry.add_credential(record)
        return await self.secret(Registered(record))

    async def secret(self, of: Registered, **more: Any) -> Registered:
        """Give a client one more secret."""
        directory = Directory(id=of.record.directory, name="whichever")
        secret, record = await self.token(directory, client=of.id, **more)
        return replace(of, secret=secret, secret_record=record)

    async def federated(self, of: Directory, trust: Trust = FEDERATED, **more: Any) -> Registered:
        record = register(of.id, now=self.clock.now, trust=trust, **more)
        await self.registry.add_credential(record)
        return Registered(record)

    async def revoke(self, credential: Credential) -> None:
        now = self.clock.now
        await self.registry.change_credential(credential.id, lambda each: revoked(each, "ann", now))

    def assertion(self, of: Registered, **claims: Any) -> dict[str, str]:
        """Fill in the form that Entra sends for a federated client."""
        return {
            "grant_type": "client_credentials",
            "client_id": of.id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.identity.assertion(self.clock.now, **claims),
            "scope": "scim",
        }


async def ask(
    server: Server,
    form: Mapping[str, str] | str | bytes,
    *,
    method: str = "POST",
    url: str = TOKEN_URL,
    **headers: str,
) -> Response:
    """Ask a token endpoint; a header's name is written with _ for -."""
    text = urlencode(form) if isinstance(form, Mapping) else form
    body = text.encode() if isinstance(text, str) else text
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await server.handle(Request(method, url, {"content-type": FORM, **named}, body))


async def access_token(server: Server, form: Mapping[str, str], **more: Any) -> str:
    answer = await ask(server, form, **more)
    assert answer.status == 200, answer.document
    return str(answer.document["access_token"])


async def get(server: Server, directory: Directory, token: str, path: str = "/Users") -> Response:
    """Send a SCIM request with a token."""
    headers = {"authorization": f"Bearer {token}"}
    return await server.handle(Request("GET", f"{HOST}/{directory.name}/scim{path}", headers))


def holder(server: Server, directory: Directory, token: str) -> Client:
    return Client(server, directory.name, token, directory)


def json_of(response: Response) -> Any:
    return json.loads(response.body)
