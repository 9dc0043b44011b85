"""An operator names attributes of a directory's own in a few words."""

import pytest

from scim.filters import parse_filter
from scim.own_attributes import with_attribute
from scim.planning import narrow
from scim.presets import preset
from scim.rules import Rules
from scim.schema import ResourceType

CUSTOM = "urn:ietf:params:scim:schemas:extension:custom:2.0:"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def named(rules: Rules, name: str) -> ResourceType:
    found = rules.catalog.named(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "urn", "datatype"),
    [
        ("badge:string", CUSTOM + "User", "string"),
        ("remote:boolean", CUSTOM + "User", "boolean"),
        ("rate:decimal", CUSTOM + "User", "decimal"),
        ("floor:integer", CUSTOM + "User", "integer"),
        ("joined:datetime", CUSTOM + "User", "dateTime"),
        ("card:reference", CUSTOM + "User", "reference"),
        ("seal:binary", CUSTOM + "User", "binary"),
        ("user.badge:String", CUSTOM + "User", "string"),
        ("Group.region:string", CUSTOM + "Group", "string"),
    ],
)
def test_an_attribute_lies_in_an_extension_of_its_type(text: str, urn: str, datatype: str) -> None:
    rules = with_attribute(preset("scalekit"), text)
    name = text.partition(":")[0].rpartition(".")[2]
    resource_type = named(rules, urn.rpartition(":")[2])
    path = resource_type.path(f"{urn}:{name}")
    assert path is not None
    assert path.leaf is not None
    assert path.leaf.type == datatype
    assert {"schema": urn, "required": False} in resource_type.document()["schemaExtensions"]
    served = next(each.document() for each in rules.catalog.schemas if each.id == urn)
    assert [each["name"] for each in served["attributes"]] == [name]
    found = [str(each) for each in resource_type.indexed if each.extension]
    assert (f"{urn}:{name}" in found) == (datatype not in ("boolean", "binary"))


def test_attributes_join_those_that_are_there() -> None:
    rules = preset("scalekit")
    for text in ("badge:string", "Group.region:string", "floor:integer"):
        rules = with_attribute(rules, text)
    user = named(rules, "User").extension(CUSTOM + "User")
    assert user is not None
    assert [each.name for each in user.attributes] == ["badge", "floor"]
    assert len(rules.schemas) == 2
    text = rules.model_dump_json(by_alias=True, exclude_none=True)
    assert Rules.model_validate_json(text) == rules


def test_a_name_that_another_extension_has_is_told_apart_by_its_urn() -> None:
    """The enterprise extension has a costCenter of its own."""
    user = named(with_attribute(preset("scalekit"), "costCenter:string"), "User")
    for urn in (ENTERPRISE, CUSTOM + "User"):
        assert str(user.path(f"{urn}:COSTCENTER")) == f"{urn}:costCenter"


def test_an_attribute_can_be_matched_on_without_a_scan() -> None:
    user = named(with_attribute(preset("scalekit"), "costCenter:string"), "User")
    lookup = narrow(parse_filter(f'{CUSTOM}User:costCenter eq "C-1"', user), user)
    assert lookup is not None
    assert len(lookup.keys) == 1


def test_a_preset_stays_as_it_is() -> None:
    before = preset("scalekit")
    with_attribute(before, "badge:string")
    assert before.schemas == ()
    assert before.catalog.schemas == preset("scalekit").catalog.schemas


TYPES = "the data types are string, boolean, decimal, integer, dateTime, reference, binary"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", TYPES),
        ("badge", TYPES),
        ("badge:", TYPES),
        ("badge:text", TYPES),
        ("badge:complex", "what is complex takes a file"),
        (":string", "a name is a letter"),
        ("User.:string", "a name is a letter"),
        ("7up:string", "a name is a letter"),
        ("a b:string", "a name is a letter"),
        ("$ref:string", "a name is a letter"),
        ("a:b:string", "a name is a letter"),
        ("x" * 129 + ":string", "a name is a letter"),
        ("é:string", "a name is a letter"),
        ("Room.seats:integer", "no resource type is called Room; there are User, Group"),
        ("a.b.c:string", "no resource type is called a.b; there are User, Group"),
        ("username:string", "a User has username already"),
        ("ID:string", "a User has ID already"),
        ("meta:string", "a User has meta already"),
        ("schemas:string", "a User has schemas already"),
        ("externalId:string", "a User has externalId already"),
        ("Group.members:string", "a Group has members already"),
        ("SHOE:string", "a User has SHOE already"),
    ],
)
def test_what_cannot_be_added_is_told_in_words(text: str, said: str) -> None:
    rules = with_attribute(preset("scalekit"), "shoe:integer")
    with pytest.raises(ValueError, match=f"^{text[:20]}".replace("$", r"\$")) as caught:
        with_attribute(rules, text)
    assert said in str(caught.value)
