"""The keys of Entra's tenants: fetched from where Entra publishes them, and kept.

Who is known waits for nobody: a request whose key is kept has it at once, and keys that are an hour
old are fetched anew beside it. Entra may change its keys without notice, so an id that is not kept
has them fetched, and the request waits for that.

Key ids can be made up by anybody, so a tenant's keys are fetched for one at most once in five
minutes. Whoever keeps sending them does not keep a new key away: a fetch brings all of a tenant's
keys, whatever id it was made for, and no id is remembered as missing. So a new key is known five
minutes after the fetch before it at the latest, sooner when nobody interferes. Ids push nothing
out, and tenants come from records, never from tokens.

When Entra can't be reached, or answers with what is no key set, the keys that are kept stay; it is
tried again after 10 seconds, then ever later, up to five minutes. Who needs a key that isn't kept
is refused meanwhile, and so is everybody once the keys are a week old.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp

from scim.auth.jwts import PublicKey
from scim.auth.keys import AUTHORITY, read_keys
from scim.auth.reasons import Refusal

FRESH = 3600.0  # seconds until keys are fetched anew, beside a request
OLD = 24 * 3600.0  # until a request waits for that: a key may be gone because it was stolen
LONGEST_KEPT = 7 * 24 * 3600.0
PAUSE = 300.0  # seconds between two fetches for ids that are not kept
FIRST_PAUSE = 10.0  # after one that failed; twice as long after each further one
PATIENCE = 5.0  # seconds for a fetch
LARGEST = 256 * 1024  # bytes; Entra's key sets have about 15,000
MOST_TENANTS = 1000

_logger = logging.getLogger("storage.jwks")


@dataclass(slots=True)
class _Kept:
    """A tenant's keys, and when they may be fetched again."""

    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    since: float = 0.0  # when the fetch of the keys began
    due: float = 0.0  # when the next fetch may begin
    failures: int = 0  # since the last one that succeeded
    fetching: "asyncio.Task[None] | None" = None


class EntraKeys:
    """The keys of tenants, from `authority`: https, or this machine. `clock` counts seconds."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        authority: str = AUTHORITY,
        patience: float = PATIENCE,
    ) -> None:
        self._patience = patience
        self._authority = authority.rstrip("/")
        self._clock = clock
        self._tenants: dict[str, _Kept] = {}

    async def key(self, tenant: str, kid: str) -> PublicKey | None:
        """Find the key of that id; None when the tenant has none. Raises Refusal."""
        kept = self._kept(tenant)
        now = self._clock()
        age = now - kept.since
        if age >= LONGEST_KEPT:
            kept.keys = {}
        if kid not in kept.keys or age >= FRESH:
            fetching = self._fetching(tenant, kept, now)
            if fetching is not None and (kid not in kept.keys or age >= OLD):
                # A task of its own: the request that caused it may be cancelled, others wait, too.
                await asyncio.shield(fetching)
        found = kept.keys.get(kid)
        if found is None and kept.failures:
            raise Refusal("jwt-keys-unavailable")
        return found

    def _kept(self, tenant: str) -> _Kept:
        if tenant not in self._tenants:
            while len(self._tenants) >= MOST_TENANTS:
                del self._tenants[next(iter(self._tenants))]
            self._tenants[tenant] = _Kept(due=self._clock())
        return self._tenants[tenant]

    def _fetching(self, tenant: str, kept: _Kept, now: float) -> "asyncio.Task[None] | None":
        """Join the fetch that is under way, or begin one if it is time for it."""
        if kept.fetching is None and now >= kept.due:
            kept.fetching = asyncio.create_task(self._renew(tenant, kept, now))
        return kept.fetching

    async def _renew(self, tenant: str, kept: _Kept, now: float) -> None:
        """Fetch a tenant's keys; what can't be had leaves those that are kept."""
        try:
            url = f"{self._authority}/{tenant}/discovery/v2.0/keys"
            body = await _read(url, self._patience)
            kept.keys, kept.since, kept.failures = read_keys(body, tenant), now, 0
            kept.due = now + PAUSE
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
            kept.failures += 1
            kept.due = self._clock() + min(PAUSE, FIRST_PAUSE * 2 ** (kept.failures - 1))
            why = str(error) if isinstance(error, ValueError) else type(error).__name__
            _logger.warning("the keys of the tenant %s could not be read: %s", tenant, why)
        finally:
            kept.fetching = None


async def _read(url: str, patience: float) -> bytes:
    """Get a document from exactly this URL, within `patience` and up to `LARGEST`.

    Raises ValueError, OSError and aiohttp's errors. Nothing is unpacked: a little that is packed
    may become a lot.
    """
    async with (
        aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=patience),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        ) as session,
        session.get(url, allow_redirects=False) as answer,
    ):
        if answer.status != 200:
            raise ValueError(f"the answer was {answer.status}")
        body = bytearray()
        async for piece in answer.content.iter_any():
            body += piece
            if len(body) > LARGEST:
                raise ValueError(f"the answer is larger than {LARGEST} bytes")
        return bytes(body)
