"""Who may do what: identities, roles, secrets."""

import json
import re
from collections.abc import Collection, Mapping

from tests.infra.bicep import Code
from tests.infra.policies.rule import (
    APP,
    MAIN,
    MONITORING,
    ROLE,
    SITE,
    STORAGE_FILE,
    VAULT,
    VAULT_FILE,
    Complaints,
    Sources,
    absent,
    app_settings,
    has,
    parameter_files,
    rule,
)

HIDDEN = (STORAGE_FILE, "replace(each, '/32', '')", "account.listKeys().keys[0].value")


def roles_before_the_app(infra: Sources) -> Complaints:
    """A module ends with its roles, so who needs its outputs comes after them."""
    app = infra.one("module", "main.bicep", "app")
    needed = " ".join(each.text for each in app.at("params").values() if isinstance(each, Code))
    for module in ("identity", "host", "data!", "cosmos!", "backup!", "vault", "monitoring"):
        if f"{module}.outputs" not in needed:
            yield f"{app} may start before the roles of {module}"


no_second_identity = absent(r"SystemAssigned")


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


# The built-in roles that are given, and where each may be: the least that does.
ROLES: Mapping[str, tuple[str, Collection[str]]] = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": ("Storage Blob Data Owner", {"account"}),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": ("Storage Blob Data Contributor", {"container[n]"}),
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": (
        "Storage Table Data Contributor",
        {"table[n]", "account"},
    ),
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
        wide = name.startswith("Storage Table") and scope == "account"
        if wide and "tableRoleScope == 'account'" not in each.condition:
            yield f"{each}: on the account, though nobody asked for that"
        operator = each.at("properties.principalId") == Code("operatorPrincipalId")
        # Not by the object id of the app's identity, which is known at run time alone.
        who = "operatorPrincipalId" if operator else "identityName"
        if each.at("name") != Code(f"guid({scope}.id, {who}, {found[1]})"):
            yield f"{each}: its name does not come from scope, identity and role"
        kind = Code("operatorPrincipalType") if operator else "ServicePrincipal"
        if each.at("properties.principalType") != kind:
            yield f"{each}: no principalType, so that a new identity may not be found"
        if operator and "!empty(operatorPrincipalId)" not in each.condition:
            yield f"{each}: given to nobody"
        if name == "Key Vault Secrets Officer" and not operator:
            yield f"{each}: only operators write secrets"


no_list_function = absent(r"\blist(Keys|AccountSas|ServiceSas|ConnectionStrings|Secrets)?\w*\(")


def no_secret_in_or_out(infra: Sources) -> Complaints:
    for each in [*infra.declared("param"), *infra.declared("output")]:
        # Yes or no is no secret.
        named = re.search(r"secret|password|pepper|token$|key$", each.name, re.IGNORECASE)
        if named and each.type != "bool":
            yield f"{each}: secrets neither enter a template nor leave it"
        if each.kind == "param" and "secure" in each.decorators and each.value is not None:
            yield f"{each}: a secret with a default"
    for file in parameter_files(infra):
        for name, value in infra.json(file)["parameters"].items():
            named = re.search(r"secret|password|pepper|key", name, re.IGNORECASE)
            if named and value["value"] not in (True, False):
                yield f"{file}: {name}"
            if re.search(r"[A-Za-z0-9+/]{40,}", json.dumps(value)):
                yield f"{file}: {name} looks like a key"


def no_secret_setting(infra: Sources) -> Complaints:
    for key, value in app_settings(infra).items():
        text = value.text if isinstance(value, Code) else str(value)
        if re.search(r"AccountKey|SharedAccess|InstrumentationKey=|listKeys", text):
            yield f"{key} holds a secret"
        secret = re.search(r"PEPPER|SECRET|PASSWORD|SIGNING|TOKEN$", key)
        if secret and "@Microsoft.KeyVault(" not in text:
            yield f"{key} is not a reference to the vault"


no_secret_values = absent(r"Microsoft\.KeyVault/vaults/(secrets|keys)|'(secrets|keys)'")


def no_publishing_password(infra: Sources) -> Complaints:
    found = {
        each.at("name"): each.at("properties.allow")
        for each in infra.resources(f"{SITE}/basicPublishingCredentialsPolicies")
    }
    if found != {"ftp": False, "scm": False}:
        yield f"passwords publish: {found}"


