"""Answers to transactions, as services write them, cut off, hostile: nobody is wrongly blamed."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.data.tables.aio import TableClient, TableServiceClient
from hypothesis import given
from hypothesis import strategies as st

from scim.errors import TooLarge, Unavailable
from scim.repository import Meter
from storage.batch import Failed, read
from storage.client import PATIENCE, Operation, Partition, Refused
from storage.patience import Patience
from tests.model.batch import Answer
from tests.model.service import Service
from tests.model.transport import CONNECTION, ModelTransport
from tests.storage.sdk import submit_by_sdk

ONCE = Patience(refused=1, broken=1)
KIND = "multipart/mixed; boundary=batchresponse_1"
THREE = [Operation("insert", each) for each in "abc"]
ETAGS = ["W/\"datetime'2026-11-22T09%3A23%3A56.1690001Z'\"", 'W/"2"', ""]


class Saying(Service):
    """A service that answers transactions with what it was told to, the last one for good."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked = 0

    def answer(self, method: str, url: str, *more: Any) -> Answer:
        if not url.endswith("$batch"):
            return super().answer(method, url, *more)
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def table_of(service: Service) -> AsyncIterator[TableClient]:
    transport = ModelTransport(service)
    account = TableServiceClient.from_connection_string(CONNECTION, transport=transport, **PATIENCE)
    async with account:
        yield account.get_table_client("rows")


async def transacted(
    *answers: Answer, operations: Sequence[Operation] = THREE, patience: Patience = ONCE
) -> dict[str, str]:
    """Do a transaction, answered like this."""
    async with table_of(Saying(*answers)) as table:
        return await Partition(table, "p", Meter(), patience).transact(operations)


def error(code: str, message: str) -> str:
    value = {"lang": "en-US", "value": f"{message}\nRequestId:0\nTime:2026-11-22T09:00:00Z"}
    return json.dumps({"odata.error": {"code": code, "message": value}})


def part(status: str, *fields: str, content: str = "") -> str:
    lines = "".join(f"{each}\r\n" for each in fields)
    return f"HTTP/1.1 {status}\r\n{lines}\r\n{content}"


def done(etag: str) -> str:
    return part("204 No Content", "DataServiceVersion: 3.0;", *([f"ETag: {etag}"] if etag else []))


def batch(*parts: str, kind: str = KIND) -> Answer:
    """Write an answer as the service does."""
    inner = "".join(
        "--changesetresponse_1\r\nContent-Type: application/http\r\n"
        f"Content-Transfer-Encoding: binary\r\n\r\n{each}\r\n"
        for each in parts
    )
    content = (
        "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n"
        f"{inner}--changesetresponse_1--\r\n--batchresponse_1--\r\n"
    )
    return Answer(202, {"Content-Type": kind}, content.encode())


def alone(one: str) -> Answer:
    """Write a refusal without a change set around it, as OData has it."""
    content = (
        "--batchresponse_1\r\nContent-Type: application/http\r\n\r\n"
        f"{one}\r\n--batchresponse_1--\r\n"
    )
    return Answer(202, {"Content-Type": KIND}, content.encode())


def changed(answer: Answer, *changes: tuple[str, str]) -> Answer:
    text = answer.content.decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Answer(answer.status, answer.headers, text.encode())


GOOD = batch(*(done(each) for each in ETAGS))
TAKEN = batch(part("409 Conflict", content=error("EntityAlreadyExists", "1:It exists.")))


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        changed(GOOD, ("\r\n", "\n")),
        changed(GOOD, ("\r\n--", "\n--"), ("binary\r\n\r\n", "binary\n\n")),
        changed(GOOD, ("ETag:", "etag:")),
        changed(GOOD, ("ETag: ", "ETAG:")),
        changed(GOOD, ("--batchresponse_1\r\n", "--batchresponse_1 \t\r\n")),
        changed(GOOD, ("--batchresponse_1\r\nC", "a preamble\r\n--batchresponse_1\r\nC")),
        changed(GOOD, ("--batchresponse_1--\r\n", "--batchresponse_1--")),
        changed(GOOD, ("--batchresponse_1--\r\n", "--batchresponse_1--\r\nan epilogue\r\n")),
        changed(GOOD, ("boundary=changesetresponse_1", 'boundary="changesetresponse_1"')),
        changed(GOOD, ("204 No Content", "201 Created"), ("DataS", "Content-Length: 0\r\nDataS")),
        changed(GOOD, ("HTTP/1.1 204 No Content", "HTTP/1.1 204 ")),
        Answer(
            202,
            {"content-type": 'multipart/mixed;charset=x; Boundary="batchresponse_1"'},
            GOOD.content,
        ),
    ],
)
async def test_etags_are_read_as_the_sdk_reads_them(answer: Answer) -> None:
    """However lines end, names are written, delimiters are padded."""
    assert await transacted(answer) == dict(zip("abc", ETAGS, strict=True))
    async with table_of(Saying(answer)) as table:
        assert await submit_by_sdk(table, "p", THREE) == ETAGS


