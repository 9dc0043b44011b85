"""What may go wrong with infra/deploy.sh: told with what mends it, and safe to run again."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.azure import ROOT, Azure
from tests.infra.stub import Row


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    return Azure(tmp_path)


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
        "--assignee-object-id o1 --assignee-principal-type User --role Owner --scope /subscr",
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
    "name of vault taken": ([Row("KeyVault/checkName", "false")], "change namePrefix"),
    "name of account taken": ([Row("Storage/checkName", "false")], "change namePrefix"),
    "name of app taken": ([Row("Web/checkName", "false")], "change namePrefix"),
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
        [Row("KeyVault/checkName", err="Max retries exceeded", code=1)],
        "the network",
    ),
    "no compiler": (
        [Row("what-if", err="ERROR: Error while attempting to download Bicep CLI: x", code=1)],
        "az bicep install",
    ),
    "vault deleted, told by the template": (
        [Row("what-if", err="A vault with the same name already exists in deleted state", code=1)],
        "az keyvault recover --name NAME --location northeurope --resource-group g",
    ),
    "role given by hand": (
        [Row("group create", err="(RoleAssignmentExists) The role assignment exists", code=1)],
        "az role assignment delete --ids",
    ),
    "identity made anew": (
        [Row("group create", err="(RoleAssignmentUpdateNotPermitted)", code=1)],
        "az role assignment delete --ids",
    ),
    "budget of another month": (
        [Row("group create", err="400: Start date of budgets cannot be updated.", code=1)],
        "budgetStart",
    ),
    "secret deleted and kept": (
        [Row("secret set", err="(Conflict) ObjectIsDeletedButRecoverable", code=1)],
        "az keyvault secret recover",
    ),
    "secret disabled": (
        [Row("secret show", err="(Forbidden) get is not allowed: SecretDisabled", code=1)],
        "--enabled true",
    ),
    "vault behind a firewall": (
        [Row("secret show", err="(Forbidden) ForbiddenByFirewall", code=1)],
        "operatorCidrs",
    ),
    "sign-in ends between two questions": (
        [Row("account show --query user.type", err="ERROR: Please run 'az login'", code=1)],
        LOGIN,
    ),
    "a token that says nobody's name": (
        [Row("get-access-token --query", "no token")],
        LOGIN,
    ),
    "an output that is missing": (
        [Row("group create", '{"baseUrl": {"value": "https://x.example.com"}}')],
        "the deployment has no output functionAppName",
    ),
    "sign-in ends half-way": (
        [Row("group create", err="ERROR: AADSTS700082: The refresh token has expired", code=1)],
        LOGIN,
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_with_the_command_that_mends_it(azure: Azure, case: str) -> None:
    rows, mends = BAD[case]
    done = azure.deploy("--directory", "contoso", rows=rows)
    assert done.returncode == 1
    assert mends in done.stderr
    assert not azure.called("api/publish|-m scim")
    # What waits for it does not wait for what time does not mend.
    assert len(azure.called("secret show")) < 3


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"alertEmails": ["scim@example.com"]}, "alerts would go to scim@example.com"),
        ({"operatorCidrs": None}, "list the public address that you work from as operatorCidrs"),
        ({"pythonVersion": "3.13"}, "is built for another version than Python 3.13"),
    ],
)
def test_a_parameter_that_only_a_person_can_give_is_asked_for_at_once(
    azure: Azure, wanted: dict[str, Any], problem: str
) -> None:
    azure.wants(**wanted)
    done = azure.deploy("--directory", "contoso")
    assert done.returncode == 1
    assert problem in done.stderr
    assert not azure.stub.calls or not azure.called("az ")


def test_a_file_that_is_no_package_is_told_at_once(azure: Azure) -> None:
    azure.zip.write_text("not a zip")
    done = azure.deploy()
    assert done.returncode == 1
    assert "scim.zip is no package: infra/package.sh makes one" in done.stderr
    assert "Traceback" not in done.stderr
    assert not azure.called("az ")


def test_the_interpreter_that_builds_the_package_is_asked_for_at_once(azure: Azure) -> None:
    azure.wants(pythonVersion="3.99")
    where = ("--group", "g", "--location", "x", "--environment", str(azure.parameters))
    done = azure.run(*where)
    assert done.returncode == 1
    assert "python3.99 is missing, which the package is built with" in done.stderr
    assert not azure.called("az ")


@pytest.mark.parametrize("wanted", [{"restrictAccess": False}, {"frontDoorId": "f"}])
def test_nobody_needs_an_address_where_others_decide_who_comes_in(
    azure: Azure, wanted: dict[str, Any]
) -> None:
    azure.wants(operatorCidrs=None, **wanted)
    assert azure.deploy().returncode == 0


def test_a_role_of_ones_own_is_tried(azure: Azure) -> None:
    done = azure.deploy(rows=[Row("role assignment list", "Reader\nPlatform team")])
    assert done.returncode == 0
    assert "trying with: Reader, Platform team" in done.stderr


@pytest.mark.parametrize(
    ("directory", "preset", "problem"),
    [
        ("Contoso!", "default", "Contoso! can't be a directory's name"),
        ("-a", "default", "-a can't be a directory's name"),
        ("a" * 64, "default", "can't be a directory's name"),
        ("contoso", "bytebas", "there is no preset bytebas; there is: andmoney-advisors"),
    ],
)
def test_a_directory_that_can_not_be_is_told_before_ten_minutes_of_deployment(
    azure: Azure, directory: str, preset: str, problem: str
) -> None:
    done = azure.deploy("--directory", directory, "--preset", preset)
    assert done.returncode == 2
    assert problem in done.stderr
    assert not azure.called("az ")


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([Row("/api/publish", "403 Ip Forbidden")], "operatorCidrs"),
        ([Row("/api/publish", "409 ")], "another deployment of a package is running"),
        ([Row("/api/deployments", '200 {"status": 3, "message": "broken"}')], "broken"),
        ([Row("hostNameSslStates", "")], "names no deployment endpoint"),
    ],
)
def test_a_package_that_azure_does_not_take_is_told(
    azure: Azure, rows: list[Row], problem: str
) -> None:
    done = azure.deploy("--directory", "contoso", rows=rows)
    assert done.returncode == 1
    assert problem in done.stderr
    assert not azure.called("-m scim|/readyz")


def test_a_failed_package_is_not_waited_for(azure: Azure) -> None:
    azure.deploy(rows=[Row("/api/deployments", '200 {"status": 3}')])
    assert len(azure.called("/api/deployments")) == 2  # before it was sent, and after


def test_writing_that_is_refused_where_reading_is_allowed_is_told(azure: Azure) -> None:
    """A transaction is a POST to the account: is a role on the table enough? No page says."""
    refused = Row(
        "directory add", err="scim: 403; have the role Storage Table Data Contributor", code=1
    )
    done = azure.deploy("--directory", "contoso", rows=[refused])
    assert done.returncode == 1
    assert '"tableRoleScope": {"value": "account"}' in done.stderr
    wrong = Row("directory add", err="there is no preset x", code=2)
    done = azure.deploy("--directory", "contoso", rows=[wrong])
    assert "tableRoleScope" not in done.stderr
    assert len(azure.called("directory add")) == 1


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([Row("/readyz", "403 Ip Forbidden")], "operatorCidrs"),
        ([Row("(?s)curl .*/Users(?!.*Authorization)", "200 {}")], "answers 200, not 401"),
        ([Row("(?s)curl .*/Users.*Authorization", "500 {}")], "answers 500, not 200"),
        ([Row("(?s)curl .*/Users.*Authorization", '200 {"totalResults": 1}')], "finds somebody"),
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
    # Nobody keeps the token of a test that failed, nor one that was to be shown.
    assert len(azure.called("token revoke t1")) == len(azure.called("directory add"))


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
            ("--group", "g", "--location", "x", "--environment", "none.json"),
            "there is no none.json",
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
        timeout=60,
    )
    assert done.returncode == 1
    assert "install-azure-cli" in done.stderr


def test_another_subscription_is_refused(azure: Azure) -> None:
    done = azure.deploy("--subscription", "other")
    assert done.returncode == 1
    assert "az account set --subscription other" in done.stderr
    assert not azure.called("group")
