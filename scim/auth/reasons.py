"""Why a request is let in by nobody: codes for the operator; a stranger is told the same for all.

A code is written into the service's log and into the log of the directory that the request was for,
where that is known. The answer holds neither the code nor the directory (RFC 6750 §3.1).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from scim.errors import Unauthorized

Reason = Literal[
    "no-token",
    "basic",
    "two-headers",
    "too-large",
    "malformed",
    "unknown-credential",
    "wrong-secret",
    "wrong-kind",
    "expired",
    "revoked",
    "wrong-directory",
    "not-entra",
    "not-federated",
    "jwt-malformed",
    "jwt-algorithm",
    "jwt-unknown-key",
    "jwt-keys-unavailable",
    "jwt-signature",
    "jwt-claims",
    "jwt-expired",
    "jwt-not-yet-valid",
    "jwt-issuer",
    "jwt-audience",
    "jwt-tenant",
    "jwt-application",
    "jwt-subject",
    "jwt-replayed",
]

# Told to the operator: what it was, and what to do.
REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        "no-token": "no token was sent: put the credentials into Entra's provisioning page",
        "basic": "user name and password were sent: SCIM requests need a token",
        "two-headers": "more than one Authorization header was sent: send one",
        "too-large": "the token is longer than any that is issued",
        "malformed": "the token has no form that is issued: copy it again, whole",
        "unknown-credential": "no such credential is recorded: it was removed, or made elsewhere",
        "wrong-secret": "the secret isn't the one that was issued under this id: issue another",
        "wrong-kind": "a client's secret was sent as a token, or a token as a client's secret, or"
        " the secret under another Client Identifier: each belongs into its own field",
        "expired": "this credential has expired: issue another one and put it into Entra",
        "revoked": "this credential was revoked: issue another one and put it into Entra",
        "wrong-directory": "the credential is another directory's than the URL names: check the"
        " Tenant URL and the Token Endpoint",
        "not-entra": "the token isn't of this service, and the directory takes none that Entra"
        " issued: name the tenant in the directory's record, or fill the Secret Token",
        "not-federated": "the client has a secret and no federation, or a federation and no"
        " secret: send what it is registered with",
        "jwt-malformed": "the token is no JWT that can be read: copy it again, whole",
        "jwt-algorithm": "the token isn't signed as it has to be: Entra signs with RS256",
        "jwt-unknown-key": "the token is signed with a key that isn't known: with one of another"
        " tenant, or one that was dropped",
        "jwt-keys-unavailable": "the keys of the tenant could not be read from Entra: check that"
        " the service reaches login.microsoftonline.com",
        "jwt-signature": "the signature of the token is wrong: it was altered, or made up",
        "jwt-claims": "a claim that the token needs is missing, or not of its type",
        "jwt-expired": "the token has expired: its client has to get another one",
        "jwt-not-yet-valid": "the token isn't valid yet: compare the clocks",
        "jwt-issuer": "the token was issued by another one than the tenant that is registered",
        "jwt-audience": "the token is meant for another service: compare the audience registered",
        "jwt-tenant": "the token is of another tenant than the one that is registered",
        "jwt-application": "the token is of another application than the one that is registered",
        "jwt-subject": "the token is of another subject than the one that is registered",
        "jwt-replayed": "the assertion was used before, and each one is taken once: if it is Entra"
        " that sends it twice, make the federation with federation add --reusable",
    }
)
assert REASONS.keys() == set(get_args(Reason))  # noqa: S101 - a code without a sentence is a bug

REFUSED = (
    "the request carries no valid token for this Tenant URL: check the credentials of this"
    " directory on Entra's provisioning page"
)
# RFC 6750 §3.1: without any token, or with another scheme, the answer names no error.
_WITHOUT_TOKEN: frozenset[Reason] = frozenset({"no-token", "basic"})


class Refusal(Unauthorized):
    """Nobody is let in, for a reason that only the operator learns.

    `directory` is the id of whose log gets the code, `credential` the one that was named; both are
    empty where that is not known. `sure` tells that the credential was genuine once.
    """

    def __init__(
        self, code: Reason, *, directory: str = "", credential: str = "", sure: bool = False
    ) -> None:
        super().__init__(REFUSED)
        if code not in _WITHOUT_TOKEN:
            self.headers["WWW-Authenticate"] += ', error="invalid_token"'
        self.code = code
        self.directory = directory
        self.credential = credential
        self.sure = sure


def refusal(error: BaseException | None) -> Refusal | None:
    """Find the refusal that an error is, or was raised from."""
    found = error if isinstance(error, Refusal) or error is None else error.__cause__
    return found if isinstance(found, Refusal) else None
