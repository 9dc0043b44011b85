"""One enterprise application in Entra and its provisioning job, as Graph shows them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from graph import Graph, Refused
from words import Problem

# The template of an application that is in no gallery (applicationtemplate-instantiate).
NON_GALLERY = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
# Its provisioning template, among those that it lists.
SCIM_TEMPLATE = "customappsso"
# What is assigned where an application has no roles of its own
# (serviceprincipal-post-approleassignedto).
NO_ROLE = "00000000-0000-0000-0000-000000000000"

Pairs = Sequence[tuple[str, str]]


def named(graph: Graph, name: str) -> "Application | None":
    """Find an application by its name (serviceprincipal-list). Raises Problem when two have it."""
    literal = name.replace("'", "''")
    asked = quote(f"displayName eq '{literal}'")
    found = graph.all(f"/servicePrincipals?$filter={asked}&$select=id,appId,displayName")
    if len(found) > 1:
        raise Problem(f"Entra has {len(found)} applications {name}: rename one, or --application")
    return Application(graph, found[0]["id"], found[0]["appId"], name) if found else None


def made(graph: Graph, name: str) -> "Application":
    """Make an application, and wait until Entra knows it (applicationtemplate-instantiate)."""
    answer = graph.ask(
        "post", f"/applicationTemplates/{NON_GALLERY}/instantiate", {"displayName": name}
    )
    principal = answer["servicePrincipal"]
    graph.until_known(lambda: graph.get(f"/servicePrincipals/{principal['id']}?$select=id"))
    return Application(graph, principal["id"], principal["appId"], name)


@dataclass(frozen=True, slots=True)
class Application:
    """A service principal: where assignments, secrets and jobs are."""

    graph: Graph
    id: str
    app_id: str
    name: str

    @property
    def path(self) -> str:
        return f"/servicePrincipals/{self.id}"

    @property
    def _synchronization(self) -> str:
        return f"{self.path}/synchronization"

    def template(self) -> str:
        """Find the provisioning template (synchronization-synchronizationtemplate-list)."""
        path = f"{self._synchronization}/templates"
        known = self.graph.until_known(lambda: self.graph.all(path))
        ids = [str(each["id"]) for each in known]
        if SCIM_TEMPLATE in ids:
            return SCIM_TEMPLATE
        if len(ids) == 1:
            return ids[0]
        raise Problem(
            f"{self.name} can't be provisioned by SCIM: its templates are {ids or 'none'}"
        )

    def job(self) -> Any:
        """Find the job; None when there is none (synchronization-synchronization-list-jobs)."""
        path = f"{self._synchronization}/jobs"
        found = self.graph.until_known(lambda: self.graph.all(path))
        return found[0] if found else None

    def only_job(self) -> "Job":
        """Find the job. Raises Problem when there is none."""
        found = self.job()
        if not found:
            raise Problem(f"{self.name} has no provisioning job yet: connect it first")
        return Job(self, found["id"])

    def make_job(self, template: str) -> "Job":
        """Make the job (synchronization-synchronization-post-jobs)."""
        path = f"{self._synchronization}/jobs"
        answer = self.graph.until_known(
            lambda: self.graph.ask("post", path, {"templateId": template})
        )
        return Job(self, answer["id"])

    def secrets(self) -> Mapping[str, str]:
        """Read what is entered; the token itself is masked. Nothing was entered yet: empty.

        The page shows PUT alone; GET is in github.com/AzureAD/SCIMReferenceCode.
        """
        try:
            answer = self.graph.get(f"{self._synchronization}/secrets")
        except Refused as error:
            if error.status == "Not Found":
                return {}
            raise
        return {str(each["key"]): str(each.get("value") or "") for each in answer.get("value", ())}

    def enter(self, pairs: Pairs) -> None:
        """Write all of what is entered (synchronization-serviceprincipal-put-synchronization).

        SyncAll and SyncNotificationSettings must be among it: without them Graph takes the request
        and keeps nothing (github.com/AzureAD/SCIMReferenceCode, scim-onboarding.agent.md, 2b-2).
        """
        self.graph.ask("put", f"{self._synchronization}/secrets", {"value": _list(pairs)})

    def test(self, template: str, pairs: Pairs | None) -> None:
        """Let Entra test a connection, the entered one with None. Raises Refused.

        Without a job, as the admin center's Test connection does: jobs/validateCredentials
        (synchronization-synchronizationjob-validatecredentials; the template is named in the body).
        """
        body: dict[str, Any] = {"templateId": template, "useSavedCredentials": pairs is None}
        if pairs is not None:
            body["credentials"] = _list(pairs)
        path = f"{self._synchronization}/jobs/validateCredentials"
        self.graph.until_known(lambda: self.graph.ask("post", path, body))

    def assign(self, principal: str) -> bool:
        """Assign a person or group (serviceprincipal-post-approleassignedto); False: it was."""
        known = self.graph.all(f"{self.path}/appRoleAssignedTo")
        if any(each["principalId"] == principal for each in known):
            return False
        body = {"principalId": principal, "resourceId": self.id, "appRoleId": self._role()}
        self.graph.ask("post", f"{self.path}/appRoleAssignedTo", body)
        return True

    def _role(self) -> str:
        roles = self.graph.get(f"{self.path}?$select=appRoles").get("appRoles") or []
        fitting = [
            each
            for each in roles
            if each.get("isEnabled") and "User" in each.get("allowedMemberTypes", ())
        ]
        fitting.sort(key=lambda each: each.get("displayName") != "User")
        return str(fitting[0]["id"]) if fitting else NO_ROLE

    def delete(self) -> None:
        """Delete it with its registration; Entra keeps it for 30 days (application-delete)."""
        self.graph.ask("delete", f"/applications(appId='{self.app_id}')")


@dataclass(frozen=True, slots=True)
class Job:
    """A provisioning job (resources/synchronization-synchronizationjob)."""

    application: Application
    id: str

    @property
    def _path(self) -> str:
        return f"{self.application.path}/synchronization/jobs/{self.id}"

    def status(self) -> Any:
        """Read its status (synchronization-synchronizationjob-get)."""
        return self.application.graph.get(self._path)["status"]

    def schema(self) -> Any:
        """Read its schema (synchronization-synchronizationschema-get)."""
        graph = self.application.graph
        return graph.until_known(lambda: graph.get(f"{self._path}/schema"))

    def parse(self, expression: str) -> Any:
        """Let Entra read an expression (synchronization-synchronizationschema-parseexpression)."""
        answer = self.application.graph.ask(
            "post",
            f"{self._path}/schema/parseExpression",
            {"expression": expression, "testInputObject": None, "targetAttributeDefinition": None},
        )
        if not answer.get("parsingSucceeded"):
            raise Problem(f"Entra does not take the expression {expression}: {answer.get('error')}")
        return answer["parsedExpression"]

    def write(self, schema: Any) -> None:
        """Replace its schema (synchronization-synchronizationschema-update)."""
        self.application.graph.ask("put", f"{self._path}/schema", schema)

    def start(self) -> None:
        """Start it, or let it go on (synchronization-synchronizationjob-start)."""
        self.application.graph.ask("post", f"{self._path}/start")

    def pause(self) -> None:
        """Stop it (synchronization-synchronizationjob-pause)."""
        self.application.graph.ask("post", f"{self._path}/pause")

    def restart(self, scope: str) -> None:
        """Start it anew (synchronization-synchronizationjob-restart)."""
        body = {"criteria": {"resetScope": scope}}
        self.application.graph.ask("post", f"{self._path}/restart", body)

    def provision(self, rule: str, id: str, type: str) -> Any:
        """Provision one object (synchronization-synchronizationjob-provisionondemand).

        Both halves of the answer are JSON in a string.
        """
        subject = {"objectId": id, "objectTypeName": type}
        body = {"parameters": [{"ruleId": rule, "subjects": [subject]}]}
        answer = self.application.graph.ask("post", f"{self._path}/provisionOnDemand", body)
        return json.loads(answer["key"]), json.loads(answer["value"])

    def delete(self) -> None:
        """Delete it (synchronization-synchronizationjob-delete)."""
        self.application.graph.ask("delete", self._path)


def _list(pairs: Pairs) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in pairs]
