"""Every attribute that /Schemas declares as readWrite, sent and read back (Logic App, 18 and 20).

What is needed, matched by, or refers to other resources has checks of its own, and is left alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scim.cli.rehearsal.answers import expect
from scim.cli.rehearsal.capabilities import Declared
from scim.cli.rehearsal.check import Check, Failed, Need, Skipped, check
from scim.cli.rehearsal.trial import Subject, Trial, collection
from scim.cli.simulator import compose
from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.targets import get
from scim.cli.simulator.wire import request

_SOURCE = "SCIM Validation Logic App, tests 18 and 20; SCIM Validator: Discover schema"
_OWN = frozenset({"id", "schemas", "meta", "groups", "active", "members", "password"})
_SHOWN = 10  # attributes that are named
_CHANGE = (
    "Let PATCH and POST write the attribute, and show it as it was sent; or declare it readOnly, "
    "or leave it out of /Schemas."
)


@dataclass(frozen=True)
class Attribute:
    """One declared attribute of a resource type; `urn` is that of its extension, or empty."""

    urn: str
    declared: Declared

    @property
    def path(self) -> str:
        return f"{self.urn}:{self.declared.name}" if self.urn else self.declared.name

    def read(self, resource: Mapping[str, Any]) -> Any:
        held = get(resource, self.urn) if self.urn else resource
        return get(held, self.declared.name) if isinstance(held, dict) else None

    def put(self, body: dict[str, Any], value: Any) -> None:
        into = body.setdefault(self.urn, {}) if self.urn else body
        into[self.declared.name] = value
        if self.urn and self.urn not in body["schemas"]:
            body["schemas"] = [*body["schemas"], self.urn]


def attributes(trial: Trial, objects: Objects) -> list[Attribute]:
    """List what can be sent and read back; Skipped when nothing is declared."""
    matched = {each.path.name.lower() for each in objects.matching}
    found = [
        Attribute(urn, each)
        for urn, schema in trial.context.capabilities.of(objects.target)
        for each in schema.attributes
        if each.writable
        and each.name.lower() not in _OWN | matched
        and not (each.sub("$ref") and each.sub("value") and _refers(each))
    ]
    if not found:
        raise Skipped(f"/Schemas declares nothing of {objects.target} that can be written")
    return found


def _refers(declared: Declared) -> bool:
    """Tell whether it names other resources: a manager."""
    ref = declared.sub("$ref")
    return ref is not None and any(each != "external" for each in ref.refers or ("User",))


async def post(trial: Trial, objects: Objects) -> None:
    """POST with all of them at once, and read them back."""
    found = attributes(trial, objects)
    values = {each: trial.samples.declared(each.declared) for each in found}
    sent = trial.creation(objects, trial.samples.values(objects, objects.valued))
    body = dict(sent.body)
    for each, value in values.items():
        each.put(body, value)
    sent = request("POST", collection(objects), body=body)
    received = await trial.send(sent)
    subject = trial.made(objects, {}, sent, received)
    _judge(await trial.read(subject), values)


async def patch(trial: Trial, objects: Objects, op: str) -> None:
    """PATCH them all by an operation, each by its path, and read them back."""
    found = attributes(trial, objects)
    if op == "remove":
        found = [each for each in found if not _needed(each.declared)]
    if not found:
        raise Skipped("/Schemas declares nothing that somebody can be without")
    subject = await trial.make(objects, least=op == "add")
    values = {each: trial.samples.declared(each.declared) for each in found}
    operations = {
        each: {"op": op if op != "remove" else "replace", "path": each.path, "value": value}
        for each, value in values.items()
    }
    if await _applied(trial, subject, operations):
        _judge(await trial.read(subject), values)
    if op == "remove":
        removals = {each: {"op": op, "path": each.path} for each in found}
        await _applied(trial, subject, removals)
        shown = await trial.read(subject)
        left = [each.path for each in found if each.read(shown) not in (None, "", [], {})]
        if left:
            raise Failed(f"What was removed is still there: {', '.join(left)}")


async def _applied(
    trial: Trial, subject: Subject, operations: Mapping[Attribute, Mapping[str, Any]]
) -> bool:
    """Send all operations in one PATCH; when it is refused, find out which of them are to blame."""
    body = compose.patch([dict(each) for each in operations.values()])
    received = await trial.ask("PATCH", subject.path, body=body)
    if received.status in (200, 204):
        return True
    refused: list[str] = []
    for attribute, each in operations.items():
        one = await trial.ask("PATCH", subject.path, body=compose.patch([dict(each)]))
        refused += [] if one.status in (200, 204) else [f"{attribute.path} ({one.status})"]
        if len(refused) == _SHOWN:
            break
    if refused:
        raise Failed(f"Declared as readWrite, but refused by PATCH: {', '.join(refused)}")
    expect(request("PATCH", subject.path, body=body), received, 200, 204)
    return False


def _judge(resource: Mapping[str, Any], values: Mapping[Attribute, Any]) -> None:
    """Raise Failed that names what is not shown as it was sent."""
    wrong = [each for each, value in values.items() if not _same(value, each.read(resource))]
    if wrong:
        paths = ", ".join(each.path for each in wrong[:_SHOWN])
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise Failed(f"Declared as readWrite, but not shown as sent: {paths}{more}")


def _same(sent: Any, shown: Any) -> bool:
    """Compare what was sent with what is shown, which may have more of it."""
    if isinstance(sent, dict):
        held = isinstance(shown, dict)
        return held and all(_same(each, get(shown, name)) for name, each in sent.items())
    if isinstance(sent, list):
        held = isinstance(shown, list)
        return held and all(any(_same(each, one) for one in shown) for each in sent)
    return type(sent) is type(shown) and bool(sent == shown)


def _needed(declared: Declared) -> bool:
    return declared.required or any(each.required for each in declared.subs)


def _checks(number: int, kind: Need) -> Iterator[Check]:
    """Make the four checks of people or of groups."""

    def objects(trial: Trial) -> Objects:
        return trial.users if kind == "users" else trial.groups

    async def posted(trial: Trial) -> None:
        await post(trial, objects(trial))

    yield check(
        f"S{number}",
        f"Create {kind} with every declared attribute",
        source=_SOURCE,
        needs=(kind,),
        proves="All that /Schemas declares as readWrite is taken by POST and shown as sent.",
        change=_CHANGE,
    )(posted)
    for place, op in enumerate(("add", "replace", "remove"), number + 1):
        yield _patching(place, kind, op, objects)


def _patching(place: int, kind: Need, op: str, objects: Callable[[Trial], Objects]) -> Check:
    async def patched(trial: Trial) -> None:
        await patch(trial, objects(trial), op)

    shown = "gone afterwards" if op == "remove" else "shown as sent"
    return check(
        f"S{place}",
        f"PATCH of {kind}: {op} every declared attribute",
        source=_SOURCE,
        needs=(kind,),
        proves=f"All that /Schemas declares as readWrite takes {op} by its path, and is {shown}.",
        change=_CHANGE,
    )(patched)


CHECKS = (*_checks(1, "users"), *_checks(5, "groups"))
