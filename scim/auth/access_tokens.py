"""Access tokens of the token endpoint: signed, so that any process verifies them without a read.

The first key signs, all verify. So a key is changed with no request lost: add the new one at the
end, deploy; put it first, deploy; remove the old one when its last token has ended. A token holds
no secret and nobody's data; what its client may do, and whether it was revoked, says its record.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scim.auth import jwts
from scim.auth.reasons import Refusal
from scim.auth.records import Scope
from scim.registry import Credential

ALGORITHM = "HS256"
ISSUER = "scim"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine token says: whose it is, for which directory, and for what."""

    client: str
    directory: str
    scopes: frozenset[str]


class Signer:
    """Makes and reads access tokens with keys of 32 bytes or more; the first one signs."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self.keys: Mapping[str, bytes] = {fingerprint(each): each for each in keys}
        self._kid = next(iter(self.keys))

    @classmethod
    def derive(cls, *peppers: bytes) -> "Signer":
        """Derive keys from the peppers, so that tokens and digests share none."""
        return cls(hmac.digest(each, b"scim access token key", "sha256") for each in peppers)

    def mint(self, client: Credential, scopes: Iterable[Scope], now: datetime) -> tuple[str, int]:
        """Make a token for a client; with it the seconds that it lives."""
        seconds = client.minutes * 60
        begin = int(now.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": client.directory,
            "sub": client.id,
            "scope": " ".join(scopes),
            "iat": begin,
            "nbf": begin,
            "exp": begin + seconds,
            "jti": secrets.token_urlsafe(12),
        }
        return jwts.sign(claims, self.keys[self._kid], self._kid), seconds

    def read(self, token: str, header: Mapping[str, Any], now: datetime) -> Claims:
        """Check a token, whose header was read. Raises Refusal."""
        key = self.keys.get(str(header.get("kid")))
        if key is None:
            raise Refusal("jwt-unknown-key")
        claims = jwts.verify(token, key, algorithm=ALGORITHM)
        if claims.get("iss") != ISSUER:
            raise Refusal("jwt-issuer")
        client, directory = str(claims["sub"]), str(claims["aud"])
        try:
            jwts.check_time(claims, now)
        except Refusal as late:
            raise Refusal(late.code, directory=directory, credential=client, sure=True) from late
        return Claims(client, directory, frozenset(str(claims["scope"]).split()))


def fingerprint(key: bytes) -> str:
    """Name a key by what it can't be found from."""
    return hashlib.sha256(b"scim access token kid" + key).hexdigest()[:8]
