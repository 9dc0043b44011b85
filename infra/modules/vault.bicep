// The vault of the pepper and the signing keys. Its values are written by a person or a script, never by a template:
// parameters stay in the history of deployments.

@description('Name of the vault.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Name of the app identity: names of its role assignments come from it. Its object id would do, but is known only at run time, and what-if leaves out a module that is named by such a value.')
@minLength(3)
@maxLength(128)
param identityName string

@description('Object id of the app identity, which reads values.')
param appPrincipalId string

@description('Object id of who writes values; empty: nobody.')
param operatorPrincipalId string

@description('What the operator is.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorPrincipalType string

@description('Only private endpoints and the operators reach it.')
param vnetEnabled bool

@description('Public IPv4 addresses or ranges (CIDR) of operators.')
param operatorCidrs array

@description('Workspace that its audit log goes to.')
param workspaceId string

// Key Vault Secrets User, Key Vault Secrets Officer.
var reader = '4633458b-17de-408a-b874-0445c86b69e6'
var writer = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
var operators = [for each in operatorCidrs: { value: each }]

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: vnetEnabled && empty(operatorCidrs) ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: vnetEnabled ? 'Deny' : 'Allow'
      ipRules: vnetEnabled ? operators : []
    }
  }
}

resource appReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, identityName, reader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', reader)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource operatorWrites 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorPrincipalId)) {
  scope: vault
  name: guid(vault.id, operatorPrincipalId, writer)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', writer)
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
  }
}

#disable-next-line use-recent-api-versions
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

output id string = vault.id
output name string = vault.name
output uri string = vault.properties.vaultUri
