"""Requests of the Table service and their answers: tables, entities, queries, transactions.

One account, no authentication. A request is done at once, between two turns of the event loop, so
that no other sees half of it.
"""

import base64
import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.model import batch, entities, odata
from tests.model.batch import Answer, Part
from tests.model.behaviour import Behaviour
from tests.model.faults import Fault
from tests.model.rows import Key, Row, Rows

MOST_OPERATIONS = 100
LARGEST_BATCH = 4 * 1024 * 1024
LARGEST_COSMOS_BATCH = 2 * 1000 * 1000
LONGEST_COSMOS_KEY = 255
PAGE = 1000

_JSON = "application/json;odata=minimalmetadata"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
_ENTITY = re.compile(r"PartitionKey='(?P<partition>.*)',RowKey='(?P<key>.*)'")
_RESERVED_BY_COSMOS = frozenset({"id", "rid", "etag", "resourceid"})
_ONE = {"PUT": "replace", "PATCH": "merge", "MERGE": "merge", "DELETE": "delete"}


@dataclass(slots=True)
class Counts:
    """What was asked and done: rows `examined` are those that the service looked at."""

    requests: int = 0
    examined: int = 0
    returned: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class _Target:
    """What a URL means: a table, and perhaps a row of it."""

    table: str
    key: Key | None
    query: Mapping[str, str]


