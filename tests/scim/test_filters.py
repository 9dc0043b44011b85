"""The grammar of filters (RFC 7644 §3.4.2.2): what is read, how, and what is refused."""

from collections.abc import Callable

import pytest

from scim.errors import InvalidFilter
from scim.filters import And, Compare, ValuePath, parse_filter
from tests.filter_trees import PLAIN, USER

ENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"


def strict(text: str) -> str:
    return str(parse_filter(text, USER))


def tolerant(text: str) -> str:
    return str(parse_filter(text, USER, tolerant=True))


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("id pr or title pr and nickName pr", "id pr or (title pr and nickName pr)"),
        ("id pr and title pr or nickName pr", "(id pr and title pr) or nickName pr"),
        ("not (id pr) and title pr", "not (id pr) and title pr"),
        ("not (id pr or title pr) or locale pr", "not (id pr or title pr) or locale pr"),
        ("(id pr or title pr) and locale pr", "(id pr or title pr) and locale pr"),
        ("id pr and not (title pr) or locale pr", "(id pr and not (title pr)) or locale pr"),
        ("NOT(id pr)AND(title pr)", "not (id pr) and title pr"),
        ("((id pr))", "id pr"),
    ],
)
def test_not_binds_tighter_than_and_and_tighter_than_or(text: str, grouped: str) -> None:
    assert strict(text) == grouped
    assert tolerant(text) == grouped


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('userName eq "bjensen"', 'userName eq "bjensen"'),
        ('name.familyName co "O\'Malley"', 'name.familyName co "O\'Malley"'),
        (f'{CORE}:userName sw "J"', 'userName sw "J"'),
        ("title pr", "title pr"),
        ('meta.lastModified gt "2011-05-13T04:42:34Z"', None),
        ('meta.lastModified ge "2011-05-13T04:42:34Z"', None),
        ('meta.lastModified lt "2011-05-13T04:42:34Z"', None),
        ('meta.lastModified le "2011-05-13T04:42:34Z"', None),
        ('title pr and userType eq "Employee"', None),
        ('title pr or userType eq "Intern"', None),
        ('schemas eq "urn:x"', None),
        (
            'title pr and (emails co "example.com" or emails.value co "example.org")',
            'title pr and (emails.value co "example.com" or emails.value co "example.org")',
        ),
        (
            'userType ne "Employee" and not (emails co "example.com" or emails.value co "x")',
            'userType ne "Employee" and not (emails.value co "example.com" or emails.value co "x")',
        ),
        ('userType eq "Employee" and (emails.type eq "work")', None),
        ('userType eq "Employee" and emails[type eq "work" and value co "@example.com"]', None),
        ('emails[type eq "work" and value co "@a"] or ims[type eq "xmpp" and value co "@b"]', None),
    ],
)
def test_the_examples_of_the_rfc_are_read(text: str, canonical: str | None) -> None:
    """RFC 7644 §3.4.2.2, Figure 2 (some names shortened)."""
    canonical = canonical or text.replace('(emails.type eq "work")', 'emails.type eq "work"')
    assert strict(text) == canonical
    assert tolerant(text) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('USERNAME Eq "A"', 'userName eq "A"'),
        ('Emails[TYPE EQ "work" AND Value CO "x"]', 'emails[type eq "work" and value co "x"]'),
        (f'{ENT.upper()}:EMPLOYEENUMBER eq "1"', f'{ENT}:employeeNumber eq "1"'),
        (f'{ENT}:manager eq "x"', f'{ENT}:manager.value eq "x"'),
        (f'{ENT}:manager[value eq "x"]', f'{ENT}:manager[value eq "x"]'),
        ('urn:example:Extra:cost.center eq "1"', 'urn:example:Extra:cost.center eq "1"'),
        ('urn:example:Extra:tags[value sw "x"]', 'urn:example:Extra:tags[value sw "x"]'),
        ("urn:example:Extra:level gt -1", "urn:example:Extra:level gt -1"),
        ("urn:example:Extra:ratio le 1.50e-2", "urn:example:Extra:ratio le 0.0150"),
        ("emails.primary eq true and active ne false", None),
        ("name eq null or title ne null", None),
        (r'title eq "A \"B\" \\ \/ \u00e4 \ud83d\ude00"', r'title eq "A \"B\" \\ / ä 😀"'),
        ('  title  eq\t"x"  ', 'title eq "x"'),
        ('title eq "EDU All personal"', None),
        ('title eq "and (or) [not] eq"', None),
    ],
)
def test_names_operators_and_literals(text: str, canonical: str | None) -> None:
    assert strict(text) == (canonical or text)
    assert tolerant(text) == (canonical or text)


