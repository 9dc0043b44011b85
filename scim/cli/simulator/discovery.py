"""Account discovery: every resource of a kind, page by page, as Entra reads who has an account.

Microsoft Learn, how-to-account-discovery; RFC 7644 §3.4.2.4. The size of a page is not published.
"""

from collections.abc import AsyncIterator

from scim.cli.simulator.failure import SERVICE_INCOMPATIBLE, Failure
from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.service import Resource, Service

PAGE = 100


async def discover(
    service: Service, objects: Objects, count: int = PAGE
) -> AsyncIterator[Resource]:
    """Yield everybody, each once; Failure when pages don't add up."""
    start, seen = 1, set[str]()
    while True:
        page = await service.page(objects, start, count)
        resources, total = page["Resources"], page["totalResults"]
        if resources and page.get("startIndex") != start:
            raise _wrong(f"startIndex is {page.get('startIndex')} where {start} was asked for")
        if len(resources) > count:
            raise _wrong(f"a page has {len(resources)} resources where {count} were asked for")
        for each in resources:
            if each["id"] in seen:
                raise _wrong("a resource is on two pages")
            seen.add(each["id"])
            yield each
        start += len(resources)
        if start > total:
            return
        if not resources:
            raise _wrong(f"pages end after {start - 1} resources where totalResults is {total}")


def _wrong(detail: str) -> Failure:
    return Failure(SERVICE_INCOMPATIBLE, detail)
