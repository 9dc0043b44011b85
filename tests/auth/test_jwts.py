"""JSON Web Tokens: read strictly, signed and verified, and no key that can't be relied on."""

import base64
import hmac
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from scim.auth import jwts
from scim.auth.jwts import PublicKey
from scim.auth.reasons import Reason, Refusal
from tests.auth.identity import NOW, number, private_key, signed, text

SECRET = b"thirty-two bytes, or more of them"
HEADER = b'{"alg":"RS256","kid":"a"}'
KEY = PublicKey(private_key(1).public_key())


def code(call: Callable[[], object]) -> Reason:
    """Give the code that a call is refused with."""
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.code


def test_a_token_of_our_own_is_read_back() -> None:
    token = jwts.sign({"sub": "abc", "exp": 1}, SECRET, "k1")
    assert jwts.header(token) == {"alg": "HS256", "kid": "k1", "typ": "JWT"}
    assert jwts.claims(token) == jwts.verify(token, SECRET, algorithm="HS256")


def test_another_secret_does_not_verify() -> None:
    token = jwts.sign({"sub": "abc"}, SECRET, "k1")
    assert code(lambda: jwts.verify(token, SECRET + b"!", algorithm="HS256")) == "jwt-signature"


def test_a_token_with_a_public_key_is_verified() -> None:
    token = signed(HEADER, b'{"sub":"abc"}', private_key(1))
    assert jwts.verify(token, KEY, algorithm="RS256") == {"sub": "abc"}


