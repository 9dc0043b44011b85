"""What holds for every file of infra/, as functions from the files to sentences of complaint.

The table in `test_policies.py` says which rule stands for which item of docs/infrastructure.md,
and shows each to fail on a planted mistake.
"""

import ast
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.infra.bicep import Code, Declaration, File, parse

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"

STORAGE = "Microsoft.Storage/storageAccounts"
VAULT = "Microsoft.KeyVault/vaults"
SITE = "Microsoft.Web/sites"
PLAN = "Microsoft.Web/serverfarms"
ROLE = "Microsoft.Authorization/roleAssignments"
LOGS = "Microsoft.Insights/diagnosticSettings"
COSMOS = "Microsoft.DocumentDB/databaseAccounts"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"
NETWORK = "Microsoft.Network/virtualNetworks"

Complaints = Iterator[str]


@dataclass(frozen=True, slots=True)
class Sources:
    """The texts of infra/ by path, Bicep files parsed."""

    texts: Mapping[str, str]

    @property
    def files(self) -> dict[str, File]:
        return {
            name: _parsed(name, text) for name, text in self.texts.items() if name.endswith("bicep")
        }

    def declared(self, kind: str, type: str = "", file: str = "") -> list[Declaration]:
        """List declarations of a kind; existing resources are somebody else's."""
        return [
            each
            for name, parsed in self.files.items()
            for each in parsed.declarations
            if each.kind == kind
            and not each.existing
            and type in ("", each.type)
            and file in ("", name)
        ]

    def resources(self, type: str = "", file: str = "") -> list[Declaration]:
        return self.declared("resource", type, file)

    def one(self, kind: str, file: str, name: str) -> Declaration:
        (found,) = (each for each in self.declared(kind, file=file) if each.name == name)
        return found

    def json(self, name: str) -> Any:
        return json.loads(self.texts[name])

    def planted(self, file: str, old: str, new: str) -> "Sources":
        """Change one file; what is replaced has to be there."""
        assert old in self.texts[file], f"{file} has no {old!r} any more: plant something else"
        return Sources({**self.texts, file: self.texts[file].replace(old, new)})


@cache
def _parsed(name: str, text: str) -> File:
    return parse(name, text)


def sources() -> Sources:
    """Read infra/ as it is."""
    found = [
        each
        for pattern in ("*.bicep", "modules/*", "parameters/*.json", "queries/*.kql", "*.json")
        for each in sorted(INFRA.glob(pattern))
        if each.is_file()
    ]
    return Sources({each.relative_to(INFRA).as_posix(): each.read_text("utf-8") for each in found})


# --- Ways to make a rule ---------------------------------------------------------------------


def has(type: str, **wanted: Any) -> Callable[[Sources], Complaints]:
    """Every resource of the type has these values below `properties` (`__` is a dot)."""

    def rule(infra: Sources) -> Complaints:
        found = infra.resources(type)
        if not found:
            yield f"there is no {type}"
        for each in found:
            for key, value in wanted.items():
                path = "properties." + key.replace("__", ".")
                actual = each.at(path)
                same = actual == value and isinstance(actual, bool) == isinstance(value, bool)
                if not same:
                    yield f"{each}: {path} is {actual!r}, not {value!r}"

    return rule


def absent(pattern: str) -> Callable[[Sources], Complaints]:
    """No Bicep file matches the regular expression, comments aside."""

    def rule(infra: Sources) -> Complaints:
        for name, file in infra.files.items():
            for number, line in enumerate(file.text.splitlines(), 1):
                if found := re.search(pattern, re.sub(r"(^|\s)//.*", "", line)):
                    yield f"{name}:{number}: {found[0]}"

    return rule


# --- Rules -----------------------------------------------------------------------------------


def parses(infra: Sources) -> Complaints:
    for file in infra.files.values():
        yield from file.wrong


def one_flex_plan(infra: Sources) -> Complaints:
    (plan, *more), sites = infra.resources(PLAN), infra.resources(SITE)
    if more or len(sites) != 1:
        yield "one app, in one plan of its own"
    if plan.at("sku") != {"name": "FC1", "tier": "FlexConsumption"}:
        yield f"{plan}: not Flex Consumption"
    if plan.at("kind") != "functionapp" or plan.at("properties.reserved") is not True:
        yield f"{plan}: not for functions on Linux"


