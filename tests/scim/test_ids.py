"""Identifiers (scim/ids.py)."""

from datetime import UTC, datetime, timedelta

from scim.ids import Succession, change_id, first_id

NOW = datetime(2026, 3, 4, 5, 6, 7, 891000, tzinfo=UTC)


def test_ids_of_one_request_are_in_their_order() -> None:
    """Within one millisecond, and when the clock goes back."""
    succession = Succession()
    times = [*[NOW] * 1000, NOW - timedelta(hours=1), NOW, NOW + timedelta(milliseconds=1)]
    made = [succession.next(each) for each in times]
    assert made == sorted(set(made))
    assert {len(each) for each in made} == {22}


def test_an_id_tells_its_millisecond() -> None:
    """A thousand of one request don't run ahead of it."""
    succession, later = Succession(), NOW + timedelta(milliseconds=1)
    for each in (change_id(NOW), *(succession.next(NOW) for _ in range(1000))):
        assert first_id(NOW) < each < first_id(later)


def test_two_requests_of_one_millisecond_make_different_ids() -> None:
    assert len({Succession().next(NOW) for _ in range(1000)}) == 1000
