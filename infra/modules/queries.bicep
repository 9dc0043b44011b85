// The queries of infra/queries, saved in the workspace: Logs → Queries → category SCIM.

@description('Name of the workspace.')
@minLength(4)
@maxLength(63)
param workspaceName string

var queries = [
  { name: 'backup-failing', query: loadTextContent('../queries/backup-failing.kql') }
  { name: 'cost-inputs', query: loadTextContent('../queries/cost-inputs.kql') }
  { name: 'errors', query: loadTextContent('../queries/errors.kql') }
  { name: 'ignored-attributes', query: loadTextContent('../queries/ignored-attributes.kql') }
  { name: 'latency', query: loadTextContent('../queries/latency.kql') }
  { name: 'not-ready', query: loadTextContent('../queries/not-ready.kql') }
  { name: 'purge-failing', query: loadTextContent('../queries/purge-failing.kql') }
  { name: 'quarantine-suspects', query: loadTextContent('../queries/quarantine-suspects.kql') }
  { name: 'requests', query: loadTextContent('../queries/requests.kql') }
  { name: 'server-errors', query: loadTextContent('../queries/server-errors.kql') }
  { name: 'silent-directories', query: loadTextContent('../queries/silent-directories.kql') }
  { name: 'telemetry-dropped', query: loadTextContent('../queries/telemetry-dropped.kql') }
  { name: 'throttling', query: loadTextContent('../queries/throttling.kql') }
  { name: 'tokens-expiring', query: loadTextContent('../queries/tokens-expiring.kql') }
  { name: 'unauthorized', query: loadTextContent('../queries/unauthorized.kql') }
  { name: 'unavailable', query: loadTextContent('../queries/unavailable.kql') }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource saved 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-07-01' = [for each in queries: {
  parent: workspace
  name: 'scim-${each.name}'
  properties: {
    category: 'SCIM'
    displayName: each.name
    query: each.query
    version: 2
  }
}]
