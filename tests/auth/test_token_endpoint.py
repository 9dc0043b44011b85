"""The token endpoint: OAuth 2.0 client credentials and client assertions (RFC 6749, RFC 7523)."""

import asyncio
import base64
import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest

from scim.auth.records import SCOPES
from scim.auth.token_endpoint import MOST_REFUSALS, MOST_TOKENS
from scim.auth.token_form import LARGEST_FORM
from scim.directory import Directory
from scim.errors import Unavailable
from scim.http import Request, Response
from scim.registry import Credential
from scim.server import Server
from storage.registry_memory import MemoryRegistry
from tests.auth.deployment import (
    ASSERTION_TYPE,
    TOKEN_URL,
    Deployment,
    Registered,
    access_token,
    ask,
    get,
)
from tests.auth.identity import OTHER_TENANT
from tests.service import HOST, without_id


def basic(id: str, secret: str) -> str:
    """Write the header as RFC 6749 §2.3.1 says: each part form-encoded first."""
    pair = f"{quote_plus(id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


async def opened(**more: Any) -> tuple[Deployment, Directory, Server, Registered]:
    deployment = Deployment()
    directory = await deployment.directory()
    client = await deployment.client(directory, **more)
    return deployment, directory, deployment.server(), client


def safe(answer: Response) -> bool:
    """RFC 6749 §5.1: both headers with whatever the endpoint answers."""
    headers = answer.headers
    stored = (headers["Cache-Control"], headers["Pragma"]) == ("no-store", "no-cache")
    return stored and headers["Content-Type"] == "application/json"


async def test_a_client_gets_an_access_token() -> None:
    deployment, directory, server, client = await opened()
    answer = await ask(server, client.form)
    assert answer.status == 200
    assert safe(answer)
    assert answer.document.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert answer.document["token_type"] == "Bearer"
    assert answer.document["expires_in"] == 3600
    assert answer.document["scope"].split() == list(SCOPES)
    assert (await get(server, directory, answer.document["access_token"])).status == 200
    await server.close()
    for kept in (client.record, client.secret_record):
        assert kept is not None
        used = await deployment.registry.credential(kept.id)
        assert used is not None
        assert used.last_used


async def test_a_client_may_say_who_it_is_by_basic() -> None:
    _, directory, server, client = await opened()
    form = {"grant_type": "client_credentials"}
    header = basic(client.id, client.secret)
    for each in (form, {**form, "client_id": client.id}):
        token = await access_token(server, each, authorization=header)
        assert (await get(server, directory, token)).status == 200
    lower = header.replace("Basic", "basic ")
    assert (await ask(server, form, authorization=lower)).status == 200


@pytest.mark.parametrize("minutes", [60, 90, 360])
async def test_a_token_lives_as_long_as_the_record_says(minutes: int) -> None:
    """From 60 to 360 minutes: what Microsoft's validator takes."""
    deployment, directory, server, client = await opened(minutes=minutes)
    answer = await ask(server, client.form)
    assert answer.document["expires_in"] == minutes * 60
    deployment.clock.wait(minutes=minutes)
    assert (await get(server, directory, answer.document["access_token"])).status == 200
    deployment.clock.wait(seconds=61)
    assert (await get(server, directory, answer.document["access_token"])).status == 401


async def test_every_live_secret_is_taken() -> None:
    deployment, _, server, first = await opened()
    second = await deployment.secret(first, lifetime=timedelta(days=365))
    for each in (first, second):
        assert (await ask(server, each.form)).status == 200
    assert first.secret_record is not None
    await deployment.revoke(first.secret_record)
    assert [(await ask(server, each.form)).status for each in (first, second)] == [401, 200]
    deployment.clock.wait(days=365)
    assert (await ask(server, second.form)).status == 401


async def test_a_revoked_client_gets_nothing_and_its_tokens_end() -> None:
    deployment, directory, server, client = await opened()
    token = await access_token(server, client.form)
    await deployment.revoke(client.record)
    assert (await ask(server, client.form)).status == 401
    assert (await get(server, directory, token)).status == 401