KEPT = {
    "enableRbacAuthorization": True,
    "enablePurgeProtection": True,
    "enableSoftDelete": True,
    "softDeleteRetentionInDays": 90,
    "enabledForDeployment": False,
    "enabledForDiskEncryption": False,
    "enabledForTemplateDeployment": False,
}


RULES = (
    rule(
        "I5",
        "roles are given before the app starts",
        roles_before_the_app,
        (MAIN, "vaultUri: vault.outputs.uri", "vaultUri: 'https://example.com'"),
        (MAIN, "hostBlobEndpoint: host.outputs.blobEndpoint", "hostBlobEndpoint: ''"),
    ),
    rule(
        "I5",
        "no identity that is made with the app",
        no_second_identity,
        (APP, "type: 'UserAssigned'\n", "type: 'SystemAssigned, UserAssigned'\n"),
    ),
    rule(
        "I5, I7",
        "one identity, which reads package and vault",
        identity_only,
        (APP, "type: 'UserAssignedIdentity'", "type: 'StorageAccountConnectionString'"),
        (
            APP,
            "keyVaultReferenceIdentity: identityId",
            "keyVaultReferenceIdentity: 'SystemAssigned'",
        ),
    ),
    rule(
        "I10, I11",
        "the least roles, each where it is needed",
        least_roles,
        (
            STORAGE_FILE,
            "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
            "b24988ac-6180-42a0-ab88-20f7382dd24c",
        ),
        (STORAGE_FILE, "scope: table[n]", "scope: account"),
        (STORAGE_FILE, "scope: container[n]", "scope: account"),
        (STORAGE_FILE, "if (tableRoleScope == 'account' && !empty(tables)) {", "{"),
        (STORAGE_FILE, "guid(account.id, identityName, blobOwner)", "guid(account.id, blobOwner)"),
        (STORAGE_FILE, "    principalType: 'ServicePrincipal'\n", ""),
        (VAULT_FILE, "name: guid(vault.id, identityName, reader)", "name: guid(vault.id)"),
        (VAULT_FILE, "roleDefinitions', reader)", "roleDefinitions', writer)"),
        (MONITORING, "scope: component", "scope: resourceGroup()"),
    ),
    rule(
        "I12",
        "no function that returns keys",
        no_list_function,
        HIDDEN,
        (
            STORAGE_FILE,
            "output name string = account.name",
            "output x string = account.listAccountSas()",
        ),
    ),
    rule(
        "I12, I28, I30",
        "no secret in parameters, defaults or outputs",
        no_secret_in_or_out,
        (MAIN, "param publicUrl string = ''", "@secure()\nparam publicUrl string = 'x'"),
        (VAULT_FILE, "output name string", "output pepper string"),
        ("parameters/test.json", '"monthlyBudget"', '"clientSecret"'),
        ("parameters/test.json", "scim-test@example.com", "Zm9vYmFy" * 6),
    ),
    rule(
        "I12",
        "settings hold no secret, the pepper and the signing keys are references",
        no_secret_setting,
        (
            APP,
            "'@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/scim-pepper)'",
            "'of everyday use'",
        ),
        (APP, "@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/scim-signing-keys)", "a key"),
        (APP, "SCIM_STORAGE: tableEndpoint", "SCIM_STORAGE: 'AccountName=a;AccountKey=b'"),
    ),
    rule(
        "I13",
        "the vault goes by roles, and nothing is lost in it",
        has(VAULT, **KEPT),
        (VAULT_FILE, "enableRbacAuthorization: true", "enableRbacAuthorization: false"),
        (VAULT_FILE, "    enablePurgeProtection: true\n", ""),
        (VAULT_FILE, "softDeleteRetentionInDays: 90", "softDeleteRetentionInDays: 7"),
        (VAULT_FILE, "enabledForTemplateDeployment: false", "enabledForTemplateDeployment: true"),
    ),
    rule(
        "I14",
        "no template writes a secret's value",
        no_secret_values,
        (
            VAULT_FILE,
            "output id",
            "resource s 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = {}\noutput id",
        ),
    ),
    rule(
        "I17",
        "nobody publishes with a password",
        no_publishing_password,
        (APP, "properties: { allow: false }", "properties: { allow: true }"),
        (APP, "  name: 'ftp'", "  name: 'web'"),
    ),
)
