"""What is measured of each server, at growing sizes: users, then a group of as many members.

Servers take turns within each operation, so that they see the same weather.
"""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.directory import encoded, user
from bench.peers.servers import Running
from bench.peers.shapes import Form, Tried, add_members, match, new_group, patch, remove_member
from bench.serving import Answer, Connection, Request

AT_ONCE = 64
BATCHES = 3
_MEMBERS_AT_ONCE = 500
_REPLACED = "PATCH group, remove a member by value"
_ADDED = "PATCH group, add a member with $ref"


@dataclass(frozen=True, slots=True)
class Timed:
    """One operation on one server; ms is the median, CPU of the server's process alone."""

    server: str
    operation: str
    size: int
    requests: int
    ms: float
    cpu_ms: float | None


@dataclass(frozen=True, slots=True)
class Parallel:
    """Members that were added at once, each by a PATCH of its own."""

    server: str
    size: int
    sent: int
    acknowledged: int
    lost: int
    seconds: float


@dataclass(slots=True)
class Peer:
    """A server, and who is in it."""

    server: Running
    connection: Connection
    forms: dict[str, Tried]
    users: list[str] = field(default_factory=list)
    group: str = ""
    spare: Iterator[str] = field(default_factory=lambda: iter(()))
    inside: list[str] = field(default_factory=list)
    seconds: float = 0  # that its answers took
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def form(self, shape: str) -> Form:
        found = self.forms[shape].form
        return found if found != "none" else "the RFC's"

    def again(self) -> None:
        """Open another connection: while others had their turn, a server closed the last one."""
        self.connection.close()
        self.connection = Connection(self.server.tenant_url, self.server.token)

    def send(self, request: Request) -> Answer:
        answer = self.connection.send(request)
        self.seconds += answer.seconds
        if answer.status >= 300:
            raise SystemExit(
                f"{self.server.name}: {request}: {answer.status} {answer.text[:300]!r}"
            )
        return answer

    def fill(self, users: int, size: int) -> None:
        """Have so many users, and a new group of the first of them."""
        self.again()
        while len(self.users) < users:
            self.create()
        self.group = self.send(new_group("the RFC's")).document["id"]
        for first in range(0, size, _MEMBERS_AT_ONCE):
            some = self.users[first : min(first + _MEMBERS_AT_ONCE, size)]
            self.send(add_members(self.form(_ADDED), self.group, *some))
        self.spare = iter(self.users[size:])
        self.get("/Users?count=100&startIndex=1")  # where a walk begins, and counts who is there

    def create(self) -> Answer:
        answer = self.send(Request("POST", "/Users", encoded(user(next(self.numbers)))))
        self.users.append(answer.document["id"])
        return answer

    def add(self) -> Answer:
        self.inside.append(next(self.spare))
        return self.send(add_members(self.form(_ADDED), self.group, self.inside[-1]))

    def remove(self) -> Answer:
        return self.send(remove_member(self.form(_REPLACED), self.group, self.inside.pop()))

    def get(self, path: str) -> Answer:
        return self.send(Request("GET", path))

    def title(self) -> Answer:
        value = f"Title {time.monotonic_ns()}"
        return self.send(patch("Users", self.users[7], op="Replace", path="title", value=value))


Operation = Callable[[Peer], Answer]
OPERATIONS: dict[str, Operation] = {
    "match userName, hit": lambda peer: peer.send(match("user7@bench.example")),
    "match userName, miss": lambda peer: peer.send(match("nobody@bench.example")),
    "POST user": Peer.create,
    "GET user": lambda peer: peer.get(f"/Users/{peer.users[7]}"),
    "PATCH user, one attribute": Peer.title,
    "list users, 100 in the middle": lambda peer: peer.get(
        f"/Users?count=100&startIndex={len(peer.users) // 2}"
    ),
    "group: add one member": Peer.add,
    "group: remove one member": Peer.remove,
    "group: GET without members": lambda peer: peer.get(
        f"/Groups/{peer.group}?excludedAttributes=members"
    ),
}


def spare(requests: int) -> int:
    """Say how many users are needed beside the members of a group."""
    return AT_ONCE + BATCHES * (requests + 1)


def measure(peers: Sequence[Peer], size: int, requests: int) -> list[Timed]:
    """Measure every operation; the servers take turns."""
    found: list[Timed] = []
    for name, run in OPERATIONS.items():
        seconds: dict[str, list[float]] = {each.server.name: [] for each in peers}
        cpu: dict[str, list[float]] = {each.server.name: [] for each in peers}
        for _ in range(BATCHES):
            for peer in peers:
                peer.again()
                run(peer)
                before = peer.server.cpu()
                answers = [run(peer) for _ in range(requests)]
                after = peer.server.cpu()
                seconds[peer.server.name] += [each.seconds for each in answers]
                if before is not None and after is not None:
                    cpu[peer.server.name].append((after - before) / requests * 1000)
        found += [
            Timed(
                server,
                name,
                size,
                len(times),
                statistics.median(times) * 1000,
                statistics.median(cpu[server]) if cpu[server] else None,
            )
            for server, times in seconds.items()
        ]
    return found


def add_at_once(peer: Peer, size: int) -> Parallel:
    """Send PATCHes that add a member each, all at once, and count who was lost."""
    added = [next(peer.spare) for _ in range(AT_ONCE)]

    def send(id: str) -> bool:
        with peer.server.connection() as own:
            return own.send(add_members(peer.form(_ADDED), peer.group, id)).status < 300

    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = time.perf_counter()
        done = list(pool.map(send, added))
        took = time.perf_counter() - begun
    peer.seconds += took
    peer.again()
    members = {each["value"] for each in peer.get(f"/Groups/{peer.group}").document["members"]}
    acknowledged = [id for id, ok in zip(added, done, strict=True) if ok]
    lost = sum(id not in members for id in acknowledged)
    return Parallel(peer.server.name, size, AT_ONCE, len(acknowledged), lost, took)


@contextmanager
def connected(
    servers: Sequence[Running], tried: dict[str, dict[str, Tried]]
) -> Iterator[list[Peer]]:
    """Open a connection to each."""
    opened = [
        Peer(each, Connection(each.tenant_url, each.token), tried[each.name]) for each in servers
    ]
    try:
        yield opened
    finally:
        for each in opened:
            each.connection.close()
