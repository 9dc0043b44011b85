// A storage account that takes Entra identities alone: for the host and the package (blobs), for the
// data (tables), and for backups (blobs). The app's roles end at each container or table.

@description('Name of the account: lower-case letters and digits.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('How many copies there are, and where.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_RAGRS', 'Standard_RAGZRS'])
param sku string

@description('Tables to make.')
param tables array = []

@description('Blob containers to make.')
param containers array = []

@description('Name of the app identity: names of its role assignments come from it. Its object id would do, but is known only at run time, and what-if leaves out a module that is named by such a value.')
@minLength(3)
@maxLength(128)
param identityName string

@description('Object id of the app identity.')
param appPrincipalId string

@description('The app owns all blobs of this account: the Functions host keeps its keys and leases there.')
param appOwnsBlobs bool = false

@description('Object id of who looks after directories with the command line; empty: nobody.')
param operatorPrincipalId string

@description('What the operator is.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorPrincipalType string

@description('It holds backups: versions of blobs are kept, app and operators write to its containers.')
param forBackups bool = false

@description('Where roles on tables are given: on each table, or on the account.')
@allowed(['table', 'account'])
param tableRoleScope string = 'table'

@description('Only private endpoints and the operators reach it.')
param vnetEnabled bool

@description('Public IPv4 addresses or ranges (CIDR) of operators.')
param operatorCidrs array

@description('Workspace that its logs go to.')
param workspaceId string

@description('Log reads too, not only writes and deletes.')
param logReads bool

@description('Nobody can delete the account without removing a lock first.')
param deleteLock bool

// Storage Blob Data Owner, Storage Blob Data Contributor, Storage Table Data Contributor.
var blobOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var blobContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var tableContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
// An address alone is written without /32 here.
var operators = [for each in operatorCidrs: { action: 'Allow', value: replace(each, '/32', '') }]

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    // Without shared keys only user delegation SAS are left; those end within a day.
    sasPolicy: { sasExpirationPeriod: '1.00:00:00', expirationAction: 'Block' }
    publicNetworkAccess: vnetEnabled && empty(operatorCidrs) ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: vnetEnabled ? 'Deny' : 'Allow'
      ipRules: vnetEnabled ? operators : []
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: forBackups
    deleteRetentionPolicy: { enabled: true, days: forBackups ? 35 : 7 }
    containerDeleteRetentionPolicy: { enabled: true, days: forBackups ? 35 : 7 }
  }
}

// A version that was deleted or overwritten stays for ever unless something deletes it: people would be
// in it. From then on it can be brought back for as long as any deleted blob, and is gone.
resource expiry 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = if (forBackups) {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'earlier-versions'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'] }
            actions: { version: { delete: { daysAfterCreationGreaterThan: 1 } } }
          }
        }
      ]
    }
  }
  dependsOn: [blobs]
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [for each in containers: {
  parent: blobs
  name: each
  properties: { publicAccess: 'None' }
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = [for each in tables: {
  parent: tableService
  name: each
}]

resource appUsesBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (appOwnsBlobs) {
  scope: account
  name: guid(account.id, identityName, blobOwner)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobOwner)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource appBacksUp 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (each, n) in containers: if (forBackups) {
  scope: container[n]
  name: guid(container[n].id, identityName, blobContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}]

resource operatorRestores 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (each, n) in containers: if (forBackups && !empty(operatorPrincipalId)) {
  scope: container[n]
  name: guid(container[n].id, operatorPrincipalId, blobContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobContributor)
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
  }
}]

// On each table, not on the account: the app can neither make nor drop others.
resource appUsesTable 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (each, n) in tables: if (tableRoleScope == 'table') {
  scope: table[n]
  name: guid(table[n].id, identityName, tableContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', tableContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}]

resource operatorUsesTable 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (each, n) in tables: if (tableRoleScope == 'table' && !empty(operatorPrincipalId)) {
  scope: table[n]
  name: guid(table[n].id, operatorPrincipalId, tableContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', tableContributor)
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
  }
}]

// A transaction is a POST to the account ($batch), not to a table. Where the role on the table is not
// enough for it, this is.
resource appUsesTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (tableRoleScope == 'account' && !empty(tables)) {
  scope: account
  name: guid(account.id, identityName, tableContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', tableContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource operatorUsesTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (tableRoleScope == 'account' && !empty(tables) && !empty(operatorPrincipalId)) {
  scope: account
  name: guid(account.id, operatorPrincipalId, tableContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', tableContributor)
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
  }
}

#disable-next-line use-recent-api-versions
resource tableLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: tableService
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
      { category: 'StorageRead', enabled: logReads }
    ]
  }
}

#disable-next-line use-recent-api-versions
resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
      { category: 'StorageRead', enabled: logReads }
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
output blobEndpoint string = account.properties.primaryEndpoints.blob
output tableEndpoint string = account.properties.primaryEndpoints.table
