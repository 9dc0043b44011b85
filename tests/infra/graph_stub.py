"""The part of Microsoft Graph that infra/entra asks, as its reference describes it.

Its state is a file, so that the calls of a run, and of the next run, find what was made.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ROLE = "18d14569-c3bd-439b-9a66-3a2aee01d14f"


def fresh() -> dict[str, Any]:
    """Make an Entra tenant with one group and one person."""
    return {
        "applications": {},
        "groups": {"11111111-1111-1111-1111-111111111111": "Staff"},
        "users": {"jane@example.com": "22222222-2222-2222-2222-222222222222"},
        "bad": [],
        "log": [],
    }


def template_schema() -> dict[str, Any]:
    """The schema of a new job, in short."""

    def attributes(*names: str) -> list[dict[str, Any]]:
        return [{"name": each, "type": "String"} for each in names]

    def mapping(source: str, target: str) -> dict[str, Any]:
        return {
            "name": f"Provision {source}s",
            "enabled": True,
            "flowTypes": "Add, Update, Delete",
            "sourceObjectName": source,
            "targetObjectName": target,
            "scope": None,
            "metadata": [{"key": "Disposition", "value": '"Normal"'}],
            "attributeMappings": [{"targetAttributeName": "nickName", "source": {}}],
        }

    return {
        "id": "schema",
        "version": "1",
        "directories": [
            {"name": "Azure Active Directory", "objects": []},
            {
                "name": "customappsso",
                "objects": [
                    {"name": USER, "attributes": attributes("userName", "active", "id")},
                    {"name": GROUP, "attributes": attributes("displayName", "members", "id")},
                ],
            },
        ],
        "synchronizationRules": [
            {
                "id": "rule-1",
                "name": "USER_OUTBOUND_USER",
                "sourceDirectoryName": "Azure Active Directory",
                "targetDirectoryName": "customappsso",
                "objectMappings": [mapping("User", USER), mapping("Group", GROUP)],
            }
        ],
    }


class NotAnswered(Exception):
    """Graph refuses, as az prints it."""

    def __init__(self, status: str, code: str, message: str = "no") -> None:
        error = json.dumps({"error": {"code": code, "message": message}})
        super().__init__(f"ERROR: {status}({error})")


def answer(arguments: list[str], given: list[str], folder: Path) -> int:
    """Answer one `az rest`."""
    file = folder / "graph.json"
    state = json.loads(file.read_text()) if file.exists() else fresh()
    option = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    path = unquote(option["--url"].removeprefix("https://graph.microsoft.com/v1.0"))
    method = option["--method"]
    body = json.loads(given[0]) if given else None
    state["log"].append(f"{method} {path.partition('?')[0]}")
    try:
        found = _ask(state, method, path, body)
    except NotAnswered as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        file.write_text(json.dumps(state))
    if found is not None:
        print(json.dumps(found))
    return 0


def _ask(state: dict[str, Any], method: str, path: str, body: Any) -> Any:
    for verb, pattern, handle in ROUTES:
        found = re.fullmatch(pattern, path)
        if verb == method and found:
            return handle(state, body, *found.groups())
    raise NotAnswered("Bad Request", "BadRequest", f"no such request: {method} {path}")


def _application(state: dict[str, Any], id: str) -> Any:
    if id not in state["applications"]:
        raise NotAnswered("Not Found", "Request_ResourceNotFound")
    return state["applications"][id]


def _find(state: dict[str, Any], _: Any, name: str) -> Any:
    found = [
        each
        for each in state["applications"].values()
        if each["displayName"] == name.replace("''", "'")
    ]
    return {"value": found}


def _instantiate(state: dict[str, Any], body: Any) -> Any:
    id = f"sp-{len(state['applications']) + 1}"
    principal = {"id": id, "appId": f"app-{id}", "displayName": body["displayName"]}
    state["applications"][id] = {**principal, "secrets": {}, "jobs": [], "assigned": []}
    return {"servicePrincipal": principal, "application": {"appId": principal["appId"]}}


def _show(state: dict[str, Any], _: Any, id: str) -> Any:
    found = _application(state, id)
    roles = [
        {
            "id": "b",
            "displayName": "msiam_access",
            "isEnabled": True,
            "allowedMemberTypes": ["User"],
        },
        {"id": ROLE, "displayName": "User", "isEnabled": True, "allowedMemberTypes": ["User"]},
    ]
    return {"id": found["id"], "appRoles": roles}


def _secrets(state: dict[str, Any], _: Any, id: str) -> Any:
    found = _application(state, id)["secrets"]
    masked = {key: "*" if "Secret" in key else value for key, value in found.items()}
    return {"value": [{"key": key, "value": value} for key, value in masked.items()]}


def _enter(state: dict[str, Any], body: Any, id: str) -> None:
    pairs = {each["key"]: each["value"] for each in body["value"]}
    if {"SyncAll", "SyncNotificationSettings"} <= set(
        pairs
    ):  # else it keeps nothing, and is silent
        _application(state, id)["secrets"] = pairs


def _validate(state: dict[str, Any], body: Any, id: str) -> None:
    pairs = {each["key"]: each["value"] for each in body.get("credentials", ())}
    pairs = _application(state, id)["secrets"] if body["useSavedCredentials"] else pairs
    token = pairs.get("SecretToken") or pairs.get("Oauth2ClientSecret")
    if body["templateId"] != "customappsso" or not token or token in state["bad"]:
        raise NotAnswered("Bad Request", "CredentialValidationUnavailable", "401 Unauthorized")


def _make_job(state: dict[str, Any], body: Any, id: str) -> Any:
    job = {
        "id": "customappsso.1",
        "templateId": body["templateId"],
        "schema": template_schema(),
        "status": {"code": "NotRun"},
    }
    _application(state, id)["jobs"].append(job)
    return job


def _job(state: dict[str, Any], id: str) -> Any:
    jobs = _application(state, id)["jobs"]
    if not jobs:
        raise NotAnswered("Not Found", "Request_ResourceNotFound")
    return jobs[0]


def _write(state: dict[str, Any], body: Any, id: str) -> None:
    _job(state, id)["schema"] = body


def _parse(state: dict[str, Any], body: Any, id: str) -> Any:
    text = body["expression"]
    parameters = [{"key": "source", "value": {"expression": "…"}}]
    source = {
        "expression": text,
        "name": text.partition("(")[0],
        "type": "Function",
        "parameters": parameters,
    }
    return {"parsingSucceeded": True, "parsedExpression": source, "error": None}


def _act(state: dict[str, Any], body: Any, id: str, act: str) -> None:
    _job(state, id)["status"] = {
        "start": {"code": "Active"},
        "pause": {"code": "Paused"},
        "restart": {"code": "Active", "restarted": body},
    }[act]


def _delete_job(state: dict[str, Any], _: Any, id: str) -> None:
    _application(state, id)["jobs"].clear()


def _assign(state: dict[str, Any], body: Any, id: str) -> Any:
    _application(state, id)["assigned"].append(body)
    return body


def _groups(state: dict[str, Any], _: Any, name: str) -> Any:
    found = [{"id": id, "displayName": each} for id, each in state["groups"].items()]
    return {"value": [each for each in found if each["displayName"] == name]}


def _user(state: dict[str, Any], _: Any, name: str) -> Any:
    if name not in state["users"]:
        raise NotAnswered("Not Found", "Request_ResourceNotFound", f"'{name}' does not exist")
    return {"id": state["users"][name]}


def _provision(state: dict[str, Any], body: Any, id: str) -> Any:
    _job(state, id)["demanded"] = body
    steps = [{"name": "EntryImport", "status": "Success", "description": "Retrieved"}]
    key = {"result": "Success", "details": {}}
    return {"key": json.dumps(key), "value": json.dumps({"provisioningSteps": steps})}


def _delete_application(state: dict[str, Any], _: Any, app_id: str) -> None:
    kept = state["applications"]
    state["applications"] = {k: v for k, v in kept.items() if v["appId"] != app_id}


_SP = r"/servicePrincipals/([^/?]+)"
_SYNC = _SP + "/synchronization"
_JOB = _SYNC + r"/jobs/customappsso\.1"
ROUTES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("get", r"/servicePrincipals\?\$filter=displayName eq '(.*)'&\$select=.*", _find),
    (
        "post",
        "/applicationTemplates/8adf8e6e-67b2-4cf2-a259-e3dc5476c621/instantiate",
        _instantiate,
    ),
    ("get", _SP + r"\?\$select=\w+", _show),
    ("get", _SYNC + "/templates", lambda *_: {"value": [{"id": "customappsso"}, {"id": "other"}]}),
    ("get", _SYNC + "/secrets", _secrets),
    ("put", _SYNC + "/secrets", _enter),
    ("post", _SYNC + "/jobs/validateCredentials", _validate),
    ("get", _SYNC + "/jobs", lambda s, _, sp: {"value": _application(s, sp)["jobs"]}),
    ("post", _SYNC + "/jobs", _make_job),
    ("get", _JOB, lambda s, _, sp: _job(s, sp)),
    ("get", _JOB + "/schema", lambda s, _, sp: _job(s, sp)["schema"]),
    ("put", _JOB + "/schema", _write),
    ("post", _JOB + "/schema/parseExpression", _parse),
    ("post", _JOB + "/provisionOnDemand", _provision),
    ("post", _JOB + "/(start|pause|restart)", _act),
    ("delete", _JOB, _delete_job),
    (
        "get",
        _SP + "/appRoleAssignedTo",
        lambda s, _, sp: {"value": _application(s, sp)["assigned"]},
    ),
    ("post", _SP + "/appRoleAssignedTo", _assign),
    ("get", r"/groups\?\$filter=displayName eq '(.*)'&\$select=.*", _groups),
    ("get", r"/users/([^?]+)\?\$select=id", _user),
    ("delete", r"/applications\(appId='(.*)'\)", _delete_application),
)
