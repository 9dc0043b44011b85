"""Entra's job as the presets' tests play it: the simulator, and what its client can't know.

Each cycle looks at everybody. Beyond what Entra reads of an answer, each must be as a server of
ours promises, by AssertionError; and a failure of the job is one, too. Knows no server: it is
handed a function that sends one request.
"""

import json
import re
from typing import Any
from urllib.parse import unquote_plus

from scim.cli.mappings import AttributeMapping
from scim.cli.simulator.dialects import STRICT, Dialect
from scim.cli.simulator.job import Job
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.targets import Target
from scim.cli.simulator.wire import Form, Received, Sent
from tests.idp.exchange import HEADERS, MEDIA_TYPE, Answer, Send

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
CORE = "urn:ietf:params:scim:schemas:core:2.0:"
FOREIGN = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
COMMON = {"schemas", "id", "meta"}
_MATCH = re.compile(r'filter=([^ ]+) eq "(.*)"')

Resource = dict[str, Any]


class Player:
    """The provisioning job of one application; `writes` is what its last cycle sent, except GET."""

    def __init__(
        self,
        send: Send,
        mapping: AttributeMapping,
        dialect: Dialect,
        source: SourceDirectory | None = None,
    ) -> None:
        self._send = send
        self.source = source or SourceDirectory()
        self.dialect = dialect
        form: Form = "generic" if dialect is STRICT else "library"
        self.job = Job(self.source, mapping, self._exchange, dialect, form=form)
        self.writes: list[str] = []

    def restart(self) -> None:
        self.job.restart()

    def anchor(self, id: str) -> str:
        """The id of the resource that an object is."""
        return self.job.memory.anchors[id].id

    async def cycle(self) -> list[str]:
        """Bring the directory to what is in scope; gives the writes that it took."""
        self.writes = []
        report = await self.job.initial_cycle()
        failures = [each.failure for each in report.failures]
        assert report.successful, f"{report.interrupted} {[str(each) for each in failures]}"
        return self.writes

    async def show(self, id: str) -> Resource:
        """Read the resource that an object was provisioned to, all of it."""
        kind = "Groups" if id in self.source.groups else "Users"
        answer = await self._send("GET", f"/{kind}/{self.anchor(id)}", HEADERS, None)
        assert answer.status == 200, answer.body
        shown: Resource = json.loads(answer.body)
        return shown

    async def _exchange(self, sent: Sent) -> Received:
        if sent.writes:
            self.writes.append(f"{sent.method} {sent.path}")
        answer = await self._send(sent.method, sent.target, sent.headers, sent.content)
        if answer.status < 400:
            self._check(sent, answer)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Received(answer.status, headers, answer.body)

    # --- what an answer must be ---

    def _check(self, sent: Sent, answer: Answer) -> None:
        if sent.method == "DELETE" or (sent.method == "PATCH" and answer.status == 204):
            assert (answer.status, answer.body) == (204, b""), f"{sent.method} {sent.path}"
            return
        grouped = sent.path.startswith("/Groups/") and not self.dialect.exact
        assert sent.method != "PATCH" or not grouped, "PATCH of a group shows the group"
        due = 201 if sent.method == "POST" else 200
        assert answer.status == due, f"{sent.method}: {answer.status} instead of {due}"
        headers = {name.lower(): value for name, value in answer.headers.items()}
        assert headers["content-type"] == MEDIA_TYPE
        assert headers["x-request-id"]
        body = json.loads(answer.body)
        if sent.method == "GET" and "filter=" in sent.query:
            self._check_list(sent, body)
        else:
            _, endpoint, *id = sent.path.split("/")
            assert id in ([], [body["id"]]), f"{sent.path} shows another resource"
            self._check_resource(endpoint[:-1], body)
        if sent.method == "POST":
            wrong = shows(body, {name: value for name, value in sent.body.items() if value != []})
            assert not wrong, wrong

    def _check_list(self, sent: Sent, body: Resource) -> None:
        assert body["schemas"] == [LIST], f"{sent.path}: no ListResponse"
        assert body["totalResults"] == len(body["Resources"]) == body["itemsPerPage"]
        assert body["startIndex"] == 1
        asked = _MATCH.fullmatch(unquote_plus(sent.query.split("&")[-1]))
        for each in body["Resources"] if asked and "attributes=id" not in sent.query else ():
            self._check_resource(sent.path[1:-1], each)
            assert asked
            shown = Target.parse(asked[1]).read(each)
            assert str(shown).lower() == asked[2].lower(), f"a match has another {asked[1]}"

    def _check_resource(self, kind: str, resource: Resource) -> None:
        assert resource["meta"]["location"].endswith(f"/{kind}s/{resource['id']}")
        assert CORE + kind in resource["schemas"]
        assert FOREIGN not in resource["schemas"]
        assert resource["meta"]["resourceType"] == kind


def shows(resource: Resource, due: Resource) -> list[str]:
    """Say which attributes a resource does not show as is due, but for what is every resource's."""
    return [
        f"{name} is {resource.get(name)!r} instead of {value!r}"
        for name, value in due.items()
        if name not in COMMON and without_marks(resource.get(name)) != without_marks(value)
    ]


def without_marks(value: Any) -> Any:
    """Leave out what a server adds to elements, or a client may: `primary`, `type` of a member."""
    if isinstance(value, dict):
        return {name: without_marks(each) for name, each in value.items() if name != "$ref"}
    if isinstance(value, list):
        marks = ("primary", "$ref") + (("type",) if any("$ref" in each for each in value) else ())
        return sorted(
            ({name: each[name] for name in each if name not in marks} for each in value),
            key=str,
        )
    return value
