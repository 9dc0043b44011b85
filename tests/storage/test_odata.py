"""What is pushed down to the store finds at least everything that matches."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from azure.data.tables.aio import TableClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scim.filters import And, Compare, Filter, Or, parse_filter
from scim.ids import timestamp
from scim.match import matches
from scim.repository import Change, Meter
from scim.schema import Resource
from scim.values import parse_datetime
from storage import keys, rows
from storage.client import Partition
from storage.columns import LONGEST
from storage.odata import between, push_down
from storage.tables import TablesRepository
from tests.filter_trees import DATES, FILTERS, RESOURCES, TEXTS, USER, comparisons
from tests.storage.making import everybody

MOST = 15  # comparisons that the service takes
TOKEN = re.compile(r"\s*(?:([()])|(and|or)\b|(\w+) (eq|gt|ge|lt|le) ('(?:[^']|'')*'|true|false))")
IDS = ("a", "ab", "b", "A")


def accepts(odata: str, row: Mapping[str, Any]) -> bool:
    """Evaluate an OData filter as the service does: `and` before `or`, text by UTF-16 units, and no
    comparison holds of a column that isn't there.
    """
    tokens = [match.groups() for match in TOKEN.finditer(odata)]
    assert "".join(TOKEN.sub("", odata).split()) == "", odata

    def disjunction() -> bool:
        found = conjunction()
        while tokens and tokens[0][1] == "or":
            tokens.pop(0)
            found = conjunction() or found
        return found

    def conjunction() -> bool:
        found = term()
        while tokens and tokens[0][1] == "and":
            tokens.pop(0)
            found = term() and found
        return found

    def term() -> bool:
        bracket, _, name, operator, literal = tokens.pop(0)
        if bracket == "(":
            found = disjunction()
            assert tokens.pop(0)[0] == ")"
            return found
        return compared(row.get(name), operator, literal)

    found = disjunction()
    assert not tokens, odata
    return found


def compared(value: Any, operator: str, literal: str) -> bool:
    if isinstance(value, bool):
        assert operator == "eq"
        return value == (literal == "true")
    if not isinstance(value, str) or not literal.startswith("'"):
        return False
    left, right = (units(each) for each in (value, literal[1:-1].replace("''", "'")))
    order = {"gt": left > right, "ge": left >= right, "lt": left < right, "le": left <= right}
    return order.get(operator, left == right)


def units(text: str) -> bytes:
    return text.encode("utf-16-be")  # fails on half a surrogate pair, as the service would


def row_of(resource: Resource) -> dict[str, Any]:
    change = Change("1", resource["meta"]["lastModified"], "create")
    values = rows.resource_values(USER, resource, change)
    return {**values, "RowKey": keys.resource(USER.name, resource["id"])}


def whole(id: str, created: str, modified: str, resource: Resource) -> Resource:
    at = timestamp(parse_datetime(modified))  # in UTC, as a change is written
    meta = {"resourceType": "User", "created": created, "lastModified": at}
    return {**resource, "id": id, "meta": meta}


# Attributes that have a column, and values for all of them: random trees over every attribute
# hardly ever push anything down that matches.
EXTRA = "urn:example:Extra"
NAMES = ("id", "userName", "title", "profileUrl", "active", "meta.created", "meta.lastModified")
PUSHED = [
    path
    for each in (*NAMES, f"{EXTRA}:since", f"{EXTRA}:cost.center")
    if (path := USER.path(each)) is not None
]
LEAVES = st.sampled_from(PUSHED).flatmap(comparisons)
PAIRS = st.builds(And, LEAVES, LEAVES) | st.builds(Or, LEAVES, LEAVES)
TREES = st.one_of(LEAVES, PAIRS, st.builds(Or, PAIRS, PAIRS), st.builds(And, PAIRS, PAIRS))

FULL = st.fixed_dictionaries(
    {
        **{each: st.sampled_from(TEXTS) for each in ("userName", "title", "profileUrl")},
        "active": st.booleans(),
        EXTRA: st.fixed_dictionaries(
            {"since": st.sampled_from(DATES), "cost.center": st.sampled_from(TEXTS)}
        ),
    }
)
WHOLE = st.builds(whole, st.sampled_from(IDS), st.sampled_from(DATES), st.sampled_from(DATES), FULL)
ODD = st.text(st.sampled_from("aAbz~ '\x00\t\n\x1f\x7f é\ud800\ufffd\ufffeß😀Ⅷ"), max_size=4)
TEXT = st.builds(str.__add__, st.sampled_from(("", "x" * (LONGEST - 2), "x" * LONGEST)), ODD)


@settings(max_examples=200)
@given(TREES, WHOLE)
def test_whatever_matches_is_accepted(filter: Filter, resource: Resource) -> None:
    odata = push_down(filter, USER)
    if odata and matches(filter, resource):
        assert accepts(odata, row_of(resource)), odata


@settings(max_examples=200)
@given(
    st.sampled_from(("userName", "profileUrl", "urn:example:Extra:cost.center")),
    st.sampled_from(("eq", "sw", "gt", "ge", "lt", "le", "co", "ew", "ne")),
    TEXT,
    TEXT,
)
@example("userName", "sw", "~", "~x")
@example("userName", "lt", "😀", "\ufffd")
@example("userName", "eq", "\x00", "\x01")
def test_any_text_is_compared_safely(name: str, op: str, literal: str, value: str) -> None:
    """Quotes, controls, half characters, what sorts differently in UTF-16, and what is cut."""
    path = USER.path(name)
    assert path is not None
    assert path.attribute is not None
    filter = Compare(path, op, literal)
    home: Resource = {path.attribute.name: value}
    resource = whole("a", *DATES[:2], {path.extension.id: home} if path.extension else home)
    row = row_of(resource)
    assert all(units(each) is not None for each in row.values() if isinstance(each, str))
    odata = push_down(filter, USER)
    if odata and matches(filter, resource):
        assert accepts(odata, row), odata


@settings(max_examples=30)
@given(FILTERS, RESOURCES)
def test_any_filter_is_accepted(filter: Filter, resource: Resource) -> None:
    """The same for whatever a filter can say, over every attribute."""
    odata, complete = push_down(filter, USER), whole("a", *DATES[:2], resource)
    if odata and matches(filter, complete):
        assert accepts(odata, row_of(complete)), odata


@settings(max_examples=50)
@given(st.lists(TREES, min_size=4, max_size=8), st.booleans())
def test_there_are_never_too_many_comparisons(filters: list[Filter], either: bool) -> None:
    """The service takes 15, of which the partition and both ends of the range are three."""
    filter = filters[0]
    for each in filters[1:]:
        filter = Or(filter, each) if either else And(filter, each)
    where = between("partition", "a", "b", push_down(filter, USER))
    assert len([each for each in TOKEN.finditer(where) if each[3]]) <= MOST


@pytest.mark.parametrize(("word", "pushed"), [("and", True), ("or", False)])
def test_of_too_many_comparisons_and_loses_some_and_or_all(word: str, pushed: bool) -> None:
    filter = parse_filter(f" {word} ".join(f'title eq "{each}"' for each in range(40)), USER)
    odata = push_down(filter, USER)
    assert bool(odata) is pushed
    where = between("partition", "a", "b", odata)
    assert len([each for each in TOKEN.finditer(where) if each[3]]) <= MOST


def test_what_is_never_returned_has_no_column() -> None:
    """Columns are for filters, and such a value can't be filtered."""
    resource = whole("a", *DATES[:2], {EXTRA: {"secret": "hidden", "cost.center": "shown"}})
    row = row_of(resource)
    assert [name for name, value in row.items() if "hidden" in str(value)] == ["j0"]
    assert "shown" in row.values()