async def test_a_blank_line_may_be_missing() -> None:
    tight = changed(GOOD, ("\r\n\r\n\r\n--changesetresponse", "\r\n--changesetresponse"))
    assert [*(await transacted(tight)).values()] == ETAGS


async def test_a_row_may_come_with_an_echo() -> None:
    """Of a service that does not know `Prefer`; it may hold what looks like a header."""
    echo = '{"odata.metadata":"x",\r\n"note":\r\n"HTTP/1.1 409 Conflict",\r\n"ETag: 7":1}'
    answer = batch(*(f"{done(each)}{echo}" for each in ETAGS))
    assert [*(await transacted(answer)).values()] == ETAGS


MISREAD: dict[str, Answer] = {
    "empty": Answer(202, {"Content-Type": KIND}),
    "no type": Answer(202, {}, GOOD.content),
    "no multipart": Answer(202, {"Content-Type": "application/json"}, b"{}"),
    "no delimiter named": Answer(202, {"Content-Type": "multipart/mixed"}, GOOD.content),
    "an empty delimiter": Answer(
        202, {"Content-Type": 'multipart/mixed; boundary=""'}, GOOD.content
    ),
    "another delimiter": Answer(202, {"Content-Type": "multipart/mixed; boundary=b"}, GOOD.content),
    "one that begins alike": Answer(
        202, {"Content-Type": "multipart/mixed; boundary=batchresponse"}, GOOD.content
    ),
    "a row too few": batch(*(done(each) for each in ETAGS[:2])),
    "a row too many": batch(*(done(each) for each in (*ETAGS, 'W/"4"'))),
    "no rows": batch(),
    "parts of text": changed(GOOD, ("application/http", "text/plain")),
    "no types of parts": changed(GOOD, ("Content-Type: application/http\r\n", "")),
    "no status": changed(GOOD, ("HTTP/1.1 204 No Content", "204 No Content")),
    "a status of letters": changed(GOOD, ("HTTP/1.1 204", "HTTP/1.1 2o4")),
    "multiparts all the way down": changed(
        GOOD, ("application/http", "multipart/mixed; boundary=changesetresponse_1")
    ),
    "carriage returns alone": changed(GOOD, ("\r\n", "\r")),
    "parts behind the end": changed(
        GOOD,
        ("--changesetresponse_1\r\nC", "--changesetresponse_1--\r\n--changesetresponse_1\r\nC"),
    ),
    "bytes": Answer(202, {"Content-Type": KIND}, bytes(range(256)) * 20),
    "a conflict that says nothing": batch(part("409 Conflict")),
    "a conflict cut off": batch(part("409 Conflict", content='{"odata.error":{"code":"Entity')),
    "a conflict of nested lists": batch(part("409 Conflict", content="[" * 100_000)),
    "an answer to continue": batch(part("100 Continue")),
    "elsewhere": batch(part("302 Found", "Location: https://made.example.com")),
    "a success that is none": Answer(200, {"Content-Type": KIND}, GOOD.content),
}


@pytest.mark.parametrize("name", MISREAD)
async def test_what_cannot_be_read_broke_off(name: str) -> None:
    """The client is to come back, after all tries; nothing is taken for done or refused."""
    service = Saying(MISREAD[name])
    patience = Patience(broken=2, first=0.001)
    async with table_of(service) as table:
        with pytest.raises(Unavailable, match="busy or down"):
            await Partition(table, "p", Meter(), patience).transact(THREE)
    assert service.asked == 2


