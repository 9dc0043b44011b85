"""What is sent, to the letter: `../idp/entra/` has the same bodies recorded."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from scim.cli.simulator.compose import (
    FOREIGN,
    additions,
    body,
    manager_forms,
    operations,
    patch,
    reference,
    removals,
)
from scim.cli.simulator.dialects import DEFAULT, DIALECTS, FLAGGED, STRICT
from scim.cli.simulator.functions import CannotEvaluate
from scim.cli.simulator.roles import AppRole, Roles
from scim.cli.simulator.targets import ENTERPRISE
from scim.cli.simulator.values import Context, Values, evaluate, matching, references
from tests.simulator.making import ADA, CUSTOM, EVERYTHING, objects, users

CREATING = Context(creating=True)
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
MAIL = 'emails[type eq "work"].value'
ROLE = "WindowsAzureActiveDirectoryRole"


def written(document: Any) -> str:
    """JSON as it is sent, so that the order of keys is compared, too."""
    return json.dumps(document, indent=1)


# --- evaluation ---


def test_values_have_the_type_that_is_due_and_null_is_left_out() -> None:
    values = evaluate(objects(), ADA)
    assert values["active"] is True
    assert values["name.formatted"] == "Ada Byron"
    assert "title" not in values
    assert f"{ENTERPRISE}:manager" not in values
    assert list(values)[:3] == ["userName", "active", "displayName"]


def test_what_is_soft_deleted_for_a_job_is_said_to_the_mapping() -> None:
    assert evaluate(objects(), ADA, Context(soft_deleted=True))["active"] is False
    assert evaluate(objects(), ADA | {"IsSoftDeleted": "True"})["active"] is False
    gone = Context(soft_deleted=False)
    assert evaluate(objects(), ADA | {"IsSoftDeleted": "True"}, gone)["active"] is True


def test_lines_for_creation_and_defaults_count_only_then() -> None:
    made = users(
        {"source": "jobTitle", "target": "title", "default": "Unknown"},
        {"source": '"1.0"', "target": "nickName", "apply": "create"},
    )
    assert evaluate(made, ADA, CREATING) == {
        "userName": "ada@example.test", "title": "Unknown", "nickName": "1.0"
    }  # fmt: skip
    assert evaluate(made, ADA) == {"userName": "ada@example.test"}


def test_values_are_typed_by_what_a_line_says() -> None:
    made = users(
        {"source": "level", "target": f"{CUSTOM}:level", "type": "integer"},
        {"source": "flag", "target": f"{CUSTOM}:flag", "type": "boolean"},
        {"source": "codes", "target": f"{CUSTOM}:codes", "multi": True},
        {"source": "accountEnabled", "target": "nickName"},
        {"source": "proxies", "target": 'emails[type eq "other"].value'},
    )
    more = {"level": "7", "flag": "true", "codes": "1", "proxies": ["SMTP:a@x", "smtp:b@x"]}
    assert evaluate(made, ADA | more) == {
        "userName": "ada@example.test", f"{CUSTOM}:level": 7, f"{CUSTOM}:flag": True,
        f"{CUSTOM}:codes": ("1",), "nickName": "True", 'emails[type eq "other"].value': "SMTP:a@x",
    }  # fmt: skip
    for wrong in ({"level": "high"}, {"flag": "yes"}):
        with pytest.raises(CannotEvaluate, match="is due"):
            evaluate(made, ADA | wrong)


def test_a_time_can_be_handed_in() -> None:
    made = users({"source": "Now()", "target": "nickName"})
    noon = Context(now=datetime(2026, 1, 2, 12, tzinfo=UTC))
    assert evaluate(made, ADA, noon)["nickName"] == "1/2/2026 12:00:00 PM"


def test_matching_goes_by_precedence_and_leaves_null_out() -> None:
    made = users(
        {"source": "employeeId", "target": f"{ENTERPRISE}:employeeNumber", "match": 3},
        {"source": "mail", "target": MAIL, "match": 2},
    )
    assert matching(made, ADA) == [("userName", "ada@example.test"), (MAIL, "ada@example.test")]


def test_references_are_objectids_by_target() -> None:
    assert references(objects(), ADA) == {f"{ENTERPRISE}:manager": ()}
    assert references(objects(), ADA | {"manager": "1"}) == {f"{ENTERPRISE}:manager": ("1",)}
    assert references(objects("Group"), {"members": ["1", "2"]}) == {"members": ("1", "2")}


# --- POST ---


def test_a_minimal_user_is_as_documented() -> None:
    made = users(
        {"source": "objectId", "target": "externalId"},
        {"source": "Not([IsSoftDeleted])", "target": "active"},
        {"source": "mail", "target": MAIL},
        {"source": "givenName", "target": "name.givenName"},
        {"source": "surname", "target": "name.familyName"},
        {"source": "displayName", "target": "name.formatted"},
    )
    assert written(body(made, evaluate(made, ADA, CREATING))) == written(
        {
            "schemas": [USER, ENTERPRISE],
            "externalId": ADA["objectId"],
            "userName": "ada@example.test",
            "active": True,
            "emails": [{"primary": True, "type": "work", "value": "ada@example.test"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Ada Byron", "familyName": "Byron", "givenName": "Ada"},
            "roles": [],
        }
    )


def test_the_whole_default_mapping_is_as_documented() -> None:
    """Keys by the alphabet after what identifies, as in 'Create User' and 'Example 2'."""
    values = evaluate(objects(), ADA | EVERYTHING | {"manager": "1"}, CREATING)
    assert written(body(objects(), values)) == written(
        {
            "schemas": [USER, ENTERPRISE],
            "externalId": "ada",
            "userName": "ada@example.test",
            "active": True,
            "addresses": [
                {
                    "primary": True, "type": "work", "formatted": "Room 1",
                    "streetAddress": "1 Main St", "locality": "London", "region": "LDN",
                    "postalCode": "N1 1AA", "country": "GB",
                }
            ],
            "displayName": "Ada Byron",
            "emails": [{"primary": True, "type": "work", "value": "ada@example.test"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Ada Byron", "familyName": "Byron", "givenName": "Ada"},
            "phoneNumbers": [
                {"primary": True, "type": "work", "value": "5550001"},
                {"type": "mobile", "value": "5550002"},
                {"type": "fax", "value": "5550003"},
            ],
            "preferredLanguage": "en-GB",
            "roles": [],
            "title": "Analyst",
            ENTERPRISE: {"employeeNumber": "1001", "department": "Engines"},
        }
    )  # fmt: skip


def test_what_is_primary_can_be_chosen() -> None:
    made = body(objects(), evaluate(objects(), ADA | EVERYTHING), marked=("emails",))
    assert made["phoneNumbers"][0] == {"type": "work", "value": "5550001"}
    assert made["emails"][0]["primary"] is True


def test_a_custom_extension_is_not_in_schemas_except_for_a_strict_client() -> None:
    made = users({"source": "employeeId", "target": f"{CUSTOM}:CustomAttribute"})
    values = evaluate(made, ADA | {"employeeId": "701984"})
    sent = body(made, values)
    assert sent["schemas"] == [USER, ENTERPRISE]
    assert sent[CUSTOM] == {"CustomAttribute": "701984"}
    assert body(made, values, STRICT)["schemas"] == [USER, CUSTOM]


def test_a_group_is_created_empty_with_a_schema_that_nobody_knows() -> None:
    entry = {"displayName": "Sales", "objectId": "o", "members": ["1"]}
    values = evaluate(objects("Group"), entry, CREATING)
    assert written(body(objects("Group"), values)) == written(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", FOREIGN],
            "externalId": "o",
            "displayName": "Sales",
            "meta": {"resourceType": "Group"},
        }
    )


ADMIN, PLAIN = AppRole("Admin", "Admin", "06b0"), AppRole("User", "User", "06b1")
HELD = {"appRoleAssignments": [ADMIN, PLAIN]}
SINGLE = "SingleAppRoleAssignment([appRoleAssignments])"
COMPLEX = "AppRoleAssignmentsComplex([appRoleAssignments])"
ASSERTIVE = "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])"


@pytest.mark.parametrize(
    ("source", "target", "roles"),
    [
        (SINGLE, 'roles[primary eq "True"].value',
         [{"primary": True, "type": ROLE, "value": "Admin"}]),
        (SINGLE, 'roles[primary eq "True"].display',
         [{"primary": True, "type": ROLE, "display": "Admin"}]),
        (SINGLE, 'roles[primary eq "True"].type', [{"primary": True, "type": ROLE}]),
        (SINGLE, "roles", [{"primary": True, "type": ROLE, "value": "Admin"}]),
        (COMPLEX, "roles",
         [{"primary": False, "type": ROLE, "displayName": "Admin", "value": "Admin"},
          {"primary": False, "type": ROLE, "displayName": "User", "value": "User"}]),
        (ASSERTIVE, "roles",
         [{"primary": False, "type": ROLE, "display": "Admin", "value": "Admin"},
          {"primary": False, "type": ROLE, "display": "User", "value": "User"}]),
    ],
)  # fmt: skip
def test_roles_of_a_post_are_as_documented(source: str, target: str, roles: Any) -> None:
    made = users({"source": source, "target": target})
    assert written(body(made, evaluate(made, ADA | HELD))["roles"]) == written(roles)


# --- PATCH ---

BEFORE: Values = {"displayName": "Ada", "active": True, MAIL: "b@x", f"{ENTERPRISE}:division": "x"}
AFTER: Values = {
    "displayName": "Ada L.", "active": False, "title": "Dr", MAIL: "a@x",
    f"{ENTERPRISE}:department": "R&D", f"{ENTERPRISE}:division": "y",
}  # fmt: skip


def test_without_the_flag_each_attribute_has_a_capitalised_operation_with_text() -> None:
    assert written(operations(BEFORE, AFTER)) == written(
        [
            {"op": "Replace", "path": "displayName", "value": "Ada L."},
            {"op": "Replace", "path": "active", "value": "False"},
            {"op": "Add", "path": "title", "value": "Dr"},
            {"op": "Replace", "path": MAIL, "value": "a@x"},
            {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "R&D"},
            {"op": "Replace", "path": f"{ENTERPRISE}:division", "value": "y"},
        ]
    )


def test_with_the_flag_filter_paths_come_first_and_the_rest_is_gathered() -> None:
    assert written(operations(BEFORE, AFTER, FLAGGED)) == written(
        [
            {"op": "replace", "path": MAIL, "value": "a@x"},
            {"op": "add", "value": {"title": "Dr", f"{ENTERPRISE}:department": "R&D"}},
            {
                "op": "replace",
                "value": {"displayName": "Ada L.", "active": False, f"{ENTERPRISE}:division": "y"},
            },
        ]
    )


@pytest.mark.parametrize(
    ("before", "after", "operation"),
    [
        ({}, {"nickName": "Babs"}, {"op": "add", "path": "nickName", "value": "Babs"}),
        ({"userName": "a"}, {"userName": "b"}, {"op": "replace", "value": {"userName": "b"}}),
        ({"active": True}, {"active": False},
         {"op": "replace", "path": "active", "value": False}),
        ({f"{CUSTOM}:tag": "1"}, {f"{CUSTOM}:tag": "2"},
         {"op": "replace", "value": {f"{CUSTOM}:tag": "2"}}),
    ],
)  # fmt: skip
def test_with_the_flag_one_attribute_alone_is_as_documented(
    before: Values, after: Values, operation: Any
) -> None:
    assert written(operations(before, after, FLAGGED)) == written([operation])


def test_a_strict_client_writes_each_path_with_json_s_types() -> None:
    assert operations({"active": True}, {"active": False, "title": "x"}, STRICT) == [
        {"op": "replace", "path": "active", "value": False},
        {"op": "add", "path": "title", "value": "x"},
    ]


def test_numbers_are_text_without_the_flag() -> None:
    level: Values = {f"{CUSTOM}:level": 7}
    assert operations({}, level)[0]["value"] == "7"
    assert operations({}, level, FLAGGED)[0]["value"] == 7


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_nothing_is_sent_where_nothing_differs_or_is_null(dialect: Any) -> None:
    assert operations(AFTER, AFTER, dialect) == []
    assert operations(AFTER, {}, dialect) == []


def test_letter_case_and_the_type_make_a_difference() -> None:
    assert operations({"userName": "ADA"}, {"userName": "ada"})
    assert operations({f"{CUSTOM}:n": "1"}, {f"{CUSTOM}:n": 1})


def test_several_values_of_a_custom_attribute_are_wrapped() -> None:
    codes: Values = {f"{CUSTOM}:codes": ("1", "2")}
    wrapped = [{"value": "1"}, {"value": "2"}]
    add = {"op": "Add", "path": f"{CUSTOM}:codes", "value": wrapped}
    assert operations({}, codes) == [add]
    assert operations({f"{CUSTOM}:codes": ("2", "1")}, codes) == []
    assert operations({f"{CUSTOM}:codes": ("1",)}, codes, FLAGGED)[0]["op"] == "replace"
    assert operations({}, codes, STRICT)[0]["value"] == ["1", "2"]


def test_roles_of_a_patch_are_as_documented() -> None:
    held = (ADMIN, PLAIN)
    texts = [
        {"value": '{"id":"06b0","value":"Admin","displayName":"Admin"}'},
        {"value": '{"id":"06b1","value":"User","displayName":"User"}'},
    ]
    assert written(operations({}, {"roles": Roles("complex", held)})) == written(
        [{"op": "Add", "path": "roles", "value": texts}]
    )
    flagged = operations({}, {"roles": Roles("complex", held)}, FLAGGED)
    assert flagged[0]["op"] == "add"
    assert flagged[0]["value"][0] == {
        "primary": False, "type": ROLE, "displayName": "Admin", "value": "Admin"
    }  # fmt: skip
    one = [{"primary": False, "type": ROLE, "display": "User", "value": "User"}]
    for dialect in (DEFAULT, FLAGGED):
        assert written(operations({}, {"roles": Roles("assertive", (PLAIN,))}, dialect)) == written(
            [{"op": "replace", "path": "roles", "value": one}]
        )


def test_only_assertive_roles_take_roles_away() -> None:
    shown = Roles("shown", (ADMIN, PLAIN))
    for kind, sent in (("single", False), ("complex", False), ("assertive", True)):
        after: Values = {"roles": Roles(kind, (ADMIN,))}  # type: ignore[arg-type]  # three of it
        assert bool(operations({"roles": shown}, after)) is sent


def test_a_single_role_goes_by_its_filter_path() -> None:
    made = users({"source": SINGLE, "target": 'roles[primary eq "True"].value'})
    found = operations({"userName": "ada@example.test"}, evaluate(made, ADA | HELD))
    assert found == [{"op": "Add", "path": 'roles[primary eq "True"].value', "value": "Admin"}]


@pytest.mark.parametrize(
    ("clearing", "default", "flagged"),
    [
        ("remove",
         [{"op": "Remove", "path": "title"}, {"op": "Remove", "path": MAIL}],
         [{"op": "remove", "path": "title"}, {"op": "remove", "path": MAIL}]),
        ("valued",
         [{"op": "Remove", "path": "title", "value": "Dr"},
          {"op": "Remove", "path": MAIL, "value": "a@x"}],
         [{"op": "remove", "path": "title", "value": "Dr"},
          {"op": "remove", "path": MAIL, "value": "a@x"}]),
        ("empty",
         [{"op": "Replace", "path": "title", "value": ""},
          {"op": "Replace", "path": MAIL, "value": ""}],
         [{"op": "replace", "path": MAIL, "value": ""},
          {"op": "replace", "value": {"title": ""}}]),
        ("null",
         [{"op": "Replace", "path": "title", "value": None},
          {"op": "Replace", "path": MAIL, "value": None}],
         [{"op": "replace", "path": MAIL, "value": None},
          {"op": "replace", "value": {"title": None}}]),
    ],
)  # fmt: skip
def test_a_value_is_cleared_in_every_way_that_was_seen(
    clearing: Any, default: Any, flagged: Any
) -> None:
    held: Values = {"title": "Dr", MAIL: "a@x"}
    assert operations(held, {}, DEFAULT, clearing) == default
    assert operations(held, {}, FLAGGED, clearing) == flagged


def test_a_patch_has_its_keys_in_either_order() -> None:
    sent = patch([{"op": "Add"}])
    assert list(sent) == ["schemas", "Operations"]
    other = patch([{"op": "Add"}], operations_first=True)
    assert list(other) == ["Operations", "schemas"]
    assert other == sent


# --- references ---

MANAGER = f"{ENTERPRISE}:manager"


def test_a_manager_is_set_changed_and_taken_away() -> None:
    assert reference(MANAGER, None, "1") == [{"op": "Add", "path": MANAGER, "value": "1"}]
    assert reference(MANAGER, "1", "2") == [{"op": "Replace", "path": MANAGER, "value": "2"}]
    assert reference(MANAGER, "1", None) == [{"op": "Remove", "path": MANAGER}]
    assert reference(MANAGER, "1", "1") == reference(MANAGER, None, None) == []
    assert reference(MANAGER, None, "1", FLAGGED)[0]["op"] == "add"
    assert reference(MANAGER, "1", None, FLAGGED) == [
        {"op": "remove", "path": f'{MANAGER}[value eq "1"]'}
    ]
    assert reference(MANAGER, None, "1", STRICT)[0]["value"] == {"value": "1"}
    assert reference(MANAGER, "1", None, STRICT) == [{"op": "remove", "path": MANAGER}]


def test_every_form_of_a_manager_can_be_had() -> None:
    forms = manager_forms("1", "https://scim.example.com/Users/1")
    assert list(forms) == list("abcdefghij")
    assert forms["b"] == reference(MANAGER, None, "1")[0]
    assert forms["j"]["path"].endswith(":2.0:User.manager")


def test_members_are_added_and_removed_in_batches() -> None:
    assert written(additions(["1", "2", "3"], most=2)) == written(
        [
            [{"op": "Add", "path": "members",
              "value": [{"$ref": None, "value": "1"}, {"$ref": None, "value": "2"}]}],
            [{"op": "Add", "path": "members", "value": [{"$ref": None, "value": "3"}]}],
        ]
    )  # fmt: skip
    assert additions(["1"], FLAGGED) == [
        [{"op": "add", "path": "members", "value": [{"value": "1"}]}]
    ]
    assert removals(["1"]) == [
        [{"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "1"}]}]
    ]
    assert removals(["1", "2"], FLAGGED) == [
        [
            {"op": "remove", "path": 'members[value eq "1"]'},
            {"op": "remove", "path": 'members[value eq "2"]'},
        ]
    ]
    assert additions([]) == removals([]) == []
