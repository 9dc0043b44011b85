"""Transactions as we write them are those that the SDK would have sent, in fewer words."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.data.tables.aio import TableClient, TableServiceClient
from hypothesis import given
from hypothesis import strategies as st

from scim.repository import Meter
from scim.settings import AZURITE_KEY, azurite_connection
from storage.batch import Operation, submit, write
from storage.client import PATIENCE, Partition, Refused
from tests.model.batch import Part, parse
from tests.model.service import Service
from tests.model.transport import CONNECTION, COSMOS, ModelTransport
from tests.storage.sdk import submit_by_sdk

Submit = Callable[[TableClient, str, Sequence[Operation]], Awaitable[list[str]]]
WAYS: Mapping[str, Submit] = {"sdk": submit_by_sdk, "ours": submit}

VALUES: dict[str, Any] = {
    "text": "Ægir \\ \" ' \u2028 \x7f \t\r\n--batch_ 𝄞 <&>",
    "empty": "",
    "looks": '{"x@odata.type":"Edm.Int64"}',
    "moment": "2026-01-02T03:04:05Z",
    "number": "7",
    "yes": True,
    "no": False,
    "small": -(2**31),
    "large": 2**31 - 1,
    "half": 0.5,
    "whole": 3.0,
    "huge": 1e300,
    "none": None,
}
PARTITION = "it's a 100% æ+b&c=d;e:f,(g)"
SHARED = "TableEndpoint=https://made.table.core.windows.net/;SharedAccessSignature=sv=1&sig=a%3D"
KEYS = (
    "plain",
    "o'clock",
    "''",
    "a b+c%20d",
    "ü€𝄞",
    "i:User:0a",
    "~!@$^&*()=[]{}|;:,.<>",
)


def sample(key: str) -> list[Operation]:
    return [Operation("insert", key, VALUES)]


# Each is a series of transactions; a guard of "*" stands for the ETag that the row has by then.
SERIES: Mapping[str, Sequence[Sequence[Operation]]] = {
    "insert": [[Operation("insert", key, VALUES) for key in KEYS]],
    "insert of nothing": [[Operation("insert", "a")]],
    "insert of what is there": [sample("a"), [Operation("insert", "b"), *sample("a")]],
    "put": [sample("a"), [Operation("put", key, {"n": 1}) for key in ("a", "b")]],
    "replace": [sample("o'a"), [Operation("replace", "o'a", {"n": 1})]],
    "replace of nothing": [[Operation("put", "a"), Operation("replace", "b", {"n": 1})]],
    "replace, guarded": [sample("a"), [Operation("replace", "a", {"n": 1}, "*")]],
    "replace, too late": [
        sample("a"),
        [Operation("insert", "b"), Operation("replace", "a", {"n": 1}, "W/\"datetime'x'\"")],
    ],
    "merge": [[*sample("o'a"), *sample("b")], [Operation("merge", "o'a", {"n": 1, "yes": False})]],
    "merge of nothing into a row": [sample("a"), [Operation("merge", "a")]],
    "merge into nothing": [[Operation("merge", "a", {"n": 1})]],
    "merge, guarded": [sample("a"), [Operation("merge", "a", {"n": 1}, "*")]],
    "delete": [[*sample("o'a"), *sample("b")], [Operation("delete", "o'a")]],
    "delete of nothing": [[Operation("put", "b"), Operation("delete", "a")]],
    "delete, guarded": [sample("a"), [Operation("delete", "a", guard="*")]],
    "the same row twice": [[Operation("put", "a"), Operation("put", "b"), Operation("put", "a")]],
    "a hundred rows": [[Operation("put", f"{each:03}", {"n": each}) for each in range(100)]],
    "a value that is too large": [[*sample("a"), Operation("put", "b", {"x": "y" * 40_000})]],
}


async def happened(
    table: TableClient, way: Submit, series: Sequence[Sequence[Operation]]
) -> tuple[list[Any], dict[str, Any]]:
    """Do a series of transactions: what came of each, and the rows with their values' types."""
    known: dict[str, str] = {}
    outcomes: list[Any] = []
    for each in series:
        guarded = [
            Operation(one.verb, one.key, one.values, known[one.key]) if one.guard == "*" else one
            for one in each
        ]
        try:
            etags = await way(table, PARTITION, guarded)
        except HttpResponseError as error:
            index, code = (getattr(error, name) for name in ("index", "error_code"))
            outcomes.append((error.status_code, index, str(getattr(code, "value", code))))
            continue
        known |= {one.key: etag for one, etag in zip(each, etags, strict=True)}
        outcomes.append([bool(each) for each in etags])
    rows: dict[str, Any] = {}
    async for row in table.query_entities("PartitionKey ge ''"):
        key = row.pop("RowKey")
        assert row.pop("PartitionKey") == PARTITION
        if known.get(key):
            assert row.metadata["etag"] == known[key]
        rows[key] = {name: (type(value), value) for name, value in row.items()}
        await table.delete_entity(PARTITION, key)
    return outcomes, rows