async def test_the_endpoint_is_below_the_directory_too() -> None:
    deployment, directory, server, client = await opened()
    other = await deployment.directory("fabrikam")
    for path, status in {
        "/oauth2/token": 200,
        f"/{directory.name}/oauth2/token": 200,
        f"/prefix/{directory.name.upper()}/OAuth2/Token/": 200,
        f"//{directory.name}//oauth2/token": 200,
        f"/{other.name}/oauth2/token": 401,
        "/nobody/oauth2/token": 401,
    }.items():
        assert (await ask(server, client.form, url=HOST + path)).status == status, path
    for path in (f"/{directory.name}/scim/oauth2/token", "/oauth2", "/oauth2/token/x"):
        answer = await ask(server, client.form, url=HOST + path)
        assert (answer.status, answer.headers["Content-Type"]) == (401, "application/scim+json")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
async def test_only_post_is_answered(method: str) -> None:
    _, _, server, client = await opened()
    url = f"{TOKEN_URL}?{urlencode(client.form)}"
    answer = await ask(server, client.form, method=method, url=url)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert safe(answer)


async def wrong_secrets(deployment: Deployment, directory: Directory) -> dict[str, Any]:
    """Forms that prove nothing, by what is wrong with them."""
    client = await deployment.client(directory)
    other = await deployment.client(directory)
    stranger = await deployment.client(await deployment.directory("fabrikam"))
    token, _ = await deployment.token(directory)
    expired = await deployment.secret(client, lifetime=timedelta(0))
    revoked = await deployment.secret(client)
    assert revoked.secret_record is not None
    await deployment.revoke(revoked.secret_record)
    gone = await deployment.client(directory)
    await deployment.revoke(gone.record)
    federated = await deployment.federated(directory)
    lost = await deployment.client(await deployment.directory("gone"))
    await deployment.registry.change_directory(
        lost.record.directory, lambda each: each.model_copy(update={"removing": True})
    )
    form = client.form
    return {
        "an unknown client": {**form, "client_id": "nobodyhere00"},
        "an odd client": {**form, "client_id": "\u0660/../'x"},
        "a made-up secret": {**form, "client_secret": stranger.secret[:-1] + "x"},
        "a short secret": {**form, "client_secret": "x"},
        "another's secret": {**form, "client_secret": other.secret},
        "another directory's secret": {**form, "client_secret": stranger.secret},
        "a secret token": {**form, "client_secret": token},
        "an expired secret": expired.form,
        "a revoked secret": revoked.form,
        "a revoked client": gone.form,
        "a federated client's id": {**form, "client_id": federated.id},
        "a directory that is removed": lost.form,
        "an empty secret": {**form, "client_secret": ""},
        "no secret": {k: v for k, v in form.items() if k != "client_secret"},
        "no id": {k: v for k, v in form.items() if k != "client_id"},
        "a federated client without an assertion": {**federated.form, "client_secret": "x"},
        "an assertion of a client with a secret": deployment.assertion(client),
        "an assertion of an unknown client": {
            **deployment.assertion(federated),
            "client_id": "nobodyhere00",
        },
        "an assertion of another tenant": deployment.assertion(federated, tid=OTHER_TENANT),
    }


async def test_who_proves_nothing_is_told_nothing() -> None:
    """`invalid_client`, the same for an unknown client and for a wrong secret, header and body."""
    deployment, directory, server, _ = await opened()
    answers = {}
    for name, form in (await wrong_secrets(deployment, directory)).items():
        answer = await ask(server, form)
        assert (answer.status, answer.document["error"]) == (401, "invalid_client"), name
        assert safe(answer)
        answers[name] = (without_id(answer), {**answer.headers, "x-request-id": ""})
    assert all(each == answers["an unknown client"] for each in answers.values())
    assert answers["no id"][1]["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !",
        "Basic \u00e9",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b":no id").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + "A" * 10_000,
        basic("nobodyhere00", "x"),
        "Bearer x",
        "Digest x",
    ],
)
async def test_a_header_that_proves_nothing_is_refused_alike(header: str) -> None:
    _, _, server, client = await opened()
    expected = await ask(server, {**client.form, "client_secret": "x"})
    answer = await ask(server, {"grant_type": "client_credentials"}, authorization=header)
    assert without_id(answer) == without_id(expected)
    good = basic(client.id, client.secret)
    for both in (f"{good},{good}", f"{good}, Basic x"):
        assert (
            await ask(server, {"grant_type": "client_credentials"}, authorization=both)
        ).status == 401
    named = {"grant_type": "client_credentials", "client_id": "another00000"}
    assert (await ask(server, named, authorization=good)).status == 401


