"""Lists page by page, as account discovery and the Logic App's tests 23 and 24 read them."""

import asyncio
from typing import Any

from scim.cli.rehearsal import answers
from scim.cli.rehearsal.check import Failed, check
from scim.cli.rehearsal.direct import SOURCE
from scim.cli.rehearsal.trial import Trial, collection
from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.wire import query

_MADE, _PAGE, _AT_ONCE = 11, 5, 5
_MOST = 5000  # resources that are read to see that all are there
_LARGE = 100  # in a page of these
_CHANGE = (
    "Serve startIndex and count on a list that is always in the same order: startIndex as it was "
    "asked for, at most count Resources, totalResults of all that there are."
)


@check(
    "T23",
    "Read people page by page",
    source=f"{SOURCE} 23, SCIM_User_Pagination; Microsoft Learn, how-to-account-discovery",
    proves="A list is read in pages of 5 and 100: each resource once, and none is missing.",
    change=_CHANGE,
)
async def users(trial: Trial) -> None:
    await _paged(trial, trial.users)


@check(
    "T24",
    "Read groups page by page",
    source=f"{SOURCE} 24, SCIM_Group_Pagination",
    mandatory=False,
    needs=("groups",),
    proves="A list of groups is read in pages of 5 and 100: each once, and none is missing.",
    change=_CHANGE,
)
async def groups(trial: Trial) -> None:
    await _paged(trial, trial.groups)


@check(
    "N1",
    "The ends of a list",
    source="RFC 7644 §3.4.2.4",
    mandatory=False,
    proves="startIndex below 1 is 1, count below 1 is 0, and after the last page is an empty one.",
    change=(
        "Take a startIndex below 1 as 1 and a negative count as 0; answer with totalResults and no "
        "Resources to count=0 and after the end."
    ),
)
async def ends(trial: Trial) -> None:
    await trial.person()
    total = (await _page(trial, trial.users, 1, 1))["totalResults"]
    for start, count, due in ((1, 0, 0), (1, -1, 0), (0, 1, 1), (-3, 1, 1), (total + 999, 5, 0)):
        body = await _page(trial, trial.users, start, count, exact=False)
        if len(body["Resources"]) != due or body["totalResults"] < due:
            found = len(body["Resources"])
            raise Failed(f"startIndex={start}, count={count} gives {found} where {due} is due")


async def _paged(trial: Trial, objects: Objects) -> None:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def make() -> str:
        async with limit:
            return (await trial.make(objects)).id

    made = set(await asyncio.gather(*(make() for _ in range(_MADE))))
    seen: list[str] = []
    for start in (1, 1 + _PAGE):
        body = await _page(trial, objects, start, _PAGE)
        if len(body["Resources"]) != _PAGE:
            found = len(body["Resources"])
            raise Failed(f"A page of {_PAGE} of {body['totalResults']} has {found} resources")
        seen += [answers.identity(each) for each in body["Resources"]]
    again = await _page(trial, objects, 1, _PAGE)
    if [answers.identity(each) for each in again["Resources"]] != seen[:_PAGE]:
        raise Failed("The same page, asked for again, shows others")
    if len(set(seen)) != len(seen):
        raise Failed("Two pages show the same resource")
    if body["totalResults"] > _MOST:
        return  # in a large directory the rest is left unread
    every = await _all(trial, objects)
    if missing := len(made - set(every)):
        raise Failed(f"{missing} of {_MADE} that were made are on no page")
    if len(set(every)) != len(every):
        raise Failed("A resource is on two pages")


async def _all(trial: Trial, objects: Objects) -> list[str]:
    """Read the whole list; a service may give smaller pages than are asked for."""
    seen: list[str] = []
    while True:
        body = await _page(trial, objects, len(seen) + 1, _LARGE)
        seen += [answers.identity(each) for each in body["Resources"]]
        if len(seen) >= body["totalResults"] or len(seen) > 2 * _MOST:
            return seen
        if not body["Resources"]:
            raise Failed(f"The pages end after {len(seen)} of {body['totalResults']}")


async def _page(
    trial: Trial, objects: Objects, start: int, count: int, *, exact: bool = True
) -> dict[str, Any]:
    """Read a page; `exact` requires the startIndex that was asked for."""
    asked = query(startIndex=start, count=count)
    received = await trial.ask("GET", collection(objects), 200, query=asked)
    found = answers.listing(received)
    body = {**answers.document(received), "Resources": found}
    if exact and body.get("startIndex") != start:
        raise Failed(f"startIndex={start} is asked for and {body.get('startIndex')!r} is answered")
    if len(found) > max(count, 0):
        raise Failed(f"A page of {count} has {len(found)} resources")
    return body


CHECKS = (users, groups, ends)