_DEPRECATED = (
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "WEBSITE_",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
    "alwaysOn",
    "linuxFxVersion",
    "ftpsState",
    "dnsConfiguration",
    "vnetRouteAllEnabled",
    "healthCheckPath",
    "functionAppScaleLimit",
    "siteUpdateStrategy",
)
no_deprecated_setting = absent("|".join(_DEPRECATED))


def one_python(infra: Sources) -> Complaints:
    version = infra.one("param", "main.bicep", "pythonVersion")
    tested = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    for each in version.decorators.get("allowed", ["none"]):
        if f'"{each}"' not in tested:
            yield f"Python {each} is not among those that are tested"
    if version.value not in version.decorators.get("allowed", []):
        yield f"the default {version.value} is not allowed"
    for file in parameter_files(infra):
        if infra.json(file)["parameters"].get("pythonVersion") != {"value": version.value}:
            yield f"{file}: not Python {version.value}"
    stated = re.findall(r"'3\.\d+'", infra.texts["modules/app.bicep"])
    if len(stated) != len(version.decorators.get("allowed", [])):
        yield "modules/app.bicep has a version of its own"


def bounded_scale(infra: Sources) -> Complaints:
    for file in ("main.bicep", "modules/app.bicep"):
        memory = infra.one("param", file, "instanceMemoryMB")
        if memory.decorators.get("allowed") != [512, 2048, 4096]:
            yield f"{memory}: Azure offers 512, 2048 and 4096"
    (site,) = infra.resources(SITE)
    scale = site.at("properties.functionAppConfig.scaleAndConcurrency") or {}
    for key in ("instanceMemoryMB", "maximumInstanceCount"):
        if scale.get(key) != Code(key):
            yield f"{site}: {key} is not the parameter"
    if scale.get("triggers") != {
        "http": {"perInstanceConcurrency": Code("perInstanceConcurrency")}
    }:
        yield f"{site}: Python serves one request at a time unless perInstanceConcurrency says more"
    if not 1 <= infra.one("param", "main.bicep", "maximumInstanceCount").value <= 1000:
        yield "no bound on instances"


def identity_only(infra: Sources) -> Complaints:
    for site in infra.resources(SITE):
        if site.at("identity.type") != "UserAssigned":
            yield f"{site}: its identity has to be there before it is"
        if site.at("properties.keyVaultReferenceIdentity") != Code("identityId"):
            yield f"{site}: references to the vault need the identity named"
        how = site.at("properties.functionAppConfig.deployment.storage.authentication")
        if how != {
            "type": "UserAssignedIdentity",
            "userAssignedIdentityResourceId": Code("identityId"),
        }:
            yield f"{site}: the package is not read by identity"


def roles_before_the_app(infra: Sources) -> Complaints:
    """A module ends with its roles, so who needs its outputs comes after them."""
    app = infra.one("module", "main.bicep", "app")
    needed = " ".join(each.text for each in app.at("params").values() if isinstance(each, Code))
    for module in ("identity", "host", "data!", "cosmos!", "vault", "monitoring"):
        if f"{module}.outputs" not in needed:
            yield f"{app} may start before the roles of {module}"


def app_settings(infra: Sources) -> dict[str, Any]:
    (settings,) = (each for each in infra.resources(f"{SITE}/config") if each.name == "settings")
    return dict(settings.at("properties"))


def host_storage_by_identity(infra: Sources) -> Complaints:
    settings = app_settings(infra)
    host = {key: value for key, value in settings.items() if key.startswith("AzureWebJobsStorage")}
    if host != {
        "AzureWebJobsStorage__blobServiceUri": Code("hostBlobEndpoint"),
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": Code("identityClientId"),
    }:
        yield f"host storage is not by identity, or not of blobs alone: {sorted(host)}"


def settings_of_the_app(infra: Sources) -> Complaints:
    """Those that scim/settings.py reads, and the identity for azure-identity."""
    settings = app_settings(infra)
    read = set(re.findall(r'alias="(SCIM_\w+)"', (ROOT / "scim/settings.py").read_text("utf-8")))
    read |= {"AZURE_CLIENT_ID", "AZURE_TOKEN_CREDENTIALS"}
    written = {key for key in settings if key.startswith(("SCIM_", "AZURE_"))}
    if read != written:
        yield f"settings differ from those that are read: {sorted(read ^ written)}"
    if settings.get("AZURE_TOKEN_CREDENTIALS") != "ManagedIdentityCredential":
        yield "azure-identity would try every credential"


