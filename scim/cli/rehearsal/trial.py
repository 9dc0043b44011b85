"""One check at work: it asks, makes people and groups, reads them back, and keeps what was said."""

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from scim.cli.rehearsal import answers, evidence
from scim.cli.rehearsal.check import Failed, Skipped
from scim.cli.simulator import compose
from scim.cli.simulator.compare import check, same, values_of
from scim.cli.simulator.dialects import STRICT, Dialect
from scim.cli.simulator.exchanges import Exchange
from scim.cli.simulator.mapping import Line, Objects
from scim.cli.simulator.values import Values
from scim.cli.simulator.wire import (
    Form,
    NoAnswer,
    Received,
    Send,
    Sent,
    encode_filter,
    query,
    request,
)

if TYPE_CHECKING:
    from scim.cli.rehearsal.context import Context

_SHOWN = 8  # exchanges of a check that are kept as its evidence, the last ones


@dataclass
class Subject:
    """A resource that was made: its kind, id, and the values that it was given by target."""

    objects: Objects
    id: str
    values: Values
    answer: Mapping[str, Any]

    @property
    def path(self) -> str:
        return f"{collection(self.objects)}/{quote(self.id, safe='')}"

    @property
    def name(self) -> str:
        """The value that it is matched by."""
        return str(self.values[matching(self.objects).target])


