"""A fake Entra: a tenant with RSA keys of its own, which publishes them over real HTTP.

It signs whatever it is told, also what no identity provider would; and its key set can be slow,
down, huge or hostile.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from scim.auth.jwts import PublicKey
from scim.auth.keys import AUTHORITY
from scim.auth.reasons import Refusal
from scim.auth.records import CUSTOM_APP, SYNC_FABRIC, Trust

TENANT = "aaaa1111-1111-4111-8111-111111111111"
OTHER_TENANT = "22222222-2222-4222-8222-222222222222"
WORKLOAD = "33333333-3333-4333-8333-333333333333"  # the app whose identity is federated
SUBJECT = "44444444-4444-4444-8444-444444444444"  # Sync Fabric's object id in the tenant
LIFE = 3900  # seconds, as in Microsoft's samples
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


class _Absent:
    """For a claim or a header that is to be left out; its text names tests."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()

# What the operator has recorded of such a tenant.
ISSUED = Trust(tenant=TENANT, audiences=(CUSTOM_APP,))
FEDERATED = Trust(tenant=TENANT, audiences=(f"api://{WORKLOAD}",), subject=SUBJECT)


@cache
def private_key(number: int, bits: int = 2048) -> RSAPrivateKey:
    """Give a key; the same number is the same key, because making one takes long."""
    assert number >= 0
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def text(data: bytes) -> str:
    """Write bytes in base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def published(kid: str, key: RSAPrivateKey, /, **other: Any) -> dict[str, Any]:
    """Write a key as Entra publishes it; `other` members replace and add, ABSENT leaves out."""
    numbers = key.public_key().public_numbers()
    entry = {
        "kty": "RSA",
        "use": "sig",
        "kid": kid,
        "x5t": kid,
        "n": number(numbers.n),
        "e": number(numbers.e),
        "x5c": ["bm8gY2VydGlmaWNhdGU="],
        "cloud_instance_name": "microsoftonline.com",
        "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
        **other,
    }
    return {name: value for name, value in entry.items() if value is not ABSENT}


def signed(header: bytes, payload: bytes, key: RSAPrivateKey) -> str:
    """Sign any two texts, JSON or not, with RS256."""
    signing_input = f"{text(header)}.{text(payload)}"
    signature = key.sign(signing_input.encode(), padding.PKCS1v15(), SHA256())
    return f"{signing_input}.{text(signature)}"


@dataclass
class Held:
    """Keys without HTTP; notes for which ids it was asked, and may be told to have none at all."""

    keys: Mapping[str, PublicKey]
    unavailable: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def key(self, tenant: str, kid: str) -> PublicKey | None:
        self.asked.append((tenant, kid))
        if self.unavailable:
            raise Refusal("jwt-keys-unavailable")
        return self.keys.get(kid)


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Identity:
    """The tenant: its keys by id, the last one signs. `asked` are the paths that were got.

    `issuer` is how assertions name the authority; a service that fetches keys from another one
    than Entra's expects that.
    """

    tenant: str = TENANT
    issuer: str = AUTHORITY
    keys: dict[str, RSAPrivateKey] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    answer: Answer | None = None
    port: int = 0
    runner: web.AppRunner | None = None
    made: int = 0

    def __post_init__(self) -> None:
        self.rotate()

    @property
    def authority(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def kid(self) -> str:
        return next(reversed(self.keys))

    @property
    def held(self) -> Held:
        """Its keys for checks that need no HTTP."""
        keys = {kid: PublicKey(each.public_key()) for kid, each in self.keys.items()}
        return Held(keys)

    def rotate(self, *, keep: int = 2) -> str:
        """Sign with a new key from now on; the last `keep` are published."""
        self.made += 1
        self.keys[f"{self.tenant[:4]}-key-{self.made}"] = private_key(self.made % 8)
        for kid in list(self.keys)[:-keep]:
            del self.keys[kid]
        return self.kid

    def document(self) -> dict[str, Any]:
        """Make the key set."""
        return {"keys": [published(kid, each) for kid, each in self.keys.items()]}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """Sign claims; a header or a claim that is ABSENT is left out."""
        whole = {"typ": "JWT", "alg": "RS256", "kid": self.kid, "x5t": self.kid, **header}
        parts = (
            json.dumps({name: value for name, value in part.items() if value is not ABSENT})
            for part in (whole, claims)
        )
        first, second = (each.encode() for each in parts)
        return signed(first, second, self.keys.get(str(whole["kid"]), self.keys[self.kid]))

    def issued_claims(self, now: datetime = NOW, **claims: Any) -> dict[str, Any]:
        """Make the claims of a token for a Secret Token that was left blank."""
        at = int(now.timestamp())
        return {
            "aud": CUSTOM_APP,
            "iss": f"https://sts.windows.net/{self.tenant}/",
            "iat": at,
            "nbf": at,
            "exp": at + LIFE,
            "aio": "k2BgYJjK9iw8bsLmlV+sz3xXLdH5BQA=",
            "appid": SYNC_FABRIC,
            "appidacr": "2",
            "idp": f"https://sts.windows.net/{self.tenant}/",
            "oid": SUBJECT,
            "rh": "0.AAAAERERERERQUGBERERERERETbmjYq9fsgE.",
            "sub": SUBJECT,
            "tid": self.tenant,
            "uti": "AbCdEfGhIjKlMnOpQrStUv",
            "ver": "1.0",
            **claims,
        }

    def issued(self, now: datetime = NOW, **claims: Any) -> str:
        return self.sign(self.issued_claims(now, **claims))

    def assertion_claims(self, now: datetime = NOW, **claims: Any) -> dict[str, Any]:
        """Make the claims of an assertion of workload identity federation."""
        at = int(now.timestamp())
        issuer = f"{self.issuer}/{self.tenant}/v2.0"
        return {
            "aud": f"api://{WORKLOAD}",
            "iss": issuer,
            "iat": at,
            "nbf": at,
            "exp": at + LIFE,
            "appid": WORKLOAD,
            "appidacr": "2",
            "idp": issuer,
            "oid": SUBJECT,
            "sub": SUBJECT,
            "tid": self.tenant,
            "ver": "2.0",
            **claims,
        }

    def assertion(self, now: datetime = NOW, **claims: Any) -> str:
        return self.sign(self.assertion_claims(now, **claims))

    async def up(self) -> None:
        """Listen; after `down` at the same port."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self.runner.addresses[0][1]

    async def down(self) -> None:
        """Refuse connections."""
        if self.runner is not None:
            await self.runner.cleanup()
            self.runner = None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.answer is not None:
            return await self.answer(request)
        if request.path != f"/{self.tenant}/discovery/v2.0/keys":
            return web.Response(status=404)
        return web.json_response(self.document())


@asynccontextmanager
async def identity(tenant: str = TENANT) -> AsyncIterator[Identity]:
    """Run the tenant's key set on this machine."""
    provider = Identity(tenant)
    await provider.up()
    try:
        yield provider
    finally:
        await provider.down()


def says(body: bytes, *, status: int = 200, encoding: str = "") -> Answer:
    """Answer with this, whatever is asked."""

    async def answer(_: web.Request) -> web.StreamResponse:
        headers = {"Content-Encoding": encoding} if encoding else {}
        return web.Response(status=status, body=body, headers=headers)

    return answer


def slow(seconds: float) -> Answer:
    """Begin an answer and take long with the rest of it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"keys": [')
        await asyncio.sleep(seconds)
        return response

    return answer