def no_secret_setting(infra: Sources) -> Complaints:
    for key, value in app_settings(infra).items():
        text = value.text if isinstance(value, Code) else str(value)
        if re.search(r"AccountKey|SharedAccess|InstrumentationKey=|listKeys", text):
            yield f"{key} holds a secret"
        if re.search(r"PEPPER|SECRET|PASSWORD|TOKEN$", key) and "@Microsoft.KeyVault(" not in text:
            yield f"{key} is not a reference to the vault"


def two_accounts(infra: Sources) -> Complaints:
    calls = {each.name: each for each in infra.declared("module", "modules/storage.bicep")}
    if set(calls) != {"host", "data"}:
        yield f"accounts: {sorted(calls)}, not host and data"
        return
    host, data = calls["host"].at("params"), calls["data"].at("params")
    if "tables" in host or "containers" in data:
        yield "host and data are mixed"
    if host.get("appOwnsBlobs") is not True or data.get("appOwnsBlobs", False) is not False:
        yield "the app owns the blobs of the host, and none of the data's account"


# The built-in roles that are given, and where each may be: the least that does.
ROLES: Mapping[str, tuple[str, Collection[str]]] = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": ("Storage Blob Data Owner", {"account"}),
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": ("Storage Table Data Contributor", {"table[n]"}),
    "4633458b-17de-408a-b874-0445c86b69e6": ("Key Vault Secrets User", {"vault"}),
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": ("Key Vault Secrets Officer", {"vault"}),
    "3913510d-42f4-4e42-8a64-420c390055eb": ("Monitoring Metrics Publisher", {"component"}),
}


def least_roles(infra: Sources) -> Complaints:
    for each in infra.resources(ROLE):
        found = re.fullmatch(
            r"subscriptionResourceId\('Microsoft.Authorization/roleDefinitions', (\w+)\)",
            getattr(each.at("properties.roleDefinitionId"), "text", ""),
        )
        if not found:
            yield f"{each}: the role is not a variable"
            continue
        role = infra.one("var", each.file, found[1])
        if role.value not in ROLES:
            yield f"{each}: the role {role.value} is not one of those that are needed"
            continue
        scope = getattr(each.at("scope"), "text", "nothing")
        name, places = ROLES[role.value]
        if scope not in places:
            yield f"{each}: {name} on {scope}"
        who = getattr(each.at("properties.principalId"), "text", "")
        if each.at("name") != Code(f"guid({scope}.id, {who}, {found[1]})"):
            yield f"{each}: its name does not come from scope, identity and role"
        operator = who == "operatorPrincipalId"
        kind = Code("operatorPrincipalType") if operator else "ServicePrincipal"
        if each.at("properties.principalType") != kind:
            yield f"{each}: no principalType, so that a new identity may not be found"
        if operator and "!empty(operatorPrincipalId)" not in each.condition:
            yield f"{each}: given to nobody"
        if name == "Key Vault Secrets Officer" and not operator:
            yield f"{each}: only operators write secrets"


def tables_of_the_store(infra: Sources) -> Complaints:
    code = (ROOT / "storage/open.py").read_text("utf-8")
    names = set(re.findall(r'_TABLE = "(\w+)"', code))
    if names != set(infra.one("var", "main.bicep", "tables").value):
        yield f"the app opens {sorted(names)}"
    for call in ("data", "cosmos"):
        if infra.one("module", "main.bicep", call).at("params.tables") != Code("tables"):
            yield f"{call} gets other tables"


no_list_function = absent(r"\blist(Keys|AccountSas|ServiceSas|ConnectionStrings|Secrets)?\w*\(")


