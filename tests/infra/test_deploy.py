"""infra/deploy.sh and infra/destroy.sh, against stubs of az, curl and `python -m scim`."""

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.infra.stub import Row, Stub

ROOT = Path(__file__).parents[2]
TOKEN = "scim_000000000001_" + "A" * 49
URL = "https://scim-app.azurewebsites.net"
OUTPUTS = {
    "functionAppName": "scim-app",
    "baseUrl": URL,
    "tableUrl": "https://scimdata.table.core.windows.net/",
    "vaultName": "scim-kv",
    "vaultUrl": "https://scim-kv.vault.azure.net/",
    "pythonVersion": "3.12",
}
ID = "/subscriptions/s1/resourceGroups/g/providers"
NEW = [
    f"{ID}/Microsoft.KeyVault/vaults/scim-kv",
    f"{ID}/Microsoft.KeyVault/vaults/scim-kv/providers/Microsoft.Insights/diagnosticSettings/d",
    f"{ID}/Microsoft.Storage/storageAccounts/scimdata",
    f"{ID}/Microsoft.Storage/storageAccounts/scimdata/tableServices/default",
    f"{ID}/Microsoft.Web/sites/scim-app",
    f"{ID}/Microsoft.Web/sites/scim-app/config/appsettings",
]
NONE = Row("keyvault secret show", err="ERROR: (SecretNotFound) A secret was not found", code=3)
RUNNING = [
    Row(r"az account show --query \[id", "s1\nTest subscription"),
    Row("az account get-access-token"),
    Row("list-flexconsumption-locations", "northeurope\nwesteurope"),
    Row("az provider show", "Registered"),
    Row("az account show --query user.type", "user"),
    Row("az ad signed-in-user show", "o1"),
    Row("az role assignment list", "Reader\nOwner"),
    Row("az group exists", "true"),
    Row("az deployment group show", err="ERROR: (DeploymentNotFound)", code=3),
    Row("az deployment group what-if .*--query", "\n".join(NEW)),
    Row("az deployment group what-if", "Resource changes: 12 to create."),
    Row("az keyvault list-deleted"),
    Row("check-name|checkNameAvailability", "true"),
    Row(
        "az deployment group create",
        json.dumps({name: {"type": "String", "value": value} for name, value in OUTPUTS.items()}),
    ),
    NONE,
    Row("az keyvault secret set"),
    Row("configreferences/appsettings/SCIM_PEPPER", "Resolved"),
    Row("configreferences/appsettings/refresh"),
    Row("deployment source config-zip"),
    Row("curl .*\nurl = .*/readyz", "200 {}"),
    Row("(?s)curl .*Authorization", '200 {"totalResults": 0}'),
    Row("curl .*\nurl = ", "401 {}"),
    Row("-m scim directory list", "[]"),
    Row(
        "-m scim directory add",
        json.dumps({"secretToken": TOKEN, "id": "d", "token": {"id": "t1"}}),
    ),
    Row("-m scim token issue", json.dumps({"secretToken": TOKEN, "id": "t2"})),
    Row("-m scim token revoke"),
]


