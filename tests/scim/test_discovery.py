"""The discovery endpoints (RFC 7644 §4, RFC 7643 §5, RFC 9865 §4)."""

from collections.abc import Callable
from typing import Any

import pytest
import scim2_models

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.errors import Forbidden, NotFound
from scim.handlers import discovery
from scim.limits import Limits

BASE = "https://scim.example/advisors/scim"
CATALOG = Catalog.build((), BUILT_IN_RESOURCE_TYPES)
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

Query = dict[str, str]
ENDPOINTS: list[Any] = [
    pytest.param(lambda query: discovery.schemas(CATALOG, BASE, query), id="Schemas"),
    pytest.param(lambda query: discovery.schema(CATALOG, USER, BASE, query), id="Schemas/URN"),
    pytest.param(lambda query: discovery.resource_types(CATALOG, BASE, query), id="ResourceTypes"),
    pytest.param(
        lambda query: discovery.resource_type(CATALOG, "User", BASE, query), id="ResourceTypes/User"
    ),
    pytest.param(
        lambda query: discovery.service_provider_config(BASE, Limits(), query),
        id="ServiceProviderConfig",
    ),
]


@pytest.mark.parametrize("answer", ENDPOINTS)
@pytest.mark.parametrize("filter", ["", 'name eq "User"'])
def test_a_filter_is_forbidden(answer: Callable[[Query], Any], filter: str) -> None:
    """RFC 7644 §4: "If a "filter" is provided, the service provider SHOULD respond with HTTP status
    code 403 (Forbidden)"."""
    with pytest.raises(Forbidden, match="filter"):
        answer({"filter": filter})


@pytest.mark.parametrize("answer", ENDPOINTS)
def test_paging_sorting_and_projection_are_ignored(answer: Callable[[Query], Any]) -> None:
    """RFC 7644 §4: "Query parameters [...] such as filtering, sorting, and pagination, SHALL be
    ignored"."""
    query = {"startindex": "7", "count": "0", "sortby": "name", "attributes": "id", "flag": ""}
    assert answer(query) == answer({})


@pytest.mark.parametrize(
    ("answer", "ids"),
    [
        (
            discovery.schemas(CATALOG, BASE, {}),
            [
                *(USER, ENTERPRISE, "urn:ietf:params:scim:schemas:core:2.0:Group"),
                "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
                "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
                "urn:ietf:params:scim:schemas:core:2.0:Schema",
            ],
        ),
        (discovery.resource_types(CATALOG, BASE, {}), ["User", "Group"]),
    ],
    ids=["Schemas", "ResourceTypes"],
)
def test_a_list_is_complete_with_users_first(answer: dict[str, Any], ids: list[str]) -> None:
    """RFC 7644 §4: "An HTTP GET to the endpoint "/Schemas" SHALL return all supported schemas in
    ListResponse format"."""
    assert [each["id"] for each in answer["Resources"]] == ids
    assert {key: value for key, value in answer.items() if key != "Resources"} == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": len(ids),
        "itemsPerPage": len(ids),
        "startIndex": 1,
    }


def test_each_item_of_a_list_is_served_alone_too() -> None:
    """RFC 7644 §4: "Individual schema definitions can be returned by appending the schema URI to
    the /Schemas endpoint"."""
    for each in discovery.schemas(CATALOG, BASE, {})["Resources"]:
        assert discovery.schema(CATALOG, each["id"], BASE, {}) == each
        assert discovery.schema(CATALOG, each["id"].upper(), BASE, {}) == each
        assert each["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:Schema"]
        assert each["meta"] == {
            "resourceType": "Schema",
            "location": f"{BASE}/Schemas/{each['id']}",
        }
    for each in discovery.resource_types(CATALOG, BASE, {})["Resources"]:
        assert discovery.resource_type(CATALOG, each["name"], BASE, {}) == each
        assert discovery.resource_type(CATALOG, each["name"].lower(), BASE, {}) == each
        assert each["meta"] == {
            "resourceType": "ResourceType",
            "location": f"{BASE}/ResourceTypes/{each['name']}",
        }


def test_what_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match="GET /Schemas"):
        discovery.schema(CATALOG, "urn:example:none", BASE, {})
    with pytest.raises(NotFound, match="GET /ResourceTypes"):
        discovery.resource_type(CATALOG, "Printer", BASE, {})


def test_limits_are_advertised_as_they_are_held() -> None:
    limits = Limits(
        body_bytes=1000,
        bulk_operations=7,
        default_page=10,
        max_page=50,
        cursor_seconds=300,
    )
    config = discovery.service_provider_config(BASE, limits, {})
    assert config["bulk"] == {"supported": True, "maxOperations": 7, "maxPayloadSize": 1000}
    assert config["filter"] == {"supported": True, "maxResults": 50}
    assert config["pagination"] == {
        "cursor": True,
        "index": True,
        "defaultPaginationMethod": "index",
        "defaultPageSize": 10,
        "maxPageSize": 50,
        "cursorTimeout": 300,
    }


def test_abilities_are_advertised() -> None:
    config = discovery.service_provider_config(BASE, Limits(), {})
    supported = {
        key: value["supported"]
        for key, value in config.items()
        if isinstance(value, dict) and "supported" in value
    }
    assert supported == {
        **dict.fromkeys(("patch", "bulk", "filter", "sort", "etag"), True),
        "changePassword": False,
    }
    assert [each["type"] for each in config["authenticationSchemes"]] == ["oauthbearertoken"]
    assert config["meta"] == {
        "resourceType": "ServiceProviderConfig",
        "location": f"{BASE}/ServiceProviderConfig",
    }


def test_a_strict_reader_accepts_every_document() -> None:
    for each in discovery.schemas(CATALOG, BASE, {})["Resources"]:
        assert scim2_models.Schema.model_validate(each).name == each["name"]
    for each in discovery.resource_types(CATALOG, BASE, {})["Resources"]:
        assert scim2_models.ResourceType.model_validate(each).endpoint == each["endpoint"]
    config = discovery.service_provider_config(BASE, Limits(), {})
    assert scim2_models.ServiceProviderConfig.model_validate(config).patch


@pytest.mark.parametrize("answer", ENDPOINTS)
def test_documents_hold_what_their_own_schemas_list(answer: Callable[[Query], Any]) -> None:
    """What the service says of itself is described by schemas that it serves (RFC 7643 §8.7.2)."""
    found = answer({})
    for document in found.get("Resources", [found]):
        [urn] = document["schemas"]
        attributes = discovery.schema(CATALOG, urn, BASE, {})["attributes"]
        listed = {each["name"] for each in attributes}
        required = {each["name"] for each in attributes if each["required"]}
        assert document.keys() - {"schemas", "meta", "id"} <= listed
        assert required <= document.keys()
