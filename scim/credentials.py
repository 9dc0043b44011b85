"""Secret tokens and clients' secrets: made once, kept as a keyed digest, checked without a scan.

A token is `scim_` + credential id (12) + `_` + secret (43) + checksum (6), 67 characters: Entra's
field takes 200. The id finds the credential with one point read; the checksum turns a typo away
before anything is asked. The prefix lets secret scanners find leaked tokens. A client's secret has
the same form, and its record says that it is one (`scim/registry.py`, `Credential.kind`).
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from datetime import UTC, datetime, timedelta
from typing import Literal

from scim.auth.records import SCOPES, Scope, Trust
from scim.ids import in_digits, timestamp
from scim.registry import Credential
from scim.values import parse_datetime

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_ALPHABET = string.digits + string.ascii_lowercase  # what a credential's id may hold
_ID_LENGTH = 12
_SECRET_BITS = 256
_SECRET_LENGTH = 43  # 62**43 > 2**256
_CHECKSUM_LENGTH = 6  # 62**6 > 2**32
_TOKEN = re.compile(
    rf"(scim_([0-9a-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}})([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})"
)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

State = Literal["live", "expired", "revoked"]


def issue(
    directory_id: str,
    *,
    pepper: bytes,
    now: datetime,
    lifetime: timedelta | None = None,
    by: str = "",
    label: str = "",
    client: str = "",
    scopes: tuple[Scope, ...] = SCOPES,
) -> tuple[str, Credential]:
    """Make a token and what is kept of it; the token can't be had again from the record.

    `by` says which operator makes it, `label` what it is for. It is a secret of `client` if that
    is given.
    """
    credential_id = _new_id()
    secret = in_digits(secrets.randbits(_SECRET_BITS), _BASE62, _SECRET_LENGTH)
    unchecked = f"scim_{credential_id}_{secret}"
    token = unchecked + _checksum(unchecked)
    record = Credential(
        id=credential_id,
        directory=directory_id,
        kind="secret" if client else "token",
        client=client,
        scopes=scopes,
        digest=digest(token, pepper),
        created=timestamp(now),
        expires=timestamp(now + lifetime) if lifetime is not None else None,
        by=by,
        label=label,
    )
    return token, record


def register(
    directory_id: str,
    *,
    now: datetime,
    trust: Trust | None = None,
    scopes: tuple[Scope, ...] = SCOPES,
    minutes: int = 60,
    by: str = "",
    label: str = "",
) -> Credential:
    """Make a client of the token endpoint; with `trust` it needs no secret.

    Its id is the client_id; its access tokens live for so many minutes.
    """
    return Credential(
        id=_new_id(),
        directory=directory_id,
        kind="client" if trust is None else "federation",
        trust=trust,
        scopes=scopes,
        minutes=minutes,
        created=timestamp(now),
        by=by,
        label=label,
    )


def identify(token: str) -> str | None:
    """Find the credential id in a token; None when its form or checksum is wrong."""
    match = _TOKEN.fullmatch(token)
    if match is None or _checksum(match[1]) != match[3]:
        return None
    return match[2]


def genuine(token: str, credential: Credential, *, pepper: bytes) -> bool:
    """Tell whether a token is this credential's, live or not.

    Bytes are compared, in constant time: `compare_digest` raises on text that is not ASCII.
    """
    return hmac.compare_digest(digest(token, pepper).encode(), credential.digest.encode())


def state(credential: Credential, now: datetime) -> State:
    """Tell what has become of a credential."""
    if credential.revoked is not None:
        return "revoked"
    end = _end(credential)
    return "live" if end is None or now < end else "expired"


def days_left(credential: Credential, now: datetime) -> int | None:
    """Count the days until its end, begun ones included: 0 when it is past; None without an end."""
    end = _end(credential)
    return None if end is None else max(-((now - end) // timedelta(days=1)), 0)


def revoked(credential: Credential, by: str, now: datetime) -> Credential:
    """Make the revoked credential; one that was revoked before stays as it is."""
    if credential.revoked is not None:
        return credential
    return credential.model_copy(update={"revoked": timestamp(now), "revoked_by": by})


def pepper_fingerprint(pepper: bytes) -> str:
    """Make what tells one pepper from another, and from which none can be found."""
    return hmac.digest(pepper, b"scim pepper fingerprint", "sha256").hex()


def _end(credential: Credential) -> datetime | None:
    """Read when a credential ends; a record that can't be read lets nobody in."""
    if credential.expires is None:
        return None
    try:
        return parse_datetime(credential.expires)
    except ValueError:
        return _LONG_AGO


def digest(token: str, pepper: bytes) -> str:
    """Make what is kept of a token."""
    # A fast hash is right for 256 random bits; the pepper keeps a stolen table useless.
    # `surrogatepass`: a header's undecodable bytes may arrive as lone surrogates.
    return hmac.new(pepper, token.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _new_id() -> str:
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))


def _checksum(text: str) -> str:
    return in_digits(zlib.crc32(text.encode()), _BASE62, _CHECKSUM_LENGTH)
