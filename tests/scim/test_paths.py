"""PATCH paths (RFC 7644 §3.5.2, Figure 7): which are read, which unknown, which malformed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim.errors import InvalidFilter, InvalidPath
from scim.filters import LONGEST, UnknownAttribute, parse_path
from tests.filter_trees import FILTERS, USER

ENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("userName", "userName"),
        ("NAME.FamilyName", "name.familyName"),
        (f"{CORE}:name.familyName", "name.familyName"),
        ("emails", "emails"),
        ("emails.value", "emails.value"),
        ('addresses[type eq "work"]', 'addresses[type eq "work"]'),
        ('emails[type EQ "work" and value co "x"].Value', None),
        ('emails[not (type eq "work")].value', None),
        (f"{ENT}:department", f"{ENT}:department"),
        (f"{ENT}:manager.value", f"{ENT}:manager.value"),
        (f'{ENT}:manager[value eq "1"]', f'{ENT}:manager[value eq "1"]'),
        (ENT.upper(), ENT),
        ("urn:example:Extra:cost.center", "urn:example:Extra:cost.center"),
        ('urn:example:Extra:tags[value eq "x"]', 'urn:example:Extra:tags[value eq "x"]'),
        ('emails[value eq "]"].type', 'emails[value eq "]"].type'),
        (" title ", "title"),
    ],
)
def test_a_path_is_read(text: str, canonical: str | None) -> None:
    wanted = canonical or text.replace("EQ", "eq").replace("Value", "value")
    for tolerant in (False, True):
        target = parse_path(text, USER, tolerant=tolerant)
        assert str(target) == wanted
        assert parse_path(str(target), USER) == target


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("manager", f"{ENT}:manager"),
        ("department", f"{ENT}:department"),
        ('roles[primary EQ "True"].type', "roles[primary eq true].type"),
        ("emails[type eq work].value", 'emails[type eq "work"].value'),
    ],
)
def test_a_tolerant_path(text: str, canonical: str) -> None:
    assert str(parse_path(text, USER, tolerant=True)) == canonical
    with pytest.raises((InvalidPath, InvalidFilter)):
        parse_path(text, USER)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "nonsense.sub",
        "emails.nonsense",
        'emails[type eq "work"].nonsense',
        'nonsense[type eq "work" and level gt 1].value',
        f"{ENT}:nonsense",
        "urn:nobody:2.0:User:tag",
        "userName.value",
    ],
)
def test_an_unknown_path_is_told_from_a_malformed_one(text: str) -> None:
    with pytest.raises(UnknownAttribute) as caught:
        parse_path(text, USER)
    assert "no attribute" in caught.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "[",
        "]",
        ".",
        "emails[",
        "emails]",
        'emails[type eq "work"',
        'emails[type eq "work"]]',
        'emails[type eq "work"]value',
        'emails[type eq "work"].',
        'emails[type eq "work"].value.more',
        'emails[type eq "work"].value eq "x"',
        'emails [type eq "work"]',
        'emails.value[type eq "work"]',
        'userName[value eq "x"]',
        f'{ENT}[value eq "x"]',
        "nonsense[",
        "user name",
        "userName,title",
        '"userName"',
        "(userName)",
        "name..familyName",
        ".name",
        "name.",
        "1abc",
        "user\x00Name",
        "user\ud800Name",
        "a" * (LONGEST + 1),
        "/emails/0",
    ],
)
def test_a_malformed_path_is_refused(text: str) -> None:
    for tolerant in (False, True):
        with pytest.raises(InvalidPath) as caught:
            parse_path(text, USER, tolerant=tolerant)
        assert not isinstance(caught.value, UnknownAttribute)


@pytest.mark.parametrize(
    "text",
    [
        "emails[]",
        'emails[nonsense eq "x"].value',
        "emails[primary gt true]",
        'emails[type like "work"]',
        'emails[type eq "work" and].value',
        'nonsense[type like "work"]',
    ],
)
def test_a_wrong_filter_in_a_path_is_an_invalid_filter(text: str) -> None:
    """'invalidFilter … PATCH (Path Filter - Section 3.5.2)' (RFC 7644 §3.12, Table 9)."""
    with pytest.raises(InvalidFilter):
        parse_path(text, USER, tolerant=True)


NOISE = st.sampled_from(['"', "\\", "(", ")", "[", "]", ".", " ", ":", "", "emails", "\ud800", "é"])


@given(FILTERS.map(str), st.floats(0, 1), NOISE, st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(
    filter: str,
    place: float,
    noise: str,
    kind: bool,
) -> None:
    whole = f"emails[{filter}].value"
    at = int(place * len(whole))
    for text in (filter, whole, whole[:at] + noise + whole[at + 1 :], noise + whole[at:]):
        try:
            target = parse_path(text, USER, tolerant=kind)
        except (InvalidPath, InvalidFilter):
            continue
        assert parse_path(str(target), USER) == target
