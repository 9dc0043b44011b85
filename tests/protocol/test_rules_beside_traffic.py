"""A directory's rules change beside its traffic, through workers that learn of it one by one.

Each writer has values of its own, which it gives to one user after another, and looks each up again
through some worker: so no request may fail, and none may find too much or too little.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from scim.directory import Directory
from scim.repository import Repository
from scim.rules import Rules
from storage.open import Storage
from tests.changing import Changing, changing, ruled
from tests.service import Answer

URN = "urn:example:Extra"
OWN = ("badge", "mark")
ATTRIBUTES = ("userName", "title", "nickName", "displayName", *(f"{URN}:{each}" for each in OWN))


def _rules(*, exact: bool, unique: list[str], indexed: list[str]) -> Rules:
    own = [{"name": each, "caseExact": exact} for each in OWN]
    user = {
        "name": "User",
        "schemaExtensions": [{"schema": URN, "required": False}],
        "unique": ["userName", *unique],
        "indexed": [f"{URN}:badge", *indexed],
    }
    return ruled(user, schemas=[{"id": URN, "name": "Extra", "attributes": own}])


# What is unique becomes indexed, what is indexed unique, what is neither both; letter case counts.
OLD = _rules(exact=False, unique=["nickName"], indexed=["displayName"])
NEW = _rules(exact=True, unique=["title", "displayName"], indexed=["nickName"])
# And what is found by nothing any more.
LESS = _rules(exact=False, unique=[], indexed=[])


class Yielding:
    """A repository that lets others have their turn before each call, as one far away does."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._repository, name)
        if not callable(found):
            return found
        if name in ("scan", "leftovers", "tombstones"):
            return lambda *args, **options: self._each(found, args, options)
        return lambda *args, **options: self._call(found, args, options)

    async def _call(self, call: Callable[..., Any], args: Any, options: Any) -> Any:
        await asyncio.sleep(0)
        return await call(*args, **options)

    async def _each(self, call: Callable[..., Any], args: Any, options: Any) -> AsyncIterator[Any]:
        async for each in call(*args, **options):
            await asyncio.sleep(0)
            yield each


@dataclass
class Writer:
    """Writes users one after the other, and knows what each of them is to be."""

    here: Changing
    name: str
    chance: random.Random
    users: dict[str, str] = field(default_factory=dict)  # value by id
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    requests: int = 0

    async def work(self, done: asyncio.Event) -> None:
        while not done.is_set():
            async with self.busy:
                await self._write()
            async with self.busy:
                await self._look()
            await asyncio.sleep(0)

    async def _write(self) -> None:
        free = [f"{self.name}-{n}" for n in range(4) if f"{self.name}-{n}" not in
                self.users.values()]  # fmt: skip
        some = self.chance.choice([*self.users, ""])
        if not some and free:
            made = await self._send("POST", "/Users", self._user(free[0]), 201)
            self.users[made.id] = free[0]
        elif some and free and self.chance.random() < 0.6:
            value = self.chance.choice(free)
            if self.chance.random() < 0.5:
                await self._send("PUT", f"/Users/{some}", self._user(value), 200)
            else:
                patch = {"Operations": [{"op": "replace", "value": self._user(value)}]}
                await self._send("PATCH", f"/Users/{some}", patch, 200)
            self.users[some] = value
        elif some and self.chance.random() < 0.5:
            locale = {"op": "replace", "path": "locale", "value": str(self.chance.random())}
            await self._send("PATCH", f"/Users/{some}", {"Operations": [locale]}, 200)
        elif some:
            await self._send("DELETE", f"/Users/{some}", None, 204)
            del self.users[some]

    def _user(self, value: str) -> dict[str, Any]:
        return {
            **{name: value for name in ATTRIBUTES if ":" not in name},
            URN: dict.fromkeys(OWN, value),
        }

    async def _look(self) -> None:
        value = f"{self.name}-{self.chance.randrange(4)}"
        attribute = self.chance.choice(ATTRIBUTES)
        await self.check(value, attribute)

    async def check(self, value: str, attribute: str) -> None:
        filter = f'{attribute} eq "{value}"'.replace(" ", "+")
        answer = await self._send("GET", f"/Users?filter={filter}", None, 200)
        found = [each["id"] for each in answer.body["Resources"]]
        assert found == [id for id, held in self.users.items() if held == value], attribute

    async def _send(self, method: str, path: str, body: Any, status: int) -> Answer:
        worker = self.chance.choice(self.here.workers)
        answer = await worker.send(method, path, body)
        self.requests += 1
        assert answer.status == status, (method, path, answer.body)
        return answer


async def _change_beside(storage: Storage, seed: int, writers: int, *steps: Rules) -> None:
    chance = random.Random(seed)

    def repository(directory: Directory) -> Any:
        return Yielding(storage.repository(directory))

    here = await changing(replace(storage, repository=repository), OLD, workers=3)
    crew = [Writer(here, f"w{n}", random.Random(f"{seed} {n}")) for n in range(writers)]
    done = asyncio.Event()
    working = [asyncio.create_task(each.work(done)) for each in crew]

    async def for_requests(number: int) -> None:
        until = sum(each.requests for each in crew) + number
        while sum(each.requests for each in crew) < until and not any(  # noqa: ASYNC110 - many wake it
            each.done() for each in working
        ):
            await asyncio.sleep(0.001)

    async def wait(seconds: float) -> None:
        """Let the workers learn of it one by one, and their requests come to their ends."""
        for memory in chance.sample(here.memories, len(here.memories)):
            await for_requests(10 * writers)
            memory.look()
        for each in crew:
            async with each.busy:
                pass

    await for_requests(10 * writers)
    try:
        for rules in steps:
            await here.change(rules, wait=wait)
            await for_requests(5 * writers)
    finally:
        done.set()
        await asyncio.gather(*working)
    for each in crew:
        for number in range(4):
            for attribute in ATTRIBUTES:
                await each.check(f"{each.name}-{number}", attribute)
    assert (await here.record()).rules == steps[-1]
    assert await here.faults() == []


@pytest.mark.parametrize(
    ("storage", "seed"),
    [(name, seed) for name in ("memory", "model") for seed in range(6)] + [("tables", 1)],
    indirect=["storage"],
)
async def test_no_request_notices_that_rules_change(storage: Storage, seed: int) -> None:
    """What is claimed, indexed and compared changes to and fro; all is found, nothing refused."""
    if seed == 0:
        await _change_beside(storage, seed, 4, NEW, LESS, OLD)
    else:
        await _change_beside(
            storage, seed, 3, *random.Random(seed).sample([NEW, LESS, OLD, NEW], 2)
        )
