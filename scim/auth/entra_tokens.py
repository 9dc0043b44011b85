"""What every token of Entra's is checked for, whatever it is for.

What costs nothing comes first, so that a token that is refused anyhow has no keys fetched for it;
nothing counts before the last check, the signature.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime

from scim.auth import jwts
from scim.auth.explaining import Check, shown, times
from scim.auth.jwts import PublicKey
from scim.auth.keys import Keys
from scim.auth.reasons import Reason, Refusal

ALGORITHM = "RS256"
_LONGEST_KID = 200  # characters; Entra's have 27
_FORM = f"header, claims and signature in base64url, {jwts.LONGEST} characters at most"
_UNNAMED = "nothing: what to compare with is not recorded"


@dataclass(frozen=True, slots=True)
class Expected:
    """A claim that has to be one of these values, whole and as it is; `code` if it isn't.

    Without values nobody is let in. A list is none of them: Entra sends each claim as one text.
    """

    claim: str
    code: Reason
    values: tuple[str, ...]


async def checks(
    token: str, *, tenant: str, expected: Sequence[Expected], keys: Keys, now: datetime
) -> AsyncGenerator[Check, None]:
    """Make the checks of a token of this tenant's, one by one; never raises."""
    size = f"{token.count('.') + 1} parts, {len(token)} characters"
    try:
        header, claims = jwts.header(token), jwts.claims(token)
    except Refusal as refusal:
        yield Check("form", refusal.code, _FORM, size, ok=False)
        return
    yield Check("form", "jwt-malformed", _FORM, size, ok=True)
    alg = header.get("alg")
    yield Check("alg", "jwt-algorithm", ALGORITHM, shown(alg), alg == ALGORITHM)
    for each in expected:
        received = claims.get(each.claim)
        wanted = " or ".join(each.values) or _UNNAMED
        yield Check(each.claim, each.code, wanted, shown(received), received in each.values)
    for check in times(claims, now):
        yield check
    key, check = await _key(header.get("kid"), tenant, keys)
    yield check
    try:  # what was verified is what was compared above
        genuine = key is not None and jwts.verify(token, key, algorithm=ALGORITHM) == claims
    except Refusal:
        genuine = False
    received = "unknown" if key is None else "right" if genuine else "wrong"
    yield Check("signature", "jwt-signature", "right", received, genuine)


async def _key(kid: object, tenant: str, keys: Keys) -> tuple[PublicKey | None, Check]:
    wanted = "a key of the tenant's"
    if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID:
        return None, Check("kid", "jwt-unknown-key", wanted, shown(kid), ok=False)
    try:
        key = await keys.key(tenant, kid)
    except Refusal as refusal:
        return None, Check("kid", refusal.code, wanted, "the keys can't be read", ok=False)
    return key, Check("kid", "jwt-unknown-key", wanted, shown(kid), key is not None)
