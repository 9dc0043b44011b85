"""Changing a directory's token while its clients work: `serve` on Azurite, over HTTP."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

from scim.credentials import identify, issue, revoked
from scim.registry import Credential
from storage.open import open_storage
from tests.host.serving import ask, serving
from tests.service import PEPPER

CLIENTS = 6


@dataclass
class Load:
    """Clients that create, read, change and delete users without a pause; tokens may be changed."""

    access: dict[str, Any]
    tokens: list[str]
    stop: Event = field(default_factory=Event)
    answers: list[tuple[str, int, bool]] = field(default_factory=list)  # method, status, old token
    last: dict[int, bool] = field(default_factory=dict)  # by client: with the old token
    clients: list[Future[None]] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(CLIENTS) as pool:
            self.clients = [pool.submit(self._work, number) for number in range(CLIENTS)]
            try:
                yield
            finally:
                self.stop.set()
        for each in self.clients:
            each.result()

    def _work(self, number: int) -> None:
        while not self.stop.is_set():
            created = self._ask(number, "POST", "/Users", {"userName": f"{uuid4()}@example.com"})
            path = f"/Users/{created['id']}"
            self._ask(number, "GET", path)
            rename = {"op": "replace", "path": "displayName", "value": "Ada"}
            self._ask(number, "PATCH", path, {"Operations": [rename]})
            self._ask(number, "DELETE", path)

    def _ask(self, number: int, method: str, path: str, body: Any = None) -> Any:
        token = self.tokens[number]
        status, answer = ask({**self.access, "secretToken": token}, method, path, body)
        self.last[number] = token == self.access["secretToken"]
        self.answers.append((method, status, self.last[number]))
        return answer

    def since(self, requests: int) -> set[bool]:
        """Let each client send so many; whether with the old token, with another, or both."""
        begun = len(self.answers)
        self._until(lambda: len(self.answers) >= begun + requests * CLIENTS)
        return {old for _, _, old in self.answers[begun:]}

    def until_the_old_one_is_given_up(self) -> None:
        """Wait until each client's last answer was to another token: it has none on its way."""
        self._until(lambda: not any(self.last.values()))

    def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            time.sleep(0.01)
            for each in self.clients:
                if each.done():
                    each.result()


async def rotate(connection: str, old: str) -> tuple[str, Credential]:
    """Make the second token of an operator: in another process than the server's."""
    storage = open_storage(connection)
    try:
        first = await storage.registry.credential(identify(old) or "")
        assert first is not None
        now = datetime.now(UTC)
        token, second = issue(first.directory, pepper=PEPPER, now=now, by="ann")
        await storage.registry.add_credential(second)
    finally:
        await storage.close()
    return token, first


async def revoke(connection: str, credential: Credential) -> list[Credential]:
    storage = open_storage(connection)
    try:
        await storage.registry.change_credential(
            credential.id, lambda found: revoked(found, "ann", datetime.now(UTC))
        )
        return await storage.registry.credentials(credential.directory)
    finally:
        await storage.close()


def test_no_request_fails_while_the_token_is_changed(azurite: str, tmp_path: Path) -> None:
    """Clients work without a pause; the second token is issued, they take it one by one, the first
    is revoked when nobody uses it any more. No request fails, and each token's use was noted.
    """
    arguments = ("--storage", azurite, "--directory", "rotated")
    with serving(tmp_path, *arguments, SCIM_PEPPER=PEPPER.decode()) as (_, access):
        old = access["secretToken"]
        load = Load(access, [old] * CLIENTS)
        with load.running():
            assert load.since(20) == {True}
            new, first = asyncio.run(rotate(azurite, old))
            for number in range(CLIENTS):
                load.tokens[number] = new
                load.since(5)
            load.until_the_old_one_is_given_up()
            credentials = asyncio.run(revoke(azurite, first))
            assert load.since(20) == {False}
    expected = {("POST", 201), ("GET", 200), ("PATCH", 200), ("DELETE", 204)}
    assert {(method, status) for method, status, _ in load.answers} == expected
    assert len(load.answers) > 10 * CLIENTS
    assert [bool(each.revoked) for each in credentials] == [True, False]
    assert all(each.last_used for each in credentials)
