"""The mapping's document: what it may say, what is refused, scoping filters."""

import json
from typing import Any

import pytest

from scim.cli.mappings import mapping
from scim.cli.problem import Problem
from scim.cli.simulator.mapping import AttributeMapping, Line, Objects, read_mapping
from scim.cli.simulator.scoping import Clause
from scim.cli.simulator.targets import ENTERPRISE, Target
from scim.presets import PRESETS

NAME = {"source": "userPrincipalName", "target": "userName", "match": 1}


def users(*lines: Any, **more: Any) -> str:
    return json.dumps(
        {"objects": [{"source": "User", "target": "User", "attributes": [NAME, *lines], **more}]}
    )


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_s_mapping_is_read(name: str) -> None:
    made = mapping(name)
    assert read_mapping(made.model_dump_json(by_alias=True)) == made
    for objects in made.objects:
        assert objects.matching
        assert not set(objects.references) & set(objects.valued)


def test_a_mapping_says_more_than_a_preset_s_does() -> None:
    made = read_mapping(
        users(
            {"source": "jobTitle", "target": "title", "apply": "create", "default": "None"},
            {"source": "level", "target": "urn:x:2.0:User:level", "type": "integer"},
            {"source": "codes", "target": "urn:x:2.0:User:codes", "multi": True},
            {"source": "manager", "target": f"{ENTERPRISE}:manager"},
            {"source": "objectId", "target": "externalId", "match": 2},
        )
    )
    (objects,) = made.objects
    assert made.of("User") is objects
    assert made.of("Group") is None
    assert [each.target for each in objects.matching] == ["userName", "externalId"]
    assert [each.target for each in objects.references] == [f"{ENTERPRISE}:manager"]
    assert "title" in [each.target for each in objects.valued]
    assert "title" not in [each.target for each in objects.updated]


@pytest.mark.parametrize(
    ("target", "kind", "many"),
    [
        ("active", "boolean", False),
        ('roles[primary eq "True"].primary', "boolean", False),
        ("title", "string", False),
        ('emails[type eq "work"].value', "string", False),
        ("emails", "string", True),
        ("roles", "string", True),
        ("profileUrl", "reference", False),
        ('x509Certificates[type eq "a"].value', "binary", False),
        ("urn:x:2.0:User:flag", "string", False),
    ],
)
def test_a_target_has_the_type_that_the_rfc_gives_it(target: str, kind: str, many: bool) -> None:
    line = Line(source="a", target=target)
    assert (line.kind, line.many) == (kind, many)


def test_a_target_s_type_can_be_said() -> None:
    line = Line(source="a", target="urn:x:2.0:User:flag", type="boolean", multi=True)
    assert (line.kind, line.many) == ("boolean", True)


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        (users({"source": "Shout([a])", "target": "title"}), "attributes.1.source", "Shout"),
        (users({"source": "a", "target": "emails[type eq"}), "attributes.1.target", "no target"),
        (users({"source": "a", "target": "id"}), "attributes.1.target", "server's own"),
        (users({"source": "a", "target": "USERNAME"}), "attributes", "two lines have the target"),
        (users({"source": "a", "target": "title", "match": 3}), "attributes", "precedences"),
        (users({"source": "a"}), "attributes.1.target", "required"),
        (users(filters=[[{"attribute": "a", "operator": "LIKE"}]]), "filters.0.0", "LIKE"),
        (users(colour="red"), "colour", "not permitted"),
        ("{", "", "JSON"),
        ("[]", "", "object"),
    ],
)
def test_a_mapping_of_one_s_own_is_refused_with_the_place(
    text: str, place: str, problem: str
) -> None:
    with pytest.raises(Problem, match=problem) as raised:
        read_mapping(text)
    assert place in str(raised.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("userName", (None, "userName", None, "", None)),
        ("USERNAME", (None, "userName", None, "", None)),
        ("name.givenName", (None, "name", None, "", "givenName")),
        ('addresses[type eq "other"].Formatted',
         (None, "addresses", "type", "other", "formatted")),
        ('roles[primary EQ "True"].value', (None, "roles", "primary", "True", "value")),
        ("phoneNumbers[type eq fax].value", (None, "phoneNumbers", "type", "fax", "value")),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName",
         (None, "userName", None, "", None)),
        (f"{ENTERPRISE}:manager.displayName",
         (ENTERPRISE, "manager", None, "", "displayName")),
        (f"{ENTERPRISE.upper()}:DEPARTMENT", (ENTERPRISE, "department", None, "", None)),
        ("urn:ietf:params:scim:schemas:extension:acme.com:2.0:User:cost.center",
         ("urn:ietf:params:scim:schemas:extension:acme.com:2.0:User", "cost.center",
          None, "", None)),
    ],
)  # fmt: skip
def test_a_target_is_read(text: str, parts: tuple[Any, ...]) -> None:
    found = Target.parse(text)
    assert (found.urn, found.name, found.by, found.value, found.sub) == parts
    assert found.text == text


