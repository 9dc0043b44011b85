"""No input yields a 500, and what is refused changes nothing."""

import asyncio
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim.catalog import BUILT_IN_SCHEMAS
from storage.open import open_storage
from tests.service import Client, open_directory

_NAMES = sorted(
    {each.name for schema in BUILT_IN_SCHEMAS for each in schema.attributes}
    | {schema.id for schema in BUILT_IN_SCHEMAS}
    | {"id", "meta", "schemas", "value", "type", "primary", "display", "$ref", "nobodyKnows"}
)
NAMES = st.sampled_from(_NAMES) | st.text(max_size=6)
SIMPLE = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8) | st.sampled_from(["True", "work", "", "2026-01-01T00:00:00Z"])
)  # fmt: skip
VALUES = st.recursive(
    SIMPLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
PATHS = st.builds(
    lambda name, selection, sub: name + selection + sub,
    NAMES,
    st.sampled_from(["", "", '[type eq "work"]', '[value eq "x"]', "[primary eq true]", "[", "[]"]),
    st.sampled_from(["", "", ".value", ".type", ".givenName", ".", ".nobodyKnows"]),
)
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "Replace", "remove", "move", ""])},
        optional={"path": PATHS | SIMPLE, "value": VALUES},
    ),
    max_size=4,
)
DOCUMENTS = VALUES | st.dictionaries(NAMES, VALUES, max_size=6).map(
    lambda each: {"userName": "ada", **each}
)
SOME = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def run(dialect: str, method: str, path: str, body: Any) -> None:
    """Send one request about a user, and hold what must hold whatever it is."""

    async def go() -> None:
        client = await open_directory(open_storage("memory"), dialect=dialect)
        before = await client.user("ada@example.com", title="kept")
        where = path.replace("ID", before.id)
        answer = await client.send(method, where, raw=json.dumps(body).encode())
        assert answer.status < 500, answer.body
        await hold(client, before.body, refused=answer.status >= 400)

    asyncio.run(go())


async def hold(client: Client, before: Any, *, refused: bool) -> None:
    after = await client.get(f"/Users/{before['id']}")
    assert after.status == 200
    if refused:
        assert after.body == before
        assert (await client.get("/Users")).body["totalResults"] == 1


@SOME
@given(dialect=st.sampled_from(["entra", "rfc"]), body=DOCUMENTS)
def test_any_post(dialect: str, body: Any) -> None:
    run(dialect, "POST", "/Users", body)


@SOME
@given(dialect=st.sampled_from(["entra", "rfc"]), body=DOCUMENTS)
def test_any_put(dialect: str, body: Any) -> None:
    run(dialect, "PUT", "/Users/ID", body)


@SOME
@given(dialect=st.sampled_from(["entra", "rfc"]), operations=OPERATIONS)
def test_any_patch(dialect: str, operations: Any) -> None:
    run(dialect, "PATCH", "/Users/ID", {"Operations": operations})


@SOME
@given(dialect=st.sampled_from(["entra", "rfc"]), body=VALUES)
def test_any_search_and_bulk(dialect: str, body: Any) -> None:
    run(dialect, "POST", "/.search", body)
    run(dialect, "POST", "/Bulk", {"Operations": body})


@SOME
@given(filter=st.text(max_size=30), sort=st.text(max_size=8), count=st.text(max_size=4))
def test_any_query(filter: str, sort: str, count: str) -> None:
    run("entra", "POST", "/Users/.search", {"filter": filter, "sortBy": sort, "count": count})
