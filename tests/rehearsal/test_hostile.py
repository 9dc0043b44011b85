"""Servers that answer anything at all: each check ends with a result, and none shows the token."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from scim.cli.mappings import mapping
from scim.cli.rehearsal.checks import CHECKS
from scim.cli.rehearsal.cleanup import Made
from scim.cli.rehearsal.context import Context
from scim.cli.rehearsal.results import Result
from scim.cli.simulator.wire import NoAnswer, Received, Send, Sent, Silence
from tests.simulator.serving import open_preset, sending

TOKEN = 'not/a "secret" \\ token'
UNFORESEEN = "nothing could be made of"


def always(status: int, body: bytes = b"", **headers: str) -> Send:
    async def send(_sent: Sent) -> Received:
        return Received(status, {k.replace("_", "-"): v for k, v in headers.items()}, body)

    return send


def silent(kind: Silence) -> Send:
    async def send(_sent: Sent) -> Received:
        raise NoAnswer(kind, f"{kind} with {TOKEN}")

    return send


async def echo(sent: Sent) -> Received:
    """Show all that was sent, and the token."""
    body = {"id": TOKEN, "said": TOKEN, **(sent.body if isinstance(sent.body, dict) else {})}
    return Received(201 if sent.method == "POST" else 200, {}, json.dumps(body).encode())


JSON = "application/scim+json"
LIST = {"schemas": [], "totalResults": 1, "startIndex": 1, "itemsPerPage": 1}
HOSTILE: dict[str, tuple[Send, str]] = {
    "hangs": (silent("timeout"), "60 seconds"),
    "closes connections": (silent("dropped"), "crash"),
    "has no certificate": (silent("tls"), "certificate"),
    "is not there": (silent("refused"), "host and port"),
    "speaks no HTTP": (silent("malformed"), "HTTP/1.1"),
    "answers HTML": (
        always(200, b"<!doctype html><p>Sign in", content_type="text/html"),
        "web page",
    ),
    "answers HTML with 404": (always(404, b"<html>", content_type="text/html"), "web page"),
    "redirects": (always(302, location="https://example.com/login"), "https://example.com/login"),
    "answers no JSON": (always(200, b'{"id": ', content_type=JSON), "valid JSON"),
    "answers no UTF-8": (always(200, b"\xff\xfe\x00", content_type=JSON), "valid JSON"),
    "answers a number": (always(200, b"7", content_type=JSON), "JSON object"),
    "answers a huge number": (always(200, b"9" * 9999, content_type=JSON), "valid JSON"),
    "answers null": (always(200, b"null", content_type=JSON), "JSON object"),
    "answers nothing": (always(200), "empty"),
    "answers lists": (always(200, b"[[]]", content_type=JSON), "a list"),
    "nests deeply": (always(200, b"[" * 100_000, content_type=JSON), "valid JSON"),
    "answers much": (always(200, b'{"id": "' + b"x" * (1 << 22) + b'"}', content_type=JSON), "id"),
    "shows ids that are paths": (always(201, b'{"id": ".."}', content_type=JSON), "id"),
    "shows no Unicode": (always(201, b'{"id": "\\ud800"}', content_type=JSON), "id"),
    "refuses the token": (always(401), "Secret Token"),
    "throttles": (always(429, retry_after="3600"), "25 requests"),
    "fails": (always(500, b"Traceback"), "log"),
    "implements nothing": (always(501), "Implement"),
    "says 200 to everything": (always(200, b"{}", content_type=JSON), "totalResults"),
    "lists texts": (always(200, json.dumps({**LIST, "Resources": ["x"]}).encode()), "Resources"),
    "echoes": (echo, "totalResults"),
}


async def rehearse(send: Send, name: str = "default", secret: str = TOKEN) -> list[Result]:
    """Run every check, and clean up."""
    context = Context(Made(send), mapping(name), "run1", secret=secret)
    await context.discover()
    results = [await each.run(context) for each in CHECKS]
    await context.send.clean()
    return results


def no_secret(results: list[Result], secret: str = TOKEN) -> None:
    told = json.dumps([[each.advice, [vars(one) for one in each.evidence]] for each in results])
    for form in (secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3]):
        assert form not in told


@pytest.mark.parametrize(("send", "word"), HOSTILE.values(), ids=list(HOSTILE))
async def test_a_server_that(send: Send, word: str) -> None:
    """Is told what is wrong with it, with evidence of a size that can be read."""
    results = await rehearse(send)
    assert len(results) == len(CHECKS)
    assert sum(each.barring for each in results) > 20
    assert any(word in each.advice for each in results), {each.advice for each in results}
    assert not any(UNFORESEEN in each.advice for each in results)
    for each in results:
        assert each.outcome == "passed" or each.advice
        assert each.evidence or each.outcome == "skipped"
        for one in each.evidence:
            assert len(json.dumps(vars(one), ensure_ascii=False).encode()) < 30_000
    no_secret(results)


@pytest.mark.parametrize(("kind", "word"), [("refused", "host and port"), ("denied", "secret")])
async def test_the_last_checks_say_what_the_first_ones_do(kind: Silence, word: str) -> None:
    """Though nothing is sent for them any more."""
    last = [each for each in await rehearse(silent(kind)) if each.outcome == "failed"][-1]
    assert word in last.advice
    assert [each.silence and each.silence.partition(":")[0] for each in last.evidence] == [kind]


async def test_a_server_that_hangs_is_left_alone_soon() -> None:
    """It would take a minute per request, and hours in all."""
    asked = 0

    async def hang(_sent: Sent) -> Received:
        nonlocal asked
        asked += 1
        raise NoAnswer("timeout", "no answer within 60 seconds")

    await rehearse(hang)
    assert asked <= 4


JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, "", "x", "\ud800", "..", "a/b?c#d", [], [None], ["x"], [[]], {},
    {"value": 7}, {"id": None}, [{"value": None}], {"Resources": None}, 10**400, '"', "urn:x:y",
)  # fmt: skip


def junk(seed: int, often: float) -> Callable[[Send], Send]:
    """Make a server that now and then shows something else in place of a value."""
    random = Random(seed)

    def spoil(value: Any) -> Any:
        if random.random() < often:
            return random.choice(JUNK)
        if isinstance(value, dict):
            return {name: spoil(each) for name, each in value.items()}
        return [spoil(each) for each in value] if isinstance(value, list) else value

    def wrong(send: Send) -> Send:
        async def answer(sent: Sent) -> Received:
            received = await send(sent)
            status = random.choice((200, 201, 204, 404)) if random.random() < often else None
            return Received(
                status or received.status,
                received.headers,
                json.dumps(spoil(received.json)).encode(),
            )

        return answer

    return wrong


@pytest.mark.parametrize("often", [0.003, 0.03])
@pytest.mark.parametrize("seed", range(12))
async def test_junk_in_answers_is_a_finding(seed: int, often: float) -> None:
    client = await open_preset("default")
    results = await rehearse(junk(seed, often)(sending(client)), secret=client.token)
    assert len(results) == len(CHECKS)
    unforeseen = [each for each in results if UNFORESEEN in each.advice]
    assert not unforeseen, [(each.check.id, each.advice) for each in unforeseen]
    json.dumps(
        [vars(one) for each in results for one in each.evidence], ensure_ascii=False
    ).encode()
    no_secret(results, client.token)