class Service:
    """An account's tables."""

    def __init__(self, behaviour: Behaviour | None = None, rows: Rows | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.rows = rows or Rows()
        self.counts = Counts()
        self._ticks = 0
        self._batches = 0

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes = b""
    ) -> Answer:
        """Do what a request asks; names of headers are in lower case."""
        self.counts.requests += 1
        part = Part(headers.get("x-http-method", method), url, headers, content)
        try:
            path = urlsplit(url).path.rpartition("/")[2]
            if path == "$batch":
                return self._transact(part)
            if path == "Tables":
                return self._create_table(part)
            if path.startswith("Tables("):
                return self._drop_table(path)
            target = _target(url)
            self._check_table(target.table)
            if part.method != "GET":
                return self._write(target, part)
            return self._query(target) if target.key is None else self._get(target)
        except Fault as fault:
            return self.failed(fault)

    def next_ticks(self) -> int:
        """Give the time in units of 100 ns, later than ever before."""
        self._ticks = max(self._ticks + 1, time.time_ns() // 100)
        return self._ticks

    def _create_table(self, part: Part) -> Answer:
        if part.method != "POST":
            raise Fault(501, "NotImplemented", "The requested operation is not implemented.")
        name = str(entities.parse(part.content).get("TableName"))
        if not _NAME.fullmatch(name):
            raise Fault(
                400,
                "InvalidResourceName",
                "The specified resource name contains invalid characters.",
            )
        if self.rows.has_table(name):
            raise Fault(409, "TableAlreadyExists", "The table specified already exists.")
        self.rows.create_table(name)
        return Answer(201, {"Content-Type": _JSON}, json.dumps({"TableName": name}).encode())

    def _drop_table(self, path: str) -> Answer:
        name = unquote(path).removeprefix("Tables('").removesuffix("')")
        self._check_table(name)
        self.rows.drop_table(name)
        return Answer(204, {})

    def _check_table(self, name: str) -> None:
        if not self.rows.has_table(name):
            if self.behaviour.cosmos:
                raise _missing()
            raise Fault(404, "TableNotFound", "The table specified does not exist.")

    def _get(self, target: _Target) -> Answer:
        assert target.key is not None
        self.counts.examined += 1
        row = self.rows.get(target.table, *target.key)
        if row is None:
            raise _missing()
        self.counts.returned += 1
        text = entities.written(row, _selected(target.query))
        return Answer(200, {"Content-Type": _JSON, "Etag": _etag(row)}, text.encode())

    def _query(self, target: _Target) -> Answer:
        query = _filter(target.query.get("$filter", ""))
        select = _selected(target.query)
        size = self.behaviour.page_size(_top(target.query))
        bodies = query.test is not None or entities.needs_body(select)
        found: list[Row] = []
        cosmos = self.behaviour.cosmos
        last = _place(target.query)
        left = self.behaviour.examined
        more = False
        for row in self.rows.read(
            target.table,
            query.within,
            last,
            bodies=bodies,
            ordered=not cosmos,
        ):
            more = len(found) >= size or left == 0
            if more:
                break
            last = (row.partition, row.key)
            self.counts.examined += 1
            left = left if left is None else left - 1
            if query.test is None or query.test(entities.comparable(row, timed=not cosmos)):
                found.append(row)
        self.counts.returned += len(found)
        text = ",".join(entities.written(each, select) for each in found)
        headers = {"Content-Type": _JSON}
        if more:
            headers |= _token(last or ("", ""), cosmos=cosmos)
        return Answer(200, headers, f'{{"value":[{text}]}}'.encode())

    def failed(self, fault: Fault) -> Answer:
        """Write an answer that says what failed; Cosmos DB says it in the body alone."""
        cosmos = self.behaviour.cosmos
        message = {"lang": "en-US", "value": fault.message}
        if cosmos:
            message = {"lang": "en-us", "value": f"{fault.message}\n\nRequestID:{uuid.uuid4()}\n"}
        content = json.dumps({"odata.error": {"code": fault.code, "message": message}}).encode()
        named = {} if cosmos else {"x-ms-error-code": fault.code}
        return Answer(fault.status, {"Content-Type": _JSON, **named}, content)

    def _write(self, target: _Target, part: Part) -> Answer:
        with self.rows.transaction():
            return self._done(target, part, self.next_ticks())

    def _transact(self, part: Part) -> Answer:
        cosmos = self.behaviour.cosmos
        if len(part.content) > (LARGEST_COSMOS_BATCH if cosmos else LARGEST_BATCH):
            raise Fault(413, "RequestBodyTooLarge", "The request body is too large.")
        parts = batch.parse(part.content)
        if cosmos and any(each.method == "PATCH" for each in parts):
            raise Fault(400, "InvalidInput", "One of the input values is invalid.")
        self._batches += 1
        try:
            answers: Sequence[Answer] = self._done_all(parts)
        except _At as failed:
            fault, index = failed.fault, failed.index
            numbered = Fault(fault.status, fault.code, f"{index}:{fault.message}")
            answers = [self.failed(numbered)]
        kind, content = batch.compose(answers, f"{self._batches:08x}", cosmos=cosmos)
        return Answer(202, {"Content-Type": kind}, content)

    def _done_all(self, parts: Sequence[Part]) -> list[Answer]:
        answers: list[Answer] = []
        seen: set[Key] = set()
        with self.rows.transaction():
            for index, each in enumerate(parts):
                try:
                    if index >= MOST_OPERATIONS:
                        raise Fault(
                            400,
                            "InvalidInput",
                            "The batch request operation exceeds the maximum 100 changes per"
                            " change set.",
                        )
                    target = _target(each.url)
                    self._check_table(target.table)
                    key = target.key or _key_of(entities.parse(each.content))
                    self._check_batched(key, seen)
                    answers.append(self._done(target, each, self.next_ticks()))
                except Fault as fault:
                    raise _At(index, fault) from fault
        return answers

    def _check_batched(self, key: Key, seen: set[Key]) -> None:
        if key in seen:
            raise Fault(
                400,
                "InvalidDuplicateRow",
                f"A command with RowKey '{key[1]}' is already present in the batch. An entity can"
                " appear only once in a batch.",
            )
        if seen and key[0] != next(iter(seen))[0]:
            raise Fault(
                400,
                "CommandsInBatchActOnDifferentPartitions",
                "All commands in a batch must operate on same entity group.",
            )
        seen.add(key)

    def _done(self, target: _Target, part: Part, ticks: int) -> Answer:
        """Do one operation."""
        self.counts.written += 1
        verb = part.headers.get("x-http-method", part.method)
        guard = part.headers.get("if-match")
        if target.key is None:
            return self._insert(target.table, part, ticks)
        if verb not in _ONE:
            raise Fault(405, "MethodNotAllowed", "The requested method is not allowed.")
        self.counts.examined += 1
        there = self.rows.get(target.table, *target.key)
        if guard is None and verb == "DELETE":
            raise Fault(400, "MissingRequiredHeader", "If-Match is missing.")
        if guard is not None:
            if there is None:
                raise _missing()
            if guard not in ("*", _etag(there)):
                raise Fault(
                    412, "UpdateConditionNotSatisfied", "The update condition was not satisfied."
                )
        if verb == "DELETE":
            self.rows.delete(target.table, *target.key)
            return Answer(204, {})
        sent = self._properties(target.key, entities.parse(part.content))
        if _ONE[verb] == "merge" and there is not None:
            sent = {**entities.properties_of(there), **sent}
        return self._put(target.table, target.key, sent, ticks)

    def _insert(self, table: str, part: Part, ticks: int) -> Answer:
        if part.method != "POST":
            raise Fault(405, "MethodNotAllowed", "The requested method is not allowed.")
        sent = entities.parse(part.content)
        key = _key_of(sent)
        properties = self._properties(key, sent)
        self.counts.examined += 1
        if self.rows.get(table, *key) is not None:
            raise Fault(409, "EntityAlreadyExists", "The specified entity already exists.")
        return Answer(201, self._put(table, key, properties, ticks).headers)

    def _properties(self, key: Key, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Take what is kept of an entity, and check all of it. Raises Fault."""
        entities.check_key(*key)
        kept = entities.own_properties(sent)
        if self.behaviour.cosmos:
            longest = max(len(each.encode()) for each in key)
            if longest > LONGEST_COSMOS_KEY or any(
                each.lower() in _RESERVED_BY_COSMOS for each in kept
            ):
                raise Fault(400, "InvalidInput", "A key or a name is none that Cosmos DB takes.")
        return kept

    def _put(self, table: str, key: Key, properties: Mapping[str, Any], ticks: int) -> Answer:
        row = Row(*key, ticks, entities.body_of(*key, properties))
        self.rows.put(table, row)
        return Answer(204, {"ETag": _etag(row)})


class _At(Exception):
    """An operation of a transaction failed."""

    def __init__(self, index: int, fault: Fault) -> None:
        super().__init__(index)
        self.index = index
        self.fault = fault


def _target(url: str) -> _Target:
    # Not `urlsplit` alone: in a transaction, the SDK sends keys as they are.
    place, _, query = url.partition("?")
    name, _, within = place.partition("(")
    table = name.rpartition("/")[2]
    within = unquote(within.removesuffix(")"))
    if not within:
        return _Target(table, None, dict(parse_qsl(query)))
    found = _ENTITY.fullmatch(within)
    if found is None:
        raise Fault(400, "InvalidInput", "The keys in the URI can't be read.")
    partition, key = (found[name].replace("''", "'") for name in ("partition", "key"))
    return _Target(table, (partition, key), dict(parse_qsl(query)))


def _key_of(entity: Mapping[str, Any]) -> Key:
    keys = tuple(entity.get(name) for name in entities.KEYS)
    if not all(isinstance(each, str) for each in keys):
        raise Fault(400, "PropertiesNeedValue", "The values are not specified for all properties.")
    partition, key = keys
    return str(partition), str(key)


def _filter(text: str) -> odata.Query:
    try:
        query = odata.read(text)
    except odata.Malformed as error:
        raise Fault(400, "InvalidInput", "The query condition is invalid.") from error
    if query.comparisons > odata.MOST_COMPARISONS:
        raise Fault(400, "InvalidInput", "The query has more than 15 comparisons.")
    return query


def _selected(query: Mapping[str, str]) -> frozenset[str]:
    return frozenset(each.strip() for each in query.get("$select", "").split(",") if each)


def _top(query: Mapping[str, str]) -> int:
    text = query.get("$top", str(PAGE))
    if not text.isdigit() or not 0 < int(text) <= PAGE:
        raise Fault(400, "InvalidInput", "$top is not between 1 and 1000.")
    return int(text)


def _token(last: Key, *, cosmos: bool) -> dict[str, str]:
    """Write the place of the last row that was looked at; a client can't read it."""
    place = [base64.urlsafe_b64encode(each.encode()).decode() for each in last]
    if cosmos:
        token = json.dumps({"token": "!".join(place), "range": {"min": "", "max": "FF"}})
        written = [token, "NA"]
    else:
        written = [f"1!{each}" for each in place]
    return {
        f"x-ms-continuation-Next{name}": each
        for name, each in zip(entities.KEYS, written, strict=True)
    }


def _place(query: Mapping[str, str]) -> Key | None:
    if "NextPartitionKey" not in query:
        return None
    place = [query.get(f"Next{name}", "").removeprefix("1!") for name in entities.KEYS]
    if place[0].startswith("{"):
        place = json.loads(place[0])["token"].split("!")
    partition, key = (base64.urlsafe_b64decode(each).decode() for each in place)
    return partition, key


def _etag(row: Row) -> str:
    return entities.etag_of(row.ticks)


def _missing() -> Fault:
    return Fault(404, "ResourceNotFound", "The specified resource does not exist.")
