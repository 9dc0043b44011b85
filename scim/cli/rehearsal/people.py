"""What Entra sends of people beside what its validators test, and what broke other services."""

from typing import Any

from scim.cli.rehearsal import answers
from scim.cli.rehearsal.check import Failed, Skipped, check
from scim.cli.rehearsal.steps import replaced
from scim.cli.rehearsal.trial import Trial, collection, matching
from scim.cli.simulator.compare import check as readable
from scim.cli.simulator.compare import differing, values_of
from scim.cli.simulator.dialects import DEFAULT
from scim.cli.simulator.mapping import Line
from scim.cli.simulator.values import Values
from scim.cli.simulator.wire import Form, encode_terms, query, request

_COMPATIBILITY = "Microsoft Learn, application-provisioning-config-problem-scim-compatibility"
_SCIM = "Microsoft Learn, use-scim-to-provision-users-and-groups"
_MATCHED = "Microsoft Learn, customize-application-attributes, matching"
_FORMS: tuple[Form, ...] = ("library", "documented", "validator", "generic")


@check(
    "R-02",
    "A search in each encoding of its query",
    source="captures and Microsoft's library: scimref#63, Q2238842",
    proves="The same search is understood however its spaces, quotes and + are encoded.",
    change=(
        "Decode the query exactly once: + is a space, %2B is +, and names and values may have "
        "apostrophes and be encoded in large or small letters."
    ),
)
async def encodings(trial: Trial) -> None:
    line = matching(trial.users)
    made = trial.samples.values(trial.users, [line])
    first, at, rest = str(made[line.target]).partition("@")
    given: Values = {line.target: f"{first}+o'neill{at}{rest}" if at else made[line.target]}
    subject = await trial.make(trial.users, given=given)
    for form in _FORMS:
        found = await trial.find(trial.users, line.target, subject.name, form)
        if [answers.identity(each) for each in found] != [subject.id]:
            raise Failed(f"The search, encoded as here, finds {len(found)} where 1 is due")


@check(
    "R-41",
    "Create with nulls and unknown attributes",
    source=f"{_SCIM}, a sample of POST",
    mandatory=False,
    entra=True,
    proves="Null stands for nothing, and an attribute or schema that is unknown is let pass.",
    change="Take null as if it was not there, and ignore attributes and schemas that are unknown.",
)
async def nulls(trial: Trial) -> None:
    values = trial.samples.values(trial.users, trial.users.valued)
    sent = trial.creation(trial.users, values)
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0User"
    more = {"photos": None, "nickName": None, "department": None, "manager": None, "notKnown": "x"}
    body = {**more, **sent.body, "schemas": [*sent.body["schemas"], urn]}
    sent = request("POST", sent.path, body=body)
    subject = trial.made(trial.users, values, sent, await trial.send(sent))
    await trial.shows(subject, values)


@check(
    "R-50",
    "Update as Entra does without the flag",
    source=_COMPATIBILITY,
    entra=True,
    proves="Add, Replace in capitals, and True as a text, are understood: on demand always sent.",
    change=(
        "Read op whatever its letter case, and texts as booleans and numbers where the schema has "
        "these; answer 400, never 200, to an operation that is not applied."
    ),
)
async def capitals(trial: Trial) -> None:
    await replaced(trial, await trial.person(), DEFAULT)


@check(
    "R-52",
    "A path whose filter nothing matches",
    source="captures: SCIM-SDK#416, scim-patch#42, sourcegraph#49119",
    entra=True,
    proves="Replace at a path with a filter makes the element when there is none.",
    change=(
        'Where nothing matches a path such as emails[type eq "work"].value, make the element, with '
        "the type of the filter, for Add and Replace alike."
    ),
)
async def elements(trial: Trial) -> None:
    subject = await trial.make(trial.users, least=True)
    lines = [each for each in trial.changeable(trial.users) if not each.path.plain]
    lines = [each for each in lines if each.target not in subject.values]
    if not lines:
        raise Skipped("the mapping has no path with a filter that somebody can be without")
    values = trial.samples.values(trial.users, lines)
    written = [
        {"op": "Replace", "path": each, "value": str(value) if isinstance(value, bool) else value}
        for each, value in values.items()
    ]
    await trial.patch(subject, *written)
    await trial.shows(subject, values)


@check(
    "R-55",
    "Ask who somebody's manager is",
    source=f"{_SCIM}, the query for references",
    needs=("users", "manager"),
    entra=True,
    proves="The query that Entra asks before it sends a manager is answered.",
    change=(
        "Take the filter id eq … and manager eq …, and answer with those alone whose manager has "
        "this id."
    ),
)
async def reference(trial: Trial) -> None:
    subject, boss = await trial.person(), await trial.person()
    line = next(each for each in trial.users.references if each.expression.direct == "manager")
    await trial.patch(subject, {"op": "Add", "path": line.target, "value": boss.id})
    for other, due in ((boss.id, 1), (subject.id, 0)):
        filter = encode_terms((("id", subject.id), ("manager", other)))
        received = await trial.ask(
            "GET", collection(trial.users), 200, query=query(attributes="id", filter=filter)
        )
        if len(found := answers.listing(received)) != due:
            raise Failed(f"The search by id and manager finds {len(found)} where {due} is due")


