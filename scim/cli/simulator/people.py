"""One person as a JSON document, for `provision --user`: Entra's attribute names, or Graph's.

{"userPrincipalName": "ada@example.com", "displayName": "Ada Byron", "accountEnabled": true,
 "manager": {"userPrincipalName": "boss@example.com"}, "appRoleAssignments": ["Admin"]}
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scim.cli.problem import Problem
from scim.cli.simulator.roles import read_roles
from scim.cli.simulator.source import SourceDirectory

# What Microsoft Graph calls attributes that mappings call otherwise.
_GRAPH: Mapping[str, str] = MappingProxyType(
    {
        "id": "objectId",
        "mobilePhone": "mobile",
        "faxNumber": "facsimileTelephoneNumber",
        "officeLocation": "physicalDeliveryOfficeName",
        "businessPhones": "telephoneNumber",
    }
)
_BOOLEANS = frozenset({"accountEnabled"})


def read_person(given: str) -> dict[str, Any]:
    """Read a person from a file or a JSON text; Problem says what is wrong, and where.

    The manager is an objectId, or a person by attributes.
    """
    text, place = given, "the JSON of the user"
    if not given.lstrip().startswith("{"):
        place = given
        try:
            text = Path(given).read_text("utf-8-sig")
        except (OSError, ValueError) as error:
            raise Problem(f"{given} is no JSON object, and no file that can be read") from error
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Problem(f"{place} is not well-formed: {error}") from error
    if not isinstance(document, dict):
        raise Problem(f"{place} must be one object with the attributes of a user")
    return _person(document)


def alone(person: Mapping[str, Any], *, everybody: bool = True) -> tuple[SourceDirectory, str]:
    """Make a directory of one person, with the manager if there is one; gives the objectId."""
    directory = SourceDirectory(everybody=everybody)
    attributes = dict(person)
    if isinstance(manager := attributes.get("manager"), Mapping):
        attributes["manager"] = directory.add_user(**manager)
    return directory, directory.add_user(**attributes)


def _person(document: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    extended = document.get("onPremisesExtensionAttributes")
    if isinstance(extended, dict):
        document = {**document, **extended}
    for name, value in document.items():
        if value is None or name == "onPremisesExtensionAttributes" or name.startswith("@"):
            continue
        if (read := _attribute(name, value)) is not None:
            found[_GRAPH.get(name, name)] = read
    if not any(isinstance(each, str) and each for each in found.values()):
        raise Problem("the user has no attribute with a text, such as userPrincipalName")
    return found


def _attribute(name: str, value: Any) -> Any:
    if name in ("IsSoftDeleted", "members"):
        raise Problem(f"{name} is no attribute of a user; write accountEnabled as false instead")
    if name in _BOOLEANS and not isinstance(value, bool):
        raise Problem(f"{name} must be true or false")
    if name == "manager":
        if isinstance(value, dict):
            return _person(value)
        if not isinstance(value, str):
            raise Problem("manager must be an objectId, or an object with attributes")
    elif name == "appRoleAssignments":
        if not isinstance(value, list):
            raise Problem("appRoleAssignments must be a list")
        try:
            read_roles(value)
        except ValueError as error:
            raise Problem(str(error)) from error
    elif name == "businessPhones" and isinstance(value, list):
        return value[0] if value else None
    elif isinstance(value, list):
        if not all(isinstance(each, str) for each in value):
            raise Problem(f"{name} must be a list of texts")
    elif not isinstance(value, str | bool | int):
        raise Problem(f"{name} must be a text, true or false, an integer or a list of texts")
    return value
