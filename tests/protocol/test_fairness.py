"""What a directory may ask for, as its clients meet it: 429, 413, and a neighbour's noise."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from statistics import mean
from typing import Any

import pytest

from scim.deadlines import LIST
from scim.directory import Directory
from scim.fairness import AT_ONCE, MOST_WAITING, Fairness
from scim.limits import Limits
from scim.repository import Repository
from scim.room import BODIES
from scim.server import Server
from storage.open import Storage, open_storage
from tests.service import PEPPER, Answer, Client, open_directory

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@dataclass
class Shared:
    """A store that does one call after the other, whoever asks; `done` counts them."""

    done: int = 0
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def behind(self, repository: Repository) -> Any:
        shared = self

        class Queued:
            def __getattr__(self, name: str) -> Any:
                return shared._get(repository) if name == "get" else getattr(repository, name)

        return Queued()

    def _get(self, repository: Repository) -> Any:
        async def get(*place: Any, **along: Any) -> Any:
            async with self.busy:
                await asyncio.sleep(0)
                self.done += 1
            return await repository.get(*place, **along)

        return get


def served(client: Client, storage: Storage, fairness: Fairness, shared: Shared) -> Client:
    def repository(directory: Directory) -> Any:
        return shared.behind(storage.repository(directory))

    server = Server(
        registry=storage.registry, repository=repository, pepper=PEPPER, fairness=fairness
    )
    return replace(client, server=server)


async def latencies(shared: Shared, client: Client, path: str, number: int) -> list[int]:
    """Send requests one after the other; how many calls the store did while each was answered."""
    found = []
    for _ in range(number):
        before = shared.done
        assert (await client.get(path)).status == 200
        found.append(shared.done - before)
    return found


async def ratio(storage: Storage, fairness: Fairness) -> tuple[float, list[Answer]]:
    """Compare a quiet directory's latency beside a noisy one with what it is alone.

    In calls of the store that both share, so that no clock and no machine has a say.
    """
    limits = Limits(requests_per_second=0)
    noisy, quiet = [await open_directory(storage, limits=limits) for _ in range(2)]
    paths = [f"/Users/{(await each.user()).id}" for each in (noisy, quiet)]
    shared = Shared()
    quiet = served(quiet, storage, fairness, shared)
    noisy = replace(noisy, server=quiet.server)
    alone = mean(await latencies(shared, quiet, paths[1], 20))
    noise = [asyncio.create_task(noisy.get(paths[0])) for _ in range(150)]

    async def loud() -> list[Answer]:
        answers = []
        while noise:
            answers.append(await noise.pop(0))
            if not finished:
                noise.append(asyncio.create_task(noisy.get(paths[0])))
        return answers

    finished: list[bool] = []
    louder = asyncio.create_task(loud())
    await asyncio.sleep(0)
    beside = mean(await latencies(shared, quiet, paths[1], 20))
    finished.append(True)
    return beside / alone, await louder


async def test_a_noisy_directory_does_not_slow_another_beyond_its_share() -> None:
    """150 requests at a time of one, one at a time of the other: its wait is for half the share
    of the process and no longer for all of the noise.
    """
    storage = open_storage("memory")
    without, _ = await ratio(storage, Fairness(at_once=100_000))
    fair, answers = await ratio(storage, Fairness())
    assert {each.status for each in answers} == {200}, "it is slowed down, and nothing is refused"
    assert fair <= AT_ONCE
    assert without > 3 * fair


async def test_beyond_what_may_wait_a_directory_is_429_and_others_are_not(storage: Storage) -> None:
    noisy, quiet = [await open_directory(storage) for _ in range(2)]
    fairness, done = Fairness(patience=60), asyncio.Event()
    noisy = replace(noisy, server=Server(
        registry=storage.registry, repository=storage.repository, pepper=PEPPER, fairness=fairness
    ))  # fmt: skip
    quiet = replace(quiet, server=noisy.server)
    async with fairness.turn(noisy.directory.id, noisy.directory.limits):
        paths = ["/ServiceProviderConfig"] * 3
        holding = [
            asyncio.create_task(hold(fairness, noisy.directory, done)) for _ in range(AT_ONCE + 200)
        ]
        await asyncio.sleep(0)
        answers = [await noisy.get(each) for each in paths]
        assert (await quiet.get("/Users")).status == 200
        done.set()
        await asyncio.gather(*holding, return_exceptions=True)
    assert len(holding) > MOST_WAITING
    for each in answers:
        assert (each.status, each.body["status"]) == (429, "429")
        assert int(each.headers["Retry-After"]) >= 1
        assert "share of the service" in each.detail


@pytest.mark.parametrize(("waited", "status"), [(0, 400), (12, 503)])
async def test_a_list_that_had_to_wait_is_not_told_that_it_asks_for_too_much(
    storage: Storage, waited: int, status: int
) -> None:
    """It is sent again, and answered in time when there is nobody to wait for."""
    client = await open_directory(storage)
    await client.user(title="A")
    now = [datetime.now(UTC)]

    class Delayed(Fairness):
        @asynccontextmanager
        async def turn(self, directory: str, limits: Limits) -> AsyncIterator[None]:
            now[0] += timedelta(seconds=waited)
            yield

    class Slow:
        def __init__(self, repository: Repository) -> None:
            self.repository = repository

        def __getattr__(self, name: str) -> Any:
            return getattr(self.repository, name)

        async def scan(self, *type: Any, **how: Any) -> AsyncIterator[Any]:
            async for batch in self.repository.scan(*type, **how):
                now[0] += LIST - timedelta(seconds=waited / 2)
                yield batch

    def slow(directory: Directory) -> Any:
        return Slow(storage.repository(directory))

    client.server = Server(
        registry=storage.registry,
        repository=slow,
        pepper=PEPPER,
        clock=lambda: now[0],
        fairness=Delayed(),
    )
    answer = await client.get("/Users?filter=title%20pr")
    assert answer.status == status, answer.body
    assert ("Retry-After" in answer.headers) == (status == 503)


async def hold(fairness: Fairness, directory: Directory, done: asyncio.Event) -> None:
    async with fairness.turn(directory.id, directory.limits):
        await done.wait()


async def test_a_body_that_is_far_too_large_is_told_so(storage: Storage) -> None:
    """And a stranger's is 401: neither is asked to send it again."""
    client = await open_directory(storage)
    body = b" " * (BODIES + 1)
    assert (await client.send("POST", "/Users", raw=body)).status == 413
    assert (await replace(client, token="nonsense").send("POST", "/Users", raw=body)).status == 401


