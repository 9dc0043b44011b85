"""What a directory says about itself: schemas, resource types, abilities (RFC 7644 §4).

Pure functions of the directory's catalog, the Tenant URL (`base_url`, without a slash at its end)
and the query. Paging, sorting and projection are ignored, as §4 asks; a filter is refused.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from scim.catalog import SERVICE_SCHEMAS, Catalog
from scim.definitions import ResourceTypeDocument, Schema
from scim.errors import Forbidden, NotFound
from scim.handlers.answer import LIST_RESPONSE
from scim.limits import Limits

_CONFIG_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"


def schemas(catalog: Catalog, base_url: str, query: Mapping[str, str]) -> dict[str, Any]:
    """List the schemas in use, then those of the service's own documents (RFC 7644 §4)."""
    _refuse_filter(query)
    return _list_response([_show_schema(each, base_url) for each in _served(catalog)])


def schema(catalog: Catalog, urn: str, base_url: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Show the schema that has the URN, in any letter case."""
    _refuse_filter(query)
    for each in _served(catalog):
        if each.id.lower() == urn.lower():
            return _show_schema(each, base_url)
    raise NotFound("no schema has this URN: GET /Schemas lists the schemas of this directory")


def resource_types(catalog: Catalog, base_url: str, query: Mapping[str, str]) -> dict[str, Any]:
    """List the resource types in the directory's order, User first unless it says otherwise."""
    _refuse_filter(query)
    return _list_response(
        [_show_resource_type(each.definition, base_url) for each in catalog.resource_types]
    )


def resource_type(
    catalog: Catalog, name: str, base_url: str, query: Mapping[str, str]
) -> dict[str, Any]:
    """Show the resource type that has the name, in any letter case."""
    _refuse_filter(query)
    found = catalog.named(name)
    if found is None:
        raise NotFound(
            "no resource type has this name: GET /ResourceTypes lists the types of this directory"
        )
    return _show_resource_type(found.definition, base_url)


def service_provider_config(
    base_url: str, limits: Limits, query: Mapping[str, str]
) -> dict[str, Any]:
    """Say what the service can do, with the limits that it holds (RFC 7643 §5, RFC 9865 §4)."""
    _refuse_filter(query)
    return {
        "schemas": [_CONFIG_SCHEMA],
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": limits.bulk_operations,
            "maxPayloadSize": limits.body_bytes,
        },
        "filter": {"supported": True, "maxResults": limits.max_page},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": limits.default_page,
            "maxPageSize": limits.max_page,
            "cursorTimeout": int(limits.cursor_lifetime.total_seconds()),
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "OAuth Bearer Token",
                "description": "The directory's secret token, sent as a bearer token.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": f"{base_url}/ServiceProviderConfig",
        },
    }


def _served(catalog: Catalog) -> tuple[Schema, ...]:
    return (*catalog.schemas, *SERVICE_SCHEMAS)


def _show_schema(schema: Schema, base_url: str) -> dict[str, Any]:
    meta = {
        "resourceType": "Schema",
        "location": f"{base_url}/Schemas/{quote(schema.id, safe=':')}",
    }
    return {**schema.document(), "meta": meta}


def _show_resource_type(document: ResourceTypeDocument, base_url: str) -> dict[str, Any]:
    location = f"{base_url}/ResourceTypes/{document.name}"
    return {**document.document(), "meta": {"resourceType": "ResourceType", "location": location}}


def _list_response(resources: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Wrap all that there is into one page (RFC 7644 §3.4.2)."""
    return {
        "schemas": [LIST_RESPONSE],
        "totalResults": len(resources),
        "itemsPerPage": len(resources),
        "startIndex": 1,
        "Resources": list(resources),
    }


def _refuse_filter(query: Mapping[str, str]) -> None:
    """Answer 403, so that no client believes that its filter counted (RFC 7644 §4)."""
    if "filter" in query:
        raise Forbidden(
            "this endpoint can't be filtered: leave out the parameter filter (RFC 7644 §4)"
        )
