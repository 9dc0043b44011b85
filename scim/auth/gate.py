"""Letting requests in: by a secret token, by an access token of ours, by a token of Entra's.

A token decides the directory, whatever the URL says (RFC 6750); only one that Entra issued names
none, and is then compared with what the addressed directory trusts. Tokens are read from the
Authorization header alone (RFC 9700 §4.3.2). Whoever is not let in learns nothing but that.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from scim.auth import entra_issued, jwts
from scim.auth.access_tokens import ALGORITHM, Signer
from scim.auth.caller import Caller
from scim.auth.keys import Keys
from scim.auth.reasons import Reason, Refusal
from scim.credentials import digest, genuine, identify, state
from scim.directory import Directory
from scim.http import Request
from scim.registry import Credential, Registry
from scim.usage import Usage

LONGEST_TOKEN = 16 * 1024  # characters; Entra's have about two thousand
ENTRA = "entra"  # what logs call the credential of a token that Entra issued
_MOST_NAMES = 4  # segments of a path that may be the directory's name
# Verified against when no credential is found, so that a known id can't be told by time.
_NOBODY = Credential(id="00000000", directory="00000000", digest="0" * 64, created="")


class Gate:
    """Finds whom a request is from. The first of `peppers` makes digests, all verify."""

    def __init__(
        self,
        *,
        registry: Registry,
        peppers: Sequence[bytes],
        signer: Signer,
        keys: Keys,
        usage: Usage,
    ) -> None:
        self._registry = registry
        self._peppers = peppers
        self._signer = signer
        self._keys = keys
        self._usage = usage

    async def admit(self, request: Request, now: datetime) -> Caller:
        """Find whom a request is from. Raises Refusal."""
        token = _bearer(request)
        if token.count(".") != 2:  # header, claims, signature (RFC 7515 §3.1)
            credential = await self.secret(token, now, kind="token")
            directory = await self._directory(credential)
            self._usage.note(credential, now)
            return Caller(directory, credential.id, frozenset(credential.scopes))
        header = jwts.header(token)
        if header.get("alg") == ALGORITHM:
            return await self._own(token, header, now)
        return await self._entra(token, request, now)

    async def secret(self, token: str, now: datetime, *, kind: str, client: str = "") -> Credential:
        """Find the live credential of a secret: a token, or a secret of a client. Raises Refusal.

        One made with an earlier pepper is kept as the current one makes it, from now on.
        """
        id = identify(token)
        if id is None:
            raise Refusal("malformed", credential=client)
        credential = await self._registry.credential(id)
        used = self._pepper(token, credential or _NOBODY)
        if credential is None:
            raise Refusal("unknown-credential", credential=client)
        if used is None:
            raise Refusal("wrong-secret", directory=credential.directory, credential=id)
        if credential.kind != kind or credential.client != client:
            raise refused("wrong-kind", credential)
        if (standing := state(credential, now)) != "live":
            raise refused(standing, credential)
        if used != self._peppers[0]:
            self._usage.renew(credential, digest(token, self._peppers[0]), now)
        return credential

    def _pepper(self, token: str, credential: Credential) -> bytes | None:
        """Find the pepper that a genuine token's digest was made with."""
        found = [each for each in self._peppers if genuine(token, credential, pepper=each)]
        return found[0] if found else None

    async def _own(self, token: str, header: Mapping[str, Any], now: datetime) -> Caller:
        claims = self._signer.read(token, header, now)
        client = await self._registry.credential(claims.client)
        if client is None or client.directory != claims.directory:
            raise Refusal("unknown-credential")
        if client.kind not in ("client", "federation"):
            raise refused("wrong-kind", client)
        if (standing := state(client, now)) != "live":
            raise refused(standing, client)
        directory = await self._directory(client)
        self._usage.note(client, now)
        scopes = frozenset(each for each in client.scopes if each in claims.scopes)
        return Caller(directory, client.id, scopes)

    async def _entra(self, token: str, request: Request, now: datetime) -> Caller:
        """Let in by a token that Entra issued, at a directory that trusts its tenant."""
        for name in _names(request):
            directory = await self._registry.addressed(name)
            if directory is None or directory.removing or directory.entra is None:
                continue
            try:
                await entra_issued.check(token, directory.entra, self._keys, now)
            except Refusal as refusal:
                # Its log says why, and the answer doesn't: who asks is nobody yet.
                raise Refusal(refusal.code, directory=directory.id, credential=ENTRA) from refusal
            return Caller(directory, ENTRA)
        raise Refusal("not-entra")

    async def _directory(self, credential: Credential) -> Directory:
        directory = await self._registry.directory(credential.directory)
        if directory is None or directory.removing:
            raise Refusal("unknown-credential")
        return directory


def split(request: Request) -> tuple[str, ...] | None:
    """Split the path; None for a URL that can't be taken apart, as "Host: [" makes one."""
    try:
        return request.segments
    except ValueError:
        return None


def places(segments: Sequence[str]) -> list[int]:
    """Find where `scim` is in a path, after a name: a gateway's prefix may hold one of its own."""
    return [n for n, each in enumerate(segments) if n and each.lower() == "scim"]


def _names(request: Request) -> list[str]:
    """List the segments of a path that may be the name of a directory."""
    segments = split(request) or ()
    return [segments[each - 1].lower() for each in places(segments)][:_MOST_NAMES]


def _bearer(request: Request) -> str:
    """Read the one token of a request (RFC 6750 §2.1). Raises Refusal."""
    text = request.headers.get("authorization", "").strip()
    if not text:
        raise Refusal("no-token")
    if len(text) > LONGEST_TOKEN:
        raise Refusal("too-large")
    if "," in text:  # no token has one: the host joins repeated headers with it
        raise Refusal("two-headers")
    scheme, _, token = text.partition(" ")
    if scheme.lower() != "bearer":
        raise Refusal("basic")
    return token.strip()


def refused(code: Reason, credential: Credential, *, sure: bool = True) -> Refusal:
    """Refuse one that is genuine, or was once: its own directory's log says why.

    Without `sure` it was only named, by whom nobody knows.
    """
    return Refusal(code, directory=credential.directory, credential=credential.id, sure=sure)
