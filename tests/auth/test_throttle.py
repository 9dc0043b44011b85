"""So many a minute, for each and for all (scim/auth/throttle.py)."""

from datetime import UTC, datetime, timedelta

from scim.auth.throttle import Throttle

NOW = datetime(2026, 11, 22, 6, 0, 20, tzinfo=UTC)


def test_each_key_has_its_own_number() -> None:
    throttle = Throttle(each=2, all=100)
    assert [throttle.wait("a", NOW) for _ in range(4)] == [0, 0, 40, 40]
    assert throttle.wait("b", NOW) == 0


def test_all_together_have_one() -> None:
    throttle = Throttle(each=2, all=3)
    assert [throttle.wait(str(each), NOW) for each in range(5)] == [0, 0, 0, 40, 40]


def test_it_begins_anew_with_each_minute() -> None:
    throttle = Throttle(each=1, all=1)
    wait = [throttle.wait("a", NOW), throttle.wait("a", NOW)][1]
    assert throttle.wait("a", NOW + timedelta(seconds=wait - 1)) == 1
    assert throttle.wait("a", NOW + timedelta(seconds=wait)) == 0


def test_it_cannot_be_filled() -> None:
    """Made-up keys, and long ones, take no more room than there is."""
    throttle = Throttle(each=1, all=10**9)
    for each in range(30_000):
        throttle.wait(f"{each}" * 1000, NOW)
    kept = throttle._counts
    assert len(kept) <= 10_000
    assert max(map(len, kept)) <= 64
