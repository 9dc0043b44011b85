"""A directory moves through all four ways in by commands alone, while its clients go on."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from scim.http import Request, Response
from scim.server import Server
from storage.jwks import EntraKeys
from storage.open import open_storage
from tests.auth.deployment import ASSERTION_TYPE, ask
from tests.auth.identity import SUBJECT, TENANT
from tests.cli.conftest import Run
from tests.cli.entra import Entra, entra
from tests.cli.requests import Tenant
from tests.service import HOST, PEPPER

# Gives a bearer token, or the form that one is asked for with.
Way = Callable[[], str | dict[str, str]]
WORKERS = 3


@dataclass
class Load:
    """Clients that create, read and delete without a pause, on servers that have just started.

    So each server knows what commands did, as after the minute that they tell to wait.
    """

    tenant: Tenant
    provider: Entra
    way: Way
    stopped: bool = False
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    def some(self, turns: int = 6) -> None:
        """Let all of them work with the way that they have now."""
        end = self.statuses["DELETE", 204] + WORKERS + turns
        until = time.monotonic() + 300
        while self.statuses["DELETE", 204] < end:
            assert time.monotonic() < until, self.statuses
            time.sleep(0.01)

    async def work(self) -> None:
        keys = EntraKeys(clock=time.monotonic, authority=self.provider.authority)
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work(keys))

    async def _work(self, keys: EntraKeys) -> None:
        while not self.stopped:
            storage = open_storage(self.tenant.storage)
            server = Server(
                registry=storage.registry,
                repository=storage.repository,
                pepper=PEPPER,
                keys=keys,
                authority=self.provider.authority,
            )
            try:
                await self._turn(server)
            finally:
                await server.close()
                await storage.close()

    async def _turn(self, server: Server) -> None:
        token = self.way()
        if isinstance(token, dict):
            url = f"{HOST}/{self.tenant.name}/oauth2/token"
            given = await ask(server, token, url=url)
            self.statuses["token", given.status] += 1
            token = str(json.loads(given.body).get("access_token"))
        name = f"{self.statuses.total()}-{id(server)}@example.com"
        made = await self._send(server, token, "POST", "/Users", {"userName": name})
        path = f"/Users/{json.loads(made.body).get('id')}"
        await self._send(server, token, "GET", path)
        await self._send(server, token, "DELETE", path)

    async def _send(
        self, server: Server, token: str, method: str, path: str, body: Any = None
    ) -> Response:
        headers = {"authorization": f"Bearer {token}"}
        content = b"" if body is None else json.dumps(body).encode()
        url = f"{HOST}/{self.tenant.name}/scim{path}"
        answer = await server.handle(Request(method, url, headers, content))
        self.statuses[method, answer.status] += 1
        return answer


@contextmanager
def loaded(tenant: Tenant, provider: Entra, way: Way) -> Iterator[Load]:
    """Run clients in a thread; then check that nothing has failed."""
    load = Load(tenant, provider, way)
    thread = threading.Thread(target=lambda: asyncio.run(load.work()))
    thread.start()
    try:
        yield load
    finally:
        load.stopped = True
        thread.join()
    assert set(load.statuses) == {("token", 200), ("POST", 201), ("GET", 200), ("DELETE", 204)}


def asking(client: str, **proof: str) -> dict[str, str]:
    return {"grant_type": "client_credentials", "client_id": client, **proof}


def open_now(run: Run, tenant: Tenant) -> list[str]:
    ways = run("directory", "show", tenant.name, "--json").json["ways"]
    return [name for name, is_open in ways.items() if is_open]


def test_a_directory_moves_through_all_four_ways_by_commands(
    run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way is opened beside the one before it, which is closed when nobody uses it any more;
    no request fails. At the end a token again.
    """
    name = tenant.name
    [first] = run("token", "list", name, "--json").json
    with entra() as provider, loaded(tenant, provider, lambda: tenant.token) as load:
        monkeypatch.setenv("SCIM_ENTRA_AUTHORITY", provider.authority)

        def move(way: Way) -> None:
            load.some()
            load.way = way
            load.some()  # those that had begun with the earlier one have ended

        run("directory", "set", name, "--entra-tenant", TENANT)
        move(provider.issued)
        run("token", "revoke", first["id"])
        client = run("client", "add", name, "--json").json
        move(lambda: asking(client["clientId"], client_secret=client["clientSecret"]))
        run("directory", "set", name, "--no-entra-tenant")
        audience = provider.identity.assertion_claims()["aud"]
        options = ("--tenant", TENANT, "--audience", audience, "--subject", SUBJECT)
        federated = run("federation", "add", name, *options, "--json").json["clientId"]
        proved = {"client_assertion_type": ASSERTION_TYPE}
        move(
            lambda: asking(
                federated, client_assertion=provider.assertion(uti=str(time.time_ns())), **proved
            )
        )
        run("client", "revoke", client["clientId"])
        assert open_now(run, tenant) == ["federation"]
        again = run("token", "issue", name, "--json").json["secretToken"]
        move(lambda: again)
        run("federation", "remove", federated)
        load.some()
    assert open_now(run, tenant) == ["secretToken"]
    assert load.statuses.total() > 100
