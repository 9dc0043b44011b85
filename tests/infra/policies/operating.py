"""What is seen and told: telemetry, logs, alerts, queries, budget."""

import ast
import re
from pathlib import Path

from tests.infra.bicep import Code
from tests.infra.policies.rule import (
    ALERTS,
    APP,
    COSMOS_FILE,
    LOGS,
    MAIN,
    MONITORING,
    ROOT,
    STORAGE_FILE,
    VAULT_FILE,
    WORKSPACE,
    WORKSPACE_FILE,
    Complaints,
    Sources,
    app_settings,
    has,
    rule,
)


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
    queries = [
        each
        for name in ("queries", "backupQueries")
        for each in infra.one("var", "modules/alerts.bicep", name).value
    ]
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
        "backup-failing",
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
    (throttled,) = (each for each in infra.resources(file=file) if each.name == "throttled")
    watched = infra.one("module", "main.bicep", "alerts").at("params.storageNames")
    if throttled.loop.partition(":")[0] != "[for (each, n) in storageNames" or watched != Code(
        "useCosmos ? [] : concat([dataName], furtherNames)"
    ):
        yield f"{throttled}: not for every account of the data"
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


def logged() -> set[str]:
    """Collect the fields of scim/log.py's lines from the code that writes them."""
    fields = {"status", "ms", "event"}
    for path in (ROOT / "scim").rglob("*.py"):
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


def every_query_is_saved(infra: Sources) -> Complaints:
    saved = infra.one("var", "modules/queries.bicep", "queries").value
    for each in saved:
        if each["query"] != Code(f"loadTextContent('../queries/{each['name']}.kql')"):
            yield f"{each['name']} is another query"
    there = {Path(name).stem for name in infra.texts if name.endswith(".kql")}
    if wrong := there ^ {each["name"] for each in saved}:
        yield f"not saved, or not there: {sorted(wrong)}"


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


RULES = (
    rule(
        "I15",
        "telemetry by identity, bounded in time and size",
        telemetry_by_identity,
        (MONITORING, "    DisableLocalAuth: true\n", ""),
        (WORKSPACE_FILE, "disableLocalAuth: true", "disableLocalAuth: false"),
        (WORKSPACE_FILE, "    workspaceCapping: { dailyQuotaGb: dailyQuotaGb }\n", ""),
        (APP, ";Authorization=AAD", ""),
        (MONITORING, "    WorkspaceResourceId: filtered.outputs.id\n", ""),
    ),
    rule(
        "O9",
        "queries of URLs and keys of rows are not kept",
        telemetry_without_people,
        ("modules/telemetry-filter.json", "split(Url, '?')", "split(Url, '#')"),
        (MONITORING, "    filterId: redaction.outputs.id\n", ""),
    ),
    rule(
        "I25",
        "tables, blobs, vault, app and workspace log who did what",
        everything_logs,
        (STORAGE_FILE, "{ category: 'StorageDelete', enabled: true }", ""),
        (
            VAULT_FILE,
            "category: 'AuditEvent', enabled: true",
            "category: 'AuditEvent', enabled: false",
        ),
        (COSMOS_FILE, "      { category: 'DataPlaneRequests', enabled: true }\n", ""),
    ),
    rule(
        "I26",
        "an alert for each query, and each tells the operators",
        alerts,
        (
            ALERTS,
            "loadTextContent('../queries/unauthorized.kql')",
            "loadTextContent('../queries/unavailable.kql')",
        ),
        (ALERTS, "actions: { actionGroups: [operators.id] }", "actions: { actionGroups: [] }"),
        (ALERTS, "name: 'tokens-expiring'", "name: 'tokens'"),
        (MAIN, "concat([dataName], furtherNames)", "[dataName]"),
        (ALERTS, "    enabled: true\n    severity: 2", "    enabled: false\n    severity: 2"),
    ),
    rule(
        "I26",
        "availability is tested on /readyz",
        availability,
        (ALERTS, "/readyz", "/healthz"),
        (ALERTS, "ExpectedHttpStatusCode: 200", "ExpectedHttpStatusCode: 401"),
    ),
    rule(
        "I26",
        "the budget tells what is to come",
        budget,
        (ALERTS, "thresholdType: 'Forecasted'", "thresholdType: 'Actual'"),
        (ALERTS, "contactGroups: [operators.id] }\n    }", "contactGroups: [] }\n    }"),
    ),
    rule(
        "O8",
        "every query is saved in the workspace",
        every_query_is_saved,
        ("modules/queries.bicep", "{ name: 'errors',", "{ name: 'failures',"),
        ("modules/queries.bicep", "('../queries/errors.kql')", "('../queries/latency.kql')"),
    ),
    rule(
        "I26",
        "queries read what the app logs",
        queries_read_what_is_logged,
        ("queries/server-errors.kql", "line.operation", "line.route"),
        ("queries/tokens-expiring.kql", "'token expires'", "'token expiring'"),
    ),
)