def no_secret_in_or_out(infra: Sources) -> Complaints:
    for each in [*infra.declared("param"), *infra.declared("output")]:
        if re.search(r"secret|password|pepper|token$|key$", each.name, re.IGNORECASE):
            yield f"{each}: secrets neither enter a template nor leave it"
        if each.kind == "param" and "secure" in each.decorators and each.value is not None:
            yield f"{each}: a secret with a default"
    for file in parameter_files(infra):
        for name, value in infra.json(file)["parameters"].items():
            if re.search(r"secret|password|pepper|key", name, re.IGNORECASE):
                yield f"{file}: {name}"
            if re.search(r"[A-Za-z0-9+/]{40,}", json.dumps(value)):
                yield f"{file}: {name} looks like a key"


no_secret_values = absent(r"Microsoft\.KeyVault/vaults/(secrets|keys)|'(secrets|keys)'")


def telemetry_by_identity(infra: Sources) -> Complaints:
    yield from has("Microsoft.Insights/components", DisableLocalAuth=True)(infra)
    yield from has(WORKSPACE, features__disableLocalAuth=True)(infra)
    (component,) = infra.resources("Microsoft.Insights/components")
    if component.at("properties.WorkspaceResourceId") is None:
        yield f"{component}: not based on a workspace"
    if app_settings(infra).get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING") != Code(
        "'ClientId=${identityClientId};Authorization=AAD'"
    ):
        yield "the app does not sign in to Application Insights"
    for each in infra.resources(WORKSPACE):
        for path in ("retentionInDays", "workspaceCapping.dailyQuotaGb"):
            if each.at(f"properties.{path}") is None:
                yield f"{each}: no {path}"


def telemetry_without_people(infra: Sources) -> Complaints:
    (rule,) = infra.json("modules/telemetry-filter.json")["resources"]
    done = {flow["streams"][0]: flow["transformKql"] for flow in rule["properties"]["dataFlows"]}
    for stream, column in (("AppRequests", "Url"), ("AppDependencies", "Data")):
        if f"split({column}, '?')" not in done.get(f"Microsoft-Table-{stream}", ""):
            yield f"{stream}.{column} keeps its query"
    if infra.one("module", "modules/monitoring.bicep", "filtered").at("params.filterId") != Code(
        "redaction.outputs.id"
    ):
        yield "the workspace does not use the filter"


tls = has(
    SITE,
    httpsOnly=True,
    clientAffinityEnabled=False,
    siteConfig__minTlsVersion="1.2",
    siteConfig__scmMinTlsVersion="1.2",
    siteConfig__http20Enabled=True,
    siteConfig__remoteDebuggingEnabled=False,
)


def no_publishing_password(infra: Sources) -> Complaints:
    found = {
        each.at("name"): each.at("properties.allow")
        for each in infra.resources(f"{SITE}/basicPublishingCredentialsPolicies")
    }
    if found != {"ftp": False, "scm": False}:
        yield f"passwords publish: {found}"


def no_home_page(infra: Sources) -> Complaints:
    if app_settings(infra).get("AzureWebJobsDisableHomepage") != "true":
        yield "the host answers / with its own page"


def entra_alone(infra: Sources) -> Complaints:
    (site,) = infra.resources(SITE)
    config = site.at("properties.siteConfig")
    if config.get("ipSecurityRestrictionsDefaultAction") != Code(
        "restrictAccess ? 'Deny' : 'Allow'"
    ):
        yield f"{site}: who is not named is let in"
    if config.get("ipSecurityRestrictions") != Code("restrictAccess ? rules : []"):
        yield f"{site}: the rules are not used"
    if infra.one("param", "main.bicep", "restrictAccess").value is not True:
        yield "restricted only when asked"
    (entra,) = infra.one("var", "modules/app.bicep", "entra").value
    (probes,) = infra.one("var", "modules/app.bicep", "probes").value
    for rule, tag in ((entra, "AzureActiveDirectory"), (probes, "ApplicationInsightsAvailability")):
        if (rule["tag"], rule["ipAddress"], rule["action"]) != ("ServiceTag", tag, "Allow"):
            yield f"{tag} is not let in"


def front_door_by_id(infra: Sources) -> Complaints:
    (rule,) = infra.one("var", "modules/app.bicep", "frontDoor").value
    if rule["ipAddress"] != "AzureFrontDoor.Backend":
        yield "not the addresses of Front Door"
    if rule.get("headers") != {"x-azure-fdid": [Code("frontDoorId")]}:
        yield "anybody's Front Door is let in"
    if (
        "empty(frontDoorId) ? entra : frontDoor"
        not in infra.one("var", "modules/app.bicep", "rules").value
    ):
        yield "Front Door can be gone around"


