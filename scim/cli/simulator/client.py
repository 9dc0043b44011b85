"""Requests over HTTP as Entra's client sends them: nothing is said that it doesn't say."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from yarl import URL

from scim.cli.simulator.dialects import FLAG
from scim.cli.simulator.wire import NoAnswer, Received, Send, Sent

SECONDS = 60.0  # within which an answer must have come: Microsoft Q&A 1151866
LARGEST = 64 * 1024 * 1024  # bytes of an answer that are read

# What an HTTP client adds by itself, and Entra doesn't.
_UNSAID = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_OTHER_FLAG = "AzureAdScimPatch2017"


@dataclass(frozen=True)
class TenantUrl:
    """A Tenant URL as it was pasted: the address that paths are appended to, and its flag.

    `flagged` says whether it asks for the PATCH that conforms to the RFC. The flag is Entra's own
    affair: it is not known to reach the wire, so it is not sent.
    """

    base: str
    flagged: bool = False

    @classmethod
    def parse(cls, text: str) -> "TenantUrl":
        """Read one, with or without a slash or a flag at its end; ValueError says what is wrong."""
        try:
            url = URL(text.strip())
        except ValueError as error:
            raise ValueError(f"{text} is no address: {error}") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"{text} is no Tenant URL: it must begin with https:// and a host")
        if url.user is not None or url.fragment:
            raise ValueError("a Tenant URL has no user, password or fragment")
        flags = {name.lower() for name in url.query}
        if others := flags - {FLAG.lower(), _OTHER_FLAG.lower()}:
            raise ValueError(f"a Tenant URL has no query but the flag {FLAG}: {', '.join(others)}")
        return cls(str(url.with_query(None)).rstrip("/"), FLAG.lower() in flags)


@asynccontextmanager
async def http_send(
    tenant_url: str | TenantUrl,
    token: str | None,
    *,
    connections: int = 16,
    timeout: float = SECONDS,  # noqa: ASYNC109 - of each request, not of this function
) -> AsyncIterator[Send]:
    """Give a way to send requests below a Tenant URL; NoAnswer when none comes in time.

    Certificates are verified, redirects are not followed. Without a token requests have their own,
    or none. ValueError for a Tenant URL or a token that can't be one.
    """
    if token is not None and (not token or any(not "!" <= each <= "~" for each in token)):
        raise ValueError("a token has no spaces, line ends or letters beyond ASCII")
    where = TenantUrl.parse(tenant_url) if isinstance(tenant_url, str) else tenant_url
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=timeout),
        skip_auto_headers=_UNSAID,
        cookie_jar=aiohttp.DummyCookieJar(),
    )

    async def send(sent: Sent) -> Received:
        url = URL(where.base + sent.target, encoded=True)
        said = {"Authorization": f"Bearer {token}" if token else "", **sent.headers}
        headers = {name: value for name, value in said.items() if value}  # "" leaves one out
        try:
            async with session.request(
                sent.method, url, headers=headers, data=sent.content, allow_redirects=False
            ) as found:
                names = {name.lower(): value for name, value in found.headers.items()}
                return Received(found.status, names, await _read(found))
        except TimeoutError as error:
            raise NoAnswer("timeout", f"no answer within {timeout:g} seconds") from error
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise NoAnswer("tls", f"the TLS connection failed: {error}") from error
        except aiohttp.ClientConnectorError as error:
            raise NoAnswer("refused", f"no connection: {error}") from error
        except aiohttp.ClientResponseError as error:
            raise NoAnswer("malformed", f"the answer is no HTTP: {error.message}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer("dropped", f"the connection ended: {error}") from error

    async with session:
        yield send


async def _read(found: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    async for chunk in found.content.iter_chunked(1 << 16):
        read += chunk
        if len(read) > LARGEST:
            raise NoAnswer("malformed", f"an answer of more than {LARGEST >> 20} MB")
    return bytes(read)
