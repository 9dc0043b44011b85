"""Entra's provisioning of one application, one cycle at a time, driven by an attribute mapping.

A model of what a server sees of it: probes, match queries, the GET before each write, the PATCH of
differences, what is sent when somebody is disabled, restored or purged, groups and members. It says
of each answer what Entra expects of it, by AssertionError. Knows no server: it is handed a function
that sends one request. What it follows is written in `tests/idp/README.md`, under evidence.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from scim.cli.mappings import AttributeMapping, Line, Objects
from scim.cli.simulator.wire import encode_filter, encode_terms, query
from tests.idp.exchange import BODY_HEADERS, HEADERS, MEDIA_TYPE, Send
from tests.presets.expressions import evaluate
from tests.presets.spelling import FOREIGN, Spelling
from tests.presets.targets import Target

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CORE = "urn:ietf:params:scim:schemas:core:2.0:"
MOST_MEMBERS = 20  # that one PATCH adds

Entry = dict[str, Any]  # an object of Entra: attributes by their names there
Resource = dict[str, Any]


@dataclass
class Tenant:
    """What is in an application's scope, by objectId; what is taken out was purged."""

    users: dict[str, Entry] = field(default_factory=dict)
    groups: dict[str, Entry] = field(default_factory=dict)

    def user(self, **attributes: Any) -> Entry:
        """Add a person, or a room, with the attributes that everybody has."""
        entry = {"objectId": str(uuid.uuid4()), "IsSoftDeleted": "False", **attributes}
        return self.users.setdefault(entry["objectId"], entry)

    def group(self, *members: Entry, **attributes: Any) -> Entry:
        held = [each["objectId"] for each in members]
        entry = {"objectId": str(uuid.uuid4()), "members": held, **attributes}
        return self.groups.setdefault(entry["objectId"], entry)