def private_network(infra: Sources) -> Complaints:
    (network,) = infra.resources(NETWORK)
    app, endpoints = network.at("properties.subnets")
    (delegation,) = app["properties"].get("delegations", [{}])
    if delegation.get("properties", {}).get("serviceName") != "Microsoft.App/environments":
        yield f"{network}: the subnet is not Flex Consumption's"
    for subnet in (app, endpoints):
        if "_" in subnet["name"]:
            yield f"{network}: Flex Consumption refuses the name {subnet['name']}"
        if "networkSecurityGroup" not in subnet["properties"]:
            yield f"{network}: anything enters {subnet['name']}"
    behind = {each.name for each in infra.declared("module", "modules/endpoint.bicep")}
    if behind != {"hostEndpoint", "dataEndpoint", "vaultEndpoint"}:
        yield f"endpoints: {sorted(behind)}"
    if infra.one("module", "main.bicep", "app").at("dependsOn") != [
        Code(each) for each in ("hostEndpoint", "dataEndpoint", "vaultEndpoint")
    ]:
        yield "the app may start before its endpoints"
    closed = Code("vnetEnabled && empty(operatorCidrs) ? 'Disabled' : 'Enabled'")
    for each in [*infra.resources(STORAGE), *infra.resources(VAULT), *infra.resources(COSMOS)]:
        if each.at("properties.publicNetworkAccess") != closed:
            yield f"{each}: open beside the private network"


no_certificate = absent(r"hostNameBindings|Microsoft\.Web/certificates|sslState")


def zones_and_copies(infra: Sources) -> Complaints:
    yield from has(PLAN, zoneRedundant=Code("zoneRedundant"))(infra)
    (site,) = infra.resources(SITE)
    ready = site.at("properties.functionAppConfig.scaleAndConcurrency.alwaysReady")
    if "max(alwaysReadyInstances, zoneRedundant ? 2 : 1)" not in ready:
        yield f"{site}: zones need two instances"
    host = infra.one("module", "main.bicep", "host").at("params.sku")
    if host != Code("zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'"):
        yield "a redundant plan needs redundant host storage"
    data = infra.one("var", "main.bicep", "dataSku").value
    for sku in ("Standard_LRS", "Standard_ZRS", "Standard_RAGRS", "Standard_RAGZRS"):
        if sku not in data:
            yield f"data are never {sku}"


def everything_logs(infra: Sources) -> Complaints:
    wanted = {
        "modules/storage.bicep": {"StorageWrite", "StorageDelete", "StorageRead"},
        "modules/vault.bicep": {"AuditEvent"},
        "modules/app.bicep": {"FunctionAppLogs"},
        "modules/workspace.bicep": {"Audit"},
        "modules/cosmos.bicep": {"ControlPlaneRequests", "DataPlaneRequests"},
    }
    for file, categories in wanted.items():
        found = infra.resources(LOGS, file)
        if not found:
            yield f"{file}: nothing is logged"
        for each in found:
            logs = each.at("properties.logs") or []
            kept = {log["category"] for log in logs if log["enabled"] is not False}
            if kept != categories:
                yield f"{each}: {sorted(kept ^ categories)}"


def alerts(infra: Sources) -> Complaints:
    queries = infra.one("var", "modules/alerts.bicep", "queries").value
    told = {each["name"] for each in queries}
    yield from (
        f"there is no {each}.kql" for each in told if f"queries/{each}.kql" not in infra.texts
    )
    needed = {
        "server-errors",
        "unavailable",
        "unauthorized",
        "tokens-expiring",
        "purge-failing",
        "telemetry-dropped",
    }
    if missing := needed - told:
        yield f"nobody is told of {sorted(missing)}"
    for each in queries:
        if each["query"] != Code(f"loadTextContent('../queries/{each['name']}.kql')"):
            yield f"{each['name']} runs another query"
    file = "modules/alerts.bicep"
    for alert in infra.resources("Microsoft.Insights/scheduledQueryRules", file):
        if alert.at("properties.actions.actionGroups") != [Code("operators.id")]:
            yield f"{alert} tells nobody"
    for alert in infra.resources("Microsoft.Insights/metricAlerts", file):
        if alert.at("properties.actions") != [{"actionGroupId": Code("operators.id")}]:
            yield f"{alert} tells nobody"
    for each in infra.resources(file=file):
        if each.at("properties.enabled") is False or each.at("properties.Enabled") is False:
            yield f"{each} is off"


