"""How long who waits: each time leaves room for those that it is made for."""

import json
import re
from pathlib import Path

import pytest

from scim import fairness, purging, reading_log, recording
from scim.deadlines import (
    BULK,
    DELETION,
    EDIT,
    FRESH,
    HELP,
    LIST,
    LONGEST_REQUEST,
    MARGIN,
    SETTLED,
)
from storage.client import LONGEST_CALL

ROOT = Path(__file__).parents[2]


def test_everybody_has_settled_when_memories_and_requests_are_over() -> None:
    """A process remembers a record, a request goes on with it, and leaves an entry in the log."""
    assert recording.PATIENCE < MARGIN
    assert SETTLED > FRESH + LONGEST_REQUEST + recording.PATIENCE


@pytest.mark.parametrize("name", ["operating.md", "design.md"])
def test_the_documents_say_how_long(name: str) -> None:
    text = (ROOT / "docs" / name).read_text("utf-8")
    assert set(re.findall(r"(?:waits of|waits|for) (\d{2,3}) seconds", text)) >= {f"{SETTLED:.0f}"}


def test_a_bulk_request_has_time_for_its_last_operation() -> None:
    assert BULK.total_seconds() + DELETION < LONGEST_REQUEST


def test_a_large_edit_has_time_behind_an_earlier_one() -> None:
    assert HELP < EDIT < LONGEST_REQUEST - DELETION


def test_a_list_that_takes_too_long_is_ended_before_its_request_is() -> None:
    """A call may begin in the last moment, and take as long as a call may."""
    assert LIST.total_seconds() + LONGEST_CALL < LONGEST_REQUEST


def test_who_has_waited_for_its_turn_has_time_left() -> None:
    """The wait is a part of a request's time, of a list's and of a Bulk's."""
    assert fairness.PATIENCE < LIST.total_seconds() / 2 < BULK.total_seconds()


def test_a_request_is_over_before_its_host_ends_it() -> None:
    """Whatever the host breaks off is answered by nobody."""
    hours, minutes, seconds = json.loads((ROOT / "host.json").read_text())["functionTimeout"].split(
        ":"
    )
    host = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    assert host > LONGEST_REQUEST + recording.PATIENCE
    assert host > purging.SECONDS


def test_a_purge_that_waits_has_time_to_remove_something() -> None:
    assert purging.SECONDS > SETTLED + 60


def test_who_follows_the_log_reads_again_what_a_request_may_still_write() -> None:
    """Ids are made when a request begins."""
    assert reading_log.LATE.total_seconds() > LONGEST_REQUEST + recording.PATIENCE
