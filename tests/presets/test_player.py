"""The player speaks as Entra is known to, and says when a server does not answer as it must."""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from scim.cli.mappings import mapping
from scim.cli.simulator.dialects import DEFAULT
from scim.http import Request
from storage.open import open_storage
from tests.idp.exchange import Answer, Send
from tests.presets.exchange import Exchange, everything, person
from tests.presets.player import Player
from tests.service import open_directory

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


# --- what it notices: answers are changed on their way ---

Change = Callable[[str, str, Answer], Answer]


def body_of(method: str, pattern: str, change: Callable[[Any], Any]) -> Change:
    """Change the body of answers to a method on paths that match."""

    def changed(asked: str, target: str, answer: Answer) -> Answer:
        if asked != method or not re.search(pattern, target) or not answer.body:
            return answer
        body = json.dumps(change(json.loads(answer.body))).encode()
        return Answer(answer.status, answer.headers, body)

    return changed


def status_of(method: str, status: int) -> Change:
    return lambda asked, _, answer: (
        Answer(status, answer.headers, answer.body) if asked == method else answer
    )


def found(**more: Any) -> Callable[[Any], Any]:
    """Change each resource in a list."""
    return lambda body: {**body, "Resources": [{**each, **more} for each in body["Resources"]]}


TAMPERED: Mapping[str, tuple[Change, str]] = {
    "nobody is found as 404": (status_of("GET", 404), "404 where 200"),
    "a user is made with 200": (status_of("POST", 200), "instead of 201"),
    "a delete is 200": (status_of("DELETE", 200), "DELETE"),
    "a group's PATCH is 200": (status_of("PATCH", 400), "PATCH"),
    "a value comes back in another form": (
        body_of("POST", "/Users", lambda body: {**body, "displayName": "ada"}),
        "displayName is",
    ),
    "a boolean comes back as text": (
        body_of("GET", "^/Users/", lambda body: {**body, "active": "False"}),
        "active is",
    ),
    "a match has another name": (
        body_of("GET", r"^/Users\?", found(userName="eve@example.com")),
        "another userName",
    ),
    "everybody is found twice": (
        body_of(
            "GET",
            "filter=userName",
            lambda body: {
                **body,
                "totalResults": 2 * body["totalResults"],
                "itemsPerPage": 2 * body["itemsPerPage"],
                "Resources": body["Resources"] * 2,
            },
        ),
        "DuplicateTargetEntries",
    ),
    "members are shown though excluded": (
        body_of("GET", r"^/Groups/.*excluded", lambda body: {**body, "members": []}),
        "excluded",
    ),
    "a member that was added is none": (
        body_of(
            "GET",
            "members\\+eq",
            lambda body: {**body, "totalResults": 0, "itemsPerPage": 0, "Resources": []},
        ),
        "sent again: .*PATCH /Groups",
    ),
    "a manager is text": (
        body_of(
            "GET",
            "^/Users/",
            lambda body: {**body, ENTERPRISE: {**body.get(ENTERPRISE, {}), "manager": "1"}},
        ),
        "'manager': '1'.* instead of",
    ),
    "something unmapped is shown": (
        body_of("GET", "^/Users/[^?]+$", lambda body: {**body, "nickName": "Addie"}),
        "without being mapped: {'nickName'}",
    ),
}


@pytest.fixture
async def send() -> AsyncIterator[Send]:
    """A directory that answers as it must."""
    storage = open_storage("memory")
    client = await open_directory(storage)

    async def send(
        method: str, target: str, headers: Mapping[str, str | None], body: bytes | None
    ) -> Answer:
        sent = {name.lower(): value for name, value in headers.items() if value is not None}
        sent["authorization"] = f"Bearer {client.token}"
        url = f"https://scim.example.com/{client.name}/scim{target}"
        answer = await client.server.handle(Request(method, url, sent, body or b""))
        return Answer(answer.status, dict(answer.headers), answer.body or b"")

    yield send
    await storage.close()


async def test_an_exchange_that_nobody_tampers_with_passes(send: Send) -> None:
    await Exchange(send, mapping("default"), DEFAULT, "x").play()


@pytest.mark.parametrize("name", TAMPERED)
async def test_a_wrong_answer_is_noticed(send: Send, name: str) -> None:
    change, problem = TAMPERED[name]

    async def tampered(
        method: str, target: str, headers: Mapping[str, str | None], body: bytes | None
    ) -> Answer:
        return change(method, target, await send(method, target, headers, body))

    with pytest.raises(AssertionError, match=problem):
        await Exchange(tampered, mapping("default"), DEFAULT, "x").play()


async def test_a_value_that_is_not_kept_is_sent_again_in_every_cycle(send: Send) -> None:
    """What a second cycle without a write proves: the server shows what it was sent."""
    tampered = body_of("GET", "^/Users/", lambda body: {**body, "title": "ANALYST"})

    async def forgetful(
        method: str, target: str, headers: Mapping[str, str | None], body: bytes | None
    ) -> Answer:
        return tampered(method, target, await send(method, target, headers, body))

    player = Player(forgetful, mapping("default"), DEFAULT)
    person(player.source, "ada", "x", **everything("ada", "x"))
    assert await player.cycle() == ["POST /Users"]
    for _ in range(2):
        assert [each[:12] for each in await player.cycle()] == ["PATCH /Users"]
