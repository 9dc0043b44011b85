"""One line per request; nothing secret and nobody's data in any log (style rule 18)."""

import json
import logging
from datetime import UTC, datetime

import pytest

from scim.credentials import revoked
from storage.open import Storage
from tests.service import ENTERPRISE, Client, open_directory

NOW = datetime.now(UTC)
SENT = "Very-Private-Value"


async def test_logs_hold_no_value_that_was_sent(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("scim").setLevel(logging.DEBUG)
    body = {"userName": f"{SENT}@example.com", "title": SENT, "emails": [{"value": SENT}]}
    user = await client.post("/Users", body)
    await client.post("/Users", body)
    await client.post("/Users", {**body, "active": SENT, ENTERPRISE: SENT})
    await client.get(f"/Users?filter=title+eq+%22{SENT}%22&attributes={SENT}")
    await client.get(f"/Users?filter={SENT}&sortBy={SENT}&cursor={SENT}")
    await client.get(f"/{SENT}/Users/{SENT}")
    await client.patch(f"/Users/{user.id}", {"op": "replace", "path": "title", "value": [SENT]})
    await client.patch(f"/Users/{user.id}", {"op": "add", "path": f"{SENT}[x", "value": SENT})
    await client.send("POST", "/Users", raw=SENT.encode())
    await client.send("POST", "/Bulk", raw=SENT.encode())
    await client.get("/Users", headers={"authorization": f"Bearer {SENT}"})
    # The HTTP library under the store names URLs at DEBUG, keys of rows in them: hashed and random.
    text = caplog.text.lower()
    assert "request" in text
    assert SENT.lower() not in text
    assert client.token.lower() not in text
    assert client.token.rpartition("_")[2].lower() not in text


async def test_a_request_is_one_line_that_says_what_it_cost(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("scim").setLevel(logging.INFO)
    with caplog.at_level(logging.INFO, "scim"):
        answer = await client.post("/Users", {"userName": "ada", "nobodyKnows": 1})
    (line,) = [json.loads(each.message) for each in caplog.records if each.name == "scim.request"]
    assert line["directory"] == client.name
    assert line["operation"] == "POST /Users"
    assert (line["status"], line["roundTrips"]) == (201, 1)
    assert line["ignored"] == "nobodyKnows"
    assert line["requestId"] == answer.headers["x-request-id"]
    assert line["credential"] in client.token


async def test_a_refused_request_is_one_line_with_its_kind(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("scim").setLevel(logging.INFO)
    await client.post("/Users", {"userName": "ada"})
    caplog.clear()
    with caplog.at_level(logging.INFO, "scim"):
        await client.post("/Users", {"userName": "ada"})
        await client.get("/Users/nobody")
    lines = [json.loads(each.message) for each in caplog.records if each.name == "scim.request"]
    told = [(line["operation"], line["status"], line.get("scimType")) for line in lines]
    assert told == [("POST /Users", 409, "uniqueness"), ("GET /Users/{id}", 404, None)]


async def test_a_refused_token_that_was_genuine_names_its_directory(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """And a stranger's names none: so a token that ended is told from an attack."""
    logging.getLogger("scim").setLevel(logging.INFO)
    client = await open_directory(storage)
    id = client.token.split("_")[1]
    caplog.clear()
    with caplog.at_level(logging.INFO, "scim"):
        await storage.registry.change_credential(id, lambda found: revoked(found, "ada", NOW))
        await client.get("/Users")
        await client.get("/Users", headers={"authorization": f"Bearer {SENT}"})
    lines = [json.loads(each.message) for each in caplog.records if each.name == "scim.request"]
    told = [(line["status"], line.get("directory"), line.get("credential")) for line in lines]
    assert told == [(401, client.name, id), (401, None, None)]
