"""Who is let in, and what a stranger is told: nothing (scim/auth/gate.py)."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from scim.auth import jwts
from scim.auth.access_tokens import Signer
from scim.auth.gate import LONGEST_TOKEN
from scim.auth.reasons import REASONS, Reason
from scim.credentials import issue
from scim.directory import Directory
from scim.http import Request, Response
from scim.journal import Entry
from tests.auth.deployment import Deployment, access_token, get
from tests.auth.identity import ISSUED, OTHER_TENANT, TENANT, text
from tests.service import HOST, PEPPER, without_id

Header = Callable[[Deployment, Directory], Awaitable[str]]


async def send(deployment: Deployment, header: str | None, **server: Any) -> Response:
    headers = {} if header is None else {"authorization": header}
    request = Request("GET", f"{HOST}/contoso/scim/Users", headers)
    made = deployment.server(**server)
    answer = await made.handle(request)
    await made.close()
    return answer


async def good(deployment: Deployment, directory: Directory) -> str:
    return (await deployment.token(directory))[0]


async def secret(deployment: Deployment, directory: Directory) -> str:
    return (await deployment.client(directory)).secret


async def wrong_secret(deployment: Deployment, directory: Directory) -> str:
    """One with the id of a live token, and a secret and a checksum of its own."""
    pepper = b"of a service that has the same id"
    token, record = issue(directory.id, pepper=pepper, now=deployment.clock.now)
    kept = record.model_copy(update={"digest": "0" * 64})
    await deployment.registry.add_credential(kept)
    return token


async def expired(deployment: Deployment, directory: Directory) -> str:
    return (await deployment.token(directory, lifetime=timedelta(0)))[0]


async def revoked(deployment: Deployment, directory: Directory) -> str:
    token, record = await deployment.token(directory)
    await deployment.revoke(record)
    return token


async def elsewhere(deployment: Deployment, _: Directory) -> str:
    """The token of another directory."""
    return (await deployment.token(await deployment.directory("fabrikam")))[0]


async def accessing(deployment: Deployment, directory: Directory) -> str:
    client = await deployment.client(directory)
    return await access_token(deployment.server(), client.form)


async def late(deployment: Deployment, directory: Directory) -> str:
    token = await accessing(deployment, directory)
    deployment.clock.wait(minutes=62)
    return token


async def early(deployment: Deployment, directory: Directory) -> str:
    token = await accessing(deployment, directory)
    deployment.clock.wait(minutes=-2)
    return token


async def of_a_revoked_client(deployment: Deployment, directory: Directory) -> str:
    client = await deployment.client(directory)
    token = await access_token(deployment.server(), client.form)
    await deployment.revoke(client.record)
    return token


async def of_an_unknown_client(deployment: Deployment, directory: Directory) -> str:
    client = await deployment.client(directory)
    stranger = client.record.model_copy(update={"id": "nobodyhere00"})
    return Signer.derive(PEPPER).mint(stranger, ("users.read",), deployment.clock.now)[0]


async def naming_a_token(deployment: Deployment, directory: Directory) -> str:
    """An access token whose client is a secret token's record: none was ever made."""
    _, record = await deployment.token(directory)
    return Signer.derive(PEPPER).mint(record, ("users.read",), deployment.clock.now)[0]


async def of_another_service(deployment: Deployment, directory: Directory) -> str:
    client = await deployment.client(directory)
    return await access_token(deployment.server(signing_keys=[b"k" * 32]), client.form)


async def altered(deployment: Deployment, directory: Directory) -> str:
    """An access token whose claims name another client."""
    first, _, last = (await accessing(deployment, directory)).split(".")
    other = await deployment.client(await deployment.directory("fabrikam"))
    claims = {"iss": "scim", "sub": other.id, "aud": other.record.directory}
    return f"{first}.{text(json.dumps(claims).encode())}.{last}"


async def unsigned(deployment: Deployment, directory: Directory) -> str:
    _, claims, _ = (await accessing(deployment, directory)).split(".")
    header = text(b'{"alg": "none"}')
    return f"{header}.{claims}."


