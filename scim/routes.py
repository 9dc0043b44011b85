"""Every route of a directory, as a table (RFC 7644 §3.2).

Literal segments are compared in any letter case; `{type}` is the endpoint of one of the directory's
resource types.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from scim.auth import scopes
from scim.call import Call
from scim.catalog import Catalog
from scim.errors import MethodNotAllowed, NotFound, NotSupported
from scim.handlers import bulk, creating, deleting, discovery, resources, search
from scim.http import Response
from scim.schema import ResourceType

Parameters = Mapping[str, str]
Handler = Callable[[Call, Parameters], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern of path segments and what each method does there."""

    pattern: tuple[str, ...]
    methods: Mapping[str, Handler]


async def dispatch(call: Call, segments: tuple[str, ...]) -> Response:
    """Find the route of a path below the Tenant URL and run its handler.

    HEAD is answered as GET: HTTP servers leave the body out themselves (RFC 9110 §9.3.2). Raises
    NotFound, MethodNotAllowed, and Forbidden for what the caller's scopes don't hold.
    """
    found = _find(segments, call.catalog)
    if found is None:
        served = ", ".join(each.endpoint for each in call.catalog.resource_types)
        raise NotFound(
            f"there is nothing at this path: below the Tenant URL are {served}, /Schemas,"
            " /ResourceTypes, /ServiceProviderConfig and /Bulk"
        )
    route, parameters = found
    handler = route.methods.get("GET" if call.request.method == "HEAD" else call.request.method)
    if handler is None:
        allowed = ", ".join(_answered(route.methods))
        raise MethodNotAllowed(f"this path answers only {allowed}", headers={"Allow": allowed})
    scopes.check(call.scopes, _types(route, parameters, call.catalog), reads=_reads(call, route))
    return await handler(call, parameters)


def _types(route: Route, parameters: Parameters, catalog: Catalog) -> tuple[ResourceType, ...]:
    """List the types whose resources a route reads or writes; discovery's are none."""
    if route.pattern in _OF_ALL_TYPES:
        return catalog.resource_types
    found = catalog.at(parameters.get("type", ""))
    return () if found is None else (found,)


def _reads(call: Call, route: Route) -> bool:
    return call.request.method in ("GET", "HEAD") or route.pattern[-1:] == (".search",)


def _answered(methods: Mapping[str, Handler]) -> list[str]:
    return [*methods, *(["HEAD"] if "GET" in methods else [])]


def subject(segments: tuple[str, ...], catalog: Catalog) -> tuple[str, str, str]:
    """Name what a path is about, for the logs: the route's pattern, a resource type, an id as sent.

    The pattern never holds an id or a value.
    """
    found = _find(segments, catalog)
    if found is None:
        return "unknown", "", ""
    route, parameters = found
    type = catalog.at(parameters.get("type", ""))
    pattern = "/" + "/".join(route.pattern)
    if type is None:
        return pattern, "", ""
    return pattern.replace("/{type}", type.endpoint), type.name, parameters.get("id", "")


def _find(segments: tuple[str, ...], catalog: Catalog) -> tuple[Route, Parameters] | None:
    """Find the first route that a path matches, with what stands in its braces."""
    lower = [each.lower() for each in segments]
    for route in ROUTES:
        if len(route.pattern) == len(segments):
            parameters = _match(route.pattern, segments, lower, catalog)
            if parameters is not None:
                return route, parameters
    return None


def _match(
    pattern: tuple[str, ...], segments: tuple[str, ...], lower: Sequence[str], catalog: Catalog
) -> dict[str, str] | None:
    parameters = {}
    for expected, segment, lowered in zip(pattern, segments, lower, strict=True):
        if expected[:1] == "{":
            if expected == "{type}" and catalog.at(segment) is None:
                return None
            parameters[expected[1:-1]] = segment
        elif expected.lower() != lowered:
            return None
    return parameters


def _type(call: Call, parameters: Parameters) -> ResourceType:
    found = call.catalog.at(parameters["type"])
    assert found is not None  # `_match` has found it  # noqa: S101
    return found


async def _query(call: Call, parameters: Parameters) -> Response:
    return await search.query(call, (_type(call, parameters),))


async def _search(call: Call, parameters: Parameters) -> Response:
    return await search.search(call, (_type(call, parameters),))


async def _query_all(call: Call, _: Parameters) -> Response:
    return await search.query(call, call.catalog.resource_types)


async def _search_all(call: Call, _: Parameters) -> Response:
    return await search.search(call, call.catalog.resource_types)


async def _create(call: Call, parameters: Parameters) -> Response:
    return await creating.create(call, _type(call, parameters))


async def _get(call: Call, parameters: Parameters) -> Response:
    return await resources.get(call, _type(call, parameters), parameters["id"])


async def _replace(call: Call, parameters: Parameters) -> Response:
    return await resources.replace(call, _type(call, parameters), parameters["id"])


async def _patch(call: Call, parameters: Parameters) -> Response:
    return await resources.patch(call, _type(call, parameters), parameters["id"])


async def _delete(call: Call, parameters: Parameters) -> Response:
    return await deleting.delete(call, _type(call, parameters), parameters["id"])


async def _bulk(call: Call, _: Parameters) -> Response:
    return await bulk.bulk(call, dispatch)


async def _me(_: Call, __: Parameters) -> Response:
    raise NotSupported(
        "/Me is not available: a token belongs to a provisioning client, not to a user (RFC 7644"
        " §3.11)"
    )


async def _schemas(call: Call, _: Parameters) -> Response:
    return Response(200, discovery.schemas(call.catalog, call.base_url, call.request.query))


async def _schema(call: Call, parameters: Parameters) -> Response:
    query = call.request.query
    shown = discovery.schema(call.catalog, parameters["urn"], call.base_url, query)
    return Response(200, shown)


async def _resource_types(call: Call, _: Parameters) -> Response:
    return Response(200, discovery.resource_types(call.catalog, call.base_url, call.request.query))


async def _resource_type(call: Call, parameters: Parameters) -> Response:
    query = call.request.query
    shown = discovery.resource_type(call.catalog, parameters["name"], call.base_url, query)
    return Response(200, shown)


async def _service_provider_config(call: Call, _: Parameters) -> Response:
    shown = discovery.service_provider_config(call.base_url, call.limits, call.request.query)
    return Response(200, shown)


def _table(**methods: Handler) -> Mapping[str, Handler]:
    return MappingProxyType(methods)


_OF_ALL_TYPES = frozenset({(), (".search",)})

# The first that matches counts.
ROUTES: tuple[Route, ...] = (
    Route((), _table(GET=_query_all)),
    Route((".search",), _table(POST=_search_all)),
    Route(("Bulk",), _table(POST=_bulk)),
    Route(("Me",), _table(GET=_me, POST=_me, PUT=_me, PATCH=_me, DELETE=_me)),
    Route(("Schemas",), _table(GET=_schemas)),
    Route(("Schemas", "{urn}"), _table(GET=_schema)),
    Route(("ResourceTypes",), _table(GET=_resource_types)),
    Route(("ResourceTypes", "{name}"), _table(GET=_resource_type)),
    Route(("ServiceProviderConfig",), _table(GET=_service_provider_config)),
    Route(("{type}",), _table(GET=_query, POST=_create)),
    Route(("{type}", ".search"), _table(POST=_search)),
    Route(("{type}", "{id}"), _table(GET=_get, PUT=_replace, PATCH=_patch, DELETE=_delete)),
)
