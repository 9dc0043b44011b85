"""Secret tokens: made once, kept as a keyed digest only, checked without a scan.

A token is `scim_` + credential id (12) + `_` + secret (43) + checksum (6), 67 characters: Entra's
field takes 200. The id finds the credential with one point read; the checksum turns a typo away
before anything is asked. The prefix lets secret scanners find leaked tokens.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from datetime import datetime, timedelta

from scim.directory import Credential
from scim.ids import in_digits, timestamp

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_ALPHABET = string.digits + string.ascii_lowercase  # what a credential's id may hold
_ID_LENGTH = 12
_SECRET_BITS = 256
_SECRET_LENGTH = 43  # 62**43 > 2**256
_CHECKSUM_LENGTH = 6  # 62**6 > 2**32
_TOKEN = re.compile(
    rf"(scim_([0-9a-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}})([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})"
)


def issue(
    directory_id: str, *, pepper: bytes, now: datetime, lifetime: timedelta | None = None
) -> tuple[str, Credential]:
    """Make a token and what is kept of it; the token can't be had again from the record."""
    credential_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    secret = in_digits(secrets.randbits(_SECRET_BITS), _BASE62, _SECRET_LENGTH)
    unchecked = f"scim_{credential_id}_{secret}"
    token = unchecked + _checksum(unchecked)
    record = Credential(
        id=credential_id,
        directory=directory_id,
        digest=_digest(token, pepper),
        created=timestamp(now),
        expires=timestamp(now + lifetime) if lifetime else None,
    )
    return token, record


def identify(token: str) -> str | None:
    """Find the credential id in a token; None when its form or checksum is wrong."""
    match = _TOKEN.fullmatch(token)
    if match is None or _checksum(match[1]) != match[3]:
        return None
    return match[2]


def verify(token: str, credential: Credential, *, pepper: bytes, now: datetime) -> bool:
    """Tell whether a token is the live one of this credential.

    Bytes are compared, in constant time: `compare_digest` raises on text that is not ASCII.
    """
    known = hmac.compare_digest(_digest(token, pepper).encode(), credential.digest.encode())
    live = credential.revoked is None and (
        credential.expires is None or now < datetime.fromisoformat(credential.expires)
    )
    return known and live


def _digest(token: str, pepper: bytes) -> str:
    # A fast hash is right for 256 random bits; the pepper keeps a stolen table useless.
    # `surrogatepass`: a header's undecodable bytes may arrive as lone surrogates.
    return hmac.new(pepper, token.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _checksum(text: str) -> str:
    return in_digits(zlib.crc32(text.encode()), _BASE62, _CHECKSUM_LENGTH)
