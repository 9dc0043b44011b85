"""Requests a second of one process, for stores that are fast and slow: a part of `bench.capacity`.

Counted by the clock, with the model's own time taken off; the most of several counts.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, product
from typing import Any

from bench.model import Place, Sent
from bench.telling import table

LATENCIES = (0.0, 0.005, 0.010)  # seconds that each call takes
AT_ONCE = (1, 16, 64)
_COUNTS = 3
_SECONDS = 0.5  # that a count takes, about

Make = Callable[[Place, int], Sent]


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second: so many at a time, each call taking so many seconds."""

    name: str
    latency: float
    at_once: int
    per_second: float


async def rates(place: Place, name: str, make: Make) -> list[Rate]:
    """Count how many requests are answered in a second."""
    numbers, service = count(), place.service
    most: dict[tuple[float, int], float] = {}

    async def several(until: float) -> int:
        done = 0
        while time.perf_counter() < until:
            status, body = await place.ask(*_as_bytes(make(place, next(numbers))))
            assert status < 300, f"{name}: {status} {body!r}"
            done += 1
        return done

    for _ in range(_COUNTS):
        for latency, at_once in product(LATENCIES, AT_ONCE):
            service.behaviour.latency = latency
            service.seconds, begun = 0.0, time.perf_counter()
            done = await asyncio.gather(*(several(begun + _SECONDS) for _ in range(at_once)))
            took = time.perf_counter() - begun - service.seconds
            most[latency, at_once] = max(most.get((latency, at_once), 0), sum(done) / took)
    service.behaviour.latency = 0
    return [Rate(name, *each, per_second) for each, per_second in most.items()]


def _as_bytes(sent: Sent) -> tuple[str, str, bytes]:
    method, path, body = sent
    return method, path, b"" if body is None else json.dumps(body).encode()


def rates_table(found: Sequence[Mapping[str, Any]]) -> str:
    """Write the table: one row for each operation, the latencies beside each other."""
    most = {(each["name"], each["at_once"], each["latency"]): each["per_second"] for each in found}
    head = ["requests a second, each call 0 · 5 · 10 ms"]
    rows = [
        [
            name,
            *(
                " · ".join(f"{most[name, at_once, latency]:,.0f}" for latency in LATENCIES)
                for at_once in AT_ONCE
            ),
        ]
        for name in dict.fromkeys(each["name"] for each in found)
    ]
    return table([*head, *(f"{at_once} at a time" for at_once in AT_ONCE)], rows)