@pytest.mark.parametrize(
    ("text", "odata"),
    [
        ('userName eq "O\'Hara"', "f_userName eq 'o''hara'"),
        ('userName sw "Ab"', "f_userName ge 'ab' and f_userName lt 'ac'"),
        ("active eq false", "b_active eq false"),
        ('userName eq "a" and emails.value co "b"', "f_userName eq 'a'"),
        ('userName eq "a" or emails.value co "b"', ""),
        ('not (userName eq "a")', ""),
        ('userName ne "a"', ""),
        ('userName gt "é"', ""),
        ("userName pr", ""),
        ('id eq "a"', "RowKey eq 'r:User:a'"),
        ("id eq \"a' or 'a\"", ""),
        (
            'meta.lastModified ge "2026-11-30T09:15:00.000+01:00"',
            "modified ge '2026-11-30T08:15:00'",
        ),
    ],
)
def test_what_is_pushed_down(text: str, odata: str) -> None:
    assert push_down(parse_filter(text, USER), USER) == odata


async def test_the_store_agrees(table: TableClient) -> None:
    """On Azurite, a scan with a filter yields whoever matches, for each operator and text."""
    repository = TablesRepository(Partition(table, "directory", Meter()))
    made = []
    for number, text in enumerate(TEXTS):
        values = {"userName": f"{number}", "title": text, "active": number % 2 == 0}
        document = whole(f"id-{number}", DATES[number % 3], DATES[number % 3], values)
        change = Change(f"{number}", document["meta"]["lastModified"], "create")
        made.append((await repository.create(USER, document, change)).resource)
    title = USER.known_path("title")
    filters: list[Filter] = [
        Compare(title, op, text) for text in TEXTS for op in ("eq", "sw", "ge", "lt")
    ]
    filters += [parse_filter(f'meta.created {op} "{DATES[1]}"', USER) for op in ("eq", "gt", "le")]
    filters += [Or(filters[0], parse_filter("active eq false", USER))]
    narrowed = 0
    for filter in filters:
        found = [each.id for each in await everybody(repository, USER, filter=filter)]
        assert {each["id"] for each in made if matches(filter, each)} <= set(found), str(filter)
        narrowed += len(found) < len(made)
    assert narrowed > len(filters) // 2
