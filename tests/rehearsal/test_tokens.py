"""A rehearsal as a client of a token endpoint: how it gets its tokens, and what R-07 finds."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest

from scim.cli.mappings import mapping
from scim.cli.rehearsal.checks import CHECKS
from scim.cli.rehearsal.cleanup import Made
from scim.cli.rehearsal.context import Context
from scim.cli.rehearsal.results import Result
from scim.cli.simulator.oauth import Client, authorized
from scim.cli.simulator.wire import NoAnswer, Received, Sent, request
from scim.http import Request
from scim.presets import PRESETS
from tests.auth.deployment import TOKEN_URL, Deployment
from tests.service import HOST, UNHURRIED

CHECKED = {each.id: each for each in CHECKS}


class Service:
    """This server with one client of its token endpoint; `seen` are requests to it."""

    def __init__(self) -> None:
        self.deployment = Deployment()
        self.seen: list[Sent] = []
        self.wrong: Callable[[Sent, Received], Received] = lambda _, received: received

    async def client(self, **more: Any) -> Client:
        ruled = {
            name: getattr(PRESETS["default"], name)
            for name in type(PRESETS["default"]).model_fields
        }
        directory = await self.deployment.directory(**{**ruled, "limits": UNHURRIED})
        self.server = self.deployment.server()
        self.directory = directory
        client = await self.deployment.client(directory, **more)
        path = TOKEN_URL.removeprefix(HOST)
        return Client(client.id, client.secret, path, self.asked, clock=self.seconds)

    def seconds(self) -> float:
        return self.deployment.clock.now.timestamp()

    async def asked(self, sent: Sent) -> Received:
        """Answer what goes to the token endpoint."""
        self.seen.append(sent)
        return self.wrong(sent, await self.handle(sent, f"{HOST}{sent.target}"))

    async def scim(self, sent: Sent) -> Received:
        return await self.handle(sent, f"{HOST}/{self.directory.name}/scim{sent.target}")

    async def handle(self, sent: Sent, url: str) -> Received:
        headers = {name.lower(): value for name, value in sent.headers.items() if value}
        response = await self.server.handle(Request(sent.method, url, headers, sent.content or b""))
        names = {name.lower(): value for name, value in response.headers.items()}
        return Received(response.status, names, response.body)


async def begun(service: Service) -> Context:
    client = await service.client()
    send = Made(authorized(service.scim, client))
    return Context(send, mapping("default"), "run1", secret=client.secrets, client=client)


async def test_a_token_is_asked_for_as_entra_does_and_again_before_it_ends() -> None:
    service = Service()
    client = await service.client()
    send = authorized(service.scim, client)
    ask = request("GET", "/Users")
    for minutes in (0, 30, 28, 2, 58):
        service.deployment.clock.wait(minutes=minutes)
        assert (await send(ask)).status == 200
    assert len(service.seen) == 2
    [sent, _] = service.seen
    assert (sent.method, sent.headers) == (
        "POST",
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert parse_qs((sent.content or b"").decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": [client.id],
        "client_secret": [client.secrets[0]],
    }


async def test_a_request_that_says_who_it_is_from_gets_no_token() -> None:
    """So a check can send a wrong one, or none."""
    service = Service()
    client = await service.client()
    send = authorized(service.scim, client)
    for said in ("", "Bearer wrong"):
        assert (await send(Sent("GET", "/Users", headers={"Authorization": said}))).status == 401
    assert not service.seen


@pytest.mark.parametrize(
    "received",
    [
        Received(401, body=b'{"error": "invalid_client"}'),
        Received(200, body=b"{}"),
        Received(200, body=b"<html>"),
        Received(200, body=b'{"access_token": "two words"}'),
        Received(500),
    ],
)
async def test_without_a_token_nothing_is_sent(received: Received) -> None:
    service = Service()
    client = await service.client()
    service.wrong = lambda *_: received
    with pytest.raises(NoAnswer, match="token endpoint answered"):
        await authorized(service.scim, client)(request("GET", "/Users"))


async def test_every_check_passes_by_client_credentials() -> None:
    """And neither the secret nor any access token is in the evidence."""
    service = Service()
    context = await begun(service)
    await context.discover()
    results = [await each.run(context) for each in CHECKS]
    assert {each.check.id: each.advice for each in results if each.outcome != "passed"} == {}
    assert len(context.secret) > 1
    shown = told(results)
    assert not [each for each in context.secret if each in shown]


def told(results: list[Result]) -> str:
    return json.dumps([vars(each) for result in results for each in result.evidence])


def document(received: Received, **changes: Any) -> Received:
    """Change members of an answer; None takes one away."""
    changed = {**json.loads(received.body), **changes}
    kept = {name: value for name, value in changed.items() if value is not None}
    return replace(received, body=json.dumps(kept).encode())


def given(**changes: Any) -> Callable[[Sent, Received], Received]:
    """Change what is given to the client itself."""
    return lambda _, found: document(found, **changes) if found.status == 200 else found


def refused(status: int, **changes: Any) -> Callable[[Sent, Received], Received]:
    """Change what is answered to everybody else."""
    return lambda _, found: (
        found if found.status == 200 else replace(document(found, **changes), status=status)
    )


def cached(_: Sent, received: Received) -> Received:
    return replace(received, headers={**received.headers, "cache-control": "private"})


def typed(_: Sent, received: Received) -> Received:
    return replace(received, headers={**received.headers, "content-type": "text/html"})


def unlike(sent: Sent, received: Received) -> Received:
    """Tell a wrong secret from an unknown client."""
    unknown = received.status == 401 and b"client_secret=scim_" in (sent.content or b"")
    return replace(received, status=400) if unknown else received


WRONG: Mapping[str, tuple[Callable[[Sent, Received], Received], str]] = {
    "no expires_in": (given(expires_in=None), "expires_in"),
    "ten minutes": (given(expires_in=600), "expires_in"),
    "a day": (given(expires_in=86400), "expires_in"),
    "text": (given(expires_in="3600"), "expires_in"),
    "another type": (given(token_type="mac"), "token_type"),
    "no token": (given(access_token=None), "access_token"),
    "cached": (cached, "no-store"),
    "HTML": (typed, "Content-Type"),
    "another error": (refused(401, error="invalid_request"), "invalid_client"),
    "500": (refused(500), "500"),
    "200 for everybody": (refused(200), "200"),
    "unlike": (unlike, "different"),
    "not JSON": (lambda _, found: replace(found, body=b"{"), "JSON"),
    "a list": (lambda _, found: replace(found, body=b"[]"), "no JSON object"),
}


@pytest.mark.parametrize(("wrong", "said"), WRONG.values(), ids=list(WRONG))
async def test_a_wrong_token_endpoint_is_caught(
    wrong: Callable[[Sent, Received], Received], said: str
) -> None:
    service = Service()
    context = await begun(service)
    service.wrong = wrong
    result = await CHECKED["R-07"].run(context)
    assert result.outcome == "failed"
    assert said in result.advice
    assert result.evidence
    assert not [each for each in context.secret if each in told([result])]
