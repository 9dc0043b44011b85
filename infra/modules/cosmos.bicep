// Cosmos DB for Table, instead of the storage account of the data: the same tables and SDK, with
// backups to any moment and a second region that takes over by itself. Entra identities alone.

@description('Name of the account.')
@minLength(3)
@maxLength(44)
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('A second region takes over when the first one fails.')
param geoRedundant bool

@description('The second region; empty where there is none.')
param secondaryLocation string

@description('Spread over availability zones.')
param zoneRedundant bool

@description('The most request units a second that each table takes.')
@minValue(1000)
@maxValue(1000000)
param maxThroughput int

@description('Tables to make.')
param tables array

@description('Name of the app identity: names of its role assignments come from it. Its object id would do, but is known only at run time, and what-if leaves out a module that is named by such a value.')
@minLength(3)
@maxLength(128)
param identityName string

@description('Object id of the app identity.')
param appPrincipalId string

@description('Object id of who looks after directories with the command line; empty: nobody.')
param operatorPrincipalId string

@description('Only private endpoints and the operators reach it.')
param vnetEnabled bool

@description('Public IPv4 addresses or ranges (CIDR) of operators.')
param operatorCidrs array

@description('Workspace that its logs go to.')
param workspaceId string

@description('Nobody can delete the account without removing a lock first.')
param deleteLock bool

var primary = [{ locationName: location, failoverPriority: 0, isZoneRedundant: zoneRedundant }]
var secondary = [{ locationName: secondaryLocation, failoverPriority: 1, isZoneRedundant: zoneRedundant }]
var backups = { type: 'Continuous', continuousModeProperties: { tier: 'Continuous30Days' } }
var operators = [for each in operatorCidrs: { ipAddressOrRange: replace(each, '/32', '') }]

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    capabilities: [{ name: 'EnableTable' }]
    // What was written is read: versions of resources are compared across instances.
    consistencyPolicy: { defaultConsistencyLevel: 'Strong' }
    // Refused by Azure when the second region is wanted and not named.
    locations: geoRedundant ? concat(primary, secondary) : primary
    enableAutomaticFailover: geoRedundant
    enableMultipleWriteLocations: false
    backupPolicy: backups
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: vnetEnabled && empty(operatorCidrs) ? 'Disabled' : 'Enabled'
    networkAclBypass: 'None'
    ipRules: vnetEnabled ? operators : []
  }
}

resource table 'Microsoft.DocumentDB/databaseAccounts/tables@2025-04-15' = [for each in tables: {
  parent: account
  name: each
  properties: {
    resource: { id: each }
    options: { autoscaleSettings: { maxThroughput: maxThroughput } }
  }
}]

// JSON, because these types are in preview: known to Azure, not to every offline check.
module roles 'cosmos-roles.json' = {
  name: 'cosmos-roles'
  params: {
    accountName: account.name
    names: empty(operatorPrincipalId) ? [identityName] : [identityName, operatorPrincipalId]
    principals: empty(operatorPrincipalId) ? [appPrincipalId] : [appPrincipalId, operatorPrincipalId]
  }
}

#disable-next-line use-recent-api-versions
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      { category: 'ControlPlaneRequests', enabled: true }
      { category: 'DataPlaneRequests', enabled: true }
    ]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (deleteLock) {
  scope: account
  name: 'keep'
  properties: {
    level: 'CanNotDelete'
    notes: 'Directories and their people are in here.'
  }
}

output id string = account.id
output name string = account.name
output tableEndpoint string = 'https://${account.name}.table.cosmos.azure.com:443/'
