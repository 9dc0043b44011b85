"""Tokens that Entra issued itself, for a Secret Token that was left blank.

Every tenant's tokens for a custom app have the same audience, so the tenant is what separates
customers; and any application of a tenant can get a token for that audience, so the application is
what separates Entra's provisioning service from the others.
"""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime

from scim.auth import entra_tokens, jwts
from scim.auth.entra_tokens import Expected
from scim.auth.explaining import Check, enforce
from scim.auth.keys import Keys
from scim.auth.records import SYNC_FABRIC, Trust


def checks(token: str, trust: Trust, keys: Keys, now: datetime) -> AsyncGenerator[Check, None]:
    """Make the checks of a token, one by one; never raises."""
    expected = [
        Expected("iss", "jwt-issuer", (f"https://sts.windows.net/{trust.tenant}/",)),
        Expected("tid", "jwt-tenant", (trust.tenant,)),
        Expected("aud", "jwt-audience", trust.audiences),
        Expected("appid", "jwt-application", (trust.application or SYNC_FABRIC,)),
    ]
    if trust.subject is not None:
        expected.append(Expected("sub", "jwt-subject", (trust.subject,)))
    return entra_tokens.checks(token, tenant=trust.tenant, expected=expected, keys=keys, now=now)


async def check(token: str, trust: Trust, keys: Keys, now: datetime) -> Mapping[str, object]:
    """Check a token; gives its claims. Raises Refusal, and nothing else."""
    await enforce(checks(token, trust, keys, now))
    return jwts.claims(token)