TOLERATED = [
    ('emails[type eq "work"].value eq "x"', 'emails[type eq "work" and value eq "x"]', "value eq"),
    ('emails[type eq "work"].value pr', 'emails[type eq "work" and value pr]', "inside"),
    ("externalId eq jyoung", 'externalId eq "jyoung"', "double quotes"),
    ("externalId eq 1001", 'externalId eq "1001"', "double quotes"),
    ("(externalId eq true)", 'externalId eq "true"', "double quotes"),
    ("emails[type eq work]", 'emails[type eq "work"]', "double quotes"),
    ('active eq "True"', "active eq true", "without quotes"),
    ("active eq False", "active eq false", "lower case"),
    ('roles[primary EQ "True"]', "roles[primary eq true]", "true or false"),
    ('urn:example:Extra:level eq "7"', "urn:example:Extra:level eq 7", "without quotes"),
    ('manager eq "1"', f'{ENT}:manager.value eq "1"', f"write {ENT}:manager"),
    (f'id eq "1" and manager eq {ENT}', f'id eq "1" and {ENT}:manager.value eq "{ENT}"', ENT),
    ("id eq a-1 and manager.value eq b-2", f'id eq "a-1" and {ENT}:manager.value eq "b-2"', "id"),
    ("not title pr and id pr", "not (title pr) and id pr", "parentheses"),
    # Microsoft's library escapes nothing.
    ('displayName eq "A "B""', r'displayName eq "A \"B\""', "end here"),
    (r'displayName eq "DOMAIN\group"', r'displayName eq "DOMAIN\\group"', r"\\"),
    (r'displayName eq "ends in \"', r'displayName eq "ends in \\"', r"\\"),
    ('displayName eq "Do "this" and "that""', r'displayName eq "Do \"this\" and \"that\""', "and"),
    (
        'emails[type eq "work"].value eq "a"b"',
        r'emails[type eq "work" and value eq "a\"b"]',
        "inside",
    ),
]


@pytest.mark.parametrize(("text", "meant", "advice"), TOLERATED)
def test_what_clients_send_is_tolerated_or_told_how_to_write(
    text: str, meant: str, advice: str
) -> None:
    assert tolerant(text) == meant
    with pytest.raises(InvalidFilter) as caught:
        strict(text)
    assert advice in caught.value.detail


def test_a_backslash_before_n_is_a_line_break_or_none_where_nobody_may_have_escaped() -> None:
    """Microsoft's library escapes nothing, others do: whoever has either of both is found."""
    both = r'displayName eq "DOMAIN\\new" or displayName eq "DOMAIN\u000aew"'
    assert tolerant(r'displayName eq "DOMAIN\new"') == both
    assert tolerant(r'displayName eq "DOMAIN\\new"') == r'displayName eq "DOMAIN\\new"'
    assert tolerant(r'displayName eq "A "B\new""') == r'displayName eq "A \"B\\new\""'
    assert tolerant(r'displayName eq "\ud800\n"') == r'displayName eq "\\ud800\\n"'
    assert strict(r'displayName eq "DOMAIN\new"') == r'displayName eq "DOMAIN\u000aew"'


