// The workspace of logs, opened with Entra identities alone.

@description('Name of the workspace.')
@minLength(4)
@maxLength(63)
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Days that telemetry is kept.')
@minValue(30)
@maxValue(730)
param retentionInDays int

@description('GB a day after which telemetry is dropped until the next day.')
@minValue(1)
@maxValue(1000)
param dailyQuotaGb int

@description('Rule that telemetry goes through before it is kept; empty: none yet.')
param filterId string = ''

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionInDays
    workspaceCapping: { dailyQuotaGb: dailyQuotaGb }
    defaultDataCollectionRuleResourceId: empty(filterId) ? null : filterId
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

// Who queried the logs.
#disable-next-line use-recent-api-versions
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: workspace
  name: 'audit'
  properties: {
    workspaceId: workspace.id
    logs: [{ category: 'Audit', enabled: true }]
  }
}

output id string = workspace.id
