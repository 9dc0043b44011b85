"""Jobs against the server itself: requests go to `Server.handle`, with no socket in between."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from scim.cli.mappings import mapping
from scim.cli.simulator.dialects import DEFAULT, FLAGGED, STRICT, Dialect
from scim.cli.simulator.exchanges import Log
from scim.cli.simulator.job import Job
from scim.cli.simulator.mapping import AttributeMapping
from scim.cli.simulator.report import CycleReport
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.state import differences, expected, observed
from scim.cli.simulator.wire import Received, Send, Sent
from scim.http import Request
from scim.own_attributes import with_attribute
from scim.presets import PRESETS
from scim.rules import Rules
from storage.open import open_storage
from tests.service import HOST, Client, open_directory

# Each shipped mapping and the ways in which a PATCH for its preset may be written.
PAIRS = tuple(
    (name, dialect)
    for name in PRESETS
    for dialect in ((STRICT,) if name == "rfc" else (DEFAULT, FLAGGED))
)


def sending(client: Client) -> Send:
    """Send requests to a client's server in memory."""

    async def send(sent: Sent) -> Received:
        said = {"Authorization": f"Bearer {client.token}", **sent.headers}
        headers = {name.lower(): value for name, value in said.items() if value}
        url = f"{HOST}/{client.name}/scim{sent.target}"
        response = await client.server.handle(
            Request(sent.method, url, headers, sent.content or b"")
        )
        names = {name.lower(): value for name, value in response.headers.items()}
        return Received(response.status, names, response.body)

    return send


async def open_preset(name: str, *attributes: str) -> Client:
    """Make a directory of a preset in a store of its own, with the attributes of its mapping."""
    rules = PRESETS[name]
    for text in (*mapping(name).adds, *attributes):
        rules = with_attribute(rules, text)
    ruled = {each: getattr(rules, each) for each in Rules.model_fields}
    return await open_directory(open_storage("memory"), **ruled)


def change(source: SourceDirectory) -> None:
    """Change something of every kind."""
    users, groups = source.users, source.groups
    new: dict[str, Any] = {
        "userPrincipalName": "new@example.com",
        "givenName": "N",
        "surname": "ew",
    }
    source.add_user(**new, manager=users[0])
    source.update(users[1], displayName="Renamed", mobile=None)
    source.update(users[2], userPrincipalName="moved@example.com", manager=users[3])
    source.delete(users[4])
    source.update(users[5], manager=None)
    source.purge(users[6])
    source.update(groups[0], displayName="A + B")
    source.add_members(groups[1], *users[8:15])
    source.remove_members(groups[2], *source.members(groups[2])[:3])
    source.purge(groups[3])


@dataclass
class Clock:
    """The time of day, moved by hand; `slept` are the waits that were asked for."""

    now: datetime = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **gone: float) -> None:
        self.now += timedelta(**gone)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass
class Stage:
    """A job, its source, and the log of what it sends; `client` asks the same server."""

    job: Job
    source: SourceDirectory
    log: Log
    client: Client
    clock: Clock

    async def cycle(self) -> CycleReport:
        """Run the next cycle, 40 minutes later."""
        self.clock.pass_by(minutes=40)
        return await self.job.cycle()

    async def differences(self) -> list[str]:
        return differences(expected(self.job), await observed(self.job))


async def staged(
    source: SourceDirectory,
    name: str = "default",
    dialect: Dialect = DEFAULT,
    *,
    through: Callable[[Send], Send] = lambda send: send,
    mapped: AttributeMapping | None = None,
    client: Client | None = None,
    **more: Any,
) -> Stage:
    """Open a directory of a preset and a job for it; `through` may put faults between them."""
    client = client or await open_preset(name)
    log = Log(through(sending(client)), secret=client.token)
    clock = Clock()
    if dialect is STRICT:
        more = {"form": "generic", **more}  # the library's form leaves quotes in values as they are
    job = Job(source, mapped or mapping(name), log, dialect, clock=clock, sleep=clock.sleep, **more)
    return Stage(job, source, log, client, clock)
