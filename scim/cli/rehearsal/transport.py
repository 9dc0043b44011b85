"""What Entra expects of every answer: type, status, the body of an error, a token that is needed.

Where the validators look at the same it is with them: the answer to POST in W1 and W15, who is
disabled in W9, DELETE in W14 and P4, members left out in W17 and W18, schemas in `schema.py`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scim.cli.rehearsal import answers
from scim.cli.rehearsal.check import Failed, check
from scim.cli.rehearsal.trial import Trial, collection, matching
from scim.cli.simulator import compose
from scim.cli.simulator.dialects import FLAG
from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.wire import Received, encode_filter, query, request

_SCIM = "Microsoft Learn, use-scim-to-provision-users-and-groups"
_TYPE = "application/scim+json"
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_BURST, _AT_ONCE = 50, 25


@check(
    "E-01",
    "The type of answers",
    source=f"{_SCIM}; azure-docs#104859, #116775",
    proves="Every answer with a body says that it is application/scim+json, errors too.",
    change=(
        f"Send the header Content-Type: {_TYPE} with every answer that has a body; "
        "application/json failed in Microsoft's validator."
    ),
)
async def types(trial: Trial) -> None:
    subject = await trial.person()
    path, nobody = collection(trial.users), trial.samples.guid()
    sent = trial.creation(trial.users, subject.values)  # for the second time: an error
    found = encode_filter(matching(trial.users).target, nobody)
    for received in (
        await trial.ask("GET", subject.path),
        await trial.ask("GET", path, query=query(filter=found)),
        await trial.ask("GET", f"{path}/{nobody}"),
        await trial.send(sent),
        await trial.ask("GET", "/Schemas"),
    ):
        type = received.headers.get("content-type", "")
        if received.body and type.partition(";")[0].strip().lower() != _TYPE:
            raise Failed(f"The answer's Content-Type is {type or 'missing'}, not {_TYPE}")


@check(
    "E-02",
    "Test connection",
    source=f"{_SCIM}; captures: scimref#63, snipe-it#11913",
    needs=(),
    proves="The search for a random name, with which each cycle begins, finds nobody.",
    change=(
        "Answer the search with 200 and a ListResponse with totalResults 0 and an empty Resources: "
        "anything else fails Test connection, and later puts the job into quarantine."
    ),
)
async def probe(trial: Trial) -> None:
    for objects in (trial.context.users, trial.context.groups):
        if objects is None:
            continue
        filter = encode_filter(matching(objects).target, trial.samples.guid())
        hidden = {"excludedAttributes": "members"} if objects is trial.context.groups else {}
        asked = query(**hidden, filter=filter)
        received = await trial.ask("GET", collection(objects), 200, query=asked)
        if answers.listing(received) or answers.document(received)["totalResults"]:
            raise Failed("The search for a random name finds somebody")
        _has_schema(answers.document(received), _LIST)


@check(
    "E-03",
    "What a search shows is complete",
    source=f"{_SCIM}; SCIM Validator",
    proves="Who is found is shown with id, schemas and meta.resourceType.",
    change="Show in a search the same resource as GET by id does: id, schemas, meta, all values.",
)
async def complete(trial: Trial) -> None:
    subject = await trial.person()
    for resource in (await trial.found(subject), await trial.read(subject)):
        meta = resource.get("meta")
        if not isinstance(meta, dict) or meta.get("resourceType") != trial.users.target:
            raise Failed(f"The person's meta.resourceType is not {trial.users.target}")
        _has_schema(resource, compose.CORE + trial.users.target)
        trial.compare(trial.users, resource, subject.values)


@check(
    "E-04",
    "A name that is taken can't be changed to",
    source="Microsoft Learn, howto-analyze-provisioning-logs, DuplicateTargetEntries",
    proves="The matching attribute stays unique when somebody is renamed.",
    change=(
        "Refuse a PATCH that gives somebody another one's matching value with 409: two of one name "
        "are both left unprovisioned from then on."
    ),
)
async def taken(trial: Trial) -> None:
    subject, other = await trial.person(), await trial.person()
    line = matching(trial.users)
    operation = {"op": "replace", "path": line.target, "value": other.name}
    await trial.ask("PATCH", subject.path, 400, 409, body=compose.patch([operation]))
    await trial.found(other)


@check(
    "E-06",
    "An id that nobody has",
    source=f"{_SCIM}: GET of who is not there",
    proves="GET and PATCH of an unknown id are answered with 404.",
    change="Answer requests for an unknown id with 404, never with 400 or 500.",
)
async def unknown(trial: Trial) -> None:
    for objects in (trial.context.users, trial.context.groups):
        if objects is not None:
            await _unknown(trial, objects)


@check(
    "E-08",
    "The body of a conflict",
    source="SCIM Validator; RFC 7644 §3.12",
    proves="409 comes with scimType uniqueness, status as a text, and a detail.",
    change=(
        f"Send with 409 the body schemas [{_ERROR}], status as the text 409, scimType uniqueness, "
        "and a detail that says which attribute is taken: administrators read it in Entra's log."
    ),
)
async def conflict(trial: Trial) -> None:
    subject = await trial.person()
    sent = trial.creation(trial.users, subject.values)
    received = await trial.send(sent)
    answers.expect(sent, received, 409)
    if _error(received).get("scimType") != "uniqueness":
        raise Failed("The scimType of the conflict is not uniqueness")


@check(
    "E-09",
    "The bodies of errors",
    source="RFC 7644 §3.12",
    mandatory=False,
    proves="404 and 400 come with a SCIM error that has a detail.",
    change=(
        f"Send with every error the body schemas [{_ERROR}], status as a text, and a detail that "
        "says what to do: it is what an administrator sees in Entra's log."
    ),
)
async def errors(trial: Trial) -> None:
    path = collection(trial.users)
    _error(await trial.ask("GET", f"{path}/{trial.samples.guid()}", 404))
    _error(await trial.ask("POST", path, 400, body=[]))


@check(
    "E-15",
    "Without the token nothing is answered",
    source="RFC 7644 §2; Microsoft Learn, use-scim-to-provision-users-and-groups",
    needs=(),
    proves="A request without a token, or with a wrong one, is answered with 401.",
    change="Answer requests without a valid token with 401, and read and change nothing for them.",
)
async def locked(trial: Trial) -> None:
    objects = trial.context.users or trial.groups
    for said in ("", f"Bearer {trial.samples.name()}"):
        plain = request("GET", collection(objects), query(startIndex=1, count=1))
        sent = replace(plain, headers={**plain.headers, "Authorization": said})
        received = await trial.send(sent)
        what = "a wrong token" if said else "no token"
        if received.status != 401:
            raise Failed(f"A request with {what} was answered with {received.status}")


@check(
    "E-17",
    "50 requests, 25 at a time",
    source="Microsoft Learn, app-gallery-user-provisioning-requirements",
    mandatory=False,
    proves="25 requests that are under way at once are served, none with 429.",
    change=(
        "Allow at least 25 requests in a second for one tenant, and count them by tenant, not by "
        "address: all of Entra's come from a few."
    ),
)
async def burst(trial: Trial) -> None:
    limit, line = asyncio.Semaphore(_AT_ONCE), matching(trial.users)

    async def one() -> None:
        async with limit:
            filter = encode_filter(line.target, trial.samples.guid())
            await trial.ask("GET", collection(trial.users), 200, query=query(filter=filter))

    await asyncio.gather(*(one() for _ in range(_BURST)))


@check(
    "F-68",
    "Other ways to write the address",
    source=f"{_SCIM}; Microsoft's Postman collection",
    mandatory=False,
    entra=True,
    proves="A slash more, at the beginning or the end, and the flag in the query do no harm.",
    change=(
        "Take /Users/ and //Users for /Users, and ignore query parameters that are not known, also "
        "without a value."
    ),
)
async def addresses(trial: Trial) -> None:
    subject, path = await trial.person(), collection(trial.users)
    filter = query(filter=encode_filter(matching(trial.users).target, subject.name))
    for where, asked in (
        (f"{path}/", filter),
        (f"/{path}", filter),
        (path, f"{FLAG}&{filter}"),
        (path, f"{filter}&{FLAG}"),
    ):
        received = await trial.ask("GET", where, 200, query=asked)
        if [answers.identity(each) for each in answers.listing(received)] != [subject.id]:
            raise Failed("The search does not find the one who was made")


async def _unknown(trial: Trial, objects: Objects) -> None:
    path = f"{collection(objects)}/{trial.samples.guid()}"
    await trial.ask("GET", path, 404)
    line = matching(objects)
    operation = {
        "op": "replace",
        "path": line.target,
        "value": f"{trial.samples.name()}@example.com",
    }
    await trial.ask("PATCH", path, 404, body=compose.patch([operation]))


def _error(received: Received) -> Mapping[str, Any]:
    """Read the body of an error; Failed when it is none."""
    body = answers.document(received)
    _has_schema(body, _ERROR)
    if body.get("status") != str(received.status):
        raise Failed("The status in the error's body is not the answer's, as a text")
    if not isinstance(body.get("detail"), str) or not body["detail"]:
        raise Failed("The error has no detail")
    return body


def _has_schema(body: Mapping[str, Any], urn: str) -> None:
    listed = body.get("schemas")
    held = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    if urn.lower() not in (each.lower() for each in held):
        raise Failed(f"schemas does not have {urn}")


CHECKS = (
    types, probe, complete, taken, unknown, conflict, errors, locked, burst, addresses,
)  # fmt: skip
