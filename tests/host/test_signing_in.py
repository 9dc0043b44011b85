"""All four ways in over HTTP: `serve` on Azurite, and an identity provider beside it."""

import asyncio
import http.client
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from scim.credentials import issue, register, revoked
from scim.directory import Directory
from scim.registry import Credential
from storage.open import open_storage
from tests.auth.deployment import ASSERTION_TYPE
from tests.auth.identity import FEDERATED, ISSUED, TENANT, identity
from tests.host.serving import ask, serving
from tests.host.test_rotation import CLIENTS, Load
from tests.service import PEPPER

DIRECTORY = Directory(id="signingin0", name="signing-in", entra=ISSUED)


def post(access: Any, path: str, form: dict[str, str]) -> tuple[int, dict[str, str], Any]:
    """Ask the token endpoint."""
    connection = http.client.HTTPConnection(urlsplit(access["tenantUrl"]).netloc, timeout=60)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request("POST", path, urlencode(form), headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), json.loads(response.read())
    finally:
        connection.close()


def form(client: Credential, secret: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": client.id,
        "client_secret": secret,
    }


def statuses_of_two_headers(access: Any, token: str) -> int:
    """Send a request with its Authorization header twice."""
    url = urlsplit(access["tenantUrl"])
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    try:
        connection.putrequest("GET", url.path + "/Users")
        for _ in range(2):
            connection.putheader("Authorization", f"Bearer {token}")
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


async def test_each_way_in_is_served(azurite: str, tmp_path: Path) -> None:
    """A secret token, one of Entra's, a client's secret and an assertion open the same directory.

    Entra's keys come over HTTP, once.
    """
    storage, now = open_storage(azurite), datetime.now(UTC)
    await storage.prepare()
    await storage.registry.add_directory(DIRECTORY)
    client, federated = (register(DIRECTORY.id, now=now, trust=each) for each in (None, FEDERATED))
    secret, kept = issue(DIRECTORY.id, pepper=PEPPER, now=now, client=client.id)
    for each in (client, federated, kept):
        await storage.registry.add_credential(each)
    arguments = ("--storage", azurite, "--directory", DIRECTORY.name)
    async with identity() as provider:
        settings = {"SCIM_PEPPER": PEPPER.decode(), "SCIM_ENTRA_AUTHORITY": provider.authority}
        with serving(tmp_path, *arguments, **settings) as (_, access):
            issuer = f"{provider.authority}/{TENANT}/v2.0"
            assertion = {
                "grant_type": "client_credentials",
                "client_id": federated.id,
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": provider.assertion(now, iss=issuer),
            }
            status, headers, by_secret = await asyncio.to_thread(
                post, access, "/oauth2/token", form(client, secret)
            )
            assert (status, headers["Content-Type"]) == (200, "application/json")
            assert (headers["Cache-Control"], headers["Pragma"]) == ("no-store", "no-cache")
            path = f"/{DIRECTORY.name}/oauth2/token"
            status, _, by_assertion = await asyncio.to_thread(post, access, path, assertion)
            assert status == 200, by_assertion
            assert (await asyncio.to_thread(post, access, path, assertion))[0] == 401
            tokens = [
                access["secretToken"],
                provider.issued(now),
                by_secret["access_token"],
                by_assertion["access_token"],
            ]
            for token in tokens:
                answer = await asyncio.to_thread(
                    ask, {**access, "secretToken": token}, "GET", "/Users"
                )
                assert answer[0] == 200
                assert await asyncio.to_thread(statuses_of_two_headers, access, token) == 401
            assert len(provider.asked) == 1
    await storage.registry.remove_directory(DIRECTORY.id)
    await storage.close()


def test_no_request_fails_while_a_clients_secret_is_changed(azurite: str, tmp_path: Path) -> None:
    """Six clients work without a pause; they take access tokens that the second secret was given
    one by one, the first secret is revoked. No request fails.
    """
    arguments = ("--storage", azurite, "--directory", "secretive")
    with serving(tmp_path, *arguments, SCIM_PEPPER=PEPPER.decode()) as (_, access):
        client, first, second = asyncio.run(two_secrets(azurite))
        tokens = []
        for secret in (first[0], second[0]):
            status, _, answer = post(access, "/secretive/oauth2/token", form(client, secret))
            assert status == 200
            tokens.append(answer["access_token"])
        load = Load({**access, "secretToken": tokens[0]}, [tokens[0]] * CLIENTS)
        with load.running():
            assert load.since(20) == {True}
            for number in range(CLIENTS):
                load.tokens[number] = tokens[1]
                load.since(5)
            asyncio.run(revoke(azurite, first[1]))
            load.until_the_old_one_is_given_up()
            assert load.since(20) == {False}
    expected = {("POST", 201), ("GET", 200), ("PATCH", 200), ("DELETE", 204)}
    assert {(method, status) for method, status, _ in load.answers} == expected
    assert len(load.answers) > 10 * CLIENTS


async def two_secrets(
    connection: str,
) -> tuple[Credential, tuple[str, Credential], tuple[str, Credential]]:
    """Register a client with two secrets: in another process than the server's."""
    storage, now = open_storage(connection), datetime.now(UTC)
    try:
        directory = await storage.registry.directory_named("secretive")
        assert directory is not None
        client = register(directory.id, now=now)
        one, two = (issue(directory.id, pepper=PEPPER, now=now, client=client.id) for _ in range(2))
        for each in (client, one[1], two[1]):
            await storage.registry.add_credential(each)
    finally:
        await storage.close()
    return client, one, two


async def revoke(connection: str, credential: Credential) -> None:
    storage = open_storage(connection)
    try:
        await storage.registry.change_credential(
            credential.id, lambda found: revoked(found, "ann", datetime.now(UTC))
        )
    finally:
        await storage.close()