class Azure:
    """A subscription, and an operator at a terminal."""

    def __init__(self, folder: Path) -> None:
        self.stub = Stub(folder)
        self.zip = folder / "scim.zip"
        self.zip.touch()

    def run(self, *arguments: str, rows: Sequence[Row] = (), script: str = "deploy") -> Any:
        self.stub.forget()
        self.stub.answer([*rows, *RUNNING])
        return subprocess.run(
            [ROOT / f"infra/{script}.sh", *arguments],
            env=self.stub.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    def deploy(self, *arguments: str, rows: Sequence[Row] = ()) -> Any:
        required = ("--group", "g", "--location", "North Europe", "--zip", str(self.zip))
        return self.run(*required, *arguments, rows=rows)

    def called(self, pattern: str) -> list[str]:
        return [each.line for each in self.stub.calls if re.search(pattern, each.line)]


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    return Azure(tmp_path)


STEPS = (
    "account show",
    "get-access-token",
    "list-flexconsumption-locations",
    "provider show",
    "role assignment list",
    "group exists",
    "deployment group show",
    "what-if",
    "list-deleted",
    "keyvault check-name",
    "storage account check-name",
    "checkNameAvailability",
    "deployment group create",
    "keyvault secret show",
    "keyvault secret set",
    "configreferences",
    "config-zip",
    "curl",
    "directory list",
    "directory add",
    "token revoke",
)


def test_everything_is_done_in_this_order(azure: Azure) -> None:
    """Checks before changes, the identity's secret before the code, the code before the test."""
    done = azure.deploy("--directory", "contoso", "--preset", "bytebase")
    assert done.returncode == 0, done.stderr
    lines = [each.line for each in azure.stub.calls]
    firsts = [next(n for n, line in enumerate(lines) if step in line) for step in STEPS]
    assert firsts == sorted(firsts)
    assert f"Tenant URL:  {URL}/contoso/scim" in done.stdout
    assert "infra/entra/connect.sh contoso --group g" in done.stdout


def test_the_arguments_are_what_azure_is_to_be_told(azure: Azure) -> None:
    azure.deploy("--directory", "contoso", "--preset", "bytebase")
    (create,) = azure.called("deployment group create")
    assert f"--template-file {ROOT}/infra/main.bicep" in create
    assert f"--parameters @{ROOT}/infra/parameters/test.json" in create
    assert "location=northeurope operatorPrincipalId=o1 operatorPrincipalType=User" in create
    (publish,) = azure.called("config-zip")
    assert f"--src {azure.zip} --build-remote false" in publish
    (add,) = azure.called("directory add")
    assert f"--preset bytebase --base-url {URL} --vault {OUTPUTS['vaultUrl']}" in add
    assert f"--account {OUTPUTS['tableUrl']}" in add
    assert azure.called("vaults|keyvault check-name --name scim-kv ")
    assert len(azure.called("check-name|checkNameAvailability")) == 3


def test_no_secret_is_in_an_argument_or_in_output(azure: Azure) -> None:
    """The pepper and the token travel by files that nobody else can read, and by stdin."""
    done = azure.deploy("--directory", "contoso")
    (made,) = [each for each in azure.stub.calls if "keyvault secret set" in each.line]
    (pepper,) = made.given
    assert re.fullmatch("[0-9a-f]{64}", pepper)
    shown = [each for each in azure.stub.calls if each.program == "curl"][-1]
    assert f'header = "Authorization: Bearer {TOKEN}"' in shown.given[0]
    assert not any(each.open_to_others for each in azure.stub.calls)
    seen = done.stdout + done.stderr + "".join(each.line for each in azure.stub.calls)
    assert pepper not in seen
    assert TOKEN not in seen
    assert azure.called("token revoke t1 --yes")  # nobody knows it


def test_the_token_is_printed_once_when_that_is_asked_for(azure: Azure) -> None:
    done = azure.deploy("--directory", "contoso", "--show-token")
    assert (done.stdout.count(TOKEN), done.stderr.count(TOKEN)) == (1, 0)
    assert not azure.called("token revoke")


def test_a_second_run_keeps_the_pepper_and_the_directory(azure: Azure) -> None:
    there = [
        Row("keyvault secret show"),
        Row("-m scim directory list", '[{"name": "contoso"}]'),
        Row("what-if .*--query", ""),
    ]
    done = azure.deploy("--directory", "contoso", rows=there)
    assert done.returncode == 0, done.stderr
    assert not azure.called("secret set|directory add|check-name|list-deleted")
    assert azure.called("token issue contoso .*--days 1 ")
    assert azure.called("token revoke t2")


def test_an_identity_of_a_workflow_needs_no_look_up(azure: Azure) -> None:
    """It may not read Entra's directory, so it says who it is."""
    workflow = [Row("az account show --query user.type", "servicePrincipal")]
    done = azure.deploy("--operator", "o2", rows=workflow)
    assert done.returncode == 0, done.stderr
    assert not azure.called("az ad ")
    (create,) = azure.called("deployment group create")
    assert "operatorPrincipalId=o2 operatorPrincipalType=ServicePrincipal" in create


def test_what_if_changes_nothing(azure: Azure) -> None:
    done = azure.deploy("--what-if")
    assert done.returncode == 0, done.stderr
    assert "12 to create" in done.stdout
    assert not azure.called("create|secret|config-zip|curl|-m scim")


@pytest.mark.parametrize(
    "step",
    [
        "az group create",
        "deployment group create",
        "keyvault secret set",
        "config-zip",
        "directory add",
        "token revoke",
    ],
)
def test_an_interrupted_deployment_is_completed_by_the_next_run(azure: Azure, step: str) -> None:
    """It stops there, says so, and the same command does the rest."""
    broken = [
        Row("group exists", "false", times=1),
        Row(step, err="ERROR: (ServiceUnavailable) later", code=1, times=1),
        Row("az group create"),
    ]
    first = azure.deploy("--directory", "contoso", rows=broken)
    assert first.returncode == 1
    assert step in azure.stub.calls[-1].line
    assert azure.deploy("--directory", "contoso").returncode == 0


def test_roles_that_are_not_in_force_yet_are_waited_for(azure: Azure) -> None:
    late = [
        Row("secret show", err="ERROR: (Forbidden) ForbiddenByRbac", code=1, times=3),
        Row("SCIM_PEPPER", "SecretNotFound", times=2),
        Row("/readyz", "503 {}", times=2),
        Row("directory list", err="scim: 403; role\n", code=1, times=2),
    ]
    done = azure.deploy("--directory", "contoso", rows=late)
    assert done.returncode == 0, done.stderr
    assert len(azure.called("refresh")) == 2


LOGIN = "az login"
BAD = {
    "not signed in": ([Row("account show", err="Please run 'az login'", code=1)], LOGIN),
    "sign-in expired": (
        [Row("get-access-token", err="AADSTS70043: The refresh token has expired", code=1)],
        LOGIN,
    ),
    "provider not registered": (
        [Row("provider show --namespace Microsoft.KeyVault", "NotRegistered")],
        "az provider register --wait --namespace Microsoft.KeyVault",
    ),
    "no role": (
        [Row("role assignment list", "Contributor")],
        "az role assignment create --assignee o1 --role Owner --scope /subscriptions/s1/resour",
    ),
    "region without Flex Consumption": (
        [Row("list-flex", "westeurope")],
        "az functionapp list-flexconsumption-locations",
    ),
    "deployment running": (
        [Row("deployment group show", "Running")],
        "az deployment group wait --resource-group g --name scim --updated",
    ),
    "vault deleted and kept": (
        [Row("list-deleted", "northeurope")],
        "az keyvault recover --name scim-kv --location northeurope --resource-group g",
    ),
    "name of vault taken": ([Row("keyvault check-name", "false")], "change namePrefix"),
    "name of account taken": ([Row("storage account check-name", "false")], "change namePrefix"),
    "name of app taken": ([Row("checkNameAvailability", "false")], "change namePrefix"),
    "subscription not registered": (
        [Row("what-if", err="(MissingSubscriptionRegistration) Microsoft.Web", code=1)],
        "az provider register",
    ),
    "policy": (
        [Row("group create", err="(RequestDisallowedByPolicy) by 'tags'", code=1)],
        "ask who owns the policy",
    ),
    "quota": ([Row("group create", err="SubscriptionIsOverQuotaForSku", code=1)], "--location"),
    "role missing on deployment": (
        [Row("group create", err="(AuthorizationFailed) client", code=1)],
        "az role assignment create",
    ),
    "no network": ([Row("what-if", err="Max retries exceeded with url", code=1)], "the network"),
    "check fails, not the name": (
        [Row("keyvault check-name", err="Max retries exceeded", code=1)],
        "the network",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_with_the_command_that_mends_it(azure: Azure, case: str) -> None:
    rows, mends = BAD[case]
    done = azure.deploy("--directory", "contoso", rows=rows)
    assert done.returncode == 1
    assert mends in done.stderr
    assert not azure.called("secret set|config-zip|-m scim")


def test_the_provider_of_subnets_is_needed_with_a_network_alone(azure: Azure) -> None:
    unregistered = [Row("provider show --namespace Microsoft.App ", "NotRegistered")]
    assert azure.deploy(rows=unregistered).returncode == 0
    parameters = json.loads((ROOT / "infra/parameters/production.json").read_text())["parameters"]
    done = azure.deploy("--environment", "production", rows=unregistered)
    wanted = parameters.get("vnetEnabled", {}).get("value", False)
    assert ("--namespace Microsoft.App" in done.stderr) == wanted


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([Row("(?s)curl .*/Users(?!.*Authorization)", "403 Ip Forbidden")], "operatorCidrs"),
        ([Row("(?s)curl .*/Users(?!.*Authorization)", "200 {}")], "answers 200, not 401"),
        ([Row("(?s)curl .*Authorization", "500 {}")], "answers 500, not 200"),
        ([Row("(?s)curl .*Authorization", '200 {"totalResults": 1}')], "finds somebody"),
        ([Row("/readyz", "503 {}")], "is not ready"),
    ],
)
def test_a_service_that_does_not_work_is_not_called_deployed(
    azure: Azure, rows: list[Row], problem: str
) -> None:
    done = azure.deploy("--directory", "contoso", rows=rows)
    assert done.returncode == 1
    assert problem in done.stderr
    assert "Tenant URL" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "problem", "status"),
    [
        ((), "--group and --location are needed", 2),
        (("--group",), "--group needs a value", 2),
        (("--group", "g", "--location", "x", "--nonsense"), "no option --nonsense", 2),
        (
            ("--group", "g", "--location", "x", "--environment", "none"),
            "production.json test.json",
            1,
        ),
        (("--group", "g", "--location", "x", "--zip", "none.zip"), "infra/package.sh", 1),
        (
            ("--group", "g", "--location", "northeurope", "--subscription", "other"),
            "az account set --subscription other",
            1,
        ),
    ],
)
def test_bad_arguments_are_refused(
    azure: Azure, arguments: tuple[str, ...], problem: str, status: int
) -> None:
    done = azure.run(*arguments)
    assert done.returncode == status
    assert problem in done.stderr
    assert not azure.called("create")


