// A private endpoint, and the name that leads to it.

@description('Name of the endpoint.')
@minLength(2)
@maxLength(64)
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Subnet that it is in.')
param subnetId string

@description('Resource that it leads to.')
param targetId string

@description('Which service of the resource.')
@allowed(['blob', 'table', 'vault', 'Table'])
param service string

@description('Private DNS zone of the service.')
param zoneId string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [{ name: service, properties: { privateLinkServiceId: targetId, groupIds: [service] } }]
  }
}

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [{ name: service, properties: { privateDnsZoneId: zoneId } }]
  }
}
