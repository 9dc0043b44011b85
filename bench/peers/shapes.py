"""Requests as Entra's job sends them, and as the RFC has them for a server that refuses the former.

Each is tried once on each server. What a server refuses in both forms it does without.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

from bench.directory import GROUP, PATCH_OP, encoded, user
from bench.serving import Answer, Connection, Request

ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
Form = Literal["Entra's", "the RFC's", "none"]
Make = Callable[[str, str], Request]  # of a user and a group
FORMS: Sequence[Form] = ("Entra's", "the RFC's")


@dataclass(frozen=True, slots=True)
class Shape:
    """`make` gives a request for a user and a group; `holds` sees what it left or answered.

    `look` is where its effect shows: the user, the group, or the answer itself.
    """

    name: str
    look: Literal["user", "group", "answer"]
    make: Mapping[Form, Make]
    holds: Callable[[Any, str], bool]


def patch(kind: str, id: str, **operation: Any) -> Request:
    body = {"schemas": [PATCH_OP], "Operations": [operation]}
    return Request("PATCH", f"/{kind}/{id}", encoded(body))


def match(name: str) -> Request:
    asked = quote(f'userName eq "{name}"')
    return Request("GET", f"/Users?filter={asked}")


def new_group(form: Form) -> Request:
    schemas = [GROUP, ADSCIM] if form == "Entra's" else [GROUP]
    document = {"schemas": schemas, "displayName": f"Group {uuid.uuid4()}"}
    return Request("POST", "/Groups", encoded({**document, "externalId": str(uuid.uuid4())}))


def add_members(form: Form, group: str, *ids: str) -> Request:
    more = {"$ref": None} if form == "Entra's" else {}
    op = "Add" if form == "Entra's" else "add"
    return patch("Groups", group, op=op, path="members", value=[{**more, "value": x} for x in ids])


def remove_member(form: Form, group: str, id: str) -> Request:
    if form == "Entra's":
        value = [{"$ref": None, "value": id}]
        return patch("Groups", group, op="Remove", path="members", value=value)
    return patch("Groups", group, op="remove", path=f'members[value eq "{id}"]')


def is_member(form: Form, group: str, id: str) -> Request:
    attribute = "members" if form == "Entra's" else "members.value"
    asked = quote(f'id eq "{group}" and {attribute} eq "{id}"')
    return Request("GET", f"/Groups?excludedAttributes=members&filter={asked}")


def _members(document: Any) -> list[str]:
    return [each["value"] for each in document.get("members", ())]


def _manager(document: Any) -> Any:
    return next((v.get("manager") for k, v in document.items() if "enterprise" in k), None)


def _both(entra: Make, rfc: Make) -> Mapping[Form, Make]:
    return dict(zip(FORMS, (entra, rfc), strict=True))


def _forms(make: Callable[[Form, str, str], Request]) -> Mapping[Form, Make]:
    return {form: partial(make, form) for form in FORMS}


_PHONE = 'phoneNumbers[type eq "fax"].value'
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
SHAPES: Sequence[Shape] = [
    Shape(
        "POST group, with the URN of Entra's sample",
        "answer",
        _forms(lambda form, _u, _g: new_group(form)),
        lambda answer, _user: "id" in answer,
    ),
    Shape(
        "match a userName in other letter case",
        "answer",
        _both(
            lambda _u, _g: match("USER0@bench.EXAMPLE"),
            lambda _u, _g: match("user0@bench.example"),
        ),
        lambda answer, _user: answer["totalResults"] == 1,
    ),
    Shape(
        "PATCH active, a text or a boolean",
        "user",
        _both(
            lambda person, _g: patch("Users", person, op="Replace", path="active", value="False"),
            lambda person, _g: patch("Users", person, op="replace", path="active", value=False),
        ),
        lambda document, _user: document["active"] is False,
    ),
    Shape(
        "PATCH a value that is not there yet",
        "user",
        _both(
            lambda person, _g: patch(
                "Users", person, op="Add", path=_PHONE, value="+1 425 555 0102"
            ),
            lambda person, _g: patch(
                "Users",
                person,
                op="add",
                path="phoneNumbers",
                value=[{"type": "fax", "value": "+1 425 555 0102"}],
            ),
        ),
        lambda document, _user: any(each["type"] == "fax" for each in document["phoneNumbers"]),
    ),
    Shape(
        "PATCH manager, a text or an object",
        "user",
        _both(
            lambda person, _g: patch(
                "Users", person, op="Add", path=f"{_ENTERPRISE}:manager", value=person
            ),
            lambda person, _g: patch(
                "Users", person, op="add", path=f"{_ENTERPRISE}:manager", value={"value": person}
            ),
        ),
        lambda document, user: (_manager(document) or {}).get("value") == user,
    ),
    Shape(
        "PATCH group, add a member with $ref",
        "group",
        _forms(lambda form, u, g: add_members(form, g, u)),
        lambda document, user: user in _members(document),
    ),
    Shape(
        "ask whether somebody is a member",
        "answer",
        _forms(lambda form, u, g: is_member(form, g, u)),
        lambda answer, _user: answer["totalResults"] == 1,
    ),
    Shape(
        "PATCH group, remove a member by value",
        "group",
        _forms(lambda form, u, g: remove_member(form, g, u)),
        lambda document, user: user not in _members(document),
    ),
]


@dataclass(frozen=True, slots=True)
class Tried:
    """Which form of a shape a server took, and how it answered the others."""

    shape: str
    form: Form
    refused: str = ""


def try_all(connection: Connection) -> dict[str, Tried]:
    """Try every shape on a server with nobody in it; makes user 0, and two groups."""
    person = connection.send(Request("POST", "/Users", encoded(user(0)))).document["id"]
    group = connection.send(new_group("the RFC's")).document["id"]
    return {each.name: _try(connection, each, person, group) for each in SHAPES}


def _try(connection: Connection, shape: Shape, person: str, group: str) -> Tried:
    refused = ""
    for form in FORMS:
        answer = connection.send(shape.make[form](person, group))
        problem = _problem(connection, shape, answer, person, group)
        if not problem:
            return Tried(shape.name, form, refused)
        refused = refused or problem
    return Tried(shape.name, "none", refused)


def _problem(connection: Connection, shape: Shape, answer: Answer, person: str, group: str) -> str:
    """Say what is wrong with an answer, or with what the request left."""
    if answer.status >= 300:
        return str(answer.status)
    places = {"user": f"/Users/{person}", "group": f"/Groups/{group}"}
    if shape.look in places:
        answer = connection.send(Request("GET", places[shape.look]))
    try:
        return "" if shape.holds(answer.document, person) else "no effect"
    except (KeyError, TypeError, json.JSONDecodeError):
        return "no effect"