@pytest.mark.parametrize("script", ["deploy", "destroy", "entra/connect"])
def test_a_missing_az_is_told(script: str, tmp_path: Path) -> None:
    for each in ("bash", "dirname", "mktemp", "rm", "env"):
        (tmp_path / each).symlink_to(f"/usr/bin/{each}")
    done = subprocess.run(
        [
            ROOT / f"infra/{script}.sh",
            "--group",
            "g",
            *(["--location", "x"] if script == "deploy" else []),
        ],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    assert done.returncode == 1
    assert "install-azure-cli" in done.stderr


# --- destroying ---

THERE = Row("az deployment group show", "{}")
LISTED = [THERE, Row("az resource list", "Microsoft.Web/sites\tscim-app"), Row("az group delete")]
LOCK = f"{ID}/Microsoft.Authorization/locks/keep"


def test_destroying_deletes_the_group_once_it_is_confirmed(azure: Azure) -> None:
    rows = [*LISTED, Row("az lock list")]
    asked = azure.run("--group", "g", rows=rows, script="destroy")
    assert asked.returncode == 1
    assert "--yes" in asked.stderr
    assert not azure.called("delete")
    done = azure.run("--group", "g", "--yes", rows=rows, script="destroy")
    assert done.returncode == 0, done.stderr
    assert azure.called("az group delete --name g --yes")


def test_a_locked_group_is_deleted_with_locks_alone(azure: Azure) -> None:
    rows = [*LISTED, Row("az lock list", LOCK), Row("az lock delete")]
    kept = azure.run("--group", "g", "--yes", rows=rows, script="destroy")
    assert kept.returncode == 1
    assert LOCK in kept.stderr
    assert not azure.called("delete")
    done = azure.run("--group", "g", "--yes", "--locks", rows=rows, script="destroy")
    assert done.returncode == 0
    assert azure.called(f"az lock delete --ids {LOCK}")


def test_a_group_that_we_did_not_make_is_left_alone(azure: Azure) -> None:
    done = azure.run("--group", "g", "--yes", script="destroy")
    assert done.returncode == 1
    assert "holds no deployment" in done.stderr
    assert not azure.called("delete")


def test_destroying_what_is_gone_succeeds(azure: Azure) -> None:
    gone = [Row("group exists", "false")]
    assert azure.run("--group", "g", "--yes", rows=gone, script="destroy").returncode == 0