def availability(infra: Sources) -> Complaints:
    yield from has(
        "Microsoft.Insights/webtests",
        Enabled=True,
        Request__RequestUrl=Code("'https://${hostName}/readyz'"),
        ValidationRules__ExpectedHttpStatusCode=200,
        ValidationRules__SSLCheck=True,
    )(infra)
    if not any(
        "probe.id" in str(each.value) for each in infra.resources("Microsoft.Insights/metricAlerts")
    ):
        yield "nobody is told"


def budget(infra: Sources) -> Complaints:
    (month,) = infra.resources("Microsoft.Consumption/budgets")
    told = month.at("properties.notifications").values()
    if {each["thresholdType"] for each in told} != {"Actual", "Forecasted"}:
        yield f"{month}: no forecast"
    if not all(each["contactGroups"] for each in told):
        yield f"{month} tells nobody"


def logged(root: Path = ROOT) -> set[str]:
    """Collect the fields of scim/log.py's lines from the code that writes them."""
    fields = {"status", "ms", "event"}
    for path in (root / "scim").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "log.note",
                "log.event",
                "log.request",
            ):
                fields |= {each.arg for each in node.keywords if each.arg}
            if isinstance(node, ast.ClassDef) and node.name == "Purged":
                fields |= {
                    ast.unparse(each.target)
                    for each in node.body
                    if isinstance(each, ast.AnnAssign)
                }
    return fields


def queries_read_what_is_logged(infra: Sources) -> Complaints:
    known = logged()
    code = "".join(each.read_text("utf-8") for each in (ROOT / "scim").rglob("*.py"))
    for name, text in infra.texts.items():
        if not name.endswith(".kql"):
            continue
        for field in re.findall(r"\bline\.(\w+)", text):
            if field not in known:
                yield f"{name}: no line has {field}"
        for event in re.findall(r"line\.event\) == '([^']*)'", text):
            if f'"{event}"' not in code:
                yield f"{name}: nothing logs {event}"


def data_are_locked(infra: Sources) -> Complaints:
    for file in ("modules/storage.bicep", "modules/cosmos.bicep"):
        locks = infra.resources("Microsoft.Authorization/locks", file)
        if [each.at("properties.level") for each in locks] != ["CanNotDelete"]:
            yield f"{file}: no lock"
        elif locks[0].condition != "deleteLock" or locks[0].at("scope") != Code("account"):
            yield f"{locks[0]}: not on the account, or not always"
    if infra.json("parameters/production.json")["parameters"].get("deleteLock") != {"value": True}:
        yield "production can be deleted"


def names_fit(infra: Sources) -> Complaints:
    """Storage accounts and vaults have at most 24 characters; uniqueString makes 13."""
    longest = infra.one("param", "main.bicep", "namePrefix").decorators.get("maxLength", 99)
    for call in ("host", "data", "vault"):
        name = infra.one("module", "main.bicep", call).at("params.name")
        if not isinstance(name, Code) or "${suffix}" not in name:
            yield f"{call}: the name is not unique"
            continue
        length = len(name.text.strip("'").replace("${namePrefix}", "").replace("${suffix}", ""))
        if longest + 13 + length > 24:
            yield f"{call}: the name may have {longest + 13 + length} characters"


# Types that Azure gives no tags.
_BARE = re.compile(
    r"Authorization/|diagnosticSettings|budgets|/(blobServices|tableServices|config|tables|subnets"
    r"|basicPublishing\w+|privateDnsZoneGroups)"
)


def tagged_and_placed(infra: Sources) -> Complaints:
    for each in infra.resources():
        if _BARE.search(each.type):
            continue
        tags = each.at("tags")
        if not isinstance(tags, Code) or not re.match(r"tags$|union\(tags,", tags.text):
            yield f"{each}: no tags"
        if each.at("location") not in (Code("location"), "global"):
            yield f"{each}: a place of its own"