async def of_another_issuer(deployment: Deployment, _: Directory) -> str:
    """A token of our own key, for another purpose."""
    made = Signer.derive(PEPPER)
    kid, key = next(iter(made.keys.items()))
    now = int(deployment.clock.now.timestamp())
    return jwts.sign({"iss": "other", "nbf": now, "exp": now + 60}, key, kid)


async def of_entra(deployment: Deployment, _: Directory) -> str:
    return deployment.identity.issued(deployment.clock.now)


# What is wrong with a token, and the reason that is logged.
REFUSED: Mapping[Header, Reason] = MappingProxyType(
    {
        secret: "wrong-kind",
        wrong_secret: "wrong-secret",
        expired: "expired",
        revoked: "revoked",
        elsewhere: "wrong-directory",
        late: "jwt-expired",
        early: "jwt-not-yet-valid",
        of_a_revoked_client: "revoked",
        of_an_unknown_client: "unknown-credential",
        naming_a_token: "wrong-kind",
        of_another_service: "jwt-unknown-key",
        altered: "jwt-signature",
        unsigned: "jwt-malformed",
        of_another_issuer: "jwt-issuer",
        of_entra: "not-entra",
    }
)
MALFORMED: Mapping[str | None, Reason] = MappingProxyType(
    {
        None: "no-token",
        "": "no-token",
        "   ": "no-token",
        "Bearer": "malformed",
        "Bearer ": "malformed",
        "Bearer nonsense": "malformed",
        "Bearer a.b": "malformed",
        "Bearer a.b.c": "jwt-malformed",
        "Bearer a.b.c.d.e": "malformed",
        "Bearer \ud800.\u00e9.x": "jwt-malformed",
        "Basic c2NpbTpzY2lt": "basic",
        "Negotiate abc": "basic",
        "Bearer " + "a" * LONGEST_TOKEN: "too-large",
        "Bearer " + "a." * LONGEST_TOKEN: "too-large",
        "Bearer a,Bearer b": "two-headers",
        ",": "two-headers",
    }
)


