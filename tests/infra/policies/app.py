"""What the app is: plan, runtime, settings, TLS."""

import re

from scim.limits import LARGEST_BODY
from tests.infra.bicep import Code
from tests.infra.policies.rule import (
    APP,
    MAIN,
    PLAN,
    ROOT,
    SITE,
    Complaints,
    Sources,
    absent,
    app_settings,
    has,
    parameter_files,
    rule,
)


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


def bodies_are_bounded(infra: Sources) -> Complaints:
    """The app answers what is too long for it by SCIM; far beyond that the host ends it."""
    limit = int(app_settings(infra).get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", 100 * 2**20))
    if limit != 2 * LARGEST_BODY:
        yield f"the host reads bodies of {limit} bytes, for strangers too"


tls = has(
    SITE,
    httpsOnly=True,
    clientAffinityEnabled=False,
    siteConfig__minTlsVersion="1.2",
    siteConfig__scmMinTlsVersion="1.2",
    siteConfig__http20Enabled=True,
    siteConfig__remoteDebuggingEnabled=False,
)


def no_home_page(infra: Sources) -> Complaints:
    if app_settings(infra).get("AzureWebJobsDisableHomepage") != "true":
        yield "the host answers / with its own page"


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


RULES = (
    rule(
        "I1",
        "one app on Flex Consumption, in a plan of its own",
        one_flex_plan,
        (APP, "name: 'FC1', tier: 'FlexConsumption'", "name: 'Y1', tier: 'Dynamic'"),
        (APP, "reserved: true", "reserved: false"),
        (APP, "kind: 'functionapp'\n", "kind: 'linux'\n"),
    ),
    rule(
        "I2, I24",
        "no setting that Flex Consumption has done away with, no preview of updates",
        no_deprecated_setting,
        (APP, "    SCIM_STORAGE", "    FUNCTIONS_WORKER_RUNTIME: 'python'\n    SCIM_STORAGE"),
        (APP, "    SCIM_STORAGE", "    WEBSITE_RUN_FROM_PACKAGE: '1'\n    SCIM_STORAGE"),
        (APP, "http20Enabled: true", "alwaysOn: true"),
        (APP, "http20Enabled: true", "linuxFxVersion: 'PYTHON|3.12'"),
        (APP, "http20Enabled: true", "siteUpdateStrategy: { type: 'RollingUpdate' }"),
    ),
    rule(
        "I3",
        "one version of Python, which is tested",
        one_python,
        (MAIN, "param pythonVersion string = '3.12'", "param pythonVersion string = '3.9'"),
        (MAIN, "'3.12', '3.13'])", "'3.12', '3.14'])"),
        (APP, "version: pythonVersion", "version: '3.11'"),
        ("parameters/test.json", '"3.12"', '"3.13"'),
    ),
    rule(
        "I4",
        "memory that is offered, a bound on instances, several requests at a time",
        bounded_scale,
        (MAIN, "@allowed([512, 2048, 4096])", "@allowed([512, 1024, 4096])"),
        (APP, "maximumInstanceCount: maximumInstanceCount", "maximumInstanceCount: 1000"),
        (APP, "triggers: { http: { perInstanceConcurrency: perInstanceConcurrency } }", ""),
    ),
    rule(
        "I6",
        "host storage by identity, blobs alone",
        host_storage_by_identity,
        (APP, "AzureWebJobsStorage__credential: 'managedidentity'", ""),
        (APP, "    SCIM_STORAGE", "    AzureWebJobsStorage: ''\n    SCIM_STORAGE"),
    ),
    rule(
        "I16",
        "HTTPS by TLS 1.2, which is what Entra speaks",
        tls,
        (APP, "httpsOnly: true", "httpsOnly: false"),
        (APP, "      minTlsVersion: '1.2'", "      minTlsVersion: '1.3'"),
        (APP, "scmMinTlsVersion: '1.2'", "scmMinTlsVersion: '1.0'"),
        (APP, "remoteDebuggingEnabled: false", "remoteDebuggingEnabled: true"),
    ),
    rule(
        "I18",
        "no home page of the host",
        no_home_page,
        (APP, "    AzureWebJobsDisableHomepage: 'true'\n", ""),
    ),
    rule(
        "I22",
        "no certificate or host name of our own",
        no_certificate,
        (APP, "http20Enabled: true", "hostNameBindings: []"),
    ),
    rule(
        "I23",
        "zones and copies for app, host storage and data",
        zones_and_copies,
        (APP, "    zoneRedundant: zoneRedundant\n", ""),
        (APP, "zoneRedundant ? 2 : 1", "1"),
        (MAIN, "sku: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'", "sku: 'Standard_LRS'"),
        (MAIN, "'Standard_RAGZRS'", "'Standard_GZRS'"),
    ),
    rule(
        "R9",
        "the host reads no body that is far too long",
        bodies_are_bounded,
        (APP, "    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '8388608'\n", ""),
        (APP, "'8388608'", "'83886080'"),
    ),
    rule(
        "settings",
        "the app gets the settings that it reads",
        settings_of_the_app,
        (APP, "    SCIM_PUBLIC_URL: publicUrl\n", ""),
        (APP, "SCIM_STORAGE:", "SCIM_TABLES:"),
        (APP, "    SCIM_ENTRA_AUTHORITY: environment().authentication.loginEndpoint\n", ""),
        (APP, "'ManagedIdentityCredential'", "'prod'"),
    ),
)