@check(
    "R-62",
    "Disable and restore by texts",
    source=_COMPATIBILITY,
    needs=("users", "active"),
    entra=True,
    proves='"False" and "True" switch active, which is shown as a boolean.',
    change='Read "False" and "True" as booleans, and show active as false and true, no texts.',
)
async def switch(trial: Trial) -> None:
    subject = await trial.person()
    for text, due in (("False", False), ("True", True), ("false", False), ("true", True)):
        await trial.patch(subject, {"op": "Replace", "path": "active", "value": text})
        for resource in (await trial.read(subject), await trial.found(subject)):
            if resource.get("active") is not due:
                raise Failed(f"active is not {str(due).lower()} after {text}")


@check(
    "E-16",
    "Booleans are shown as booleans",
    source="SCIM Validator; Microsoft Learn, howto-analyze-provisioning-logs",
    entra=True,
    proves="A boolean that is sent as a text is taken, and shown as a boolean.",
    change=(
        "Store booleans as booleans, also primary of e-mail addresses and roles: Entra can't read "
        "a text there, and logs SystemForCrossDomainIdentityManagementServiceIncompatible."
    ),
)
async def booleans(trial: Trial) -> None:
    values = trial.samples.values(trial.users, trial.users.valued)
    sent = trial.creation(trial.users, values)
    body = _as_texts(sent.body)
    if not body.get("roles"):
        body["roles"] = [{"primary": "True", "type": "text", "value": trial.samples.name()}]
    sent = request("POST", sent.path, body=body)
    subject = trial.made(trial.users, values, sent, await trial.send(sent))
    readable(subject.answer, trial.users.target)
    readable(await trial.found(subject), trial.users.target)
    await trial.shows(subject, values)


@check(
    "F-83",
    "Values are shown as they were sent",
    source=f"{_SCIM}: don't change what was sent",
    proves="Quotes, accents, spaces and letter case stay as they are.",
    change=(
        "Store and show each value as it was sent, letter by letter: Entra would otherwise send it "
        "again in every cycle. Refuse what is not acceptable with 400 and a detail that says why."
    ),
)
async def verbatim(trial: Trial) -> None:
    subject = await trial.person()
    values: Values = {}
    for line in trial.changeable(trial.users):
        if (odd := _odd(line, trial.samples.name())) is not None:
            values[line.target] = odd
    if not values:
        raise Skipped("the mapping has no attribute that any text can be in")
    await trial.change(subject, values, trial.context.dialect)
    phones = [each for each in trial.changeable(trial.users) if each.path.name == "phoneNumbers"]
    for line in (each for each in phones if each.path.sub == "value"):
        phone = "+45 (33) 12-34 56"
        operation: dict[str, Any] = {"op": "replace", "path": line.target, "value": phone}
        received = await trial.ask("PATCH", subject.path, body=_patch(operation))
        if received.status in (200, 204):  # else it says at least that it does not take it
            await trial.shows(subject, {line.target: phone})


@check(
    "F-92",
    "A PATCH is applied as a whole, or not at all",
    source="RFC 7644 §3.5.2; better-auth#10682",
    mandatory=False,
    proves="Of a PATCH that is refused for one of its operations nothing is kept.",
    change="Check all operations of a PATCH before the first one is stored.",
)
async def atomic(trial: Trial) -> None:
    line, name = next(iter(trial.plain(trial.users)), None), matching(trial.users)
    if line is None:
        raise Skipped("the mapping has no optional attribute with a text")
    subject, other = await trial.person(), await trial.person()
    new = trial.samples.values(trial.users, [line], subject.values)
    first = {"op": "replace", "path": line.target, "value": new[line.target]}
    second = {"op": "replace", "path": name.target, "value": other.name}
    body = _patch(first, second)
    received = await trial.ask("PATCH", subject.path, body=body)
    if received.status in (200, 204):
        raise Skipped("the service takes a second person with the same matching value, see E-04")
    shown = values_of(await trial.read(subject), [line])
    if differing(shown, {line.target: subject.values[line.target]}):
        raise Failed(f"{line.target} was changed by a PATCH that was refused")


def _odd(line: Line, name: str) -> str | None:
    """Make a text with much that is changed by mistake, where any text may be."""
    path = line.path
    if line.kind != "string" or line.many or path.name in ("phoneNumbers", "emails", "roles"):
        return None
    if path.urn is None and path.name == "externalId":
        return f"Ab-{name}-ÆØ'1"
    free = {"displayName", "title", "name", "department", "nickName", "addresses"}
    if path.name not in free or path.sub == "country":
        return None
    return f'Zoë O\'Neill-Åse (R&D) "x" \\ 100% + {name}'


def _patch(*operations: dict[str, Any]) -> dict[str, Any]:
    urn = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    return {"schemas": [urn], "Operations": list(operations)}


def _as_texts(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return [_as_texts(each) for each in value]
    return {k: _as_texts(v) for k, v in value.items()} if isinstance(value, dict) else value


CHECKS = (
    encodings, nulls, capitals, elements, reference, switch, booleans, verbatim, atomic,
)  # fmt: skip