def logged(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """Read the line of the last request."""
    lines = [each.message for each in caplog.records if each.name == "scim.request"]
    found: dict[str, Any] = json.loads(lines[-1])
    return found


async def entries(deployment: Deployment, directory: Directory) -> list[Entry]:
    return [each async for each in deployment.repository(directory).entries()]


@pytest.mark.parametrize("made", REFUSED, ids=lambda each: each.__name__)
async def test_a_stranger_is_told_nothing_and_the_operator_why(
    made: Header, caplog: pytest.LogCaptureFixture
) -> None:
    """Every refused token gets the answer of one that was made up, and a code in the log."""
    deployment = Deployment()
    directory = await deployment.directory()
    token = await made(deployment, directory)
    with caplog.at_level(logging.INFO, "scim"):
        answer = await send(deployment, f"Bearer {token}")
    assert logged(caplog)["reason"] == REFUSED[made]
    stranger = await send(deployment, "Bearer made-up")
    assert answer.status == stranger.status == 401
    assert without_id(answer) == without_id(stranger)
    assert answer.headers.keys() == stranger.headers.keys()
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="scim", error="invalid_token"'
    assert token not in caplog.text


@pytest.mark.parametrize("header", MALFORMED)
async def test_what_is_no_token_asks_nobody(
    header: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """It is refused by its form. RFC 6750 §3.1: who sent no token is told of no error."""
    deployment = Deployment()
    await deployment.directory()
    with caplog.at_level(logging.INFO, "scim"):
        answer = await send(deployment, header)
    assert (answer.status, logged(caplog)["reason"]) == (401, MALFORMED[header])
    without = MALFORMED[header] in ("no-token", "basic")
    expected = 'Bearer realm="scim"' + ("" if without else ', error="invalid_token"')
    assert answer.headers["WWW-Authenticate"] == expected


@pytest.mark.parametrize("made", [good, accessing], ids=lambda each: each.__name__)
async def test_a_token_comes_in_one_header_and_nowhere_else(made: Header) -> None:
    """RFC 6750 §2.2 and §2.3, form and query, would leave tokens in logs: neither is read."""
    deployment = Deployment()
    directory = await deployment.directory()
    token = await made(deployment, directory)
    assert (await send(deployment, f"Bearer {token}")).status == 200
    assert (await send(deployment, f"bEARER  {token} ")).status == 200
    assert (await send(deployment, f"Bearer {token},Bearer {token}")).status == 401
    assert (await send(deployment, f"Basic eDp5,Bearer {token}")).status == 401
    assert (await send(deployment, f"Basic {token}")).status == 401
    assert (await send(deployment, token)).status == 401
    url = f"{HOST}/contoso/scim/Users"
    for query in ("access_token", "token", "code", "authorization"):
        request = Request("GET", f"{url}?{query}={token}")
        assert (await deployment.server().handle(request)).status == 401
    body = f"access_token={token}".encode()
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await deployment.server().handle(Request("POST", url, form, body))).status == 401


async def test_an_access_token_does_what_a_secret_token_does() -> None:
    deployment = Deployment()
    directory = await deployment.directory()
    answers = []
    for each in (good, accessing):
        token = await each(deployment, directory)
        answers.append(await get(deployment.server(), directory, token))
    assert [each.status for each in answers] == [200, 200]
    assert answers[0].body == answers[1].body


async def test_an_access_token_opens_its_own_directory_alone() -> None:
    deployment = Deployment()
    directory, other = await deployment.directory(), await deployment.directory("fabrikam")
    token = await accessing(deployment, directory)
    server = deployment.server()
    assert (await get(server, directory, token)).status == 200
    assert (await get(server, other, token)).status == 401


async def test_an_access_token_ends_with_its_directory() -> None:
    deployment = Deployment()
    directory = await deployment.directory()
    token = await accessing(deployment, directory)
    await deployment.registry.remove_directory(directory.id)
    assert (await get(deployment.server(), directory, token)).status == 401


async def test_a_token_of_entras_opens_a_directory_that_trusts_its_tenant() -> None:
    """The directory is the one that the URL names, below any prefix."""
    deployment = Deployment()
    trusting = await deployment.directory(entra=ISSUED)
    other = await deployment.directory(
        "fabrikam", entra=ISSUED.model_copy(update={"tenant": OTHER_TENANT})
    )
    silent = await deployment.directory("silent")
    token, server = deployment.identity.issued(deployment.clock.now), deployment.server()
    assert (await get(server, trusting, token)).status == 200
    headers = {"authorization": f"Bearer {token}"}
    below = Request("GET", f"{HOST}/x/scim/contoso/scim/Users", headers)
    assert (await server.handle(below)).status == 200
    assert (await get(server, other, token)).status == 401
    assert (await get(server, silent, token)).status == 401
    for path in ("/Users", "/contoso", "/", "/scim/Users"):
        answer = await server.handle(Request("GET", f"{HOST}{path}", headers))
        assert answer.status == 401
    assert (await server.handle(Request("GET", "http://[/contoso/scim/x", headers))).status == 401


@pytest.mark.parametrize("change", [{"enabled": False}, {"removing": True}, {"entra": None}])
async def test_a_directory_takes_tokens_of_entras_as_long_as_its_record_says(
    change: dict[str, Any],
) -> None:
    deployment = Deployment()
    directory = await deployment.directory(entra=ISSUED)
    token, server = deployment.identity.issued(deployment.clock.now), deployment.server()
    assert (await get(server, directory, token)).status == 200
    await deployment.registry.change_directory(
        directory.id, lambda found: found.model_copy(update=change)
    )
    answer = await get(server, directory, token)
    assert answer.status == (403 if "enabled" in change else 401)


async def test_a_service_without_an_identity_provider_takes_no_token_of_one() -> None:
    deployment = Deployment()
    directory = await deployment.directory(entra=ISSUED)
    token = deployment.identity.issued(deployment.clock.now)
    assert (await get(deployment.server(keys=None), directory, token)).status == 401


async def test_a_path_full_of_names_costs_few_reads() -> None:
    """Each `scim` in a path may follow a directory's name; only some are looked for."""
    deployment = Deployment()
    asked: list[str] = []

    class Asked(type(deployment.registry)):  # type: ignore[misc]
        async def addressed(self, name: str) -> Directory | None:
            asked.append(name)
            return None

    deployment.registry = Asked()
    headers = {"authorization": f"Bearer {deployment.identity.issued(deployment.clock.now)}"}
    path = "/x/scim" * 500
    assert (await deployment.server().handle(Request("GET", HOST + path, headers))).status == 401
    assert len(asked) <= 4


async def test_the_log_of_the_directory_has_the_reason_once_a_minute() -> None:
    """For what was its own once, and for what was sent to one that takes tokens of Entra's."""
    deployment = Deployment()
    directory = await deployment.directory(entra=ISSUED)
    server = deployment.server()
    dead = await revoked(deployment, directory)
    wrong = deployment.identity.issued(deployment.clock.now, tid=OTHER_TENANT)
    for _ in range(2):
        for _ in range(5):
            await get(server, directory, dead)
            await get(server, directory, wrong)
        deployment.clock.wait(minutes=1)
    await server.close()
    found = await entries(deployment, directory)
    assert sorted(each.reason for each in found) == ["jwt-tenant"] * 2 + ["revoked"] * 2
    for each in found:
        assert (each.verb, each.status, each.detail) == ("refuse", 401, REASONS[each.reason])  # type: ignore[index]
        assert each.operation == "GET"
    assert {each.credential for each in found if each.reason == "jwt-tenant"} == {"entra"}


async def test_a_stranger_writes_into_no_log() -> None:
    """Made-up tokens, and those of others, leave nothing in a directory that they name."""
    deployment = Deployment()
    directory = await deployment.directory()
    server = deployment.server()
    stranger = issue("nobodys0", pepper=PEPPER, now=deployment.clock.now)[0]
    for token in ("x", stranger, deployment.identity.issued(deployment.clock.now), "a.b.c"):
        await get(server, directory, token)
    await get(server, directory, await elsewhere(deployment, directory))
    await server.close()
    assert await entries(deployment, directory) == []


async def test_a_token_of_entras_is_nobodys_record() -> None:
    """Its use isn't noted anywhere; the log calls it by where it is from."""
    deployment = Deployment()
    directory = await deployment.directory(entra=ISSUED)
    server = deployment.server()
    token = deployment.identity.issued(deployment.clock.now)
    headers = {"authorization": f"Bearer {token}"}
    url = f"{HOST}/contoso/scim/Users"
    created = await server.handle(Request("POST", url, headers, b'{"userName": "ada"}'))
    assert created.status == 201
    [entry] = await entries(deployment, directory)
    assert entry.credential == "entra"
    assert TENANT not in repr(entry)


async def test_a_bulk_stays_in_the_directory_that_it_was_let_into() -> None:
    """Of two names in a path the first that takes the token counts; it may become another one."""
    deployment = Deployment()
    directory = await deployment.directory(entra=ISSUED)
    other = await deployment.directory("fabrikam", entra=ISSUED)
    asked: list[str] = []

    class Later(type(deployment.registry)):  # type: ignore[misc]
        async def addressed(self, name: str) -> Directory | None:
            asked.append(name)
            return directory if name == directory.name else other if len(asked) > 1 else None

    deployment.registry = Later()
    operation = {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"userName": "ada"}}
    schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    body = json.dumps({"schemas": [schema], "Operations": [operation]}).encode()
    headers = {"authorization": f"Bearer {deployment.identity.issued(deployment.clock.now)}"}
    url = f"{HOST}/fabrikam/scim/contoso/scim/Bulk"
    answer = await deployment.server().handle(Request("POST", url, headers, body))
    assert answer.status == 200
    assert [each["status"] for each in json.loads(answer.body)["Operations"]] == ["401"]
    assert "fabrikam" in asked[1:]
