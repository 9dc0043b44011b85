"""infra/deploy.sh against stubs of az, curl and `python -m scim`: what it does, in which order."""

import re
from pathlib import Path

import pytest

from tests.infra.azure import BEARER, OUTPUTS, ROOT, SCM, TOKEN, URL, Azure
from tests.infra.stub import Row


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
    "Microsoft.KeyVault/checkNameAvailability",
    "Microsoft.Storage/checkNameAvailability",
    "Microsoft.Web/checkNameAvailability",
    "deployment group create",
    "keyvault secret show",
    "keyvault secret set",
    "appsettings/refresh",
    "appsettings/SCIM_PEPPER",
    "rest --method patch",
    "/api/deployments/latest",
    "/api/publish",
    "--max-time 30",
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
    assert "made the directory contoso of the preset bytebase" in done.stderr
    assert "infra/entra/connect.sh contoso --group g" in done.stdout


def test_the_arguments_are_what_azure_is_to_be_told(azure: Azure) -> None:
    azure.deploy("--directory", "contoso", "--preset", "bytebase")
    (create,) = azure.called("deployment group create")
    assert f"--template-file {ROOT}/infra/main.bicep" in create
    assert f"--parameters @{azure.parameters}" in create
    assert "location=northeurope operatorPrincipalId=o1 operatorPrincipalType=User" in create
    (publish,) = azure.called("/api/publish")
    assert f"--data-binary @{azure.zip} https://{SCM}/api/publish?RemoteBuild=false" in publish
    (add,) = azure.called("directory add")
    assert f"--preset bytebase --base-url {URL} --vault {OUTPUTS['vaultUrl']}" in add
    assert f"--account {OUTPUTS['tableUrl']}" in add
    named = [each.given[0] for each in azure.stub.calls if "checkNameAvailability" in each.line]
    assert named == [
        '{"name": "scim-kv", "type": "Microsoft.KeyVault/vaults"}',
        '{"name": "scimdata", "type": "Microsoft.Storage/storageAccounts"}',
        '{"name": "scim-app", "type": "Microsoft.Web/sites"}',
    ]


def test_no_secret_is_in_an_argument_or_in_output(azure: Azure) -> None:
    """Secrets and tokens travel by files that nobody else can read, and by stdin."""
    done = azure.deploy("--directory", "contoso")
    made = [each for each in azure.stub.calls if "keyvault secret set" in each.line]
    assert [each.arguments[each.arguments.index("--name") + 1] for each in made] == [
        "scim-pepper",
        "scim-signing-keys",
    ]
    values = [value for each in made for value in each.given]
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in values)
    assert len(set(values)) == 2
    (published,) = [each for each in azure.stub.calls if "/api/publish" in each.line]
    assert published.given[0] == f'header = "Authorization: Bearer {BEARER}"\n'
    shown = [each for each in azure.stub.calls if each.program == "curl"][-1]
    assert f'header = "Authorization: Bearer {TOKEN}"' in shown.given[0]
    assert not any(each.open_to_others for each in azure.stub.calls)
    seen = done.stdout + done.stderr + "".join(each.line for each in azure.stub.calls)
    assert not any(each in seen for each in (*values, TOKEN, BEARER))
    assert azure.called("token revoke t1 --yes")  # nobody knows it


def test_the_token_is_printed_once_when_that_is_asked_for(azure: Azure) -> None:
    done = azure.deploy("--directory", "contoso", "--show-token")
    assert (done.stdout.count(TOKEN), done.stderr.count(TOKEN)) == (1, 0)
    assert not azure.called("token revoke")


def test_a_second_run_keeps_secrets_and_directory(azure: Azure) -> None:
    there = [
        Row("keyvault secret show"),
        Row("-m scim directory list", '[{"name": "contoso"}]'),
        Row("what-if .*--query", ""),
    ]
    done = azure.deploy("--directory", "contoso", rows=there)
    assert done.returncode == 0, done.stderr
    assert not azure.called("secret set|directory add|checkName|list-deleted")
    assert azure.called("appsettings/refresh")  # what was changed in the vault counts now
    assert azure.called("token issue contoso .*--days 1 ")
    assert azure.called("token revoke t2")


def test_who_is_signed_in_is_read_from_the_token(azure: Azure) -> None:
    """A workflow's identity may not ask Graph."""
    workflow = [Row("az account show --query user.type", "servicePrincipal")]
    done = azure.deploy(rows=workflow)
    assert done.returncode == 0, done.stderr
    assert not azure.called("az ad ")
    (roles,) = azure.called("role assignment list")
    assert "--assignee-object-id o1 " in roles
    assert "--fill-principal-name false" in roles
    (create,) = azure.called("deployment group create")
    assert "operatorPrincipalId=o1 operatorPrincipalType=ServicePrincipal" in create


