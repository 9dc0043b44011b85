"""Deployments of all presets as tests see them: who has access, what the store holds, time."""

import json
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
from yarl import URL

from scim.cli.making import new_directory
from scim.credentials import issue
from scim.directory import Directory
from scim.journal import Entry
from scim.presets import preset
from scim.registry import Registry
from scim.reindexing import change_rules
from storage.open import Storage
from tests.host.serving import environment
from tests.idp.exchange import Answer, Send
from tests.service import PEPPER

# The directories of one deployment, by name, and their presets. &Money's have the names that its
# guide gives them.
DIRECTORIES: Mapping[str, str] = MappingProxyType(
    {
        "default": "default",
        "rfc": "rfc",
        "bytebase": "bytebase",
        "bytebase-mail": "bytebase-mail",
        "configcat": "configcat",
        "scalekit": "scalekit",
        "bitabiz": "bitabiz",
        "advisors": "andmoney-advisors",
        "rooms": "andmoney-rooms",
    }
)


@dataclass(frozen=True)
class Access:
    """What is pasted into Entra, and a way to send with it."""

    url: str
    token: str
    send: Send

    async def ask(
        self,
        method: str,
        path: str,
        document: Any = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, Any]:
        """Send one request; gives the status and the body, parsed."""
        body = None if document is None else json.dumps(document).encode()
        sent = {"Content-Type": "application/scim+json", **headers}
        answer = await self.send(method, path, sent, body)
        return answer.status, json.loads(answer.body) if answer.body else None


@dataclass(frozen=True)
class Deployment:
    """A server of all presets; `storage` is a view of its store from aside."""

    accesses: Mapping[str, Access]
    storage: Storage
    connection: str
    log: Path

    async def directory(self, name: str) -> Directory:
        found = await self.storage.registry.directory_named(name)
        assert found is not None
        return found

    async def journal(self, name: str) -> list[Entry]:
        """Read a directory's log, the oldest entry first."""
        repository = self.storage.repository(await self.directory(name))
        return [each async for each in repository.entries()]


@dataclass
class Clock:
    """Seconds, moved by hand: what a process remembers of a directory it believes for a minute."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds

    def a_minute_later(self) -> None:
        self.seconds += 61.0

    async def wait(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Process:
    """One more server on the same store, in this process; its clock is moved by hand."""

    registry: Registry
    storage: Storage
    address: str
    session: aiohttp.ClientSession
    clock: Clock = field(default_factory=Clock)

    async def directory(self, name: str) -> tuple[Directory, Access]:
        """Make a directory of a preset, under a name of its own."""
        named = f"{name}-{uuid.uuid4().hex[:8]}"
        made = new_directory(named, preset(name), preset=name, now=datetime.now(UTC))
        await self.registry.add_directory(made)
        token, credential = issue(made.id, pepper=PEPPER, now=datetime.now(UTC))
        await self.registry.add_credential(credential)
        return made, access(self.session, f"http://{self.address}/{named}/scim", token)

    async def give(self, directory: Directory, name: str) -> None:
        """Give a directory the rules of another preset, as `directory set` does."""
        await change_rules(
            self.registry,
            self.storage.repository(directory),
            directory,
            preset(name),
            wait=self.clock.wait,
            changed={"preset": name},
        )
        self.clock.a_minute_later()


def access(session: aiohttp.ClientSession, url: str, token: str) -> Access:
    async def send(
        method: str, target: str, headers: Mapping[str, str | None], body: bytes | None
    ) -> Answer:
        sent = {name: value for name, value in headers.items() if value is not None}
        where = URL(url + target, encoded=True)
        sent.setdefault("Authorization", f"Bearer {token}")
        async with session.request(method, where, headers=sent, data=body) as found:
            return Answer(found.status, dict(found.headers), await found.read())

    return Access(url, token, send)


def run(folder: Path, *arguments: str, **changes: str) -> None:
    """Run one command of `python -m scim` to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "scim", *arguments],
        cwd=folder,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