@pytest.mark.parametrize("shape", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_the_algorithm_is_never_the_tokens(encoding: Encoding, shape: PublicFormat) -> None:
    """RFC 8725 §2.1: HS256 with the public key as its secret, which everybody has."""
    secret = private_key(1).public_key().public_bytes(encoding, shape)
    part = text(b'{"alg":"HS256","kid":"a"}') + "." + text(b"{}")
    forged = f"{part}.{text(hmac.digest(secret, part.encode(), 'sha256'))}"
    assert code(lambda: jwts.verify(forged, KEY, algorithm="RS256")) == "jwt-algorithm"
    assert code(lambda: jwts.verify(forged, KEY, algorithm="HS256")) == "jwt-algorithm"


NO_TOKENS: Mapping[str, tuple[str, Reason]] = {
    "nothing": ("", "jwt-malformed"),
    "no parts": ("abc", "jwt-malformed"),
    "two parts": ("abc.def", "jwt-malformed"),
    "four parts": ("e30.e30.e30.e30", "jwt-malformed"),
    "encrypted": ("e30.e30.e30.e30.e30", "jwt-malformed"),
    "no signature": ("e30.e30.", "jwt-malformed"),
    "only dots": ("..", "jwt-malformed"),
    "padding": ("e30=.e30=.e30=", "jwt-malformed"),
    "white space": (" e30.e30.e30", "jwt-malformed"),
    "a line break at the end": ("e30.e30.e30\n", "jwt-malformed"),
    "plain base64": ("e30.e+/0.e30", "jwt-malformed"),
    "digits of another script": ("e30.e3\u0660.e30", "jwt-malformed"),
    "half a surrogate pair": ("e30.\udc80.e30", "jwt-malformed"),
    "a length that base64 never has": ("e30.e30ab.e30", "jwt-malformed"),
    "too large": ("e30.e30." + "a" * jwts.LONGEST, "too-large"),
}


@pytest.mark.parametrize(("token", "expected"), NO_TOKENS.values(), ids=NO_TOKENS)
def test_what_is_no_token_is_refused(token: str, expected: Reason) -> None:
    assert code(lambda: jwts.claims(token)) == expected
    assert code(lambda: (jwts.header(token), jwts.claims(token))) == expected


NO_OBJECTS = {
    "text": b'"abc"',
    "a list": b"[]",
    "null": b"null",
    "nothing": b" ",
    "cut off": b'{"a":1',
    "two objects": b"{}{}",
    "a member twice": b'{"tid":"a","tid":"b"}',
    "a member twice, escaped": b'{"tid":"a","\\u0074id":"b"}',
    "a member twice, inside": b'{"a":{"b":1,"b":2}}',
    "NaN": b'{"exp":NaN}',
    "Infinity": b'{"exp":Infinity}',
    "-Infinity": b'{"exp":-Infinity}',
    "bytes that are no UTF-8": b'{"a":"\xff"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "lists in lists": b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}",
    "objects in objects": b'{"a":' * 1500 + b"1" + b"}" * 1500,
    "lists that never end": b'{"a":' + b"[" * 9000,
    "a number of 5,000 digits": b'{"exp":' + b"9" * 5000 + b"}",
    "single quotes": b"{'a':1}",
    "a nested token": b"eyJhbGciOiJSUzI1NiJ9.e30.e30",
}


@pytest.mark.parametrize("payload", NO_OBJECTS.values(), ids=NO_OBJECTS)
def test_claims_that_may_be_read_in_two_ways_are_refused(payload: bytes) -> None:
    """Also when the signature is right, and in the header as in the claims."""
    token = signed(HEADER, payload, private_key(1))
    assert code(lambda: jwts.claims(token)) == "jwt-malformed"
    assert code(lambda: jwts.verify(token, KEY, algorithm="RS256")) == "jwt-malformed"
    token = signed(payload, b"{}", private_key(1))
    assert code(lambda: jwts.header(token)) == "jwt-malformed"
    assert code(lambda: jwts.verify(token, KEY, algorithm="RS256")) == "jwt-malformed"


@pytest.mark.parametrize(
    "extension",
    ['"crit":["exp"]', '"crit":[]', '"crit":null', '"crit":["b64"],"b64":false', '"b64":true'],
)
def test_extensions_that_have_to_be_understood_are_refused(extension: str) -> None:
    token = signed(f'{{"alg":"RS256",{extension}}}'.encode(), b"{}", private_key(1))
    assert code(lambda: jwts.header(token)) == "jwt-malformed"
    assert code(lambda: jwts.verify(token, KEY, algorithm="RS256")) == "jwt-malformed"


def test_a_signature_is_taken_in_one_spelling_only() -> None:
    """The last character of 256 bytes holds four bits that mean nothing."""
    token = signed(HEADER, b"{}", private_key(1))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = token[:-1] + alphabet[alphabet.index(token[-1]) + 1]
    assert base64.urlsafe_b64decode(other.rpartition(".")[2] + "==")
    assert code(lambda: jwts.verify(other, KEY, algorithm="RS256")) == "jwt-malformed"


TIMES: Mapping[str, tuple[dict[str, Any], Reason | None]] = {
    "valid": ({}, None),
    "without iat": ({"iat": None}, None),
    "with fractions of a second": ({"nbf": -0.5, "exp": 0.5}, None),
    "ended 59 seconds ago": ({"exp": -59}, None),
    "ended 60 seconds ago": ({"exp": -60}, None),
    "ended 61 seconds ago": ({"exp": -61}, "jwt-expired"),
    "begins in 60 seconds": ({"nbf": 60, "iat": 60}, None),
    "begins in 61 seconds": ({"nbf": 61}, "jwt-not-yet-valid"),
    "issued in 61 seconds": ({"iat": 61}, "jwt-not-yet-valid"),
    "ends in two days": ({"exp": 48 * 3600}, None),
    "ends after two days": ({"exp": 48 * 3600 + 1}, "jwt-claims"),
}


@pytest.mark.parametrize(("changes", "expected"), TIMES.values(), ids=TIMES)
def test_a_token_is_valid_within_60_seconds_of_its_times(
    changes: dict[str, Any], expected: Reason | None
) -> None:
    at = NOW.timestamp()
    claims = {"iat": 0, "nbf": 0, "exp": 3600, **changes}
    times = {name: at + each for name, each in claims.items() if each is not None}
    if expected is None:
        jwts.check_time(times, NOW)
    else:
        assert code(lambda: jwts.check_time(times, NOW)) == expected


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value",
    ["1795327200", "", True, False, [], {}, [1795327200], -1, -1e300, 1e300, 10**400, float("inf")],
    ids=repr,
)
def test_a_time_that_is_none_is_refused(name: str, value: object) -> None:
    at = NOW.timestamp()
    times = {"exp": at + 60, "nbf": at, "iat": at, name: value}
    assert code(lambda: jwts.check_time(times, NOW)) == "jwt-claims"


