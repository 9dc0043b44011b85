"""The rules that infra/ keeps: item of the checklist → rule → mistakes that it catches.

Each mistake is planted in the text of one file, and the rule has to complain. What an item means,
and what can't be checked like this, is in docs/infrastructure.md.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from tests.infra import policies as p
from tests.infra.bicep import Code, parse

MAIN = "main.bicep"
APP = "modules/app.bicep"
STORAGE = "modules/storage.bicep"
VAULT = "modules/vault.bicep"
MONITORING = "modules/monitoring.bicep"
WORKSPACE = "modules/workspace.bicep"
NETWORK = "modules/network.bicep"
ALERTS = "modules/alerts.bicep"
COSMOS = "modules/cosmos.bicep"


class Mistake(NamedTuple):
    """In this file, this text becomes that one."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of an item, and mistakes that it has to catch."""

    item: str
    says: str
    check: Callable[[p.Sources], Iterator[str]]
    mistakes: tuple[Mistake, ...]


def rule(
    item: str,
    says: str,
    check: Callable[[p.Sources], Iterator[str]],
    *mistakes: tuple[str, str, str],
) -> Rule:
    return Rule(item, says, check, tuple(Mistake(*each) for each in mistakes))


ACCOUNT = {
    "allowSharedKeyAccess": False,
    "allowBlobPublicAccess": False,
    "allowCrossTenantReplication": False,
    "defaultToOAuthAuthentication": True,
    "minimumTlsVersion": "TLS1_2",
    "supportsHttpsTrafficOnly": True,
}
KEPT = {
    "enableRbacAuthorization": True,
    "enablePurgeProtection": True,
    "enableSoftDelete": True,
    "softDeleteRetentionInDays": 90,
    "enabledForDeployment": False,
    "enabledForDiskEncryption": False,
    "enabledForTemplateDeployment": False,
}
HIDDEN = (STORAGE, "replace(each, '/32', '')", "account.listKeys().keys[0].value")

