"""The checks of secrets and of access tokens as data, so that they can be shown.

`Gate` makes the same ones (`scim/auth/gate.py`); a test holds both to one outcome for each mistake.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime

from scim.auth import jwts
from scim.auth.access_tokens import ALGORITHM, ISSUER, Signer
from scim.auth.explaining import Check, shown, times
from scim.auth.reasons import Refusal
from scim.credentials import genuine, identify, state
from scim.directory import Directory
from scim.registry import Credential, Registry


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks what is shown to a directory, against what is recorded now."""

    directory: Directory
    registry: Registry
    now: datetime

    async def secret(
        self, token: str, peppers: Sequence[bytes], *, kind: str
    ) -> AsyncGenerator[Check, None]:
        """Make the checks of a secret token, or of a client's secret; never raises."""
        id = identify(token)
        form = "scim_, 12 characters, _, 49 characters with a right checksum"
        size = f"{len(token)} characters" + ("" if id else ", cut off, changed or of another kind")
        yield Check("form", "malformed", form, size, ok=id is not None)
        found = await self.registry.credential(id) if id else None
        known = id if found is not None else "nothing"
        yield Check("id", "unknown-credential", "a credential", known or "", found is not None)
        if found is None:
            return
        right = any(genuine(token, found, pepper=each) for each in peppers)
        said = "right" if right else "wrong, or made with another pepper"
        yield Check("secret", "wrong-secret", "right", said, right)
        yield Check("kind", "wrong-kind", kind, found.kind, found.kind == kind)
        async for check in self._live(found):
            yield check
        if found.client:
            client = await self.registry.credential(found.client)
            async for check in self._client(client, ("client",)):
                yield check

    async def access(self, token: str, signer: Signer) -> AsyncGenerator[Check, None]:
        """Make the checks of an access token of this service; never raises."""
        form = "header, claims and signature in base64url"
        size = f"{token.count('.') + 1} parts, {len(token)} characters"
        try:
            header, claims = jwts.header(token), jwts.claims(token)
        except Refusal as refusal:
            yield Check("form", refusal.code, form, size, ok=False)
            return
        yield Check("form", "jwt-malformed", form, size, ok=True)
        alg, kid = header.get("alg"), header.get("kid")
        yield Check("alg", "jwt-algorithm", ALGORITHM, shown(alg), alg == ALGORITHM)
        key = signer.keys.get(kid) if isinstance(kid, str) else None
        yield Check("kid", "jwt-unknown-key", " or ".join(signer.keys), shown(kid), key is not None)
        try:
            right = key is not None and jwts.verify(token, key, algorithm=ALGORITHM) == claims
        except Refusal:
            right = False
        yield Check("signature", "jwt-signature", "right", "right" if right else "wrong", right)
        issuer, audience = claims.get("iss"), claims.get("aud")
        yield Check("iss", "jwt-issuer", ISSUER, shown(issuer), issuer == ISSUER)
        for check in times(claims, self.now):
            yield check
        ours = audience == self.directory.id
        yield Check("aud", "wrong-directory", self.directory.id, shown(audience), ours)
        subject = claims.get("sub")
        client = await self.registry.credential(subject) if isinstance(subject, str) else None
        async for check in self._client(client, ("client", "federation")):
            yield check
        if client is not None:
            scope = claims.get("scope")
            held = [each for each in client.scopes if each in str(scope).split()]
            wanted = f"some of {' '.join(client.scopes)}"
            yield Check("scope", "jwt-claims", wanted, shown(scope), bool(held))

    async def _client(
        self, client: Credential | None, kinds: Sequence[str]
    ) -> AsyncGenerator[Check, None]:
        known = client.id if client is not None else "nothing"
        yield Check("client", "unknown-credential", "a client", known, client is not None)
        if client is None:
            return
        ok = client.kind in kinds
        yield Check("client's kind", "wrong-kind", " or ".join(kinds), client.kind, ok)
        async for check in self._live(client, "client's "):
            yield check

    async def _live(self, found: Credential, of: str = "") -> AsyncGenerator[Check, None]:
        """Check that a credential is live, and this directory's."""
        standing = state(found, self.now)
        code = standing if standing != "live" else "revoked"
        yield Check(f"{of}state", code, "live", standing, standing == "live")
        ours = found.directory == self.directory.id
        where = self.directory.name if ours else "another directory"
        yield Check(f"{of}directory", "wrong-directory", self.directory.name, where, ours)
