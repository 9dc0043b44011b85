"""The keys that a tenant of Entra signs with: what is taken from its key set (RFC 7517)."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from scim.auth.jwts import PublicKey, public_key, strict_object
from scim.auth.reasons import Refusal

AUTHORITY = "https://login.microsoftonline.com"
MOST_KEYS = 100  # Entra's sets have about ten
# Members that make a key a secret one (RFC 7518 §6): whoever publishes them has lost the key.
_SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class Keys(Protocol):
    """Knows the keys of tenants."""

    async def key(self, tenant: str, kid: str) -> PublicKey | None:
        """Find the key of that id; None when the tenant has none.

        Raises Refusal (`jwt-keys-unavailable`) when that can't be told: nobody is let in then.
        """


class NoKeys:
    """Knows none: a service that asks no identity provider takes no token of one."""

    async def key(self, tenant: str, kid: str) -> PublicKey | None:  # noqa: ARG002 - the port's
        raise Refusal("jwt-keys-unavailable")


def read_keys(body: bytes, tenant: str) -> Mapping[str, PublicKey]:
    """Read a tenant's key set, by key id: the RSA keys that signatures are checked with.

    What else is in a set is passed over (RFC 7517 §5), and a key id that occurs twice. Raises
    ValueError for what is no set, or has no key to rely on.
    """
    listed = strict_object(body).get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise ValueError(f"it has no list of {MOST_KEYS} keys at most")
    usable = [each for each in listed if isinstance(each, dict) and _usable(each, tenant)]
    counted = Counter(each["kid"] for each in usable)
    found = {
        each["kid"]: key
        for each in usable
        if counted[each["kid"]] == 1 and (key := public_key(each.get("n"), each.get("e")))
    }
    if not found:
        raise ValueError("it has no RSA key of 2048 bits or more for signatures")
    return found


def _usable(jwk: dict[str, Any], tenant: str) -> bool:
    """Tell whether a key is one that this tenant's tokens may be signed with.

    Entra writes for whom a key is into `issuer`, with `{tenantid}` for every tenant.
    """
    kid, issuer, uses = jwk.get("kid"), jwk.get("issuer", tenant), jwk.get("key_ops", ["verify"])
    return (
        jwk.get("kty") == "RSA"
        and jwk.get("use") == "sig"
        and jwk.get("alg", "RS256") == "RS256"
        and isinstance(kid, str)
        and bool(kid)
        and isinstance(uses, list)
        and "verify" in uses
        and isinstance(issuer, str)
        and (tenant in issuer or "{tenantid}" in issuer)
        and _SECRET.isdisjoint(jwk)
    )