RULES = (
    rule(
        "I1",
        "one app on Flex Consumption, in a plan of its own",
        p.one_flex_plan,
        (APP, "name: 'FC1', tier: 'FlexConsumption'", "name: 'Y1', tier: 'Dynamic'"),
        (APP, "reserved: true", "reserved: false"),
        (APP, "kind: 'functionapp'\n", "kind: 'linux'\n"),
    ),
    rule(
        "I2, I24",
        "no setting that Flex Consumption has done away with, no preview of updates",
        p.no_deprecated_setting,
        (APP, "    SCIM_STORAGE", "    FUNCTIONS_WORKER_RUNTIME: 'python'\n    SCIM_STORAGE"),
        (APP, "    SCIM_STORAGE", "    WEBSITE_RUN_FROM_PACKAGE: '1'\n    SCIM_STORAGE"),
        (APP, "http20Enabled: true", "alwaysOn: true"),
        (APP, "http20Enabled: true", "linuxFxVersion: 'PYTHON|3.12'"),
        (APP, "http20Enabled: true", "siteUpdateStrategy: { type: 'RollingUpdate' }"),
    ),
    rule(
        "I3",
        "one version of Python, which is tested",
        p.one_python,
        (MAIN, "param pythonVersion string = '3.12'", "param pythonVersion string = '3.9'"),
        (MAIN, "'3.12', '3.13'])", "'3.12', '3.14'])"),
        (APP, "version: pythonVersion", "version: '3.11'"),
        ("parameters/test.json", '"3.12"', '"3.13"'),
    ),
    rule(
        "I4",
        "memory that is offered, a bound on instances, several requests at a time",
        p.bounded_scale,
        (MAIN, "@allowed([512, 2048, 4096])", "@allowed([512, 1024, 4096])"),
        (APP, "maximumInstanceCount: maximumInstanceCount", "maximumInstanceCount: 1000"),
        (APP, "triggers: { http: { perInstanceConcurrency: perInstanceConcurrency } }", ""),
    ),
    rule(
        "I5",
        "roles are given before the app starts",
        p.roles_before_the_app,
        (MAIN, "vaultUri: vault.outputs.uri", "vaultUri: 'https://example.com'"),
        (MAIN, "hostBlobEndpoint: host.outputs.blobEndpoint", "hostBlobEndpoint: ''"),
    ),
    rule(
        "I5",
        "no identity that is made with the app",
        p.no_second_identity,
        (APP, "type: 'UserAssigned'\n", "type: 'SystemAssigned, UserAssigned'\n"),
    ),
    rule(
        "I5, I7",
        "one identity, which reads package and vault",
        p.identity_only,
        (APP, "type: 'UserAssignedIdentity'", "type: 'StorageAccountConnectionString'"),
        (
            APP,
            "keyVaultReferenceIdentity: identityId",
            "keyVaultReferenceIdentity: 'SystemAssigned'",
        ),
    ),
    rule(
        "I6",
        "host storage by identity, blobs alone",
        p.host_storage_by_identity,
        (APP, "AzureWebJobsStorage__credential: 'managedidentity'", ""),
        (APP, "    SCIM_STORAGE", "    AzureWebJobsStorage: ''\n    SCIM_STORAGE"),
    ),
    rule(
        "I8",
        "an account for the host, another one for the data",
        p.two_accounts,
        (
            MAIN,
            "    tables: tables\n    appPrincipalId",
            "    appOwnsBlobs: true\n    appPrincipalId",
        ),
        (MAIN, "    containers: [packageContainer]\n", "    tables: tables\n"),
    ),
    rule(
        "I9",
        "accounts take Entra identities alone, by TLS 1.2",
        p.has(p.STORAGE, **ACCOUNT),
        *(
            (STORAGE, f"    {key}: {shown}\n", new)
            for key, value in ACCOUNT.items()
            for shown in [str(value).lower() if isinstance(value, bool) else f"'{value}'"]
            for new in ("", f"    {key}: {'false' if value is True else 'true'}\n")
        ),
    ),
    rule(
        "I10, I11",
        "the least roles, each where it is needed",
        p.least_roles,
        (STORAGE, "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "b24988ac-6180-42a0-ab88-20f7382dd24c"),
        (STORAGE, "scope: table[n]", "scope: account"),
        (STORAGE, "    principalType: 'ServicePrincipal'\n", ""),
        (VAULT, "name: guid(vault.id, appPrincipalId, reader)", "name: guid(vault.id)"),
        (VAULT, "roleDefinitions', reader)", "roleDefinitions', writer)"),
        (MONITORING, "scope: component", "scope: resourceGroup()"),
    ),
    rule(
        "I11",
        "the tables that the app opens",
        p.tables_of_the_store,
        (MAIN, "['scim', 'directories']", "['scim', 'tenants']"),
        (MAIN, "    tables: tables\n    appPrincipalId", "    appPrincipalId"),
    ),
    rule(
        "I12",
        "no function that returns keys",
        p.no_list_function,
        HIDDEN,
        (
            STORAGE,
            "output name string = account.name",
            "output x string = account.listAccountSas()",
        ),
    ),
    rule(
        "I12, I28, I30",
        "no secret in parameters, defaults or outputs",
        p.no_secret_in_or_out,
        (MAIN, "param publicUrl string = ''", "@secure()\nparam publicUrl string = 'x'"),
        (VAULT, "output name string", "output pepper string"),
        ("parameters/test.json", '"monthlyBudget"', '"clientSecret"'),
        ("parameters/test.json", "scim-test@example.com", "Zm9vYmFy" * 6),
    ),
    rule(
        "I12",
        "settings hold no secret, the pepper is a reference",
        p.no_secret_setting,
        (
            APP,
            "'@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/scim-pepper)'",
            "'of everyday use'",
        ),
        (APP, "SCIM_STORAGE: tableEndpoint", "SCIM_STORAGE: 'AccountName=a;AccountKey=b'"),
    ),
    rule(
        "I13",
        "the vault goes by roles, and nothing is lost in it",
        p.has(p.VAULT, **KEPT),
        (VAULT, "enableRbacAuthorization: true", "enableRbacAuthorization: false"),
        (VAULT, "    enablePurgeProtection: true\n", ""),
        (VAULT, "softDeleteRetentionInDays: 90", "softDeleteRetentionInDays: 7"),
        (VAULT, "enabledForTemplateDeployment: false", "enabledForTemplateDeployment: true"),
    ),
    rule(
        "I14",
        "no template writes a secret's value",
        p.no_secret_values,
        (
            VAULT,
            "output id",
            "resource s 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = {}\noutput id",
        ),
    ),
    rule(
        "I15",
        "telemetry by identity, bounded in time and size",
        p.telemetry_by_identity,
        (MONITORING, "    DisableLocalAuth: true\n", ""),
        (WORKSPACE, "disableLocalAuth: true", "disableLocalAuth: false"),
        (WORKSPACE, "    workspaceCapping: { dailyQuotaGb: dailyQuotaGb }\n", ""),
        (APP, ";Authorization=AAD", ""),
        (MONITORING, "    WorkspaceResourceId: filtered.outputs.id\n", ""),
    ),
    rule(
        "O9",
        "queries of URLs and keys of rows are not kept",
        p.telemetry_without_people,
        ("modules/telemetry-filter.json", "split(Url, '?')", "split(Url, '#')"),
        (MONITORING, "    filterId: redaction.outputs.id\n", ""),
    ),
    rule(
        "I16",
        "HTTPS by TLS 1.2, which is what Entra speaks",
        p.tls,
        (APP, "httpsOnly: true", "httpsOnly: false"),
        (APP, "      minTlsVersion: '1.2'", "      minTlsVersion: '1.3'"),
        (APP, "scmMinTlsVersion: '1.2'", "scmMinTlsVersion: '1.0'"),
        (APP, "remoteDebuggingEnabled: false", "remoteDebuggingEnabled: true"),
    ),
    rule(
        "I17",
        "nobody publishes with a password",
        p.no_publishing_password,
        (APP, "properties: { allow: false }", "properties: { allow: true }"),
        (APP, "  name: 'ftp'", "  name: 'web'"),
    ),
    rule(
        "I18",
        "no home page of the host",
        p.no_home_page,
        (APP, "    AzureWebJobsDisableHomepage: 'true'\n", ""),
    ),
    rule(
        "I19",
        "Entra and the availability test reach the app, and who is named",
        p.entra_alone,
        (APP, "restrictAccess ? 'Deny' : 'Allow'", "'Allow'"),
        (APP, "restrictAccess ? rules : []", "[]"),
        (APP, "'AzureActiveDirectory'", "'Internet'"),
        (APP, "'ApplicationInsightsAvailability'", "'AzureMonitor'"),
        (MAIN, "param restrictAccess bool = true", "param restrictAccess bool = false"),
    ),
    rule(
        "I20",
        "Front Door only with our profile's id, and then no way around it",
        p.front_door_by_id,
        (APP, ", headers: { 'x-azure-fdid': [frontDoorId] }", ""),
        (APP, "empty(frontDoorId) ? entra : frontDoor", "entra, frontDoor"),
    ),
    rule(
        "I21",
        "a private network that Flex Consumption takes, and nothing beside it",
        p.private_network,
        (NETWORK, "Microsoft.App/environments", "Microsoft.Web/serverFarms"),
        (
            NETWORK,
            "name: 'app'\n        properties: {\n          addressPrefix",
            "name: 'my_app'\n        properties: {\n          addressPrefix",
        ),
        (NETWORK, "          networkSecurityGroup: { id: endpointRules.id }\n", ""),
        (STORAGE, "vnetEnabled && empty(operatorCidrs) ? 'Disabled' : 'Enabled'", "'Enabled'"),
        (VAULT, "vnetEnabled && empty(operatorCidrs) ? 'Disabled' : 'Enabled'", "'Enabled'"),
        (MAIN, "dependsOn: [hostEndpoint, dataEndpoint, vaultEndpoint]", "dependsOn: []"),
    ),
    rule(
        "I22",
        "no certificate or host name of our own",
        p.no_certificate,
        (APP, "http20Enabled: true", "hostNameBindings: []"),
    ),
    rule(
        "I23",
        "zones and copies for app, host storage and data",
        p.zones_and_copies,
        (APP, "    zoneRedundant: zoneRedundant\n", ""),
        (APP, "zoneRedundant ? 2 : 1", "1"),
        (MAIN, "sku: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'", "sku: 'Standard_LRS'"),
        (MAIN, "'Standard_RAGZRS'", "'Standard_GZRS'"),
    ),
    rule(
        "I25",
        "tables, blobs, vault, app and workspace log who did what",
        p.everything_logs,
        (STORAGE, "{ category: 'StorageDelete', enabled: true }", ""),
        (VAULT, "category: 'AuditEvent', enabled: true", "category: 'AuditEvent', enabled: false"),
        (COSMOS, "      { category: 'DataPlaneRequests', enabled: true }\n", ""),
    ),
    rule(
        "I26",
        "an alert for each query, and each tells the operators",
        p.alerts,
        (
            ALERTS,
            "loadTextContent('../queries/unauthorized.kql')",
            "loadTextContent('../queries/unavailable.kql')",
        ),
        (ALERTS, "actions: { actionGroups: [operators.id] }", "actions: { actionGroups: [] }"),
        (ALERTS, "name: 'tokens-expiring'", "name: 'tokens'"),
        (ALERTS, "    enabled: true\n    severity: 2", "    enabled: false\n    severity: 2"),
    ),
    rule(
        "I26",
        "availability is tested on /readyz",
        p.availability,
        (ALERTS, "/readyz", "/healthz"),
        (ALERTS, "ExpectedHttpStatusCode: 200", "ExpectedHttpStatusCode: 401"),
    ),
    rule(
        "I26",
        "the budget tells what is to come",
        p.budget,
        (ALERTS, "thresholdType: 'Forecasted'", "thresholdType: 'Actual'"),
        (ALERTS, "contactGroups: [operators.id] }\n    }", "contactGroups: [] }\n    }"),
    ),
    rule(
        "I26",
        "queries read what the app logs",
        p.queries_read_what_is_logged,
        ("queries/server-errors.kql", "line.operation", "line.route"),
        ("queries/tokens-expiring.kql", "'token expires'", "'token expiring'"),
    ),
    rule(
        "I27",
        "the data's account is locked, in production at least",
        p.data_are_locked,
        (STORAGE, "level: 'CanNotDelete'", "level: 'ReadOnly'"),
        (COSMOS, "= if (deleteLock) {", "= if (false) {"),
        (
            "parameters/production.json",
            '"deleteLock": {"value": true}',
            '"deleteLock": {"value": false}',
        ),
    ),
    rule(
        "I27",
        "names are unique and short enough",
        p.names_fit,
        (MAIN, "@maxLength(7)", "@maxLength(12)"),
        (MAIN, "'${namePrefix}data${suffix}'", "'${namePrefix}directories${suffix}'"),
        (MAIN, "'${namePrefix}host${suffix}'", "'scimhost'"),
    ),
    rule(
        "I27",
        "everything has tags and the one location",
        p.tagged_and_placed,
        (VAULT, "  tags: tags\n", ""),
        (APP, "  tags: union(tags, { 'azd-service-name': 'scim' })\n", ""),
        (STORAGE, "  location: location\n", "  location: 'westeurope'\n"),
    ),
    rule(
        "I28",
        "parameters are described and bounded",
        p.described,
        (
            MAIN,
            "@description('Further tags of every resource.')\n",
            "",
        ),
        (
            MAIN,
            "@minValue(1)\n@maxValue(1000)\nparam maximumInstanceCount",
            "param maximumInstanceCount",
        ),
        (MAIN, "@description('Name of the vault.')\n", ""),
    ),
    rule(
        "I28",
        "parameter files fit the template",
        p.parameters_fit,
        ("parameters/test.json", '"alertEmails"', '"alertMails"'),
        (
            "parameters/production.json",
            '"retentionInDays": {"value": 90}',
            '"retentionInDays": {"value": 7}',
        ),
        ("parameters/test.json", '{"value": "test"}', '{"value": "trial"}'),
    ),
    rule(
        "I28",
        "the compiler's linter is strict",
        p.linter_is_strict,
        (
            "bicepconfig.json",
            '"no-unused-params": {"level": "error"}',
            '"no-unused-params": {"level": "warning"}',
        ),
        (
            "bicepconfig.json",
            '"secure-parameter-default": {"level": "error"}',
            '"secure-parameter-default": {"level": "off"}',
        ),
    ),
    rule(
        "I29",
        "modules are in this folder, and get what they ask for",
        p.modules_are_ours,
        (MAIN, "'modules/vault.bicep'", "'br/public:avm/res/key-vault/vault:0.13.0'"),
        (MAIN, "    logReads: logReads\n", ""),
        (MAIN, "    publicUrl: publicUrl\n", "    url: publicUrl\n"),
    ),
    rule(
        "I29",
        "one version of each type and its children",
        p.one_version_of_each_type,
        (APP, "Microsoft.Web/sites@2025-03-01", "Microsoft.Web/sites@2024-11-01"),
        (VAULT, "roleAssignments@2022-04-01", "roleAssignments@2020-04-01-preview"),
    ),
    rule(
        "§6",
        "every checker can read every file",
        p.parses,
        (MAIN, "param publicUrl string = ''", "param publicUrl string?"),
        (MAIN, "param clientCidrs array = []", "param clientCidrs string[] = []"),
        (APP, "var rules =", "var more = map(clients, each => each)\nvar rules ="),
        (STORAGE, "resource account", "resource = account"),
    ),
    rule(
        "I30",
        "the address that goes into Tenant URLs is told",
        p.tells_the_base_url,
        (MAIN, "output baseUrl", "output url"),
    ),
    rule(
        "settings",
        "the app gets the settings that it reads",
        p.settings_of_the_app,
        (APP, "    SCIM_PUBLIC_URL: publicUrl\n", ""),
        (APP, "SCIM_STORAGE:", "SCIM_TABLES:"),
        (APP, "'ManagedIdentityCredential'", "'prod'"),
    ),
    rule(
        "O11",
        "Cosmos DB is as closed as a storage account",
        p.cosmos_is_hardened,
        (COSMOS, "disableLocalAuth: true", "disableLocalAuth: false"),
        (COSMOS, "minimalTlsVersion: 'Tls12'", "minimalTlsVersion: 'Tls'"),
        ("modules/cosmos-roles.json", "tables/containers/entities/*", "tables/*"),
    ),
)
REAL = p.sources()


@pytest.mark.parametrize("each", RULES, ids=lambda each: f"{each.item}: {each.says}")
def test_infra_keeps_the_rule(each: Rule) -> None:
    assert list(each.check(REAL)) == []


@pytest.mark.parametrize(
    ("each", "mistake"),
    [
        pytest.param(each, mistake, id=f"{each.item}: {each.says} {n}")
        for each in RULES
        for n, mistake in enumerate(each.mistakes, 1)
    ],
)
def test_the_rule_catches_the_mistake(each: Rule, mistake: Mistake) -> None:
    assert list(each.check(REAL.planted(*mistake)))


def test_every_rule_has_a_mistake() -> None:
    assert all(each.mistakes for each in RULES)
    assert len(RULES) > 40


def test_every_item_is_answered() -> None:
    """docs/infrastructure.md has a row for each item, and names those that rules check."""
    text = (p.ROOT / "docs/infrastructure.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (I\d+) \|(.*)$", text, re.MULTILINE))
    assert list(rows) == [f"I{n}" for n in range(1, 31)]
    checked = {item for each in RULES for item in re.findall(r"I\d+", each.item)}
    assert {item for item, row in rows.items() if "test_policies" in row} == checked


