// The function app on Flex Consumption: one app in its plan, one identity, no key anywhere.

@description('Name of the app; its address begins with it.')
@minLength(2)
@maxLength(32)
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Resource id of the app identity.')
param identityId string

@description('Client id of the app identity.')
param identityClientId string

@description('Version of Python.')
@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string

@description('Memory of an instance, in MB; it decides its share of processors, too.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int

@description('The most instances that there can be.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int

@description('Instances that always run, and are billed.')
@minValue(0)
@maxValue(100)
param alwaysReadyInstances int

@description('Requests that an instance serves at a time.')
@minValue(1)
@maxValue(1000)
param perInstanceConcurrency int

@description('Spread over availability zones.')
param zoneRedundant bool

@description('Subnet that outgoing connections start in; empty: none.')
param subnetId string

@description('Blob endpoint of the host account.')
param hostBlobEndpoint string

@description('Container of the deployment package.')
param packageContainer string

@description('Address of the table service that holds the data.')
param tableEndpoint string

@description('Further table services by name, as JSON; empty: there are none.')
param furtherAccounts string

@description('Address of the vault.')
param vaultUri string

@description('Tokens of a second pepper are taken, too: while the pepper is changed.')
param secondPepper bool

@description('Connection string of Application Insights; it opens nothing, local authentication is off.')
param telemetryConnectionString string

@description('Workspace that its logs go to.')
param workspaceId string

@description('Container that backups go to; empty: there are none.')
param backupUrl string

@description('Days that backups are kept, the newest of each directory for ever; 0: all are.')
@minValue(0)
@maxValue(36500)
param backupDays int

@description('Address that clients use when a proxy is in front; empty: its own.')
param publicUrl string

@description('Only Entra, the availability test and the ranges below reach the app.')
param restrictAccess bool

@description('Id of the Front Door profile that is in front, instead of Entra; empty: none.')
param frontDoorId string

@description('Ranges (CIDR) of other clients.')
param clientCidrs array

@description('Ranges (CIDR) of operators, who reach the deployment endpoint, too.')
param operatorCidrs array

var entra = [{ name: 'entra', tag: 'ServiceTag', ipAddress: 'AzureActiveDirectory', action: 'Allow', priority: 100 }]
var frontDoor = [{ name: 'front-door', tag: 'ServiceTag', ipAddress: 'AzureFrontDoor.Backend', action: 'Allow', priority: 100, headers: { 'x-azure-fdid': [frontDoorId] } }]
var probes = [{ name: 'availability-test', tag: 'ServiceTag', ipAddress: 'ApplicationInsightsAvailability', action: 'Allow', priority: 110 }]
var clients = [for (each, n) in clientCidrs: { name: 'client-${n}', tag: 'Default', ipAddress: each, action: 'Allow', priority: 200 + n }]
var operators = [for (each, n) in operatorCidrs: { name: 'operator-${n}', tag: 'Default', ipAddress: each, action: 'Allow', priority: 300 + n }]
var rules = concat(empty(frontDoorId) ? entra : frontDoor, probes, clients, operators)

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: '${name}-plan'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'scim' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostBlobEndpoint}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'python', version: pythonVersion }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        // Two at least where zones are wanted: one instance is in one zone.
        alwaysReady: alwaysReadyInstances == 0 && !zoneRedundant ? [] : [{ name: 'http', instanceCount: max(alwaysReadyInstances, zoneRedundant ? 2 : 1) }]
        triggers: { http: { perInstanceConcurrency: perInstanceConcurrency } }
      }
    }
    siteConfig: {
      // Not 1.3: the client of Entra speaks 1.2 alone.
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      remoteDebuggingEnabled: false
      ipSecurityRestrictionsDefaultAction: restrictAccess ? 'Deny' : 'Allow'
      ipSecurityRestrictions: restrictAccess ? rules : []
      // Open to the internet unless operators name their ranges; it wants an Entra identity anyhow.
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictionsDefaultAction: empty(operatorCidrs) ? 'Allow' : 'Deny'
      scmIpSecurityRestrictions: operators
    }
  }
}

resource ftp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource scm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

// All settings that there are: what is not named here is removed by a deployment.
resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: {
    AzureWebJobsStorage__blobServiceUri: hostBlobEndpoint
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    AzureWebJobsDisableHomepage: 'true'
    APPLICATIONINSIGHTS_CONNECTION_STRING: telemetryConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    // Twice what the app takes. The host reads a whole body before the app sees who sends it, and
    // would read 100 MiB of each request that an instance serves at a time.
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '8388608'
    AZURE_CLIENT_ID: identityClientId
    AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential'
    SCIM_STORAGE: tableEndpoint
    SCIM_STORAGE_ACCOUNTS: furtherAccounts
    SCIM_PEPPER: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/scim-pepper)'
    SCIM_PEPPER_PREVIOUS: secondPepper ? '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/scim-pepper-previous)' : ''
    SCIM_SIGNING_KEYS: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/scim-signing-keys)'
    SCIM_ENTRA_AUTHORITY: environment().authentication.loginEndpoint
    SCIM_PUBLIC_URL: publicUrl
    SCIM_BACKUP_TO: backupUrl
    SCIM_BACKUP_DAYS: string(backupDays)
  }
}

#disable-next-line use-recent-api-versions
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: app
  name: 'host'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
  }
}

output id string = app.id
output name string = app.name
output hostName string = app.properties.defaultHostName
