// Everything that the service needs, in one resource group. Modules are this folder's own: nothing
// is fetched from a registry. Values of secrets come after the deployment (deploy.sh).

targetScope = 'resourceGroup'

@description('What this deployment is for; a tag, and nothing else depends on it.')
@allowed(['test', 'production'])
param environmentName string

@description('Region. It has to offer Flex Consumption; with zoneRedundant, with zones.')
param location string = resourceGroup().location

@description('Names of all resources begin with it: a lower-case letter, then letters and digits.')
@minLength(2)
@maxLength(7)
param namePrefix string = 'scim'

@description('Further tags of every resource.')
param tags object = {}

// --- The app ---------------------------------------------------------------------------------

@description('Version of Python, that of the package, too.')
@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string = '3.12'

@description('Memory of an instance in MB; it decides its share of processors, too: 512 has a quarter of one.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('The most instances that there can be: a bound on cost, and on load of the tables.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Instances that always run, without a cold start, and are billed. Zones need two.')
@minValue(0)
@maxValue(100)
param alwaysReadyInstances int = 0

@description('Requests that an instance serves at a time. They wait for tables most of the time.')
@minValue(1)
@maxValue(1000)
param perInstanceConcurrency int = 16

@description('Address that clients use when a proxy is in front, such as https://scim.example.com; empty: the address of the app.')
param publicUrl string = ''

// --- Who reaches it --------------------------------------------------------------------------

@description('Only Entra, the availability test and the ranges below reach the app. Off for identity providers without fixed addresses.')
param restrictAccess bool = true

@description('Id of a Front Door profile: then the app takes requests from it alone, not from Entra. Empty: none.')
@maxLength(36)
param frontDoorId string = ''

@description('Public ranges (CIDR, IPv4) of other identity providers.')
@maxLength(100)
param clientCidrs array = []

@description('Public ranges (CIDR, IPv4; storage takes no /31) of operators: they reach the app and its deployment endpoint, and in a private network storage and vault, too.')
@maxLength(100)
param operatorCidrs array = []

@description('Object id of who deploys and looks after directories: may use the tables and write to the vault. Empty: nobody.')
@maxLength(36)
param operatorPrincipalId string = ''

@description('What the operator is.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorPrincipalType string = 'User'

@description('Where the roles on tables are given. On the account where writes are refused with AuthorizationPermissionMismatch: then Azure does not take a role on a table for a transaction.')
@allowed(['table', 'account'])
param tableRoleScope string = 'table'

@description('The app takes tokens of a second pepper, too, that of the secret scim-pepper-previous: while the pepper is changed.')
param secondPepper bool = false

@description('Storage and vault are reached through private endpoints alone.')
param vnetEnabled bool = false

@description('Range of the private network (CIDR).')
param networkPrefix string = '10.80.0.0/24'

@description('Range of the subnet of the app, /26 or larger.')
param appSubnetPrefix string = '10.80.0.0/26'

@description('Range of the subnet of private endpoints.')
param endpointSubnetPrefix string = '10.80.0.64/27'

// --- How it lasts ----------------------------------------------------------------------------

@description('Spread over availability zones: app, host storage and data. Two instances always run then.')
param zoneRedundant bool = false

@description('The data have a copy in the paired region.')
param geoRedundant bool = false

@description('Cosmos DB for Table holds the data, not Table Storage. Changing it moves no data.')
param useCosmos bool = false

@description('Names of further storage accounts that directories can be placed on, lower-case letters and digits. To leave one out later deletes nothing.')
@maxLength(20)
param furtherAccounts array = []

@description('With Cosmos DB and geoRedundant: the second region.')
param secondaryLocation string = ''

@description('With Cosmos DB: the most request units a second that each table takes.')
@minValue(1000)
@maxValue(1000000)
param cosmosMaxThroughput int = 1000

@description('Each directory is backed up once a day, to a storage account of its own.')
param backups bool = false

@description('Container of your own for backups, such as one in another region, by its https address. Give the app Storage Blob Data Contributor on it.')
param backupTo string = ''

@description('Days that backups are kept, the newest of each directory for ever; 0: all are.')
@minValue(0)
@maxValue(36500)
param backupDays int = 35

@description('The data cannot be deleted without removing a lock first.')
param deleteLock bool = false

// --- What is seen ----------------------------------------------------------------------------

@description('Mail addresses that alerts go to.')
@minLength(1)
@maxLength(20)
param alertEmails array

@description('Days that telemetry is kept.')
@minValue(30)
@maxValue(730)
param retentionInDays int = 30

@description('GB of telemetry a day, after which it is dropped until the next day.')
@minValue(1)
@maxValue(1000)
param dailyQuotaGb int = 1

@description('Each read of a row is logged, too: who looked at what. Several lines a request.')
param logReads bool = false

@description('Requests without a valid token, in a quarter of an hour, that are too many.')
@minValue(1)
@maxValue(100000)
param unauthorizedThreshold int = 50

@description('Requests put off because the store is busy, in a quarter of an hour, that are too many.')
@minValue(1)
@maxValue(100000)
param unavailableThreshold int = 10

@description('Where availability is tested from: ids of Application Insights locations.')
@minLength(3)
@maxLength(16)
param probeLocations array = ['emea-nl-ams-azr', 'emea-gb-db3-azr', 'emea-fr-pra-edge', 'us-va-ash-azr', 'us-ca-sjc-azr']

@description('Most that a month should cost, in the currency of the subscription; 0: no budget.')
@minValue(0)
@maxValue(1000000)
param monthlyBudget int = 0

@description('First day of the month that the budget begins with. That of an existing budget cannot be changed: hand it in again.')
param budgetStart string = utcNow('yyyy-MM-01')

// --- Resources -------------------------------------------------------------------------------

var suffix = uniqueString(resourceGroup().id, namePrefix)
var name = '${namePrefix}-${suffix}'
var identityName = '${name}-identity'
var allTags = union(tags, { application: 'scim', environment: environmentName })
// As in storage/open.py.
var tables = ['scim', 'directories']
var dataName = '${namePrefix}data${suffix}'
var furtherNames = [for each in furtherAccounts: '${namePrefix}data${uniqueString(resourceGroup().id, namePrefix, each)}']
var furtherUrls = [for (each, n) in furtherAccounts: '"${each}": "https://${furtherNames[n]}.table.${environment().suffixes.storage}"']
var furtherJson = empty(furtherAccounts) || useCosmos ? '' : '{${join(furtherUrls, ', ')}}'
var packageContainer = 'package'
var backupContainer = 'backups'
var dataSku = geoRedundant ? (zoneRedundant ? 'Standard_RAGZRS' : 'Standard_RAGRS') : (zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS')

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: {
    name: identityName
    location: location
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: '${name}-logs'
    componentName: '${name}-insights'
    location: location
    tags: allTags
    retentionInDays: retentionInDays
    dailyQuotaGb: dailyQuotaGb
    identityName: identityName
    principalId: identity.outputs.principalId
  }
}

module host 'modules/storage.bicep' = {
  name: 'host'
  params: {
    name: '${namePrefix}host${suffix}'
    location: location
    tags: allTags
    sku: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'
    containers: [packageContainer]
    identityName: identityName
    appPrincipalId: identity.outputs.principalId
    appOwnsBlobs: true
    operatorPrincipalId: ''
    operatorPrincipalType: operatorPrincipalType
    vnetEnabled: vnetEnabled
    operatorCidrs: operatorCidrs
    workspaceId: monitoring.outputs.workspaceId
    logReads: false
    deleteLock: false
  }
}

module data 'modules/storage.bicep' = if (!useCosmos) {
  name: 'data'
  params: {
    name: dataName
    location: location
    tags: allTags
    sku: dataSku
    tables: tables
    identityName: identityName
    appPrincipalId: identity.outputs.principalId
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
    tableRoleScope: tableRoleScope
    vnetEnabled: vnetEnabled
    operatorCidrs: operatorCidrs
    workspaceId: monitoring.outputs.workspaceId
    logReads: logReads
    deleteLock: deleteLock
  }
}

module further 'modules/storage.bicep' = [for (each, n) in furtherAccounts: if (!useCosmos) {
  name: 'data-${each}'
  params: {
    name: furtherNames[n]
    location: location
    tags: allTags
    sku: dataSku
    tables: tables
    identityName: identityName
    appPrincipalId: identity.outputs.principalId
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
    tableRoleScope: tableRoleScope
    vnetEnabled: vnetEnabled
    operatorCidrs: operatorCidrs
    workspaceId: monitoring.outputs.workspaceId
    logReads: logReads
    deleteLock: deleteLock
  }
}]

module backup 'modules/storage.bicep' = if (backups) {
  name: 'backup'
  params: {
    name: '${namePrefix}back${suffix}'
    location: location
    tags: allTags
    sku: dataSku
    containers: [backupContainer]
    forBackups: true
    identityName: identityName
    appPrincipalId: identity.outputs.principalId
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
    vnetEnabled: vnetEnabled
    operatorCidrs: operatorCidrs
    workspaceId: monitoring.outputs.workspaceId
    logReads: true
    deleteLock: deleteLock
  }
}

module cosmos 'modules/cosmos.bicep' = if (useCosmos) {
  name: 'cosmos'
  params: {
    name: '${name}-data'
    location: location
    tags: allTags
    geoRedundant: geoRedundant
    secondaryLocation: secondaryLocation
    zoneRedundant: zoneRedundant
    maxThroughput: cosmosMaxThroughput
    tables: tables
    identityName: identityName
    appPrincipalId: identity.outputs.principalId
    operatorPrincipalId: operatorPrincipalId
    vnetEnabled: vnetEnabled
    operatorCidrs: operatorCidrs
    workspaceId: monitoring.outputs.workspaceId
    deleteLock: deleteLock
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    name: '${namePrefix}-kv-${suffix}'
    location: location
    tags: allTags
    identityName: identityName
    appPrincipalId: identity.outputs.principalId
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
    vnetEnabled: vnetEnabled
    operatorCidrs: operatorCidrs
    workspaceId: monitoring.outputs.workspaceId
  }
}

module network 'modules/network.bicep' = if (vnetEnabled) {
  name: 'network'
  params: {
    name: '${name}-network'
    location: location
    tags: allTags
    addressPrefix: networkPrefix
    appPrefix: appSubnetPrefix
    endpointPrefix: endpointSubnetPrefix
    useCosmos: useCosmos
  }
}

module hostEndpoint 'modules/endpoint.bicep' = if (vnetEnabled) {
  name: 'host-endpoint'
  params: {
    name: '${name}-host-endpoint'
    location: location
    tags: allTags
    subnetId: network!.outputs.endpointSubnetId
    targetId: host.outputs.id
    service: 'blob'
    zoneId: network!.outputs.blobZoneId
  }
}

module dataEndpoint 'modules/endpoint.bicep' = if (vnetEnabled) {
  name: 'data-endpoint'
  params: {
    name: '${name}-data-endpoint'
    location: location
    tags: allTags
    subnetId: network!.outputs.endpointSubnetId
    targetId: useCosmos ? cosmos!.outputs.id : data!.outputs.id
    service: useCosmos ? 'Table' : 'table'
    zoneId: network!.outputs.tableZoneId
  }
}

module furtherEndpoint 'modules/endpoint.bicep' = [for (each, n) in furtherAccounts: if (vnetEnabled && !useCosmos) {
  name: 'data-${each}-endpoint'
  params: {
    name: '${name}-data-${each}-endpoint'
    location: location
    tags: allTags
    subnetId: network!.outputs.endpointSubnetId
    targetId: further[n]!.outputs.id
    service: 'table'
    zoneId: network!.outputs.tableZoneId
  }
}]

module backupEndpoint 'modules/endpoint.bicep' = if (vnetEnabled && backups) {
  name: 'backup-endpoint'
  params: {
    name: '${name}-backup-endpoint'
    location: location
    tags: allTags
    subnetId: network!.outputs.endpointSubnetId
    targetId: backup!.outputs.id
    service: 'blob'
    zoneId: network!.outputs.blobZoneId
  }
}

module vaultEndpoint 'modules/endpoint.bicep' = if (vnetEnabled) {
  name: 'vault-endpoint'
  params: {
    name: '${name}-vault-endpoint'
    location: location
    tags: allTags
    subnetId: network!.outputs.endpointSubnetId
    targetId: vault.outputs.id
    service: 'vault'
    zoneId: network!.outputs.vaultZoneId
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  params: {
    name: name
    location: location
    tags: allTags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    perInstanceConcurrency: perInstanceConcurrency
    zoneRedundant: zoneRedundant
    subnetId: vnetEnabled ? network!.outputs.appSubnetId : ''
    hostBlobEndpoint: host.outputs.blobEndpoint
    packageContainer: packageContainer
    tableEndpoint: useCosmos ? cosmos!.outputs.tableEndpoint : data!.outputs.tableEndpoint
    furtherAccounts: furtherJson
    vaultUri: vault.outputs.uri
    secondPepper: secondPepper
    telemetryConnectionString: monitoring.outputs.connectionString
    workspaceId: monitoring.outputs.workspaceId
    backupUrl: backups && empty(backupTo) ? '${backup!.outputs.blobEndpoint}${backupContainer}' : backupTo
    backupDays: backupDays
    publicUrl: publicUrl
    restrictAccess: restrictAccess
    frontDoorId: frontDoorId
    clientCidrs: clientCidrs
    operatorCidrs: operatorCidrs
  }
  // Its first start already needs the names that the endpoints bring, and its roles.
  dependsOn: [further, hostEndpoint, dataEndpoint, furtherEndpoint, backupEndpoint, vaultEndpoint]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    name: name
    location: location
    tags: allTags
    emails: alertEmails
    workspaceId: monitoring.outputs.workspaceId
    componentId: monitoring.outputs.componentId
    hostName: app.outputs.hostName
    probeLocations: probeLocations
    unauthorizedThreshold: unauthorizedThreshold
    unavailableThreshold: unavailableThreshold
    backups: backups || !empty(backupTo)
    storageNames: useCosmos ? [] : concat([dataName], furtherNames)
    monthlyBudget: monthlyBudget
    budgetStart: budgetStart
  }
  // It watches them by their names.
  dependsOn: [data, further]
}

@description('A Tenant URL is this, then /DIRECTORY/scim.')
output baseUrl string = empty(publicUrl) ? 'https://${app.outputs.hostName}' : publicUrl

@description('Name of the function app.')
output functionAppName string = app.outputs.name

@description('What the command line takes as --account.')
output tableUrl string = useCosmos ? cosmos!.outputs.tableEndpoint : data!.outputs.tableEndpoint

@description('What the command line takes as SCIM_STORAGE_ACCOUNTS; empty: there are no further accounts.')
output furtherAccounts string = furtherJson

@description('Where backups go; empty: nowhere.')
output backupUrl string = backups && empty(backupTo) ? '${backup!.outputs.blobEndpoint}${backupContainer}' : backupTo

@description('What the command line takes as --vault.')
output vaultUrl string = vault.outputs.uri

@description('Name of the vault.')
output vaultName string = vault.outputs.name

@description('Version of Python that the package is built for.')
output pythonVersion string = pythonVersion