def test_every_parameter_is_documented() -> None:
    text = (p.ROOT / "docs/infrastructure.md").read_text("utf-8")
    for kind in ("param", "output"):
        names = {each.name for each in REAL.declared(kind, file=MAIN)}
        shown = set(re.findall(rf"^\| {kind} `(\w+)` \|", text, re.MULTILINE))
        assert shown == names, kind


def test_values_are_read_as_they_are_written() -> None:
    """What the rules stand on: literals, expressions, loops, conditions, children, decorators."""
    file = parse(
        "x.bicep",
        "@allowed([1, 2])\n@description('d')\nparam n int = 2\n"
        "resource a 'A.B/c@2020' = [for (each, i) in list: if (n > 1) {\n"
        "  name: 'a${i}'\n  properties: { on: false, many: [1, 'b', null] }\n"
        "  resource below 'd' existing = {\n    name: 'x'\n  }\n}]\n"
        "#disable-next-line some-rule\noutput o string = a[0].id\n",
    )
    assert file.wrong == ()
    param, a, below, output = file.declarations
    assert (param.value, param.decorators) == (2, {"allowed": [1, 2], "description": "d"})
    assert (a.type, a.api, a.condition) == ("A.B/c", "2020", "n > 1")
    assert a.at("name") == Code("'a${i}'")
    assert a.at("properties") == {"on": False, "many": [1, "b", None]}
    assert (below.type, below.existing) == ("A.B/c/d", True)
    assert output.value == Code("a[0].id")