@pytest.mark.parametrize("name", ["exp", "nbf"])
def test_a_token_says_when_it_is_valid(name: str) -> None:
    at = NOW.timestamp()
    times = {"exp": at + 60, "nbf": at, name: None}
    assert code(lambda: jwts.check_time(times, NOW)) == "jwt-claims"


def test_no_clock_but_the_callers_is_asked() -> None:
    """What was valid in 2001 is so when it is asked of 2001."""
    then = NOW - timedelta(days=9000)
    claims = {"exp": then.timestamp() + 60, "nbf": then.timestamp()}
    token = jwts.sign(claims, SECRET, "k1")
    jwts.check_time(jwts.verify(token, SECRET, algorithm="HS256"), then)


def parts(bits: int) -> tuple[str, str]:
    numbers = private_key(1, bits).public_key().public_numbers()
    return number(numbers.n), number(numbers.e)


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_a_key_of_2048_to_4096_bits_is_one_to_rely_on(bits: int) -> None:
    assert jwts.public_key(*parts(bits)) is not None


ODD, _ = parts(2048)
NO_KEYS: Mapping[str, tuple[object, object]] = {
    "1024 bits": parts(1024),
    "2047 bits": (number((1 << 2046) + 1), "AQAB"),
    "16,384 bits": (number((1 << 16383) + 1), "AQAB"),
    "an even modulus": (number(1 << 2047), "AQAB"),
    "nothing": (None, None),
    "a number": (5, 65537),
    "an empty modulus": ("", "AQAB"),
    "no base64": ("!" * 400, "AQAB"),
    "an exponent of 1": (ODD, "AQ"),
    "an exponent of 3": (ODD, "Aw"),
    "an exponent of 3, written longer": (ODD, "AAAD"),
    "an even exponent": (ODD, "AQAC"),
    "a huge exponent": (ODD, ODD),
}


@pytest.mark.parametrize(("modulus", "exponent"), NO_KEYS.values(), ids=NO_KEYS)
def test_a_weak_or_odd_key_is_none(modulus: object, exponent: object) -> None:
    assert jwts.public_key(modulus, exponent) is None


def test_a_key_of_another_kind_verifies_nothing() -> None:
    token = signed(HEADER, b"{}", private_key(1))
    curve = PublicKey(ec.generate_private_key(ec.SECP256R1()).public_key())
    assert code(lambda: jwts.verify(token, curve, algorithm="RS256")) == "jwt-algorithm"


BYTES = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["alg", "kid", "crit", "exp", "a"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)


@given(header=BYTES, payload=BYTES, signature=st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(header: bytes, payload: bytes, signature: bytes) -> None:
    token = ".".join(text(each) for each in (header, payload, signature))
    calls: list[Callable[[], Mapping[str, Any]]] = [
        lambda: jwts.header(token),
        lambda: jwts.claims(token),
        lambda: jwts.verify(token, KEY, algorithm="RS256"),
    ]
    for call in calls:
        with suppress(Refusal):
            assert isinstance(call(), dict)


@given(st.text(max_size=300))
def test_whatever_text_comes_is_refused(token: str) -> None:
    assert code(lambda: jwts.verify(token, KEY, algorithm="RS256")) in (
        "jwt-malformed",
        "jwt-algorithm",
    )


@given(
    st.dictionaries(
        st.text(max_size=10), st.integers() | st.text(max_size=10) | st.booleans(), max_size=5
    )
)
def test_what_is_read_is_what_the_library_verifies(claims: dict[str, Any]) -> None:
    token = signed(HEADER, json.dumps(claims).encode(), private_key(1))
    assert jwts.claims(token) == jwts.verify(token, KEY, algorithm="RS256") == claims


def test_a_start_without_tokens_does_not_load_the_library() -> None:
    program = (
        "import sys, scim.auth.gate, storage.jwks, scim.auth.assertions\n"
        "assert 'jwt' not in sys.modules, 'jwt was imported'"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
