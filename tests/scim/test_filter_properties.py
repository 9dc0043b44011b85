"""What holds for every filter: it prints back, it has limits, reading it takes linear time."""

import contextlib
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scim.errors import InvalidFilter
from scim.filters import DEEPEST, LONGEST, MOST_TERMS, Filter, parse_filter
from tests.filter_trees import FILTERS, USER


def test_limits_hold() -> None:
    deep = "(" * DEEPEST + "id pr" + ")" * DEEPEST
    assert str(parse_filter(deep, USER)) == "id pr"
    many = " or ".join(["id pr"] * MOST_TERMS)
    parse_filter(many, USER)
    refused = [
        f"({deep})",
        f"{many} or id pr",
        'id eq "' + "x" * LONGEST + '"',
        "not " * 5000 + "id pr",
        "(" * 7999,
        "emails[" + "(" * 7000,
        "not(" * 1900 + "id pr",
        " and ".join(["(id pr or title pr"] * 39) + ")" * 39,
    ]
    for text in refused:
        for tolerant in (False, True):
            with pytest.raises(InvalidFilter):
                parse_filter(text, USER, tolerant=tolerant)


@pytest.mark.parametrize(
    "piece",
    ['"', "\\", '" and ', '" and (', "(", "a:", "urn:", " ", "\\n", '"))', "a.", "1", "[", "not "],
)
def test_reading_takes_linear_time(piece: str) -> None:
    """Six texts of full length that invite a backtracking pattern to go astray."""
    started = time.process_time()
    for head in ("", 'userName eq "', "userName eq "):
        text = (head + piece * LONGEST)[: LONGEST - 1] + '"'
        for tolerant in (False, True):
            with contextlib.suppress(InvalidFilter):
                parse_filter(text, USER, tolerant=tolerant)
    assert time.process_time() - started < 0.5  # 0.002; what is quadratic takes seconds


@given(FILTERS)
@settings(max_examples=200, deadline=None)
def test_a_tree_prints_back(tree: Filter) -> None:
    assert parse_filter(str(tree), USER) == tree
    assert parse_filter(str(tree), USER, tolerant=True) == tree


NOISE = st.sampled_from(
    [*'"\\()[]. :', "and", "or", "not", "eq", "pr", "null", "\ud800", "\x00", "é"]
)


@given(FILTERS.map(str), st.lists(st.tuples(st.floats(0, 1), NOISE), max_size=3), st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_spoilt_filter_is_read_or_refused(
    text: str,
    spoilt: list[tuple[float, str]],
    kind: bool,
) -> None:
    for place, noise in spoilt:
        at = int(place * len(text))
        text = text[:at] + noise + text[at + 1 :]
    _read_or_refuse(text, kind=kind)


@given(st.text(st.characters()), st.booleans())
@example("userName eq \x00", True)
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text: str, kind: bool) -> None:
    _read_or_refuse(text, kind=kind)
    _read_or_refuse(f"userName eq {text}", kind=kind)


def _read_or_refuse(text: str, *, kind: bool) -> None:
    try:
        tree = parse_filter(text, USER, tolerant=kind)
    except InvalidFilter:
        return
    assert parse_filter(str(tree), USER) == tree