@pytest.mark.parametrize(
    "text",
    [
        'id eq "1" and unknown eq "2"',
        'id eq "1" or (unknown eq "2")',
        'id eq "1" and not (title eq "2") and unknown eq "2"',
        r'id eq "1" and title eq "\g"',
    ],
)
def test_unescaped_text_never_swallows_another_comparison(text: str) -> None:
    with pytest.raises(InvalidFilter):
        tolerant(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["name of an attribute"]),
        ("   ", ["name of an attribute"]),
        ("userName", ["userName", "eq", "position 9"]),
        ("userName eq", ["value is missing"]),
        ('userName = "x"', ["userName", "eq, ne, co"]),
        ('userName eq "x" and', ["name of an attribute", "position 20"]),
        ('userName eq "x" title pr', ["end here"]),
        ('(userName eq "x"', ["closing parenthesis"]),
        ('userName eq "x")', ["end here"]),
        ('emails[type eq "work"', ["bracket"]),
        ("emails[]", ["name of an attribute"]),
        ('emails[type[value eq "x"]]', ["Brackets", "inside"]),
        ('userName[value eq "x"]', ["complex or multi-valued"]),
        ('emails.value[value eq "x"]', ["complex or multi-valued"]),
        ('nonsense eq "x"', ["User", "nonsense"]),
        ('emails.nonsense eq "x"', ["emails.nonsense"]),
        ('emails[nonsense eq "x"]', ["emails", "nonsense"]),
        (f'{ENT}:nonsense eq "x"', ["nonsense"]),
        (f"{ENT} pr", [":attribute"]),
        ('name eq "x"', ["name", "givenName"]),
        ("active gt true", ["gt", "active", "boolean"]),
        ("active co true", ["co", "active", "boolean"]),
        ('urn:example:Extra:key lt "x"', ["lt", "binary"]),
        ('x509Certificates sw "x"', ["sw", "binary"]),
        ("urn:example:Extra:level co 1", ["co", "integer"]),
        ("title gt null", ["gt", "null"]),
        ("active eq yes", ["active", "true or false"]),
        ("urn:example:Extra:level eq seven", ["number"]),
        ("urn:example:Extra:level eq NaN", ["number"]),
        ("urn:example:Extra:level eq 1e999999999", ["number"]),
        (f"urn:example:Extra:level eq 1{'0' * 5000}", ["number"]),
        ('meta.created gt "yesterday"', ["meta.created", "2026-11-30T08:15:00Z"]),
        (r'title eq "\ud800"', ["surrogate"]),
        ('title eq "\ud800"', ["surrogate"]),
        ('urn:example:Extra:secret sw "a"', ["never returned"]),
    ],
)
def test_what_is_wrong_is_said(text: str, words: list[str]) -> None:
    for read in (strict, tolerant):
        with pytest.raises(InvalidFilter) as caught:
            read(text)
        assert all(word in caught.value.detail for word in words), caught.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "active eq ada@example.test",
        'meta.created gt "ada@example.test"',
        "ada@example.test eq 1",
        'userName eq "ada@example.test" ada@example.test',
        'emails[ada@example.test eq "x"]',
        'emails[type eq "x"].ada@example.test eq "y"',
        "urn:example:Extra:level eq ada@example.test",
        r'id eq "x" and userName eq "ada@example.test\q"',
    ],
)
def test_no_message_repeats_a_value(text: str) -> None:
    for read in (strict, tolerant):
        assert "ada" not in _complaint(read, text)


def _complaint(read: Callable[[str], str], text: str) -> str:
    try:
        read(text)
    except InvalidFilter as error:
        return error.detail
    return ""


def test_a_filter_over_several_types_takes_unknown_attributes_for_absent() -> None:
    """An attribute that a type does not have is one without a value (RFC 7644 §3.4.2.1)."""
    group = PLAIN.named("Group")
    assert group is not None
    for text in ('userName eq "x" or displayName pr', "emails[primary eq true]", "userName gt 1"):
        parse_filter(text, group, unknown_is_absent=True)
        with pytest.raises(InvalidFilter):
            parse_filter(text, group)


def test_a_value_path_and_what_stands_behind_it_ask_of_the_same_element() -> None:
    tree = parse_filter('emails[type eq "work"].value eq "x"', USER, tolerant=True)
    assert isinstance(tree, ValuePath)
    assert isinstance(tree.filter, And)
    assert [type(each) for each in (tree.filter.left, tree.filter.right)] == [Compare, Compare]
