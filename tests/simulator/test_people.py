"""One person as JSON, for `provision --user`."""

import json
from pathlib import Path
from typing import Any

import pytest

from scim.cli.problem import Problem
from scim.cli.simulator.people import alone, read_person

ADA: dict[str, Any] = {"userPrincipalName": "ada@example.com", "displayName": "Ada"}


def test_a_person_is_read_from_a_text_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ada.json"
    file.write_text(json.dumps(ADA), "utf-8-sig")
    assert read_person(json.dumps(ADA)) == read_person(str(file)) == ADA


def test_names_of_graph_are_understood() -> None:
    graph = {
        "@odata.context": "https://graph.example.com",
        "id": "1",
        "mobilePhone": "2",
        "businessPhones": ["3", "4"],
        "officeLocation": None,
        "onPremisesExtensionAttributes": {"extensionAttribute1": "x", "extensionAttribute2": None},
    }
    assert read_person(json.dumps(ADA | graph)) == ADA | {
        "objectId": "1", "mobile": "2", "telephoneNumber": "3", "extensionAttribute1": "x"
    }  # fmt: skip
    assert "telephoneNumber" not in read_person(json.dumps(ADA | {"businessPhones": []}))


def test_a_person_alone_is_in_scope_with_manager_and_roles() -> None:
    more = {"manager": {"userPrincipalName": "boss@example.com"}, "appRoleAssignments": ["Admin"]}
    directory, id = alone(read_person(json.dumps(ADA | more)))
    ada = directory.user(id)
    assert directory.user(ada["manager"])["userPrincipalName"] == "boss@example.com"
    assert directory.is_in_scope(id)
    assert ada["appRoleAssignments"] == ["Admin"]


def test_somebody_who_is_not_enabled_is_soft_deleted() -> None:
    directory, id = alone(read_person(json.dumps(ADA | {"accountEnabled": False})))
    assert directory.user(id)["IsSoftDeleted"] == "True"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nowhere.json", "no file that can be read"),
        ("{", "not well-formed"),
        ("{}", "no attribute with a text"),
        ('{"accountEnabled": true}', "no attribute with a text"),
        ('{"mail": "a", "accountEnabled": "yes"}', "accountEnabled must be true or false"),
        ('{"mail": "a", "manager": 7}', "manager must be"),
        ('{"mail": "a", "manager": {}}', "no attribute with a text"),
        ('{"mail": {"a": 1}}', "mail must be a text"),
        ('{"mail": [1]}', "mail must be a list of texts"),
        ('{"mail": "a", "appRoleAssignments": "Admin"}', "must be a list"),
        ('{"mail": "a", "appRoleAssignments": [{}]}', "a value or a displayName"),
        ('{"mail": "a", "IsSoftDeleted": "True"}', "accountEnabled"),
    ],
)
def test_what_is_no_person_is_said(text: str, problem: str) -> None:
    with pytest.raises(Problem, match=problem):
        read_person(text)


def test_a_file_with_a_list_is_no_person(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    file.write_text("[]")
    with pytest.raises(Problem, match="must be one object"):
        read_person(str(file))
