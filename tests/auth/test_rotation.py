"""Changing secrets, keys, peppers and ways of authentication beside the traffic: nothing fails."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from scim.auth import jwts
from scim.credentials import digest
from scim.directory import Directory
from scim.http import Request, Response
from scim.server import Server
from storage.jwks import EntraKeys
from tests.auth.deployment import Deployment, Registered, access_token
from tests.auth.identity import ISSUED, identity
from tests.service import HOST, PEPPER

WORKERS = 4
OTHER_PEPPER = b"another-pepper-" * 3
ONE, TWO = b"1" * 32, b"2" * 32

Credentials = Callable[[Server], Awaitable[str]]


@dataclass
class Load:
    """Clients that create, read, page, change and delete without a pause, on any of the servers.

    Each has a way to get a token, which may be replaced; it gets one after some turns, or when its
    last ends.
    """

    deployment: Deployment
    directory: Directory
    servers: list[Server]
    ways: list[Credentials]
    statuses: list[tuple[str, int]] = field(default_factory=list)
    stopped: bool = False

    async def work(self, number: int) -> None:
        while not self.stopped:
            way = self.ways[number]
            token = await way(self.any)
            until = self.deployment.clock.now + timedelta(minutes=40)
            for _ in range(random.randint(3, 12)):
                if self.stopped or way is not self.ways[number]:
                    break
                if self.deployment.clock.now >= until:
                    break
                await self.turn(number, token)

    async def turn(self, number: int, token: str) -> None:
        name = f"{number}.{len(self.statuses)}@example.com"
        created = await self.send(token, "POST", "/Users", {"userName": name})
        path = f"/Users/{json.loads(created.body)['id']}"
        await self.send(token, "GET", path)
        first = await self.send(token, "GET", "/Users?count=1&cursor=")
        if cursor := json.loads(first.body).get("nextCursor"):
            await self.send(token, "GET", f"/Users?count=1&cursor={quote(cursor)}")
        rename = {"op": "replace", "path": "displayName", "value": "Ada"}
        await self.send(token, "PATCH", path, {"Operations": [rename]})
        await self.send(token, "DELETE", path)

    async def send(self, token: str, method: str, path: str, body: Any = None) -> Response:
        headers = {"authorization": f"Bearer {token}"}
        content = b"" if body is None else json.dumps(body).encode()
        url = f"{HOST}/{self.directory.name}/scim{path}"
        answer = await self.any.handle(Request(method, url, headers, content))
        self.statuses.append((method, answer.status))
        await asyncio.sleep(0)
        return answer

    @property
    def any(self) -> Server:
        return random.choice(self.servers)

    async def some(self, turns: int = 100) -> None:
        """Let it work for a while."""
        end = len(self.statuses) + turns
        while len(self.statuses) < end:  # noqa: ASYNC110 - they work while this one sleeps
            await asyncio.sleep(0)

    async def an_hour(self) -> None:
        """Let an hour pass, in steps that a client in the middle of its turn notices in time."""
        for _ in range(8):
            self.deployment.clock.wait(minutes=8)
            await self.some(50)

    async def deploy(self, **settings: Any) -> None:
        """Replace the servers one by one, while the others serve."""
        for place, old in enumerate(self.servers):
            self.servers[place] = self.deployment.server(**settings)
            self.deployment.clock.wait(minutes=1)
            await self.some()
            await old.close()


@asynccontextmanager
async def loaded(
    ways: Sequence[Credentials],
    deployment: Deployment,
    directory: Directory,
    **settings: Any,
) -> AsyncIterator[Load]:
    """Run clients until the end; then check that nothing has failed."""
    servers = [deployment.server(**settings) for _ in range(2)]
    load = Load(deployment, directory, servers, list(ways))
    async with asyncio.timeout(600), asyncio.TaskGroup() as group:
        for number in range(len(ways)):
            group.create_task(load.work(number))
        yield load
        load.stopped = True
    for each in load.servers:
        await each.close()
    expected = {("POST", 201), ("GET", 200), ("PATCH", 200), ("DELETE", 204)}
    assert set(load.statuses) == expected
    assert len(load.statuses) > 500


def holding(token: str) -> Credentials:
    """Use a secret token."""

    async def way(_: Server) -> str:
        return token

    return way


def asking(client: Registered) -> Credentials:
    """Ask for an access token with a client's secret."""
    return lambda server: access_token(server, client.form)


def asserting(deployment: Deployment, client: Registered) -> Credentials:
    """Ask for an access token with a new assertion each time: no two are signed alike."""

    async def way(server: Server) -> str:
        return await access_token(server, deployment.assertion(client, uti=random.random()))

    return way


