"""How a rehearsal is let in: by a Secret Token, or as a client of a token endpoint."""

import asyncio
import getpass
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import typer
from yarl import URL

from scim.cli.output import Output
from scim.cli.simulator.client import TenantUrl, http_send
from scim.cli.simulator.oauth import Client, authorized
from scim.cli.simulator.pacing import paced
from scim.cli.simulator.wire import Send

_ENDING = "/scim"  # of our Tenant URLs; the token endpoint is beside it


@dataclass(frozen=True, slots=True)
class Access:
    """What was given: a secret, of a client if `client` names one; `endpoint` is then its URL."""

    secret: str = field(repr=False)
    client: str = ""
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A way to send below the Tenant URL, what no report may hold, and the client if there is one.

    `secrets` grows.
    """

    send: Send
    secrets: Sequence[str]
    client: Client | None = None


def access(
    output: Output, url: TenantUrl, *, token: str | None, client: str | None, endpoint: str | None
) -> Access:
    """Read how to be let in: options, the environment, or what is typed and not shown."""
    if client is None:
        if endpoint is not None:
            raise typer.BadParameter("--token-endpoint goes with --client-id")
        return Access(_secret(output, token, "SCIM_TOKEN", "Secret Token"))
    if token is not None:
        raise typer.BadParameter("give --token or --client-id, not both")
    if endpoint is None:
        if not url.base.endswith(_ENDING):
            raise typer.BadParameter("give --token-endpoint: the Tenant URL doesn't end in /scim")
        endpoint = url.base.removesuffix(_ENDING) + "/oauth2/token"
    secret = _secret(output, None, "SCIM_CLIENT_SECRET", "Client Secret")
    return Access(secret, client.strip(), endpoint)


@asynccontextmanager
async def opened(
    access: Access,
    url: TenantUrl,
    *,
    rate: float,
    timeout: float,  # noqa: ASYNC109 - of each request, not of this function
) -> AsyncIterator[Opened]:
    """Connect, at most `rate` requests in a second; 0: any."""
    clock = time.monotonic
    async with AsyncExitStack() as stack:
        token = None if access.client else access.secret
        send = await stack.enter_async_context(http_send(url, token, timeout=timeout))
        send = paced(send, rate, clock=clock, sleep=asyncio.sleep) if rate else send
        if not access.client:
            yield Opened(send, [access.secret])
            return
        endpoint = URL(access.endpoint)
        asking = http_send(TenantUrl(str(endpoint.origin())), None, timeout=timeout)
        client = Client(
            access.client,
            access.secret,
            endpoint.raw_path,
            await stack.enter_async_context(asking),
            clock=clock,
        )
        yield Opened(authorized(send, client), client.secrets, client)


def _secret(output: Output, given: str | None, variable: str, what: str) -> str:
    """Find a secret: the option, the environment, or what is typed and not shown."""
    if given is not None:
        output.warn(f"others on this machine see a command's options: better set {variable}")
        found = given
    elif not (found := os.environ.get(variable, "")):
        if not sys.stdin.isatty():
            option = ", or give --token" if variable == "SCIM_TOKEN" else ""
            raise typer.BadParameter(f"there is no {what}: set {variable}{option}")
        found = getpass.getpass(f"{what}: ")
    found = found.strip()
    if not found.isascii() or not found.isprintable() or not found or " " in found:
        raise typer.BadParameter(
            "a token or a secret has no spaces, line ends or letters beyond ASCII"
        )
    return found
