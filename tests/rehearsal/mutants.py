"""Servers that are wrong in one thing each: they spoil the requests or answers of the right one."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_plus

from scim.cli.simulator.targets import ENTERPRISE, Target
from scim.cli.simulator.wire import Received, Send, Sent, request

Mutant = Callable[[Send], Send]
Change = Callable[[Any], Any]

_SENT = re.compile(r"eq \"(.*)\"")


def answer(received: Received, body: Any, status: int | None = None) -> Received:
    content = b"" if body is None else json.dumps(body).encode()
    return replace(received, status=status or received.status, body=content)


def mutant(change: Callable[[Send, Sent], Awaitable[Received]]) -> Mutant:
    """Make a wrong server of a function that is given the right one and a request."""

    def wrong(send: Send) -> Send:
        async def answer(sent: Sent) -> Received:
            return await change(send, sent)

        return answer

    return wrong


def asked(change: Callable[[Sent], Sent]) -> Mutant:
    """Make a server that takes each request for another one."""
    return mutant(lambda send, sent: send(change(sent)))


def answered(change: Callable[[Sent, Received], Received]) -> Mutant:
    """Make a server that spoils its answers."""

    async def spoilt(send: Send, sent: Sent) -> Received:
        return change(sent, await send(sent))

    return mutant(spoilt)


def shown(change: Change) -> Mutant:
    """Make a server that shows resources wrongly."""

    def spoilt(sent: Sent, received: Received) -> Received:
        body = received.json
        if not isinstance(body, dict) or received.status >= 400 or "/Schemas" in sent.path:
            return received
        if isinstance(body.get("Resources"), list):
            body = {**body, "Resources": [change(each) for each in body["Resources"]]}
        elif "id" in body:
            body = change(body)
        return answer(received, body)

    return answered(spoilt)


def status(method: str, found: int, given: int) -> Mutant:
    """Make a server that answers one method with another status."""
    return answered(
        lambda sent, received: (
            replace(received, status=given)
            if sent.method == method and received.status == found
            else received
        )
    )


def typed(type: str) -> Mutant:
    return answered(
        lambda _sent, received: replace(
            received, headers={**received.headers, "content-type": type}
        )
    )


def error(change: Change, *, found: int) -> Mutant:
    """Make a server that spoils the bodies of its errors."""
    return answered(
        lambda _sent, received: (
            answer(received, change(received.json)) if received.status == found else received
        )
    )


def patching(change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Mutant:
    """Make a server that reads each operation as another one, or not at all."""

    def spoilt(sent: Sent) -> Sent:
        if sent.method != "PATCH" or "Operations" not in (sent.body or {}):
            return sent
        changed = [change(dict(each)) for each in sent.body["Operations"]]
        return replace(sent, body={**sent.body, "Operations": [each for each in changed if each]})

    return asked(spoilt)


# --- queries ---


def empty_is_404(sent: Sent, received: Received) -> Received:
    body = received.json if "filter=" in sent.query else None
    nobody = isinstance(body, dict) and body.get("totalResults") == 0
    return answer(received, {"detail": "not found"}, 404) if nobody else received


def case_counts(sent: Sent, received: Received) -> Received:
    found = _SENT.search(unquote_plus(sent.query))
    if received.status != 200 or not found:
        return received
    body = received.json
    listed = [each for each in body["Resources"] if found[1] in json.dumps(each)]
    return answer(received, {**body, "Resources": listed, "totalResults": len(listed)})


def inactive_hidden(sent: Sent, received: Received) -> Received:
    body = received.json
    if sent.method != "GET" or not isinstance(body, dict):
        return received
    if body.get("active") is False:
        return answer(received, {"detail": "not found"}, 404)
    listed = [each for each in body.get("Resources", ()) if each.get("active") is not False]
    return answer(received, {**body, "Resources": listed, "totalResults": len(listed)})


def without(parameter: str) -> Mutant:
    """Make a server that ignores a parameter of queries."""

    def ignore(sent: Sent) -> Sent:
        parts = [each for each in sent.query.split("&") if not each.startswith(f"{parameter}=")]
        return replace(sent, query="&".join(parts))

    return asked(ignore)


def always_first(sent: Sent, received: Received) -> Received:
    body = received.json
    paged = "startIndex" in sent.query and received.status == 200
    return answer(received, {**body, "startIndex": 1}) if paged else received


# --- resources ---


def booleans_as_texts(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return [booleans_as_texts(each) for each in value]
    if isinstance(value, dict):
        return {name: booleans_as_texts(each) for name, each in value.items()}
    return value


def manager_as_text(resource: Any) -> Any:
    extension = resource.get(ENTERPRISE, {})
    if "manager" not in extension:
        return resource
    return {**resource, ENTERPRISE: {**extension, "manager": extension["manager"]["value"]}}


def external_id_in_small_letters(resource: Any) -> Any:
    held = resource.get("externalId")
    return {**resource, "externalId": held.lower()} if held else resource


def phones_tidied(resource: Any) -> Any:
    phones = [
        {**each, "value": re.sub(r"[^+\d]", "", each["value"])}
        for each in resource.get("phoneNumbers", ())
    ]
    return {**resource, "phoneNumbers": phones} if phones else resource


# --- writes ---


async def read_then_write(send: Send, sent: Sent) -> Received:
    """Add members to a list that was read before: whoever is added meanwhile is lost."""
    operations = sent.body["Operations"] if sent.method == "PATCH" else []
    if len(operations) != 1 or str(operations[0].get("path")).lower() != "members":
        return await send(sent)
    operation = operations[0]
    if operation["op"].lower() != "add":
        return await send(sent)
    group = (await send(request("GET", sent.path))).json
    await asyncio.sleep(0.001)
    members = [{"value": each["value"]} for each in group.get("members", ())]
    changed = {"op": "replace", "path": "members", "value": [*members, *operation["value"]]}
    return await send(replace(sent, body={**sent.body, "Operations": [changed]}))


async def one_by_one(send: Send, sent: Sent) -> Received:
    """Apply operations until one is refused."""
    if sent.method != "PATCH":
        return await send(sent)
    for each in sent.body["Operations"]:
        received = await send(replace(sent, body={**sent.body, "Operations": [each]}))
        if received.status >= 400:
            break
    return received


async def capitals_ignored(send: Send, sent: Sent) -> Received:
    operations = sent.body["Operations"] if sent.method == "PATCH" else []
    if any(each["op"] != each["op"].lower() for each in operations):
        return await send(request("GET", sent.path))
    return await send(sent)


async def elements_not_made(send: Send, sent: Sent) -> Received:
    """Ignore operations whose path has a filter that nothing matches."""
    operations = sent.body["Operations"] if sent.method == "PATCH" else []
    if not any("[type" in str(each.get("path")) for each in operations):
        return await send(sent)
    resource = (await send(request("GET", sent.path))).json
    left = [each for each in operations if _matches(each, resource)]
    if not left:
        return await send(request("GET", sent.path))
    return await send(replace(sent, body={**sent.body, "Operations": left}))


def _matches(operation: Any, resource: Any) -> bool:
    if "[type" not in str(operation.get("path")):
        return True
    target = Target.parse(operation["path"])
    return any(target.selects(each) for each in resource.get(target.name, ()))


async def groups_of_one_name(send: Send, sent: Sent) -> Received:
    """Take a second group with the same name."""
    received = await send(sent)
    if sent.method != "POST" or sent.path != "/Groups" or received.status != 409:
        return received
    name = sent.body["displayName"]
    other = {**sent.body, "displayName": f"{name} (2)", "externalId": f"{name} (2)"}
    made = await send(replace(sent, body=other))
    return answer(made, {**made.json, "displayName": name})


async def renaming_empties(send: Send, sent: Sent) -> Received:
    """Take PATCH of a group for PUT."""
    received = await send(sent)
    if sent.method == "PATCH" and "displayName" in json.dumps(sent.body):
        body = {**sent.body, "Operations": [{"op": "remove", "path": "members"}]}
        if sent.path.startswith("/Groups/"):
            await send(replace(sent, body=body))
    return received


async def deleting_nothing(send: Send, sent: Sent) -> Received:
    return Received(204) if sent.method == "DELETE" else await send(sent)


async def unlocked(send: Send, sent: Sent) -> Received:
    """Serve whoever comes."""
    headers = {name: value for name, value in sent.headers.items() if name != "Authorization"}
    return await send(replace(sent, headers=headers))


def roles_unread(operation: dict[str, Any]) -> dict[str, Any]:
    """Keep the JSON in the text of a role as it is."""
    if operation.get("path") == "roles" and operation["op"] == "Add":
        texts = [{"value": f"text {each['value']}"} for each in operation["value"]]
        return {**operation, "value": texts}
    return operation


def roles_kept(operation: dict[str, Any]) -> dict[str, Any]:
    """Take replace of roles for add."""
    return {**operation, "op": "add"} if operation.get("path") == "roles" else operation


def primary_unread(operation: dict[str, Any]) -> dict[str, Any] | None:
    """Ignore paths where a boolean is compared with a text."""
    return None if "[primary" in str(operation.get("path")) else operation


def roles_twice(resource: Any) -> Any:
    return {**resource, "roles": resource["roles"] * 2} if resource.get("roles") else resource


def members_wiped(operation: dict[str, Any]) -> dict[str, Any]:
    if operation["op"].lower() == "remove" and operation.get("path") == "members":
        operation.pop("value", None)
    return operation


def flat_keys_ignored(operation: dict[str, Any]) -> dict[str, Any] | None:
    if "path" in operation:
        return operation
    value = {name: each for name, each in operation["value"].items() if "." not in name}
    return {**operation, "value": value} if value else None


async def null_refused(send: Send, sent: Sent) -> Received:
    if sent.method == "PATCH" and any(
        each.get("value", 1) is None for each in sent.body["Operations"]
    ):
        return Received(400, {}, b'{"detail": "null"}')
    return await send(sent)


async def members_once(send: Send, sent: Sent) -> Received:
    """Refuse to add who is a member."""
    operations = sent.body["Operations"] if sent.method == "PATCH" else []
    if operations and operations[0].get("path") == "members" and operations[0]["op"] == "Add":
        held = json.dumps((await send(request("GET", sent.path))).json)
        if any(each["value"] in held for each in operations[0]["value"]):
            return Received(409, {}, b'{"detail": "is a member"}')
    return await send(sent)


def schemas(change: Change) -> Mutant:
    """Make a server whose /Schemas is spoilt."""
    return answered(
        lambda sent, received: (
            answer(received, change(received.json)) if sent.path == "/Schemas" else received
        )
    )


def throttling(most: int) -> Mutant:
    """Make a server that serves so many at once."""

    def wrong(send: Send) -> Send:
        busy = 0

        async def serve(sent: Sent) -> Received:
            nonlocal busy
            if busy >= most:
                return Received(429, {"retry-after": "1"})
            busy += 1
            try:
                await asyncio.sleep(0.001)
                return await send(sent)
            finally:
                busy -= 1

        return serve

    return wrong


def _nulls(body: Any) -> Any:
    body["Resources"][0]["attributes"][0]["canonicalValues"] = None
    return body


def _without_types(body: Any) -> Any:
    return json.loads(json.dumps(body).replace('"work"', '"office"'))


def _lower_words(body: Any) -> Any:
    return json.loads(json.dumps(body).replace('"readWrite"', '"readwrite"'))


# What is wrong, and the check that has to say so.
MUTANTS: Mapping[str, tuple[Mutant, str]] = MappingProxyType(
    {
        "a search for nobody is 404": (answered(empty_is_404), "E-02"),
        "a search for nobody is 404 to the validator": (answered(empty_is_404), "W4"),
        "Remove of members empties the group": (patching(members_wiped), "R-74"),
        "booleans are shown as texts": (shown(booleans_as_texts), "R-62"),
        "booleans are shown as texts after POST": (shown(booleans_as_texts), "E-16"),
        "letter case counts in matching": (answered(case_counts), "W5"),
        "letter case counts in group names": (answered(case_counts), "W21"),
        "inactive people are hidden": (answered(inactive_hidden), "W9"),
        "parallel members are lost": (mutant(read_then_write), "R-73"),
        "answers are plain text": (typed("text/plain"), "E-01"),
        "answers are application/json": (typed("application/json"), "E-01"),
        "two groups may have a name": (mutant(groups_of_one_name), "W16"),
        "409 has no scimType": (
            error(lambda body: {**body, "scimType": "invalidValue"}, found=409),
            "E-08",
        ),
        "an error's status is a number": (
            error(lambda body: {**body, "status": int(body["status"])}, found=409),
            "E-08",
        ),
        "errors have no detail": (error(lambda body: {**body, "detail": ""}, found=404), "E-09"),
        "PATCH is not atomic": (mutant(one_by_one), "F-92"),
        "excludedAttributes is ignored": (without("excludedAttributes"), "W17"),
        "excludedAttributes is ignored in searches": (without("excludedAttributes"), "W18"),
        "filter is ignored": (without("filter"), "W4"),
        "startIndex is always 1": (answered(always_first), "T23"),
        "startIndex is always 1 for groups": (answered(always_first), "T24"),
        "count is ignored": (without("count"), "T23"),
        "externalId is normalised": (shown(external_id_in_small_letters), "F-83"),
        "phone numbers are normalised": (shown(phones_tidied), "F-83"),
        "manager is shown as a text": (shown(manager_as_text), "W11"),
        "there are nulls in /Schemas": (schemas(_nulls), "E-14"),
        "readWrite is written in small letters": (schemas(_lower_words), "E-14"),
        "/Schemas does not list type work": (schemas(_without_types), "T15"),
        "the second DELETE is 204": (status("DELETE", 404, 204), "P4"),
        "the second DELETE of a group is 204": (status("DELETE", 404, 204), "P7"),
        "DELETE deletes nothing": (mutant(deleting_nothing), "W14"),
        "capital operations are ignored with 200": (mutant(capitals_ignored), "R-50"),
        "elements are not made": (mutant(elements_not_made), "R-52"),
        "flattened keys are ignored": (patching(flat_keys_ignored), "W7"),
        "POST is answered with 200": (status("POST", 201, 200), "W1"),
        "a taken name is accepted by PATCH": (status("PATCH", 409, 200), "E-04"),
        "a duplicate is answered with 500": (status("POST", 409, 500), "W2"),
        "an unknown id is 500": (status("GET", 404, 500), "E-06"),
        "null is refused": (mutant(null_refused), "T16"),
        "no token is asked for": (mutant(unlocked), "E-15"),
        "renaming empties a group": (mutant(renaming_empties), "W23"),
        "who is a member can't be added": (mutant(members_once), "F-36"),
        "a plus is taken for a plus": (
            asked(lambda sent: replace(sent, query=sent.query.replace("+", "%2B"))),
            "R-02",
        ),
        "a declared attribute is not stored": (
            shown(lambda each: {name: each[name] for name in each if name != "nickName"}),
            "S1",
        ),
        "few requests are served at once": (throttling(5), "E-17"),
    }
)

# Servers that are wrong with app roles, and the expression and target that show it.
_ROLES = ("AppRoleAssignmentsComplex", "roles")
ROLE_MUTANTS: Mapping[str, tuple[Mutant, tuple[str, str], str]] = MappingProxyType(
    {
        "texts of roles are not read": (patching(roles_unread), _ROLES, "roles"),
        "roles are added twice": (shown(roles_twice), _ROLES, "the same value"),
        "roles are only added": (
            patching(roles_kept),
            ("AssertiveAppRoleAssignmentsComplex", "roles"),
            "roles",
        ),
        'primary eq "True" matches nothing': (
            patching(primary_unread),
            ("SingleAppRoleAssignment", 'roles[primary eq "True"].value'),
            "roles",
        ),
    }
)
