"""Mappings as tests need them: the default one, and lines beside it."""

import json
from typing import Any, Literal

from scim.cli.mappings import mapping
from scim.cli.simulator.mapping import AttributeMapping, Line, Objects, read_mapping

CUSTOM = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User"
ADA: dict[str, Any] = {
    "objectId": "00000000-0000-4000-8000-000000000001",
    "userPrincipalName": "ada@example.test",
    "displayName": "Ada Byron",
    "mail": "ada@example.test",
    "mailNickname": "ada",
    "givenName": "Ada",
    "surname": "Byron",
    "accountEnabled": True,
    "IsSoftDeleted": "False",
}
EVERYTHING: dict[str, Any] = {
    "jobTitle": "Analyst",
    "preferredLanguage": "en-GB",
    "physicalDeliveryOfficeName": "Room 1",
    "streetAddress": "1 Main St",
    "city": "London",
    "state": "LDN",
    "postalCode": "N1 1AA",
    "country": "GB",
    "telephoneNumber": "5550001",
    "mobile": "5550002",
    "facsimileTelephoneNumber": "5550003",
    "employeeId": "1001",
    "department": "Engines",
}


def objects(source: Literal["User", "Group"] = "User", preset: str = "default") -> Objects:
    found = mapping(preset).of(source)
    assert found is not None
    return found


def lines(*targets: str, **sources: str) -> tuple[Line, ...]:
    """Lines with these targets; the source does not matter."""
    return tuple(Line(source=sources.get(each, "a"), target=each) for each in targets)


def users(*added: dict[str, Any]) -> Objects:
    """A mapping of the userName and these lines."""
    name = {"source": "userPrincipalName", "target": "userName", "match": 1}
    made = {"source": "User", "target": "User", "attributes": [name, *added]}
    return read_mapping(json.dumps({"objects": [made]})).objects[0]


ROLES: dict[str, list[dict[str, Any]]] = {
    "single": [
        {
            "source": "SingleAppRoleAssignment([appRoleAssignments])",
            "target": 'roles[primary eq "True"].value',
        },
        {
            "source": "SingleAppRoleAssignment([appRoleAssignments])",
            "target": 'roles[primary eq "True"].display',
        },
    ],
    "complex": [{"source": "AppRoleAssignmentsComplex([appRoleAssignments])", "target": "roles"}],
    "assertive": [
        {"source": "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])", "target": "roles"}
    ],
}


def with_lines(*lines: dict[str, Any]) -> AttributeMapping:
    """The default mapping with more lines for users."""
    document = json.loads(mapping("default").model_dump_json(exclude_none=True))
    document["objects"][0]["attributes"] += lines
    return AttributeMapping.model_validate(document)
