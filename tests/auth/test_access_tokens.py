"""Access tokens: signed by one key, verified by all (scim/auth/access_tokens.py)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scim.auth import jwts
from scim.auth.access_tokens import Claims, Signer
from scim.auth.reasons import Refusal
from scim.credentials import register
from tests.auth.identity import Identity

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
ONE, TWO, THREE = (each * 32 for each in (b"1", b"2", b"3"))
CLIENT = register("directory0", now=NOW, minutes=90)


def read(signer: Signer, token: str, at: datetime = NOW) -> Claims:
    return signer.read(token, jwts.header(token), at)


def test_a_token_says_whose_it_is_and_for_what() -> None:
    token, seconds = Signer([ONE]).mint(CLIENT, ("users.read", "groups.read"), NOW)
    assert seconds == 90 * 60
    expected = Claims(CLIENT.id, "directory0", frozenset({"users.read", "groups.read"}))
    assert read(Signer([ONE]), token) == expected
    claims = jwts.claims(token)
    assert claims.keys() == {"iss", "aud", "sub", "scope", "iat", "nbf", "exp", "jti"}
    assert claims["exp"] - claims["iat"] == seconds


def test_no_two_tokens_are_alike() -> None:
    tokens = {Signer([ONE]).mint(CLIENT, (), NOW)[0] for _ in range(20)}
    assert len(tokens) == 20


def test_a_token_fits_into_a_header() -> None:
    assert len(Signer([ONE]).mint(CLIENT, CLIENT.scopes, NOW)[0]) < 600


def test_the_first_key_signs_and_all_verify() -> None:
    """Add the new one at the end, then put it first, then leave the old one out."""
    steps = [[ONE], [ONE, TWO], [TWO, ONE], [TWO]]
    tokens = [Signer(keys).mint(CLIENT, (), NOW)[0] for keys in steps]
    kids = [jwts.header(each)["kid"] for each in tokens]
    assert kids[0] == kids[1] != kids[2] == kids[3]
    for place, keys in enumerate(steps):
        for token in tokens[max(0, place - 1) : place + 2]:  # of this step and those beside it
            if keys == [TWO] and jwts.header(token)["kid"] == kids[0]:
                continue  # the last of them has ended before the key is left out
            assert read(Signer(keys), token).client == CLIENT.id
    with pytest.raises(Refusal) as refused:
        read(Signer([TWO]), tokens[0])
    assert refused.value.code == "jwt-unknown-key"


def test_a_key_of_another_purpose_signs_nothing() -> None:
    """Keys that are derived from the pepper are none of its other uses' keys."""
    pepper = b"p" * 32
    token, _ = Signer.derive(pepper).mint(CLIENT, (), NOW)
    assert read(Signer.derive(b"q" * 32, pepper), token).client == CLIENT.id
    with pytest.raises(Refusal):
        read(Signer([pepper]), token)


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (timedelta(seconds=-61), "jwt-not-yet-valid"),
        (timedelta(minutes=90, seconds=61), "jwt-expired"),
    ],
)
def test_a_token_lives_its_time_and_no_longer(after: timedelta, code: str) -> None:
    """Clocks of two processes may differ by a minute."""
    signer = Signer([ONE])
    token, _ = signer.mint(CLIENT, (), NOW)
    for inside in (timedelta(seconds=-60), timedelta(0), timedelta(minutes=90, seconds=59)):
        assert read(signer, token, NOW + inside)
    with pytest.raises(Refusal) as refused:
        read(signer, token, NOW + after)
    assert refused.value.code == code
    assert (refused.value.directory, refused.value.credential) == ("directory0", CLIENT.id)


Forge = Callable[[dict[str, Any], str], str]


@pytest.mark.parametrize(
    "forge",
    [
        lambda claims, kid: jwts.sign(claims, TWO, kid),
        lambda claims, kid: Identity().sign(claims, kid=kid),
        lambda claims, kid: Identity().sign(claims, kid=kid, alg="HS256"),
        lambda claims, kid: Identity().sign(claims, kid=kid, alg="none"),
    ],
    ids=["another key", "RS256", "RS256 that says HS256", "none"],
)
def test_a_forged_token_is_refused(forge: Forge) -> None:
    signer = Signer([ONE])
    token, _ = signer.mint(CLIENT, (), NOW)
    forged = forge(dict(jwts.claims(token)), str(jwts.header(token)["kid"]))
    with pytest.raises(Refusal) as refused:
        read(signer, forged)
    assert refused.value.code in ("jwt-signature", "jwt-algorithm")


def test_the_name_of_a_key_tells_nothing_of_it() -> None:
    (kid,) = Signer([ONE]).keys
    assert len(kid) == 8
    assert kid.encode() not in ONE