@pytest.mark.parametrize("name", SERIES)
async def test_both_ways_leave_the_same_rows(table: TableClient, name: str) -> None:
    expected = await happened(table, submit_by_sdk, SERIES[name])
    assert await happened(table, submit, SERIES[name]) == expected


async def test_a_table_that_is_missing_is_told_alike(account: TableServiceClient) -> None:
    found = [await happened_to(account.get_table_client("nowhere"), way) for way in WAYS.values()]
    assert found == [(404, "TableNotFound")] * 2


async def happened_to(table: TableClient, way: Submit) -> tuple[int | None, str]:
    with pytest.raises(HttpResponseError) as caught:
        await way(table, "p", sample("a"))
    code = getattr(caught.value, "error_code", "")
    return caught.value.status_code, str(getattr(code, "value", code))


class Wire(ModelTransport):
    """Keeps the transactions that were sent."""

    def __init__(self) -> None:
        super().__init__(Service())
        self.batches: list[HttpRequest] = []

    async def send(self, request: HttpRequest, **options: Any) -> AsyncHttpResponse:
        if urlsplit(request.url).path.endswith("$batch"):
            self.batches.append(request)
        return await super().send(request, **options)


@dataclass
class Sent:
    """What a way of sending made of a transaction."""

    request: HttpRequest

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.request.headers.items()}

    @property
    def parts(self) -> list[Part]:
        content = self.request.content
        return parse(content if isinstance(content, bytes) else str(content).encode())


async def sent(way: Submit, where: str, operations: Sequence[Operation]) -> Sent:
    """Send a transaction to a service that knows the rows a and o'a."""
    wire = Wire()
    account = TableServiceClient.from_connection_string(where, transport=wire, **PATIENCE)
    async with account:
        table = await account.create_table("rows")
        await way(table, PARTITION, [Operation("insert", "a"), Operation("insert", "o'a")])
        await way(table, PARTITION, operations)
    return Sent(wire.batches[-1])


def meaning(part: Part) -> tuple[str, str, str, dict[str, Any], dict[str, str]]:
    """Take what a service acts on: what JSON and OData say without being told left out."""
    document = json.loads(part.content or b"{}")
    plain = {name: value for name, value in document.items() if value != "Edm.String"}
    kept = ("if-match", "x-http-method", "x-ms-version", "dataserviceversion", "content-type")
    headers = {name: part.headers[name] for name in kept if name in part.headers}
    place = urlsplit(part.url.replace("?", "%3F"))
    return part.method, place.netloc, unquote(place.path), plain, headers


@pytest.mark.parametrize("where", [CONNECTION, COSMOS], ids=["storage", "cosmos"])
async def test_both_ways_say_the_same(where: str) -> None:
    """Method by method; Cosmos DB is asked for a merge in its own way."""
    operations = [
        Operation("insert", "b", VALUES),
        Operation("put", "o'b", {"n": 1}),
        Operation("replace", "a", {"n": 1}),
        Operation("merge", "o'a", {"n": 1.0}),
    ]
    ours, sdks = [await sent(way, where, operations) for way in (submit, submit_by_sdk)]
    assert [meaning(each) for each in ours.parts] == [meaning(each) for each in sdks.parts]
    for each in ours.parts:
        assert int(each.headers["content-length"]) == len(each.content.removesuffix(b"\r\n"))
    deletions = [Operation("delete", "o'a")]
    ours, sdks = [await sent(way, where, deletions) for way in (submit, submit_by_sdk)]
    assert [meaning(each) for each in ours.parts] == [meaning(each) for each in sdks.parts]


@pytest.mark.parametrize("where", [CONNECTION, COSMOS, SHARED], ids=["storage", "cosmos", "shared"])
async def test_a_request_has_all_that_the_sdk_gives_one(where: str) -> None:
    """Version, agent, the id of the request, the signature; whatever signs."""
    ours, sdks = [await sent(way, where, sample("b")) for way in (submit, submit_by_sdk)]
    assert ours.headers.keys() == sdks.headers.keys()
    own = ("content-type", "content-length", "authorization", "x-ms-client-request-id")
    dates = ("date", "x-ms-date")
    for name in ours.headers.keys() - {*own, *dates}:
        assert ours.headers[name] == sdks.headers[name]
    assert ours.headers["x-ms-client-request-id"] != sdks.headers["x-ms-client-request-id"]
    assert ours.request.url == sdks.request.url


@pytest.mark.parametrize(
    ("where", "path", "account", "key"),
    [
        (CONNECTION, "/$batch", "model", "bm90LWEtc2VjcmV0"),
        (COSMOS, "/$batch", "model", "bm90LWEtc2VjcmV0"),
        (
            azurite_connection(10002),
            "/devstoreaccount1/$batch",
            "devstoreaccount1",
            AZURITE_KEY,
        ),
    ],
    ids=["storage", "cosmos", "azurite"],
)
async def test_a_transaction_is_signed(where: str, path: str, account: str, key: str) -> None:
    """As learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key says of tables:
    method, MD5, type, date and resource.
    """
    found = (await sent(submit, where, sample("b"))).headers
    signed = f"POST\n\n{found['content-type']}\n{found['x-ms-date']}\n/{account}{path}"
    digest = hmac.digest(base64.b64decode(key), signed.encode(), hashlib.sha256)
    assert found["authorization"] == f"SharedKey {account}:{base64.b64encode(digest).decode()}"