GOOD = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
TYPE = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("headers", "body", "error"),
    [
        ({}, urlencode(GOOD), "invalid_request"),
        ({"content-type": "application/json"}, json.dumps(GOOD), "invalid_request"),
        ({"content-type": "multipart/form-data"}, urlencode(GOOD), "invalid_request"),
        (TYPE, "", "invalid_request"),
        (TYPE, "grant_type", "invalid_request"),
        (TYPE, "&&&", "invalid_request"),
        (TYPE, b"\xff\xfe", "invalid_request"),
        (TYPE, "grant_type=client_credentials&client_id=%ff", "invalid_request"),
        (TYPE, "grant_type=client_credentials&client_id=\u00e9", "invalid_request"),
        (TYPE, urlencode([*GOOD.items(), ("client_id", "x")]), "invalid_request"),
        (TYPE, urlencode([*GOOD.items(), ("grant_type", "")]), "invalid_request"),
        (TYPE, urlencode({**GOOD, "grant_type": ""}), "invalid_request"),
        (TYPE, urlencode({"client_id": "x", "client_secret": "y"}), "invalid_request"),
        (TYPE, urlencode({**GOOD, "scope": "x" * LARGEST_FORM}), "invalid_request"),
        (TYPE, urlencode({f"p{n}": "x" for n in range(1000)}), "invalid_request"),
        (TYPE, urlencode({**GOOD, "client_assertion": "a.b.c"}), "invalid_request"),
        ({**TYPE, "authorization": "Basic eDp5"}, urlencode(GOOD), "invalid_request"),
        (
            TYPE,
            urlencode({"grant_type": GOOD["grant_type"], "client_assertion": "a.b.c"}),
            "invalid_request",
        ),
        (TYPE, urlencode({**GOOD, "grant_type": "password"}), "unsupported_grant_type"),
        (TYPE, urlencode({**GOOD, "grant_type": "refresh_token"}), "unsupported_grant_type"),
    ],
)
async def test_a_form_that_is_none_is_400(
    headers: Mapping[str, str], body: str | bytes, error: str
) -> None:
    """RFC 6749 §5.2: "repeats a parameter, includes multiple credentials", and so on."""
    _, _, server, _ = await opened()
    sent = body.encode() if isinstance(body, str) else body
    answer = await server.handle(Request("POST", TOKEN_URL, dict(headers), sent))
    assert (answer.status, answer.document["error"]) == (400, error)
    assert answer.document.keys() == {"error", "error_description"}
    assert safe(answer)


async def test_secrets_in_the_url_are_not_read() -> None:
    _, _, server, client = await opened()
    url = f"{TOKEN_URL}?{urlencode(client.form)}"
    assert (await ask(server, {"grant_type": "client_credentials"}, url=url)).status == 401


async def test_unknown_parameters_are_passed_over() -> None:
    """RFC 6749 §3.2: "MUST ignore unrecognized request parameters"."""
    _, _, server, client = await opened()
    assert (await ask(server, {**client.form, "resource": "x", "audience": "y"})).status == 200


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("", SCOPES),
        ("scim", SCOPES),
        ("users.read", ("users.read",)),
        ("groups.read users.read", ("users.read", "groups.read")),
        ("users.read openid", ("users.read",)),
    ],
)
async def test_a_scope_narrows(asked: str, granted: tuple[str, ...]) -> None:
    """RFC 6749 §3.3: what isn't known is ignored (Entra sends `scim`); what is given is said."""
    _, _, server, client = await opened()
    answer = await ask(server, {**client.form, "scope": asked})
    assert answer.document["scope"].split() == list(granted)


