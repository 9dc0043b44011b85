"""Measuring: medians of time, means of CPU time, and what the server's log says of each request."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bench.operations import Operation
from bench.serving import Answer, Connection, Request, Server

BATCHES = 3
_WARM_UP = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request of an operation costs; times in milliseconds.

    `ms` is the median, `cpu_ms` the median of the batches' means, None where it is not measured.
    """

    name: str
    yardstick: str
    requests: int
    ms: float
    cpu_ms: float | None
    round_trips: float = 0
    calls: float = 0
    rows: float = 0


@dataclass(frozen=True, slots=True)
class Throughput:
    """What many connections get at once."""

    name: str
    connections: int
    per_second: float
    ms: float
    cpu_ms: float | None


def measure(server: Server, operation: Operation, requests: int) -> Cost:
    """Send requests one after another on one connection, in batches."""
    size = max(round(requests * operation.share / BATCHES), 3)
    answers: list[Answer] = []
    cpu: list[float | None] = []
    with server.connection() as connection:
        _send(connection, operation, [operation.make() for _ in range(_WARM_UP)])
        for _ in range(BATCHES):
            sent = [operation.make() for _ in range(size)]
            before = server.cpu()
            some = _send(connection, operation, sent)
            cpu.append(_per_request(before, server.cpu(), size))
            answers += some
    facts = [server.facts(each.request_id) for each in answers]
    return Cost(
        operation.name,
        operation.yardstick,
        len(answers),
        statistics.median(each.seconds for each in answers) * 1000,
        middle(cpu),
        *(_median(facts, name) for name in ("roundTrips", "calls", "rows")),
    )


def throughput(
    server: Server, name: str, make: Callable[[int], Request], requests: int, connections: int
) -> Throughput:
    """Send requests on several connections at once, each the next when it has its answer."""
    sent = [make(number) for number in range(requests)]

    def run(first: int) -> list[Answer]:
        with server.connection() as connection:
            return [_sound(connection.send(each)) for each in sent[first::connections]]

    with ThreadPoolExecutor(connections) as pool:
        before, begun = server.cpu(), time.perf_counter()
        answers = [each for some in pool.map(run, range(connections)) for each in some]
        seconds = time.perf_counter() - begun
        cpu = _per_request(before, server.cpu(), len(answers))
    middle_ms = statistics.median(each.seconds for each in answers) * 1000
    return Throughput(name, connections, len(answers) / seconds, middle_ms, cpu)


def middle(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return statistics.median(known) if known else None


def _send(connection: Connection, operation: Operation, sent: Sequence[Request]) -> list[Answer]:
    answers = [_sound(connection.send(each)) for each in sent]
    for each in answers:
        operation.note(each.document if each.text else None)
    return answers


def _sound(answer: Answer) -> Answer:
    if answer.status >= 300:
        raise SystemExit(f"a measured request failed: {answer.status} {answer.text[:500]!r}")
    return answer


def _per_request(before: float | None, after: float | None, requests: int) -> float | None:
    if before is None or after is None:
        return None
    return 1000 * (after - before) / requests


def _median(facts: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(statistics.median(each.get(name, 0) for each in facts))
