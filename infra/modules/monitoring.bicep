// Application Insights on a workspace of Log Analytics, opened with Entra identities alone.
// Personal data is taken out of telemetry before it is kept (telemetry-filter.json).

@description('Name of the workspace.')
@minLength(4)
@maxLength(63)
param workspaceName string

@description('Name of the Application Insights component.')
@minLength(1)
@maxLength(255)
param componentName string

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

@description('Name of the app identity: names of its role assignments come from it. Its object id would do, but is known only at run time, and what-if leaves out a module that is named by such a value.')
@minLength(3)
@maxLength(128)
param identityName string

@description('Object id of the app identity, which writes telemetry.')
param principalId string

// Monitoring Metrics Publisher: writes telemetry, reads none.
var publisher = '3913510d-42f4-4e42-8a64-420c390055eb'

// Twice: the filter needs the workspace, and then the workspace names the filter.
module unfiltered 'workspace.bicep' = {
  name: 'workspace'
  params: {
    name: workspaceName
    location: location
    tags: tags
    retentionInDays: retentionInDays
    dailyQuotaGb: dailyQuotaGb
  }
}

// JSON, because the rule's type is known to Azure and not to every offline check.
module redaction 'telemetry-filter.json' = {
  name: 'telemetry-filter'
  params: {
    name: '${workspaceName}-filter'
    location: location
    tags: tags
    workspaceId: unfiltered.outputs.id
  }
}

module filtered 'workspace.bicep' = {
  name: 'workspace-filtered'
  params: {
    name: workspaceName
    location: location
    tags: tags
    retentionInDays: retentionInDays
    dailyQuotaGb: dailyQuotaGb
    filterId: redaction.outputs.id
  }
}

module queries 'queries.bicep' = {
  name: 'queries'
  params: { workspaceName: workspaceName }
  dependsOn: [filtered]
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: filtered.outputs.id
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
  }
}

resource publishes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: component
  name: guid(component.id, identityName, publisher)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', publisher)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

output workspaceId string = filtered.outputs.id
output componentId string = component.id
output connectionString string = component.properties.ConnectionString
