"""Cursors are opened by who sealed them, for the same query, while they live (RFC 9865 §2.1)."""

from datetime import UTC, datetime, timedelta

import pytest

from scim.cursor import Sealer
from scim.errors import ExpiredCursor, InvalidCursor

SEALER = Sealer.derive(b"a pepper for tests, 32 bytes or more")
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CURSOR = SEALER.seal({"a": "id-7", "n": 9}, "d1|User", NOW)


def test_what_was_sealed_is_opened_again() -> None:
    assert SEALER.open(CURSOR, "d1|User", NOW, HOUR) == {
        "a": "id-7",
        "n": 9,
        "t": int(NOW.timestamp()),
    }


def test_a_cursor_lives_as_long_as_it_says_and_no_longer() -> None:
    assert SEALER.open(CURSOR, "d1|User", NOW + HOUR, HOUR)
    with pytest.raises(ExpiredCursor):
        SEALER.open(CURSOR, "d1|User", NOW + HOUR + timedelta(seconds=1), HOUR)


def test_no_character_of_a_cursor_can_be_changed() -> None:
    for place in range(len(CURSOR) - 1):  # the last one carries bits that mean nothing
        other = "A" if CURSOR[place] != "A" else "B"
        with pytest.raises(InvalidCursor):
            SEALER.open(CURSOR[:place] + other + CURSOR[place + 1 :], "d1|User", NOW, HOUR)


@pytest.mark.parametrize("cursor", ["", "A", "AAAA", "ü", "!!!!", CURSOR[:-4], "A" * 10_000])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        SEALER.open(cursor, "d1|User", NOW, HOUR)


def test_a_cursor_is_opened_while_its_pepper_is_known() -> None:
    """The first pepper seals, all open: so it is changed while somebody pages."""
    new, old = b"another pepper", b"a pepper for tests, 32 bytes or more"
    assert Sealer.derive(new, old).open(CURSOR, "d1|User", NOW, HOUR)
    fresh = Sealer.derive(new, old).seal({"n": 1}, "d1|User", NOW)
    assert Sealer.derive(new).open(fresh, "d1|User", NOW, HOUR)


def test_a_cursor_of_another_query_or_another_pepper_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        SEALER.open(CURSOR, "d2|User", NOW, HOUR)
    with pytest.raises(InvalidCursor):
        Sealer.derive(b"another pepper").open(CURSOR, "d1|User", NOW, HOUR)