def test_a_workflows_tokens_are_fetched_before_what_takes_long(azure: Azure) -> None:
    """Its sign-in is an assertion that is good for minutes: AADSTS700024 after them."""
    workflow = Row("az account show --query user.type", "servicePrincipal")
    late = Row("get-access-token --resource", err="AADSTS500011: another cloud", code=1)
    for rows in ([workflow], [workflow, late]):
        done = azure.deploy(rows=rows)
        assert done.returncode == 0, done.stderr
        lines = [each.line for each in azure.stub.calls]
        (create,) = (n for n, each in enumerate(lines) if "deployment group create" in each)
        for each in ("https://vault.azure.net", "https://storage.azure.com"):
            assert any(f"get-access-token --resource {each} " in one for one in lines[:create])
    azure.deploy()
    assert not azure.called("get-access-token --resource")


def test_who_may_not_look_at_the_subscription_deploys_all_the_same(azure: Azure) -> None:
    """The identity of a workflow has roles on the resource group alone."""
    no = "ERROR: (AuthorizationFailed) The client does not have authorization"
    looks = "list-flex|provider show|list-deleted|checkName|Consumption/budgets"
    done = azure.deploy("--directory", "contoso", rows=[Row(looks, err=no, code=1)])
    assert done.returncode == 0, done.stderr
    assert "not checked, for want of a role on the subscription: whether northeurope" in done.stderr


def test_a_budget_keeps_the_month_that_it_began_in(azure: Azure) -> None:
    """Azure refuses another one, so that a deployment in the next month would fail."""
    azure.deploy()
    assert "budgetStart" not in azure.called("group create")[-1]
    azure.deploy(rows=[Row("Consumption/budgets", "2025-03-01T00:00:00Z")])
    assert "budgetStart=2025-03-01" in azure.called("group what-if")[-1]
    assert "budgetStart=2025-03-01" in azure.called("group create")[-1]
    azure.wants(monthlyBudget=None)
    azure.deploy()
    assert not azure.called("Consumption")


def test_zones_and_cosmos_are_looked_up_where_they_are_wanted(azure: Azure) -> None:
    azure.wants(zoneRedundant=True, useCosmos=True, vnetEnabled=True)
    data = "/subscriptions/s1/resourceGroups/g/providers/Microsoft.DocumentDB/databaseAccounts/c"
    done = azure.deploy(rows=[Row("what-if .*--query", data)])
    assert done.returncode == 0, done.stderr
    assert azure.called("list-flexconsumption-locations --zone-redundant true")
    assert azure.called("cosmosdb check-name-exists --name c ")
    for each in ("DocumentDB", "App", "Network", "Consumption"):
        assert azure.called(f"provider show --namespace Microsoft.{each} ")


def test_a_second_pepper_is_waited_for_where_it_is_wanted(azure: Azure) -> None:
    azure.wants(secondPepper=True)
    assert azure.deploy().returncode == 0
    assert azure.called("appsettings/SCIM_PEPPER_PREVIOUS")


def test_the_hosts_administration_is_closed_before_the_code_is_there(azure: Azure) -> None:
    done = azure.deploy(rows=[Row("rest --method patch", "")])
    (closed,) = [each for each in azure.stub.calls if "--method patch" in each.line]
    assert closed.given == ['{"properties": {"functionsRuntimeAdminIsolationEnabled": true}}']
    assert done.returncode == 0
    assert "Azure does not say that /admin is closed" in done.stderr


def test_a_package_that_azure_takes_at_once_is_not_asked_for(azure: Azure) -> None:
    done = azure.deploy(rows=[Row("/api/publish", "200 ")])
    assert done.returncode == 0, done.stderr
    assert len(azure.called("/api/deployments")) == 1  # what was there before


def test_the_package_before_is_not_taken_for_the_new_one(azure: Azure) -> None:
    old, new = '200 {"id": "1", "status": 4}', '200 {"id": "2", "status": 4}'
    rows = [Row("/api/deployments", old, times=3), Row("/api/deployments", new, times=1)]
    done = azure.deploy(rows=rows)
    assert done.returncode == 0, done.stderr
    assert len(azure.called("/api/deployments")) == 4
    done = azure.deploy(rows=[Row("/api/deployments", old)])  # an id that never changes
    assert done.returncode == 0, done.stderr


def test_what_if_changes_nothing(azure: Azure) -> None:
    done = azure.deploy("--what-if")
    assert done.returncode == 0, done.stderr
    assert "12 to create" in done.stdout
    assert not azure.called("create|secret|refresh|patch|curl|-m scim")


def test_what_if_takes_the_examples_that_a_deployment_refuses(azure: Azure) -> None:
    azure.wants(alertEmails=["scim-test@example.com"], operatorCidrs=None)
    assert azure.deploy("--what-if").returncode == 0
    assert azure.deploy().returncode == 1


@pytest.mark.parametrize(
    "step",
    [
        "az group create",
        "deployment group create",
        "keyvault secret set",
        "appsettings/refresh",
        "rest --method patch",
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
        Row("/api/publish", "503 ", times=2),
        Row("/api/deployments/latest", '200 {"status": 1}', times=2),
        Row("/readyz", "403 Ip Forbidden", times=2),
        Row("/readyz", "503 {}", times=2),
        Row("directory list", err="scim: 403; role\n", code=1, times=2),
        Row("directory add", err="scim: 403; role\n", code=1, times=2),
    ]
    done = azure.deploy("--directory", "contoso", rows=late)
    assert done.returncode == 0, done.stderr
    assert len(azure.called("refresh")) == 3
