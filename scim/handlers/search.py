"""Queries by GET and by POST to `.search`, of one type and of all (RFC 7644 §3.4.2, §3.4.3)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from scim.body import read_object
from scim.call import Call
from scim.errors import InvalidCount, InvalidFilter, InvalidSyntax, InvalidValue
from scim.filters import Filter, parse_filter
from scim.handlers.answer import (
    LIST_RESPONSE,
    render,
    wants_member_of,
    wants_members,
    with_memberships,
)
from scim.handlers.finding import Source
from scim.handlers.listing import first_to_last
from scim.handlers.pages import Page, Window
from scim.handlers.views import paths_of
from scim.http import Response
from scim.planning import settle
from scim.repository import Stored
from scim.schema import Path, Resource, ResourceType
from scim.show import Projection
from scim.tokens import UNKNOWN

SEARCH_REQUEST = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,1000}\s*")
_FARTHEST = 10**9  # no directory has a page that begins beyond


class SearchRequest(BaseModel):
    """The parameters of a query, from a URL or from a body (RFC 7644 §3.4.3, RFC 9865 §2)."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")

    schemas: tuple[str, ...] = ()
    attributes: tuple[str, ...] | str | None = None
    excluded_attributes: tuple[str, ...] | str | None = None
    filter: str | None = None
    sort_by: str | None = None
    sort_order: str | None = None
    start_index: int | str | None = None
    count: int | str | None = None
    cursor: str | None = None


# What a parameter in a body must be, if not a string.
_EXPECTED: Mapping[str, str] = {
    "schemas": "a list of URNs",
    "attributes": "a list of attribute names",
    "excludedAttributes": "a list of attribute names",
    "startIndex": "a whole number",
    "count": "a whole number",
}
# The parameters' names by their lower case.
_NAMES: Mapping[str, str] = {
    to_camel(name).lower(): to_camel(name) for name in SearchRequest.model_fields
}


async def query(call: Call, types: Sequence[ResourceType]) -> Response:
    """Answer a GET on an endpoint, or on the root for all types."""
    parameters = call.request.query
    sent = {_NAMES[name]: value for name, value in parameters.items() if name in _NAMES}
    return await _answer(call, types, _read(sent))


async def search(call: Call, types: Sequence[ResourceType]) -> Response:
    """Answer a POST to `.search`; names in the body in any letter case."""
    body = read_object(call.request, call.limits.body_bytes)
    sent = {_NAMES[name.lower()]: value for name, value in body.items() if name.lower() in _NAMES}
    request = _read(sent)
    if request.schemas and SEARCH_REQUEST not in request.schemas:
        raise InvalidSyntax(f"schemas must hold {SEARCH_REQUEST}")
    return await _answer(call, types, request)


def _read(sent: dict[str, Any]) -> SearchRequest:
    try:
        return SearchRequest.model_validate(
            {name: each for name, each in sent.items() if each is not None}
        )
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise InvalidValue(f"{name} must be {_EXPECTED.get(name, 'a string')}") from error


async def _answer(call: Call, types: Sequence[ResourceType], request: SearchRequest) -> Response:
    window = _window(call, request)
    projections = {
        each.name: Projection.read(
            request.attributes,
            request.excluded_attributes,
            each,
            tolerant=call.dialect.tolerance.loose,
        )
        for each in types
    }
    sources = _sources(call, types, request, projections)
    page = await first_to_last(call, sources, window)
    resources = await _render(call, page, projections)
    document: dict[str, Any] = {
        "schemas": [LIST_RESPONSE],
        "totalResults": page.total,
        "itemsPerPage": len(resources),
    }
    if window.cursor is None:
        document["startIndex"] = window.start
    if page.next_cursor is not None:
        document["nextCursor"] = page.next_cursor
    document["Resources"] = resources
    return Response(200, document)


