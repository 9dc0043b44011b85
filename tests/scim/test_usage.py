"""Noting when a credential was last used, beside the request (scim/usage.py)."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from scim.beside import Beside
from scim.credentials import issue
from scim.directory import Directory
from scim.errors import Unavailable
from scim.ids import timestamp
from scim.registry import Credential
from scim.server import Server
from scim.usage import Usage, is_due
from storage.memory import MemoryRepository
from storage.memory_rows import Partition
from storage.registry_memory import MemoryRegistry
from tests.service import PEPPER, Client

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


class Watched(MemoryRegistry):
    """Counts the notes that are begun; each waits for `gate` and fails with `error`."""

    def __init__(self) -> None:
        super().__init__()
        self.touches: list[tuple[str, str]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def touch(self, credential: str, at: str) -> None:
        self.touches.append((credential, at))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        await super().touch(credential, at)


async def opened(registry: Watched, now: list[datetime]) -> tuple[Client, Credential]:
    """Serve a directory; the time is what `now` holds."""
    directory = Directory(id="abcdefgh", name="contoso")
    token, credential = issue(directory.id, pepper=PEPPER, now=NOW)
    await registry.add_directory(directory)
    await registry.add_credential(credential)
    partition = Partition()
    server = Server(
        registry=registry,
        repository=lambda _: MemoryRepository(partition),
        pepper=PEPPER,
        clock=lambda: now[0],
    )
    return Client(server, "contoso", token, directory), credential


async def test_a_request_does_not_wait_for_the_note() -> None:
    """The note hangs for ever; requests are answered, and one note is begun for all of them."""
    registry = Watched()
    client, credential = await opened(registry, [NOW])
    async with asyncio.timeout(5):
        for _ in range(3):
            assert (await client.get("/Users")).status == 200
            await asyncio.sleep(0)  # a task that was made begins
    assert registry.touches == [(credential.id, timestamp(NOW))]
    registry.gate.set()
    await client.server.close()
    kept = await registry.credential(credential.id)
    assert kept is not None
    assert kept.last_used == timestamp(NOW)


async def test_a_use_is_noted_every_five_minutes() -> None:
    registry, now = Watched(), [NOW]
    registry.gate.set()
    client, _ = await opened(registry, now)
    for minutes in (0, 1, 4.9, 5, 5.1, 9.9, 10):
        now[0] = NOW + timedelta(minutes=minutes)
        await client.get("/Users")
        await asyncio.sleep(0)
    assert [at for _, at in registry.touches] == [
        timestamp(NOW + timedelta(minutes=each)) for each in (0, 5, 10)
    ]


async def test_a_note_that_fails_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The request has its answer already, and the next doesn't try at once again."""
    registry = Watched()
    registry.error = Unavailable("the storage is busy or down: try again", retry_after=5)
    registry.gate.set()
    client, credential = await opened(registry, [NOW])
    with caplog.at_level(logging.WARNING, "scim.usage"):
        for _ in range(3):
            assert (await client.get("/Users")).status == 200
        await client.server.close()
    [line] = caplog.messages
    assert credential.id in line
    assert "busy or down" in line


async def test_a_refused_token_is_not_noted() -> None:
    """Nothing is written for a stranger, nor for a token that is dead or of a removed directory."""
    registry, now = Watched(), [NOW]
    client, credential = await opened(registry, now)
    real = client.token
    client.token = issue("abcdefgh", pepper=PEPPER, now=NOW)[0]
    assert (await client.get("/Users")).status == 401
    client.token = real
    await registry.remove_directory("abcdefgh")
    await registry.add_credential(credential)
    assert (await client.get("/Users")).status == 401
    assert registry.touches == []


async def test_only_so_many_credentials_are_remembered() -> None:
    """Who was noted first is forgotten first, and noted again."""
    registry = Watched()
    registry.gate.set()
    beside = Beside()
    usage = Usage(registry, beside, most=2)
    ada, bob, eve = [issue("abcdefgh", pepper=PEPPER, now=NOW)[1] for _ in range(3)]
    for each in (ada, bob, ada, eve, bob, eve, ada):
        usage.note(each, NOW)
    await beside.close()
    assert [id for id, _ in registry.touches] == [each.id for each in (ada, bob, eve, ada)]


async def test_closing_ends_a_note_that_hangs() -> None:
    registry = Watched()
    beside = Beside(patience=0.01)
    usage = Usage(registry, beside)
    usage.note(issue("abcdefgh", pepper=PEPPER, now=NOW)[1], NOW)
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await beside.close()
    await beside.close()  # nothing left


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, True),
        ("2026-03-04T05:01:07.000Z", True),
        ("2026-03-04T05:01:07.001Z", False),
        ("2027-01-01T00:00:00.000Z", False),
        ("long ago", True),
    ],
)
def test_a_note_is_due_after_five_minutes(last: str | None, *, due: bool) -> None:
    _, credential = issue("abcdefgh", pepper=PEPPER, now=NOW)
    used = credential.model_copy(update={"last_used": last})
    assert is_due(used, timestamp(NOW)) is due


async def test_a_digest_is_renewed_unless_it_was_changed_meanwhile() -> None:
    """By another process, or because an operator was faster: what is there now stays."""
    registry = MemoryRegistry()
    token, old = issue("abcdefgh", pepper=b"another pepper, of 32 bytes at least", now=NOW)
    await registry.add_credential(old)
    for found, kept in ((old.model_copy(update={"digest": "x"}), old.digest), (old, "new")):
        beside = Beside()
        Usage(registry, beside).renew(found, "new", NOW)
        await beside.close()
        current = await registry.credential(old.id)
        assert current is not None
        assert current.digest == kept
    assert token not in repr(current)