class Player:
    """The provisioning job of one application.

    It remembers, as the job does, which resource an object is (`anchors`) and which members it has
    sent. `restart` forgets both, so that everything is matched anew. `writes` lists what was sent
    since it was last cleared, except GET.
    """

    def __init__(self, send: Send, mapping: AttributeMapping, spelling: Spelling) -> None:
        self._send = send
        self._spelling = spelling
        self._objects = {each.source: each for each in mapping.objects}
        self._endpoints = {each.source: f"/{each.target}s" for each in mapping.objects}
        self.anchors: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}
        self.writes: list[str] = []

    def restart(self) -> None:
        self.anchors.clear()
        self._members.clear()

    async def cycle(self, tenant: Tenant) -> list[str]:
        """Bring the directory to what is in scope; gives the writes that it took."""
        self.writes = []
        for objects in self._objects.values():
            assert await self._find(objects, objects.matching[0], str(uuid.uuid4())) is None
        for source, entries in (("User", tenant.users), ("Group", tenant.groups)):
            if source not in self._objects:
                continue
            for entry in entries.values():
                await self._provision(self._objects[source], entry)
        for entry in tenant.users.values():
            await self._set_manager(entry)
        for entry in tenant.groups.values():
            await self._set_members(entry)
        for id in [*self.anchors]:
            if id not in tenant.users and id not in tenant.groups:
                await self._delete(id)
        return self.writes

    async def show(self, entry: Entry) -> Resource:
        """Read the resource that an object was provisioned to, all of it."""
        return await self._get(self._path(entry["objectId"]))

    # --- one object ---

    async def _provision(self, objects: Objects, entry: Entry) -> None:
        id = entry["objectId"]
        if id not in self.anchors:
            for line in objects.matching:
                value = evaluate(line.source, entry)
                found = await self._find(objects, line, value) if value else None
                if found is not None:
                    self._remember(objects, id, found["id"])
                    break
            else:
                if entry.get("IsSoftDeleted") != "True":  # who is gone is not created
                    await self._create(objects, entry)
                return
        hidden = "?excludedAttributes=members" if objects.source == "Group" else ""
        shown = await self._get(self._path(id) + hidden)
        assert "members" not in shown or not hidden, "members, though they were excluded"
        await self._update(objects, entry, shown)

    async def _find(self, objects: Objects, line: Line, value: str) -> Resource | None:
        """Ask for the one resource that has a value; nobody is 200 with an empty list."""
        hidden = {"excludedAttributes": "members"} if objects.source == "Group" else {}
        asked = query(**hidden, filter=encode_filter(line.target, value))
        found = await self._list(self._endpoints[objects.source], asked)
        assert len(found) <= 1, f"several have this {line.target}: DuplicateTargetEntries"
        if not found:
            return None
        (resource,) = found
        self._check_resource(objects, resource)
        shown = Target.parse(line.target).read(resource)
        assert isinstance(shown, str), f"a match has no {line.target}: {shown!r}"
        assert shown.lower() == value.lower(), f"a match has another {line.target}: {shown!r}"
        return resource

    async def _create(self, objects: Objects, entry: Entry) -> None:
        document: Resource = {
            "schemas": [CORE + objects.target, *self._spelling.schemas(objects.source)],
            "meta": {"resourceType": objects.target},
            **({"roles": []} if objects.source == "User" else {}),
        }
        values = self._values(objects, entry)
        for line, value in values:
            Target.parse(line.target).write(document, self._spelling.real(line.target, value))
        answer = await self._write("POST", self._endpoints[objects.source], document)
        resource = self._body(answer, 201)
        self._check_resource(objects, resource)
        for line, value in values:
            self._check_value(line, value, resource)
        self._remember(objects, entry["objectId"], resource["id"])
        if objects.source == "User":
            location = resource["meta"]["location"]
            assert location.endswith(f"/{resource['id']}"), location

    async def _update(self, objects: Objects, entry: Entry, shown: Resource) -> None:
        """Send what differs from what was read, and look whether it is as sent afterwards."""
        changes = [
            (line, value, Target.parse(line.target).read(shown))
            for line, value in self._values(objects, entry)
            if line.apply == "always"
        ]
        differing = [
            (line.target, value, before)
            for line, value, before in changes
            if before != self._spelling.real(line.target, value)
        ]
        if not differing:
            return
        path = self._path(entry["objectId"])
        await self._patch(path, self._spelling.operations(differing), group="members" in entry)
        hidden = "?excludedAttributes=members" if objects.source == "Group" else ""
        after = await self._get(path + hidden)
        for line, value, _ in changes:
            self._check_value(line, value, after)

    async def _delete(self, id: str) -> None:
        path = self._path(id)
        await self._get(path)
        answer = await self._write("DELETE", path)
        assert answer.status == 204, f"DELETE {path}: {answer.status}"
        assert not answer.body, f"DELETE {path}: a body"
        del self.anchors[id]
        self._members.pop(id, None)

    # --- references ---

    async def _set_manager(self, entry: Entry) -> None:
        mapped = [each.target for each in self._lines("User") if each.source == "manager"]
        manager = self.anchors.get(entry.get("manager", ""))
        if not mapped or manager is None or entry["objectId"] not in self.anchors:
            return
        id = self.anchors[entry["objectId"]]
        asked = mapped[0] if self._spelling.exact else "manager"
        terms = encode_terms((("id", id), (asked, manager)))
        if await self._list(self._endpoints["User"], query(attributes="id", filter=terms)):
            return
        path = self._path(entry["objectId"])
        before = Target.parse(mapped[0]).read(await self._get(path))
        operation = self._spelling.reference(mapped[0], manager, before)
        await self._patch(path, [operation], group=False)
        after = Target.parse(mapped[0]).read(await self._get(path))
        assert isinstance(after, dict), f"a manager must be an object: {after!r}"
        assert after["value"] == manager

    async def _set_members(self, entry: Entry) -> None:
        """Add who is missing, asking for each who wasn't sent before; remove who was, and left."""
        if not any(each.source == "members" for each in self._lines("Group")):
            return
        id = entry["objectId"]
        sent = self._members[id]
        wanted = {self.anchors[each] for each in entry["members"] if each in self.anchors}
        missing = [each for each in sorted(wanted - sent) if not await self._is_member(id, each)]
        path = self._path(id)
        for start in range(0, len(missing), MOST_MEMBERS):
            operation = self._spelling.addition(missing[start : start + MOST_MEMBERS])
            await self._patch(path, [operation], group=True)
        if gone := sorted(sent - wanted):
            await self._patch(path, self._spelling.removals(gone), group=True)
        for each in missing:
            assert await self._is_member(id, each), "a member that was added is none"
        for each in gone:
            assert not await self._is_member(id, each), "a member that was removed is one"
        self._members[id] = wanted

    async def _is_member(self, group: str, member: str) -> bool:
        terms = encode_terms((("id", self.anchors[group]), ("members", member)))
        asked = query(attributes="id", filter=terms)
        return bool(await self._list(self._endpoints["Group"], asked))

    # --- requests ---

    async def _list(self, endpoint: str, asked: str) -> list[Resource]:
        answer = await self._send("GET", f"{endpoint}?{asked}", HEADERS, None)
        body = self._body(answer, 200)
        assert body["schemas"] == [LIST], f"{endpoint}: no ListResponse"
        assert body["totalResults"] == len(body["Resources"]) == body["itemsPerPage"]
        assert body["startIndex"] == 1
        found: list[Resource] = body["Resources"]
        return found

    async def _get(self, path: str) -> Resource:
        answer = await self._send("GET", path, HEADERS, None)
        assert answer.status != 404, f"{path} is gone: InvalidAnchor"
        body = self._body(answer, 200)
        assert path.partition("?")[0].endswith(f"/{body['id']}")
        return body

    async def _patch(self, path: str, operations: Sequence[Any], *, group: bool) -> None:
        document = {"schemas": [PATCH_OP], "Operations": operations}
        answer = await self._write("PATCH", path, document)
        assert answer.status in self._spelling.patched(group=group), (
            f"PATCH {path} {operations}: {answer.status} {answer.body!r}"
        )
        if answer.status == 200:
            assert path.endswith(f"/{self._body(answer, 200)['id']}")

    async def _write(self, method: str, path: str, document: Resource | None = None) -> Any:
        self.writes.append(f"{method} {path}")
        if document is None:
            return await self._send(method, path, HEADERS, None)
        return await self._send(method, path, BODY_HEADERS, json.dumps(document).encode())

    def _body(self, answer: Any, status: int) -> Resource:
        """Check a status and what every body must be: SCIM's media type, JSON, an object."""
        assert answer.status == status, f"{answer.status} instead of {status}: {answer.body!r}"
        headers = {name.lower(): value for name, value in answer.headers.items()}
        assert headers["content-type"] == MEDIA_TYPE
        assert headers["x-request-id"]
        body = json.loads(answer.body)
        assert isinstance(body, dict)
        return body

    # --- what the mapping says ---

    def _lines(self, source: Literal["User", "Group"]) -> tuple[Line, ...]:
        objects = self._objects.get(source)
        return objects.attributes if objects else ()

    def _values(self, objects: Objects, entry: Entry) -> list[tuple[Line, str]]:
        """Evaluate the lines: what is null in Entra is not sent, references are sent apart."""
        values = (
            (line, evaluate(line.source, entry))
            for line in objects.attributes
            if line.source not in ("manager", "members")
        )
        return [(line, value) for line, value in values if value]

    def _check_resource(self, objects: Objects, resource: Mapping[str, Any]) -> None:
        assert isinstance(resource["id"], str)
        assert CORE + objects.target in resource["schemas"]
        assert FOREIGN not in resource["schemas"]
        assert resource["meta"]["resourceType"] == objects.target

    def _check_value(self, line: Line, value: str, resource: Resource) -> None:
        """A value that comes back in another form is sent again in every cycle."""
        shown = Target.parse(line.target).read(resource)
        wanted = self._spelling.real(line.target, value)
        assert shown == wanted, f"{line.target} is {shown!r} where {wanted!r} was sent"

    def _remember(self, objects: Objects, object_id: str, id: str) -> None:
        self.anchors[object_id] = id
        if objects.source == "Group":
            self._members.setdefault(object_id, set())

    def _path(self, object_id: str) -> str:
        kind: Literal["User", "Group"] = "Group" if object_id in self._members else "User"
        return f"{self._endpoints[kind]}/{self.anchors[object_id]}"