def issuing(deployment: Deployment) -> Credentials:
    """Use a token that Entra issues itself."""

    async def way(_: Server) -> str:
        return deployment.identity.issued(deployment.clock.now)

    return way


async def test_a_clients_secret_is_changed_beside_the_traffic() -> None:
    deployment = Deployment()
    directory = await deployment.directory()
    first = await deployment.client(directory)
    async with loaded([asking(first)] * WORKERS, deployment, directory) as load:
        await load.some()
        second = await deployment.secret(first)
        for number in range(WORKERS):
            load.ways[number] = asking(second)
            await load.some()
        assert first.secret_record is not None
        await deployment.revoke(first.secret_record)
        await load.some()
        await load.an_hour()  # all get new tokens


async def test_the_signing_key_is_changed_beside_the_traffic() -> None:
    """Added at the end, then put first, then the old one is left out when its last token ended."""
    deployment = Deployment()
    directory = await deployment.directory()
    client = await deployment.client(directory)
    async with loaded(
        [asking(client)] * WORKERS, deployment, directory, signing_keys=[ONE]
    ) as load:
        await load.some()
        for keys in ([ONE, TWO], [TWO, ONE]):
            await load.deploy(signing_keys=keys)
            await load.some()
        await load.an_hour()
        await load.deploy(signing_keys=[TWO])
        await load.some()
    kids = [
        jwts.header(await access_token(deployment.server(signing_keys=keys), client.form))["kid"]
        for keys in ([ONE], [TWO])
    ]
    assert jwts.header(await access_token(load.any, client.form))["kid"] == kids[1] != kids[0]


async def test_the_pepper_is_changed_beside_the_traffic() -> None:
    """Known as the other one first, then current, then alone: what is used is kept anew meanwhile.

    Cursors and access tokens whose keys are derived from it go on, too.
    """
    deployment = Deployment()
    directory = await deployment.directory()
    token, record = await deployment.token(directory)
    client = await deployment.client(directory)
    ways = [holding(token), asking(client)] * 2
    async with loaded(ways, deployment, directory) as load:
        await load.some()
        await load.deploy(previous=[OTHER_PEPPER])
        await load.deploy(pepper=OTHER_PEPPER, previous=[PEPPER])
        await load.an_hour()
        await load.deploy(pepper=OTHER_PEPPER)
        await load.an_hour()
    kept = await deployment.registry.credential(record.id)
    assert kept is not None
    assert kept.digest == digest(token, OTHER_PEPPER) != record.digest


async def test_entras_keys_change_beside_the_traffic() -> None:
    """Over real HTTP: tokens of Entra's, and assertions, signed by one key after the other.

    A new key signs at once, without having been published before; a part of the time nobody can be
    asked for keys. Entra changes them every few weeks; here it is every few minutes.
    """
    async with identity() as provider:
        deployment = Deployment(identity=provider)
        directory = await deployment.directory(entra=ISSUED)
        client = await deployment.federated(directory)
        ways = [issuing(deployment), asserting(deployment, client)] * 2

        def seconds() -> float:
            return deployment.clock.now.timestamp()

        keys = EntraKeys(clock=seconds, authority=provider.authority)
        async with loaded(ways, deployment, directory, keys=keys) as load:
            await load.some()
            for _ in range(4):
                deployment.clock.wait(minutes=6)
                provider.rotate(keep=5)
                await load.some()
                await provider.down()
                deployment.clock.wait(minutes=1)
                await load.some()
                await provider.up()
    # Both servers have the same keys here: once at the start, and once for each new key.
    assert len(provider.asked) == 5


async def test_a_directory_moves_through_all_four_ways_beside_the_traffic() -> None:
    """Secret token, token of Entra's, client with a secret, federation, and back: each comes first
    beside the one before it, which goes when nobody uses it any more.
    """
    deployment = Deployment()
    directory = await deployment.directory()
    token, record = await deployment.token(directory)
    trusted = directory.model_copy(update={"entra": ISSUED})
    async with loaded([holding(token)] * WORKERS, deployment, directory) as load:

        async def move(way: Credentials) -> None:
            for number in range(WORKERS):
                load.ways[number] = way
                await load.some()

        await load.some()
        await deployment.registry.change_directory(directory.id, lambda _: trusted)
        await move(issuing(deployment))
        await deployment.revoke(record)
        await load.some()
        client = await deployment.client(directory)
        await move(asking(client))
        await deployment.registry.change_directory(directory.id, lambda _: directory)
        await load.some()
        federated = await deployment.federated(directory)
        await move(asserting(deployment, federated))
        await deployment.revoke(client.record)
        await load.some()
        again, _ = await deployment.token(directory)
        await move(holding(again))
        await deployment.revoke(federated.record)
        await load.some()