async def test_a_flood_that_is_refused_is_one_entry_of_the_log(storage: Storage) -> None:
    client = await open_directory(storage, limits=Limits(requests_per_second=1, burst=1))
    fairness = Fairness(clock=lambda: 7.0, patience=0)
    client.server = Server(
        registry=storage.registry, repository=storage.repository, pepper=PEPPER, fairness=fairness
    )
    statuses = [(await client.get("/Users")).status for _ in range(20)]
    assert statuses == [200] + [429] * 19
    entries = [each async for each in storage.repository(client.directory).entries()]
    assert [each.status for each in entries] == [429]


async def test_each_operation_of_a_bulk_counts(storage: Storage) -> None:
    """It is let in as one request; what follows waits for what its operations took."""
    client = await open_directory(storage, limits=Limits(requests_per_second=10, burst=10))
    fairness = Fairness(clock=lambda: 7.0, patience=0)
    client.server = Server(
        registry=storage.registry, repository=storage.repository, pepper=PEPPER, fairness=fairness
    )
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": str(n), "data": {"userName": f"u{n}"}}
        for n in range(40)
    ]
    answer = await client.post("/Bulk", {"schemas": [BULK], "Operations": operations})
    assert {each["status"] for each in answer.body["Operations"]} == {"201"}
    refused = await client.get("/Users")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "4")


async def test_entra_at_its_fastest_is_never_slowed() -> None:
    """25 requests a second, all of ten seconds at once, for an hour."""
    now, slept = [0.0], list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    fairness = Fairness(clock=lambda: now[0], sleep=sleep)
    for peak in range(360):
        now[0] = 10.0 * peak
        for _ in range(250):
            async with fairness.turn("a", Limits()):
                pass
    assert slept == []


@pytest.mark.parametrize("within", ["a request", "a Bulk"])
async def test_members_and_operations_of_a_request_are_limited(
    storage: Storage, within: str
) -> None:
    client = await open_directory(storage, limits=Limits(members=3, patch_operations=2))
    users = [(await client.user()).id for _ in range(4)]
    group = (await client.group(members=users[:3])).id
    many = [{"value": each} for each in users]
    add = {"op": "add", "path": "members", "value": many[:2]}
    cases: tuple[tuple[str, str, Any], ...] = (
        ("POST", "/Groups", {"displayName": "B", "members": many}),
        ("PUT", f"/Groups/{group}", {"displayName": "B", "members": many}),
        ("PATCH", f"/Groups/{group}", {"Operations": [{**add, "value": many}]}),
        ("PATCH", f"/Groups/{group}", {"Operations": [add, {**add, "op": "remove"}]}),
        ("PATCH", f"/Groups/{group}", {"Operations": [{**add, "value": many[:1]}] * 3}),
    )
    for method, path, body in cases:
        if within == "a request":
            answer = (await client.send(method, path, body)).body
        else:
            operation = {"method": method, "path": path, "data": body, "bulkId": "1"}
            bulk = await client.post("/Bulk", {"schemas": [BULK], "Operations": [operation]})
            assert bulk.status == 200
            answer = bulk.body["Operations"][0]["response"]
        assert answer["status"] == "413", (method, answer)
        assert "at most" in answer["detail"]
    left = await client.get(f"/Groups/{group}")
    assert len(left.body["members"]) == 3
