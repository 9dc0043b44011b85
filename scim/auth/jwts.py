"""JSON Web Tokens (RFC 7519): read strictly here, signed and verified by PyJWT.

The only module that knows the library. It is imported with the first signature, not with the
module: a start without it is 25 ms shorter. Nothing here reads a clock or follows what a header
points to (`jku`, `jwk`, `x5u`, `x5c`): keys are handed in.

What is read is read once more, by the library, when it is verified; so it is read more strictly
than the library does, and nothing can mean one thing to one and another to the other.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NewType, cast

from scim.auth.explaining import times
from scim.auth.reasons import Refusal

LONGEST = 16 * 1024  # characters; Entra's tokens have about two thousand
# A public RSA key: the library's own, which only this module looks into.
PublicKey = NewType("PublicKey", object)

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
# 2048 to 4096 bits in base64url, and exponents of 3 to 4 bytes, 65537 the usual one: a key that is
# weak is no key, and one that is huge makes each verification slow.
_MODULUS = re.compile(r"[A-Za-z0-9_-]{342,683}")
_EXPONENT = re.compile(r"[A-Za-z0-9_-]{4,6}")
_KEY_BITS = range(2048, 4096 + 1)
_LEAST_EXPONENT = 65537
_MOST_NESTED = 100  # objects and lists of a header, or of claims; Entra's tokens have about five
# What a reader has to understand, or refuse the token (RFC 7515 §4.1.11, RFC 7797 §3): we know
# none of them.
_EXTENSIONS = ("crit", "b64")


def header(token: str) -> Mapping[str, Any]:
    """Read a token's header, which nobody vouches for. Raises Refusal."""
    found = _part(token, 0)
    if any(each in found for each in _EXTENSIONS):
        raise Refusal("jwt-malformed")
    return found


def claims(token: str) -> Mapping[str, Any]:
    """Read a token's claims, which nobody vouches for. Raises Refusal."""
    return _part(token, 1)


def sign(claims: Mapping[str, Any], key: bytes, kid: str) -> str:
    """Make a token of this service's own, with HS256."""
    import jwt  # noqa: PLC0415 - see above

    return jwt.encode(dict(claims), key, algorithm="HS256", headers={"kid": kid})


def verify(token: str, key: PublicKey | bytes, *, algorithm: str) -> Mapping[str, Any]:
    """Check the signature, and nothing else; gives the claims. Raises Refusal.

    The algorithm is the caller's, never the token's (RFC 8725 §3.1).
    """
    if header(token).get("alg") != algorithm:
        raise Refusal("jwt-algorithm")
    import jwt.api_jws  # noqa: PLC0415 - see above

    try:
        whole = jwt.api_jws.decode_complete(token, cast(Any, key), algorithms=[algorithm])
    except jwt.InvalidSignatureError as error:
        raise Refusal("jwt-signature") from error
    except (jwt.InvalidAlgorithmError, jwt.InvalidKeyError, TypeError) as error:  # of another kind
        raise Refusal("jwt-algorithm") from error
    except jwt.PyJWTError as error:
        raise Refusal("jwt-malformed") from error
    return _readable(whole["payload"])


def check_time(claims: Mapping[str, Any], now: datetime) -> None:
    """Check that a token is valid now; both ends are required. Raises Refusal."""
    for each in times(claims, now):
        if not each.ok:
            raise Refusal(each.code)


def public_key(modulus: object, exponent: object) -> PublicKey | None:
    """Make an RSA key of base64url numbers (RFC 7518 §6.3.1); None if it is none to rely on."""
    if not (isinstance(modulus, str) and _MODULUS.fullmatch(modulus)):
        return None
    if not (isinstance(exponent, str) and _EXPONENT.fullmatch(exponent)):
        return None
    import jwt  # noqa: PLC0415 - see above
    from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415 - see above

    try:
        key: Any = RSAAlgorithm.from_jwk({"kty": "RSA", "n": modulus, "e": exponent})
        numbers = key.public_numbers()
    except (jwt.PyJWTError, ValueError):
        return None
    if key.key_size not in _KEY_BITS or numbers.n % 2 == 0 or numbers.e < _LEAST_EXPONENT:
        return None
    return PublicKey(key)


def strict_object(data: bytes) -> dict[str, Any]:
    """Read a JSON object of which there is one reading only. Raises ValueError.

    It is UTF-8, names no member twice, and has no number that JSON hasn't.
    """
    text = data.decode("utf-8").lstrip(" \t\r\n")
    if not text.startswith("{"):
        raise ValueError("it is no JSON object")
    try:
        found: dict[str, Any] = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_constant
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return found


def _part(token: str, place: int) -> dict[str, Any]:
    """Read the header (0) or the claims (1). Raises Refusal."""
    if len(token) > LONGEST:
        raise Refusal("too-large")
    parts = token.split(".")
    # Three, each of them filled: one that is encrypted has five, one without a signature an empty
    # last one (RFC 7516 §3.1, RFC 7519 §6.1).
    if len(parts) != 3 or not all(_SEGMENT.fullmatch(each) for each in parts):
        raise Refusal("jwt-malformed")
    text = parts[place]
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Refusal("jwt-malformed") from error
    return _readable(data)


def _readable(data: bytes) -> dict[str, Any]:
    # Whatever is done with what is nested, comparing it, showing it, has a limit of depth.
    if data.count(b"{") + data.count(b"[") > _MOST_NESTED:
        raise Refusal("jwt-malformed")
    try:
        return strict_object(data)
    except ValueError as error:
        raise Refusal("jwt-malformed") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it names a member twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"JSON has no {name}")