async def test_what_broke_off_is_sent_again() -> None:
    cut = Answer(202, GOOD.headers, GOOD.content[:300])
    patience = Patience(broken=3, first=0.001)
    assert len(await transacted(cut, cut, GOOD, patience=patience)) == 3


def outcome(content: bytes) -> object:
    """Say what an answer to three operations is read as."""
    try:
        return read(KIND, content, THREE)
    except ServiceResponseError:
        return "cut off"
    except Failed as failed:
        return failed.status_code, failed.error_code, failed.index


@pytest.mark.parametrize(
    ("whole", "read_as"),
    [(GOOD, ETAGS), (TAKEN, (409, "EntityAlreadyExists", 1))],
    ids=["success", "conflict"],
)
def test_an_answer_cut_off_anywhere_is_whole_or_none(whole: Answer, read_as: object) -> None:
    found = [outcome(whole.content[:length]) for length in range(len(whole.content) + 1)]
    assert found[-1] == read_as
    assert all(each in ("cut off", read_as) for each in found)
    assert found.count(read_as) < 30  # what may be missing is the end of the last delimiter


@given(st.binary(max_size=200), st.integers(0, len(GOOD.content)), st.integers(0, 40))
def test_what_was_damaged_is_no_bug(put: bytes, place: int, gone: int) -> None:
    """Whatever comes in place of some bytes: ETags, a failure, or an answer that broke off."""
    content = GOOD.content[:place] + put + GOOD.content[place + gone :]
    found = outcome(content)
    assert found == "cut off" or isinstance(found, tuple) or len(cast("list[str]", found)) == 3


XML = (
    '<?xml version="1.0" encoding="utf-8"?><m:error xmlns:m="http://schemas.microsoft.com/ado">'
    '<m:code>{}</m:code><m:message xml:lang="en-US">{}\nRequestId:0</m:message></m:error>'
)
OLD = 'W/"old"'
GUARDED = [Operation("insert", "a"), Operation("replace", "b", {"n": 1}, OLD), *THREE[2:]]


