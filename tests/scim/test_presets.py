"""The presets are what the products' guides ask for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.directory import Directory
from scim.document import missing
from scim.own_attributes import with_attribute
from scim.presets import PRESETS, preset
from scim.rules import Rules
from scim.schema import ResourceType

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
EVERYWHERE = {"schemas", "id", "meta"}


def types(name: str) -> dict[str, ResourceType]:
    return {each.name: each for each in preset(name).catalog.resource_types}


def leaves(resource_type: ResourceType) -> set[str]:
    """Every path that holds a value, except those that every resource has and `$ref`s."""
    found = {
        str(path)
        for path in resource_type.paths()
        if path.leaf is not None and path.leaf.type != "complex"
    }
    return {each for each in found if each.partition(".")[0] not in EVERYWHERE and "$" not in each}


def test_there_are_nine() -> None:
    assert set(PRESETS) == {
        *("default", "rfc", "bytebase", "bytebase-mail", "configcat", "scalekit", "bitabiz"),
        *("andmoney-advisors", "andmoney-rooms"),
    }


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_what_it_is(name: str) -> None:
    rules = preset(name)
    assert rules.description.endswith(".")
    assert rules.unknown is not None, "what becomes of unknown attributes is written, not implied"


def test_a_preset_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="no preset is called okta; there are andmoney-advisors, "):
        preset("okta")


@given(
    st.sampled_from(sorted(PRESETS)),
    st.lists(
        st.tuples(
            st.from_regex(r"own[A-Za-z0-9_-]{1,8}", fullmatch=True),
            st.sampled_from(["string", "boolean", "integer", "reference", "binary"]),
        ),
        max_size=3,
        unique_by=lambda each: each[0].lower(),
    ),
)
def test_rules_survive_their_record(name: str, own: list[tuple[str, str]]) -> None:
    """As the store writes them, without nulls; a record of a preset equals what is read back."""
    rules = preset(name)
    for each, datatype in own:
        rules = with_attribute(rules, f"{each}:{datatype}")
    text = rules.model_dump_json(by_alias=True, exclude_none=True)
    assert Rules.model_validate_json(text) == rules
    directory = Directory(id="0123456789abcdef", name="contoso", preset=name).having(rules)
    again = Directory.model_validate_json(
        directory.model_dump_json(by_alias=True, exclude_none=True)
    )
    assert again == directory
    assert again.rules == rules


def test_default_and_rfc_differ_in_tolerance_alone() -> None:
    default, rfc = preset("default"), preset("rfc")
    assert (default.dialect, default.unknown) == ("entra", "ignore")
    assert (rfc.dialect, rfc.unknown) == ("rfc", "reject")
    same: dict[str, Any] = {"dialect": "", "unknown": None, "description": ""}
    assert default.model_copy(update=same).model_dump() == rfc.model_copy(update=same).model_dump()


@pytest.mark.parametrize("name", ["bytebase", "bytebase-mail"])
def test_bytebase_matches_groups_on_a_unique_external_id(name: str) -> None:
    group = types(name)["Group"]
    assert [str(each) for each in group.unique] == ["externalId"]
    assert "displayName" in [str(each) for each in group.indexed]
    email = group.schema.attribute("email")
    assert email is not None
    assert (email.type, email.multi_valued) == ("string", False)
    assert types(name)["User"].definition == types("default")["User"].definition


def test_bytebase_takes_over_groups_that_are_known_by_their_mail() -> None:
    pairs = types("bytebase")["Group"].adopts
    assert [tuple(map(str, each)) for each in pairs] == [("externalId", "email")]
    assert types("bytebase-mail")["Group"].adopts == ()


def test_configcat_has_its_few_attributes_and_nothing_else() -> None:
    found = types("configcat")
    assert leaves(found["User"]) == {"externalId", "userName", "displayName", "active"}
    assert leaves(found["Group"]) == {
        *("externalId", "displayName"),
        *("members.value", "members.type", "members.display"),
    }
    assert found["User"].extensions == ()
    assert len(preset("configcat").catalog.schemas) == 2


def test_scalekit_matches_on_enterprise_attributes() -> None:
    indexed = [str(each) for each in types("scalekit")["User"].indexed]
    assert f"{ENTERPRISE}:employeeNumber" in indexed
    assert f"{ENTERPRISE}:department" in indexed


def test_bitabiz_requires_four_and_deletes_nobody() -> None:
    user = types("bitabiz")["User"]
    assert set(missing({}, user)) == {
        *("userName", "emails.value", "name.givenName", "name.familyName")
    }
    assert preset("bitabiz").deletion.policy == "deactivate"
    assert user.active is not None


def test_andmoney_has_people_with_names_and_rooms_without() -> None:
    advisors, rooms = types("andmoney-advisors"), types("andmoney-rooms")
    assert list(advisors) == list(rooms) == ["User"]
    name = {"name.givenName", "name.familyName"}
    assert leaves(advisors["User"]) - leaves(rooms["User"]) == name
    assert leaves(rooms["User"]) == {
        *("externalId", "userName", "displayName", "active"),
        *("addresses.type", "addresses.formatted"),
    }
