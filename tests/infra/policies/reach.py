"""Who reaches the app and its stores."""

from tests.infra.bicep import Code
from tests.infra.policies.rule import (
    APP,
    COSMOS,
    MAIN,
    NETWORK,
    NETWORK_FILE,
    SITE,
    STORAGE,
    STORAGE_FILE,
    VAULT,
    VAULT_FILE,
    Complaints,
    Sources,
    rule,
)


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
    for one, tag in ((entra, "AzureActiveDirectory"), (probes, "ApplicationInsightsAvailability")):
        if (one["tag"], one["ipAddress"], one["action"]) != ("ServiceTag", tag, "Allow"):
            yield f"{tag} is not let in"


def front_door_by_id(infra: Sources) -> Complaints:
    (door,) = infra.one("var", "modules/app.bicep", "frontDoor").value
    if door["ipAddress"] != "AzureFrontDoor.Backend":
        yield "not the addresses of Front Door"
    if door.get("headers") != {"x-azure-fdid": [Code("frontDoorId")]}:
        yield "anybody's Front Door is let in"
    if (
        "empty(frontDoorId) ? entra : frontDoor"
        not in infra.one("var", "modules/app.bicep", "rules").value
    ):
        yield "Front Door can be gone around"


_ENDPOINTS = (
    "hostEndpoint",
    "dataEndpoint",
    "furtherEndpoint",
    "backupEndpoint",
    "vaultEndpoint",
)


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
    if behind != {*_ENDPOINTS}:
        yield f"endpoints: {sorted(behind)}"
    if infra.one("module", "main.bicep", "app").at("dependsOn") != [
        Code(each) for each in ("further", *_ENDPOINTS)
    ]:
        yield "the app may start before its endpoints"
    closed = Code("vnetEnabled && empty(operatorCidrs) ? 'Disabled' : 'Enabled'")
    for each in [*infra.resources(STORAGE), *infra.resources(VAULT), *infra.resources(COSMOS)]:
        if each.at("properties.publicNetworkAccess") != closed:
            yield f"{each}: open beside the private network"


RULES = (
    rule(
        "I19",
        "Entra and the availability test reach the app, and who is named",
        entra_alone,
        (APP, "restrictAccess ? 'Deny' : 'Allow'", "'Allow'"),
        (APP, "restrictAccess ? rules : []", "[]"),
        (APP, "'AzureActiveDirectory'", "'Internet'"),
        (APP, "'ApplicationInsightsAvailability'", "'AzureMonitor'"),
        (MAIN, "param restrictAccess bool = true", "param restrictAccess bool = false"),
    ),
    rule(
        "I20",
        "Front Door only with our profile's id, and then no way around it",
        front_door_by_id,
        (APP, ", headers: { 'x-azure-fdid': [frontDoorId] }", ""),
        (APP, "empty(frontDoorId) ? entra : frontDoor", "entra, frontDoor"),
    ),
    rule(
        "I21",
        "a private network that Flex Consumption takes, and nothing beside it",
        private_network,
        (NETWORK_FILE, "Microsoft.App/environments", "Microsoft.Web/serverFarms"),
        (
            NETWORK_FILE,
            "name: 'app'\n        properties: {\n          addressPrefix",
            "name: 'my_app'\n        properties: {\n          addressPrefix",
        ),
        (NETWORK_FILE, "          networkSecurityGroup: { id: endpointRules.id }\n", ""),
        (STORAGE_FILE, "vnetEnabled && empty(operatorCidrs) ? 'Disabled' : 'Enabled'", "'Enabled'"),
        (VAULT_FILE, "vnetEnabled && empty(operatorCidrs) ? 'Disabled' : 'Enabled'", "'Enabled'"),
        (MAIN, "dependsOn: [further, hostEndpoint,", "dependsOn: [hostEndpoint,"),
    ),
)