class Identity:
    """A credential that notes what tokens are asked for."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken("made-up", int(time.time()) + 3600)

    async def close(self) -> None:
        return None

    async def __aenter__(self) -> "Identity":
        return self

    async def __aexit__(self, *error: object) -> None:
        return None


@pytest.mark.parametrize(
    ("host", "scope"),
    [
        ("made.table.core.windows.net", "https://storage.azure.com/.default"),
        ("made.table.cosmos.azure.com", "https://cosmos.azure.com/.default"),
    ],
)
async def test_an_identity_gets_a_token_for_its_store(host: str, scope: str) -> None:
    identity, wire = Identity(), Wire()
    account = TableServiceClient(f"https://{host}", credential=identity, transport=wire, **PATIENCE)
    async with account:
        table = await account.create_table("rows")
        for key in ("a", "b"):
            await submit(table, "p", sample(key))
    assert [Sent(each).headers["authorization"] for each in wire.batches] == ["Bearer made-up"] * 2
    assert identity.scopes == [scope]


# What neither keys nor rows may hold in Table Storage is not sent by anybody.
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


_HOSTS = st.sampled_from(["made.table.core.windows.net", "made.table.cosmos.azure.com"])
_VALUES = st.dictionaries(st.from_regex(r"\A[a-z]\w{0,8}\Z"), _TEXTS, max_size=3)


@given(_HOSTS, _TEXTS, _TEXTS, _VALUES)
def test_what_is_written_is_read_as_it_was(
    host: str, partition: str, key: str, values: dict[str, str]
) -> None:
    """No key and no value is taken for something else."""
    table = SimpleNamespace(
        url=f"https://{host}?sig=a", table_name="rows", api_version="2019-02-02"
    )
    operations = [Operation("merge", key, values), Operation("insert", key, values)]
    merge, insert = parse(write(cast("TableClient", table), partition, operations, "made"))
    named = unquote(merge.url.removeprefix(f"https://{host}/rows"))
    doubled = [each.replace("'", "''") for each in (partition, key)]
    assert named == "(PartitionKey='{}',RowKey='{}')".format(*doubled)
    for each in (merge, insert):
        assert int(each.headers["content-length"]) == len(each.content.removesuffix(b"\r\n"))
        document = json.loads(each.content)
        assert document == {**values, "PartitionKey": partition, "RowKey": key}


@pytest.mark.parametrize(
    "value",
    [2**31, -(2**31) - 1, b"secret", ["secret"], {"secret": 1}, object()],
    ids=["too large", "too small", "bytes", "list", "dict", "object"],
)
async def test_what_no_row_holds_is_refused_before_it_is_sent(value: Any) -> None:
    """As by the SDK, which counts bytes among what it takes; no row of ours has them."""
    wire = Wire()
    account = TableServiceClient.from_connection_string(CONNECTION, transport=wire, **PATIENCE)
    async with account:
        table = account.get_table_client("rows")
        with pytest.raises(TypeError, match="the column given") as caught:
            await submit(table, "p", [Operation("insert", "a", {"given": value})])
    assert "secret" not in str(caught.value)
    assert wire.batches == []


async def test_a_guard_that_is_no_etag_guards_nothing_by_mistake(table: TableClient) -> None:
    """An empty one would be sent as the condition that any row meets."""
    partition = Partition(table, "p", Meter())
    await partition.transact([Operation("insert", "a", {"n": 1})])
    with pytest.raises(ValueError, match="ETag"):
        await partition.transact([Operation("replace", "a", {"n": 2}, guard="")])
    row = await partition.get("a")
    assert row is not None
    assert row.values["n"] == 1


@pytest.mark.parametrize("at", [0, 1, 49, 99])
async def test_of_a_hundred_the_one_at_fault_is_named(table: TableClient, at: int) -> None:
    partition = Partition(table, "p", Meter())
    await partition.transact([Operation("insert", f"{at:03}")])
    operations = [Operation("insert", f"{each:03}") for each in range(100)]
    with pytest.raises(Refused) as caught:
        await partition.transact(operations)
    assert (caught.value.operation, caught.value.reason) == (operations[at], "exists")
    assert len(await partition.range("", "~")) == 1


async def test_what_is_lenient_and_missing_is_passed_over(table: TableClient) -> None:
    partition = Partition(table, "p", Meter())
    etags = await partition.transact(
        [
            Operation("delete", "a", lenient=True),
            Operation("insert", "b"),
            Operation("merge", "c", {"n": 1}, lenient=True),
        ]
    )
    assert [*etags] == ["b"]
    assert [each.key for each in await partition.range("", "~")] == ["b"]