class Trial:
    """What a check's function works with; `evidence` are its last exchanges."""

    def __init__(self, context: "Context") -> None:
        self.context = context
        self.samples = context.samples
        self._kept: deque[Exchange] = deque(maxlen=_SHOWN)

    @property
    def evidence(self) -> tuple[Exchange, ...]:
        return tuple(self._kept)

    @property
    def exact(self) -> bool:
        return self.context.dialect.exact

    @property
    def users(self) -> Objects:
        found = self.context.users
        if found is None:
            raise Skipped("the mapping provisions no users")
        return found

    @property
    def groups(self) -> Objects:
        found = self.context.groups
        if found is None:
            raise Skipped("the mapping provisions no groups")
        return found

    # --- requests ---

    async def send(self, sent: Sent, to: Send | None = None) -> Received:
        """Send a request and keep what came; Failed when nothing does. `to`: beside the service."""
        begun = time.perf_counter()
        came: Received | NoAnswer
        try:
            came = await (to or self.context.ask)(sent)
        except NoAnswer as error:
            came = error
        took = time.perf_counter() - begun
        self._kept.append(evidence.exchange(sent, came, secret=self.context.secret, seconds=took))
        if isinstance(came, NoAnswer):
            raise answers.silent(sent, came) from came
        return came

    async def ask(
        self, method: str, path: str, *due: int, query: str = "", body: Any = None
    ) -> Received:
        """Send a request with Entra's headers; with `due`, Failed for any other status."""
        sent = request(method, path, query, body)
        received = await self.send(sent)
        if due:
            answers.expect(sent, received, *due)
        return received

    # --- making ---

    async def person(self, *, least: bool = False) -> Subject:
        """Make somebody with a value for each line of the mapping, or the least that is taken."""
        return await self.make(self.users, least=least)

    async def group(self, *, members: Iterable[Subject] = ()) -> Subject:
        """Make a group, and then its members, as Entra does."""
        made = await self.make(self.groups)
        if ids := [each.id for each in members]:
            operation = {"op": "add", "path": "members", "value": [{"value": id} for id in ids]}
            await self.patch(made, operation)
        return made

    async def make(
        self, objects: Objects, *, least: bool = False, given: Values | None = None
    ) -> Subject:
        """Make a resource; `given` are values that it has in place of made-up ones."""
        values = self.samples.values(objects, objects.valued) | (given or {})
        if least:
            fewer = {each.target: values[each.target] for each in self.needed(objects)}
            sent = self.creation(objects, fewer)
            received = await self.send(sent)
            if received.status != 400:  # what else a service needs, not all of them declare
                return self.made(objects, fewer, sent, received)
        sent = self.creation(objects, values)
        return self.made(objects, values, sent, await self.send(sent))

    def creation(self, objects: Objects, values: Values) -> Sent:
        body = compose.body(objects, values, self.context.dialect)
        return request("POST", collection(objects), body=body)

    def made(self, objects: Objects, values: Values, sent: Sent, received: Received) -> Subject:
        """Read the answer to a POST."""
        answers.expect(sent, received, 200, 201)
        resource = answers.document(received)
        return Subject(objects, answers.identity(resource), dict(values), resource)

    # --- reading ---

    async def read(self, subject: Subject, query: str = "") -> Mapping[str, Any]:
        """GET a resource by its id and look at it as Entra does: by the types of the schema."""
        received = await self.ask("GET", subject.path, 200, query=query)
        resource = answers.document(received)
        if answers.identity(resource) != subject.id:
            raise Failed("GET by id gives a resource with another id", "Keep ids as they are.")
        return check(resource, subject.objects.target)

    async def find(
        self,
        objects: Objects,
        target: str,
        value: str,
        form: Form = "validator",
        *,
        hide: bool = False,
    ) -> list[dict[str, Any]]:
        """Search for `target eq value`; `hide` leaves members out."""
        hidden = {"excludedAttributes": "members"} if hide else {}
        asked = query(**hidden, filter=encode_filter(target, value, form))
        return answers.listing(await self.ask("GET", collection(objects), 200, query=asked))

    async def found(self, subject: Subject, *, hide: bool = False) -> Mapping[str, Any]:
        """Search for a resource by what it is matched by; Failed unless it alone is found."""
        target = matching(subject.objects).target
        found = await self.find(subject.objects, target, subject.name, hide=hide)
        if len(found) != 1 or answers.identity(found[0]) != subject.id:
            raise Failed(f"The search by {target} finds {len(found)}, not the one that was made")
        return check(found[0], subject.objects.target)

    async def shows(self, subject: Subject, due: Values) -> Mapping[str, Any]:
        """GET a resource and compare it with what it must show."""
        resource = await self.read(subject)
        self.compare(subject.objects, resource, due)
        return resource

    def compare(self, objects: Objects, resource: Mapping[str, Any], due: Values) -> None:
        """Raise Failed that names the targets where something else is shown."""
        lines = [each for each in objects.attributes if each.target in due]
        held = values_of(resource, lines)
        wrong = [target for target, value in due.items() if not same(held.get(target), value)]
        if wrong:
            missing = [each for each in wrong if each not in held]
            other = [each for each in wrong if each in held]
            parts = [f"not there: {', '.join(missing)}"] if missing else []
            parts += [f"another value than was sent: {', '.join(other)}"] if other else []
            raise Failed(f"The {objects.target} shows {'; '.join(parts)}")

    # --- changing ---

    async def patch(self, subject: Subject, *operations: Mapping[str, Any]) -> Received:
        """PATCH a resource; Failed unless it is taken."""
        body = compose.patch([dict(each) for each in operations])
        return await self.ask("PATCH", subject.path, 200, 204, body=body)

    async def change(
        self, subject: Subject, values: Values, dialect: Dialect, *, whole: bool = False
    ) -> None:
        """Send new values as a dialect writes them, and see that they are there.

        A strict client writes whole attributes; `whole` has it write all of them in one operation.
        """
        if self.exact:
            op = "replace" if values.keys() & subject.values.keys() else "add"
            operations = _strictly(subject.objects, values, op, whole=whole)
        else:
            operations = compose.operations(subject.values, values, dialect)
        await self.patch(subject, *operations)
        subject.values |= values
        await self.shows(subject, values)

    async def delete(self, subject: Subject) -> None:
        """DELETE a resource; Skipped when the service keeps it, inactive."""
        await self.ask("DELETE", subject.path, 200, 204)
        received = await self.ask("GET", subject.path)
        if received.status == 200 and answers.document(received).get("active") is False:
            raise Skipped("the service keeps who is deleted, inactive")
        if received.status != 404:
            raise Failed(f"GET after DELETE is answered with {received.status} where 404 is due")

    # --- lines of the mapping ---

    def needed(self, objects: Objects) -> list[Line]:
        """List the lines that a resource can't be without."""
        return [each for each in objects.valued if each.match or self._required(objects, each)]

    def optional(self, objects: Objects) -> list[Line]:
        """List the lines whose values can come and go: not matching, not required, not active."""
        return [
            each
            for each in objects.updated
            if not each.match and not self._required(objects, each) and not _is_active(each)
        ]

    def changeable(self, objects: Objects) -> list[Line]:
        """List the lines whose values can change: all but those that match, and active."""
        return [each for each in objects.updated if not each.match and not _is_active(each)]

    def plain(self, objects: Objects) -> list[Line]:
        """List the optional lines with a text at a path without a filter."""
        optional = self.optional(objects)
        return [each for each in optional if each.path.plain and _is_text(each)]

    def _required(self, objects: Objects, line: Line) -> bool:
        return self.context.capabilities.required(objects.target, line.path)


def collection(objects: Objects) -> str:
    return f"/{objects.target}s"


def matching(objects: Objects) -> Line:
    """Give the line that is looked for first."""
    return objects.matching[0]


def _strictly(objects: Objects, values: Values, op: str, *, whole: bool) -> list[dict[str, Any]]:
    """Write operations on whole attributes, whose elements need not be there."""
    document = compose.body(objects, values, STRICT)
    for each in ("schemas", "meta"):
        del document[each]
    if document.get("roles") == []:
        del document["roles"]
    if whole:
        return [{"op": op, "value": document}]
    parts: dict[str, Any] = {}
    for name, value in document.items():
        if name.startswith("urn:"):
            parts |= {f"{name}:{each}": held for each, held in value.items()}
        else:
            parts[name] = value
    return [{"op": op, "path": path, "value": value} for path, value in parts.items()]


def _is_active(line: Line) -> bool:
    return line.path.urn is None and line.path.name == "active"


def _is_text(line: Line) -> bool:
    return line.kind == "string" and not line.many