def described(infra: Sources) -> Complaints:
    for each in infra.declared("param"):
        if not each.decorators.get("description"):
            yield f"{each}: not described"
        if each.type == "int" and not {"allowed", "minValue"} & set(each.decorators):
            yield f"{each}: no bounds"
        if (
            each.type == "int"
            and "minValue" in each.decorators
            and "maxValue" not in each.decorators
        ):
            yield f"{each}: no upper bound"
    yield from (
        f"{each}: not described"
        for each in infra.declared("output", file="main.bicep")
        if not each.decorators.get("description")
    )


def parameter_files(infra: Sources) -> list[str]:
    return [name for name in infra.texts if name.startswith("parameters/")]


def parameters_fit(infra: Sources) -> Complaints:
    known = {each.name: each for each in infra.declared("param", file="main.bicep")}
    for file in parameter_files(infra):
        given = {name: each["value"] for name, each in infra.json(file)["parameters"].items()}
        for name, each in known.items():
            if each.value is None and name not in given:
                yield f"{file}: {name} is missing"
        for name, value in given.items():
            if name not in known:
                yield f"{file}: there is no parameter {name}"
                continue
            rules = known[name].decorators
            if "allowed" in rules and value not in rules["allowed"]:
                yield f"{file}: {name} can't be {value}"
            if isinstance(value, int) and not (
                rules.get("minValue", value) <= value <= rules.get("maxValue", value)
            ):
                yield f"{file}: {name} can't be {value}"


def linter_is_strict(infra: Sources) -> Complaints:
    rules = infra.json("bicepconfig.json")["analyzers"]["core"]["rules"]
    needed = {
        "outputs-should-not-contain-secrets",
        "secure-parameter-default",
        "no-unused-params",
        "no-unused-vars",
        "use-recent-api-versions",
        "no-hardcoded-env-urls",
        "use-parent-property",
    }
    for name in needed | set(rules):
        if rules.get(name, {}).get("level") not in ("error", "off"):
            yield f"{name} is no error"
    if [each for each in needed if rules.get(each, {}).get("level") == "off"]:
        yield "a rule that is needed is off"


def modules_are_ours(infra: Sources) -> Complaints:
    for each in infra.declared("module"):
        path = (Path(each.file).parent / each.type).as_posix()
        if path not in infra.texts:
            yield f"{each}: {each.type} is not in this folder"
        elif path.endswith(".bicep"):
            known = {one.name: one for one in infra.declared("param", file=path)}
            given = set(each.at("params"))
            missing = {name for name, one in known.items() if one.value is None} - given
            if missing or given - set(known):
                yield f"{each}: parameters {sorted(missing | (given - set(known)))}"
        else:
            known_json = set(infra.json(path)["parameters"])
            if known_json != set(each.at("params")):
                yield f"{each}: parameters {sorted(known_json ^ set(each.at('params')))}"


def one_version_of_each_type(infra: Sources) -> Complaints:
    versions: dict[str, set[str]] = {}
    for each in infra.resources():
        if each.api:
            family = "/".join(each.type.split("/")[:2])
            versions.setdefault(family, set()).add(each.api)
    yield from (f"{type}: {sorted(found)}" for type, found in versions.items() if len(found) > 1)


def tells_the_base_url(infra: Sources) -> Complaints:
    outputs = {each.name: each for each in infra.declared("output", file="main.bicep")}
    if "baseUrl" not in outputs or "app.outputs.hostName" not in outputs["baseUrl"].value:
        yield "nobody learns what goes before /DIRECTORY/scim"


def cosmos_is_hardened(infra: Sources) -> Complaints:
    yield from has(
        COSMOS,
        disableLocalAuth=True,
        disableKeyBasedMetadataWriteAccess=True,
        minimalTlsVersion="Tls12",
        backupPolicy=Code("backups"),
    )(infra)
    role, given = infra.json("modules/cosmos-roles.json")["resources"]
    (permissions,) = role["properties"]["permissions"]
    actions = permissions["dataActions"]
    allowed = r".*/(readMetadata|tables/containers/executeQuery|tables/containers/entities/\*)"
    if not all(re.fullmatch(allowed, each) for each in actions):
        yield "the app can make or drop tables"
    if given["properties"]["roleDefinitionId"] != "[variables('roleId')]":
        yield "another role is given"


no_second_identity = absent(r"SystemAssigned")
