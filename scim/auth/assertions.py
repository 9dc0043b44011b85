"""Assertions: tokens of Entra's that a client of the token endpoint proves itself with (RFC 7523).

Entra gives them no `jti`, and says that nobody should rely on its `uti`. So an assertion is known
again by what was signed, by which no two are alike; the signature is left out, because one that
differs and verifies might be made.
"""

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import UTC, datetime

from scim.auth import entra_tokens, jwts
from scim.auth.entra_tokens import Expected
from scim.auth.explaining import LEEWAY, Check, enforce
from scim.auth.keys import AUTHORITY, Keys
from scim.auth.reasons import Refusal
from scim.auth.records import Trust

# Tells whether what has this digest is seen for the first time, and remembers it until then.
FirstUse = Callable[[str, datetime], Awaitable[bool]]


def checks(
    assertion: str, trust: Trust, keys: Keys, now: datetime, *, authority: str = AUTHORITY
) -> AsyncGenerator[Check, None]:
    """Make the checks of an assertion but for its replay, one by one; never raises.

    `authority` is where the tenant's keys come from: a national cloud's issuers have its name.
    """
    issuer = f"{authority.rstrip('/')}/{trust.tenant}/v2.0"
    # A trust without a subject lets nobody in: every application of a tenant gets assertions.
    subjects = (trust.subject,) if trust.subject is not None else ()
    expected = [
        Expected("iss", "jwt-issuer", (issuer,)),
        Expected("tid", "jwt-tenant", (trust.tenant,)),
        Expected("aud", "jwt-audience", trust.audiences),
        Expected("sub", "jwt-subject", subjects),
    ]
    if trust.application is not None:
        expected.append(Expected("appid", "jwt-application", (trust.application,)))
    return entra_tokens.checks(
        assertion, tenant=trust.tenant, expected=expected, keys=keys, now=now
    )


async def check(
    assertion: str,
    trust: Trust,
    keys: Keys,
    first_use: FirstUse,
    now: datetime,
    *,
    client: str,
    authority: str = AUTHORITY,
) -> Mapping[str, object]:
    """Check a client's assertion, and that it comes for the first time; gives its claims.

    Two clients may have one trust, and Entra one assertion for both: a use is a client's. Raises
    Refusal; and what `first_use` raises, which is asked about genuine ones only.
    """
    await enforce(checks(assertion, trust, keys, now, authority=authority))
    claims = jwts.claims(assertion)
    until = datetime.fromtimestamp(claims["exp"] + LEEWAY, UTC)  # as long as it would be taken
    if not (trust.reusable or await first_use(use(assertion, client), until)):
        raise Refusal("jwt-replayed")
    return claims


def use(assertion: str, client: str) -> str:
    """Make what is remembered of the use of an assertion."""
    signed, _, _ = assertion.rpartition(".")
    return hashlib.sha256(f"{client} {signed}".encode()).hexdigest()
