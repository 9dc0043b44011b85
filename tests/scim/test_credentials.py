"""Secret tokens (scim/credentials.py)."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim.credentials import (
    State,
    days_left,
    genuine,
    identify,
    issue,
    pepper_fingerprint,
    revoked,
    state,
)
from scim.registry import Credential

PEPPER = b"p" * 32
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def verify(token: str, credential: Credential, *, pepper: bytes, now: datetime) -> bool:
    """Decide as the server does."""
    return genuine(token, credential, pepper=pepper) and state(credential, now) == "live"


def test_a_token_is_known_by_its_id_and_proves_its_credential() -> None:
    token, credential = issue("directory0", pepper=PEPPER, now=NOW)
    assert identify(token) == credential.id
    assert credential.directory == "directory0"
    assert verify(token, credential, pepper=PEPPER, now=NOW)


def test_a_token_fits_the_field_and_the_record_holds_none_of_it() -> None:
    token, credential = issue("directory0", pepper=PEPPER, now=NOW)
    assert len(token) == 67  # Entra's field takes 200 safely
    assert set(token) <= set(string.ascii_letters + string.digits + "_")
    secret = token.rpartition("_")[2]
    assert secret not in credential.model_dump_json()


def test_every_changed_character_is_turned_away_before_any_look_up() -> None:
    token, _ = issue("directory0", pepper=PEPPER, now=NOW)
    for place, character in enumerate(token):
        other = "b" if character == "a" else "a"
        assert identify(token[:place] + other + token[place + 1 :]) is None
    assert identify(token[:-1]) is None
    assert identify(token + "0") is None
    assert identify(token + "\n") is None


def test_another_pepper_or_another_token_proves_nothing() -> None:
    token, credential = issue("directory0", pepper=PEPPER, now=NOW)
    other, _ = issue("directory0", pepper=PEPPER, now=NOW)
    assert not verify(token, credential, pepper=b"q" * 32, now=NOW)
    assert not verify(other, credential, pepper=PEPPER, now=NOW)


def test_half_a_surrogate_pair_proves_nothing() -> None:
    """A header's undecodable bytes may arrive as such: refused, and no error."""
    _, credential = issue("directory0", pepper=PEPPER, now=NOW)
    assert not genuine("scim_\udcff", credential, pepper=PEPPER)


@pytest.mark.parametrize(
    ("later", "lives"), [(timedelta(seconds=59), True), (timedelta(minutes=1), False)]
)
def test_a_token_dies_at_its_expiry(later: timedelta, lives: bool) -> None:
    lifetime = timedelta(minutes=1)
    token, credential = issue("directory0", pepper=PEPPER, now=NOW, lifetime=lifetime)
    assert verify(token, credential, pepper=PEPPER, now=NOW + later) is lives


def test_a_revoked_token_is_dead() -> None:
    """Whoever revoked it first stays written down."""
    token, credential = issue("directory0", pepper=PEPPER, now=NOW, by="ann", label="first")
    assert (credential.by, credential.label) == ("ann", "first")
    ended = revoked(credential, "ben", NOW)
    assert (ended.revoked, ended.revoked_by) == ("2026-03-04T05:06:07.000Z", "ben")
    assert revoked(ended, "eve", NOW + timedelta(days=1)) == ended
    assert not verify(token, ended, pepper=PEPPER, now=NOW)


@pytest.mark.parametrize("expires", ["", "never", "2026-13-01T00:00:00Z", "99999-01-01", "2026"])
@pytest.mark.parametrize("field", ["expires", "revoked"])
def test_a_record_that_cannot_be_read_lets_nobody_in(field: str, expires: str) -> None:
    token, credential = issue("directory0", pepper=PEPPER, now=NOW)
    broken = credential.model_copy(update={field: expires})
    assert not verify(token, broken, pepper=PEPPER, now=NOW)


@pytest.mark.parametrize(
    ("lifetime", "later", "expected"),
    [
        (None, timedelta(days=4000), ("live", None)),
        (timedelta(days=30), timedelta(0), ("live", 30)),
        (timedelta(days=30), timedelta(minutes=1), ("live", 30)),
        (timedelta(days=30), timedelta(days=27), ("live", 3)),
        (timedelta(days=30), timedelta(days=29, hours=23), ("live", 1)),
        (timedelta(days=30), timedelta(days=30), ("expired", 0)),
        (timedelta(days=30), timedelta(days=99), ("expired", 0)),
        (timedelta(0), timedelta(0), ("expired", 0)),
    ],
)
def test_what_has_become_of_a_credential_and_how_long_it_lives(
    lifetime: timedelta | None, later: timedelta, expected: tuple[State, int | None]
) -> None:
    _, credential = issue("directory0", pepper=PEPPER, now=NOW, lifetime=lifetime)
    now = NOW + later
    assert (state(credential, now), days_left(credential, now)) == expected
    assert state(revoked(credential, "ann", NOW), now) == "revoked"


def test_a_fingerprint_tells_peppers_apart_and_shows_none() -> None:
    one, two = pepper_fingerprint(PEPPER), pepper_fingerprint(b"q" * 32)
    assert one == pepper_fingerprint(PEPPER) != two
    assert PEPPER.decode() not in one


@given(st.text(st.characters(), max_size=90))  # surrogates included, as header bytes may arrive
@settings(max_examples=200)
def test_no_text_raises(text: str) -> None:
    _, credential = issue("directory0", pepper=PEPPER, now=NOW)
    for each in (text, "scim_" + text, "é", "scim_\u0660" + text):
        assert identify(each) is None
        assert not verify(each, credential, pepper=PEPPER, now=NOW)
