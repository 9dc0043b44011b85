"""What the files themselves keep to."""

import re
from pathlib import Path

from tests.infra.bicep import Code
from tests.infra.policies.rule import (
    APP,
    MAIN,
    STORAGE_FILE,
    VAULT_FILE,
    Complaints,
    Sources,
    absent,
    parameter_files,
    rule,
)


def parses(infra: Sources) -> Complaints:
    for file in infra.files.values():
        yield from file.wrong


def names_fit(infra: Sources) -> Complaints:
    """Storage accounts and vaults have at most 24 characters; uniqueString makes 13."""
    longest = infra.one("param", "main.bicep", "namePrefix").decorators.get("maxLength", 99)
    for call in ("host", "data", "backup", "vault"):
        name = infra.one("module", "main.bicep", call).at("params.name")
        if isinstance(name, Code) and name.text.isidentifier():
            name = infra.one("var", "main.bicep", name.text).value
        if not isinstance(name, Code) or "${suffix}" not in name:
            yield f"{call}: the name is not unique"
            continue
        length = len(name.text.strip("'").replace("${namePrefix}", "").replace("${suffix}", ""))
        if longest + 13 + length > 24:
            yield f"{call}: the name may have {longest + 13 + length} characters"


# Types that Azure gives no tags.
_BARE = re.compile(
    r"Authorization/|diagnosticSettings|budgets|savedSearches|/(blobServices|tableServices|managementPolicies|config|tables|subnets"
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
        "what-if-short-circuiting",
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


def what_if_looks_into_modules(infra: Sources) -> Complaints:
    """What a module is handed at run time names nothing in it, and is no condition.

    Azure's what-if leaves out the whole module otherwise; learn.microsoft.com/azure/
    azure-resource-manager/bicep/linter-rule-what-if-short-circuiting.
    """
    late = {path: set[str]() for path in infra.texts}
    for _ in range(3):  # modules call modules
        for call in infra.declared("module"):
            path = (Path(call.file).parent / call.type).as_posix()
            late[path] |= {
                name
                for name, value in call.at("params").items()
                if isinstance(value, Code)
                and ("outputs." in value or set(re.findall(r"\w+", value.text)) & late[call.file])
            }
    for each in [*infra.resources(), *infra.declared("module")]:
        over = each.loop.partition(":")[0]
        fixed = f"{each.at('name')} {each.at('scope')} {each.condition} {over}"
        for name in late[each.file] & set(re.findall(r"\w+", fixed)):
            yield f"{each}: {name} is known at run time alone"
    for file in (name for name in infra.texts if re.fullmatch(r"modules/.*\.json", name)):
        for resource in infra.json(file)["resources"]:
            for name in late[file] & set(re.findall(r"parameters\('(\w+)'\)", resource["name"])):
                yield f"{file}: {name} is known at run time alone"


def azd_asks_for_what_is_needed(infra: Sources) -> Complaints:
    """`azd` takes main.parameters.json; each value is its own, or one that it asks for."""
    known = {each.name: each for each in infra.declared("param", file="main.bicep")}
    given = infra.json("main.parameters.json")["parameters"]
    yield from (f"there is no parameter {name}" for name in set(given) - set(known))
    yield from (
        f"azd does not hand in {name}"
        for name, each in known.items()
        if each.value is None and name not in given
    )


# What the compiler's linter refuses (no-hardcoded-env-urls), before 0.38 in descriptions as well
# (github.com/Azure/bicep/pull/17667); and a refusal stops deploy.sh.
_HOSTS = (
    "azuredatalakeanalytics.net",
    "azuredatalakestore.net",
    "core.windows.net",
    "database.windows.net",
    "datalake.azure.net",
    "gallery.azure.com",
    "graph.windows.net",
    "login.microsoftonline.com",
    "management.azure.com",
    "vault.azure.net",
)
no_host_of_one_cloud = absent(r"\b(" + "|".join(re.escape(each) for each in _HOSTS) + r")\b")


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


RULES = (
    rule(
        "I27",
        "names are unique and short enough",
        names_fit,
        (MAIN, "@maxLength(7)", "@maxLength(12)"),
        (MAIN, "'${namePrefix}data${suffix}'", "'${namePrefix}directories${suffix}'"),
        (MAIN, "'${namePrefix}host${suffix}'", "'scimhost'"),
    ),
    rule(
        "I27",
        "everything has tags and the one location",
        tagged_and_placed,
        (VAULT_FILE, "  tags: tags\n", ""),
        (APP, "  tags: union(tags, { 'azd-service-name': 'scim' })\n", ""),
        (STORAGE_FILE, "  location: location\n", "  location: 'westeurope'\n"),
    ),
    rule(
        "I28",
        "parameters are described and bounded",
        described,
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
        parameters_fit,
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
        linter_is_strict,
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
        "I28",
        "no address of one cloud, which the linter of some versions refuses anywhere",
        no_host_of_one_cloud,
        (MAIN, "by its https address.", "https://ACCOUNT.blob.core.windows.net/CONTAINER."),
        (APP, "environment().authentication.loginEndpoint", "'https://login.microsoftonline.com/'"),
    ),
    rule(
        "I29",
        "modules are in this folder, and get what they ask for",
        modules_are_ours,
        (MAIN, "'modules/vault.bicep'", "'br/public:avm/res/key-vault/vault:0.13.0'"),
        (MAIN, "    logReads: logReads\n", ""),
        (MAIN, "    publicUrl: publicUrl\n", "    url: publicUrl\n"),
    ),
    rule(
        "C5",
        "what-if sees every resource",
        what_if_looks_into_modules,
        (STORAGE_FILE, "guid(account.id, identityName, blobOwner)", "guid(appPrincipalId)"),
        (MAIN, "concat([dataName], furtherNames)", "[data!.outputs.name]"),
        (VAULT_FILE, "guid(vault.id, identityName,", "guid(vault.id, appPrincipalId,"),
        ("modules/cosmos-roles.json", "parameters('names')[copy", "parameters('principals')[copy"),
        (MAIN, "    identityName: identityName\n", "    identityName: identity.outputs.name\n"),
    ),
    rule(
        "C6",
        "azd finds what the template needs",
        azd_asks_for_what_is_needed,
        ("main.parameters.json", '"alertEmails"', '"alertMails"'),
        ("main.parameters.json", '    "environmentName": {"value": "test"},\n', ""),
    ),
    rule(
        "I29",
        "one version of each type and its children",
        one_version_of_each_type,
        (APP, "Microsoft.Web/sites@2025-03-01", "Microsoft.Web/sites@2024-11-01"),
        (VAULT_FILE, "roleAssignments@2022-04-01", "roleAssignments@2020-04-01-preview"),
    ),
    rule(
        "§6",
        "every checker can read every file",
        parses,
        (MAIN, "param publicUrl string = ''", "param publicUrl string?"),
        (MAIN, "param clientCidrs array = []", "param clientCidrs string[] = []"),
        (APP, "var rules =", "var more = map(clients, each => each)\nvar rules ="),
        (STORAGE_FILE, "resource account", "resource = account"),
    ),
    rule(
        "I30",
        "the address that goes into Tenant URLs is told",
        tells_the_base_url,
        (MAIN, "output baseUrl", "output url"),
    ),
)
