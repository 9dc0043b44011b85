"""A request takes so long and no longer: who waits for the last one can rely on it."""

import asyncio
import logging
from typing import Any

import pytest

from scim.directory import Directory
from scim.repository import Repository
from scim.server import Server
from storage.open import Storage
from tests.service import PEPPER, USER, Client, open_directory


class Slow:
    """A repository that takes its time before each call named `slow`, or fails with `error`."""

    def __init__(self, repository: Repository, slow: str, error: Exception | None = None) -> None:
        self._repository = repository
        self._slow = slow
        self._error = error

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._repository, name)
        return self._wait if name == self._slow else found

    async def _wait(self, *_: Any, **__: Any) -> Any:
        if self._error is not None:
            raise self._error
        await asyncio.sleep(3600)


def served(
    client: Client,
    storage: Storage,
    slow: str,
    error: Exception | None = None,
    *,
    longest: float = 60,
) -> None:
    def repository(directory: Directory) -> Any:
        return Slow(storage.repository(directory), slow, error)

    client.server = Server(
        registry=storage.registry, repository=repository, pepper=PEPPER, longest=longest
    )


async def test_a_request_that_takes_too_long_is_broken_off(storage: Storage) -> None:
    """503 that says what has become of it; the same request, sent again, is done."""
    client = await open_directory(storage)
    quick = client.server
    served(client, storage, "create", longest=0.2)
    body = {"schemas": [USER], "userName": "ada"}
    async with asyncio.timeout(10):
        answer = await client.post("/Users", body)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert "took longer than 0.2 seconds" in answer.detail
    assert "stays" in answer.detail
    client.server = quick
    assert (await client.post("/Users", body)).status == 201


async def test_a_registry_that_does_not_answer_holds_nobody_up(storage: Storage) -> None:
    """The time of a request begins before its token is looked at."""
    client = await open_directory(storage)

    class Hanging:
        async def credential(self, id: str) -> Any:
            await asyncio.sleep(3600)

    registry: Any = Hanging()
    client.server = Server(
        registry=registry, repository=storage.repository, pepper=PEPPER, longest=0.05
    )
    async with asyncio.timeout(10):
        assert (await client.get("/Users")).status == 503


async def test_a_timeout_of_another_kind_is_a_bug(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    client = await open_directory(storage)
    served(client, storage, "create", TimeoutError())
    with caplog.at_level(logging.ERROR, "scim.server"):
        assert (await client.post("/Users", {"userName": "ada"})).status == 500
    assert "failed by a bug" in caplog.text


async def test_a_server_that_is_stopped_answers_nothing(storage: Storage) -> None:
    """Whoever ends the request from outside is not told that its time was over."""
    client = await open_directory(storage)
    served(client, storage, "create")
    task = asyncio.create_task(client.post("/Users", {"userName": "ada"}))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