@pytest.mark.parametrize(
    ("answer", "index", "reason"),
    [
        (TAKEN, 1, "exists"),
        (changed(TAKEN, ("\r\n", "\n")), 1, "exists"),
        (alone(part("409 Conflict", content=error("EntityAlreadyExists", "2:Is."))), 2, "exists"),
        (batch(part("404 Not Found", content=error("ResourceNotFound", "1:No."))), 1, "missing"),
        (
            batch(
                part("412 Precondition Failed", content=error("UpdateConditionNotSatisfied", "1:"))
            ),
            1,
            "changed",
        ),
        (
            batch(part("409 Conflict", content=XML.format("EntityAlreadyExists", "2:Is."))),
            2,
            "exists",
        ),
        (
            batch(done(""), part("409 Conflict", content=error("EntityAlreadyExists", "1:Is."))),
            1,
            "exists",
        ),
    ],
)
async def test_the_operation_at_fault_is_named(answer: Answer, index: int, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        await transacted(answer, operations=GUARDED)
    assert (caught.value.operation, caught.value.reason) == (GUARDED[index], reason)


async def test_an_operation_alone_needs_no_name() -> None:
    answer = batch(part("409 Conflict", content=error("EntityAlreadyExists", "It exists.")))
    with pytest.raises(Refused) as caught:
        await transacted(answer, operations=THREE[:1])
    assert caught.value.operation == THREE[0]


@pytest.mark.parametrize("message", ["It exists.", "3:It exists.", "999:", "-1:", "x:", "", "1 :"])
async def test_a_conflict_of_nobody_is_an_error(message: str) -> None:
    """The first operation is a change row: were it blamed, the change would pass for done."""
    answer = batch(part("409 Conflict", content=error("EntityAlreadyExists", message)))
    with pytest.raises(HttpResponseError) as caught:
        await transacted(answer)
    assert caught.value.status_code == 409


async def test_who_is_lenient_is_left_out_of_the_next_try() -> None:
    missing = batch(part("404 Not Found", content=error("ResourceNotFound", "1:No.")))
    operations = [THREE[0], Operation("delete", "b", lenient=True), THREE[2]]
    answers = missing, batch(done('W/"1"'), done('W/"2"'))
    assert await transacted(*answers, operations=operations) == {"a": 'W/"1"', "c": 'W/"2"'}


def whole(status: int, content: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": "application/json", **named}, content.encode())


@pytest.mark.parametrize(
    "answer",
    [
        whole(413, error("RequestBodyTooLarge", "Too large.")),
        whole(413, ""),
        whole(413, "<html>413 Request Entity Too Large</html>"),
        whole(400, error("RequestBodyTooLarge", "Too large.")),
        whole(400, "", x_ms_error_code="EntityTooLarge"),
        whole(400, XML.format("EntityTooLarge", "Too large.")),
        batch(part("413 Request Entity Too Large", content=error("RequestBodyTooLarge", "1:So."))),
        batch(part("413 Request Entity Too Large")),
        batch(part("400 Bad Request", content=error("EntityTooLarge", "1:Too large."))),
        batch(part("400 Bad Request", content=error("PropertyValueTooLarge", "2:Too large."))),
        batch(part("400 Bad Request", "X-MS-Error-Code: EntityTooLarge")),
    ],
)
async def test_what_is_too_large_is_told_so(answer: Answer) -> None:
    with pytest.raises(TooLarge):
        await transacted(answer)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (whole(404, error("TableNotFound", "No table.")), "has to set it up"),
        (batch(part("404 Not Found", content=error("TableNotFound", "0:No."))), "has to set it up"),
        (batch(part("404 Not Found", content=error("TableNotFound", "No."))), "has to set it up"),
        (batch(part("404 Not Found", content=error("ResourceNotFound", "1:No."))), "to set it up"),
        (whole(409, XML.format("TableBeingDeleted", "Wait.")), "has to set it up"),
        (whole(403, error("AuthenticationFailed", "No.")), "check its access"),
        (whole(403, XML.format("AuthenticationFailed", "No.")), "check its access"),
        (whole(401, ""), "check its access"),
        (batch(part("403 Forbidden", content=error("AuthorizationFailure", "0:No."))), "check its"),
        (whole(500, error("InternalError", "Sorry.")), "busy or down"),
        (whole(502, "<html>Bad Gateway</html>"), "busy or down"),
        (whole(503, ""), "busy or down"),
        (batch(part("500 Internal Server Error")), "busy or down"),
    ],
)
async def test_a_store_that_cannot_serve_says_why(answer: Answer, told: str) -> None:
    """No row that is inserted can be missing: it is the table, whatever Cosmos DB says."""
    with pytest.raises(Unavailable, match=told):
        await transacted(answer)


@pytest.mark.parametrize("status", [400, 405, 418])
@pytest.mark.parametrize("within", [False, True], ids=["all", "part"])
async def test_what_nobody_expects_is_an_error(status: int, within: bool) -> None:
    """A bug of ours: told with status and code, and without what was sent."""
    content = error("InvalidInput", "1:The value secret is invalid.")
    answer = batch(part(f"{status} Bad", content=content)) if within else whole(status, content)
    with pytest.raises(HttpResponseError, match=f"{status} InvalidInput") as caught:
        await transacted(answer)
    assert "secret" not in str(caught.value)
    assert caught.value.status_code == status


THROTTLED: dict[str, Callable[[int, str], Answer]] = {
    "all": lambda status, after: whole(status, "", Retry_After=after),
    "part": lambda status, after: batch(part(f"{status} No", f"retry-after: {after}")),
    "alone": lambda status, after: alone(
        part(f"{status} No", f"Retry-After: {after}", content=error("ServerBusy", "Slower."))
    ),
}


@pytest.mark.parametrize("status", [408, 429, 503])
@pytest.mark.parametrize("form", THROTTLED)
async def test_a_store_that_throttles_is_asked_again(form: str, status: int) -> None:
    answer = THROTTLED[form](status, "x")
    patience = Patience(refused=3, first=0.001)
    assert len(await transacted(answer, answer, GOOD, patience=patience)) == 3
    with pytest.raises(Unavailable):
        await transacted(answer, answer, answer, GOOD, patience=patience)


@pytest.mark.parametrize("form", THROTTLED)
async def test_a_time_to_wait_is_passed_on(form: str) -> None:
    service = Saying(THROTTLED[form](429, "45"))
    async with table_of(service) as table:
        with pytest.raises(Unavailable) as caught:
            await Partition(table, "p", Meter()).transact(THREE)
    assert (caught.value.headers["Retry-After"], service.asked) == ("45", 1)