async def test_a_scope_that_the_client_lacks_is_refused() -> None:
    _, _, server, client = await opened(scopes=("users.read",))
    answer = await ask(server, {**client.form, "scope": "users.write"})
    assert (answer.status, answer.document["error"]) == (400, "invalid_scope")
    both = await ask(server, {**client.form, "scope": "users.write users.read"})
    assert both.document["scope"] == "users.read"


async def test_an_assertion_is_good_for_one_token() -> None:
    """RFC 7523: the same one again is refused, in another process as well; the next one isn't."""
    deployment, directory, server, _ = await opened()
    client = await deployment.federated(directory)
    form = deployment.assertion(client)
    token = await access_token(server, form)
    assert (await get(server, directory, token)).status == 200
    assert (await ask(server, form)).status == 401
    assert (await ask(deployment.server(), form)).status == 401
    deployment.clock.wait(seconds=1)
    assert (await ask(server, deployment.assertion(client))).status == 200


async def test_of_many_who_use_one_assertion_one_gets_a_token() -> None:
    deployment, directory, server, _ = await opened()
    form = deployment.assertion(await deployment.federated(directory))
    servers = [server, deployment.server()] * 5
    answers = await asyncio.gather(*(ask(each, form) for each in servers))
    assert sorted(each.status for each in answers) == [200] + [401] * 9


async def test_an_access_token_outlives_the_assertion_it_was_given_for() -> None:
    """Entra expects an hour at least, and its assertions may have less left."""
    deployment, directory, server, _ = await opened()
    client = await deployment.federated(directory, minutes=90)
    form = deployment.assertion(client, exp=int(deployment.clock.now.timestamp()) + 60)
    token = await access_token(server, form)
    deployment.clock.wait(minutes=89)
    assert (await get(server, directory, token)).status == 200


async def test_an_assertion_has_its_type() -> None:
    deployment, directory, server, _ = await opened()
    form = deployment.assertion(await deployment.federated(directory))
    for type in ("", "jwt", ASSERTION_TYPE.upper()):
        answer = await ask(server, {**form, "client_assertion_type": type})
        assert (answer.status, answer.document["error"]) == (400, "invalid_request")
    assert (await ask(server, form)).status == 200


async def test_a_flood_of_refusals_is_slowed_down_and_keeps_nobody_out() -> None:
    """Whoever has the secret gets a token however often others try without it."""
    deployment, _, server, client = await opened()
    wrong = {**client.form, "client_secret": "x"}
    statuses = [(await ask(server, wrong)).status for _ in range(MOST_REFUSALS + 5)]
    assert statuses == [401] * MOST_REFUSALS + [429] * 5
    answer = await ask(server, wrong)
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert safe(answer)
    assert (await ask(server, client.form)).status == 200
    deployment.clock.wait(seconds=int(answer.headers["Retry-After"]))
    assert (await ask(server, wrong)).status == 401


async def test_a_client_that_exists_is_slowed_down_as_one_that_does_not() -> None:
    _, _, server, client = await opened()
    seen = []
    for id in (client.id, "nobodyhere00"):
        wrong = {**client.form, "client_id": id, "client_secret": "x"}
        seen.append([(await ask(server, wrong)).status for _ in range(MOST_REFUSALS + 3)])
    assert seen[0] == seen[1]


async def test_a_client_gets_so_many_tokens_a_minute() -> None:
    deployment, directory, server, client = await opened()
    other = await deployment.client(directory)
    statuses = [(await ask(server, client.form)).status for _ in range(MOST_TOKENS + 2)]
    assert statuses == [200] * MOST_TOKENS + [429] * 2
    assert (await ask(server, other.form)).status == 200


async def test_a_wrong_secret_costs_what_an_unknown_client_costs() -> None:
    """The client's record isn't even read until its secret is genuine."""
    asked: list[str] = []

    class Asked(MemoryRegistry):
        async def credential(self, id: str) -> Credential | None:
            asked.append(id)
            return await super().credential(id)

    deployment = Deployment(registry=Asked())
    directory = await deployment.directory()
    client = await deployment.client(directory)
    server = deployment.server()
    made_up = (await Deployment().client(directory)).secret
    reads = []
    for id in (client.id, "nobodyhere00"):
        asked.clear()
        request = ask(server, {**client.form, "client_id": id, "client_secret": made_up})
        assert (await request).status == 401
        reads.append(len(asked))  # before what is written beside the answer
        await server.close()
    assert reads == [1, 1]


