"""infra/entra/connect.sh, against a stub of az and a Graph that keeps what it is told."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra import graph_stub
from tests.infra.stub import Row, Stub

ROOT = Path(__file__).parents[2]
TOKEN = "scim_000000000001_" + "A" * 49
NEXT = "scim_000000000002_" + "B" * 49
SECRET = "scim_000000000003_" + "C" * 49
SECOND = "scim_000000000004_" + "D" * 49
URL = "https://scim.example.com"
WHERE = ("--account", "https://a.table.core.windows.net", "--vault", "https://v", "--base-url", URL)
COMMANDS = re.findall(
    r'^    "([\w-]+)": "', (ROOT / "infra/entra/connect.py").read_text("utf-8"), re.MULTILINE
)
DIRECTORIES = json.dumps([{"name": "contoso", "preset": "bytebase"}])


def issued(token: str, id: str, **more: Any) -> str:
    return json.dumps({"secretToken": token, "id": id, **more})


ROWS = [
    Row("-m scim directory list", DIRECTORIES),
    Row("-m scim token issue", issued(TOKEN, "t1")),
    Row("-m scim token rotate", issued(NEXT, "t2", replaces=["t1", "t0"])),
    Row(
        "-m scim token list",
        json.dumps([{"id": "t1", "label": "Entra"}, {"id": "t0", "label": "x"}]),
    ),
    Row("-m scim token revoke", "{}"),
    Row(
        f"-m scim client add contoso .*--base-url {URL} --account .*--vault",
        json.dumps(
            {
                "clientId": "client1",
                "clientSecret": SECRET,
                "tokenEndpoint": f"{URL}/contoso/oauth2/token",
            }
        ),
    ),
    Row(
        "-m scim client secret issue client1 .*--vault",
        json.dumps({"id": "s2", "clientSecret": SECOND, "replaces": ["s1"]}),
    ),
    Row("-m scim client revoke", "{}"),
    Row("graph.microsoft.com"),
]


class Entra:
    """A tenant and an operator at a terminal."""

    def __init__(self, folder: Path) -> None:
        self.stub = Stub(folder)
        self.stub.answer(ROWS)
        self.change(lambda state: None)

    def run(self, *arguments: str, rows: list[Row] | None = None) -> Any:
        self.stub.forget()
        self.stub.answer([*(rows or []), *ROWS])
        return subprocess.run(
            [ROOT / "infra/entra/connect.sh", *arguments],
            env=self.stub.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )

    @property
    def state(self) -> Any:
        file = self.stub.folder / "graph.json"
        return json.loads(file.read_text()) if file.exists() else graph_stub.fresh()

    def change(self, change: Any) -> None:
        state = self.state
        change(state)
        state["log"] = []
        (self.stub.folder / "graph.json").write_text(json.dumps(state))

    @property
    def application(self) -> Any:
        (found,) = self.state["applications"].values()
        return found

    @property
    def writes(self) -> list[str]:
        return [each for each in self.state["log"] if not each.startswith("get")]


@pytest.fixture
def entra(tmp_path: Path) -> Entra:
    return Entra(tmp_path)


@pytest.fixture
def connected(entra: Entra) -> Entra:
    done = entra.run("contoso", *WHERE)
    assert done.returncode == 0, done.stderr
    entra.change(lambda state: None)
    return entra


def test_connecting_makes_everything_in_this_order(entra: Entra) -> None:
    done = entra.run("contoso", *WHERE, "--mail", "it@example.com", "--assign", "Staff")
    assert done.returncode == 0, done.stderr
    synchronization = "/servicePrincipals/sp-1/synchronization"
    job = f"{synchronization}/jobs/customappsso.1"
    parse = f"post {job}/schema/parseExpression"
    assert entra.writes == [
        f"post /applicationTemplates/{'8adf8e6e-67b2-4cf2-a259-e3dc5476c621'}/instantiate",
        f"post {synchronization}/jobs/validateCredentials",
        f"put {synchronization}/secrets",
        f"post {synchronization}/jobs/validateCredentials",
        f"post {synchronization}/jobs",
        parse,
        parse,
        f"put {job}/schema",
        "post /servicePrincipals/sp-1/appRoleAssignedTo",
        f"post {job}/start",
    ]
    assert f"{URL}/contoso/scim" in done.stdout


def test_what_is_entered_has_all_that_graph_wants_together(entra: Entra) -> None:
    entra.run("contoso", *WHERE, "--mail", "it@example.com")
    secrets = entra.application["secrets"]
    assert secrets["BaseAddress"] == f"{URL}/contoso/scim"
    assert secrets["SecretToken"] == TOKEN
    assert secrets["SyncAll"] == "false"
    notices = json.loads(secrets["SyncNotificationSettings"])
    assert notices == {
        "Enabled": True,
        "Recipients": "it@example.com",
        "DeleteThresholdEnabled": True,
        "DeleteThresholdValue": 500,
    }


def test_the_presets_mapping_replaces_the_templates(connected: Entra) -> None:
    schema = connected.application["jobs"][0]["schema"]
    users, groups = schema["synchronizationRules"][0]["objectMappings"]
    lines = {each["targetAttributeName"]: each for each in groups["attributeMappings"]}
    assert lines["externalId"]["matchingPriority"] == 1
    assert lines["displayName"]["matchingPriority"] == 0
    assert "nickName" not in {each["targetAttributeName"] for each in users["attributeMappings"]}
    active = next(e for e in users["attributeMappings"] if e["targetAttributeName"] == "active")
    assert active["source"]["parameters"]  # as Entra read the expression
    known = {each["name"] for each in schema["directories"][1]["objects"][1]["attributes"]}
    assert {"id", "email", "externalId"} <= known
    assert users["metadata"]
    assert schema["version"] == "1"


def test_a_preset_without_groups_switches_groups_off(entra: Entra) -> None:
    entra.run("contoso", *WHERE, "--preset", "bitabiz")
    users, groups = entra.application["jobs"][0]["schema"]["synchronizationRules"][0][
        "objectMappings"
    ]
    assert (users["enabled"], groups["enabled"]) == (True, False)


def test_a_second_run_makes_nothing_twice(connected: Entra) -> None:
    done = connected.run("contoso", *WHERE, "--assign", "Staff")
    assert done.returncode == 0, done.stderr
    again = connected.run("contoso", *WHERE, "--assign", "Staff")
    assert again.returncode == 0
    assert len(connected.application["jobs"]) == len(connected.application["assigned"]) == 1
    assert not any("token issue" in each.line for each in connected.stub.calls)


@pytest.mark.parametrize(
    "step",
    ["instantiate", "validateCredentials", "/secrets .*--body", "/jobs .*--body", "parseExpression",
     "/schema .*--body", "appRoleAssignedTo .*--body", "/start"],
)  # fmt: skip
def test_an_interrupted_run_is_completed_by_the_next(entra: Entra, step: str) -> None:
    """Whichever request fails, the second run ends as one that was never interrupted."""
    failing = Row(step, err='ERROR: Service Unavailable({"error": {"code": "x"}})', code=1, times=1)
    first = entra.run("contoso", *WHERE, "--assign", "Staff", rows=[failing])
    assert first.returncode == 1
    second = entra.run("contoso", *WHERE, "--assign", "Staff")
    assert second.returncode == 0, second.stderr
    found = entra.application
    assert found["jobs"][0]["status"]["code"] == "Active"
    assert len(found["assigned"]) == 1
    assert found["secrets"]["SecretToken"] == TOKEN


def test_no_secret_is_in_an_argument_or_in_output(connected: Entra) -> None:
    """Nor in a file that others can read. `--oauth-secret-file` is named, its content is not."""
    secret = connected.stub.folder / "oauth"
    secret.write_text("an oauth secret\n")
    oauth = (
        "--oauth-client",
        "c",
        "--oauth-token-url",
        f"{URL}/t",
        "--oauth-secret-file",
        str(secret),
    )
    for arguments in (
        ("contoso", *WHERE, "--new-token"),
        ("rotate-token", "contoso", *WHERE),
        ("contoso", *WHERE, "--new-token", *oauth),
    ):
        done = connected.run(*arguments)
        assert done.returncode == 0, done.stderr
        seen = done.stdout + done.stderr + "".join(each.line for each in connected.stub.calls)
        assert not any(each in seen for each in (TOKEN, NEXT, "an oauth secret"))
        assert not any(each.open_to_others for each in connected.stub.calls)
    assert connected.application["secrets"]["Oauth2ClientSecret"] == "an oauth secret"
    assert "SecretToken" not in connected.application["secrets"]


def test_rotation_tests_the_new_token_before_it_revokes_the_old_one(connected: Entra) -> None:
    done = connected.run("rotate-token", "contoso", *WHERE)
    assert done.returncode == 0, done.stderr
    order = [
        word
        for each in connected.stub.calls
        for word in ("rotate", "validateCredentials", "/secrets --output json --body", "revoke")
        if word in each.line
    ]
    assert order == [
        "rotate",
        "validateCredentials",
        "/secrets --output json --body",
        "validateCredentials",
        "revoke",
    ]
    assert connected.application["secrets"]["SecretToken"] == NEXT
    assert connected.application["secrets"]["SyncAll"] == "false"
    assert "token revoke t1" in connected.stub.calls[-1].line
    assert "t0 (x) was not entered by this command" in done.stderr


def test_rotation_keeps_the_old_token_when_entra_refuses_the_new_one(connected: Entra) -> None:
    connected.change(lambda state: state["bad"].append(NEXT))
    done = connected.run("rotate-token", "contoso", *WHERE)
    assert done.returncode == 1
    assert "Entra's test of the connection failed" in done.stderr
    assert connected.application["secrets"]["SecretToken"] == TOKEN
    assert not any("token revoke" in each.line for each in connected.stub.calls)


def test_a_token_that_entra_refuses_is_revoked_and_nothing_is_entered(entra: Entra) -> None:
    entra.change(lambda state: state["bad"].append(TOKEN))
    done = entra.run("contoso", *WHERE)
    assert done.returncode == 1
    assert entra.application["secrets"] == {}
    assert "token revoke t1" in entra.stub.calls[-1].line


@pytest.mark.parametrize(
    "arguments",
    [("contoso", "--new-token"), ("contoso", "--oauth"), ("rotate-token", "contoso")],
)
@pytest.mark.parametrize("step", ["validateCredentials", "/secrets .*--body"])
def test_what_entra_may_have_kept_is_not_revoked(
    connected: Entra, step: str, arguments: tuple[str, ...]
) -> None:
    """Its job would stop: what was entered before is gone, and nobody can read which it has."""
    before = [Row("validateCredentials", times=1)]  # Entra's test before anything is entered
    broken = Row(step, err='ERROR: Bad Gateway({"error": {"code": "x"}})', code=1, times=1)
    done = connected.run(*arguments, *WHERE, rows=[*before, broken])
    assert done.returncode == 1
    assert "is not known" in done.stderr
    assert not any("revoke" in each.line for each in connected.stub.calls)
    again = connected.run(*arguments, *WHERE)
    assert again.returncode == 0, again.stderr


def test_client_credentials_are_made_tested_and_entered(entra: Entra) -> None:
    done = entra.run("contoso", *WHERE, "--oauth", "--mail", "it@example.com")
    assert done.returncode == 0, done.stderr
    secrets = entra.application["secrets"]
    assert secrets.pop("SyncNotificationSettings")
    assert secrets == {
        "BaseAddress": f"{URL}/contoso/scim",
        "AuthenticationType": "OAuth2ClientCredentialsGrant",
        "Oauth2ClientId": "client1",
        "Oauth2ClientSecret": SECRET,
        "Oauth2TokenExchangeUri": f"{URL}/contoso/oauth2/token",
        "SyncAll": "false",
    }
    seen = done.stdout + done.stderr + "".join(each.line for each in entra.stub.calls)
    assert SECRET not in seen
    again = entra.run("contoso", *WHERE, "--oauth")
    assert again.returncode == 0
    assert not any("client add" in each.line for each in entra.stub.calls)


def test_a_token_gives_way_to_client_credentials(connected: Entra) -> None:
    done = connected.run("contoso", *WHERE, "--oauth")
    assert done.returncode == 0, done.stderr
    assert "SecretToken" not in connected.application["secrets"]
    assert "the token that was entered before still works" in done.stderr


def test_client_credentials_that_entra_refuses_are_taken_back(connected: Entra) -> None:
    connected.change(lambda state: state["bad"].append(SECRET))
    done = connected.run("contoso", *WHERE, "--oauth")
    assert done.returncode == 1
    assert "client revoke client1 --yes" in connected.stub.calls[-1].line
    assert connected.application["secrets"]["SecretToken"] == TOKEN


def test_a_clients_secret_is_rotated_without_a_failed_request(entra: Entra) -> None:
    entra.run("contoso", *WHERE, "--oauth")
    done = entra.run("rotate-token", "contoso", *WHERE)
    assert done.returncode == 0, done.stderr
    secrets = entra.application["secrets"]
    assert (secrets["Oauth2ClientId"], secrets["Oauth2ClientSecret"]) == ("client1", SECOND)
    assert secrets["SyncAll"] == "false"
    assert "client secret revoke s1 --account" in done.stderr
    assert not any("revoke" in each.line for each in entra.stub.calls)


def test_a_secret_that_entra_refuses_is_not_entered(entra: Entra) -> None:
    entra.run("contoso", *WHERE, "--oauth")
    entra.change(lambda state: state["bad"].append(SECOND))
    done = entra.run("rotate-token", "contoso", *WHERE)
    assert done.returncode == 1
    assert "client secret revoke s2 --account" in done.stderr
    assert entra.application["secrets"]["Oauth2ClientSecret"] == SECRET


def test_federation_that_was_entered_by_hand_is_left_as_it_is(connected: Entra) -> None:
    def federate(state: Any) -> None:
        (found,) = state["applications"].values()
        found["secrets"]["AuthenticationType"] = "WorkloadIdentityFederation"

    connected.change(federate)
    done = connected.run("contoso", *WHERE)
    assert done.returncode == 0, done.stderr
    assert "the credentials that are entered work" in done.stderr
    rotated = connected.run("rotate-token", "contoso", *WHERE)
    assert rotated.returncode == 1
    assert "federation needs none" in rotated.stderr


def test_commands_to_type_name_the_python_that_runs(connected: Entra) -> None:
    done = connected.run("disconnect", "contoso", "--yes")
    assert f"{connected.stub.bin}/python-scim -m scim token list" in done.stdout


def test_the_status_is_told_in_words(connected: Entra) -> None:
    def fall_ill(state: Any) -> None:
        (found,) = state["applications"].values()
        found["jobs"][0]["status"] = {
            "code": "Quarantine",
            "quarantine": {
                "currentBegan": "2026-01-01T00:00:00Z",
                "nextAttempt": "2026-01-01T06:00:00Z",
                "reason": "EncounteredQuarantineException",
                "error": {"code": "SystemForCrossDomainInvalidCredentials", "message": "401"},
            },
            "lastExecution": {
                "timeEnded": "2026-01-01T00:00:00Z",
                "state": "Failed",
                "countImported": 3,
                "countEscrowed": 2,
            },
            "countSuccessiveCompleteFailures": 4,
            "synchronizedEntryCountByType": [{"key": f"{graph_stub.USER}", "value": 7}],
        }

    connected.change(fall_ill)
    done = connected.run("status", "contoso")
    assert done.returncode == 1
    for words in (
        "in quarantine",
        "the service could not be used at all",
        "next try: 2026-01-01T06",
        "Entra's test of the connection failed",
        "3 read, 2 failed",
        "failed 4 times in a row",
        "last without errors: none yet",
        "in step: 7 User",
    ):
        assert words in done.stdout


def test_a_paused_job_is_started_by_a_restart(connected: Entra) -> None:
    assert connected.run("pause", "contoso").returncode == 0
    job = connected.application["jobs"][0]
    assert job["status"]["code"] == "Paused"
    assert connected.run("restart", "contoso").returncode == 0
    assert connected.application["jobs"][0]["status"]["code"] == "Active"


@pytest.mark.parametrize(
    ("arguments", "scope"), [((), "Escrows, QuarantineState"), (("--full",), "Full")]
)
def test_restart(connected: Entra, arguments: tuple[str, ...], scope: str) -> None:
    assert connected.run("restart", "contoso", *arguments).returncode == 0
    status = connected.application["jobs"][0]["status"]
    assert status["restarted"] == {"criteria": {"resetScope": scope}}


@pytest.mark.parametrize(
    ("who", "subject"),
    [
        (("jane@example.com",), ("22222222-2222-2222-2222-222222222222", "User")),
        (("Staff", "--as-group"), ("11111111-1111-1111-1111-111111111111", "Group")),
    ],
)
def test_provisioning_on_demand(
    connected: Entra, who: tuple[str, ...], subject: tuple[str, str]
) -> None:
    done = connected.run("provision-on-demand", "contoso", *who)
    assert done.returncode == 0, done.stderr
    assert "Success  EntryImport: Retrieved" in done.stdout
    (asked,) = connected.application["jobs"][0]["demanded"]["parameters"]
    assert asked["ruleId"] == "rule-1"
    assert asked["subjects"] == [dict(zip(("objectId", "objectTypeName"), subject, strict=True))]


def test_disconnecting_asks_then_stops_and_deletes(connected: Entra) -> None:
    done = connected.run("disconnect", "contoso")
    assert done.returncode == 1
    assert "--yes" in done.stderr
    assert connected.application["jobs"]
    assert connected.run("disconnect", "contoso", "--yes").returncode == 0
    assert connected.application["jobs"] == []
    assert connected.run("disconnect", "contoso", "--yes", "--delete-application").returncode == 0
    assert connected.state["applications"] == {}


def test_docs_name_commands_that_there_are() -> None:
    """What follows `connect.sh` is a command of its, or a directory: in capitals, or contoso."""
    for each in (*(ROOT / "docs").glob("*.md"), ROOT / "README.md"):
        for word in re.findall(r"connect\.sh ([\w-]+)", each.read_text("utf-8")):
            known = word in COMMANDS or word.isupper() or word == "contoso"
            assert known, f"{each.name}: connect.sh {word}"
    table = (ROOT / "docs/deploying.md").read_text("utf-8")
    assert len(COMMANDS) == 6
    assert all(f"| `{each} DIRECTORY" in table for each in COMMANDS)


@pytest.mark.parametrize(
    ("error", "mends"),
    [
        ("ERROR: AADSTS70043: The refresh token has expired", "az login"),
        ("ERROR: Please run 'az login' to setup account.", "az login"),
        (
            'ERROR: Forbidden({"error":{"code":"Authorization_RequestDenied","message":"no"}})',
            "Cloud Application Administrator",
        ),
        ("ERROR: HTTPSConnectionPool: Max retries exceeded", "check the network"),
    ],
)
def test_what_graph_refuses_is_explained(entra: Entra, error: str, mends: str) -> None:
    done = entra.run("contoso", *WHERE, rows=[Row("graph.microsoft", err=error, code=1)])
    assert done.returncode == 1
    assert mends in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("contoso",), "say where the service is: --group"),
        (("nobody", *WHERE), "there is no directory nobody; there is contoso"),
        (("contoso", *WHERE, "--preset", "none"), "there is no mapping of none"),
        (("contoso", *WHERE, "--assign", "Nobody"), "there is no group Nobody"),
        (("contoso", *WHERE, "--oauth-client", "c"), "OAuth takes"),
        (("status", "contoso"), "Entra has no application SCIM contoso"),
        (("provision-on-demand", "contoso", "jane@example.com"), "Entra has no application"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(
    entra: Entra, arguments: tuple[str, ...], problem: str
) -> None:
    done = entra.run(*arguments)
    assert done.returncode == 1
    assert problem in done.stderr
    assert entra.writes == []


def test_it_waits_until_entra_knows_the_new_application(entra: Entra) -> None:
    unknown = 'ERROR: Not Found({"error": {"code": "Request_ResourceNotFound", "message": "no"}})'
    late = [
        Row(pattern, err=unknown, code=1, times=2)
        for pattern in (r"sp-1\?\$select=id", "/templates", "validateCredentials", "jobs .*--body")
    ]
    done = entra.run("contoso", *WHERE, rows=late)
    assert done.returncode == 0, done.stderr


def test_too_many_requests_are_tried_again(entra: Entra) -> None:
    busy = Row("instantiate", err="ERROR: Too Many Requests({})", code=1, times=1)
    assert entra.run("contoso", *WHERE, rows=[busy]).returncode == 0


def test_the_service_is_found_by_its_resource_group(entra: Entra) -> None:
    outputs = {
        "tableUrl": {"value": "https://a.table.core.windows.net"},
        "vaultUrl": {"value": "https://v.vault.azure.net"},
        "baseUrl": {"value": URL},
    }
    found = [Row("deployment group show .* properties.outputs", json.dumps(outputs))]
    assert entra.run("contoso", "--group", "g", rows=found).returncode == 0
    missing = [Row("deployment group show", err="ERROR: ResourceGroupNotFound", code=3)]
    done = entra.run("contoso", "--group", "g", rows=missing)
    assert done.returncode == 1
    assert "infra/deploy.sh --group g" in done.stderr
