"""Where data are."""

import re

from tests.infra.bicep import Code
from tests.infra.policies.rule import (
    COSMOS,
    COSMOS_FILE,
    MAIN,
    ROOT,
    STORAGE,
    STORAGE_FILE,
    Complaints,
    Sources,
    has,
    rule,
)

ACCOUNT = {
    "allowSharedKeyAccess": False,
    "allowBlobPublicAccess": False,
    "allowCrossTenantReplication": False,
    "defaultToOAuthAuthentication": True,
    "minimumTlsVersion": "TLS1_2",
    "supportsHttpsTrafficOnly": True,
}


def an_account_for_each(infra: Sources) -> Complaints:
    calls = {each.name: each for each in infra.declared("module", "modules/storage.bicep")}
    if set(calls) != {"host", "data", "further", "backup"}:
        yield f"accounts: {sorted(calls)}, not host, data, further and backup"
        return
    backup = calls["backup"].at("params")
    if calls["backup"].condition != "backups" or backup.get("forBackups") is not True:
        yield "backups are not where they are wanted, or lose their versions"
    if any("forBackups" in each.at("params") for name, each in calls.items() if name != "backup"):
        yield "the app writes blobs elsewhere, too"
    host, data = calls["host"].at("params"), calls["data"].at("params")
    if "tables" in host or "containers" in data:
        yield "host and data are mixed"
    if host.get("appOwnsBlobs") is not True or data.get("appOwnsBlobs", False) is not False:
        yield "the app owns the blobs of the host, and none of the data's account"


def tables_of_the_store(infra: Sources) -> Complaints:
    code = (ROOT / "storage/open.py").read_text("utf-8")
    names = set(re.findall(r'_TABLE = "(\w+)"', code))
    if names != set(infra.one("var", "main.bicep", "tables").value):
        yield f"the app opens {sorted(names)}"
    for call in ("data", "cosmos"):
        if infra.one("module", "main.bicep", call).at("params.tables") != Code("tables"):
            yield f"{call} gets other tables"


def data_are_locked(infra: Sources) -> Complaints:
    for file in ("modules/storage.bicep", "modules/cosmos.bicep"):
        locks = infra.resources("Microsoft.Authorization/locks", file)
        if [each.at("properties.level") for each in locks] != ["CanNotDelete"]:
            yield f"{file}: no lock"
        elif locks[0].condition != "deleteLock" or locks[0].at("scope") != Code("account"):
            yield f"{locks[0]}: not on the account, or not always"
    if infra.json("parameters/production.json")["parameters"].get("deleteLock") != {"value": True}:
        yield "production can be deleted"


def deleted_backups_end(infra: Sources) -> Complaints:
    """With versions, what is deleted stays for ever unless a rule deletes it once more."""
    (policy,) = infra.resources(f"{STORAGE}/managementPolicies", STORAGE_FILE)
    (only,) = policy.at("properties.policy.rules")
    if policy.condition != "forBackups" or only["enabled"] is not True:
        yield f"{policy}: not where there are versions"
    if only["definition"]["actions"] != {
        "version": {"delete": {"daysAfterCreationGreaterThan": 1}}
    }:
        yield f"{policy}: deletes backups, or keeps deleted ones"
    (blobs,) = infra.resources(f"{STORAGE}/blobServices", STORAGE_FILE)
    if blobs.at("properties.isVersioningEnabled") != Code("forBackups"):
        yield f"{blobs}: no versions of backups"
    kept = blobs.at("properties.deleteRetentionPolicy") or {}
    if kept.get("enabled") is not True or kept.get("days") != Code("forBackups ? 35 : 7"):
        yield f"{blobs}: what is deleted can't be brought back"


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


RULES = (
    rule(
        "I8",
        "an account for the host, one for the data, one for backups",
        an_account_for_each,
        (
            MAIN,
            "    tables: tables\n    identityName",
            "    appOwnsBlobs: true\n    identityName",
        ),
        (MAIN, "    containers: [packageContainer]\n", "    tables: tables\n"),
        (MAIN, "    forBackups: true\n", ""),
    ),
    rule(
        "I9",
        "accounts take Entra identities alone, by TLS 1.2",
        has(STORAGE, **ACCOUNT),
        *(
            (STORAGE_FILE, f"    {key}: {shown}\n", new)
            for key, value in ACCOUNT.items()
            for shown in [str(value).lower() if isinstance(value, bool) else f"'{value}'"]
            for new in ("", f"    {key}: {'false' if value is True else 'true'}\n")
        ),
    ),
    rule(
        "I11",
        "the tables that the app opens",
        tables_of_the_store,
        (MAIN, "['scim', 'directories']", "['scim', 'tenants']"),
        (MAIN, "    tables: tables\n    identityName", "    identityName"),
    ),
    rule(
        "I27",
        "the data's account is locked, in production at least",
        data_are_locked,
        (STORAGE_FILE, "level: 'CanNotDelete'", "level: 'ReadOnly'"),
        (COSMOS_FILE, "= if (deleteLock) {", "= if (false) {"),
        (
            "parameters/production.json",
            '"deleteLock": {"value": true}',
            '"deleteLock": {"value": false}',
        ),
    ),
    rule(
        "O10, O12",
        "deleted backups can be brought back for 35 days, and then are gone",
        deleted_backups_end,
        (STORAGE_FILE, "          enabled: true\n", "          enabled: false\n"),
        (STORAGE_FILE, "actions: { version:", "actions: { baseBlob:"),
        (STORAGE_FILE, "isVersioningEnabled: forBackups", "isVersioningEnabled: false"),
        (
            STORAGE_FILE,
            "    deleteRetentionPolicy: { enabled: true,",
            "    deleteRetentionPolicy: { enabled: false,",
        ),
    ),
    rule(
        "O11",
        "Cosmos DB is as closed as a storage account",
        cosmos_is_hardened,
        (COSMOS_FILE, "disableLocalAuth: true", "disableLocalAuth: false"),
        (COSMOS_FILE, "minimalTlsVersion: 'Tls12'", "minimalTlsVersion: 'Tls'"),
        ("modules/cosmos-roles.json", "tables/containers/entities/*", "tables/*"),
    ),
)