@pytest.mark.parametrize("text", ["", "a b", "emails[type].value", 'a[b eq "c"', "a..b", "a[b]c"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no target"):
        Target.parse(text)


# --- scoping ---

ADA = {"department": "Sales", "employeeId": "1000042", "guest": True, "level": "7"}


@pytest.mark.parametrize(
    ("attribute", "operator", "value", "admits"),
    [
        ("department", "EQUALS", "Sales", True),
        ("department", "EQUALS", "sales", False),
        ("department", "NOT EQUALS", "sales", True),
        ("missing", "NOT EQUALS", "sales", False),
        ("department", "includes", "al", True),
        ("department", "ENDS_WITH", "es", True),
        ("guest", "IS TRUE", "", True),
        ("guest", "IS FALSE", "", False),
        ("missing", "IS FALSE", "", False),
        ("missing", "IS NULL", "", True),
        ("department", "IS NULL", "", False),
        ("department", "IS NOT NULL", "", True),
        ("missing", "IS NOT NULL", "", False),
        ("employeeId", "REGEX MATCH", "1[0-9]{6}", True),
        ("employeeId", "REGEX MATCH", "1[0-9]{5}", False),
        ("employeeId", "NOT REGEX MATCH", "1[0-9]{5}", True),
        ("missing", "NOT REGEX MATCH", "x", False),
        ("level", "Greater_Than", "6", True),
        ("level", "GREATER_THAN", "7", False),
        ("level", "GREATER_THAN_OR_EQUALS", "7", True),
        ("department", "GREATER_THAN", "1", False),
    ],
)
def test_a_clause_admits(attribute: str, operator: str, value: str, admits: bool) -> None:
    """What is null or empty passes no clause but IS NULL."""
    clause = Clause(attribute=attribute, operator=operator, value=value)
    assert clause.admits(ADA) is admits


@pytest.mark.parametrize(
    ("operator", "value", "problem"),
    [("IsMemberOf", "", "IsMemberOf"), ("REGEX MATCH", "(", "well-formed"),
     ("GREATER_THAN", "many", "an integer")],
)  # fmt: skip
def test_a_clause_that_can_not_be_is_refused(operator: str, value: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Clause(attribute="a", operator=operator, value=value)


def test_clauses_of_a_filter_must_all_hold_and_one_filter_is_enough() -> None:
    sales = {"attribute": "department", "operator": "EQUALS", "value": "Sales"}
    far = {"attribute": "country", "operator": "EQUALS", "value": "DK"}
    vip = {"attribute": "vip", "operator": "IS TRUE"}
    objects = read_mapping(users(filters=[[sales, far], [vip]])).objects[0]
    assert not objects.scoped({"department": "Sales"})
    assert objects.scoped({"department": "Sales", "country": "DK"})
    assert objects.scoped({"vip": True})
    assert read_mapping(users()).objects[0].scoped({})


def test_what_mappings_were_is_what_they_are() -> None:
    """A document as it was before there were filters, defaults and types."""
    old = {"source": "User", "target": "User", "scope": "everybody", "attributes": [NAME]}
    made = AttributeMapping.model_validate_json(json.dumps({"objects": [old]}))
    assert isinstance(made.objects[0], Objects)
    assert made.adds == ()
