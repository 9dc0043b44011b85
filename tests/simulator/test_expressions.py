"""Expressions, mostly with the samples of Microsoft's page about them."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scim.cli.simulator.expressions import parse
from scim.cli.simulator.functions import FUNCTIONS, CannotEvaluate
from scim.cli.simulator.roles import AppRole, Roles

SWITCH = 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'
PHONE = r'"\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})"'
NOON = datetime(2026, 7, 2, 15, 3, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "entry", "value"),
    [
        ("mail", {"mail": "a@x"}, "a@x"),
        ("[mail]", {"mail": "a@x"}, "a@x"),
        ("extension_53c9_acmeCostCenter", {"extension_53c9_acmeCostCenter": "7"}, "7"),
        ("mail", {}, None),
        ("mail", {"mail": ""}, None),
        ("accountEnabled", {"accountEnabled": False}, False),
        ("proxyAddresses", {"proxyAddresses": ["a", "b"]}, ("a", "b")),
        ('"Contoso"', {}, "Contoso"),
        (r'"Company: \"C\\D\""', {}, 'Company: "C\\D"'),
        (SWITCH, {"IsSoftDeleted": "False"}, "True"),
        (SWITCH, {"IsSoftDeleted": "True"}, "False"),
        (SWITCH, {}, None),
        ('Switch([flag], "Default", "true", "1", "", "0")', {}, "0"),
        ('Switch(IsPresent([title]), "None", "True", [title])', {"title": "Dr"}, "Dr"),
        ('Switch([state], "Sydney", "qld", "Brisbane")', {"state": "QLD"}, "Sydney"),
        ('Join(" ", [givenName], [surname])', {"givenName": "Ada", "surname": "L"}, "Ada L"),
        ('Join(" ", [givenName], [surname])', {"surname": "L"}, "L"),
        ('Join(", ", "", [surname], [givenName])', {"givenName": "J", "surname": "D"}, "D, J"),
        ('Join(";", [all], "c")', {"all": ["a", "b"]}, "a;b;c"),
        ('Join("", 1000, [a])', {"a": "7"}, "10007"),
        ("Coalesce([mail], [upn])", {"upn": "u"}, "u"),
        ('Coalesce([mail], "none")', {}, "none"),
        ('Append([upn], ".test")', {"upn": "john@contoso.com"}, "john@contoso.com.test"),
        ('Append([upn], ".test")', {}, None),
        ("Append(Mid([g], 1, 3), Mid([s], 1, 5))", {"g": "John", "s": "Doe"}, "JohDoe"),
        ("Mid([g], 3, 99)", {"g": "John"}, "hn"),
        ('Left("John Doe", 3)', {}, "Joh"),
        ('Left("John", -1)', {}, "John"),
        ('Word("The quick brown fox",3," ")', {}, "brown"),
        ('Word("This,string!has&many separators",3,",!&#")', {}, "has"),
        ('Word("one", 2, " ")', {}, ""),
        ('InStr("repEated","e",3,vbBinaryCompare)', {}, 7),
        ("ToLower([m])", {"m": "ÅSE@X"}, "åse@x"),
        ("ToUpper([m])", {"m": "æ"}, "Æ"),
        ('StripSpaces(" a b ")', {}, "ab"),
        ("NormalizeDiacritics([g])", {"g": "Zoë Ærø Łódź"}, "Zoe AEroe Lodz"),
        ('Split([e], ",")', {"e": "One, Two"}, ("One", "Two")),
        ("Item([p], 1)", {"p": ["x", "y"]}, "x"),
        ("Item([p], 3)", {"p": ["x", "y"]}, None),
        ("Count([p])", {"p": ["x", "y"]}, 2),
        ("RemoveDuplicates([p])", {"p": ["x", "y", "x"]}, ("x", "y")),
        ('IIF([country]="USA",[country],[dep])', {"country": "USA", "dep": "d"}, "USA"),
        ('IIF([country]="USA",[country],[dep])', {"dep": "d"}, "d"),
        ('IIF([n] > 5, "many", "few")', {"n": "10"}, "many"),
        ('IIF([a] <> [b], "yes", "no")', {"a": "1", "b": "2"}, "yes"),
        ("CBool([a] = [b])", {"a": "1", "b": "1"}, True),
        ('Not("True")', {}, False),
        ("Not([a])", {"a": "False"}, True),
        ("IsPresent([a])", {"a": ""}, False),
        ("IsNullOrEmpty([a])", {}, True),
        ("IsString([a])", {"a": "x"}, True),
        ("IsNull([a])", {"a": "x"}, False),
        ("Redact([a])", {"a": "x"}, "x"),
        ("IgnoreFlowIfNullOrEmpty([a])", {}, None),
        ("CStr([a])", {"a": True}, "True"),
        ("Now()", {}, "7/2/2026 3:03:08 PM"),
        ('FormatDateTime([d], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")',
         {"d": "20150123105347.1Z"}, "2015-01-23"),
        ('FormatDateTime([d], , "yyyy-MM-ddzzz", "dd MMM yyyy")',
         {"d": "2020-12-31-08:00"}, "31 Dec 2020"),
        ('FormatDateTime([d], , "M/d/yyyy hh:mm:ss tt", "yyyy-MM-ddTHH:mm:ss\'Z\'")',
         {"d": "1/2/2026 12:05:00 AM"}, "2026-01-02T00:05:00Z"),
        ('FormatDateTime([d], , "yyyy", "yy")', {}, None),
        ("CDate([d])", {"d": "2020-03-16-07:00"}, "3/16/2020 7:00:00 AM"),
        ('CDate("2021-06-30+08:00")', {}, "6/29/2021 4:00:00 PM"),
        ('CDate("2009-06-15T01:45:30-07:00")', {}, "6/15/2009 8:45:30 AM"),
        ('DateAdd("d", -10, CDate([d]))', {"d": "2012-03-16-07:00"}, "3/6/2012 7:00:00 AM"),
        ('DateAdd("ww", 2, CDate([d]))', {"d": "2012-03-16-07:00"}, "3/30/2012 7:00:00 AM"),
        ('DateAdd("m", 10, CDate([d]))', {"d": "2012-03-16-07:00"}, "1/16/2013 7:00:00 AM"),
        ('DateAdd("yyyy", 2, CDate([d]))', {"d": "2012-03-16-07:00"}, "3/16/2014 7:00:00 AM"),
        ('DateAdd("m", 1, CDate("2026-01-31"))', {}, "2/28/2026 12:00:00 AM"),
        # Replace, by its parameters
        ('Replace([t],"Product Developer", , , "Software Engineer", , )',
         {"t": "Product Developer"}, "Software Engineer"),
        ('Replace([mail], "@contoso.com", , ,"", ,)', {"mail": "john@contoso.com"}, "john"),
        ('Replace([u],"<username>", , , , , "<username>@contoso.com")',
         {"u": "jsmith"}, "jsmith@contoso.com"),
        (f'Replace([p], , {PHONE}, , "${{phoneNumber}}", , )',
         {"p": "+91 9998887777"}, "9998887777"),
        (r'Replace([m], , "[()\\s-]+", , "", , )', {"m": "+1 (999) 888-7777"}, "+19998887777"),
        (r'Replace([a], ,"(?<streetNumber>^\\d*)","streetNumber", "888", , )',
         {"a": "545 Tremont Street"}, "888 Tremont Street"),
        ('Replace([u], , "(?<Suffix>@(.)*)", "Suffix", "", , )', {"u": "jsmith@x.com"}, "jsmith"),
        (f'Replace([t], , {PHONE}, "phoneNumber" , , [mobile], )',
         {"mobile": "+91 8887779999"}, "8887779999"),
        (f'Replace([t], , {PHONE}, "phoneNumber" , , [mobile], )',
         {"t": "1", "mobile": "+91 8887779999"}, "1"),
    ],
)  # fmt: skip
def test_an_expression_is_evaluated(source: str, entry: dict[str, Any], value: Any) -> None:
    found = parse(source).evaluate(entry, NOON)
    assert found == value
    assert type(found) is type(value)


ROLES = [{"id": "06b0", "value": "Admin", "displayName": "Admin role"}, "User"]
ADMIN, USER = AppRole("Admin role", "Admin", "06b0"), AppRole("User", "User")


@pytest.mark.parametrize(
    ("source", "kind", "held"),
    [
        ("SingleAppRoleAssignment", "single", (ADMIN,)),
        ("AppRoleAssignmentsComplex", "complex", (ADMIN, USER)),
        ("AssertiveAppRoleAssignmentsComplex", "assertive", (ADMIN, USER)),
    ],
)
def test_roles_are_evaluated(source: str, kind: Any, held: tuple[AppRole, ...]) -> None:
    made = parse(f"{source}([appRoleAssignments])")
    assert made.evaluate({"appRoleAssignments": ROLES}) == Roles(kind, held)
    assert made.evaluate({"appRoleAssignments": []}) is None
    assert made.evaluate({}) is None
    nested = parse(f'Switch({source}([appRoleAssignments]), "none", "Admin", "A")')
    assert nested.evaluate({"appRoleAssignments": ROLES}) == "A"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("appRoleAssignments", "can't be mapped directly"),
        ("tolower([a])", "write ToLower"),
        ("Shout([a])", "no function is called Shout; known are Switch"),
        ("Guid()", "no function is called Guid"),
        ("Mid([a], 1)", "Mid takes 3 arguments, not 2"),
        ("ToLower([a], [b], [c])", "ToLower takes 1 to 2"),
        ('Switch([a], "x", "k")', "pairs"),
        ('Join(" ", a)', r"write \[a\]"),
        ("[a] & [b]", "goes on after its end"),
        ('Join(" ", [a]', "bracket is missing"),
        ('Join(" " [a])', "bracket is missing"),
        ('ToLower("never closed)', "missing"),
        ("", "missing"),
        ("ToLower()", "takes 1 to 2 arguments, not 0"),
    ],
)
def test_what_is_no_expression_is_refused_with_what_to_write(source: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(source)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('FormatDateTime([d], , "yyyy-MM-dd", "yyyy")', "FormatDateTime: the date does not have"),
        ('FormatDateTime([d], , "QQ-yyy", "yyyy")', "no part of a date is written yyy"),
        ("CDate([d])", "CDate: "),
        ('DateAdd("x", 1, CDate("2026-01-01"))', "no interval"),
        ("Mid([d], [d], 1)", "Mid: "),
        ('Replace([d], , "(", , "", , )', "not well-formed"),
        ('Replace([d], , , , "x", , )', "oldValue or a regexPattern"),
        ("SingleAppRoleAssignment([d])", "takes .appRoleAssignments"),
    ],
)
def test_a_value_that_a_function_can_not_take_is_said(source: str, problem: str) -> None:
    """Entra fails the object then, and no other."""
    with pytest.raises(CannotEvaluate, match=problem):
        parse(source).evaluate({"d": "nothing"})


def test_an_expression_knows_its_attributes() -> None:
    made = parse('IIF([a] = "x", Join("-", [b], "c"), [d])')
    assert made.attributes == {"a", "b", "d"}
    assert made.direct is None
    assert parse("[mail]").direct == parse("mail").direct == "mail"


def test_every_function_is_tried_here() -> None:
    """A table of functions without a sample each would be a guess."""
    text = Path(__file__).read_text("utf-8")
    assert [name for name in FUNCTIONS if not re.search(rf"\b{name}\b", text)] == []