async def test_a_store_that_is_down_is_503() -> None:
    class Down(MemoryRegistry):
        async def credential(self, id: str) -> Credential | None:
            raise Unavailable(f"the storage is busy or down {id[:0]}", retry_after=7)

    deployment, _, _, client = await opened()
    deployment.registry = Down()
    answer = await ask(deployment.server(), client.form)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert safe(answer)


async def test_the_directorys_log_says_why_and_names_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the log of the client that was named, whoever named it; once a minute for each reason."""
    deployment, directory, server, client = await opened()
    federated = await deployment.federated(directory)
    made_up = {**client.form, "client_secret": "scim_x"}
    replayed = deployment.assertion(federated)
    with caplog.at_level(logging.INFO, "scim"):
        for _ in range(2):
            await ask(server, made_up)
            await ask(server, replayed)
            await ask(server, deployment.assertion(federated, tid=OTHER_TENANT))
        await ask(server, replayed)
        await server.close()
    found = [each async for each in deployment.repository(directory).entries()]
    assert sorted((each.reason, each.credential) for each in found) == sorted(
        [("malformed", client.id), ("jwt-replayed", federated.id), ("jwt-tenant", federated.id)]
    )
    assert {(each.status, each.operation) for each in found} == {(401, "POST /oauth2/token")}
    lines = [json.loads(each.message) for each in caplog.records if each.name == "scim.request"]
    assert {each["operation"] for each in lines} == {"POST /oauth2/token"}
    assert [each.get("reason") for each in lines][:3] == ["malformed", None, "jwt-tenant"]
    later = [json.loads(each.message) for each in caplog.records if each.name == "scim.event"]
    known = {each["requestId"]: (each["directory"], each["credential"]) for each in later}
    wrong = [each["requestId"] for each in lines if "reason" in each]
    named = {"malformed": client.id, "jwt-replayed": federated.id, "jwt-tenant": federated.id}
    reasons = [each["reason"] for each in lines if "reason" in each]
    assert [known[each] for each in wrong] == [(directory.name, named[each]) for each in reasons]
    for sent in (client.secret, replayed["client_assertion"], "scim_x"):
        assert sent not in caplog.text


async def test_a_refusal_of_one_that_was_genuine_is_logged_with_its_directory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    deployment, directory, server, client = await opened()
    ended = await deployment.secret(client, lifetime=timedelta(0))
    gone = await deployment.client(directory)
    await deployment.revoke(gone.record)
    with caplog.at_level(logging.INFO, "scim.request"):
        for each in (ended, gone):
            assert (await ask(server, each.form)).status == 401
    lines = [json.loads(each.message) for each in caplog.records]
    assert [(each["directory"], each["reason"]) for each in lines] == [
        (directory.name, "expired"),
        (directory.name, "revoked"),
    ]


class Odd(MemoryRegistry):
    """A store that fails in a way that nobody foresaw, or takes too long."""

    def __init__(self, *, slow: bool) -> None:
        super().__init__()
        self._slow = slow

    async def credential(self, id: str) -> Credential | None:
        if self._slow:
            await asyncio.sleep(60)
        raise KeyError(id)


@pytest.mark.parametrize(
    ("slow", "status", "error"),
    [(False, 500, "server_error"), (True, 503, "temporarily_unavailable")],
    ids=["bug", "slow"],
)
async def test_what_is_no_fault_of_the_clients_is_told_as_oauth_does(
    slow: bool, status: int, error: str
) -> None:
    """Whoever asks for an access token reads no SCIM."""
    deployment, _, _, client = await opened()
    deployment.registry = Odd(slow=slow)
    answer = await ask(deployment.server(longest=0.01 if slow else 60), client.form)
    assert (answer.status, answer.document["error"]) == (status, error)
    assert answer.document.keys() == {"error", "error_description"}
    assert ("Retry-After" in answer.headers) == slow
    assert safe(answer)
