// Who is told of what: alerts on the app's own log lines (infra/queries), on the store's throttling
// and on availability, and a budget.

@description('Names of all of these begin with it.')
@minLength(2)
@maxLength(40)
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Mail addresses that alerts go to.')
@minLength(1)
param emails array

@description('Workspace that queries run in.')
param workspaceId string

@description('Application Insights, which the availability test belongs to.')
param componentId string

@description('Host name of the app.')
param hostName string

@description('Where availability is tested from.')
param probeLocations array

@description('Requests without a valid token, in a quarter of an hour, that are too many.')
@minValue(1)
@maxValue(100000)
param unauthorizedThreshold int

@description('Requests put off, in a quarter of an hour, that are too many.')
@minValue(1)
@maxValue(100000)
param unavailableThreshold int

@description('Backups are made, so that one that fails is told of.')
param backups bool

@description('Storage accounts of the data, which can throttle; none with Cosmos DB. Names, not ids: those are known at run time alone, and what-if would leave this module out.')
param storageNames array

@description('Most that a month should cost, in the currency of the subscription; 0: no budget.')
@minValue(0)
@maxValue(1000000)
param monthlyBudget int

@description('First day of the month that the budget begins with: that of its creation, for ever.')
param budgetStart string

var byDirectory = [{ name: 'directory', operator: 'Include', values: ['*'] }]
var byCredential = [{ name: 'directory', operator: 'Include', values: ['*'] }, { name: 'credential', operator: 'Include', values: ['*'] }]
// `over`: alert when the query finds more rows than this.
var queries = [
  { name: 'server-errors', severity: 1, every: 'PT5M', window: 'PT15M', over: 0, dimensions: byDirectory, query: loadTextContent('../queries/server-errors.kql'), text: 'Requests failed by a bug.' }
  { name: 'unavailable', severity: 1, every: 'PT5M', window: 'PT15M', over: unavailableThreshold, dimensions: [], query: loadTextContent('../queries/unavailable.kql'), text: 'Requests were put off: the store is busy or down.' }
  { name: 'unauthorized', severity: 2, every: 'PT5M', window: 'PT15M', over: unauthorizedThreshold, dimensions: [], query: loadTextContent('../queries/unauthorized.kql'), text: 'Many requests without a valid token.' }
  { name: 'tokens-expiring', severity: 2, every: 'PT1H', window: 'PT2H', over: 0, dimensions: byCredential, query: loadTextContent('../queries/tokens-expiring.kql'), text: 'A token ends soon: rotate it, or Entra quarantines its job.' }
  { name: 'purge-failing', severity: 3, every: 'PT1H', window: 'PT3H', over: 0, dimensions: [], query: loadTextContent('../queries/purge-failing.kql'), text: 'The hourly purge did not run, or failed.' }
  { name: 'telemetry-dropped', severity: 2, every: 'PT1H', window: 'PT2H', over: 0, dimensions: [], query: loadTextContent('../queries/telemetry-dropped.kql'), text: 'The daily cap of telemetry is reached: no other alert works until tomorrow.' }
]
var backupQueries = [
  { name: 'backup-failing', severity: 2, every: 'PT1H', window: 'PT3H', over: 0, dimensions: [], query: loadTextContent('../queries/backup-failing.kql'), text: 'The hourly backup did not run, or failed.' }
]

var isThrottled = {
  'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
  allOf: [
    {
      name: 'throttled'
      criterionType: 'StaticThresholdCriterion'
      metricNamespace: 'Microsoft.Storage/storageAccounts/tableServices'
      metricName: 'Transactions'
      timeAggregation: 'Total'
      operator: 'GreaterThan'
      threshold: 10
      dimensions: [{ name: 'ResponseType', operator: 'Include', values: ['ServerBusyError', 'ClientThrottlingError', 'ClientAccountRequestThrottlingError'] }]
    }
  ]
}

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-operators'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'scim'
    emailReceivers: [for (each, n) in emails: { name: 'operator-${n}', emailAddress: each, useCommonAlertSchema: true }]
  }
}

resource alert 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for each in (backups ? concat(queries, backupQueries) : queries): {
  name: '${name}-${each.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${name}: ${each.name}'
    description: each.text
    enabled: true
    severity: each.severity
    scopes: [workspaceId]
    evaluationFrequency: each.every
    windowSize: each.window
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: each.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: each.over
          dimensions: each.dimensions
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [operators.id] }
  }
}]

resource watched 'Microsoft.Storage/storageAccounts@2025-06-01' existing = [for each in storageNames: {
  name: each
}]

// The SDK tries again, so that the app's own lines show throttling only when that did not help.
resource throttled 'Microsoft.Insights/metricAlerts@2018-03-01' = [for (each, n) in storageNames: {
  name: '${name}-throttled-${each}'
  location: 'global'
  tags: tags
  properties: {
    description: '${each} puts requests off: a partition or the account is at its limit.'
    enabled: true
    severity: 2
    scopes: ['${watched[n].id}/tableServices/default']
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: isThrottled
    actions: [{ actionGroupId: operators.id }]
  }
}]

resource probe 'Microsoft.Insights/webtests@2022-06-15' = {
  name: '${name}-ready'
  location: location
  tags: union(tags, { 'hidden-link:${componentId}': 'Resource' })
  kind: 'standard'
  properties: {
    Name: '${name}-ready'
    SyntheticMonitorId: '${name}-ready'
    Description: 'The app answers and reaches its tables.'
    Enabled: true
    Kind: 'standard'
    Frequency: 300
    Timeout: 60
    RetryEnabled: true
    Locations: [for each in probeLocations: { Id: each }]
    Request: {
      RequestUrl: 'https://${hostName}/readyz'
      HttpVerb: 'GET'
      FollowRedirects: false
      ParseDependentRequests: false
    }
    ValidationRules: {
      ExpectedHttpStatusCode: 200
      IgnoreHttpStatusCode: false
      SSLCheck: true
      SSLCertRemainingLifetimeCheck: 14
    }
  }
}

resource unready 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-unready'
  location: 'global'
  tags: tags
  properties: {
    description: 'The app does not answer, or does not reach its tables.'
    enabled: true
    severity: 1
    scopes: [probe.id, componentId]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: probe.id
      componentId: componentId
      failedLocationCount: 2
    }
    actions: [{ actionGroupId: operators.id }]
  }
}

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = if (monthlyBudget > 0) {
  name: '${name}-month'
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: { startDate: budgetStart }
    notifications: {
      spent: { enabled: true, operator: 'GreaterThanOrEqualTo', threshold: 80, thresholdType: 'Actual', contactEmails: emails, contactGroups: [operators.id] }
      forecast: { enabled: true, operator: 'GreaterThan', threshold: 100, thresholdType: 'Forecasted', contactEmails: emails, contactGroups: [operators.id] }
    }
  }
}