def _sources(
    call: Call,
    types: Sequence[ResourceType],
    request: SearchRequest,
    projections: Mapping[str, Projection],
) -> tuple[Source, ...]:
    """Resolve filter and sort order against each type (RFC 7644 §3.4.2.1).

    An attribute that a type lacks has no value there. Unknown in every type, it is an error: an
    administrator who mistypes a name must not read "nobody".
    """
    loose = call.dialect.tolerance.loose
    filters = _filters(request.filter, types, loose=loose)
    descending = _order(request.sort_order) == "descending"
    found: list[Source] = []
    for each in types:
        filter = filters.get(each.name, False)
        if filter is not False:
            kept = None if filter is True else filter
            sort = _sort_path(request.sort_by, each, loose=loose)
            wanted = projections[each.name]
            members, member_of = wants_members(each, wanted), wants_member_of(each, wanted)
            found.append(Source(each, kept, sort, descending, members, member_of))
    known = [_sort_path(request.sort_by, each, loose=loose) for each in types]
    if request.sort_by and not any(known):
        raise InvalidValue("sortBy names no attribute that is known here: GET /Schemas lists them")
    return tuple(found)


def _filters(
    text: str | None, types: Sequence[ResourceType], *, loose: bool
) -> dict[str, Filter | bool]:
    """Read a filter for each type, by its name; a type that it can't be asked of is left out."""
    if text is None:
        return {each.name: True for each in types}
    read: dict[str, Filter] = {}
    refused: list[InvalidFilter] = []
    for each in types:
        try:
            read[each.name] = parse_filter(
                text, each, tolerant=loose, unknown_is_absent=len(types) > 1
            )
        except InvalidFilter as error:
            refused.append(error)
    if not read:
        raise refused[0]
    # The same text names the same attributes in the same order, whatever they mean to each type.
    named = zip(*(paths_of(each) for each in read.values()), strict=False)
    if any(all(path.leaf is UNKNOWN for path in each) for each in named):
        parse_filter(text, types[0], tolerant=loose)  # says which one
    return {name: settle(each) for name, each in read.items()}


def _sort_path(text: str | None, resource_type: ResourceType, *, loose: bool) -> Path | None:
    path = resource_type.path(text, tolerant=loose) if text else None
    return path if path is not None and path.attribute is not None else None


def _order(text: str | None) -> Literal["ascending", "descending"]:
    if text is None or text.lower() in ("", "ascending"):
        return "ascending"
    if text.lower() == "descending":
        return "descending"
    raise InvalidValue("sortOrder must be ascending or descending")


def _window(call: Call, request: SearchRequest) -> Window:
    """Read where a page begins and how long it is (RFC 7644 §3.4.2.4).

    A number out of range is read as the nearest one in it.
    """
    limits = call.limits
    if request.cursor is not None and request.start_index is not None:
        raise InvalidValue("send either startIndex or cursor, not both")
    try:
        count = _integer(request.count)
    except ValueError as error:
        wrong = InvalidCount if request.cursor is not None else InvalidValue
        raise wrong("count must be a whole number") from error
    try:
        start = _integer(request.start_index)
    except ValueError as error:
        raise InvalidValue("startIndex must be a whole number") from error
    size = limits.default_page if count is None else min(max(count, 0), limits.max_page)
    return Window(max(start or 1, 1), size, request.cursor)


def _integer(value: int | str | None) -> int | None:
    if value is None or value == "":
        return None
    if not _WHOLE_NUMBER.fullmatch(text := str(value)):
        raise ValueError("not a whole number")
    return max(-_FARTHEST, min(int(text), _FARTHEST))


async def _render(call: Call, page: Page, projections: dict[str, Projection]) -> list[Resource]:
    """Show a page; memberships are read once for each type on it, and only when they are shown."""
    shown: dict[int, Resource] = {}
    for type in {each.name: each for each, _ in page.found}.values():
        mine: list[tuple[int, Stored]] = [
            (place, stored) for place, (each, stored) in enumerate(page.found) if each is type
        ]
        wanted = projections[type.name]
        read = await with_memberships(
            call,
            type,
            [stored for _, stored in mine],
            members=wants_members(type, wanted),
            member_of=wants_member_of(type, wanted),
            contiguous=page.contiguous,
        )
        for (place, _), stored in zip(mine, read, strict=True):
            shown[place] = render(call, type, stored, wanted)
    return [shown[place] for place in sorted(shown)]
