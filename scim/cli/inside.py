"""The app in the command's own process, over the store that it looks after.

Its credentials are made for the run, known to this process alone and recorded nowhere, so that none
is left: what was written with them is in the directory's log under their id.
"""

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scim import credentials
from scim.cli.command import Desk
from scim.cli.problem import Problem
from scim.cli.simulator.oauth import Client, authorized
from scim.cli.simulator.wire import Received, Send, Sent
from scim.cli.store import LOCAL_URL, public_url
from scim.directory import Directory
from scim.http import Request
from scim.registry import Credential
from scim.server import Server
from storage.registry_memory import MemoryRegistry

LABEL = "provision"


@dataclass(frozen=True, slots=True)
class Inside:
    """The app, a way to send to it below the Tenant URL, and what it is let in by.

    `close` has to be called after the last request.
    """

    send: Send
    secret: str
    credential: str
    close: Callable[[], Awaitable[None]]


async def serving(desk: Desk, directory: Directory, *, oauth: bool) -> Inside:
    """Make the app with a token of its own; with `oauth`, a client that asks for access tokens."""
    pepper, now, by = secrets.token_bytes(32), desk.now, await desk.by()
    registry = MemoryRegistry()
    await registry.add_directory(directory)
    client: Credential | None = None
    if oauth:
        client = credentials.register(directory.id, now=now, by=by, label=LABEL)
        await registry.add_credential(client)
    secret, record = credentials.issue(
        directory.id, pepper=pepper, now=now, by=by, label=LABEL, client=client.id if client else ""
    )
    await registry.add_credential(record)
    server = Server(registry=registry, repository=desk.storage.repository, pepper=pepper)
    base = _base(desk)
    below = _sending(server, f"{base}/{directory.name}/scim", None if client else secret)
    if client is None:
        return Inside(below, secret, record.id, server.close)
    beside = _sending(server, f"{base}/{directory.name}", None)
    asking = Client(client.id, secret, "/oauth2/token", beside, clock=time.monotonic)
    return Inside(authorized(below, asking), secret, client.id, server.close)


def _sending(server: Server, address: str, token: str | None) -> Send:
    async def send(sent: Sent) -> Received:
        headers = {name.lower(): value for name, value in sent.headers.items()}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        request = Request(sent.method, f"{address}{sent.target}", headers, sent.content or b"")
        response = await server.handle(request)
        names = {name.lower(): value for name, value in response.headers.items()}
        return Received(response.status, names, response.body)

    return send


def _base(desk: Desk) -> str:
    """The address in what is answered; it makes no difference to what is stored."""
    try:
        return public_url(desk, None)
    except Problem:
        return LOCAL_URL
